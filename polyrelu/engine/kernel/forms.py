"""The forms of a layer's units and walls on a cell, composed of those of the layer before."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, ENTRY, INLINED
from .bits import ONE, copy_row, lowest_bit, test_bit
from .names import LOOSE_ERROR, TINY, UNIT, WORST_ERROR


@njit(**INLINED)
def piece_of(program, stack, e, unit):
    """Index of the linear piece of a unit on entry e: how many breakpoints lie below."""
    first = program.unit_threshold[unit]
    piece = first + unit
    for t in range(first, program.unit_threshold[unit + 1]):
        signs = stack.positive if program.threshold_side[t] > 0 else stack.negative
        if test_bit(signs[e], program.threshold_bit[t]):
            piece += 1
    return piece


@njit(**INLINED)
def wall_bit(program, layer, wall):
    return 64 * program.first_word[layer] + (wall - program.first_wall[layer])


@njit(**CALLED)
def compose(program, stack, tables, e, layer):
    """Forms of the units of ``layer`` on entry e (a decided cell of the layer before).

    The error of a unit's row is a bound on the l1 norm of what float64 did to its
    coefficients: the greatest error among the inputs, inherited and by rounding, times the
    row's weights; or, where that has grown or the row is 0, each input's own. Returns True if the
    errors have grown so far that exact composition is the cheaper way.
    """
    u0, u1 = program.first_unit[layer - 1], program.first_unit[layer]
    n = program.first_unit[layer + 1] - u1
    rounding = (u1 - u0 + 4) * UNIT * 1.01 + program.weight_error[layer]
    live, coefficient, input_errors = tables.live, tables.coefficient, tables.values
    if program.is_plain[layer - 1]:
        n_live = list_positive(program, stack, tables, e, layer, rounding)
    else:
        n_live = list_inputs(program, stack, tables, e, layer, rounding)
    input_error = 0.0
    for k in range(n_live):
        if not input_errors[k] < np.inf:
            return True
        input_error = max(input_error, input_errors[k])
    combine(
        program.weight, live, coefficient, n_live, program.first_weight[layer],
        program.bias[u1 : u1 + n], tables.unit, u1,
    )  # fmt: skip
    norms, errors = tables.unit_norm[u1 : u1 + n], tables.unit_error[u1 : u1 + n]
    l1_norms(tables.unit, u1, norms)
    for i in range(n):
        errors[i] = input_error * program.weight_norm[u1 + i]
    if is_beyond(errors, norms, LOOSE_ERROR) or is_zero_but_for_errors(errors, norms):
        for i in range(n):
            errors[i] = input_error * program.left_out[u1 + i]
        add_errors(program.weight, live, input_errors, n_live, errors)
    if n_live == 0:
        rounding = program.weight_error[layer]
    for i in range(n):
        errors[i] = 1.0001 * (errors[i] + abs(program.bias[u1 + i]) * rounding)
    return is_beyond(errors, norms, WORST_ERROR)


@njit(**CALLED)
def list_inputs(program, stack, tables, e, layer, rounding):
    """Write of the units before ``layer``, but for those that are identically 0 on entry e: where
    the weights that take them start, their forms, and the errors that they pass on, for a weight
    of 1. Returns how many they are."""
    u0, u1, u2 = program.first_unit[layer - 1 : layer + 2]
    dim, n = program.dim, np.int64(0)
    live, errors, slopes = tables.live, tables.values, tables.coefficient[dim + 1]
    constant = tables.coefficient[dim]
    for u in range(u0, u1):
        piece = piece_of(program, stack, e, u)
        slope, intercept = program.slope[piece], program.intercept[piece]
        unit_norm, unit_error = tables.unit_norm[u], tables.unit_error[u]
        norm = abs(slope) * unit_norm + abs(intercept)
        # Every unit is written, and one that is off overwritten by the next: which are off
        # cannot be predicted.
        passed = norm * (rounding + program.piece_error[piece])
        errors[n] = abs(slope) * unit_error + passed + TINY
        live[n], slopes[n], constant[n] = u, slope, intercept
        is_zero_unit = (slope == 0.0) | ((unit_norm == 0.0) & (unit_error == 0.0))
        n += np.int64(not (is_zero_unit & (intercept == 0.0)))
    for j in range(dim + 1):
        form, row = tables.unit[j], tables.coefficient[j]
        for k in range(n):
            row[k] = slopes[k] * form[live[k]] + (constant[k] if j == dim else 0.0)
    for k in range(n):
        live[k] = program.first_weight[layer] + (live[k] - u0) * (u2 - u1)
    return n


@njit(**CALLED)
def list_positive(program, stack, tables, e, layer, rounding):
    """As :func:`list_inputs`, for ReLUs that have walls of their own: those that are on."""
    u0, word0 = program.first_unit[layer - 1], program.first_word[layer - 1]
    width = program.first_unit[layer + 1] - program.first_unit[layer]
    live, errors, n = tables.live, tables.values, np.int64(0)
    for word in range(word0, program.first_word[layer]):
        bits = stack.positive[e, word]
        while bits:
            live[n] = 64 * (word - word0) + np.int64(lowest_bit(bits))
            bits &= bits - ONE
            n += 1
    for k in range(n):
        u = u0 + live[k]
        errors[k] = tables.unit_error[u] + tables.unit_norm[u] * rounding + TINY
    for j in range(program.dim + 1):
        form, row = tables.unit[j, u0:], tables.coefficient[j]
        for k in range(n):
            row[k] = form[live[k]]
    for k in range(n):
        live[k] = program.first_weight[layer] + live[k] * width
    return n


@njit(**CALLED)
def is_beyond(error, norm, most):
    """Is the relative error of some row, but for zeros, not below ``most``?"""
    beyond = False
    for i in range(len(norm)):
        beyond |= (norm[i] > 0.0) & (not error[i] < most * norm[i])
    return beyond


@njit(**CALLED)
def is_zero_but_for_errors(error, norm):
    """Is some row 0 as far as float64 can tell? It may be for sure, if it takes no live input."""
    found = False
    for i in range(len(norm)):
        found |= (norm[i] == 0.0) & (error[i] > 0.0)
    return found


@njit(**INLINED)
def l1_norms(unit, first, norm):
    """The norms of the units' forms from column ``first`` on."""
    n = len(norm)
    for i in range(n):
        norm[i] = 0.0
    for j in range(len(unit)):
        row = unit[j, first : first + n]
        for i in range(n):
            norm[i] += abs(row[i])


