"""Metrics on a network's parameters, and the kernels that they make of tangent features.

A metric G is symmetric and positive semidefinite, as large as the parameters squared, and is never
formed. ``K(x, x') = psi(x)^T G psi(x')``, summed over the outputs, in the arithmetic of the
features. With P parameters, L affine factors and N neurons, a value of the kernel takes some 2 N
multiplications under a block metric: the sum over factors of (delta . delta') (a . a' + 1); P under
a diagonal one, or s if only s of its entries are not 0; and L under the Euler metric.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError
from ..network import Array, Network, finite_array
from .arithmetic import Numbers, exactly, stacked, tracked
from .tangent import TangentFeatures, affine_factors, parameter_blocks, total

Indices = npt.NDArray[np.signedinteger[Any]]

CHUNK = 1 << 23  # numbers of a formed part of the features
CACHED = 1 << 18  # numbers of a part of the kernel: larger ones cost a page fault each 4 KB


class Metric(ABC):
    """A positive semidefinite form on parameter space."""

    @abstractmethod
    def check(self, network: Network) -> None:
        """Raises NetworkError if it does not fit the network's parameters."""

    @abstractmethod
    def gram(self, left: TangentFeatures, right: TangentFeatures) -> Numbers:
        """K(x, x') of every two points, shape (n, m)."""

    @abstractmethod
    def squares(self, features: TangentFeatures) -> Numbers:
        """K(x, x) of every point, shape (n,)."""

    @abstractmethod
    def apply(self, tables: Sequence[Numbers], features: TangentFeatures) -> list[Numbers]:
        """G times a feature that is given as tables, shape (outputs * out, in + 1) each."""

    @abstractmethod
    def trace(self, network: Network) -> float:
        """The sum of its diagonal: to compare metrics of different sizes. Rounded."""


