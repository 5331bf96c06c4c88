"""The classifier that a similarity function is, beside the network that it comes from.

A point is given the class to which it is most similar. For two classes -1 and 1, and
g(x) = E[l(x') K(x, x')], that is the sign of g. Under the Euler metric K = L f f', so that
g = L f E[l f]: if E[l f] > 0 it makes exactly the network's errors (Racz and Daroczy 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import PolyreluError
from ..network import Array
from .arithmetic import Balls, Numbers, exactly, joined
from .kernels import LabelledFeatures
from .metrics import Metric, checked_metric
from .similarity import check_classes
from .tangent import TangentFeatures

WEIGHTINGS = ("points", "classes")

Rows = slice | npt.NDArray[np.intp]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class SimilarityClassification:
    """What a similarity classifier says of points, and the network's own decisions. Exact.

    Attributes:
        predicted: the index into ``classes`` of each point's class.
        errors: how many points have another label.
        ties: at how many points several classes are exactly as similar; the first one wins, as
            with the network.
        network_predicted, network_errors: the same of the network's own outputs: of one the sign
            (above 0: the second class), of several the greatest. None if they are no classifier
            of these labels.
        disagreements: how many points both classify differently.
        classes: the labels.
    """

    classes: tuple[int | str, ...]
    predicted: Labels
    errors: int
    ties: int
    network_predicted: Labels | None
    network_errors: int | None
    disagreements: int | None

    @property
    def error(self) -> Fraction:
        """The share of points that are classified wrongly."""
        return Fraction(self.errors, len(self.predicted))

    @property
    def network_error(self) -> Fraction | None:
        if self.network_errors is None:
            return None
        return Fraction(self.network_errors, len(self.predicted))

    def statistics(self) -> dict[str, Any]:
        """Counts in a dictionary of plain numbers."""
        return {
            "points": len(self.predicted),
            "errors": self.errors,
            "ties": self.ties,
            "network_errors": self.network_errors,
            "disagreements": self.disagreements,
        }

    def __repr__(self) -> str:
        own = "" if self.network_errors is None else f", the network's own {self.network_errors}"
        return f"SimilarityClassification({self.errors} errors of {len(self.predicted)}{own})"


def similarity_classifier(
    data: LabelledFeatures,
    metric: Metric | None = None,
    *,
    test: LabelledFeatures | None = None,
    leave_one_out: bool = False,
    weighting: str = "points",
) -> SimilarityClassification:
    """Classify points by their mean similarity to labelled ones.

    Args:
        data: the labelled points x'.
        metric: default the tangent kernel's.
        test: the points to classify, of the same network and outputs; default the data itself.
        leave_one_out: classify each point of the data without itself.
        weighting: "points": every labelled point counts the same, the class c with the greatest
            E[1(l(x') = c) K(x, x')]: for two classes the sign of E[l(x') K(x, x')], for several
            the same with one against the rest;
            "classes": every class does, the greatest E[K(x, x') | l(x') = c].

    Decisions, ties and errors are exact: what rounding leaves open is settled in rationals, some
    microseconds for each parameter and each point of the data.

    Raises:
        PolyreluError: fewer than two classes; test points of another network or of other classes;
            an unknown weighting; leave_one_out with test points, or with a class of one point.
        NetworkError: the metric does not fit.
    """
    metric = checked_metric(metric, data.network)
    check_classes(data, leave_one_out)
    if weighting not in WEIGHTINGS:
        raise PolyreluError(f"weighting must be one of {', '.join(WEIGHTINGS)}, not {weighting!r}")
    asked = data if test is None else _checked_test(data, test, leave_one_out)
    label = np.array([data.classes.index(c) for c in asked.classes])[asked.label]
    rule = _Rule(data, metric, weighting, np.eye(len(data.classes))[label] * leave_one_out)
    predicted, ties = _decisions(asked, rule)
    own = _network_decisions(data, asked)
    return SimilarityClassification(
        data.classes,
        predicted,
        int((predicted != label).sum()),
        ties,
        own,
        None if own is None else int((own != label).sum()),
        None if own is None else int((own != predicted).sum()),
    )


def _checked_test(
    data: LabelledFeatures, test: LabelledFeatures, leave_one_out: bool
) -> LabelledFeatures:
    if leave_one_out:
        raise PolyreluError("leave_one_out is for the data itself, not for test points")
    if test.network is not data.network or test.weights != data.weights:
        raise PolyreluError("test points must be of the same network and outputs as the data")
    unknown = set(test.classes) - set(data.classes)
    if unknown:
        raise PolyreluError(f"test points must have the data's classes, not {sorted(unknown)}")
    return test


@dataclass(frozen=True, eq=False)
class _Rule:
    """What each class scores at points of which some are among the data themselves.

    Attributes:
        left_out: shape (points, classes): 1 where a point is to be left out of a class.
    """

    data: LabelledFeatures
    metric: Metric
    weighting: str
    left_out: Array

    def __call__(self, features: TangentFeatures, rows: Rows) -> Numbers:
        left_out = self.left_out[rows]
        scores = self.data.class_sums(self.metric, features)
        if left_out.any():
            itself = self.metric.squares(features).reshape(-1, 1)
            scores = scores - itself * exactly(left_out, features.arithmetic)
        if self.weighting == "classes":
            scores = scores / exactly(self.data.counts - left_out, features.arithmetic)
        return scores


def _network_decisions(data: LabelledFeatures, asked: LabelledFeatures) -> Labels | None:
    """Of the outputs that are looked at, as indices into the classes; -1 for another one."""
    outputs = data.bounded.outputs
    if outputs == 1:
        if len(data.classes) != 2:
            return None
        return _decisions(asked, _above_zero)[0]
    if not all(isinstance(c, int) and 0 <= c < outputs for c in data.classes):
        return None
    greatest, _ = _decisions(asked, lambda features, rows: features.values)
    index = np.full(outputs, -1)
    index[np.array(data.classes, dtype=np.int64)] = np.arange(len(data.classes))
    return index[greatest]


def _above_zero(features: TangentFeatures, rows: Rows) -> Numbers:
    zero = exactly(np.zeros((len(features), 1)), features.arithmetic)
    return joined(zero, features.values)


def _decisions(
    asked: LabelledFeatures, scores: Callable[[TangentFeatures, Rows], Numbers]
) -> tuple[Labels, int]:
    """The column with the greatest score of each point, the first of equal ones, and how many
    points have several."""
    bounds: Balls = scores(asked.bounded, slice(None))
    low, high = bounds.low, bounds.high
    winner = low.argmax(axis=1).astype(np.int64)
    rivals = (high >= low.max(axis=1, keepdims=True)).sum(axis=1)
    doubtful = np.flatnonzero(rivals > 1)
    ties = 0
    if len(doubtful):
        for i, row in zip(doubtful, scores(asked.exact_at(doubtful), doubtful), strict=True):
            values = row.tolist()
            winner[i] = values.index(max(values))
            ties += values.count(max(values)) > 1
    return winner, ties
