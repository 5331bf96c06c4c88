"""How many patterns are there, if a sample saw these? Estimators of species richness.

They know nothing of networks: how often each pattern was seen is all they use. f_k is the number of
patterns seen exactly k times, n the number of points, S the number of patterns seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
import numpy.typing as npt

from ..errors import PointsError
from .sample import Counts, Sample

RARE = 10  # ACE: patterns seen at most so often
NORMAL_95 = 1.959963984540054


@dataclass(frozen=True)
class Richness:
    """An estimate of how many patterns there are.

    Attributes:
        name: of the estimator.
        estimate: the number; infinite where the estimator has no value.
        seen: how many patterns were seen.
        variance: of the estimator, as it estimates that itself; None if it does not.
    """

    name: str
    estimate: float
    seen: int
    variance: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """An approximate 95 % interval: that of a log-normal number of unseen patterns (Chao,
        Biometrics 1987). For large samples, and no bound; None without a variance."""
        unseen = self.estimate - self.seen
        if self.variance is None or not np.isfinite(self.estimate):
            return None
        if unseen <= 0:
            return float(self.seen), float(self.seen)
        factor = exp(NORMAL_95 * sqrt(log(1 + self.variance / unseen**2)))
        return self.seen + unseen / factor, self.seen + unseen * factor


def frequencies(counts: npt.ArrayLike | Sample) -> Counts:
    """``f[k]`` patterns were seen exactly k times, k = 0, ..., the greatest count; ``f[0] == 0``.

    Raises:
        PointsError: counts that are no positive integers, or none.
    """
    values = np.asarray(counts.counts if isinstance(counts, Sample) else counts)
    if values.ndim != 1 or values.dtype.kind not in "iu" or not len(values) or values.min() < 1:
        raise PointsError("counts must be positive integers, one for each pattern that was seen")
    return np.bincount(values.astype(np.int64)).astype(np.int64)


def _summary(counts: npt.ArrayLike | Sample) -> tuple[Counts, int, int, int, int]:
    """f, n, S, f_1, f_2."""
    f = frequencies(counts)
    n = int(f @ np.arange(len(f)))
    return f, n, int(f.sum()), int(f[1]), int(f[2]) if len(f) > 2 else 0


def chao1(counts: npt.ArrayLike | Sample) -> Richness:
    """S + (n-1)/n f_1^2 / (2 f_2), and where f_2 = 0 its bias-corrected form (Chao, Scandinavian
    Journal of Statistics 1984; variances as in Chao and Chiu 2016). In expectation nearly a lower
    bound, as long as no pattern is invented."""
    _, n, seen, f1, f2 = _summary(counts)
    if f2 == 0:
        found = chao1_bias_corrected(counts)
        return Richness("chao1", found.estimate, seen, found.variance)
    a, r = (n - 1) / n, f1 / f2
    variance = f2 * (a / 2 * r**2 + a**2 * r**3 + a**2 / 4 * r**4)
    return Richness("chao1", seen + a * f1 * f1 / (2 * f2), seen, variance)


def chao1_bias_corrected(counts: npt.ArrayLike | Sample) -> Richness:
    """S + (n-1)/n f_1 (f_1 - 1) / (2 (f_2 + 1)) (Chao, in Encyclopedia of Statistical Sciences
    2005)."""
    _, n, seen, f1, f2 = _summary(counts)
    a, g = (n - 1) / n, f2 + 1
    unseen = a * f1 * (f1 - 1) / (2 * g)
    if f2 > 0:
        variance = (
            unseen
            + a**2 * f1 * (2 * f1 - 1) ** 2 / (4 * g**2)
            + a**2 * f1**2 * f2 * (f1 - 1) ** 2 / (4 * g**4)
        )
    else:
        total = seen + unseen
        variance = unseen + a**2 * f1 * (2 * f1 - 1) ** 2 / 4 - a**2 * f1**4 / (4 * total)
    return Richness("chao1_bias_corrected", seen + unseen, seen, max(0.0, variance))


def ace(counts: npt.ArrayLike | Sample) -> Richness:
    """The abundance-based coverage estimator (Chao and Lee, JASA 1992; Chao, Hwang, Chen, Kuo,
    2000): of the patterns seen at most ten times. Infinite if all of these were seen once."""
    f, _, seen, f1, _ = _summary(counts)
    k = np.arange(min(len(f), RARE + 1))
    rare = f[: len(k)]
    s_rare, n_rare = int(rare.sum()), int(rare @ k)
    if n_rare == 0:
        return Richness("ace", float(seen), seen)
    coverage = 1 - f1 / n_rare
    if coverage == 0:
        return Richness("ace", inf, seen)
    gamma = s_rare / coverage * float((k * (k - 1)) @ rare) / (n_rare * (n_rare - 1)) - 1
    estimate = seen - s_rare + s_rare / coverage + f1 / coverage * max(gamma, 0.0)
    return Richness("ace", estimate, seen)


def jackknife1(counts: npt.ArrayLike | Sample) -> Richness:
    """S + f_1 (n-1)/n: of first order, over points (Burnham and Overton, Biometrika 1978)."""
    _, n, seen, f1, _ = _summary(counts)
    return Richness("jackknife1", seen + f1 * (n - 1) / n, seen)


def jackknife2(counts: npt.ArrayLike | Sample) -> Richness:
    """S + f_1 (2n-3)/n - f_2 (n-2)^2 / (n (n-1)): of second order (the same)."""
    _, n, seen, f1, f2 = _summary(counts)
    if n < 2:
        return Richness("jackknife2", float(seen), seen)
    estimate = seen + f1 * (2 * n - 3) / n - f2 * (n - 2) ** 2 / (n * (n - 1))
    return Richness("jackknife2", estimate, seen)


def good_turing(counts: npt.ArrayLike | Sample) -> Richness:
    """S / C with the coverage C of :func:`sample_coverage`: right if all patterns were equally
    likely (Darroch and Ratcliff 1980). Infinite if C = 0."""
    seen = _summary(counts)[2]
    coverage = sample_coverage(counts)
    return Richness("good_turing", seen / coverage if coverage else inf, seen)


def sample_coverage(counts: npt.ArrayLike | Sample) -> float:
    """1 - f_1/n: an estimate of the share of the volume that the patterns seen have together
    (Turing; Good, Biometrika 1953). Its bias is at most 1/n, whatever the regions."""
    _, n, _, f1, _ = _summary(counts)
    return 1 - f1 / n


ESTIMATORS: dict[str, Callable[[npt.ArrayLike | Sample], Richness]] = {
    "chao1": chao1,
    "chao1_bias_corrected": chao1_bias_corrected,
    "ace": ace,
    "jackknife1": jackknife1,
    "jackknife2": jackknife2,
    "good_turing": good_turing,
}


def richness(counts: npt.ArrayLike | Sample) -> dict[str, Richness]:
    """All estimators of a sample, by name. ``"seen"`` is what was seen.

    Args:
        counts: how often each pattern was seen, or a sample. They assume that its points are drawn
            independently (``sample.independent``).

    Raises:
        PointsError: counts that are no positive integers, or none.
    """
    seen = _summary(counts)[2]
    found = {"seen": Richness("seen", float(seen), seen)}
    return found | {name: estimator(counts) for name, estimator in ESTIMATORS.items()}
