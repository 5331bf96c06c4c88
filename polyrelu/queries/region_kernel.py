"""The kernel of tangent features, region by region.

On a region the tangent feature is linear in (x, 1). So on a pair of regions the kernel is one
bilinear form, ``K(x, x') = (x, 1) M (x', 1)^T`` with M of shape (d + 1, d + 1), under every metric.
Those of all pairs among r regions are the kernel matrix of r (d + 1) formal points: the unit
vectors of (x, 1), on each region.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..graph import RegionGraph, as_keys
from ..network import Array, Layer, Network
from .arithmetic import checked_arithmetic, exactly, to_fractions
from .metrics import Metric, checked_metric
from .outputs import Output
from .tangent import (
    Bits,
    TangentFeatures,
    checked_points,
    exact_bits,
    features_on,
    weights_of,
)
from .where import as_network

NUMBERS = 1 << 19  # in a part of the forms: more leave the processor's caches


class RegionKernel:
    """The kernel of a network as a bilinear form on each pair of regions.

    Args:
        network: or a region graph, whose regions can then be named by their indices. Nothing is
            enumerated for data: points are grouped by their patterns, in any dimension.
        metric: default the tangent kernel's.
        output: as of :func:`tangent_features`.

    Raises:
        DomainError: the graph of a slice: its network's first factor is the slice. Take the network
            itself and ``graph.to_input(points)``.
        NetworkError: no such output; a metric that does not fit.
    """

    def __init__(
        self,
        network: Layer | Network | RegionGraph,
        metric: Metric | None = None,
        *,
        output: Output | None = None,
    ) -> None:
        self.graph = network if isinstance(network, RegionGraph) else None
        if self.graph is not None and self.graph.slice is not None:
            raise DomainError(
                "the network of a slice's graph is another one; give the network itself, and "
                "points graph.to_input(t)"
            )
        self.network = as_network(network.network if isinstance(network, RegionGraph) else network)
        self.metric = checked_metric(metric, self.network)
        self.weights = weights_of(self.network, output)

    def frames(self, bits: Bits, arithmetic: str = "float64") -> TangentFeatures:
        """The linear maps from (x, 1) to the features on regions, given by their patterns, shape
        (r, thresholds); d + 1 rows each."""
        d = self.network.input_dim
        rows = exactly(np.tile(np.eye(d + 1), (len(bits), 1)), arithmetic)
        return features_on(
            self.network, bits, rows[:, :-1], rows[:, -1:], self.weights, arithmetic, copies=d + 1
        )

    def form(self, region: int | npt.ArrayLike, other: int | npt.ArrayLike,
             *, arithmetic: str = "float64") -> Any:  # fmt: skip
        """M of a pair of regions: K(x, x') = (x, 1) M (x', 1)^T for x in the first and x' in the
        second.

        Args:
            region, other: patterns, or indices of regions of the graph.
            arithmetic: "float64"; "bounds": :class:`Balls`; "exact": fractions.

        Returns:
            shape (input_dim + 1, input_dim + 1).
        """
        checked_arithmetic(arithmetic)
        left, right = (self.frames(self._bits(r), arithmetic) for r in (region, other))
        form = self.metric.gram(left, right)
        return to_fractions(form) if arithmetic == "exact" else form

    def _bits(self, region: int | npt.ArrayLike) -> Bits:
        if isinstance(region, int | np.integer):
            if self.graph is None:
                raise DomainError("regions have indices in a graph; of a network give the patterns")
            return self.graph.pattern(int(region))[None]
        bits, n = np.asarray(region), len(self.network.thresholds)
        if bits.shape != (n,) or not np.isin(bits, (0, 1)).all():
            raise DomainError(f"a pattern must be {n} zeros and ones, not {region!r}")
        return bits.astype(np.uint8)[None]

    def value(self, x: Sequence[Fraction | float], y: Sequence[Fraction | float]) -> Fraction:
        """K(x, y) exactly, through the form of the regions of two points."""
        rows = [checked_points(self.network, [p], "exact") for p in (x, y)]
        bits = [exact_bits(self.network, row)[0] for row in rows]
        form = self.form(*bits, arithmetic="exact")
        left, right = ([*(Fraction(v) for v in row[0].tolist()), Fraction(1)] for row in rows)
        return sum((a * m * b for a, line in zip(left, form, strict=True)
                    for m, b in zip(line, right, strict=True)), Fraction(0))  # fmt: skip

    def matrix(self, points: npt.ArrayLike) -> Array:
        """The kernel matrix of a data set through its regions, shape (n, n), in float64.

        Args:
            points: shape (n, input_dim). Their patterns are exact; a point on a wall counts to the
                pattern with the bit 0 (see :func:`tangent_features`).

        The forms of the r regions that hold points are computed once, some regions at a time, at
        the price of a kernel matrix of r (d + 1) points; then each entry takes 2 (d + 1)
        multiplications. It pays if there are many more points than r (d + 1); else
        :func:`polyrelu.kernel_matrix` is quicker.
        """
        x: Any = checked_points(self.network, points, "float64")
        bits = exact_bits(self.network, x)
        first, region = _distinct(bits)
        spread = _spread(x, region, len(first))
        order = np.argsort(region, kind="stable")
        begins = np.searchsorted(region[order], np.arange(len(first) + 1))
        frames = self.frames(bits[first])
        kernel = np.empty((len(x), len(x)))
        width = frames.copies
        step = max(1, NUMBERS // (width * max(len(frames), len(x))))
        for i in range(0, len(first), step):
            j = min(i + step, len(first))
            forms = self.metric.gram(frames.part(i, j), frames)
            here = order[begins[i] : begins[j]]
            kernel[here] = spread[here, i * width : j * width] @ (spread @ forms.T).T
        return kernel


def _spread(x: Array, region: npt.NDArray[np.intp], regions: int) -> Any:
    """A sparse matrix with (x, 1) of each point in the columns of its region."""
    from scipy.sparse import csr_array

    n, width = len(x), x.shape[1] + 1
    rows = np.concatenate([x, np.ones((n, 1))], axis=1)
    columns = region[:, None] * width + np.arange(width)
    shape = (n, regions * width)
    return csr_array((rows.ravel(), columns.ravel(), np.arange(n + 1) * width), shape=shape)


def _distinct(bits: Bits) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Of each different pattern the first place, and for each row the number of its pattern."""
    packed = np.packbits(bits, axis=1)
    if packed.shape[1] == 0:
        return np.zeros(1, np.intp), np.zeros(len(bits), np.intp)
    _, first, number = np.unique(as_keys(packed), return_index=True, return_inverse=True)
    return first, number
