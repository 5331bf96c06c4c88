"""Two networks of the same depth, neuron by neuron, up to permutation and positive scaling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .canonical_form import is_homogeneous
from .errors import NetworkError
from .network import Array, Layer, Network

Indices = npt.NDArray[np.int64]
OTHER_UNIT = 1e3  # more than rows of one size are apart: such pairs are taken apart again


@dataclass(frozen=True, eq=False)
class LayerAlignment:
    """One layer of two networks; rows have unit norm, and inputs are those matched before.

    Attributes:
        order: shape (n,): for each neuron of the first network that of the second; -1: none.
        scale: shape (n,): how many times as large the second's row is; NaN if unmatched.
        flipped: shape (n,): whether the second's row is matched with its sign turned: the same
            hyperplane, active on the other side.
        weight_error: shape (n,): Euclidean distance of the rows' weights; NaN if unmatched.
        bias_error: shape (n,): the same of biases.
        extra: the second network's neurons that are not matched.
    """

    order: Indices
    scale: Array
    flipped: npt.NDArray[np.bool_]
    weight_error: Array
    bias_error: Array
    extra: tuple[int, ...]

    @property
    def matched(self) -> int:
        return int(np.count_nonzero(self.order >= 0))

    @property
    def max_error(self) -> float:
        """The greatest error of a weight row or a bias; infinite if a neuron is unmatched or
        flipped."""
        if self.matched < len(self.order) or self.extra or self.flipped.any():
            return float("inf")
        return float(max(self.weight_error.max(), self.bias_error.max()))


@dataclass(frozen=True, eq=False)
class Alignment:
    """How well two networks agree after permuting and scaling hidden neurons; prints as a table.

    Attributes:
        layers: one for each layer; of the last, the outputs, nothing is permuted or scaled.
    """

    layers: tuple[LayerAlignment, ...]

    @property
    def max_error(self) -> float:
        return max(layer.max_error for layer in self.layers)

    def __str__(self) -> str:
        head = "layer  neurons  matched  flipped  extra  weight error   bias error        scale"
        return "\n".join([head, *self._lines()])

    def _lines(self) -> Iterator[str]:
        for k, layer in enumerate(self.layers):
            some = layer.order >= 0
            errors = [a[some].max(initial=0.0) for a in (layer.weight_error, layer.bias_error)]
            low, high = layer.scale[some].min(initial=np.inf), layer.scale[some].max(initial=0.0)
            name = "output" if k == len(self.layers) - 1 else str(k)
            yield (f"{name:<6} {len(layer.order):7} {layer.matched:8} {layer.flipped.sum():8} "
                   f"{len(layer.extra):6} {errors[0]:13.2e} {errors[1]:12.2e} "
                   f"{low:6.3g}..{high:<6.3g}")  # fmt: skip


def align(first: Network, second: Network) -> Alignment:
    """Match the hidden neurons of two networks, layer by layer, and measure what is left.

    Rows are scaled to unit norm, which is pushed forward, as :func:`polyrelu.canonical` does.
    Neurons are matched by the assignment of least total distance, a row counting as near its
    negative as well (``flipped``). The next layer's inputs are then put into the matched order;
    what is unmatched there counts with weight 0 in the other network. Hidden widths may differ.

    This is a measurement in float64, not a proof: exact equality is what
    :func:`polyrelu.equivalent` and ``canonical(..., exact=True)`` decide. The cost of a layer is
    that of an assignment of n neurons, O(n**3).

    Raises:
        NetworkError: different depths, inputs or outputs.
    """
    for network in (first, second):
        if not isinstance(network, Network):
            raise TypeError(f"networks must be polyrelu.Network, not {type(network).__name__}")
    ends = [(len(n.layers), n.input_dim, n.output_dim) for n in (first, second)]
    if ends[0] != ends[1]:
        raise NetworkError(
            "networks must have the same number of layers, inputs and outputs, not "
            f"{ends[0]} and {ends[1]}"
        )
    found = []
    inputs = np.arange(first.input_dim)
    columns = (inputs, np.ones(len(inputs))), (inputs, np.ones(len(inputs)))
    wide = len(inputs)
    for k, layers in enumerate(zip(first.layers, second.layers, strict=True)):
        is_last = k == len(first.layers) - 1
        rows = [_placed(layer, *at, wide) for layer, at in zip(layers, columns, strict=True)]
        sizes = [_sizes(layer, row, is_last) for layer, row in zip(layers, rows, strict=True)]
        one, other = (row / size[:, None] for row, size in zip(rows, sizes, strict=True))
        order = np.arange(len(one)) if is_last else _matched(layers, one, other)
        found.append(_compared(one, other, order, sizes, is_last))
        extra = np.array(found[-1].extra, dtype=np.int64)
        at = np.zeros(len(other), dtype=np.int64)
        at[order[order >= 0]] = np.flatnonzero(order >= 0)
        at[extra] = len(one) + np.arange(len(extra))
        wide = len(one) + len(extra)
        columns = (np.arange(len(one)), sizes[0]), (at, sizes[1])
    return Alignment(tuple(found))


def _placed(layer: Layer, at: Indices, sizes: Array, wide: int) -> Array:
    """Weights of inputs of size 1, each at its place, and biases."""
    rows = np.zeros((layer.out_features, wide + 1))
    rows[:, at] = layer.weight * sizes
    rows[:, -1] = layer.bias
    return rows


def _sizes(layer: Layer, rows: Array, is_last: bool) -> Array:
    if is_last:
        return np.ones(len(rows))
    largest = np.abs(rows[:, :-1]).max(axis=1, initial=0.0)
    safe = np.where(largest > 0, largest, 1.0)
    sizes = safe * np.linalg.norm(rows[:, :-1] / safe[:, None], axis=1)
    bias = np.abs(rows[:, -1])
    sizes = np.where(largest > 0, sizes, np.where(bias > 0, bias, 1.0))
    return np.where([is_homogeneous(unit) for unit in layer.units], sizes, 1.0)


def _matched(layers: tuple[Layer, Layer], one: Array, other: Array) -> Indices:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    cost = np.minimum(cdist(one, other), cdist(one, -other))
    cost = np.minimum(cost, OTHER_UNIT)
    differ = np.array([[u != v for v in layers[1].units] for u in layers[0].units])
    cost[differ] = 2 * OTHER_UNIT
    rows, chosen = linear_sum_assignment(cost)
    order = np.full(len(one), -1, dtype=np.int64)
    order[rows] = np.where(differ[rows, chosen], -1, chosen)
    return order


def _compared(
    one: Array, other: Array, order: Indices, sizes: list[Array], is_last: bool
) -> LayerAlignment:
    n = len(one)
    some = order >= 0
    here, there = one[some], other[order[some]]
    flipped, scale = np.zeros(n, dtype=bool), np.full(n, np.nan)
    errors = np.full((2, n), np.nan)
    if not is_last:
        plain, turned = (np.linalg.norm(here - s * there, axis=1) for s in (1, -1))
        flipped[some] = turned < plain
    scale[some] = sizes[1][order[some]] / sizes[0][some]
    rest = here - np.where(flipped[some], -1.0, 1.0)[:, None] * there
    errors[0, some] = np.linalg.norm(rest[:, :-1], axis=1)
    errors[1, some] = np.abs(rest[:, -1])
    extra = tuple(sorted(set(range(len(other))) - set(order[some].tolist())))
    return LayerAlignment(order, scale, flipped, errors[0], errors[1], extra)
