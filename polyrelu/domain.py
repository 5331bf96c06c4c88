"""Domains: where a network is looked at. Boxes, polytopes, the whole space, slices of these.

Every number is taken at its exact value. A domain hands the engine a :class:`Chart`: exact
coordinates in which it is full-dimensional, so that flat domains need no special case.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from .activations import exact, identity
from .errors import DomainError
from .network import Affine, Array, Layer, Network
from .rational import IntegerRow, integer_row, margin, null_space, primitive, rows_of, solve_affine


@dataclass(frozen=True)
class Chart:
    """Exact coordinates y of a domain: ``x = M (y, 1)``, in homogeneous integers.

    Attributes:
        matrix: shape (dim + 1, k + 1); takes (y, 1) to a positive multiple of (x, 1).
        constraints: rows g of length k + 1; the domain is ``{y : g . (y, 1) >= 0}`` and has
            an interior point in R^k.
        sources: for each constraint the index of the inequality of the domain that it is.
    """

    matrix: fmpz_mat
    constraints: tuple[tuple[int, ...], ...]
    sources: tuple[int, ...]

    @property
    def dim(self) -> int:
        return int(self.matrix.ncols()) - 1

    @cached_property
    def is_identity(self) -> bool:
        n = self.dim + 1
        identity = fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)])
        return bool(self.matrix == identity)


class Domain(ABC):
    """A convex polyhedron in the input space."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point of the domain."""

    @abstractmethod
    def chart(self) -> Chart:
        """Exact coordinates in which the domain is full-dimensional.

        Raises:
            DomainError: the domain is empty.
        """

    @abstractmethod
    def inequalities(self) -> list[IntegerRow]:
        """Rows g in integers; the domain is ``{x : g . (x, 1) >= 0}``."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """What ``domain_from_dict`` makes the same domain of; JSON types only."""


def _vector(name: str, value: npt.ArrayLike) -> Array:
    try:
        raw = np.asarray(value)
        if raw.dtype.kind not in "fiubO" or (raw.dtype.kind == "f" and raw.dtype.itemsize > 8):
            raise TypeError(f"dtype {raw.dtype}")
        array = np.array(raw, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"{name} must be real numbers ({error})") from None
    if not np.all(np.isfinite(array)):
        raise DomainError(f"{name} must be finite; for an unbounded domain use Space or Polytope")
    for given, kept in zip(raw.flat, array.flat, strict=True):
        if raw.dtype.kind in "iuO" and exact(given) != Fraction(float(kept)):
            raise DomainError(
                f"{name} must be numbers that float64 holds exactly, not {given}; "
                f"a Polytope takes fractions"
            )
    array.flags.writeable = False
    return array


class Box(Domain):
    """The box ``low <= x <= high``.

    Args:
        low, high: numbers, or arrays of shape (dim,). A side may have length 0.
        dim: needed when both are numbers.

    Raises:
        DomainError: low > high, shapes that do not match, NaN, infinity.
    """

    def __init__(
        self, low: npt.ArrayLike = -1.0, high: npt.ArrayLike = 1.0, dim: int | None = None
    ) -> None:
        lo, hi = _vector("low", low), _vector("high", high)
        if lo.ndim == 0 and hi.ndim == 0 and dim is None:
            raise DomainError("a box between two numbers needs its dimension: Box(-1, 1, dim=2)")
        if dim is not None and (not isinstance(dim, int | np.integer) or dim < 1):
            raise DomainError(f"dim must be a positive integer, not {dim!r}")
        try:
            shape = np.broadcast_shapes(lo.shape, hi.shape, () if dim is None else (dim,))
        except ValueError:
            raise DomainError(
                f"low {lo.shape}, high {hi.shape} and dim={dim} do not fit together"
            ) from None
        if len(shape) != 1 or shape[0] == 0:
            raise DomainError(f"low and high must have shape (dim,), not {shape}")
        self.low: Array = np.array(np.broadcast_to(lo, shape))
        self.high: Array = np.array(np.broadcast_to(hi, shape))
        wrong = np.flatnonzero(self.low > self.high)
        if len(wrong):
            i = int(wrong[0])
            raise DomainError(
                f"low must not exceed high, but coordinate {i} has {self.low[i]} > {self.high[i]}"
            )
        self.low.flags.writeable = self.high.flags.writeable = False

    @property
    def dim(self) -> int:
        return len(self.low)

    def chart(self) -> Chart:
        """Centre and half-widths as origin and unit: the box is [-1, 1]^k in them."""
        return _chart_of_box(tuple(self.low.tolist()), tuple(self.high.tolist()))

    def inequalities(self) -> list[IntegerRow]:
        rows = []
        for i, side in enumerate(zip(self.low, self.high, strict=True)):
            for sign, bound in zip((1, -1), side, strict=True):
                value = Fraction(float(bound))
                row = [0] * (self.dim + 1)
                row[i], row[-1] = sign * value.denominator, -sign * value.numerator
                rows.append(row)
        return rows

    def to_dict(self) -> dict[str, Any]:
        hexed = [[float(v).hex() for v in side] for side in (self.low, self.high)]
        return {"kind": "box", "low": hexed[0], "high": hexed[1]}

    def __repr__(self) -> str:
        if len(set(self.low)) == len(set(self.high)) == 1:
            return f"Box({self.low[0]:g}, {self.high[0]:g}, dim={self.dim})"
        return f"Box({self.low.tolist()}, {self.high.tolist()})"


@lru_cache(8)
def _chart_of_box(low: tuple[float, ...], high: tuple[float, ...]) -> Chart:
    # In integers over a common power of two: with fractions it took longer than a small search.
    ratios = [v.as_integer_ratio() for v in (*low, *high)]
    scale = max(denominator for _, denominator in ratios)
    ends = [numerator * (scale // denominator) for numerator, denominator in ratios]
    lo, hi = ends[: len(low)], ends[len(low) :]
    wide = [i for i, (a, b) in enumerate(zip(lo, hi, strict=True)) if a < b]
    k = len(wide)
    rows = [[0] * k + [a + b] for a, b in zip(lo, hi, strict=True)]
    for j, i in enumerate(wide):
        rows[i][j] = hi[i] - lo[i]
    rows.append([0] * k + [2 * scale])
    common = gcd(*(v for row in rows for v in row))
    matrix = fmpz_mat([[v // common for v in row] for row in rows])
    sides = [tuple([sign * (j == i) for j in range(k)] + [1]) for i in range(k) for sign in (1, -1)]
    sources = tuple(2 * i + end for i in wide for end in (0, 1))
    return Chart(matrix, tuple(sides), sources)


class Space(Domain):
    """The whole space R^dim, without an artificial box."""

    def __init__(self, dim: int) -> None:
        if not isinstance(dim, int | np.integer) or dim < 1:
            raise DomainError(f"dim must be a positive integer, not {dim!r}")
        self._dim = int(dim)

    @property
    def dim(self) -> int:
        return self._dim

    def chart(self) -> Chart:
        n = self._dim + 1
        return Chart(fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)]), (), ())

    def inequalities(self) -> list[IntegerRow]:
        return []

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "space", "dim": self._dim}

    def __repr__(self) -> str:
        return f"Space({self._dim})"


class Polytope(Domain):
    """The polyhedron ``{x : A x <= b}``, bounded or not, full-dimensional or not.

    Args:
        A: shape (m, dim), b: shape (m,); float64 or ``fractions.Fraction`` entries.

    Raises:
        DomainError: shapes that do not match, NaN, infinity; empty (when it is first used).
    """

    def __init__(self, A: npt.ArrayLike, b: npt.ArrayLike) -> None:
        left = np.asarray(A, dtype=object)
        right = np.asarray(b, dtype=object)
        if left.ndim != 2 or 0 in left.shape:
            raise DomainError(f"A must have shape (m, dim) with m, dim >= 1, not {left.shape}")
        if right.shape != left.shape[:1]:
            raise DomainError(f"b must have shape {left.shape[:1]}, not {right.shape}")
        try:
            rows = [
                integer_row([*(-exact(v) for v in a), exact(c)])
                for a, c in zip(left.tolist(), right.tolist(), strict=True)
            ]
        except (TypeError, ValueError, OverflowError) as error:
            raise DomainError(f"A and b must be finite real numbers ({error})") from None
        self._dim = int(left.shape[1])
        self._rows = rows

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]], dim: int) -> Polytope:
        """From integer rows g with ``g . (x, 1) >= 0``."""
        polytope = cls.__new__(cls)
        polytope._dim = dim
        polytope._rows = [list(g) for g in rows]
        return polytope

    @property
    def dim(self) -> int:
        return self._dim

    def inequalities(self) -> list[IntegerRow]:
        return [list(g) for g in self._rows]

    def chart(self) -> Chart:
        """Reduced to the affine hull: each flat system gives up the rows that are equalities."""
        n = self._dim
        matrix = fmpz_mat([[int(i == j) for j in range(n + 1)] for i in range(n + 1)])
        numbered = _restricting(list(enumerate(self.inequalities())))
        while numbered:
            rows = [g for _, g in numbered]
            k = int(matrix.ncols()) - 1
            best = margin(rows)
            if best.value < 0:
                raise DomainError(
                    f"the polytope is empty: no x satisfies all {len(self._rows)} rows"
                )
            if best.value > 0:
                break
            flat = [g for g, y in zip(rows, best.multipliers, strict=True) if y > 0]
            step = _affine_subspace(flat, k)
            matrix = matrix * step
            rows = [primitive(g) for g in rows_of(fmpz_mat(rows) * step)]
            numbered = _restricting([(i, g) for (i, _), g in zip(numbered, rows, strict=True)])
        constraints = tuple(tuple(g) for _, g in numbered)
        return Chart(matrix, constraints, tuple(i for i, _ in numbered))

    def to_dict(self) -> dict[str, Any]:
        return {"kind": "polytope", "dim": self._dim, "rows": _hexed(self._rows)}

    def __repr__(self) -> str:
        return f"Polytope({len(self._rows)} inequalities, dim={self._dim})"


def _hexed(rows: list[IntegerRow]) -> list[list[str]]:
    """Hexadecimal: decimal digits of very long integers are slow, and limited by Python."""
    return [[format(v, "x") for v in g] for g in rows]


def _restricting(rows: list[tuple[int, IntegerRow]]) -> list[tuple[int, IntegerRow]]:
    """Without the rows that every point satisfies."""
    return [(i, g) for i, g in rows if any(g[:-1]) or g[-1] < 0]


def _integer_matrix(rows: Sequence[Sequence[Fraction]]) -> fmpz_mat:
    """A positive multiple of a rational matrix, in integers."""
    width = len(rows[0])
    flat = integer_row([v for row in rows for v in row])
    return fmpz_mat([flat[i * width : (i + 1) * width] for i in range(len(rows))])


def _affine_subspace(rows: Sequence[IntegerRow], k: int) -> fmpz_mat:
    """A chart of ``{y in R^k : g . (y, 1) = 0}`` (not empty), shape (k + 1, k' + 1)."""
    origin = solve_affine(rows, k)
    assert origin is not None, "rows with positive multipliers meet the polyhedron"
    directions = null_space([g[:-1] for g in rows], k)
    columns = [[Fraction(v) for v in u] + [Fraction(0)] for u in directions]
    columns.append([*origin, Fraction(1)])
    return _integer_matrix([[c[i] for c in columns] for i in range(k + 1)])


class Slice:
    """An affine subspace of the input space, with a domain on its coordinates.

    The point with coordinates t is ``origin + t @ basis``. Planes and segments through the
    input space of a network of any input size are ordinary 2-D and 1-D problems; witnesses,
    vertices and affine maps of the answer are in the coordinates t (:meth:`to_input`).

    Args:
        origin: shape (n,).
        basis: shape (k, n), the directions as rows, linearly independent.
        domain: a domain of dimension k for t; default the whole R^k.
        within: a domain of dimension n; only the part of the slice inside it is kept.

    Raises:
        DomainError: shapes that do not match, dependent directions, NaN, infinity.
    """

    def __init__(
        self,
        origin: npt.ArrayLike,
        basis: npt.ArrayLike,
        domain: Domain | None = None,
        *,
        within: Domain | None = None,
    ) -> None:
        point, directions = _vector("origin", origin), _vector("basis", basis)
        if directions.ndim == 1:
            directions = directions[None]
        if point.ndim != 1 or directions.ndim != 2 or directions.shape[1] != len(point):
            raise DomainError(
                f"origin must have shape (n,) and basis (k, n), not {point.shape} and "
                f"{directions.shape}"
            )
        self._init((Affine(directions.T, point),), domain, within)

    def _init(
        self, factors: tuple[Affine, ...], domain: Domain | None, within: Domain | None
    ) -> None:
        self.embedding = Layer(factors, identity())
        k, n = self.embedding.in_features, self.embedding.out_features
        matrix = self.embedding.integer_matrix
        if matrix.rank() < k + 1:
            raise DomainError(f"the {k} directions of the slice must be linearly independent")
        domain = Space(k) if domain is None else domain
        for name, value in (("domain", domain), ("within", within)):
            if value is not None and not isinstance(value, Domain):
                raise DomainError(f"{name} must be a Box, Polytope or Space, not {value!r}")
        if domain.dim != k:
            raise DomainError(
                f"a slice with {k} directions needs a domain of dimension {k}, not {domain.dim}"
            )
        if within is not None:
            if within.dim != n:
                raise DomainError(f"within must have dimension {n}, not {within.dim}")
            outer = within.inequalities()
            pulled = rows_of(fmpz_mat(outer) * matrix) if outer else []
            domain = Polytope.from_rows(domain.inequalities() + pulled, k)
        self.domain = domain

    @classmethod
    def through(
        cls, *points: npt.ArrayLike, domain: Domain | None = None, within: Domain | None = None
    ) -> Slice:
        """The affine hull of k + 1 points: ``p_0 + sum of t_i (p_i - p_0)``, without rounding.

        Without ``domain`` and ``within`` only the simplex of the points is kept: the segment
        between two, the triangle of three. With ``within`` alone, all of their hull in it.
        """
        columns = [_vector("points", p) for p in points]
        k = len(columns) - 1
        shapes = sorted({p.shape for p in columns})
        if k < 1 or len(shapes) > 1 or len(shapes[0]) != 1:
            raise DomainError(
                f"a slice needs at least two points of one shape (n,), not {k + 1} of {shapes}"
                + ("; did you mean Slice.through(*points)?" if k == 0 else "")
            )
        corners = np.stack(columns, axis=1)
        barycentric = Affine(np.vstack([-np.ones((1, k)), np.eye(k)]), np.eye(k + 1)[0])
        if domain is None and within is None:
            domain = Polytope(np.vstack([-np.eye(k), np.ones((1, k))]), np.eye(k + 1)[k])
        made = cls.__new__(cls)
        made._init((barycentric, Affine(corners, np.zeros(len(corners)))), domain, within)
        return made

    @classmethod
    def from_embedding(cls, embedding: Layer, domain: Domain) -> Slice:
        """From the affine map that takes t to the input, and the domain of t."""
        made = cls.__new__(cls)
        made._init(embedding.factors, domain, None)
        return made

    @property
    def dim(self) -> int:
        """The number of coordinates t."""
        return self.embedding.in_features

    @property
    def input_dim(self) -> int:
        return self.embedding.out_features

    def to_input(self, t: npt.ArrayLike) -> Array:
        """The inputs, shape (..., n), at slice coordinates t of shape (..., k); rounded."""
        return self.embedding(np.asarray(t, dtype=np.float64))

    def restrict(self, network: Network) -> Network:
        """The network as a function of t, exactly: the slice is its first affine factor."""
        if network.input_dim != self.input_dim:
            raise DomainError(
                f"the slice lies in R^{self.input_dim}, the network takes R^{network.input_dim}"
            )
        first = network.layers[0]
        sliced = Layer((*self.embedding.factors, *first.factors), first.units)
        return Network((sliced, *network.layers[1:]), notes=network.notes)

    def __repr__(self) -> str:
        return f"Slice({self.dim} of {self.input_dim} dimensions, {self.domain!r})"


def segment(start: npt.ArrayLike, end: npt.ArrayLike) -> Slice:
    """The segment between two points: coordinate t = 0 at ``start``, 1 at ``end``.

    Raises:
        DomainError: the points are equal, or have different shapes.
    """
    if np.array_equal(start, end):
        raise DomainError("start and end of a segment must be different points")
    return Slice.through(start, end, domain=Box(0, 1, dim=1))


def domain_from_dict(data: dict[str, Any]) -> Domain:
    """The inverse of :meth:`Domain.to_dict`."""
    try:
        kind = data["kind"]
        if kind == "box":
            low, high = ([float.fromhex(v) for v in data[side]] for side in ("low", "high"))
            return Box(low, high)
        if kind == "space":
            return Space(data["dim"])
        if kind == "polytope":
            rows = [[int(v, 16) for v in g] for g in data["rows"]]
            dim = Space(data["dim"]).dim
            if any(len(g) != dim + 1 for g in rows):
                raise DomainError("a polytope's rows must have dim + 1 entries")
            return Polytope.from_rows(rows, dim)
    except DomainError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise DomainError(f"this is not the description of a domain ({error!r})") from None
    raise DomainError(f"unknown kind of domain {kind!r}")
