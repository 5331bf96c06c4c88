"""What composed forms lack to the true ones, so that they are known in twice the precision."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .forms import piece_of
from .names import TINY, UNIT
from .twice_arithmetic import exact_product, exact_sum


@njit(**CALLED)
def set_low_parts(program, stack, tables, e):
    """Bring the small parts of the forms that entry e has composed up to date."""
    renewed = False
    for layer in range(1, stack.layer[e] + 1):
        first, last = program.first_wall[layer], program.first_wall[layer + 1]
        name = tables.name[first] if first < last else np.int64(-1)
        if name == tables.low_name[layer] and name >= 0 and not renewed:
            continue
        renewed = True
        if 1 < layer <= program.first_match:
            compose_low(program, stack, tables, e, layer)
        for wall in range(first, last):
            set_low_wall(program, tables, wall, layer <= program.first_match)
        tables.low_name[layer] = name


@njit(**CALLED)
def set_low_wall(program, tables, wall, of_unit):
    """The small part of a wall's form from that of its unit; none if it is not ``of_unit``."""
    dim, u = program.dim, program.wall_unit[wall]
    norm = 0.0
    for j in range(dim + 1):
        low = tables.unit_low[j, u] if of_unit else 0.0
        if of_unit and j == dim:
            low += exact_sum(tables.unit[j, u], -program.wall_shift[wall])[1]
        tables.wall_low[j, wall] = low
        norm += abs(low)
    tables.wall_low_norm[wall] = 1.0000001 * norm
    error = tables.wall_error[wall]
    if of_unit:
        error = tables.unit_low_error[u] + program.wall_shift_error[wall]
        error += UNIT * norm if program.wall_shift[wall] != 0.0 else 0.0
    tables.wall_low_error[wall] = 1.0000001 * error


@njit(**CALLED)
def compose_low(program, stack, tables, e, layer):
    """What the forms of the units of ``layer`` on entry e lack to the true ones, as
    :func:`compose` has these, and bounds on what is still missing then: on its l1 norm."""
    u1, u2, dim = program.first_unit[layer], program.first_unit[layer + 1], program.dim
    live, input_error = tables.live, tables.values
    n = list_low_inputs(program, stack, tables, e, layer)
    for u in range(u1, u2):
        inherited, rounding = 0.0, 0.0
        for k in range(n):
            inherited += abs(program.weight[live[k] + u - u1]) * input_error[k]
        for j in range(dim + 1):
            tables.unit_low[j, u], rounded = combine_twice(
                program.weight, live, u - u1, tables.coefficient[j], tables.coefficient_low[j], n,
                program.bias[u] if j == dim else 0.0, tables.unit[j, u],
            )  # fmt: skip
            rounding += rounded
        error = 1.0001 * (inherited + rounding + TINY)
        known = program.weight_error[layer] == 0.0 == program.left_out[u]
        if not (known and error < tables.unit_error[u]):
            error = tables.unit_error[u]
            for j in range(dim + 1):
                tables.unit_low[j, u] = 0.0
        tables.unit_low_error[u] = error


@njit(**CALLED)
def combine_twice(weight, start, i, high, low, n, bias, known):
    """The bias and n coefficients high + low, times ``weight[start[k] + i]``, less what is known of
    that sum; and a bound on what rounding changed.

    All that float64 loses on the way is added up, and each number of that sum is charged with the
    roundings that it goes through.
    """
    total, rest, terms = bias, 0.0, 0.0
    for k in range(n):
        factor = weight[start[k] + i]
        product, left = exact_product(factor, high[k])
        total, lost = exact_sum(total, product)
        small = factor * low[k]
        rest += (lost + left) + small
        terms += abs(lost) + abs(left) + abs(small)
    off, lost = exact_sum(total, -known)
    size = abs(off) + abs(lost) + abs(rest)
    return off + (lost + rest), UNIT * ((n + 3) * terms + 2.0 * size)


@njit(**CALLED)
def list_low_inputs(program, stack, tables, e, layer):
    """As :func:`list_inputs`, with the small parts of the forms and bounds on what they lack."""
    u0, u1, u2 = program.first_unit[layer - 1 : layer + 2]
    n = np.int64(0)
    for u in range(u0, u1):
        piece = piece_of(program, stack, e, u)
        slope, intercept = program.slope[piece], program.intercept[piece]
        if slope == 0.0 == intercept:
            continue
        terms = 0.0
        for j in range(program.dim + 1):
            high, lost = exact_product(slope, tables.unit[j, u])
            small, more = slope * tables.unit_low[j, u], 0.0
            if j == program.dim:
                high, more = exact_sum(high, intercept)
            tables.coefficient[j, n], tables.coefficient_low[j, n] = high, small + (lost + more)
            terms += abs(small) + abs(lost) + abs(more)
        error = abs(slope) * tables.unit_low_error[u] + 3.0 * UNIT * terms + TINY
        tables.values[n] = 1.0001 * error if program.piece_error[piece] == 0.0 else np.inf
        tables.live[n] = program.first_weight[layer] + (u - u0) * (u2 - u1)
        n += 1
    return n