@dataclass(frozen=True, eq=False)
class BlockMetric(Metric):
    """A weight for each affine factor: G = blockdiag(g_l I).

    Args:
        weights: one for each of :func:`parameter_blocks`, >= 0, or a single number for all. With 1
            everywhere (the default) K is the tangent kernel; with the last one only it is the
            inner product of what the last layer gets, and 1 for its bias.
        biases: the same for the biases; default as the weights.
    """

    weights: npt.ArrayLike = 1.0
    biases: npt.ArrayLike | None = None

    def __post_init__(self) -> None:
        for name in ("weights", "biases"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, nonnegative(name, value))

    def check(self, network: Network) -> None:
        check_per_block("weights", self.weights, network)
        if self.biases is not None:
            check_per_block("biases", self.biases, network)

    def _of(self, block: int) -> tuple[float, float]:
        weights = np.asarray(self.weights)
        biases = weights if self.biases is None else np.asarray(self.biases)
        of_weight, of_bias = (float(v if v.ndim == 0 else v[block]) for v in (weights, biases))
        return of_weight, of_bias

    def _columns(self, features: TangentFeatures, block: int) -> Numbers | None:
        """What each column of a block's table is multiplied by; None: nothing."""
        of_weight, of_bias = self._of(block)
        if of_weight == of_bias == 0:
            return None
        columns = np.full(features.inputs[block].shape[1], of_weight)
        columns[-1] = of_bias
        return exactly(columns, features.arithmetic)

    def gram(self, left: TangentFeatures, right: TangentFeatures) -> Numbers:
        step = max(1, CACHED // (left.copies * len(right)))
        n = len(left) // left.copies
        return stacked([self._rows(left.part(i, i + step), right) for i in range(0, n, step)])

    def _rows(self, left: TangentFeatures, right: TangentFeatures) -> Numbers:
        """A part of the kernel that is small enough to be worked on in the processor's caches."""
        parts = []
        for k, (a, b) in enumerate(zip(left.inputs, right.inputs, strict=True)):
            columns = self._columns(left, k)
            if columns is not None:
                deltas = left.deltas[k] @ right.deltas[k].T
                if left.copies > 1 or right.copies > 1:
                    deltas = deltas.repeat(left.copies, 0).repeat(right.copies, 1)
                parts.append(deltas * (_scaled(a, columns) @ b.T))
        return total(parts) if parts else _zeros((len(left), len(right)), left)

    def squares(self, features: TangentFeatures) -> Numbers:
        parts = []
        for k, a in enumerate(features.inputs):
            columns = self._columns(features, k)
            if columns is not None:
                delta = features.delta(k)
                parts.append((delta * delta).sum(1) * (_scaled(a, columns) * a).sum(1))
        return total(parts) if parts else _zeros((len(features),), features)

    def apply(self, tables: Sequence[Numbers], features: TangentFeatures) -> list[Numbers]:
        zero = exactly(np.zeros(1), features.arithmetic)
        columns = (self._columns(features, k) for k in range(len(tables)))
        return [t * (zero if c is None else c) for t, c in zip(tables, columns, strict=True)]

    def trace(self, network: Network) -> float:
        sizes = (block.shape for block in parameter_blocks(network))
        return sum(n * (m * w + b) for (n, m), (w, b) in
                   ((shape, self._of(k)) for k, shape in enumerate(sizes)))  # fmt: skip


@dataclass(frozen=True, eq=False)
class DiagonalMetric(Metric):
    """A weight for each parameter: G = diag(g).

    Args:
        weights: shape (parameters,), >= 0, in the order of :func:`parameter_blocks`. Zeros cost
            nothing in kernels: a sparse metric is one with many.
    """

    weights: npt.ArrayLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", nonnegative("weights", self.weights, 1))

    @classmethod
    def squared(cls, network: Network) -> DiagonalMetric:
        """diag(theta_i^2), each square rounded once.

        Raises:
            NetworkError: a square beyond float64.
        """
        factors = affine_factors(network)
        theta = np.concatenate([v for f in factors for v in (f.weight.ravel(), f.bias)])
        with np.errstate(over="ignore"):
            squares = theta**2
        if not np.isfinite(squares).all():
            raise NetworkError(f"a parameter's square must be a float64: {np.abs(theta).max()}")
        return cls(squares)

    @classmethod
    def sparse(
        cls, network: Network, chosen: npt.ArrayLike, weights: npt.ArrayLike = 1.0
    ) -> DiagonalMetric:
        """Some coordinates only, by their indices."""
        size = sum(block.size for block in parameter_blocks(network))
        at = np.asarray(chosen)
        if at.ndim != 1 or (at.size and at.dtype.kind not in "iu"):
            raise NetworkError(f"chosen must be a list of indices of parameters, not {chosen!r}")
        if at.size and not (at.min() >= 0 and at.max() < size and len(np.unique(at)) == len(at)):
            raise NetworkError(f"chosen must be different indices of {size} parameters")
        mask = np.zeros(size)
        mask[at.astype(np.int64)] = weights
        return cls(mask)

    @property
    def support(self) -> npt.NDArray[np.int64]:
        """The parameters with a positive weight."""
        return np.flatnonzero(self.weights).astype(np.int64)

    def check(self, network: Network) -> None:
        size = sum(block.size for block in parameter_blocks(network))
        shape = np.shape(self.weights)
        if shape != (size,):
            raise NetworkError(
                f"a diagonal metric needs {size} weights, one a parameter, not shape {shape}"
            )

    def _tables(self, features: TangentFeatures) -> list[Array]:
        """Its weights in the shape of the features' tables."""
        return to_tables(np.asarray(self.weights), features.network, features.outputs)

    def gram(self, left: TangentFeatures, right: TangentFeatures) -> Numbers:
        kernel = _zeros((len(left), len(right)), left)
        for k, table in enumerate(self._tables(left)):
            entries = np.count_nonzero(table)
            # Of frames: the price of the entries for every row, or of the table for every delta.
            if left.copies * right.copies * entries > table.size + entries:
                kernel = kernel + _by_deltas(left, right, k, exactly(table, left.arithmetic))
            elif entries:
                kernel = kernel + _by_entries(left, right, k, table)
        return kernel

    def squares(self, features: TangentFeatures) -> Numbers:
        parts = []
        for k, (a, table) in enumerate(zip(features.inputs, self._tables(features), strict=True)):
            delta = features.delta(k)
            mixed = (delta * delta) @ exactly(table, features.arithmetic)
            parts.append((mixed * (a * a)).sum(1))
        return total(parts)

    def apply(self, tables: Sequence[Numbers], features: TangentFeatures) -> list[Numbers]:
        mine = self._tables(features)
        return [t * exactly(g, features.arithmetic) for t, g in zip(tables, mine, strict=True)]

    def trace(self, network: Network) -> float:
        return float(np.sum(self.weights))


def nonnegative(name: str, value: npt.ArrayLike, ndim: int | None = None) -> Array:
    """An array of as many dimensions as it has, or as it must have."""
    if ndim is None:
        ndim = getattr(value, "ndim", 1 if hasattr(value, "__len__") else 0)
    array = finite_array(f"{name} of a metric", value, ndim)
    if np.any(array < 0):
        raise NetworkError(f"{name} of a metric must be >= 0, as it is positive semidefinite")
    return array


def check_per_block(name: str, value: npt.ArrayLike, network: Network) -> None:
    n = len(parameter_blocks(network))
    if np.shape(value) not in ((), (n,)):
        raise NetworkError(
            f"{name} of a metric must be one number or {n}, one for each affine factor, "
            f"not shape {np.shape(value)}"
        )


def checked_metric(metric: Metric | None, network: Network) -> Metric:
    """The tangent kernel's, if there is none."""
    if metric is None:
        return BlockMetric()
    if not isinstance(metric, Metric):
        raise TypeError(
            f"metric must be a BlockMetric, DiagonalMetric or EulerMetric, not {metric!r}"
        )
    metric.check(network)
    return metric


def to_tables(flat: Array, network: Network, outputs: int = 1) -> list[Array]:
    """A number for each parameter as tables (weight, bias) of the blocks, repeated for outputs."""
    tables = []
    for block in parameter_blocks(network):
        n, m = block.shape
        part = flat[block.start : block.start + block.size]
        table = np.concatenate([part[: n * m].reshape(n, m), part[n * m :, None]], axis=1)
        tables.append(np.tile(table, (outputs, 1)))
    return tables


def from_tables(tables: Sequence[Array]) -> Array:
    """The other way round, of one output."""
    return np.concatenate([np.concatenate([t[:, :-1].ravel(), t[:, -1]]) for t in tables])


def _scaled(table: Numbers, columns: Numbers) -> Numbers:
    """Columns multiplied by numbers, if they are not all 1."""
    return table if columns.dtype != object and (columns == 1).all() else table * columns


def _by_entries(left: TangentFeatures, right: TangentFeatures, block: int, table: Array) -> Numbers:
    """A block's part of the kernel: the coordinates with a weight are formed, some at a time."""
    rows, columns = np.nonzero(table)
    step = max(1, CHUNK // max(len(left), len(right)))
    parts = []
    for at in (slice(i, i + step) for i in range(0, len(rows), step)):
        i, j = rows[at], columns[at]
        weights = exactly(table[i, j], left.arithmetic)
        parts.append(_scaled(_part(left, block, i, j), weights) @ _part(right, block, i, j).T)
    return total(parts)


def _by_deltas(
    left: TangentFeatures, right: TangentFeatures, block: int, table: Numbers
) -> Numbers:
    """The same where a row of deltas stands for several rows of inputs: the weights are summed over
    delta delta' first, for one row of deltas on the left after the other."""
    inputs, deltas, step = right.inputs[block], right.deltas[block], left.copies
    parts = []
    for i in range(len(left.deltas[block])):
        weights = (deltas * left.deltas[block][i]) @ table
        own = left.inputs[block][i * step : (i + 1) * step]
        parts.append(own @ (inputs * weights.repeat(right.copies, 0)).T)
    return stacked(parts)


def _part(features: TangentFeatures, block: int, rows: Indices, columns: Indices) -> Numbers:
    """Some coordinates of the features."""
    return features.delta(block)[:, rows] * features.inputs[block][:, columns]


def _zeros(shape: tuple[int, ...], features: TangentFeatures) -> Numbers:
    zeros = exactly(np.zeros(shape), features.arithmetic)
    return tracked(zeros, features.arithmetic)
