"""Tangent features: the gradient of a network's output in its parameters, at points and on regions.

The parameters are the weight and the bias of every affine factor, as the network has them. A factor
computes z = W a + b from its input a; with delta the derivative of the output in z, the derivative
in (W, b) is the table ``delta (a, 1)^T``. So the feature of a point is kept as two vectors for each
factor, and tables as large as the network are formed by nobody who does not ask.

Within a region delta is constant and (a, 1) is linear in (x, 1): there the feature is linear in
(x, 1), with d + 1 columns (Racz and Daroczy 2021, arXiv 2110.13581, for the representation).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..activations import exact
from ..errors import DomainError, NetworkError
from ..locate import float_patterns
from ..network import Affine, Layer, Network, finite_array
from .arithmetic import (
    Numbers,
    checked_arithmetic,
    exactly,
    from_fractions,
    joined,
    to_fractions,
    tracked,
)
from .outputs import Output, output_weights
from .where import as_network

Bits = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ParameterBlock:
    """The weight and bias of one affine factor: ``size`` parameters from ``start`` on, first the
    weight row by row, then the bias.

    Attributes:
        layer, factor: which one it is.
        shape: of its weight, (out, in).
    """

    layer: int
    factor: int
    shape: tuple[int, int]
    start: int

    @property
    def size(self) -> int:
        return self.shape[0] * (self.shape[1] + 1)


def affine_factors(network: Network) -> list[Affine]:
    return [factor for layer in network.layers for factor in layer.factors]


def parameter_blocks(network: Layer | Network) -> tuple[ParameterBlock, ...]:
    """What counts as a parameter: each weight and bias of every affine factor, in order, as torch
    lists them.

    Divisors and the slopes of units are constants. A factor that was never trained (normalised
    inputs, pooling, a skip connection's ones) is a block too, and so is a convolution as the matrix
    that it is, each entry for itself: a metric leaves blocks and entries out by the weight 0.
    """
    blocks: list[ParameterBlock] = []
    start = 0
    for k, layer in enumerate(as_network(network).layers):
        for j, factor in enumerate(layer.factors):
            n_out, n_in = factor.weight.shape
            blocks.append(ParameterBlock(k, j, (n_out, n_in), start))
            start += blocks[-1].size
    return tuple(blocks)


@dataclass(frozen=True, eq=False)
class TangentFeatures:
    """The gradients of one or several outputs in all parameters, at points, in factored form.

    Attributes:
        network: whose parameters.
        arithmetic: "float64", "bounds" (:class:`Balls`) or "exact".
        outputs: the number of outputs; the feature of a point is the gradients of all of them.
        inputs: for each block (a, 1) of every point, shape (n, in + 1).
        deltas: for each block delta of every point, shape (n, outputs * out), outputs slowest.
        values: the outputs, shape (n, outputs).
        copies: of a frame of regions: one row of deltas stands for so many rows of inputs.
    """

    network: Network
    arithmetic: str
    outputs: int
    inputs: tuple[Numbers, ...]
    deltas: tuple[Numbers, ...]
    values: Numbers
    copies: int = 1

    def __len__(self) -> int:
        return len(self.inputs[0])

    def __repr__(self) -> str:
        return f"TangentFeatures({len(self)} points, {self.outputs} outputs, {self.arithmetic})"

    def delta(self, block: int) -> Numbers:
        """The deltas of a block, one row for each row of inputs."""
        rows = self.deltas[block]
        return rows if self.copies == 1 else rows.repeat(self.copies, 0)

    def __getitem__(self, rows: slice | Indices | npt.NDArray[np.bool_]) -> TangentFeatures:
        """Those of some points."""
        assert self.copies == 1
        return replace(
            self,
            inputs=tuple(a[rows] for a in self.inputs),
            deltas=tuple(d[rows] for d in self.deltas),
            values=self.values[rows],
        )

    def part(self, i: int, j: int) -> TangentFeatures:
        """Those of points (of a frame: regions) i, ..., j - 1."""
        rows = slice(i * self.copies, j * self.copies)
        return replace(
            self,
            inputs=tuple(a[rows] for a in self.inputs),
            deltas=tuple(d[i:j] for d in self.deltas),
            values=self.values[rows],
        )

    def matrix(self) -> npt.NDArray[np.generic]:
        """The features themselves, shape (n, outputs, parameters), in the order of
        :func:`parameter_blocks`: float64 (the midpoints of bounds), or fractions if they are exact.

        Large: eight bytes for each point, output and parameter.
        """
        n = len(self)
        parts = []
        for k, inputs in enumerate(self.inputs):
            delta = _midpoints(self.delta(k)).reshape(n, self.outputs, -1)
            inputs = _midpoints(inputs)[:, :-1]
            weight = delta[:, :, :, None] * inputs[:, None, None, :]
            parts += [weight.reshape(n, self.outputs, -1), delta]
        table = np.concatenate(parts, axis=2)
        return to_fractions(table) if self.arithmetic == "exact" else table

    def inner(self, tables: Sequence[Numbers]) -> Numbers:
        """The inner product of every point's feature with one that is given by a table for each
        block, shape (outputs * out, in + 1); shape (n,)."""
        pairs = enumerate(zip(self.inputs, tables, strict=True))
        return total([((self.delta(k) @ table) * inputs).sum(1) for k, (inputs, table) in pairs])

    def summed(self, chosen: npt.NDArray[np.bool_]) -> list[Numbers]:
        """The sum of the features of some points, as tables."""
        return [d[chosen].T @ a[chosen] for d, a in zip(self.deltas, self.inputs, strict=True)]

    def summed_squares(self, chosen: npt.NDArray[np.bool_]) -> list[Numbers]:
        """The sum of the squares of each coordinate."""
        pairs = ((d[chosen], a[chosen]) for d, a in zip(self.deltas, self.inputs, strict=True))
        return [(d * d).T @ (a * a) for d, a in pairs]


def _midpoints(numbers: Numbers) -> Numbers:
    return getattr(numbers, "mid", numbers)


def total(parts: Sequence[Numbers]) -> Numbers:
    """Their sum; of one or more."""
    result = parts[0]
    for part in parts[1:]:
        result = result + part
    return result


def tangent_features(
    network: Layer | Network,
    points: npt.ArrayLike | Sequence[Sequence[Fraction | float]],
    *,
    output: Output | None = None,
    arithmetic: str = "float64",
) -> TangentFeatures:
    """The tangent features psi(x) = (df/dtheta)(x) of a network at points.

    Args:
        points: shape (n, input_dim); fractions too if the arithmetic is exact.
        output: the index of one, or a weight for each (a difference of two logits: 1 and -1).
            Default all: kernels are then sums over the outputs, the trace of the matrix-valued one.
        arithmetic: "float64"; "bounds", float64 with rigorous error bounds, three times the time;
            or "exact", in rationals.

    A point's activation pattern is exact in all of them, by rational arithmetic where rounding
    leaves it open. Where a pre-activation is exactly at a breakpoint its unit takes the slope left
    of it (of a ReLU: 0), as automatic differentiation does. That is a one-sided gradient: of the
    region with this pattern, if there is one.

    Raises:
        DomainError: points of another shape, or not finite.
        NetworkError: no such output.
        ValueError: an unknown arithmetic.

    The cost is that of two forward passes and a backward one, all points at once.
    """
    network = as_network(network)
    checked_arithmetic(arithmetic)
    weights = weights_of(network, output)
    x = checked_points(network, points, arithmetic)
    bits = exact_bits(network, x)
    one = exactly(np.ones((len(x), 1)), arithmetic)
    return features_on(network, bits, exactly(x, arithmetic), one, weights, arithmetic)


def weights_of(network: Network, output: Output | None) -> list[tuple[Fraction, ...]]:
    """One row of weights for each output that is looked at."""
    n = network.output_dim
    return [output_weights(o, n) for o in (range(n) if output is None else [output])]


def checked_points(
    network: Network, points: npt.ArrayLike | Sequence[Sequence[Fraction | float]], arithmetic: str
) -> npt.NDArray[np.generic]:
    """Points of the right shape: float64, or fractions if some are."""
    rows: Any = points if hasattr(points, "shape") else list(points)  # type: ignore[arg-type]
    try:
        if arithmetic == "exact" and any(isinstance(v, Fraction) for row in rows for v in row):
            x: npt.NDArray[np.generic] = np.array([[exact(v) for v in row] for row in rows], object)
        else:
            x = finite_array("points", rows, 2)
    except (NetworkError, TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"points must be a table of finite numbers: {error}") from None
    if x.ndim != 2 or x.shape[1] != network.input_dim or not len(x):
        raise DomainError(
            f"points must have shape (n, {network.input_dim}) with n >= 1, not {x.shape}"
        )
    return x


def exact_bits(network: Network, x: npt.NDArray[Any]) -> Bits:
    """The activation pattern at each point, shape (n, thresholds): 1 where a pre-activation is
    greater than the breakpoint; in rationals where float64 cannot tell."""
    if x.dtype == object:
        bits = np.zeros((len(x), len(network.thresholds)), np.uint8)
        certain = np.zeros(len(x), bool)
    else:
        bits, certain = float_patterns(network, x)
    for i in np.flatnonzero(~certain):
        bits[i] = [sign > 0 for sign in network.exact(x[i].tolist())[1]]
    return bits


def features_on(
    network: Network,
    bits: Bits,
    x: Numbers,
    one: Numbers,
    weights: list[tuple[Fraction, ...]],
    arithmetic: str,
    copies: int = 1,
) -> TangentFeatures:
    """The features where the patterns are given, one for ``copies`` rows of x.

    The rows (x, one) are homogeneous, and what comes out is linear in them: unit vectors give the
    columns of a region's linear map.
    """
    pieces = list(_pieces(network, bits, arithmetic))
    inputs, values = _forward(network, x, one, pieces, copies, arithmetic)
    deltas = _backward(network, weights, [slope for slope, _ in pieces], arithmetic)
    outputs = values @ from_fractions(weights, arithmetic).T
    return TangentFeatures(
        network, arithmetic, len(weights), tuple(inputs), tuple(deltas), outputs, copies
    )


def _pieces(network: Network, bits: Bits, arithmetic: str) -> Iterator[tuple[Numbers, Numbers]]:
    """For each layer the slope and intercept of every unit on every pattern."""
    counts = np.zeros((len(bits), bits.shape[1] + 1), np.int64)
    bits.cumsum(axis=1, dtype=np.int64, out=counts[:, 1:])
    at = 0
    for layer in network.layers:
        units = layer.units
        widths = [len(unit.breakpoints) for unit in units]
        ends = at + np.cumsum([0, *widths])
        number = counts[:, ends[1:]] - counts[:, ends[:-1]]
        most = 1 + max(widths)
        table = [[unit.pieces[min(k, len(unit.pieces) - 1)] for k in range(most)] for unit in units]
        unit = np.arange(len(units))
        slopes, intercepts = (
            from_fractions([[piece[part] for piece in row] for row in table], arithmetic)
            for part in (0, 1)
        )
        yield slopes[unit, number], intercepts[unit, number]
        at = int(ends[-1])


def _forward(
    network: Network,
    x: Numbers,
    one: Numbers,
    pieces: list[tuple[Numbers, Numbers]],
    copies: int,
    arithmetic: str,
) -> tuple[list[Numbers], Numbers]:
    """The inputs of every factor, and the outputs."""
    inputs = []
    x = tracked(x, arithmetic)
    for layer, (slope, intercept) in zip(network.layers, pieces, strict=True):
        for factor in layer.factors:
            inputs.append(joined(x, one))
            x = x @ exactly(factor.weight.T, arithmetic) + one * exactly(factor.bias, arithmetic)
            if factor.divisor is not None:
                x = x / exactly(factor.divisor, arithmetic)
        x = x * slope.repeat(copies, 0) + one * intercept.repeat(copies, 0)
    return inputs, x


def _backward(
    network: Network, weights: list[tuple[Fraction, ...]], slopes: list[Numbers], arithmetic: str
) -> list[Numbers]:
    """The deltas of every factor, one row for each pattern."""
    n, outputs = len(slopes[0]), len(weights)
    delta = tracked(from_fractions(weights, arithmetic), arithmetic)[np.tile(np.arange(outputs), n)]
    deltas = []
    for layer, slope in zip(reversed(network.layers), reversed(slopes), strict=True):
        delta = delta * slope.repeat(outputs, 0)
        for factor in reversed(layer.factors):
            if factor.divisor is not None:
                delta = delta / exactly(factor.divisor, arithmetic)
            deltas.append(delta.reshape(n, -1))
            delta = delta @ exactly(factor.weight, arithmetic)
    return deltas[::-1]
