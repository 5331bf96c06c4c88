"""The ball degree of Zhong and Lyu: 1 - z, z the radius of the smallest ball that holds the unit
vectors m / |m| of all differences m = a - b.

The vectors have length 1, so z^2 = 1 - rho^2, where rho is the distance of their convex hull from
the origin: the greatest margin, over unit directions w, of all ``<w, m> / |m|``. It is positive iff
the sets are linearly separable. A point of the hull bounds rho from above, a direction from below.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np

from ..limits import Limits
from ..network import Array, quotient
from ..queries.singular import down, root_of, root_up, up
from ..rational import IntegerRow, dot
from .linear import separating_direction
from .measure import SeparabilityMeasure, rounded
from .points import PointSets, PointsLike, point_sets
from .threads import one_thread

UNIT = 2.0**-53
STEPS = 400  # of the active-set method: each takes one pair in
BLOCK = 1 << 22  # entries that are looked at together
ROWS = 256
TAKEN = 20  # pairs that are taken in at once
TOLERANCE = 1e-13  # at which the iteration is content; bounds do not depend on it


@one_thread
def ball_degree(
    a: PointsLike, b: PointsLike, *, limits: Limits | None = None
) -> SeparabilityMeasure:
    """1 - z: 0 iff the sets are not linearly separable; 1 iff all a - b are parallel.

    z is the radius of the smallest ball that holds the unit vectors of all differences a - b.

    Whether it is positive is decided exactly (:func:`polyrelu.is_linearly_separable`); its value is
    algebraic and has proved bounds, some 1e-12 apart. It depends on the metric: it does not change
    with translations, rotations and scale, but with other linear maps.

    Args:
        a, b: shape (n, dim) and (m, dim): float64, or fractions.
        limits: ``seconds``: stop there and answer with the bounds reached.

    Returns:
        ``stats["radius"]`` has bounds on z. ``direction`` attains the margin of ``low``.

    Raises:
        PointsError: an empty set, different dimensions, NaN, infinity.

    The cost: some tens of passes over all P pairs, in blocks nothing of size P is kept. Source:
    Zhong and Lyu (TPAMI 2024); that z^2 = 1 - rho^2 is proved in docs/separability.md.
    """
    began = time.monotonic()
    sets, limits = point_sets(a, b), Limits.checked(limits)
    w = separating_direction(sets) if sets.rank else None
    if w is None:
        zero = Fraction(0)
        return SeparabilityMeasure.between("ball", zero, zero, None, "not linearly separable",
                                           radius=(1.0, 1.0))  # fmt: skip
    if sets.rank == 1:
        one = Fraction(1)
        return SeparabilityMeasure.between("ball", one, one, sets.lifted(w),
                                           "all differences are parallel",
                                           radius=(0.0, 0.0))  # fmt: skip
    search = _Margin(sets, limits, began)
    low, high = search.run(np.array(rounded(sets.lifted(w))))
    least, most = 1 - high * high, 1 - low * low  # of the radius squared
    radius = (root_of(least) if least > 0 else Fraction(0), Fraction(root_up(most)))
    return SeparabilityMeasure.between(
        "ball", max(1 - radius[1], Fraction(0)), 1 - radius[0],
        tuple(Fraction(float(v)) for v in search.w),
        "nearest point of the hull of the unit differences",
        radius=(down(radius[0]), up(radius[1])), steps=search.steps,
        seconds=time.monotonic() - began,
    )  # fmt: skip


class _Margin:
    """Pairs that make up the hull's nearest point; those that are nearer than it are taken in."""

    def __init__(self, sets: PointSets, limits: Limits, began: float) -> None:
        self.sets, self.limits, self.began = sets, limits, began
        shift = max(abs(v) for x in [*sets.a, *sets.b] for v in x).bit_length()
        self.a, exact_a = _scaled(sets.a, shift)
        self.b, exact_b = _scaled(sets.b, shift)
        self.exact = exact_a and exact_b
        self.steps = 0

    def run(self, w: Array) -> tuple[Fraction, Fraction]:
        """Bounds on the margin; ``w`` attains the lower one."""
        self.w, least = w, self._proved_margin(w)
        way, before = w, np.inf
        chosen = self._nearest(w)[1]
        while self.steps < STEPS:
            self.steps += 1
            weights = self._weights(chosen)
            kept = np.flatnonzero(weights)
            proof = [chosen[k] for k in kept], weights[kept]
            point = self._unit(proof[0]).T @ proof[1] / proof[1].sum()
            length = float(np.linalg.norm(point))
            if not 0 < length < before:  # as it must get, but for rounding
                break
            way, before = point / length, length
            margin, near = self._nearest(way)
            chosen = list(dict.fromkeys([*proof[0], *near]))
            stopped = self.limits.reached(0, time.monotonic() - self.began, 0, None)
            if stopped or length - margin <= TOLERANCE or len(chosen) == len(kept):
                break
        most = self._proved_distance(*proof)
        value = self._proved_margin(way)
        if value > least:
            least, self.w = value, way
        return min(least, most), most

    def _unit(self, pairs: Sequence[tuple[int, int]]) -> Array:
        i, j = np.array(pairs).T
        m = self.a[i] - self.b[j]
        found: Array = m / np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-300)
        return found

    def _weights(self, pairs: Sequence[tuple[int, int]]) -> Array:
        """Of the nearest point, times a factor: the least ``|sum y u|^2 + (1 - sum y)^2``."""
        from scipy.optimize import nnls

        system = np.vstack([self._unit(pairs).T, np.ones(len(pairs))])
        try:
            found: Array = nnls(system, np.eye(len(system))[-1])[0]
        except RuntimeError:  # too many steps
            return np.ones(len(pairs))
        return found if found.any() else np.ones(len(pairs))

    def _blocks(self) -> Iterator[tuple[int, Array]]:
        step = max(1, BLOCK // self.b.size)
        for start in range(0, len(self.a), step):
            yield start, self.a[start : start + step, None, :] - self.b[None]

    def _nearest(self, w: Array) -> tuple[float, list[tuple[int, int]]]:
        """The least cosine of a difference and w, and some pairs with small ones."""
        least: list[tuple[float, int, int]] = []
        q = self.b @ w
        squares = (self.b**2).sum(axis=1)
        for start in range(0, len(self.a), ROWS):
            x = self.a[start : start + ROWS]
            sizes = (x**2).sum(axis=1)[:, None] + squares - 2 * x @ self.b.T
            with np.errstate(all="ignore"):
                cosine = ((x @ w)[:, None] - q) / np.sqrt(np.maximum(sizes, 1e-300))
            j = cosine.argmin(axis=1)
            worst = cosine[np.arange(len(x)), j]
            for i in np.argsort(worst)[:TAKEN].tolist():
                least.append((float(worst[i]), start + i, int(j[i])))
        least.sort()
        return least[0][0], [(i, j) for _, i, j in least[:TAKEN]]

    def _proved_margin(self, w: Array) -> Fraction:
        """At most the least ``<w, m> / (|w| |m|)`` over all pairs; 0 if it may be less."""
        n = self.a.shape[1]
        rounding = (3 * n + 20) * UNIT * float(np.linalg.norm(w)) * 1.01
        ends = float(
            np.sqrt((self.a**2).sum(axis=1).max()) + np.sqrt((self.b**2).sum(axis=1).max())
        )
        worst = np.inf
        for _, m in self._blocks():
            size = np.sqrt((m**2).sum(axis=2))
            if not size.min() > 1e-140:  # squares might underflow: no margin is proved
                return Fraction(0)
            value = (m @ w) / size - rounding
            if not self.exact:
                value = value - 4 * UNIT * ends * float(np.linalg.norm(w)) / size
            worst = min(worst, float(value.min()))
        length = root_up(sum((Fraction(float(v)) ** 2 for v in w), Fraction(0)))
        return max(Fraction(worst) / Fraction(length), Fraction(0))

    def _proved_distance(self, pairs: Sequence[tuple[int, int]], weights: Array) -> Fraction:
        """At least the distance of the hull: ``|sum y m| / sum y |m|`` for these, all y > 0."""
        total, size = [Fraction(0)] * self.sets.dim, Fraction(0)
        for (i, j), y in zip(pairs, weights.tolist(), strict=True):
            m = [v - w for v, w in zip(self.sets.a[i], self.sets.b[j], strict=True)]
            length = root_of(Fraction(dot(m, m)))
            share = Fraction(y / quotient(length.numerator, length.denominator))
            total = [t + share * v for t, v in zip(total, m, strict=True)]
            size += share * length
        if size == 0:
            return Fraction(1)
        return min(Fraction(1), Fraction(root_up(sum((t * t for t in total), Fraction(0)))) / size)


def _scaled(points: list[IntegerRow], shift: int) -> tuple[Array, bool]:
    """The points divided by a power of two, and whether float64 holds them exactly."""
    scale = 1 << shift
    found = np.array([[quotient(v, scale) for v in x] for x in points])
    flat = zip(found.ravel().tolist(), (v for x in points for v in x), strict=True)
    return found, all(u == 0 if v == 0 else Fraction(u) * scale == v for u, v in flat)
