"""What uniform points find, without drawing any: the coupon collector's problem with the regions'
shares of the volume as probabilities.

Each region is found by the n-th point with probability 1 - (1 - p)^n, so expectations are sums over
regions, also for numbers of points that nobody could draw.
"""

from __future__ import annotations

from math import ceil, exp, floor, inf, log

import numpy as np
import numpy.typing as npt

from ..errors import PointsError
from ..network import Array
from ..volumes import RegionVolumes

Shares = RegionVolumes | npt.ArrayLike
CHUNK = 256
GRID = 1000  # steps of the integral over the logarithm of time
ALMOST = 1 - 2.0**-53  # a share of 1, of a region that is the domain, has no logarithm of 1 - p


def _shares(volumes: Shares) -> Array:
    p = np.asarray(volumes.shares if isinstance(volumes, RegionVolumes) else volumes, dtype=float)
    # Shares are rounded, and a caller's may be rounded to a few digits: their sum, too.
    if p.ndim != 1 or not len(p) or not (p > 0).all() or not p.sum() <= 1 + 1e-6:
        raise PointsError("shares must be positive numbers that add up to 1 at most")
    return p


def _missed(p: Array, points: float) -> Array:
    """(1 - p)^n."""
    found: Array = np.exp(points * np.log1p(-np.minimum(p, ALMOST)))
    return found


def expected_regions(volumes: Shares, points: npt.ArrayLike) -> Array:
    """How many regions n independent uniform points find in expectation, for each n given.

    Args:
        volumes: of :func:`polyrelu.sampling.region_volumes`, or shares of the volume.
    """
    p = _shares(volumes)
    flat = np.ravel(np.asarray(points, dtype=float))
    if not (flat >= 0).all():
        raise PointsError("points must be numbers of at least 0")
    rates = np.log1p(-np.minimum(p, ALMOST))
    found = np.array([-np.expm1(n * rates).sum() for n in flat])
    return found.reshape(np.shape(points))


def regions_variance(volumes: Shares, points: int) -> float:
    """The variance of that number, for one n. It takes time proportional to regions squared.

    ``sum over i, j of P(both missed) - P(i missed) P(j missed)``, with (1 - p_i - p_j)^n.
    """
    p = _shares(volumes)
    missed = _missed(p, points)
    total = float((missed * (1 - missed)).sum())
    for start in range(0, len(p), CHUNK):
        part = slice(start, start + CHUNK)
        left = np.maximum(1 - p[part, None] - p, 0.0)
        both = left**points
        together = both - missed[part, None] * missed
        together[np.arange(together.shape[0]), np.arange(start, start + together.shape[0])] = 0.0
        total += float(together.sum())
    return max(0.0, total)


def points_for(volumes: Shares, recall: float) -> float:
    """The least number of uniform points that find this share of the regions: k of them, rounded
    up, but for half a region in expectation. That is near the median of the time at which the k-th
    region is found, also of the last one.

    Raises:
        PointsError: recall is not in (0, 1].
    """
    p = _shares(volumes)
    if not 0 < recall <= 1:
        raise PointsError(f"recall must be in (0, 1], not {recall!r}")
    wanted = needed(recall, len(p)) - 0.5
    low, high = 0.0, 1.0
    while expected_regions(p, high) < wanted:
        low, high = high, 2 * high
    while high - low > max(0.5, 1e-12 * high):  # closer than that expectations are rounding
        middle = (low + high) / 2
        low, high = (low, middle) if expected_regions(p, middle) >= wanted else (middle, high)
    return float(ceil(low)) if expected_regions(p, ceil(low)) >= wanted else float(ceil(high))


def needed(recall: float, regions: int) -> int:
    """The least number k of regions with k / regions >= recall in float64, as recall is counted."""
    k = max(1, floor(recall * regions))  # the product is rounded: the answer is next to it
    while k > 1 and (k - 1) / regions >= recall:
        k -= 1
    while k / regions < recall:
        k += 1
    return k


def points_for_all(volumes: Shares) -> float:
    """The expected number of uniform points until every region has been found.

    The integral over t of 1 - prod(1 - exp(-p_i t)) (Flajolet, Gardy, Thimonier 1992), over a grid
    in log t, to some six digits. It is at least 1 / (the least share).
    """
    p = _shares(volumes)
    if len(p) == 1:
        return 1.0
    # Before, no region is likely to be found; after, none is left out: some digits beyond six.
    low, high = log(1e-9 / p.max()), log((log(len(p)) + 60) / p.min())
    if not np.isfinite(high):
        return inf
    u = np.linspace(low, high, GRID)
    values = np.array([_unfinished(p, exp(v)) * exp(v) for v in u])
    return float(np.trapezoid(values, u))


def _unfinished(p: Array, t: float) -> float:
    """The probability that some region has not been found by time t, points coming at rate 1."""
    with np.errstate(divide="ignore"):
        return float(-np.expm1(np.log(-np.expm1(-p * t)).sum()))
