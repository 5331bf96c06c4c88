"""Signs that float64 leaves open, in twice the precision."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .bits import ONE, ZERO, lowest_bit
from .cache import cache, find_cached, sort_walls
from .generators import is_poor
from .names import CUT_WALL, DECIDE, NEAR_COPY, NEW_BEGIN, NEW_END, PHASE, TOP
from .signs import is_zero, sign_bound
from .twice_arithmetic import form_twice, sizes, wall_bound_twice
from .twice_forms import set_low_parts
from .twice_points import difference, list_walls, refine, refined_radius


@njit(**CALLED)
def settle(program, stack, tables, p, layer, low, radius):
    """Decide open signs of generator p, which is x + low within the radius, on the layer's walls
    where that can be done in twice the precision. Returns True if any is still open."""
    x, dim, gap = stack.x[p], program.dim, stack.gap[p]
    size, small = sizes(x, low, dim)
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    undecided = False
    for k in range(word0, program.first_word[layer + 1]):
        bits = stack.unknown[p, k]
        while bits:
            at = lowest_bit(bits)
            bits &= bits - ONE
            w = wall0 + 64 * (k - word0) + np.int64(at)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, radius, size, small, dim)
            undecided |= not note_sign(
                value, bound, gap / tables.wall_scale[w], stack.pos[p], stack.neg[p],
                stack.unknown[p], k, at,
            )  # fmt: skip
    return undecided


@njit(**CALLED)
def note_sign(value, bound, gap, pos, neg, unknown, k, at):
    """Note the sign of a value in bit ``at`` of words k if it is certain, and return if it is."""
    above, below = bound < value < np.inf, bound < -value < np.inf
    if not (above or below or is_zero(value, bound, gap)):
        return False
    pos[k] |= np.uint64(above) << at
    neg[k] |= np.uint64(below) << at
    unknown[k] &= ~(ONE << at)
    return True


@njit(**CALLED)
def settle_copies(program, stack, tables, p, layer, n):
    """Decide open signs of generator p on walls that are nearly the same as one of the n picked
    walls, which p is on: there both differ by what they differ by. Returns True if any sign is
    still open."""
    x, radius, size, dim = stack.x[p], stack.radius[p], stack.size[p], program.dim
    word0, wall0 = program.first_word[layer], program.first_wall[layer]
    high, low = tables.low[1], tables.low[2]
    last = dim + 1 if x[dim] != 0.0 else dim  # a direction has no use for the constant
    undecided = False
    for k in range(word0, program.first_word[layer + 1]):
        bits = stack.unknown[p, k]
        while bits:
            at = lowest_bit(bits)
            bits &= bits - ONE
            w, i, certain = wall0 + 64 * (k - word0) + np.int64(at), 0, False
            while i < n and not certain:
                sign, error = difference(tables, tables.picked[i], w, dim, high, low)
                if sign != 0.0:
                    value, norm = 0.0, 0.0
                    for j in range(last):
                        value -= sign * high[j] * x[j]
                        norm += 1.0000001 * abs(high[j])
                        error += 1.0000001 * abs(low[j])
                    bound = sign_bound(norm, error, radius, size, dim)
                    if last == dim and norm == 0.0:
                        if are_parallel(program, tables, tables.picked[i], w, layer, sign):
                            bound = 0.0
                    certain = note_sign(
                        value, bound, stack.gap[p] / tables.wall_scale[w], stack.pos[p],
                        stack.neg[p], stack.unknown[p], k, at,
                    )  # fmt: skip
                i += 1
            undecided |= not certain
    return undecided


@njit(**CALLED)
def are_parallel(program, tables, v, w, layer, sign):
    """Have walls v and w, whose float64 normals are the same but for the sign, the same true ones?

    They have if their rows are exact, or if their units take all inputs with the same weights.
    """
    if tables.wall_error[v] == 0.0 == tables.wall_error[w]:
        return True
    if layer < 2 or layer > program.first_match or v < program.first_wall[layer]:
        return False
    u, v_unit, w_unit = program.first_unit[layer], program.wall_unit[v], program.wall_unit[w]
    if program.weight_error[layer] + program.left_out[v_unit] + program.left_out[w_unit] != 0.0:
        return False
    width = program.first_unit[layer + 1] - u
    row = program.first_weight[layer] - u
    for _ in range(u - program.first_unit[layer - 1]):
        if program.weight[row + v_unit] != sign * program.weight[row + w_unit]:
            return False
        row += width
    return True


@njit(**CALLED)
def signs_twice(program, stack, tables):
    """Decide in twice the precision what signs the top entry asks for (NEED_SIGNS). True if none
    is open any more."""
    e = stack.scalar[TOP]
    cutting = stack.scalar[PHASE] != DECIDE
    begin = stack.scalar[NEW_BEGIN]
    n = stack.scalar[NEW_END] - begin if cutting else stack.n_vertices[e]
    first = stack.scalar[CUT_WALL] if cutting else np.int64(-1)
    set_low_parts(program, stack, tables, e)
    undecided = False
    for i in range(n):
        p = begin + i if cutting else np.int64(stack.vertex[e, i])
        mask = stack.new_mask[i] if cutting else stack.mask[e, i]
        undecided |= decide_twice(program, stack, tables, e, p, mask, first)
    return not undecided


@njit(**CALLED)
def decide_twice(program, stack, tables, e, p, mask, first):
    """Decide the open signs of generator p of entry e, as far as twice the precision goes; it is on
    the facets of ``mask`` and, if it was just made, on the wall ``first``, else that is -1. True if
    any sign, or x itself, is open."""
    layer, dim, low = stack.layer[e], program.dim, tables.low[0]
    anew = first >= 0 and is_poor(stack, p)
    any_open = anew or not stack.radius[p] < np.inf
    for k in range(program.first_word[layer], program.first_word[layer + 1]):
        any_open |= stack.unknown[p, k] != ZERO
    if not any_open:
        return False
    if not anew and not stack.radius[p] < np.inf:
        return True
    n = list_walls(first, mask, stack.used[e], stack.facet[e], tables.picked)
    refined = np.inf
    if anew:  # poorly solved, or not at all; or a direction that might be the opposite one
        stack.radius[p] = np.inf  # that of an x which may be overwritten
        if n == dim:
            sort_walls(tables.picked, n)
        if not refine(tables, n, stack.x[p], low, dim, True):
            return True
        refined = refined_radius(tables, stack.x[p], low, dim)
        if not renew(program, stack, tables, e, p, mask, first, n, low, refined):
            return True
    if not settle_copies(program, stack, tables, p, layer, n):
        return False
    if not anew:
        if not refine(tables, n, stack.x[p], low, dim, False):
            return True
        refined = refined_radius(tables, stack.x[p], low, dim)
    return settle(program, stack, tables, p, layer, low, refined)


@njit(**CALLED)
def renew(program, stack, tables, e, p, mask, first, n, low, refined):
    """Generator p of entry e, on n picked walls, is x, which was found anew: its radius and size; a
    direction is turned to where the cell is. False if that is not certain."""
    x, dim = stack.x[p], program.dim
    if not refined < NEAR_COPY:
        return False
    if x[dim] == 0.0:
        side = facing(stack.used[e], mask, stack.facet[e], tables, x, low, refined, dim)
        if side == 0.0:
            return False
        for j in range(dim):
            x[j], low[j] = side * x[j], side * low[j]
    whole, small = sizes(x, low, dim)
    stack.radius[p], stack.size[p] = 1.001 * (refined + small), whole
    if n == dim and x[dim] != 0.0 and 0 <= first < program.first_wall[program.first_match]:
        cache(tables, stack, find_cached(tables, tables.picked, dim), p, dim)
    return True


@njit(**CALLED)
def facing(used, mask, facet, tables, x, low, radius, dim):
    """1 if the direction x + low certainly leads to the inner side of some facet that it is not on,
    -1 if its opposite does, 0 if neither is certain."""
    size, small = sizes(x, low, dim)
    for k in range(len(used)):
        facets = used[k] & ~mask[k]
        while facets:
            code = facet[64 * k + np.int64(lowest_bit(facets))]
            facets &= facets - ONE
            w = np.int64(code >> 1)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, radius, size, small, dim)
            if bound < abs(value) < np.inf:
                return 1.0 if (value > 0.0) != (code & 1 != 0) else -1.0
    return 0.0
