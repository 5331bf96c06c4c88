"""Are two point sets linearly separable? With the hyperplane, or a point that both hulls share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from flint import fmpz_mat

from ..answer import Answer, Status
from ..rational import ExactPoint, IntegerRow, null_space, primitive, rows_of
from .alternative import gordan
from .points import Direction, PointSets, PointsLike, point_sets
from .threads import one_thread


@dataclass(frozen=True)
class Hyperplane:
    """``{x : <normal, x> = threshold}``, with the first set above and the second below."""

    normal: Direction
    threshold: Fraction


@dataclass(frozen=True)
class CommonPoint:
    """A point in the convex hulls of both sets: why no hyperplane separates them strictly.

    Attributes:
        point: it, exactly.
        first, second: index -> weight: the convex combinations that it is of either set.
        touching: a hyperplane that has the first set on or above it and the second on or below,
            not all points on it; None if there is none, and the hulls overlap.
    """

    point: ExactPoint
    first: dict[int, Fraction]
    second: dict[int, Fraction]
    touching: Hyperplane | None


@one_thread
def is_linearly_separable(a: PointsLike, b: PointsLike) -> Answer:
    """Is there a hyperplane with all points of a strictly above and all points of b strictly below?

    PROVED: the certificate is a :class:`Hyperplane`. REFUTED: the witness is a
    :class:`CommonPoint`, two convex combinations, one of each set, that are the same point
    (Farkas). All numbers are fractions, and were checked in integers: nothing is rounded. Sets that
    only touch are not separable; the witness then has a hyperplane that separates them weakly.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions. Repeated points are welcome.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    The cost is that of a float64 linear program of n + m rows (0.1 s for 1,800 points in 64
    dimensions) and of an exact system of at most dim + 2 equations; of sets that are not separable
    a few of either.
    """
    sets = point_sets(a, b)
    rows = _rows(sets)
    found = gordan(rows)
    if found.direction is not None:
        plane = _hyperplane(sets, found.direction)
        return Answer(Status.PROVED, "a hyperplane separates the sets strictly", certificate=plane)
    u = _weak_form(rows, found.multipliers)
    touching = None if u is None else _hyperplane(sets, u)
    common = _common_point(sets, found.multipliers, touching)
    reason = "the convex hulls of the sets have a point in common"
    if touching is not None:
        reason = "the convex hulls of the sets touch, and a hyperplane separates them only weakly"
    return Answer(Status.REFUTED, reason, witness=common)


def separating_direction(sets: PointSets) -> IntegerRow | None:
    """A reduced direction that separates strictly; None if there is none."""
    found = gordan(_rows(sets)).direction
    return None if found is None else found[:-1]


def weakly_separating_direction(sets: PointSets) -> IntegerRow | None:
    """A reduced direction w with ``<w, a> >= <w, b>`` for all pairs and > for one; or None."""
    rows = _rows(sets)
    found = gordan(rows)
    if found.direction is not None:
        return found.direction[:-1]
    u = _weak_form(rows, found.multipliers)
    return None if u is None else u[:-1]


def _rows(sets: PointSets) -> list[IntegerRow]:
    """Forms in (w, c) that are to be positive: ``<w, a> - c`` and ``c - <w, b>``."""
    first, second = sets.reduced
    unit = max((abs(v) for x in [*first, *second] for v in x), default=1) or 1
    rows = [[*x, -unit] for x in first]
    return rows + [[*(-v for v in x), unit] for x in second]


def _hyperplane(sets: PointSets, u: IntegerRow) -> Hyperplane:
    """With the threshold half-way."""
    normal = sets.lifted(u[:-1])
    above, below = ([_at(normal, x) for x in points] for points in (sets.a, sets.b))
    return Hyperplane(normal, (min(above) + max(below)) / (2 * sets.scale))


def _at(normal: Direction, point: Sequence[int]) -> Fraction:
    return sum((w * v for w, v in zip(normal, point, strict=True) if w), Fraction(0))


def _common_point(
    sets: PointSets, multipliers: dict[int, int], touching: Hyperplane | None
) -> CommonPoint:
    n = len(sets.a)
    weight = sum(y for i, y in multipliers.items() if i < n)
    first = {i: Fraction(y, weight) for i, y in multipliers.items() if i < n}
    second = {i - n: Fraction(y, weight) for i, y in multipliers.items() if i >= n}
    point = tuple(
        sum((y * sets.a[i][j] for i, y in first.items()), Fraction(0)) / sets.scale
        for j in range(sets.dim)
    )
    return CommonPoint(point, first, second, touching)


def _weak_form(rows: list[IntegerRow], multipliers: dict[int, int]) -> IntegerRow | None:
    """(w, c) of a hyperplane that separates weakly, and has not all points on it; None: no such.

    It holds every point of a combination that vanishes. So only hyperplanes through these are left,
    and of the points that not all of these hold the same is asked again: the dimension falls.
    """
    basis = [[int(i == j) for i in range(len(rows[0]))] for j in range(len(rows[0]))]
    left = rows
    while True:
        held = [left[i] for i in multipliers]
        inside = null_space(held, len(basis))
        if not inside:
            return None
        basis = rows_of(fmpz_mat(inside) * fmpz_mat(basis))
        left = rows_of(fmpz_mat(left) * fmpz_mat(inside).transpose())
        left = [primitive(g) for g in left if any(g)]
        if not left:
            return None
        found = gordan(left)
        if found.direction is not None:
            u = fmpz_mat([found.direction]) * fmpz_mat(basis)
            return primitive([int(v) for v in u.entries()])
        multipliers = found.multipliers
