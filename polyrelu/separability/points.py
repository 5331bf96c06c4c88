"""Two point sets in exact integers, and the float64 coordinates in which guesses are made.

What is measured does not change if both sets are translated, or mapped by one injective linear map.
So the sets are taken relative to a point, in as many coordinates as they span (exactly), and
float64 looks at them in coordinates in which all differences ``m = a - b`` have second moment 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..errors import NetworkError, PointsError
from ..network import Array, finite_array, integers, quotient
from ..rational import IntegerRow, independent, integer_row, primitive

Direction = tuple[Fraction, ...]
PointsLike = npt.ArrayLike | Sequence[Sequence[Fraction]]


@dataclass(frozen=True, eq=False)
class Distinct:
    """The different points of a set.

    Attributes:
        first: of each the index of its first copy.
        copies: how many there are; float64, which holds them exactly.
        place: for each point of the set which one it is.
    """

    first: npt.NDArray[np.intp]
    copies: Array
    place: list[int]

    @classmethod
    def of(cls, points: Sequence[IntegerRow]) -> Distinct:
        known: dict[tuple[int, ...], int] = {}
        place = [known.setdefault(tuple(x), len(known)) for x in points]
        _, first, copies = np.unique(place, return_index=True, return_counts=True)
        return cls(first, copies.astype(np.float64), place)


@dataclass(frozen=True, eq=False)
class PointSets:
    """Two finite sets of rational points of R^dim, repetitions counted.

    Attributes:
        a, b: the points times ``scale``, in integers.
        scale: a positive integer.
    """

    a: list[IntegerRow]
    b: list[IntegerRow]
    scale: int

    @property
    def dim(self) -> int:
        return len(self.a[0])

    @property
    def n_pairs(self) -> int:
        return len(self.a) * len(self.b)

    @cached_property
    def coordinates(self) -> list[int]:
        """Coordinates, as many as the sets span, of which the others are affine functions."""
        origin = self.a[0]
        rows = [[v - o for v, o in zip(x, origin, strict=True)] for x in [*self.a, *self.b]]
        return independent([list(column) for column in zip(*rows, strict=True)], len(rows))

    @property
    def rank(self) -> int:
        """The dimension that the differences span."""
        return len(self.coordinates)

    @cached_property
    def reduced(self) -> tuple[list[IntegerRow], list[IntegerRow]]:
        """Both sets relative to the first point of a, in :attr:`coordinates`."""
        origin = [self.a[0][j] for j in self.coordinates]
        first, second = (
            [[x[j] - o for j, o in zip(self.coordinates, origin, strict=True)] for x in points]
            for points in (self.a, self.b)
        )
        return first, second

    @cached_property
    def distinct(self) -> tuple[Distinct, Distinct]:
        """What is different in either set."""
        return Distinct.of(self.a), Distinct.of(self.b)

    @cached_property
    def _matrices(self) -> tuple[fmpz_mat, fmpz_mat]:
        a, b = self.reduced
        return fmpz_mat(a), fmpz_mat(b)

    def projections(self, w: Sequence[int]) -> tuple[list[int], list[int]]:
        """``<w, x>`` for all reduced points x."""
        column = fmpz_mat([[v] for v in w])
        first, second = ([int(v) for v in (x * column).entries()] for x in self._matrices)
        return first, second

    def combination(self, first: Sequence[int], second: Sequence[int]) -> IntegerRow:
        """``sum of first_i a_i - sum of second_j b_j``, reduced."""
        a, b = self._matrices
        total = fmpz_mat([list(first)]) * a - fmpz_mat([list(second)]) * b
        return [int(v) for v in total.entries()]

    def difference(self, i: int, j: int) -> IntegerRow:
        """``a_i - b_j``, reduced."""
        a, b = self.reduced
        return [v - w for v, w in zip(a[i], b[j], strict=True)]

    @cached_property
    def total(self) -> IntegerRow:
        """The sum of all differences, reduced."""
        return self.combination([len(self.b)] * len(self.a), [len(self.a)] * len(self.b))

    def lifted(self, w: Sequence[int]) -> Direction:
        """A reduced direction in all coordinates."""
        full = [Fraction(0)] * self.dim
        for j, v in zip(self.coordinates, primitive(w), strict=True):
            full[j] = Fraction(v)
        return tuple(full)

    @cached_property
    def frame(self) -> Frame:
        return Frame.of(self)


@dataclass(frozen=True, eq=False)
class Frame:
    """Float64 coordinates ``R (x - c)``, near to those in which the mean of m m' is 1.

    Attributes:
        a, b: the points; shape (n, rank).
        map: R, for reduced points divided by ``2**shift``, coordinate by coordinate.
    """

    a: Array
    b: Array
    map: Array
    shift: list[int]

    @classmethod
    def of(cls, sets: PointSets) -> Frame:
        rows = [*sets.reduced[0], *sets.reduced[1]]
        n, n_a = len(rows), len(sets.a)
        columns = list(zip(*rows, strict=True))
        shift = [max(max(column), -min(column)).bit_length() for column in columns]
        x = np.array(
            [
                [quotient(v, 1 << k) for v in column]
                for column, k in zip(columns, shift, strict=True)
            ]
        ).reshape(len(columns), n)
        x = x - x.mean(axis=1, keepdims=True)
        a, b = x[:, :n_a], x[:, n_a:]
        gap = a.mean(axis=1) - b.mean(axis=1)
        moment = np.cov(a, bias=True) + np.cov(b, bias=True) + np.outer(gap, gap)
        turn = _inverse_root(moment.reshape(len(columns), len(columns)))
        return cls((turn @ a).T.copy(), (turn @ b).T.copy(), turn, shift)

    def direction(self, w: Array) -> IntegerRow:
        """A direction of this frame as one of the reduced points, rounded."""
        back = w @ self.map
        if not np.isfinite(back).all():
            return [0] * len(back)
        return integer_row(
            [Fraction(float(v)) / (1 << k) for v, k in zip(back, self.shift, strict=True)]
        )

    def axes(self) -> list[IntegerRow]:
        """The directions of this frame's axes, rounded, times a common factor."""
        n = len(self.shift)
        flat = integer_row(
            [Fraction(float(v)) / (1 << k) for row in self.map
             for v, k in zip(row, self.shift, strict=True)]
        )  # fmt: skip
        return [flat[i * n : (i + 1) * n] for i in range(n)]

    def image(self, direction: Sequence[int]) -> Array:
        """A direction of the reduced points as one of this frame, rounded."""
        back = _floats([v << k for v, k in zip(direction, self.shift, strict=True)])
        with np.errstate(all="ignore"):
            found = np.asarray(np.linalg.lstsq(self.map.T, back, rcond=None)[0], dtype=np.float64)
        return found if np.isfinite(found).all() else np.zeros(len(back))

    def vector(self, m: Sequence[int]) -> Array:
        """A difference of reduced points, or a sum of such, times a positive factor, rounded."""
        most = max(self.shift)
        scaled = [v << (most - k) for v, k in zip(m, self.shift, strict=True)]
        found: Array = self.map @ _floats(scaled)
        return found


