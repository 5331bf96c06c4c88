"""LS2: the greatest ``sum of sgn(<w, m>) <w, m>^2 / sum of <w, m>^2`` over the differences m.

In a chamber of directions the numerator is a quadratic form w' S w, the denominator w' T w is one
everywhere. Their quotient has a continuous gradient, as t |t| has: so a maximum, also one between
chambers, is an eigenvector, S w = LS2 T w, of every chamber in whose closure it lies. No program on
a boundary is needed: the maximum is the greatest eigenvalue with an eigenvector in its own closed
chamber.
"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..limits import Limits
from ..network import Array
from ..rational import IntegerRow
from .ascent import starts, unit
from .chambers import Chambers, by_line, chambers_of
from .gauge import gauge
from .ls1 import ls1_of
from .measure import SeparabilityMeasure
from .points import Frame, PointSets, PointsLike, point_sets
from .scores import score2
from .threads import one_thread

UNIT = 2.0**-53
ROUNDS = 100  # of the fixed-point iteration
RANDOM_STARTS = 4
AT_ONCE = 1 << 22  # entries of walls that are looked at together


@one_thread
def ls2(a: PointsLike, b: PointsLike, *, limits: Limits | None = None) -> SeparabilityMeasure:
    """LS2 of two point sets: of the squared differences along w, what is positive less what is not.

    The value is algebraic, so there are bounds: some 1e-11 apart (1e-8 for a million pairs) if the
    dimension is 2 or there are at most 200,000 chambers of differences; else ``low`` is the exact
    score of the best direction found, ``high`` a bound by LS1 that is seldom near. It is 1,
    exactly, iff some hyperplane separates the sets at least weakly.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        limits: ``regions``: how many chambers may be enumerated; ``seconds``.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    The cost is that of the chambers, and an eigenvalue problem each. Source: MD-LSM (arXiv
    2307.13962); the method is ours (docs/separability.md).
    """
    began = time.monotonic()
    sets = point_sets(a, b)
    limits = Limits.checked(limits)
    if sets.rank == 0:
        return SeparabilityMeasure.between(
            "LS2", Fraction(0), Fraction(0), None, "all points are the same"
        )
    linear, scorer = ls1_of(sets, 1e-6, limits)
    low, best = _from_below(sets, scorer)
    high, method = Fraction(1), "a hyperplane separates the sets at least weakly"
    if low < 1 and sets.rank == 1:
        high, method = low, "both directions"
    elif low < 1:
        high, method = _from_above(sets, linear), "bounds by iteration and by LS1"
        chambers = chambers_of(sets, limits)
        if chambers is not None:
            low, best, high = _Eigenvectors(sets, chambers, low, best, high).run()
            method = "eigenvectors of all chambers"
    return SeparabilityMeasure.between("LS2", low, high, sets.lifted(best), method,
                                       seconds=time.monotonic() - began)  # fmt: skip


def _from_above(sets: PointSets, linear: SeparabilityMeasure) -> Fraction:
    parts = gauge(sets)
    if parts is None:
        return Fraction(1)
    return 1 - 2 * parts.least_negative_square(Fraction(linear.high))


# --- a good direction -----------------------------------------------------------------------------


def _from_below(sets: PointSets, scorer: IntegerRow | None) -> tuple[Fraction, IntegerRow]:
    """The best of what the iteration, and LS1's direction, come to; exactly."""
    frame, rng = sets.frame, np.random.default_rng(0)
    known = [] if scorer is None else [frame.image(scorer)]
    guesses = starts(frame.a, frame.b, known)
    guesses += list(rng.normal(size=(RANDOM_STARTS, sets.rank)))
    ways = [frame.direction(_iterated(frame, unit(w))) for w in guesses]
    ways += [] if scorer is None else [scorer]
    ways = [signed for w in ways if any(w) for signed in (w, [-v for v in w])]
    return max((score2(*sets.projections(w)), w) for w in ways)


def _iterated(frame: Frame, w: Array) -> Array:
    """In the frame the denominator is nearly |w|^2, so the numerator and |w|^2 have a convex sum,
    which rises at each step to its own gradient."""
    for _ in range(ROUNDS):
        p, q = frame.a @ w, frame.b @ w
        rows, columns = _distances(p, q), _distances(q, p)
        moved = unit((rows @ frame.a - columns @ frame.b) / (len(p) * len(q)) + w)
        done = float(np.abs(moved - w).max()) < 1e-12  # the score of w is exact whatever w is
        w = moved
        if done:
            break
    return w


def _distances(p: Array, q: Array) -> Array:
    """For each p the sum of the distances to all q."""
    ranked = np.sort(q)
    sums = np.concatenate([[0.0], np.cumsum(ranked)])
    k = np.searchsorted(ranked, p)
    found: Array = p * (2 * k - len(q)) - 2 * sums[k] + sums[-1]
    return found


