"""Exact outputs of a network at many points and along many directions at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import lcm

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..engine.kernel import UNIT
from ..network import Array, Layer, Network, quotient
from ..rational import IntegerRow

CHUNK = 4096
TINY = 2.0**-1000  # more than underflow can take


def homogeneous_values(
    network: Network, generators: Sequence[Sequence[int]]
) -> list[tuple[int, ...]]:
    """For columns (x, w), in integers, columns (y, v): of a point (w > 0) the output y / v; of a
    direction (w = 0) how the output grows along it in the end, from wherever one starts."""
    found: list[tuple[int, ...]] = []
    for start in range(0, len(generators), CHUNK):
        columns = generators[start : start + CHUNK]
        found += _values(network, fmpz_mat([list(row) for row in zip(*columns, strict=True)]))
    return found


def _values(network: Network, columns: fmpz_mat) -> list[tuple[int, ...]]:
    for layer in network.layers:
        table = (layer.integer_matrix * columns).table()
        rows = [[int(v) for v in row] for row in table]
        scale = lcm(*(v.denominator for u in set(layer.units) for p in u.pieces for v in p))
        outputs = [_of_unit(u, z, rows[-1], scale) for u, z in zip(layer.units, rows, strict=False)]
        outputs.append([scale * w for w in rows[-1]])
        columns = fmpz_mat(outputs)
    return [tuple(map(int, column)) for column in columns.transpose().table()]


def _of_unit(unit: PiecewiseLinear, z: IntegerRow, w: IntegerRow, scale: int) -> IntegerRow:
    """``scale`` times a unit's outputs, homogeneous: along a direction only slopes are left."""
    pieces = [(int(a * scale), int(c * scale)) for a, c in unit.pieces]
    bends = [(t.numerator, t.denominator) for t in unit.breakpoints]
    outputs = []
    for v, one in zip(z, w, strict=True):
        slope, intercept = pieces[sum(q * v > p * one for p, q in bends)]
        outputs.append(slope * v + intercept * one)
    return outputs


def rounded_values(
    network: Network, generators: Sequence[Sequence[int]]
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """The same in float64, directions scaled to maximum norm 1.

    Returns values and bounds on their errors, shape (n, outputs), and which are directions. Where
    float64 ends, the bound is infinite or not a number.
    """
    scales = [g[-1] or max(map(abs, g), default=1) or 1 for g in generators]
    is_ray = np.array([g[-1] == 0 for g in generators], dtype=bool)
    h = np.array(
        [[quotient(v, s) for v in g[:-1]] for g, s in zip(generators, scales, strict=True)]
    )
    h = h.reshape(len(is_ray), network.input_dim)
    with np.errstate(all="ignore"):
        error = UNIT * np.abs(h) + TINY
        for layer in network.layers:
            h, error = _layer(layer, h, error, ~is_ray)
    return h, error, is_ray


def _layer(layer: Layer, h: Array, error: Array, one: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """A sum of n products, in any order, is off by at most n + 1 roundings of the sum of their
    sizes; one more for the weights, and twice that for the bound's own."""
    weight, bias = layer.weight, layer.bias * one[:, None]
    z = h @ weight.T + bias
    sizes = (np.abs(h) + error) @ np.abs(weight).T + np.abs(bias)
    error = 1.01 * (error @ np.abs(weight).T) + 2 * (len(weight.T) + 3) * UNIT * sizes + TINY
    y = np.empty_like(z)
    for unit in set(layer.units):
        columns = [i for i, u in enumerate(layer.units) if u == unit]
        y[:, columns], error[:, columns] = _unit(unit, z[:, columns], error[:, columns], one)
    return y, error


def _unit(
    unit: PiecewiseLinear, z: Array, error: Array, one: npt.NDArray[np.bool_]
) -> tuple[Array, Array]:
    """A unit is as steep as its steepest piece, so a neighbouring piece does as well."""
    slope = np.array([float(a) for a, _ in unit.pieces])
    intercept = np.array([float(c) for _, c in unit.pieces])
    bends = np.array([float(t) for t in unit.breakpoints])
    k = np.where(one[:, None], np.searchsorted(bends, z), len(bends) * (z > 0))
    constant = intercept[k] * one[:, None]
    sizes = np.abs(slope[k] * z) + np.abs(constant)
    steep = np.abs(slope).max() * 1.01
    # A rounded bend may be on the other side of z: that is off by the bend's rounding, as often.
    moved = UNIT * np.abs(bends).max(initial=0.0) * 2 * len(bends)
    return slope[k] * z + constant, steep * (error + 2 * moved) + 8 * UNIT * sizes + TINY
