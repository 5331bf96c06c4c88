"""The geometry of one ReLU layer: sectors, the projection inside it, preimages.

A layer ``T(x) = ReLU(A x + b)`` with A invertible first projects R^d onto a polyhedral cone, then
applies one affine map. The edges of the cone are the dual vectors of the rows of A, and they span
all sectors and preimages too; docs/layer-geometry.md has the theorems and their proofs.

Sources: Carlsson, "Geometry of deep convolutional networks", 2019, arXiv 1905.08922 (preimages by
the dual basis); Vallin, Larsson, Larson, "The geometric structure of fully-connected ReLU layers",
2023, arXiv 2310.03482 (sectors, the projection onto a cone).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import combinations, product

import numpy.typing as npt
from flint import fmpq, fmpq_mat

from ..arrangement import Arrangement
from ..errors import NetworkError
from ..network import Layer
from ..rational import ExactPoint, dot, inner, integer_row
from .exact_layer import (
    ExactLayer,
    ExactMatrix,
    exact_layer,
    exact_number,
    exact_vector,
    fractions_of,
    rational_matrix,
    unit_set,
)
from .polyhedron import Polyhedron, Row, Span, empty

Coordinates = Mapping[int, Fraction]  # of a vector in the dual basis; those left out are 0

WHAT_IS_LOST = (
    "there is no single apex, no dual basis, and T is no projection onto a cone followed by an "
    "affine map",
    "sectors are cells of an arrangement, not always 2^d cones: sectors() lists those with an "
    "interior, while others may be flat",
    "preimages are polyhedra that may contain lines or be empty, and their inequalities may be "
    "redundant",
)


def layer_geometry(
    weight: npt.ArrayLike | Layer, bias: npt.ArrayLike | None = None
) -> LayerGeometry:
    """The exact geometry of the ReLU layer ``T(x) = ReLU(A x + b)``.

    Args:
        weight: A, shape (width, dim), of float64 or exact numbers (``int``, ``Fraction``); or a
            :class:`polyrelu.Layer` of ReLU units, without ``bias``.
        bias: b, shape (width,).

    The inverse costs O(d^3) operations on fractions; whatever runs over all sectors 2^d times
    as much.

    Raises:
        NetworkError: shapes that do not match, NaN, infinity, other units than ReLU.
    """
    return LayerGeometry(exact_layer(weight, bias))


@dataclass(frozen=True, eq=False)
class LayerGeometry:
    """The geometry of ``T(x) = ReLU(A x + b)``, over the rationals. Immutable.

    Written ``c = A x + b``, and I for a set of units. If A is square and invertible, c are the
    coordinates of x in the basis of dual vectors, from the apex: ``x = apex + sum c_i a_i*``.
    Units count from 0.

    If it is not, :attr:`is_square_invertible` is False and :attr:`notes` says what no longer holds.
    Sectors, preimages and the layer itself remain; the apex, the dual vectors, the cone and the
    projection raise :class:`NetworkError`.
    """

    exact: ExactLayer

    # -- what it is --------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """The number of inputs."""
        return self.exact.dim

    @property
    def width(self) -> int:
        """The number of units."""
        return self.exact.width

    @property
    def weight(self) -> ExactMatrix:
        return self.exact.weight

    @property
    def bias(self) -> ExactPoint:
        return self.exact.bias

    @property
    def is_square_invertible(self) -> bool:
        return self.exact.why_not_invertible is None

    @property
    def notes(self) -> tuple[str, ...]:
        """What no longer holds, and why; empty for an invertible layer."""
        why = self.exact.why_not_invertible
        return () if why is None else (why, *WHAT_IS_LOST)

    def __call__(self, x: npt.ArrayLike) -> ExactPoint:
        """``T(x)``, exactly."""
        return tuple(max(c, Fraction(0)) for c in self.coordinates(x))

    def coordinates(self, x: npt.ArrayLike) -> ExactPoint:
        """``c = A x + b``, exactly: the pre-activations."""
        return self.exact.preactivations(exact_vector("x", x, self.dim))

    def __repr__(self) -> str:
        kind = "invertible" if self.is_square_invertible else "not invertible"
        return f"LayerGeometry({self.width} units on R^{self.dim}, {kind})"

    # -- the dual basis ----------------------------------------------------------------------

    def _need_inverse(self, what: str) -> None:
        why = self.exact.why_not_invertible
        if why is not None:
            raise NetworkError(f"{what} needs an invertible layer, but {why}")

    @cached_property
    def apex(self) -> ExactPoint:
        """``-A^-1 b``, the point where all pre-activations are 0."""
        self._need_inverse("the apex")
        return tuple(-inner(row, self.bias) for row in self.exact.inverse)

    @cached_property
    def dual_vectors(self) -> ExactMatrix:
        """``a_i*``, the columns of A^-1: the rows have ``a_i . a_j* = 1`` if i = j, else 0."""
        self._need_inverse("the dual basis")
        return tuple(zip(*self.exact.inverse, strict=True))

    @cached_property
    def is_orthogonal(self) -> bool:
        """Whether the rows are pairwise orthogonal.

        If and only if they are, :meth:`project` is the Euclidean projection onto the cone. Else
        it is oblique, and does not take a point to the nearest one of the cone.
        """
        self._need_inverse("the projection")
        rows = [row[:-1] for row in self.exact.rows]
        return not any(dot(a, b) for a, b in combinations(rows, 2))

    def _vector(self, c: Coordinates) -> ExactPoint:
        """``sum c_i a_i*``."""
        return tuple(
            sum((v * self.dual_vectors[i][k] for i, v in c.items()), Fraction(0))
            for k in range(self.dim)
        )

    def _point(self, c: Coordinates) -> ExactPoint:
        return tuple(a + v for a, v in zip(self.apex, self._vector(c), strict=True))

    def _ray(self, c: Coordinates) -> Row:
        return tuple(integer_row(self._vector(c)))

    # -- sectors -----------------------------------------------------------------------------

    def sector(self, x: npt.ArrayLike) -> Sector:
        """The sector of a point; units whose pre-activation is 0 there are inactive."""
        return Sector(self, tuple(i for i, c in enumerate(self.coordinates(x)) if c > 0))

    def sector_of(self, active: Iterable[int]) -> Sector:
        """The sector ``S_I`` of a set I of active units; of a layer that is not invertible it may
        be empty or flat."""
        return Sector(self, unit_set("active", active, self.width))

    def sectors(self) -> Iterator[Sector]:
        """All 2^d sectors; of a layer that is not invertible those with an interior: the cells of
        its :class:`Arrangement`."""
        for pattern in self._patterns():
            yield Sector(self, tuple(i for i, bit in enumerate(pattern) if bit))

    def _patterns(self) -> Iterable[Sequence[int]]:
        if self.is_square_invertible:
            return product((0, 1), repeat=self.width)
        cells = Arrangement.from_layer(self.exact.layer).cells()
        return (cells.pattern(i).tolist() for i in range(len(cells)))

    def _all_active_sets(self) -> Iterator[tuple[int, ...]]:
        """Every I with a point in ``S_I``, flat ones too; by an exact LP for each unit and set."""
        if self.is_square_invertible:
            yield from (sector.active for sector in self.sectors())
            return
        stack: list[tuple[int, ...]] = [()]
        while stack:
            pattern = stack.pop()
            active = [i for i, bit in enumerate(pattern) if bit]
            if self._bounded_by(active, [i for i, bit in enumerate(pattern) if not bit]).is_empty:
                continue
            if len(pattern) == self.width:
                yield tuple(active)
            else:
                stack += [(*pattern, 1), (*pattern, 0)]

    def _bounded_by(
        self,
        positive: Iterable[int],
        inactive: Iterable[int],
        equations: Iterable[Row] = (),
        span: Span | None = None,
    ) -> Polyhedron:
        """``c_i > 0`` for those that are positive, ``c_j <= 0`` for those that are inactive."""
        strict = [tuple(self.exact.rows[i]) for i in positive]
        weak = [tuple(-v for v in self.exact.rows[j]) for j in inactive]
        marked = frozenset(range(len(strict)))
        return Polyhedron(self.dim, tuple(equations), (*strict, *weak), marked, span)

    def _others(self, active: Iterable[int]) -> list[int]:
        left = set(active)
        return [j for j in range(self.width) if j not in left]

    def _away(self, active: Iterable[int]) -> list[Row]:
        """The rays ``-a_j*`` of what projects to a point where just these units are active."""
        return [self._ray({j: Fraction(-1)}) for j in self._others(active)]

    # -- projection --------------------------------------------------------------------------

    def project(self, x: npt.ArrayLike) -> ExactPoint:
        """``pi(x) = apex + sum max(c_i, 0) a_i*``, exactly.

        Idempotent, onto :attr:`cone`; on ``S_I`` along the dual vectors that are not of I.
        ``T(x) = A pi(x) + b``.
        """
        self._need_inverse("the projection")
        return self._point({i: c for i, c in enumerate(self.coordinates(x)) if c > 0})

    @property
    def cone(self) -> Polyhedron:
        """What :meth:`project` projects to: the closed sector where all units are active."""
        return self.face(range(self.width))

    def face(self, active: Iterable[int]) -> Polyhedron:
        """The closed face ``apex + cone of a_i*, i in I`` of the cone: ``S_I`` projects to it."""
        self._need_inverse("the cone")
        chosen = unit_set("active", active, self.width)
        return Polyhedron(
            self.dim,
            tuple(tuple(self.exact.rows[j]) for j in self._others(chosen)),
            tuple(tuple(self.exact.rows[i]) for i in chosen),
            known_span=Span((self.apex,), tuple(self._ray({i: Fraction(1)}) for i in chosen)),
        )

    def check_factorisation(self) -> bool:
        """Whether ``T(x) = A pi(x) + b = A (pi(x) - apex)`` and pi is idempotent: on every sector,
        as an identity of rational matrices, not at sample points.

        On ``S_I`` T is ``D_I (A x + b)`` with D_I the diagonal matrix of the active units, and pi
        is ``apex + P_I (x - apex)``. So the claim is ``P_I P_I = P_I``, ``A P_I = D_I A``,
        ``-A P_I apex = D_I b`` and ``A apex + b = 0``.
        """
        a = rational_matrix(self.weight)
        b = rational_matrix(tuple((v,) for v in self.bias))
        apex = rational_matrix(tuple((v,) for v in self.apex))
        if a * apex + b != 0 * b:
            return False
        for sector in self.sectors():
            p, d = rational_matrix(sector.projector), _diagonal(sector.pattern)
            if not (p * p == p and a * p == d * a and -1 * (a * p * apex) == d * b):
                return False
        return True

    # -- preimages ---------------------------------------------------------------------------

    def preimage(self, y: npt.ArrayLike) -> Polyhedron:
        """``{x : T(x) = y}``, closed, of one point.

        With I where y is positive: ``apex + sum over I of y_i a_i* - cone of a_j*, j not in I``, of
        dimension d - \\|I\\|. Empty if y has a negative entry.

        Args:
            y: shape (width,).
        """
        values = exact_vector("y", y, self.width)
        if min(values) < 0:
            return empty(self.dim)
        active = [i for i, v in enumerate(values) if v > 0]
        equations = [
            tuple(integer_row([*self.weight[i], self.bias[i] - values[i]])) for i in active
        ]
        span = None
        if self.is_square_invertible:
            point = self._point({i: values[i] for i in active})
            span = Span((point,), tuple(self._away(active)))
        return self._bounded_by((), self._others(active), equations, span)

    def preimage_of_face(self, active: Iterable[int], *, closed: bool = False) -> Polyhedron:
        """What goes to a face of the orthant: the y that are positive on I, and 0 elsewhere.

        Args:
            active: I.
            closed: False: of the relative interior of the face, which is the sector ``S_I``,
                half-open. True: of the closed face, ``{c_j <= 0 for j not in I}``: the union of the
                sectors of all subsets of I, so more than the closure of ``S_I``.
        """
        chosen = unit_set("active", active, self.width)
        if not closed:
            return Sector(self, chosen).polyhedron
        span = None
        if self.is_square_invertible:
            lines = tuple(self._ray({i: Fraction(1)}) for i in chosen)
            span = Span((self.apex,), tuple(self._away(chosen)), lines)
        return self._bounded_by((), self._others(chosen), (), span)

    def preimage_of_hyperplane(
        self, normal: npt.ArrayLike, offset: float | Fraction, active: Iterable[int]
    ) -> Polyhedron:
        """``{x in S_I : n . T(x) = c}``: half-open as the sector is, perhaps empty.

        For an invertible layer ``{apex + sum over I of t_i a_i* - cone of a_j*, j not in I}``, with
        all t_i > 0 and ``sum over I of n_i t_i = c``.

        Args:
            normal: n, shape (width,). offset: c. active: I.
        """
        n = exact_vector("normal", normal, self.width)
        c = exact_number("offset", offset)
        return self._piece(n, c, unit_set("active", active, self.width))

    def preimages_of_hyperplane(
        self, normal: npt.ArrayLike, offset: float | Fraction
    ) -> dict[tuple[int, ...], Polyhedron]:
        """The pieces of ``{x : n . T(x) = c}``, by their set I; empty ones are left out.

        They are disjoint, and their union is all of it. For a layer that is not invertible this
        holds too, as sectors without interior are looked at; it then takes an exact linear
        program for each sector.
        """
        n = exact_vector("normal", normal, self.width)
        c = exact_number("offset", offset)
        pieces = ((active, self._piece(n, c, active)) for active in self._all_active_sets())
        return {active: piece for active, piece in pieces if not piece.is_empty}

    def _piece(self, n: ExactPoint, c: Fraction, active: tuple[int, ...]) -> Polyhedron:
        table = [[*row, b] for row, b in zip(self.weight, self.bias, strict=True)]
        form = [sum((n[i] * table[i][k] for i in active), Fraction(0)) for k in range(self.dim + 1)]
        form[-1] -= c
        span = None
        if self.is_square_invertible:
            vertices, rays = _section({i: n[i] for i in active}, c)
            span = Span(
                tuple(map(self._point, vertices)),
                (*map(self._ray, rays), *self._away(active)) if vertices else (),
            )
        equations = [tuple(integer_row(form))] if any(form) else []
        return self._bounded_by(active, self._others(active), equations, span)


def _section(n: Coordinates, c: Fraction) -> tuple[list[Coordinates], list[Coordinates]]:
    """Vertices and extreme directions of ``{t >= 0 : n . t = c}``; none if it has no t > 0.

    A vertex has one positive entry (0 if c = 0), a direction one where n is 0, or two where n has
    opposite signs.
    """
    plus = [i for i, v in n.items() if v > 0]
    minus = [i for i, v in n.items() if v < 0]
    if c == 0:
        vertices: list[Coordinates] = [{}] if bool(plus) == bool(minus) else []
    else:
        vertices = [{i: c / v} for i, v in n.items() if v * c > 0]
    rays: list[Coordinates] = [{i: Fraction(1)} for i, v in n.items() if v == 0]
    rays += [{i: -n[j], j: n[i]} for i in plus for j in minus]
    return vertices, rays


@dataclass(frozen=True)
class Sector:
    """``S_I = {x : c_i > 0 for i in I, c_j <= 0 for j not in I}``: where just I is active.

    Half-open: sectors are disjoint and cover the space, and a pre-activation of 0 is inactive. For
    an invertible layer it is the cone from the apex of ``a_i*``, i in I, and ``-a_j*``, j not in I.

    Attributes:
        geometry: of the layer.
        active: I, sorted.
    """

    geometry: LayerGeometry
    active: tuple[int, ...]

    @property
    def pattern(self) -> tuple[int, ...]:
        """1 for the units of I, 0 for others."""
        return tuple(int(i in self.active) for i in range(self.geometry.width))

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """The sector by its inequalities (one a unit: those of I first, strict) and by its apex and
        rays (those of ``a_i*`` first)."""
        g = self.geometry
        span = None
        if g.is_square_invertible:
            towards = [g._ray({i: Fraction(1)}) for i in self.active]
            span = Span((g.apex,), (*towards, *g._away(self.active)))
        return g._bounded_by(self.active, g._others(self.active), (), span)

    def contains(self, x: npt.ArrayLike) -> bool:
        """Whether a point lies in it, exactly."""
        return self.polyhedron.contains(x)

    @cached_property
    def projector(self) -> ExactMatrix:
        """P_I, shape (d, d), with ``pi(x) = apex + P_I (x - apex)`` here: the sum over I of
        ``a_i* a_i^T``. It keeps ``a_i*``, i in I, and takes the other dual vectors to 0."""
        g = self.geometry
        g._need_inverse("the projection")
        if not self.active:
            return ((Fraction(0),) * g.dim,) * g.dim
        duals = tuple(g.dual_vectors[i] for i in self.active)
        rows = tuple(g.weight[i] for i in self.active)
        return fractions_of(rational_matrix(duals).transpose() * rational_matrix(rows))

    @property
    def affine_map(self) -> tuple[ExactMatrix, ExactPoint]:
        """``(M, v)`` with ``T(x) = M x + v`` here: A and b, but 0 in the rows of inactive units."""
        g = self.geometry
        none = (Fraction(0),) * g.dim
        rows = tuple(row if on else none for row, on in zip(g.weight, self.pattern, strict=True))
        return rows, tuple(b * on for b, on in zip(g.bias, self.pattern, strict=True))

    def __repr__(self) -> str:
        return f"Sector(active={self.active}, of {self.geometry.width})"


def _diagonal(pattern: tuple[int, ...]) -> fmpq_mat:
    n = len(pattern)
    return fmpq_mat([[fmpq(pattern[i] * (i == j)) for j in range(n)] for i in range(n)])
