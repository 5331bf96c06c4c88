"""The generators that a cut makes: where the wall meets edges of the cell."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED
from .bits import ONE, lowest_bit
from .cache import cache, find_cached
from .names import INFINITY, NEW_BEGIN, NEW_END, NEXT_ID, POOR
from .points import gap_of, pick_rows, solve, solve_point
from .signs import form_at, sign_bound


@njit(**CALLED)
def largest_between(table, wall, u, v, dim):
    """Largest coordinate of the direction between directions u and v on a wall, and its sign.

    From interpolation, so not to be trusted: see :func:`is_forward`.
    """
    fu, fv = abs(form_at(table, wall, u)), abs(form_at(table, wall, v))
    axis, largest = np.int64(0), 0.0
    for j in range(dim):
        between = fv * u[j] + fu * v[j]
        if abs(between) > abs(largest):
            axis, largest = j, between
    return axis, 1.0 if largest > 0.0 else -1.0


@njit(**CALLED)
def is_forward(stack, tables, e, iu, iv, x, radius, dim):
    """Is direction x, found between generators iu and iv, certainly not the opposite one?

    It is if a facet that holds iu but not iv has it strictly inside.
    """
    for k in range(stack.used.shape[1]):
        only = stack.mask[e, iu, k] & ~stack.mask[e, iv, k] & stack.used[e, k]
        while only:
            facet = stack.facet[e, 64 * k + np.int64(lowest_bit(only))]
            only &= only - ONE
            norm, error = tables.wall_norm[facet >> 1], tables.wall_error[facet >> 1]
            value = form_at(tables.wall, facet >> 1, x)
            size = 1.0
            for j in range(dim):
                size = max(size, abs(x[j]))
            bound = sign_bound(norm, error, radius, size, dim)
            if bound < (-value if facet & 1 else value) < np.inf:
                return True
    return False


@njit(**INLINED)
def is_poor(stack, p):
    """Is generator p, which was just made, to be solved anew, more precisely?

    Asked of each as it is made, whether or not it leaves signs open: afterwards none is changed,
    as it may be shared with cells that somebody else is to search, and is to be the same there.
    """
    return not stack.radius[p] < POOR * stack.size[p]


@njit(**INLINED)
def new_generator(program, stack, tables, e, iu, iv, wall):
    """Where the wall cuts the edge between generators iu and iv of entry e.

    Appends it to the pool without signs; its mask goes to ``stack.new_mask``.
    """
    dim = program.dim
    p = stack.scalar[NEW_END]
    slot = p - stack.scalar[NEW_BEGIN]
    u, v = stack.vertex[e, iu], stack.vertex[e, iv]
    ray = stack.x[u, dim] == 0.0 and stack.x[v, dim] == 0.0
    walls, n = tables.picked, np.int64(1)
    walls[0] = wall
    for k in range(stack.used.shape[1]):
        common = stack.mask[e, iu, k] & stack.mask[e, iv, k]
        stack.new_mask[slot, k] = common
        while common:
            s = 64 * k + np.int64(lowest_bit(common))
            common &= common - ONE
            if s != INFINITY:
                walls[n] = stack.facet[e, s] >> 1
                n += 1
    need = dim - 1 if ray else dim
    if n > need:
        pick_rows(tables.wall, tables.scratch[2], walls, n, need, dim)
    x = stack.x[p]
    at = -1
    if n == dim and not ray and wall < program.first_wall[program.first_match]:
        at = find_cached(tables, walls, dim)
    if at >= 0 and tables.cache_ident[at] > 0:
        for j in range(dim):
            x[j] = tables.cache_x[at, j]
        stack.radius[p] = tables.cache_radius[at]
        stack.gap[p] = tables.cache_gap[at]
        stack.size[p] = tables.cache_size[at]
        stack.ident[p] = tables.cache_ident[at]
    elif n < need:
        stack.radius[p] = np.inf
        stack.gap[p] = 0.0
    else:
        if ray:
            axis, sign = largest_between(tables.wall, wall, stack.x[u], stack.x[v], dim)
            radius = solve(
                tables.wall, tables.wall_error, tables.scratch, walls, dim, axis, sign, x
            )
            if not is_forward(stack, tables, e, iu, iv, x, radius, dim):
                radius = np.inf
        else:
            radius = solve_point(tables.wall, tables.wall_error, tables.scratch, walls, dim, x)
        stack.radius[p] = radius
        stack.gap[p] = gap_of(tables.wall, tables.wall_error, tables.wall_scale, walls, need, dim)
    x[dim] = 0.0 if ray else 1.0
    stack.scalar[NEW_END] = p + 1
    if at >= 0 and tables.cache_ident[at] > 0:
        return p
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    stack.size[p] = size
    stack.ident[p] = stack.scalar[NEXT_ID]
    stack.scalar[NEXT_ID] += 1
    if at >= 0 and stack.radius[p] < np.inf:
        cache(tables, stack, at, p, dim)
    return p
