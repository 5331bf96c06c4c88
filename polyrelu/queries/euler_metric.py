"""The rank-one metric of Euler's identity: the network as a similarity function of itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array, Network
from .arithmetic import Numbers, exactly, stacked
from .metrics import Metric, check_per_block, nonnegative
from .tangent import TangentFeatures, affine_factors, total


@dataclass(frozen=True, eq=False)
class EulerMetric(Metric):
    """The network's own parameters as directions: G = sum over blocks l of c_l v_l v_l^T.

    With ``biases`` v_l is the weight of block l and the biases of it and all later ones. Scaling
    along v_l by t scales the output by t, if units are positively homogeneous (ReLU, leaky ReLU,
    absolute value, identity): so ``v_l . psi = f`` for every l, and K = (sum of c_l) f f', in a
    network with biases too. Without, v_l is the weight alone, the metric of Euler's identity
    ``W_l . df/dW_l = f``, which holds if all biases are 0.

    Args:
        weights: c, one for each of :func:`parameter_blocks`, >= 0, or a single number for all.
        biases: whether biases move along.
    """

    weights: npt.ArrayLike = 1.0
    biases: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", nonnegative("weights", self.weights))

    def check(self, network: Network) -> None:
        check_per_block("weights", self.weights, network)

    def _coefficients(self, features: TangentFeatures) -> Numbers:
        blocks = len(features.inputs)
        spread = np.broadcast_to(np.asarray(self.weights, dtype=np.float64), (blocks,))
        return exactly(np.repeat(spread, features.outputs), features.arithmetic)

    def _directions(self, features: TangentFeatures, block: int) -> Sequence[Array]:
        """v_l as a table for each block."""
        factors = affine_factors(features.network)
        tables = [np.zeros((f.weight.shape[0], f.weight.shape[1] + 1)) for f in factors]
        tables[block][:, :-1] = factors[block].weight
        if self.biases:
            for table, factor in list(zip(tables, factors, strict=True))[block:]:
                table[:, -1] = factor.bias
        return tables

    def projections(self, features: TangentFeatures) -> Numbers:
        """v_l . psi of every point, block l and output, shape (n, blocks * outputs)."""
        weights, biases = [], []
        for k, factor in enumerate(affine_factors(features.network)):
            delta = features.delta(k)
            size, out = len(features), factor.weight.shape[0]
            table = np.concatenate([factor.weight, np.zeros((out, 1))], axis=1)
            image = features.inputs[k] @ exactly(table.T, features.arithmetic)
            bias = features.inputs[k][:, -1:] * exactly(factor.bias, features.arithmetic)
            weights.append(_by_output(delta, image, size, features.outputs))
            biases.append(_by_output(delta, bias, size, features.outputs))
        if self.biases:
            weights = [total([w, *biases[k:]]) for k, w in enumerate(weights)]
        return stacked(weights, axis=1)

    def gram(self, left: TangentFeatures, right: TangentFeatures) -> Numbers:
        rows = self.projections(left)
        return (rows * self._coefficients(left)) @ self.projections(right).T

    def squares(self, features: TangentFeatures) -> Numbers:
        rows = self.projections(features)
        return (rows * rows * self._coefficients(features)).sum(1)

    def apply(self, tables: Sequence[Numbers], features: TangentFeatures) -> list[Numbers]:
        results: list[list[Numbers]] = [[] for _ in tables]
        weights = np.broadcast_to(np.asarray(self.weights, np.float64), (len(tables),))
        for block, weight in enumerate(exactly(weights, features.arithmetic)):
            directions = [exactly(np.tile(v, (features.outputs, 1)), features.arithmetic)
                          for v in self._directions(features, block)]  # fmt: skip
            along = total([
                (table * v).sum(1).reshape(features.outputs, -1).sum(1)
                for table, v in zip(tables, directions, strict=True)
            ])  # fmt: skip
            for result, v in zip(results, directions, strict=True):
                length = v.shape[0] // features.outputs
                result.append(v * (along * weight).repeat(length, 0).reshape(-1, 1))
        return [total(result) for result in results]

    def trace(self, network: Network) -> float:
        factors = affine_factors(network)
        weights = np.broadcast_to(np.asarray(self.weights, np.float64), (len(factors),))
        sizes = [float((f.weight**2).sum()) for f in factors]
        biases = [float((f.bias**2).sum()) if self.biases else 0.0 for f in factors]
        return float(sum(c * (s + sum(biases[k:])) for k, (c, s) in
                         enumerate(zip(weights, sizes, strict=True))))  # fmt: skip


def _by_output(delta: Numbers, image: Numbers, size: int, outputs: int) -> Numbers:
    """delta . image for each point and output."""
    parts = delta.reshape(size * outputs, -1) * image.repeat(outputs, 0)
    return parts.sum(1).reshape(size, outputs)
