"""LS1: the greatest ``sum of <w, m> / sum of |<w, m>|`` over all pairs' differences m = a - b."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from ..limits import Limits
from ..rational import (
    IntegerRow,
    dot,
    independent,
    integer_row,
    null_space,
    solve_affine,
    to_fraction,
)  # fmt: skip
from .linear import weakly_separating_direction
from .measure import SeparabilityMeasure
from .points import PointSets, PointsLike, point_sets
from .scores import counts, score1
from .smoothing import Descent, Smoothed
from .threads import one_thread

DIGITS = 40  # bits to which weights of pairs are rounded
# What to try and when to stop: both bounds are proved in integers, whatever these are.
FINEST = 1e-13  # of the mean |t|: a narrower band is below the rounding of float64
INNER = 1 - 1e-5  # of a weight that is believed not to be at its bound
NEARLY = 1 - 1e-6  # a score from which on it is asked whether 1 is attained
MOST_TIED = 200_000  # tied pairs with which an exact optimum is tried
MOST_DIMS = 150  # in which it is, and in which bounds are made tight by an exact system


@one_thread
def ls1(
    a: PointsLike, b: PointsLike, *, gap: float = 0.0, limits: Limits | None = None
) -> SeparabilityMeasure:
    """LS1 of two point sets, a linear program, solved without forming all pairs.

    ``LS1 = max <w, s> : sum over m of |<w, m>| <= 1`` with s the sum of all differences m = a_i -
    b_j. It is 1 iff some hyperplane separates the sets at least weakly (not all points on it), and
    0 iff both have the same mean. Dual: the least t such that s is a sum of t_m m with |t_m| <= t.

    Both bounds are proved in integers: ``low`` is the exact score of ``direction``, ``high`` of
    weights of the pairs that make up s exactly. ``exact`` is given where a vertex of the program
    and its dual were found to agree, as they do unless ties are many or the dimension is over 150.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        gap: the relative gap at which bounds are good enough where no exact optimum is found.
        limits: ``seconds``: stop there and answer with the bounds reached.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.
        ValueError: gap is negative or not a number.

    The cost: some 100 sorts of N points, and Newton steps with fewer pairs than 10 N; 2 x 2,000
    points in 20 dimensions take a second. Source: MD-LSM (arXiv 2307.13962); the smoothing is
    Madsen and Nielsen's (1993), the bounds are ours (docs/separability.md).
    """
    return ls1_of(point_sets(a, b), gap, Limits.checked(limits))[0]


def ls1_of(
    sets: PointSets, gap: float, limits: Limits
) -> tuple[SeparabilityMeasure, IntegerRow | None]:
    """LS1, and the reduced direction that attains the lower bound."""
    if sets.rank == 0 or not any(sets.total):
        zero = Fraction(0)
        return SeparabilityMeasure.between("LS1", zero, zero, None, "both means are the same"), None
    if not gap >= 0:
        raise ValueError(f"gap must be a number >= 0, not {gap!r}")
    search = _Search(sets, gap, limits)
    return search.run(), search.best


class _Search:
    def __init__(self, sets: PointSets, gap: float, limits: Limits) -> None:
        self.sets, self.gap, self.limits = sets, gap, limits
        self.frame = sets.frame
        self.first, self.second = sets.distinct
        points = self.frame.a[self.first.first], self.frame.b[self.second.first]
        self.sums = Smoothed(*points, (self.first.copies, self.second.copies))
        self.descent = Descent(self.sums, self.frame.vector(sets.total))
        self.low, self.best = Fraction(-1), [0] * sets.rank
        self.high, self.asked = Fraction(1), False
        self.least, self.proof = float("inf"), self.descent.band

    def run(self) -> SeparabilityMeasure:
        began = time.monotonic()
        self._improve(self.sets.total)
        stopped = None
        while stopped is None:
            self.descent.stage()
            self._improve(self.frame.direction(self.descent.w))
            if self._is_weak() or self._vertex():
                break
            now = self._float_gap()
            if now < self.least:
                self.least, self.proof = now, self.descent.band
            if self.least < self.gap / 8 or self.descent.h < FINEST * self.descent.band.size:
                break
            self.descent.narrow()
            stopped = self.limits.reached(0, time.monotonic() - began, 0, None)
        if self.low < self.high:
            self.high = min(self.high, self._proved())
        method = "an optimal vertex, proved by its dual" if self.low == self.high else "bounds"
        if self.low == 1:
            method = "a hyperplane separates the sets at least weakly"
        if stopped:
            method += f"; the limit on {stopped} was reached"
        return SeparabilityMeasure.between(
            "LS1", self.low, self.high, self.sets.lifted(self.best), method,
            steps=self.descent.steps, seconds=time.monotonic() - began,
        )  # fmt: skip

    def _improve(self, w: IntegerRow) -> None:
        p, q = self.sets.projections(w)
        value = score1(p, q)
        if value > self.low:
            self.low, self.best = value, w

    def _is_weak(self) -> bool:
        """Of a score near to 1 it is asked, once, whether the sets are weakly separable."""
        if self.low > NEARLY and self.low < 1 and not self.asked:
            self.asked = True
            w = weakly_separating_direction(self.sets)
            if w is not None:
                self._improve(w)
        return self.low == 1

    def _float_gap(self) -> float:
        """About the relative gap that the present weights would prove."""
        band, way = self.descent.band, self.descent.along
        rest = self.descent.across.T @ band.gradient
        high = 1 / max(float(self.descent.w @ way) * float(band.gradient @ way), 1e-300)
        return max(0.0, high * (1 + float(np.abs(rest).sum())) * band.size - 1)

    # -- the upper bound ---------------------------------------------------------------------

    def _rounded_weights(self) -> IntegerRow:
        """The sum of all differences with weights in [-1, 1], times 2**DIGITS: those of the best
        stage, rounded."""
        band = self.proof
        one = 1 << DIGITS
        rounded = np.rint(band.sigma * one).astype(np.int64).tolist()
        outside = self.sums.outside(band.below, band.above, band.order)
        rows, columns = ([one * int(v) for v in part] for part in outside)
        pairs = zip(band.first.tolist(), band.second.tolist(), strict=True)
        self._add(rows, columns, zip(pairs, rounded, strict=True))
        return self._sum(rows, columns)

    def _add(
        self, rows: list[int], columns: list[int],
        weights: Iterable[tuple[tuple[int, int], int]],
    ) -> None:  # fmt: skip
        """Give weights to pairs of different points, that is to all their copies."""
        own, other = self.first.copies, self.second.copies
        for (i, j), v in weights:
            rows[i] += int(other[j]) * v
            columns[j] += int(own[i]) * v

    def _sum(self, rows: list[int], columns: list[int]) -> IntegerRow:
        """The sum of differences, by sums of weights for each different point."""
        first = [rows[k] for k in self.first.place]
        second = [columns[k] for k in self.second.place]
        return self.sets.combination(first, second)

    def _proved(self) -> Fraction:
        """``s = y_0 h_0 + sum of y_k h_k`` exactly, where each h is a sum of all m with weights in
        [-1, 1], and h_0 nearly a multiple of s: then LS1 is at most the sum of |y_k|."""
        sets = self.sets
        if sets.rank > MOST_DIMS:
            return Fraction(1)
        main, s = self._rounded_weights(), sets.total
        share = Fraction(dot(s, s), dot(main, s) or 1)
        rest = integer_row([v - share * h for v, h in zip(s, main, strict=True)])
        if not any(rest):
            return abs(share) * (1 << DIGITS)
        scale = next(Fraction(v - share * h, r) for v, h, r in zip(s, main, rest, strict=True) if r)
        cuts = []
        for k in range(sets.rank):
            signs = counts(self.frame.a[:, k].tolist(), self.frame.b[:, k].tolist())
            cuts.append(sets.combination(*signs))
        try:
            found = fmpz_mat(cuts).transpose().solve(fmpz_mat([[v] for v in rest]))
        except ZeroDivisionError:
            return Fraction(1)
        cost = sum((abs(to_fraction(v)) for v in found.entries()), Fraction(0))
        return abs(share) * (1 << DIGITS) + abs(scale) * cost

    # -- an exact optimum --------------------------------------------------------------------

    def _vertex(self) -> bool:
        """Take the pairs within the band for those that are tied at the optimum: exactly there, do
        the others' signs and weights in [-1, 1] of the tied make up a multiple of s?"""
        sets, band = self.sets, self.descent.band
        if sets.rank > MOST_DIMS or len(band.sigma) > 50 * sets.rank + 1000:
            return False
        inner = np.flatnonzero(np.abs(band.sigma) < INNER)
        inner = inner[np.argsort(np.abs(band.sigma[inner]), kind="stable")]
        pairs = [(int(band.first[k]), int(band.second[k])) for k in inner]
        rows = [self._difference(i, j) for i, j in pairs]
        chosen = independent(rows, sets.rank) if rows else []
        if len(chosen) >= sets.rank:
            return False
        w = self._near([rows[k] for k in chosen])
        if w is None:
            return False
        value = score1(*sets.projections(w))
        if value < 0:
            return False
        if value > self.low:
            self.low, self.best = value, w
        return self._is_optimal(w, [pairs[k] for k in chosen])

    def _difference(self, i: int, j: int) -> IntegerRow:
        return self.sets.difference(int(self.first.first[i]), int(self.second.first[j]))

    def _near(self, tied: list[IntegerRow]) -> IntegerRow | None:
        """A direction that ties these pairs exactly, near to the present one."""
        free = null_space(tied, self.sets.rank)
        if len(free) == 1:
            w = free[0]
            return w if dot(w, self.sets.total) > 0 else [-v for v in w]
        now = self.frame.direction(self.descent.w)
        size = max(map(abs, now)) or 1
        basis = np.array([[v / max(map(abs, f)) for v in f] for f in free])
        aim = np.array([v / size for v in now])
        share = np.linalg.lstsq(basis.T, aim, rcond=None)[0]
        parts = [Fraction(float(c)) / max(map(abs, f)) for c, f in zip(share, free, strict=True)]
        w = integer_row([sum((c * f[k] for c, f in zip(parts, free, strict=True)), Fraction(0))
                         for k in range(self.sets.rank)])  # fmt: skip
        return w if any(w) else None

    def _is_optimal(self, w: IntegerRow, chosen: list[tuple[int, int]]) -> bool:
        """``mu s = sum of sgn(t) m + sum over tied pairs of lambda m`` with |lambda| <= 1: then
        LS1 = 1 / mu, the score of w. Of the tied pairs the chosen ones' lambda are unknown, the
        others have their smoothed weights, also beyond the band."""
        sets = self.sets
        p, q = sets.projections(w)
        tied = _tied([p[k] for k in self.first.first], [q[k] for k in self.second.first])
        if tied is None:
            return False
        one = 1 << DIGITS
        rows, columns = [0] * len(self.first.first), [0] * len(self.second.first)
        near_p, near_q = self.sums.a @ self.descent.w, self.sums.b @ self.descent.w
        for i, j in set(tied) - set(chosen):
            sigma = float(near_p[i] - near_q[j]) / self.descent.h
            self._add(rows, columns, [((i, j), round(max(-1.0, min(1.0, sigma)) * one))])
        others = self._sum(rows, columns)
        signs = sets.combination(*counts(p, q))
        fixed = [one * v + u for v, u in zip(signs, others, strict=True)]
        unknown = [sets.total, *([-v for v in self._difference(i, j)] for i, j in chosen)]
        equations = [[*(u[k] for u in unknown), -fixed[k]] for k in range(sets.rank)]
        found = solve_affine(equations, len(unknown))
        if found is None or found[0] <= 0:
            return False
        own, other = self.first.copies, self.second.copies
        most = [one * int(own[i]) * int(other[j]) for i, j in chosen]
        if any(abs(v) > bound for v, bound in zip(found[1:], most, strict=True)):
            return False
        self.high = min(self.high, one / found[0])
        return self.low == self.high


def _tied(p: Sequence[int], q: Sequence[int]) -> list[tuple[int, int]] | None:
    """The pairs with equal projections; None if they are too many."""
    places: dict[int, list[int]] = {}
    for j, v in enumerate(q):
        places.setdefault(v, []).append(j)
    if sum(len(places.get(v, ())) for v in p) > MOST_TIED:
        return None
    return [(i, j) for i, v in enumerate(p) for j in places.get(v, ())]