def _floats(row: Sequence[int]) -> Array:
    """Divided by the greatest entry, rounded."""
    size = max(map(abs, row)) or 1
    return np.array([quotient(v, size) for v in row])


def _inverse_root(moment: Array) -> Array:
    """R with R moment R' about 1, also where rounding hides that moment is not singular."""
    size = np.sqrt(np.maximum(np.diag(moment), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(moment / np.outer(size, size))
    # Any regular matrix serves: the frame is a change of coordinates for guesses.
    values = np.maximum(values, 1e-15 * values.max(initial=1.0))
    root: Array = (vectors / np.sqrt(values)).T / size
    return root


def point_sets(a: PointsLike, b: PointsLike) -> PointSets:
    """Two sets of points as given by a user.

    Args:
        a, b: shape (n, dim) and (m, dim): numbers that float64 holds exactly, or fractions.

    Raises:
        PointsError: an empty set, other shapes, NaN, infinity, integers that float64 cannot hold.
    """
    rows_a, scale_a = _integer_points("a", a)
    rows_b, scale_b = _integer_points("b", b)
    if len(rows_a[0]) != len(rows_b[0]):
        raise PointsError(
            f"both sets must have as many coordinates, not {len(rows_a[0])} and {len(rows_b[0])}"
        )
    scale = lcm(scale_a, scale_b)
    return PointSets(_times(rows_a, scale // scale_a), _times(rows_b, scale // scale_b), scale)


def _times(rows: list[IntegerRow], factor: int) -> list[IntegerRow]:
    return rows if factor == 1 else [[factor * v for v in row] for row in rows]


def _integer_points(name: str, points: PointsLike) -> tuple[list[IntegerRow], int]:
    """Points as integers over a common denominator."""
    if _holds_fractions(points):
        return _of_fractions(name, points)
    try:
        array = finite_array(name, points, 2)  # type: ignore[arg-type]
    except NetworkError as error:
        raise PointsError(str(error)) from None
    n, dim = array.shape
    _check_size(name, n, dim)
    flat, shift = integers(array)
    return [flat[i * dim : (i + 1) * dim] for i in range(n)], 1 << shift


def _holds_fractions(points: PointsLike) -> bool:
    if isinstance(points, np.ndarray):
        return bool(points.dtype == object)
    try:
        return any(isinstance(v, Fraction) for row in points for v in row)  # type: ignore
    except TypeError:
        return False


def _of_fractions(name: str, points: PointsLike) -> tuple[list[IntegerRow], int]:
    try:
        rows = [[Fraction(v) for v in row] for row in points]  # type: ignore
    except (TypeError, ValueError, OverflowError) as error:
        raise PointsError(f"{name} must hold finite real numbers ({error})") from None
    if len({len(row) for row in rows}) > 1:
        raise PointsError(f"the points of {name} must have as many coordinates each")
    _check_size(name, len(rows), len(rows[0]) if rows else 0)
    scale = lcm(*(v.denominator for row in rows for v in row))
    return [[v.numerator * (scale // v.denominator) for v in row] for row in rows], scale


def _check_size(name: str, n: int, dim: int) -> None:
    if n == 0:
        raise PointsError(f"{name} must have at least one point, but it is empty")
    if dim == 0:
        raise PointsError(f"the points of {name} must have at least one coordinate")