@njit(**CALLED)
def add_errors(weight, start, error, n, total):
    """Add to ``total`` the rows of absolute weights from ``start[k]`` on, times ``error[k]``."""
    for k in range(n):
        w = weight[start[k] :][: len(total)]
        for i in range(len(total)):
            total[i] += error[k] * abs(w[i])


@njit(**INLINED)
def combine(weight, start, coefficient, n, any_row, bias, unit, first):
    """Write the forms of a layer's units, from column ``first`` of ``unit`` on: the bias, and the
    n rows of ``weight`` from ``start[k]`` on, times the columns of ``coefficient``.

    Four rows at a time: a form is then read and written a quarter as often. What is missing to a
    multiple of four is filled up with zeros times ``any_row`` of the weights.
    """
    width, last = len(bias), len(unit) - 1
    while n & 3:
        start[n] = any_row
        for j in range(last + 1):
            coefficient[j, n] = 0.0
        n += 1
    for j in range(last + 1):
        total = unit[j, first : first + width]
        for i in range(width):
            total[i] = bias[i] if j == last else 0.0
    for k in range(0, n, 4):
        w0, w1 = weight[start[k] :][:width], weight[start[k + 1] :][:width]
        w2, w3 = weight[start[k + 2] :][:width], weight[start[k + 3] :][:width]
        for j in range(last + 1):
            c0, c1 = coefficient[j, k], coefficient[j, k + 1]
            c2, c3 = coefficient[j, k + 2], coefficient[j, k + 3]
            total = unit[j, first : first + width]
            for i in range(width):
                total[i] += (c0 * w0[i] + c1 * w1[i]) + (c2 * w2[i] + c3 * w3[i])


@njit(**(ENTRY | {"forceinline": True}))
def put_walls(
    first, last, dim, of_unit, shifts, shift_errors, unit, unit_norm, unit_error, table,
    table_norm, table_error, name,
):  # fmt: skip
    """See :func:`set_walls`, for walls ``first``, ..., ``last - 1``."""
    while first < last:  # runs of walls of consecutive units, which is nearly always one
        u, end = of_unit[first], first + 1
        while end < last and of_unit[end] == u + (end - first):
            end += 1
        n = end - first
        for j in range(dim + 1):
            copy_row(unit[j, u : u + n], table[j, first:end])
        put_errors(
            shifts[first:end], shift_errors[first:end], unit_norm[u : u + n],
            unit_error[u : u + n], table[dim, first:end], table_norm[first:end],
            table_error[first:end],
        )  # fmt: skip
        for wall in range(first, end):
            name[wall] += len(name)
        first = end


@njit(**CALLED)
def put_errors(shift, shift_error, norm, error, constant, table_norm, table_error):
    """Subtract the breakpoints from the constants of a run of walls; their norms and errors."""
    for i in range(len(shift)):
        moved = norm[i] + abs(shift[i])
        rounding = shift_error[i] + 2.0 * UNIT * moved
        is_moved = (shift[i] != 0.0) | (shift_error[i] != 0.0)
        constant[i] -= shift[i]
        table_norm[i] = moved * 1.0000001
        table_error[i] = (error[i] + (rounding if is_moved else 0.0)) * 1.0000001


@njit(**INLINED)
def set_walls(program, tables, layer):
    """The layer's wall forms from its units' forms: minus the breakpoint."""
    put_walls(
        program.first_wall[layer], program.first_wall[layer + 1], program.dim, program.wall_unit,
        program.wall_shift, program.wall_shift_error, tables.unit, tables.unit_norm,
        tables.unit_error, tables.wall, tables.wall_norm, tables.wall_error, tables.name,
    )  # fmt: skip
