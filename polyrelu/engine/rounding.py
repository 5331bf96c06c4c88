"""Integers and fractions in float64, with bounds on what rounding changes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..network import quotient
from ..rational import IntegerRow
from .kernel.names import TINY, UNIT

LARGEST_SCALE = 1 << 100  # denominators beyond it are as good as infinite


def as_scale(denominator: int) -> float:
    """A common denominator as the kernel has it."""
    return float(denominator) if denominator < LARGEST_SCALE else math.inf


def as_float(value: Fraction) -> float:
    """Rounded to nearest; infinite where float64 ends."""
    return quotient(value.numerator, value.denominator)


def rounding(value: Fraction) -> float:
    """A bound on ``|as_float(value) - value|``; 0 if value is a float."""
    if value.denominator == 1 and abs(value.numerator) < 2**53:
        return 0.0
    rounded = as_float(value)
    if is_exact(value.numerator, value.denominator, rounded):
        return 0.0
    return 2 * UNIT * abs(rounded) + TINY


def is_exact(value: int, scale: int, rounded: float) -> bool:
    """Is ``rounded`` the quotient of the integers, not merely near it?"""
    if not math.isfinite(rounded):
        return False
    numerator, denominator = rounded.as_integer_ratio()
    return value * denominator == numerator * scale


def round_rows(
    rows: list[IntegerRow], scales: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, each divided by its scale, in float64: columns, l1 norms and errors."""
    table = np.array(
        [
            [quotient(v, scale) if v else 0.0 for v in row]
            for row, scale in zip(rows, scales, strict=True)
        ]
    )
    norm = l1_norms(table)
    exact = [
        all(is_exact(v, scale, q) for v, q in zip(row, line, strict=True) if v)
        for row, line, scale in zip(rows, table.tolist(), scales, strict=True)
    ]
    error = np.where(exact, 0.0, 2 * UNIT * norm + 2.0**-1000)
    return table.T, norm, error


def remainders(
    rows: list[IntegerRow], scales: Sequence[int], columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the columns of :func:`round_rows` lack to the rows, each divided by its scale, rounded
    to float64; and bounds on the l1 norms of what is missing even so."""
    low, error = np.zeros_like(columns), np.zeros(len(rows))
    for i, (row, scale) in enumerate(zip(rows, scales, strict=True)):
        if not np.isfinite(columns[:, i]).all():
            error[i] = math.inf
            continue
        for j, (v, rounded) in enumerate(zip(row, columns[:, i].tolist(), strict=True)):
            numerator, denominator = rounded.as_integer_ratio()
            left = v * denominator - numerator * scale
            if left:
                low[j, i] = quotient(left, scale * denominator)
                error[i] += 2 * UNIT * abs(low[j, i]) + 2.0**-1000
    return low, error


def l1_norms(table: np.ndarray) -> np.ndarray:
    """Upper bounds on the l1 norms of the rows."""
    with np.errstate(over="ignore"):
        norms: np.ndarray = np.abs(table).sum(axis=1) * (1 + 1e-7)
    return norms


def round_generator(generator: IntegerRow) -> tuple[list[float], float, float, float]:
    """An exact generator as the kernel holds it: coordinates, radius, size and gap."""
    *coordinates, last = generator
    scale = last or max(map(abs, coordinates))
    x = [quotient(v, scale) for v in coordinates]
    size = max([1.0, *map(abs, x)])
    exact = all(is_exact(v, scale, q) for v, q in zip(coordinates, x, strict=True))
    gap = 0.999999 / scale if abs(scale) < 2**300 else 0.0
    return [*x, 1.0 if last else 0.0], 0.0 if exact else 2 * UNIT * size, size, gap
