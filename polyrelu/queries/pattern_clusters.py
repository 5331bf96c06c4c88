"""Data clustered by activation pattern: within a cluster a network is one affine map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..network import Layer, Network
from ..rational import rows_of
from ..region import region_forms
from .tangent import checked_points, exact_bits
from .where import as_network


@dataclass(frozen=True, eq=False)
class PatternClusters:
    """Made by :func:`pattern_clusters`. The largest cluster is number 0.

    Attributes:
        network: whose patterns.
        labels: shape (points,): the cluster of each point.
        patterns: shape (clusters, thresholds).
        sizes: shape (clusters,), decreasing: the histogram of the data over regions.
    """

    network: Network
    labels: npt.NDArray[np.int64]
    patterns: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sizes)

    def __repr__(self) -> str:
        return f"PatternClusters({len(self)} of {len(self.labels)} points)"

    def exact_coefficients(
        self, cluster: int
    ) -> tuple[tuple[tuple[Fraction, ...], ...], tuple[Fraction, ...]]:
        """``(W, b)`` with output ``W x + b`` on the points of a cluster, in fractions."""
        *rows, bottom = rows_of(region_forms(self.network, self.patterns[cluster])[-1])
        table = [tuple(Fraction(v, bottom[-1]) for v in row) for row in rows]
        return tuple(row[:-1] for row in table), tuple(row[-1] for row in table)


def pattern_clusters(
    what: Layer | Network, points: npt.ArrayLike | Sequence[Sequence[float | Fraction]]
) -> PatternClusters:
    """Points that have the same activation pattern make a cluster. No region is enumerated.

    Args:
        what: a network of any number of inputs.
        points: shape (n, input_dim), float64, or rows of fractions. On a wall a pre-activation is
            at its breakpoint and its bit 0; the coefficients are right there, too.

    Raises:
        DomainError: points of another shape, or not finite.

    The cost is a forward pass; patterns are exact, by rational arithmetic where rounding leaves
    them open. Picchiotti and Gori (clusters of a ReLU network, each with y = W x + b).
    """
    network = as_network(what)
    bits = exact_bits(network, checked_points(network, points, "exact"))
    patterns, labels, sizes = np.unique(bits, axis=0, return_inverse=True, return_counts=True)
    order = np.argsort(-sizes, kind="stable")
    place = np.argsort(order, kind="stable")
    return PatternClusters(network, place[labels.ravel()], patterns[order], sizes[order])
