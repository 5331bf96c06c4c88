"""Signs of walls' forms at generators, in float64, with rigorous bounds."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED
from .bits import ONE, ZERO, first_bits, lowest_bit
from .names import TINY, UNIT


@njit(**INLINED)
def form_at(table, wall, x):
    """The float value of a wall's form (a column of the table) at a generator."""
    value = 0.0
    for j in range(len(x)):
        value += table[j, wall] * x[j]
    return value


@njit(**INLINED)
def sign_bound(norm, error, radius, size, dim):
    """How far the float value of a form at a generator can be from the true one.

    An exact 0 is possible: the bound of a row that is exactly 0 is 0.
    """
    if norm == 0.0 and error == 0.0:
        return 0.0
    rounding = 2.0 * (dim + 4) * UNIT * size
    return 1.0000001 * (norm * (radius + rounding) + error * (size + radius) + TINY)


@njit(**INLINED)
def is_zero(value, bound, gap):
    """Is the true value certainly 0, being either 0 or at least ``gap`` in absolute value?"""
    return (bound == 0.0 and value == 0.0) or abs(value) + bound < gap


@njit(**INLINED)
def evaluate(program, stack, tables, layer, p, wanted):
    """Signs of the layer's walls in ``wanted`` (words of the layer) at generator p of the pool.

    Returns True if any is open.
    """
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    x, radius, size, gap = stack.x[p], stack.radius[p], stack.size[p], stack.gap[p]
    undecided = False
    for k in range(program.first_word[layer + 1] - word0):
        bits, pos, neg, unknown = wanted[word0 + k], ZERO, ZERO, ZERO
        while bits:
            low = lowest_bit(bits)
            bits &= bits - ONE
            wall = wall0 + 64 * k + np.int64(low)
            value = form_at(tables.wall, wall, x)
            bound = sign_bound(
                tables.wall_norm[wall], tables.wall_error[wall], radius, size, program.dim
            )
            above = np.uint64((bound < value) & (value < np.inf))
            below = np.uint64((bound < -value) & (-value < np.inf))
            pos |= above << low
            neg |= below << low
            if not (above | below) and not is_zero(value, bound, gap / tables.wall_scale[wall]):
                unknown |= ONE << low
        stack.pos[p, word0 + k] = pos
        stack.neg[p, word0 + k] = neg
        stack.unknown[p, word0 + k] = unknown
        undecided |= unknown != ZERO
    return undecided


@njit(**CALLED)
def evaluate_layer(program, stack, tables, layer, p):
    """As :func:`evaluate` for all walls of a layer, laid out so that it vectorises."""
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    n = program.first_wall[layer + 1] - wall0
    x, radius, size, gap = stack.x[p], stack.radius[p], stack.size[p], stack.gap[p]
    value = tables.values
    for j in range(program.dim + 1):
        add_multiple(tables.wall[j, wall0 : wall0 + n], x[j], j == 0, value)
    undecided = False
    for k in range(program.first_word[layer + 1] - word0):
        here = min(n - 64 * k, 64)
        begin = wall0 + 64 * k
        pos, neg = certain_signs(
            value[64 * k :], tables.wall_norm[begin:], tables.wall_error[begin:], here,
            radius, size, program.dim,
        )  # fmt: skip
        unknown = first_bits(here) & ~(pos | neg)
        if unknown:
            unknown = without_zeros(
                unknown, value[64 * k :], tables.wall_norm[begin:], tables.wall_error[begin:],
                tables.wall_scale[begin:], radius, size, gap, program.dim,
            )  # fmt: skip
            undecided |= unknown != ZERO
        stack.pos[p, word0 + k] = pos
        stack.neg[p, word0 + k] = neg
        stack.unknown[p, word0 + k] = unknown
    return undecided


@njit(**INLINED)
def add_multiple(row, factor, first, total):
    """Add a row, times the factor, to the total; the ``first`` overwrites it."""
    if first:
        for i in range(len(row)):
            total[i] = row[i] * factor
    else:
        for i in range(len(row)):
            total[i] += row[i] * factor


@njit(**INLINED)
def certain_signs(value, norm, error, n, radius, size, dim):
    """Which of n <= 64 forms are certainly positive, and negative, by :func:`sign_bound`.

    Without a branch, so that it vectorises: signs of one generator are hard to predict.
    """
    a = 1.0000001 * (radius + 2.0 * (dim + 4) * UNIT * size)
    b = 1.0000001 * (size + radius)
    pos, neg = ZERO, ZERO
    for i in range(n):
        bound = norm[i] * a + error[i] * b + (TINY if norm[i] + error[i] > 0.0 else 0.0)
        pos |= np.uint64((bound < value[i]) & (value[i] < np.inf)) << np.uint64(i)
        neg |= np.uint64((bound < -value[i]) & (-value[i] < np.inf)) << np.uint64(i)
    return pos, neg


@njit(**CALLED)
def without_zeros(unknown, value, norm, error, scale, radius, size, gap, dim):
    """Of the forms in a word whose signs are open, those that are not certainly 0."""
    bits = unknown
    while bits:
        low = lowest_bit(bits)
        bits &= bits - ONE
        i = np.int64(low)
        bound = sign_bound(norm[i], error[i], radius, size, dim)
        if is_zero(value[i], bound, gap / scale[i]):
            unknown &= ~(ONE << low)
    return unknown
