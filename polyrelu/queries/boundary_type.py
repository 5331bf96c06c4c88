"""Which shape the decision boundary of one ReLU layer has: one of d, up to affine maps.

Source: Vallin, Larsson, Larson, "The geometric structure of fully-connected ReLU layers", 2023,
arXiv 2310.03482. docs/layer-geometry.md has the theorems and their proofs, also of the cases that
are not generic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import overload

import numpy.typing as npt

from ..domain import Space
from ..enumeration import regions
from ..errors import IncompleteError, NetworkError
from ..limits import Limits
from ..network import Layer, Network
from ..rational import ExactPoint, IntegerRow, dot_point, integer_row
from ..region import Region
from .exact_layer import (
    ExactLayer,
    ExactMatrix,
    affine_map,
    exact_layer,
    exact_number,
    exact_vector,
)
from .where import stopped


class BoundaryKind(Enum):
    """What ``{x : n . ReLU(A x + b) = c}`` is.

    EMPTY: the empty set. TYPE: one of the d types. PRODUCT: one of the types of a lower dimension,
    times a linear space, as some n_i are 0. DEGENERATE: c = 0, so that it has interior points.
    OTHER: A is not invertible, and nothing is claimed.
    """

    EMPTY = "empty"
    TYPE = "type"
    PRODUCT = "product"
    DEGENERATE = "degenerate"
    OTHER = "other"


@dataclass(frozen=True)
class PieceCount:
    """What an enumeration of the layer's activation regions found.

    Attributes:
        regions: how many there are.
        pieces: how many are cut by the boundary, which is a hyperplane inside each of these.
        full_regions: how many lie in the boundary, every point of them.
    """

    regions: int
    pieces: int
    full_regions: int


@dataclass(frozen=True, eq=False)
class BoundaryType:
    """The shape of ``{x : n . T(x) = c}`` for a layer ``T(x) = ReLU(A x + b)`` on R^d. Immutable.

    Attributes:
        kind: see :class:`BoundaryKind`.
        d: the dimension of the inputs.
        p: how many n_i have the sign of c (if c = 0: are positive); None if A is not invertible.
        q: how many have the opposite one. The other ``d - p - q`` are 0.
        reason: one sentence.
        exact, normal, offset: the layer, n and c, as fractions.
    """

    kind: BoundaryKind
    d: int
    p: int | None
    q: int | None
    reason: str
    exact: ExactLayer
    normal: ExactPoint
    offset: Fraction

    @property
    def _signs(self) -> tuple[int, int, int] | None:
        """p, q and the number of units with n_i = 0."""
        if self.p is None or self.q is None:
            return None
        return self.p, self.q, self.d - self.p - self.q

    # -- pieces ------------------------------------------------------------------------------

    @property
    def pieces(self) -> int | None:
        """How many activation regions the boundary cuts, in a piece of dimension d - 1 each.

        ``2^d - 2^(d - p)``; if c = 0, ``(2^p - 1) (2^q - 1) 2^z`` with z = d - p - q. Regions are
        those of all d units, also of those with n_i = 0, at whose hyperplanes nothing bends.
        """
        if self._signs is None:
            return None
        p, q, zeros = self._signs
        if self.offset == 0:
            return ((1 << p) - 1) * ((1 << q) - 1) << zeros
        return (1 << self.d) - (1 << self.d - p)

    @property
    def linear_pieces(self) -> int | None:
        """How many flat pieces of dimension d - 1 the boundary has: units with n_i = 0 do not
        count. No two of them lie in one hyperplane."""
        if self.pieces is None or self._signs is None:
            return None
        return self.pieces >> self._signs[2]

    @property
    def full_regions(self) -> int | None:
        """How many activation regions lie in the boundary: 0 unless c = 0, then those where all
        units with n_i != 0 are inactive."""
        if self._signs is None:
            return None
        return 1 << self._signs[2] if self.offset == 0 else 0

    # -- the normal form ---------------------------------------------------------------------

    @property
    def order(self) -> tuple[int, ...] | None:
        """The units in the order of the normal form's coordinates: the p first, then the q, then
        those with n_i = 0."""
        if self._signs is None:
            return None
        rank = {1: 0, -1: 1, 0: 2}
        signs = _signs_of(self.normal, self.offset)
        return tuple(sorted(range(self.d), key=lambda i: rank[signs[i]]))

    @cached_property
    def normal_form_map(self) -> tuple[ExactMatrix, ExactPoint] | None:
        """``(M, v)``, exact, M invertible, such that ``u = M x + v`` takes the boundary onto

        ``{u : u_1^+ + ... + u_p^+ - u_(p+1)^+ - ... - u_(p+q)^+ = 1}`` (``= 0`` if c = 0), where
        ``u^+ = max(u, 0)``.

        It is ``u_k = |n_i / c| (a_i . x + b_i)`` for the k-th unit i of :attr:`order`, without c if
        that is 0, and without the factor if n_i is 0.
        """
        if self.order is None:
            return None
        scale = self.offset or Fraction(1)
        factors = [abs(self.normal[i] / scale) or Fraction(1) for i in self.order]
        rows = [self.exact.weight[i] for i in self.order]
        matrix = tuple(tuple(f * a for a in row) for f, row in zip(factors, rows, strict=True))
        biases = [self.exact.bias[i] for i in self.order]
        return matrix, tuple(f * b for f, b in zip(factors, biases, strict=True))

    @property
    def normal_form(self) -> str | None:
        """The equation of the normal form, such as ``u1+ + u2+ - u3+ = 1``."""
        if self._signs is None:
            return None
        p, q, _ = self._signs
        terms = [f"{'+' if k < p else '-'} u{k + 1}+" for k in range(p + q)]
        left = " ".join(terms).removeprefix("+ ") or "0"
        return f"{left} = {0 if self.offset == 0 else 1}"

    # -- convexity and topology --------------------------------------------------------------

    @property
    def sublevel_convex(self) -> bool | None:
        """Whether ``{x : n . T(x) <= c}`` is convex."""
        return self._convex(-1)

    @property
    def superlevel_convex(self) -> bool | None:
        """Whether ``{x : n . T(x) >= c}`` is convex."""
        return self._convex(1)

    def _convex(self, side: int) -> bool | None:
        """Dividing by c turns the sides around if c is negative."""
        if self._signs is None:
            return None
        p, q, _ = self._signs
        if p == 0 or (q == 0 and self.offset == 0):
            return True
        if self.offset == 0:
            return False
        turned = -side if self.offset < 0 else side
        return p == 1 if turned > 0 else q == 0

    @property
    def connected(self) -> bool | None:
        """Whether it is connected: all but the empty one are."""
        return None if self._signs is None else self.kind is not BoundaryKind.EMPTY

    @property
    def betti(self) -> tuple[int, ...] | None:
        """The Betti numbers b_0, ..., b_(d-1): those of a point, as it is homeomorphic to R^(d-1)
        (if c = 0, a cone). All 0 if it is empty."""
        return None if self._signs is None else (int(bool(self.connected)),) + (0,) * (self.d - 1)

    # -- the check ---------------------------------------------------------------------------

    def count_pieces(self, limits: Limits | None = None) -> PieceCount:
        """The same counts from every activation region of the layer, not by a formula; also where
        A is not invertible.

        An affine function that is not constant vanishes somewhere inside a region iff it is
        positive and negative there: iff it takes both signs at its vertices or along its rays.
        All exact; milliseconds a region.

        Raises:
            IncompleteError: a limit was reached.
        """
        graph = regions(Network((self.exact.layer,)), Space(self.d), limits=limits)
        if not graph.complete:
            raise IncompleteError(f"the count needs all regions, but {stopped(graph)}")
        pieces = full = 0
        for region in graph:
            form = self._form(region)
            if not any(form):
                full += 1
            elif _takes_both_signs(region, form):
                pieces += 1
        return PieceCount(len(graph), pieces, full)

    def _form(self, region: Region) -> IntegerRow:
        """A positive multiple of ``n . T(x) - c`` on a region."""
        active = [i for i, bit in enumerate(region.pattern.tolist()) if bit]
        total = [Fraction(0)] * self.d + [-self.offset]
        for i in active:
            row = (*self.exact.weight[i], self.exact.bias[i])
            total = [t + self.normal[i] * a for t, a in zip(total, row, strict=True)]
        return integer_row(total)

    def confirm(self, limits: Limits | None = None) -> bool:
        """Whether :meth:`count_pieces` finds what is predicted, and 2^d regions.

        Raises:
            NetworkError: the kind is OTHER, so that nothing is predicted.
            IncompleteError: a limit was reached.
        """
        if self.pieces is None or self.full_regions is None:
            raise NetworkError(f"there is nothing to confirm: {self.reason}")
        predicted = PieceCount(1 << self.d, self.pieces, self.full_regions)
        return self.count_pieces(limits) == predicted

    def __repr__(self) -> str:
        if self._signs is None:
            return f"BoundaryType({self.kind.name}: {self.reason})"
        return f"BoundaryType({self.kind.name}, {self.normal_form} in R^{self.d})"


def _takes_both_signs(region: Region, form: IntegerRow) -> bool:
    """Lines need no look: pre-activations do not change along what all cells contain."""
    values = [dot_point(form, x) for x in region.exact_vertices()]
    values += [dot_point([*form[:-1], 0], r) for r in region.exact_rays()]
    return min(values) < 0 < max(values)


@overload
def boundary_type(
    weight: npt.ArrayLike | Layer,
    bias: npt.ArrayLike | None,
    normal: npt.ArrayLike,
    offset: float | Fraction,
) -> BoundaryType: ...
@overload
def boundary_type(
    weight: Layer, *, normal: npt.ArrayLike, offset: float | Fraction
) -> BoundaryType: ...
@overload
def boundary_type(weight: Network, *, level: float | Fraction = ...) -> BoundaryType: ...
def boundary_type(
    weight: npt.ArrayLike | Layer | Network,
    bias: npt.ArrayLike | None = None,
    normal: npt.ArrayLike | None = None,
    offset: float | Fraction | None = None,
    *,
    level: float | Fraction | None = None,
) -> BoundaryType:
    """The shape of the boundary ``{x : n . ReLU(A x + b) = c}``, up to affine maps of the inputs.

    For A square and invertible, all n_i != 0 and c != 0 it is empty or of one of exactly d types,
    by the number p of those n_i that have the sign of c. Exact; a zero is a zero, of n and of c.

    Args:
        weight: A, shape (width, d), float64 or exact; or a :class:`Layer` of ReLU units; or a
            :class:`Network` with one ReLU layer and one affine output, and then nothing else but
            ``level`` (default 0): the boundary is where the output is ``level``.
        bias: b, shape (width,); None for a Layer.
        normal: n, shape (width,).
        offset: c.

    Raises:
        NetworkError: shapes that do not match, NaN, infinity, other units than ReLU, more than
            one hidden layer or output.
    """
    if isinstance(weight, Network):
        if not bias is normal is offset is None:
            raise NetworkError("a network has its bias, normal and offset: give only the level")
        return _classify(*_read(weight, exact_number("level", 0 if level is None else level)))
    if level is not None:
        raise NetworkError("level goes with a Network; with a weight it is the offset")
    layer = exact_layer(weight, bias)
    if normal is None or offset is None:
        raise NetworkError("a normal and an offset are needed to go with the layer")
    n = exact_vector("normal", normal, layer.width)
    return _classify(layer, n, exact_number("offset", offset))


def _read(network: Network, level: Fraction) -> tuple[ExactLayer, ExactPoint, Fraction]:
    """A and b, n, and c: the level less the bias of the output."""
    if len(network.layers) != 2:
        raise NetworkError(
            f"the network must have one hidden layer and an output layer, not "
            f"{len(network.layers)} layers"
        )
    hidden, last = network.layers
    if last.out_features != 1:
        raise NetworkError(f"the network must have one output, not {last.out_features}")
    if not last.units[0].is_identity:
        raise NetworkError(f"the output must be affine, not {last.units[0]}")
    (normal,), (bias,) = affine_map(last)
    return exact_layer(hidden, None), normal, level - bias


def _signs_of(normal: ExactPoint, offset: Fraction) -> Sequence[int]:
    """The signs of n_i c; if c = 0, of n_i."""
    turn = -1 if offset < 0 else 1
    return [turn * ((v > 0) - (v < 0)) for v in normal]


def _classify(layer: ExactLayer, normal: ExactPoint, offset: Fraction) -> BoundaryType:
    why = layer.why_not_invertible
    if why is not None:
        reason = f"{why}: regions are cells of an arrangement, without a common normal form"
        return BoundaryType(
            BoundaryKind.OTHER, layer.dim, None, None, reason, layer, normal, offset
        )
    signs = _signs_of(normal, offset)
    p, q = signs.count(1), signs.count(-1)
    kind, reason = _kind(p, q, layer.dim, offset)
    return BoundaryType(kind, layer.dim, p, q, reason, layer, normal, offset)


def _kind(p: int, q: int, d: int, offset: Fraction) -> tuple[BoundaryKind, str]:
    if offset == 0:
        return BoundaryKind.DEGENERATE, "c = 0, so it contains whole regions"
    if p == 0:
        return BoundaryKind.EMPTY, "no n_i has the sign of c"
    if p + q < d:
        return BoundaryKind.PRODUCT, f"type {p} of {p + q}, times R^{d - p - q}"
    return BoundaryKind.TYPE, f"type {p} of {d}"
