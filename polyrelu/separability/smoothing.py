"""Minimise the sum of ``|<w, a - b>|`` over all pairs on a hyperplane of w, without forming pairs.

The absolute value is made quadratic on [-h, h], and h falls: Madsen and Nielsen's finite smoothing
for least absolute deviations (SIAM J. Optim. 3, 1993). A minimum for one h gives weights sigma =
clip(t / h, -1, 1) of the pairs, which are feasible for the dual: a bound from the other side. Pairs
with |t| >= h enter by their number only, which sorting tells; those within one by one.

Float64 guesses; :mod:`.ls1` proves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .ascent import unit

Indices = npt.NDArray[np.intp]

BAND = 40_000  # pairs within the first band, about
SHRINK = 0.15  # of h from stage to stage
NEWTON = 40  # steps in a stage
TRIALS = 30  # in a line search


@dataclass(frozen=True)
class Band:
    """The gradient of the smoothed mean at w, and the pairs within the band.

    Attributes:
        size: the mean of |t| over all pairs, not smoothed.
        gradient: of the smoothed mean, shape (rank,).
        order: b by rising projection.
        below, above: for each a the places in ``order`` of its pairs within the band: from
            below[i] up to, but without, above[i].
        first, second: the pairs within, as indices.
        sigma: their weights.
        copies: how often each of them counts.
    """

    size: float
    gradient: Array
    below: Indices
    above: Indices
    order: Indices
    first: Indices
    second: Indices
    sigma: Array
    copies: Array


class Smoothed:
    """The smoothed mean over all pairs of two sets of different points.

    Args:
        a, b: shape (n, rank) and (m, rank).
        copies: how often each point of a, and of b, counts.
    """

    def __init__(self, a: Array, b: Array, copies: tuple[Array, Array]) -> None:
        self.a, self.b = a, b
        self.copies = copies
        self.n_pairs = float(copies[0].sum() * copies[1].sum())

    def at(self, w: Array, h: float) -> Band:
        """O(N log N), and the number of pairs within the band."""
        p, q = self.a @ w, self.b @ w
        order = np.argsort(q, kind="stable")
        ranked = q[order]
        below = np.searchsorted(ranked, p - h, "left")
        above = np.searchsorted(ranked, p + h, "right")
        inside = above - below
        first = np.repeat(np.arange(len(p)), inside)
        ends = np.cumsum(inside)
        places = np.arange(ends[-1]) - np.repeat(ends - inside, inside) + below[first]
        second = order[places]
        sigma = np.clip((p[first] - ranked[places]) / h, -1.0, 1.0)
        rows, columns = self.outside(below, above, order)
        own, other = self.copies
        rows += np.bincount(first, sigma * other[second], len(p))
        columns += np.bincount(second, sigma * own[first], len(q))
        return Band(
            self._size(p, ranked, order) / self.n_pairs,
            ((own * rows) @ self.a - (other * columns) @ self.b) / self.n_pairs,
            below, above, order, first, second, sigma, own[first] * other[second],
        )  # fmt: skip

    def outside(self, below: Indices, above: Indices, order: Indices) -> tuple[Array, Array]:
        """For each point the sum of the weights of its pairs that are not within the band, 1 below
        it and -1 above: integers."""
        own, other = self.copies
        sums = np.concatenate([[0.0], np.cumsum(other[order])])
        rows = sums[below] + sums[above] - sums[-1]
        m = len(order)
        over = own.sum() - np.cumsum(np.bincount(below, own, m + 1))[:m]
        under = np.cumsum(np.bincount(above, own, m + 1))[:m]
        columns = np.empty(m)
        columns[order] = over - under
        return rows, columns

    def _size(self, p: Array, ranked: Array, order: Indices) -> float:
        """The sum of |t|."""
        own, other = self.copies
        k = np.searchsorted(ranked, p, "left")
        numbers = np.concatenate([[0.0], np.cumsum(other[order])])
        sums = np.concatenate([[0.0], np.cumsum(other[order] * ranked)])
        each = p * (2 * numbers[k] - numbers[-1]) - 2 * sums[k] + sums[-1]
        return float(own @ each)

    def hessian(self, band: Band, h: float) -> Array:
        """The sum of m m' over the band, by its incidence matrix: the pairs' m are not formed."""
        from scipy.sparse import csr_array

        shape = (len(self.a), len(self.b))
        ends = np.concatenate([[0], np.cumsum(band.above - band.below)])
        incidence = csr_array((band.copies, band.second, ends), shape=shape)
        mixed = self.a.T @ (incidence @ self.b)
        rows = incidence.sum(axis=1)
        columns = incidence.sum(axis=0)
        own = (self.a.T * rows) @ self.a + (self.b.T * columns) @ self.b
        found: Array = (own - mixed - mixed.T) / (h * self.n_pairs)
        return found

    def first_band(self, w: Array, rng: np.random.Generator) -> float:
        """A width such that some :data:`BAND` pairs are within."""
        i = rng.integers(len(self.a), size=20_000)
        j = rng.integers(len(self.b), size=20_000)
        t = np.abs(np.sum((self.a[i] - self.b[j]) * w, axis=1))
        share = min(0.3, BAND / self.n_pairs)
        return max(float(np.quantile(t, share)), 1e-6 * float(t.max()), 1e-300)


class Descent:
    """Minimise on ``{w : <w, target> = |target|}``, stage by stage."""

    def __init__(self, sums: Smoothed, target: Array) -> None:
        self.sums = sums
        self.along = unit(target)
        self.w = self.along.copy()
        # The other columns of a reflection that takes the first axis to the target.
        mirror = self.along.copy()
        mirror[0] += np.copysign(1.0, mirror[0])
        size = mirror @ mirror
        self.across = (np.eye(len(target)) - 2 / size * np.outer(mirror, mirror))[:, 1:]
        self.h = sums.first_band(self.w, np.random.default_rng(0))
        self.band = sums.at(self.w, self.h)
        self.steps = 0

    def stage(self) -> None:
        """Newton's method for the present h."""
        for _ in range(NEWTON):
            slope = self.across.T @ self.band.gradient
            size = float(np.linalg.norm(slope))
            # A weight within the band is off by the rounding of t over h: there it stops.
            noise = 1e-15 + 4e-16 * self.band.copies.sum() / (self.h * self.sums.n_pairs)
            if size <= noise or not self._step(slope, size):
                return

    def narrow(self) -> None:
        self.h *= SHRINK
        self.band = self.sums.at(self.w, self.h)

    def _step(self, slope: Array, size: float) -> bool:
        self.steps += 1
        curved = self.across.T @ self.sums.hessian(self.band, self.h) @ self.across
        ridge = 1e-12 * np.trace(curved) + 1e-3 * size  # of the step alone, which is a guess
        move = -np.linalg.solve(curved + ridge * np.eye(len(slope)), slope)
        falling = float(slope @ move)
        if not falling < 0:
            return False
        way = self.across @ move
        found = self._search(way, falling)
        if found is None:
            return False
        self.w, self.band = found
        return True

    def _search(self, way: Array, falling: float) -> tuple[Array, Band] | None:
        """Where the slope along a way is nearly 0: the function is convex."""
        low, high, t = 0.0, np.inf, 1.0
        slope_low, least, best = falling, -falling, None
        for _ in range(TRIALS):
            w = self.w + t * way
            band = self.sums.at(w, self.h)
            slope = float(band.gradient @ way)
            if abs(slope) < least:  # values differ by less than their rounding in the end
                least, best = abs(slope), (w, band)
            if abs(slope) <= 0.1 * -falling:
                break
            if slope < 0:
                low, slope_low = t, slope
                t = 4 * t if np.isinf(high) else (low + high) / 2
            else:
                high = t
                # A chord, kept away from the ends.
                cut = low + (high - low) * slope_low / (slope_low - slope)
                t = min(max(cut, low + 0.1 * (high - low)), high - 0.1 * (high - low))
        return best
