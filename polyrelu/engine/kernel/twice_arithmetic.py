"""Twice the precision of float64: sums, products and forms, with their errors."""

from __future__ import annotations

from numba import njit

from ..compilation import CALLED
from .names import TINY, UNIT


@njit(**CALLED)
def exact_sum(a, b):
    """a + b as a float64 and what its rounding lost (Knuth)."""
    total = a + b
    there = total - a
    return total, (a - (total - there)) + (b - there)


@njit(**CALLED)
def exact_product(a, b):
    """a b as a float64 and what its rounding lost (Dekker; NaN if a factor is above 2**996)."""
    product = a * b
    c, d = 134217729.0 * a, 134217729.0 * b  # 2**27 + 1: halves of 26 bits
    a0, b0 = c - (c - a), d - (d - b)
    a1, b1 = a - a0, b - b0
    return product, a1 * b1 - (((product - a0 * b0) - a1 * b0) - a0 * b1)


@njit(**CALLED)
def form_twice(table, table_low, wall, x, low):
    """The value of a wall's form at the generator x + low, within :func:`bound_twice`."""
    total, rest = 0.0, 0.0
    for j in range(len(x)):
        product, left = exact_product(table[j, wall], x[j])
        total, lost = exact_sum(total, product)
        rest += (lost + left) + (table[j, wall] * low[j] + table_low[j, wall] * x[j])
    return total + rest


@njit(**CALLED)
def bound_twice(norm, low_norm, error, radius, size, low, dim):
    """How far a value of :func:`form_twice` can be from the true one, but for its last rounding,
    which changes it by UNIT of itself. ``norm`` is that of the row, ``low_norm`` that of its small
    parts, ``error`` what it lacks with them; ``low`` bounds the point's small parts, ``size`` it.

    What is lost along the sum is known, and at most ``(d + 2) UNIT norm size``; it and the small
    parts' products, at most ``norm low + low_norm size``, are added up with ``d + 4`` roundings of
    each. The product of the small parts is left out.
    """
    terms = norm * ((dim + 3) * UNIT * size + low) + low_norm * size
    rest = (dim + 5) * UNIT * terms + low_norm * low
    return 1.0000001 * ((norm + low_norm) * radius + rest + error * (size + radius) + TINY)


@njit(**CALLED)
def wall_bound_twice(tables, wall, radius, size, low, dim):
    return bound_twice(
        tables.wall_norm[wall], tables.wall_low_norm[wall], tables.wall_low_error[wall], radius,
        size, low, dim,
    )  # fmt: skip


@njit(**CALLED)
def sizes(x, low, dim):
    """Bounds on the coordinates of x + low, and on those of low."""
    size, small = 1.0, 0.0
    for j in range(dim):
        small = max(small, abs(low[j]))
        size = max(size, abs(x[j]) + abs(low[j]))
    return size, small
