"""Goodness in hinge loss: how well a weighted vote of similarities separates two classes.

K is *(epsilon, gamma)-good in hinge loss* if weights w(x') in [-1, 1] exist with
``E_x[max(0, 1 - l(x) g(x) / gamma)] <= epsilon`` for ``g(x) = E[l(x') w(x') K(x, x')]``, with
labels l = -1 and 1 and |K| <= 1 (Balcan, Blum and Srebro, A theory of learning with similarity
functions, Machine Learning 72, 2008). So K is divided by sup |K|, the greatest K(x, x) of the data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..activations import Real
from ..errors import LimitsError, PolyreluError
from ..limits import Limits
from ..network import Array
from .arithmetic import Balls, bounds_of
from .kernels import LabelledFeatures
from .metrics import Metric
from .similarity import finite_number, similarity_gap
from .singular import Bounds

MOST_POINTS = 5000  # the program's matrix is as large as their square


@dataclass(frozen=True, eq=False)
class HingeGoodness:
    """The hinge loss of a kernel on labelled data at a margin.

    Attributes:
        gamma: the margin, relative to sup |K|.
        uniform: the loss with all weights 1.
        best: the least loss over all weights in [-1, 1]; None if it was not asked for.
        weights: some that attain the upper bound of ``best``; all 1, if no better ones were found.
    """

    gamma: float
    uniform: Bounds
    best: Bounds | None
    weights: Array


def hinge_goodness(
    data: LabelledFeatures,
    gamma: Real,
    metric: Metric | None = None,
    *,
    best: bool = False,
    limits: Limits | None = None,
) -> HingeGoodness:
    """The hinge loss of two labelled classes, with weights 1, and the least over all weights.

    Args:
        gamma: the margin, positive; rounded to float64.
        metric: default the tangent kernel's.
        best: also solve for the best weights: a linear program with a dense matrix of n^2 entries
            (HiGHS), a second or so for 500 points. Its solution is only a proposal: the bounds come
            from evaluating the primal and the dual point in float64 with error bounds.
        limits: ``seconds`` bounds that program. What is known then is still true.

    Raises:
        PolyreluError: not two classes; a gamma that is not positive; a kernel that is 0 at all
            points; more than 5000 points for the best weights.
        LimitsError: another limit than ``seconds``.
    """
    margin = float(finite_number("gamma", gamma))
    if not (margin > 0 and np.isfinite(margin)):
        raise PolyreluError(f"gamma must be positive, not {gamma}")
    if len(data.classes) != 2:
        raise PolyreluError(f"hinge loss is of two classes, not {len(data.classes)}")
    if limits is not None and not (limits.regions is limits.memory is None):
        raise LimitsError("limits: only seconds bound a linear program")
    found = similarity_gap(data, metric)
    sign = 2.0 * data.label - 1.0
    sums = data.class_sums(found.metric, data.bounded)
    agreement = ((sums[:, 1] - sums[:, 0]) * sign / len(data)).over(found.scale)
    uniform, ones = _loss(agreement, margin), np.ones(len(data))
    if not best:
        return HingeGoodness(margin, uniform, None, ones)
    if len(data) > MOST_POINTS:
        raise PolyreluError(f"the best weights are for {MOST_POINTS} points at most")
    kernel = found.metric.gram(data.bounded, data.bounded).over(found.scale)
    agreements = kernel * sign * sign[:, None] / len(data)  # of each x with each x'
    weights, multipliers = _program(agreements.mid / margin, limits)
    loss = _loss(agreements @ weights, margin)
    if not loss.high < uniform.high:
        weights, loss = ones, uniform
    low = min(_dual_value(agreements, multipliers, margin), loss.high)
    return HingeGoodness(margin, uniform, Bounds(low, loss.high), weights)


def _loss(agreement: Balls, margin: float) -> Bounds:
    """The mean of max(0, 1 - agreement / margin)."""
    short = 1.0 - agreement / margin
    positive = Balls.between(np.maximum(short.low, 0.0), np.maximum(short.high, 0.0))
    return bounds_of(positive.sum(0) / len(positive))


def _dual_value(agreements: Balls, multipliers: Array, margin: float) -> float:
    """A lower bound on every loss: for 0 <= y <= 1 / n and any weights in [-1, 1], the mean of
    max(0, 1 - (A w)_i / gamma) is at least ``sum of y_i - sum of |y A|_j / gamma``."""
    mixed = multipliers @ agreements / margin
    sizes = np.maximum(np.abs(mixed.low), np.abs(mixed.high))
    exact = Balls.between(multipliers, multipliers)
    bound = bounds_of(exact.sum(0) - Balls.between(sizes, sizes).sum(0))
    return max(bound.low, 0.0)


def _program(matrix: Array, limits: Limits | None) -> tuple[Array, Array]:
    """Weights and multipliers that HiGHS holds for optimal; guesses, within their bounds."""
    from scipy.optimize import linprog

    n = len(matrix)
    options: dict[str, Any] = {}
    if limits is not None and limits.seconds is not None:
        options["time_limit"] = float(limits.seconds)
    found = linprog(
        np.concatenate([np.zeros(n), np.full(n, 1 / n)]),
        A_ub=np.concatenate([-matrix, -np.eye(n)], axis=1),
        b_ub=-np.ones(n),
        bounds=[(-1, 1)] * n + [(0, None)] * n,
        method="highs",
        options=options,
    )
    if found.x is None:
        return np.ones(n), np.zeros(n)
    largest = np.nextafter(1 / n, 0.0)  # 1 / n itself may be rounded up
    return np.clip(found.x[:n], -1, 1), np.clip(-found.ineqlin.marginals, 0.0, largest)
