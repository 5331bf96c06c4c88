"""The directional measure: how little of b can a half space hold that holds all of a?"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from ..limits import Limits
from ..network import Array
from ..rational import IntegerRow
from .alternative import gordan
from .ascent import climb, starts
from .chambers import Chambers, chambers_of
from .linear import separating_direction
from .ls1 import ls1_of
from .measure import SeparabilityMeasure
from .plane import Sweep, sweep
from .points import PointSets, PointsLike, point_sets
from .scores import kept_inside
from .threads import one_thread

MOST_PAIRS = 5_000_000  # in the plane
MOST_ENTRIES = 50_000_000  # of lines and points of b
HULL_TESTS = 300  # points of b that are tried for being in the hull of a, at most
HULL_ENTRIES = 1_000_000  # coordinates of a, over all tests


@one_thread
def directional_separability(
    a: PointsLike, b: PointsLike, *, limits: Limits | None = None
) -> SeparabilityMeasure:
    """The least fraction of b in a half space that contains all of a.

    0 iff the sets are linearly separable, 1 iff no half space that holds a leaves any point of b
    out: iff b is in the convex hull of a. Not symmetric in a and b. It is the same for open and
    closed half spaces, and does not change under injective affine maps.

    Exact in the plane, if the sets are separable, and if there are at most 200,000 chambers of
    differences. Beyond that ``high`` is what the best direction found leaves in, exactly, and
    ``low`` counts points of b in the hull of a, among the first few hundred or less.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        limits: ``regions``: how many chambers may be enumerated; ``seconds``.

    Returns:
        ``direction`` attains ``high``: the half space is ``<w, x> >= min over a of <w, a>``.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    Source: directional linear separability (arXiv 2606.08721), there divided by the size of a.
    """
    began = time.monotonic()
    sets, limits = point_sets(a, b), Limits.checked(limits)

    def answer(
        low: Fraction, high: Fraction, w: IntegerRow | None, method: str
    ) -> SeparabilityMeasure:
        direction = None if w is None else sets.lifted(w)
        return SeparabilityMeasure.between("directional", low, high, direction, method,
                                           seconds=time.monotonic() - began)  # fmt: skip

    if sets.rank == 0:
        return answer(Fraction(1), Fraction(1), None, "all points are the same")
    if sets.rank <= 2 and sets.n_pairs <= MOST_PAIRS:
        w = _best_turn(sets, sweep(sets))
        value = kept_inside(*sets.projections(w))
        return answer(value, value, w, "angular sweep")
    separating = separating_direction(sets)
    if separating is not None:
        return answer(Fraction(0), Fraction(0), separating, "linearly separable")
    chambers = chambers_of(sets, limits) if sets.rank > 2 else None
    if chambers is not None and chambers.n_lines * len(sets.b) <= MOST_ENTRIES:
        w = _best_chamber(sets, chambers)
        value = kept_inside(*sets.projections(w))
        return answer(value, value, w, "enumeration of all chambers")
    high, w = _from_above(sets, limits)
    return answer(_from_below(sets, limits, began), high, w, "bounds by trial and by hulls")


def _best_turn(sets: PointSets, turned: Sweep) -> IntegerRow:
    """A point of b is left out while w has crossed all lines of its differences that begin on the
    positive side, and none of the others: for a run of places."""
    shape = (len(sets.a), len(sets.b))
    group, sign = turned.group.reshape(shape), turned.sign.reshape(shape)
    n = len(turned.members)
    never = (sign == 0).any(axis=0)
    best, found = -1, (0, 1)
    for side in (1, -1):
        first = np.where(sign == side, group, -1).max(axis=0) + 1
        last = np.where(sign == -side, group, n).min(axis=0)
        out = (first <= last) & ~never
        steps = np.zeros(n + 2, dtype=np.int64)
        np.add.at(steps, first[out], 1)
        np.add.at(steps, last[out] + 1, -1)
        left_out = np.cumsum(steps)[: n + 1]
        if left_out.max() > best:
            best, found = int(left_out.max()), (int(left_out.argmax()), side)
    k, side = found
    return [side * v for v in turned.between(k)[: sets.rank]]


def _best_chamber(sets: PointSets, chambers: Chambers) -> IntegerRow:
    """The signs of all n differences of a point of b add up to n where it is left out."""
    n, m = len(sets.a), len(sets.b)
    values = np.zeros((chambers.n_lines, m))
    on = np.flatnonzero(chambers.sign)
    np.add.at(values, (chambers.group[on], on % m), chambers.sign[on])
    best, found = -1, (0, False)
    for start, block in chambers.sums(values):
        for flipped in (False, True):
            left_out = ((-block if flipped else block) == n).sum(axis=1)
            k = int(left_out.argmax())
            if left_out[k] > best:
                best, found = int(left_out[k]), (start + k, flipped)
    return chambers.direction(*found)


def _from_above(sets: PointSets, limits: Limits) -> tuple[Fraction, IntegerRow]:
    frame = sets.frame
    _, scorer = ls1_of(sets, 1e-6, limits)
    known = [] if scorer is None else [frame.image(scorer)]
    w = climb(lambda v: _left_out(frame.a @ v, frame.b @ v), starts(frame.a, frame.b, known),
              limits.seconds)  # fmt: skip
    candidates = [frame.direction(v) for v in (w, *known)]
    return min((kept_inside(*sets.projections(v)), v) for v in candidates if any(v))


def _left_out(p: Array, q: Array) -> float:
    """How many points are below; among equals, the less the others overlap the better."""
    gaps = np.sort(np.maximum(q - p.min(), 0.0))
    return float(np.count_nonzero(q < p.min()) - gaps.mean() / (1 + gaps.mean()))


def _from_below(sets: PointSets, limits: Limits, began: float) -> Fraction:
    """A point of b in the hull of a is in every half space that holds a."""
    first, second = sets.reduced
    held = 0
    tests = min(HULL_TESTS, 1 + HULL_ENTRIES // (len(first) * sets.rank))
    for y in second[:tests]:
        if limits.reached(0, time.monotonic() - began, 0, None):
            break
        rows = [[v - w for v, w in zip(x, y, strict=True)] for x in first]
        held += gordan(rows).direction is None
    return Fraction(held, len(second))
