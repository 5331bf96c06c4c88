"""Interior points of cells that are too thin for a float64 one."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .bits import ONE, copy_row, lowest_bit, popcount
from .names import READY, TOP
from .twice_arithmetic import exact_product, exact_sum, form_twice, sizes, wall_bound_twice
from .twice_forms import set_low_parts
from .twice_points import list_walls, refine


@njit(**CALLED)
def most_off(n, vertex, mask, common, pool, dim, directions, any_one):
    """The point (or direction) of a cell that is off the most facets in ``common``, from which the
    facets that it is off are taken; -1 if it is on all, unless ``any_one`` will do."""
    best, most = -1, -1 if any_one else 0
    for i in range(n):
        if (pool[vertex[i], dim] == 0.0) == directions:
            off = 0
            for k in range(len(common)):
                off += np.int64(popcount(common[k] & ~mask[i, k]))
            if off > most:
                best, most = i, off
    if best >= 0:
        for k in range(len(common)):
            common[k] &= mask[best, k]
    return best


@njit(**CALLED)
def thin_witness(program, stack, tables, e, witness, rest):
    """Writes as witness + rest the mean of some points of entry e plus some of its directions, of
    which no facet holds all. True if it is certainly inside, as the exact point that it is."""
    n, dim, used, facet = stack.n_vertices[e], program.dim, stack.used[e], stack.facet[e]
    vertex, mask, common = stack.vertex[e], stack.mask[e], stack.new_mask[0]
    low, total, total_low = tables.low[0], tables.low[1], tables.low[2]
    total[:] = 0.0
    total_low[:] = 0.0
    copy_row(used, common)
    n_points, directions = 0, False
    while True:
        i = most_off(n, vertex, mask, common, stack.x, dim, directions, n_points == 0)
        if i < 0 and directions:
            break
        if i < 0:
            for j in range(dim):
                mean = total[j] / n_points
                product, left = exact_product(mean, 1.0 * n_points)
                total_low[j] = (((total[j] - product) - left) + total_low[j]) / n_points
                total[j] = mean
            directions = True
            continue
        n_points += 1
        x = stack.x[vertex[i]]
        on = list_walls(np.int64(-1), mask[i], used, facet, tables.picked)
        if not refine(tables, on, x, low, dim, False):
            return False
        for j in range(dim):
            total[j], lost = exact_sum(total[j], x[j])
            total_low[j] += lost + low[j]
    for j in range(dim):
        total[j], total_low[j] = exact_sum(total[j], total_low[j])
        witness[j], rest[j] = total[j], total_low[j]
    total[dim], total_low[dim] = 1.0, 0.0
    return is_inside_twice(used, facet, tables, total, total_low, dim)


@njit(**CALLED)
def is_inside_twice(used, facet, tables, x, low, dim):
    """Is the exact point x + low certainly inside of all facets?"""
    size, small = sizes(x, low, dim)
    for k in range(len(used)):
        facets = used[k]
        while facets:
            code = facet[64 * k + np.int64(lowest_bit(facets))]
            facets &= facets - ONE
            w = np.int64(code >> 1)
            value = form_twice(tables.wall, tables.wall_low, w, x, low)
            bound = wall_bound_twice(tables, w, 0.0, size, small, dim)
            if not bound < (-value if code & 1 else value) < np.inf:
                return False
    return True


@njit(**CALLED)
def witness_twice(program, stack, tables, block):
    """Write to the block a witness of the top entry in twice the precision (NEED_WITNESS). False if
    that is too little."""
    e, i, m = stack.scalar[TOP], block.count[0], block.count[4]
    set_low_parts(program, stack, tables, e)
    if not thin_witness(program, stack, tables, e, block.witness[i], block.low[m]):
        return False
    block.thin[m] = i
    block.count[4] = m + 1
    stack.scalar[READY] = 1
    return True
