"""LS0: the greatest fraction of the differences m = a - b with <w, m> > 0, over all w."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from ..limits import Limits
from ..network import Array
from ..rational import IntegerRow
from .ascent import climb, starts
from .chambers import Chambers, by_line, chambers_of
from .cones import ConeSearch
from .gauge import gauge
from .linear import separating_direction
from .ls1 import ls1_of
from .measure import SeparabilityMeasure
from .points import PointSets, PointsLike, point_sets
from .scores import score0
from .threads import one_thread

_Bounds = tuple[Fraction, Fraction, IntegerRow, str]  # low, high, direction, method


@one_thread
def ls0(a: PointsLike, b: PointsLike, *, limits: Limits | None = None) -> SeparabilityMeasure:
    """LS0 of two point sets: the best area under a linear scorer's ROC curve, ties not counted.

    ``max over w of #{(i, j) : <w, a_i - b_j> > 0} / (n m)``: the largest part of the differences
    that lies in an open half space, which is NP-hard if the dimension is free. It is 1 iff the sets
    are linearly separable; for differences in general position the signed count is 2 LS0 - 1.

    Exact in the plane (an angular sweep, O(P log P) for P pairs up to 5 million); if the sets are
    separable; and in more dimensions if there are at most 200,000 chambers of differences, of which
    there are some P^(d - 1) / (d - 1)!. Beyond that ``low`` is the exact score of the best
    direction found. ``high`` is proved: in up to 5 dimensions by branch and bound, which is near if
    P is not too large; in more by LS1, which is seldom near.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        limits: ``regions``: how many chambers may be enumerated; ``seconds``.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    Source: MD-LSM (arXiv 2307.13962).
    """
    began = time.monotonic()
    sets = point_sets(a, b)
    limits = Limits.checked(limits)
    if sets.rank == 0:
        return SeparabilityMeasure.between(
            "LS0", Fraction(0), Fraction(0), None, "all points are the same"
        )
    found = _solved(sets, limits)
    low, high, w, method = _bounded(sets, limits) if found is None else found
    return SeparabilityMeasure.between("LS0", low, high, sets.lifted(w), method,
                                       seconds=time.monotonic() - began)  # fmt: skip


def _solved(sets: PointSets, limits: Limits) -> _Bounds | None:
    """The exact value, where it can be had."""
    if sets.rank > 2:
        separating = separating_direction(sets)
        if separating is not None:
            return Fraction(1), Fraction(1), separating, "linearly separable"
    chambers = chambers_of(sets, limits)
    if chambers is None:
        return None
    value, w = _best_chamber(sets, chambers)
    return value, value, w, "angular sweep" if sets.rank <= 2 else "enumeration of all chambers"


def _best_chamber(sets: PointSets, chambers: Chambers) -> tuple[Fraction, IntegerRow]:
    """The signs of all differences add up to (positive - negative) in a chamber."""
    signed = by_line(chambers, np.ones((sets.n_pairs, 1)))
    best, place = -np.inf, (0, False)
    for start, block in chambers.sums(signed):
        for flipped, values in ((False, block[:, 0]), (True, -block[:, 0])):
            k = int(values.argmax())
            if values[k] > best:
                best, place = float(values[k]), (start + k, flipped)
    w = chambers.direction(*place)
    value = score0(*sets.projections(w))
    counted = Fraction(int(best) + int(np.count_nonzero(chambers.sign)), 2 * sets.n_pairs)
    assert value == counted, "the count of a chamber is that of a direction in it"
    return value, w


def _bounded(sets: PointSets, limits: Limits) -> _Bounds:
    """From below by trial, from above by LS1 and what part one difference can have of it."""
    linear, scorer = ls1_of(sets, 1e-6, limits)
    frame = sets.frame
    known = [] if scorer is None else [frame.image(scorer)]
    w = climb(lambda v: _auc(frame.a @ v, frame.b @ v), starts(frame.a, frame.b, known),
              limits.seconds)  # fmt: skip
    candidates = [frame.direction(v) for v in (w, *known)]
    low, best = max((score0(*sets.projections(v)), v) for v in candidates)
    parts = gauge(sets)
    negative = 1 if parts is None else max(1, parts.least_negative(Fraction(linear.high)))
    high = 1 - Fraction(negative, sets.n_pairs)
    method = "bounds by trial and by LS1"
    search = ConeSearch(sets, limits.seconds)
    if search.possible:
        found = search.run(best)
        low, best = Fraction(found.low, sets.n_pairs), found.w
        high = min(high, Fraction(found.high, sets.n_pairs))
        method = "branch and bound over cones"
    return low, high, best, method


def _auc(p: Array, q: Array) -> float:
    return float(np.searchsorted(np.sort(q), p, "left").mean()) / len(q)