# --- all chambers ---------------------------------------------------------------------------------


class _Eigenvectors:
    """Which eigenvectors may lie in their own chambers, by float64 with bounds on all errors.

    All forms are over the number of pairs. With M the exact image of a difference under the frame's
    map and m its float64 image, ``slack`` bounds |M - m|, ``error`` how far a computed form may be
    from the true one in the Frobenius norm, and ``skew`` how far T is from the unit matrix.
    """

    def __init__(
        self, sets: PointSets, chambers: Chambers, low: Fraction, best: IntegerRow, most: Fraction
    ) -> None:
        self.sets, self.chambers, self.low, self.best = sets, chambers, low, best
        self.most = most
        frame = sets.frame
        self.m = (frame.a[:, None, :] - frame.b[None, :, :]).reshape(-1, sets.rank)
        sizes = np.sqrt((self.m**2).sum(axis=1))
        entry = 8 * (sets.rank + 8) * UNIT * np.abs(frame.map).sum(axis=1)
        self.slack = float(np.sqrt((entry**2).sum()) + 4 * UNIT * sizes.max())
        mean = float((sizes**2).mean())
        # Sums over P pairs, running sums of these, and what eigh loses.
        rounding = (4 * len(self.m) + 100 * sets.rank**2) * UNIT * mean
        self.error = 1.1 * (2 * float(sizes.mean()) * self.slack + self.slack**2 + rounding)
        moment = self.m.T @ self.m / len(self.m)
        self.skew = float(np.linalg.norm(moment - np.eye(sets.rank))) + self.error
        on = chambers.sign != 0
        pair = np.zeros(chambers.n_lines, dtype=np.int64)
        pair[chambers.group[on]] = np.flatnonzero(on)
        self.line = self.m[pair] * chambers.sign[pair, None]
        self.size = sizes[pair]

    def run(self) -> tuple[Fraction, IntegerRow, Fraction]:
        """Bounds, and the direction of the lower one."""
        if not self.skew < 0.5:
            return self.low, self.best, self.most
        # |S w - LS2 w| for a true maximum w of length 1, with the computed S.
        residual = 2 * (self.error + self.skew)
        r = self.sets.rank
        upper = np.triu_indices(r)
        products = self.m[:, upper[0]] * self.m[:, upper[1]] / len(self.m)
        high = float(self.low)
        for start, block in self.chambers.sums(by_line(self.chambers, products)):
            forms = np.zeros((len(block), r, r))
            forms[:, upper[0], upper[1]] = block
            forms[:, upper[1], upper[0]] = block
            values, vectors = np.linalg.eigh(forms)
            sizes = np.abs(values)
            # In many chambers 1 is a multiple eigenvalue, of directions that some m are 0 on.
            possible = sizes <= float(self.most) + 2 * residual
            wanted = np.argwhere((sizes >= float(self.low) - 2 * residual) & possible)
            n_walls = self.chambers.walls(np.arange(1))[0].size * r
            for part in np.array_split(wanted, 1 + len(wanted) * n_walls // AT_ONCE):
                high = max(high, self._highest(start, part, values, vectors, residual))
        return self.low, self.best, min(self.most, max(self.low, Fraction(high)))

    def _highest(
        self, start: int, wanted: npt.NDArray[np.intp], values: Array, vectors: Array,
        residual: float,
    ) -> float:  # fmt: skip
        """The greatest eigenvalue of those that are not certainly outside of their chambers."""
        if len(wanted) == 0:
            return -1.0
        cell, k = wanted.T
        w = vectors[cell, :, k]
        own = values[cell, k]
        gaps = np.abs(values[cell] - own[:, None])
        gaps[np.arange(len(cell)), k] = np.inf
        # A true maximum is this far from the computed eigenvector at most (Davis and Kahan).
        turned = 3 * residual / np.maximum(gaps.min(axis=1) - 2 * residual, 1e-300)
        walls, sides = self.chambers.walls(cell + start)
        along = np.einsum("kr,kcr->kc", w, self.line[walls]) * sides
        unsure = np.minimum(turned, 2.0)[:, None] * self.size[walls] + 2 * self.slack
        inside = ~(along < -unsure).any(axis=1) | ~(along > unsure).any(axis=1)
        if not inside.any():
            return -1.0
        self._evaluate(w[inside][np.abs(own[inside]).argmax()])
        return float(np.abs(own[inside]).max()) + 4 * residual

    def _evaluate(self, w: Array) -> None:
        found = self.sets.frame.direction(w)
        for signed in (found, [-v for v in found]):
            value = score2(*self.sets.projections(signed))
            if value > self.low:
                self.low, self.best = value, signed
