"""How good a kernel is as a similarity function: similarity gaps, and goodness (Balcan and Blum).

The gap of x is E[K(x, x') | same class] - E[K(x, x') | another class] over a data set. K is
*strongly (epsilon, gamma)-good* if the gap is at least gamma for a share of 1 - epsilon of the
points (Balcan and Blum, On a theory of learning with similarity functions, ICML 2006). Multiples of
a kernel are as good, so gaps are measured relative to sup |K|, the greatest K(x, x) of the data.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import fmpq

from ..activations import Real, exact
from ..errors import PolyreluError
from ..network import Array
from .arithmetic import Balls, Numbers, bounds_of, exactly
from .kernels import LabelledFeatures
from .metrics import Metric, checked_metric
from .singular import Bounds
from .tangent import TangentFeatures


@dataclass(frozen=True, eq=False)
class SimilarityGap:
    """The similarity gap of every point, with error bounds; relative to the scale, if not "raw".

    Attributes:
        data, metric: of what.
        leave_one_out: whether a point's similarity to itself is left out of the means.
        raw: the gaps as they are, shape (n,).
        scale: sup |K| on the data.
        relative: the gaps divided by the scale, shape (n,).
    """

    data: LabelledFeatures
    metric: Metric
    leave_one_out: bool
    raw: Balls
    scale: Bounds
    relative: Balls

    def __repr__(self) -> str:
        return f"SimilarityGap(mean {self.mean}, min {self.min}, scale {self.scale})"

    @property
    def mean(self) -> Bounds:
        return bounds_of(self.relative.sum(0) / len(self.data))

    @property
    def raw_mean(self) -> Bounds:
        return bounds_of(self.raw.sum(0) / len(self.data))

    @property
    def min(self) -> Bounds:
        return Bounds(float(self.relative.low.min()), float(self.relative.high.min()))

    def quantile(self, share: Real) -> Bounds:
        """The least gap that at least this share of the points do not exceed."""
        place = math.ceil(_share(share) * len(self.data))
        return self._ordered(max(place - 1, 0))

    def gamma(self, epsilon: Real) -> Bounds:
        """The greatest gamma for which the kernel is strongly (epsilon, gamma)-good on the data;
        infinite for epsilon = 1."""
        place = math.floor(_share(epsilon) * len(self.data))
        return Bounds(math.inf, math.inf) if place == len(self.data) else self._ordered(place)

    def epsilon(self, gamma: Real) -> Fraction:
        """The least epsilon for which it is strongly (epsilon, gamma)-good on the data: the share
        of points whose relative gap is less than gamma. Exact: what rounding leaves open is decided
        in rationals, and that takes some microseconds for each point and parameter.
        """
        bound = finite_number("gamma", gamma)
        low, high = self.relative.low.tolist(), self.relative.high.tolist()
        fails = np.array([value < bound for value in high])  # a fraction: compared exactly
        doubtful = np.flatnonzero(~fails & [value < bound for value in low])
        fails[doubtful] = self._exactly_below(doubtful, bound)
        return Fraction(int(fails.sum()), len(self.data))

    def curve(self) -> tuple[Array, Array, Array]:
        """Epsilon as a function of gamma: lower and upper bounds on the sorted relative gaps, and
        the shares 0, 1/n, ... of points that fail for gammas up to each of them."""
        n = len(self.data)
        return np.sort(self.relative.low), np.sort(self.relative.high), np.arange(n) / n

    def statistics(self) -> dict[str, Any]:
        """Plain numbers, all relative to the scale but the first two: lower and upper bounds."""
        found = {
            "scale": self.scale, "raw_mean": self.raw_mean, "mean": self.mean, "min": self.min,
            "quantile_0.05": self.quantile(Fraction(1, 20)),
        }  # fmt: skip
        bounds = {name: [bound.low, bound.high] for name, bound in found.items()}
        failing = self.epsilon(0) * len(self.data)
        return {"points": len(self.data), "negative_gaps": int(failing), **bounds}

    def _ordered(self, place: int) -> Bounds:
        """Bounds on an order statistic are the order statistics of the bounds."""
        low, high = (np.sort(v)[place] for v in (self.relative.low, self.relative.high))
        return Bounds(float(low), float(high))

    def _exactly_below(self, rows: npt.NDArray[np.intp], bound: Fraction) -> list[bool]:
        if not len(rows):
            return []
        found = gaps(
            self.data, self.metric, self.data.exact[rows], self.data.label[rows], self.leave_one_out
        )
        least = fmpq(bound.numerator, bound.denominator) * self._exact_scale
        return [bool(gap < least) for gap in found.tolist()]

    @cached_property
    def _exact_scale(self) -> fmpq:
        return max(self.metric.squares(self.data.exact).tolist())


def similarity_gap(
    data: LabelledFeatures, metric: Metric | None = None, *, leave_one_out: bool = False
) -> SimilarityGap:
    """The gap of every point, with rigorous error bounds.

    Args:
        metric: default the tangent kernel's, see :func:`polyrelu.kernel_matrix`.
        leave_one_out: leave x' = x out. With it a gap estimates what a new point's would be;
            without it, the default, all is about the empirical distribution of the data.

    No kernel matrix is formed: a mean similarity is the inner product with a mean feature, so that
    the cost is linear in the points, the parameters and the classes.

    Raises:
        PolyreluError: fewer than two classes; one with a single point, if that is left out; a
            kernel that is 0 at all points.
        NetworkError: the metric does not fit.
    """
    metric = checked_metric(metric, data.network)
    check_classes(data, leave_one_out)
    raw = gaps(data, metric, data.bounded, data.label, leave_one_out)
    squares = metric.squares(data.bounded)
    scale = Bounds(float(squares.low.max()), float(squares.high.max()))
    if scale.low <= 0 and not any(metric.squares(data.exact).tolist()):
        raise PolyreluError("the kernel is 0 at all points: a gap has no scale")
    return SimilarityGap(data, metric, leave_one_out, raw, scale, raw.over(scale))


def check_classes(data: LabelledFeatures, leave_one_out: bool) -> None:
    if len(data.classes) < 2:
        raise PolyreluError(f"labels must be of two classes or more, not only {data.classes}")
    if leave_one_out and data.counts.min() < 2:
        lonely = data.classes[int(data.counts.argmin())]
        raise PolyreluError(f"to leave one out, a class needs two points: {lonely!r} has one")


def gaps(
    data: LabelledFeatures,
    metric: Metric,
    features: TangentFeatures,
    label: npt.NDArray[np.int64],
    leave_one_out: bool,
) -> Numbers:
    """The gap of some of the data, in the arithmetic of their features."""
    sums = data.class_sums(metric, features)
    member = np.eye(len(data.classes))[label]
    same = (sums * exactly(member, features.arithmetic)).sum(1)
    different = (sums * exactly(1 - member, features.arithmetic)).sum(1)
    if leave_one_out:
        same = same - metric.squares(features)
    n_same = (data.counts[label] - leave_one_out).astype(np.float64)
    n_different = (len(data) - data.counts[label]).astype(np.float64)
    arithmetic = features.arithmetic
    return same / exactly(n_same, arithmetic) - different / exactly(n_different, arithmetic)


def landmark_count(gamma: Real, delta: Real) -> int:
    """How many landmarks make a linear separator of a strongly (epsilon, gamma)-good similarity
    with |K| <= 1: ``16 ln(1 / delta) / gamma^2``, half of each class, rounded up to an even number.

    Compare the mean similarities to both halves: with probability 1 - delta over the choice, the
    error of that is at most epsilon + delta. By Hoeffding a point with gap >= gamma is misjudged
    with probability delta^2 at most; Markov does the rest (Balcan and Blum 2006, theorem 1).
    """
    g, d = finite_number("gamma", gamma), finite_number("delta", delta)
    if not (g > 0 and 0 < float(d) < 1):
        raise PolyreluError(f"gamma must be positive and 0 < delta < 1, not {gamma} and {delta}")
    return 2 * math.ceil(Fraction(8 * -math.log(d)) / g**2)


def finite_number(name: str, value: Real) -> Fraction:
    try:
        return exact(value)
    except (TypeError, ValueError, OverflowError):
        raise PolyreluError(f"{name} must be a finite number, not {value!r}") from None


def _share(value: Real) -> Fraction:
    share = finite_number("a share of points", value)
    if not 0 <= share <= 1:
        raise PolyreluError(f"a share of points must be 0 to 1, not {value}")
    return share
