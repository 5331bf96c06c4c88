"""The layers' numbers at a glance: one kernel instead of dozens of passes over small arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise

import numpy as np
from numba import njit

from ..network import Array, Layer
from .compilation import ENTRY
from .kernel.bits import lowest_bit
from .kernel.names import SAFE_WEIGHT

LEAST = 2.0**-1074


@dataclass(frozen=True)
class Survey:
    """What the kernel wants to know of all weights, in float64.

    The kernel's error of a row is at least 2**-52 * (greatest input) * (what stands for them);
    2**-148 for each weight left out therefore covers what it could contribute.

    Attributes:
        weight: of layers 2, 3, ..., without those below SAFE_WEIGHT, each transposed and flat.
        bias: of all units.
        norm: of all units, a bound on the l1 norm of the weights.
        left_out: what stands in it for the weights that are left out.
        prints: for each layer numbers of its units that depend on the ratios of their weights and
            biases alone.
        places: for each layer the least ``s >= 0`` such that ``2**s`` times weights and biases are
            integers.
        largest: and their greatest absolute value.
    """

    weight: np.ndarray
    bias: np.ndarray
    norm: np.ndarray
    left_out: np.ndarray
    prints: list[np.ndarray]
    places: list[int]
    largest: list[float]


def survey(layers: Sequence[Layer]) -> Survey:
    tables = [_table(layer) for layer in layers]
    units = [0, *accumulate(map(len, tables))]
    flat = [0, 0, *accumulate(len(t) * (t.shape[1] - 1) for t in tables[1:])]
    weight = np.empty(flat[-1])
    bias, norm, left_out, prints = np.empty((4, units[-1]))
    found = Survey(weight, bias, norm, left_out, [], [], [])
    for table, (u, v), (start, end) in zip(tables, pairwise(units), pairwise(flat), strict=False):
        places, largest = _look(
            table, table.view(np.int64), _factors(table.shape[1]), weight[start:end], bias[u:v],
            norm[u:v], left_out[u:v], prints[u:v],
        )  # fmt: skip
        found.prints.append(prints[u:v])
        found.places.append(places)
        found.largest.append(largest)
    return found


def _table(layer: Layer) -> Array:
    """Weights and biases; a weight that rounding made 0 is not 0, but small."""
    table = layer.table
    if not layer.is_exact:
        exact = layer.integer_matrix.table()
        nonzero = np.array([[v != 0 for v in row] for row in exact[:-1]])
        nonzero[:, -1] = False
        table = np.where((table == 0) & nonzero, LEAST, table)
        table.flags.writeable = False
    return table


@lru_cache
def _factors(n: int) -> np.ndarray:
    factors: np.ndarray = np.sqrt(np.arange(2.0, n + 2))
    return factors


@njit(**ENTRY)
def _look(table, bits, factor, weight, bias, norm, left_out, prints):  # type: ignore[no-untyped-def]
    """Fills the arrays from ``weight`` on, which is empty if it is not wanted; returns the places
    and the largest absolute value. ``bits`` are those of ``table``.

    Equal ratios give equal prints, bit by bit: a correctly rounded quotient depends on its exact
    value alone.
    """
    n, last = len(table), table.shape[1] - 1
    places, largest = np.int64(0), 0.0
    for i in range(n):
        lead, mark, total, left = 0.0, 0.0, 0.0, 0.0
        for j in range(last + 1):
            value = table[i, j]
            size = abs(value)
            if value != 0.0:
                lead = value if lead == 0.0 else lead
                mark += value / lead * factor[j]
                exponent = (bits[i, j] >> 52) & 2047
                digits = bits[i, j] & ((1 << 52) - 1)
                if exponent == 0:
                    exponent = 1
                else:
                    digits |= 1 << 52
                places = max(places, 1075 - exponent - np.int64(lowest_bit(np.uint64(digits))))
                largest = max(largest, size)
            if j < last:
                small = size <= SAFE_WEIGHT
                if len(weight):
                    weight[j * n + i] = 0.0 if small else value
                total += 0.0 if small else size
                left += 2.0**-148 if small and value != 0.0 else 0.0
        bias[i] = table[i, last]
        norm[i] = total * (1 + 1e-6) + left
        left_out[i] = left
        prints[i] = mark if mark == mark else 0.0  # NaN would not equal itself
    return places, largest
