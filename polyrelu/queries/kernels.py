"""Kernel matrices of tangent features, and labelled data on which they are judged."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import PolyreluError
from ..network import Array, Layer, Network
from .arithmetic import Balls, Numbers, exactly, stacked, to_fractions
from .metrics import Metric, checked_metric
from .outputs import Output
from .tangent import (
    TangentFeatures,
    checked_points,
    exact_bits,
    features_on,
    tangent_features,
    weights_of,
)
from .where import as_network

Points = npt.ArrayLike | Sequence[Sequence[Fraction | float]]


def kernel_matrix(
    network: Layer | Network,
    points: Points,
    others: Points | None = None,
    *,
    metric: Metric | None = None,
    output: Output | None = None,
    arithmetic: str = "float64",
) -> Array | Balls | npt.NDArray[np.object_]:
    """K(x, x') = psi(x)^T G psi(x') for every two points, psi = df/dtheta the tangent feature.

    Args:
        points, others: shapes (n, input_dim) and (m, input_dim); default: the same points.
        metric: G; default the identity, that of the (empirical) neural tangent kernel.
        output: the index of one, or a weight for each. Default all: the sum of their kernels, which
            is the trace of the matrix-valued one.
        arithmetic: "float64", not exact and without a bound; "bounds": as :class:`Balls`, with
            rigorous bounds ``low`` and ``high`` on each entry; "exact": fractions.

    Returns:
        shape (n, m).

    Raises:
        DomainError: points of another shape, or not finite.
        NetworkError: no such output; a metric that does not fit.

    The cost is that of the features (see :func:`tangent_features`), and :class:`Metric` for each
    pair; with bounds three times as much.
    """
    network = as_network(network)
    metric = checked_metric(metric, network)
    left = tangent_features(network, points, output=output, arithmetic=arithmetic)
    right = left
    if others is not None:
        right = tangent_features(network, others, output=output, arithmetic=arithmetic)
    kernel: Any = metric.gram(left, right)
    return to_fractions(kernel) if arithmetic == "exact" else kernel


class LabelledFeatures:
    """The tangent features of a labelled data set.

    Args:
        network: whose parameters.
        points: shape (n, input_dim).
        labels: shape (n,): whole numbers, or words.
        output: as of :func:`tangent_features`.

    Attributes:
        classes: the different labels, sorted.
        label: the index into ``classes`` of each point.
        counts: how many points each class has.
        weights: one row for each output that is looked at.
        bounded: the features with error bounds.

    Raises:
        PolyreluError: other labels, or another number of them.
        DomainError, NetworkError: as :func:`tangent_features`.
    """

    def __init__(
        self,
        network: Layer | Network,
        points: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        output: Output | None = None,
    ) -> None:
        self.network, self.output = as_network(network), output
        self.points: npt.NDArray[Any] = checked_points(self.network, points, "bounds")
        self.classes, self.label = checked_labels(labels, len(self.points))
        self.counts = np.bincount(self.label)
        self.weights = weights_of(self.network, output)
        self._bits = exact_bits(self.network, self.points)
        self.bounded = self._features(slice(None), "bounds")

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        return f"LabelledFeatures({len(self)} points, classes {self.classes})"

    def _features(self, rows: Any, arithmetic: str) -> TangentFeatures:
        x = exactly(self.points[rows], arithmetic)
        one = exactly(np.ones((len(x), 1)), arithmetic)
        return features_on(self.network, self._bits[rows], x, one, self.weights, arithmetic)

    def exact_at(self, rows: Any) -> TangentFeatures:
        """The features of some points in rationals."""
        return self._features(rows, "exact")

    @cached_property
    def exact(self) -> TangentFeatures:
        """The features in rationals."""
        return self.exact_at(slice(None))

    def members(self, c: int) -> npt.NDArray[np.bool_]:
        """Which points have the class with an index."""
        chosen: npt.NDArray[np.bool_] = self.label == c
        return chosen

    def class_sums(self, metric: Metric, features: TangentFeatures) -> Numbers:
        """For each of some features and each class the sum of K(x, x') over the x' of that class,
        shape (m, classes), in the arithmetic of the features.

        As K is an inner product this is one with the sum of the class's features: no kernel matrix
        is formed, and the cost is that of a forward pass for each class and point.
        """
        own = self.exact if features.arithmetic == "exact" else self.bounded
        columns = [
            features.inner(metric.apply(own.summed(self.members(c)), features)).reshape(-1, 1)
            for c in range(len(self.classes))
        ]
        return stacked(columns, axis=1)


def checked_labels(
    labels: npt.ArrayLike, n: int
) -> tuple[tuple[int | str, ...], npt.NDArray[np.int64]]:
    """The different labels, and the index among them of each point's."""
    given = np.asarray(labels)
    if given.shape != (n,):
        raise PolyreluError(f"labels must have shape ({n},), one a point, not {given.shape}")
    if given.dtype.kind == "f" and (np.abs(given) <= 2.0**53).all() and (given % 1 == 0).all():
        given = given.astype(np.int64)
    if given.dtype.kind not in "iubU":
        raise PolyreluError(f"labels must be whole numbers or words, not {given.dtype}")
    classes, label = np.unique(given, return_inverse=True)
    return tuple(classes.tolist()), label.astype(np.int64)
