"""A layer's values at points of a segment, in float64 with bounds on their errors."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..activations import PiecewiseLinear
from ..network import Array, Layer, quotient
from .exact_line import LEAST, UNIT

SLACK = 1 + 2.0**-20  # for the roundings of the bounds themselves

Ints = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]
Coordinate = float | Fraction


def rounded(numbers: Sequence[Coordinate]) -> tuple[Array, Array]:
    """In float64, and bounds on the errors: 0 where nothing was rounded."""
    rounded = [v if isinstance(v, float) else quotient(v.numerator, v.denominator)
               for v in numbers]  # fmt: skip
    off = [not isinstance(v, float) and (abs(f) == np.inf or Fraction(f) != v)
           for f, v in zip(rounded, numbers, strict=True)]  # fmt: skip
    values = np.array(rounded, dtype=np.float64)
    with np.errstate(all="ignore"):
        return values, np.where(off, UNIT * np.abs(values) + LEAST, 0.0)


class LayerTable:
    """What is needed of a layer for each segment."""

    def __init__(self, layer: Layer) -> None:
        self.weight, self.bias, sizes = layer.weight, layer.bias[:, None], _sizes(layer)
        self.size, self.bias_size = sizes[:, :-1], sizes[:, -1:]
        self.units = np.array([unit for unit, _ in layer.thresholds], dtype=np.int64)
        self.levels, self.level_errors = rounded([t for _, t in layer.thresholds])
        first = np.searchsorted(self.units, np.arange(layer.out_features))
        self.kinds: list[tuple[PiecewiseLinear, Ints, Ints]] = []  # units and their thresholds
        for unit in {id(u): u for u in layer.units}.values():
            if not unit.is_identity:
                rows = np.array([i for i, u in enumerate(layer.units) if u is unit])
                columns = first[rows][:, None] + np.arange(len(unit.breakpoints))
                self.kinds.append((unit, rows, columns))

    def affine(self, h: Array, error: Array) -> tuple[Array, Array]:
        """Pre-activations of inputs of shape (in, points), and bounds on their errors; a bound is 0
        only where all summands are 0."""
        rounding = (len(h) + 6) * UNIT  # of the sum, of the rounded weights, of the bound
        z = self.weight @ h + self.bias
        bound = self.size @ (error + rounding * np.abs(h)) + rounding * self.bias_size
        small = bound < 2.0**-900
        if small.any():  # products may have underflowed
            summands = (self.size > 0).astype(float) @ ((h != 0) | (error > 0)).astype(float)
            bound[small & ((summands > 0) | (self.bias_size > 0))] += 2.0**-890
        return z, SLACK * bound

    def shifted(self, z: Array, error: Array) -> tuple[Array, Array]:
        """Pre-activation minus breakpoint of every threshold, and bounds on their errors."""
        level = self.levels[:, None]
        value = z[self.units] - level
        rounding = np.where(level == 0, 0.0, UNIT * (np.abs(value) + np.abs(level)))
        return value, SLACK * (error[self.units] + rounding + self.level_errors[:, None])

    def put_on_threshold(self, z: Array, error: Array, threshold: Ints, column: Ints) -> None:
        """Say that thresholds vanish at points."""
        unit = self.units[threshold]
        z[unit, column] = self.levels[threshold]
        error[unit, column] = self.level_errors[threshold]

    def activate(self, z: Array, error: Array, signs: Signs) -> None:
        """Pre-activations become outputs, in place; signs tell which linear piece they are on."""
        for unit, rows, thresholds in self.kinds:
            on = (signs[thresholds] > 0).sum(axis=1)
            before = z[rows], error[rows]
            value, bound = np.zeros_like(before[0]), np.zeros_like(before[1])
            for k, piece in enumerate(unit.pieces):
                if any(piece):
                    for target, source in zip(
                        (value, bound), _on_piece(*before, *piece), strict=True
                    ):
                        np.copyto(target, source, where=on == k)
            z[rows], error[rows] = value, bound


def _sizes(layer: Layer) -> Array:
    """Of weights and biases; one that was rounded to nearly 0 counts for more than it lost."""
    size = np.abs(layer.table)
    if layer.is_exact:
        return size
    rows = layer.integer_matrix.table()[: layer.out_features]
    nonzero = np.array([[v != 0 for v in row] for row in rows])
    return np.where(nonzero, np.maximum(size, 2.0**-960), size)


def _on_piece(z: Array, error: Array, slope: Fraction, intercept: Fraction) -> tuple[Array, Array]:
    if slope == 1 and intercept == 0:
        return z, error
    (a, c), (a_off, c_off) = rounded([slope, intercept])
    sizes = np.abs(a * z) + np.abs(c)
    bound = (np.abs(a) + a_off) * error + a_off * np.abs(z) + c_off + 4 * UNIT * sizes
    return a * z + c, SLACK * bound + 2 * LEAST * ((z != 0) | (error > 0) | (c != 0))
