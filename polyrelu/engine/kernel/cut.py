"""Which walls of its layer cut a cell, and where."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED
from .bits import ONE, ZERO, lowest_bit, popcount
from .generators import is_poor, new_generator
from .names import ABOVE, BELOW, DONE, GROW_POOL, GROW_VERTICES, NEED_SIGNS, NEW_BEGIN, NEW_END
from .signs import evaluate


@njit(**CALLED)
def decide(program, stack, e):
    """Fix the signs of the walls that do not cut entry e; leave in ``undecided`` those that do.

    Returns the wall in the middle of these, or -1; or -2 if the attached walls need room.
    """
    layer, n = stack.layer[e], stack.n_vertices[e]
    word0, word1 = program.first_word[layer], program.first_word[layer + 1]
    vertex = stack.vertex[e]
    n_cutting = 0
    for k in range(word0, word1):
        todo = stack.undecided[e, k]
        if not todo:
            continue
        pos, neg, everywhere = ZERO, ZERO, ~ZERO
        for i in range(n):
            p = vertex[i]
            above, below = stack.pos[p, k], stack.neg[p, k]
            pos |= above
            neg |= below
            everywhere &= above | below
        fixed = todo & ~(pos & neg)
        touching = fixed & ~everywhere & (pos | neg)
        if touching:
            m = attach(
                program.n_domain, program.first_wall[layer] + 64 * (k - word0), k, touching,
                stack.used[e], vertex, n, stack.mask[e], stack.facet[e], stack.pos, stack.neg,
                stack.attached[e], stack.n_attached[e],
            )  # fmt: skip
            if m < 0:
                return -2
            stack.n_attached[e] = m
        stack.positive[e, k] |= fixed & pos
        stack.negative[e, k] |= fixed & neg
        stack.undecided[e, k] = todo & ~fixed
        n_cutting += np.int64(popcount(todo & ~fixed))
    if n_cutting == 0:
        return -1
    left = n_cutting >> 1
    for k in range(word0, word1):
        bits = stack.undecided[e, k]
        here = np.int64(popcount(bits))
        if left >= here:
            left -= here
            continue
        for _ in range(left):
            bits &= bits - ONE
        low = np.int64(lowest_bit(bits))
        return program.first_wall[layer] + 64 * (k - word0) + low
    return -1


@njit(**CALLED)
def attach(n_domain, wall0, k, touching, used, vertex, n, mask, facet, pos, neg, attached, m):
    """Note the walls ``wall0 + i``, i in ``touching`` (word k of the signs), that contain a whole
    facet of the cell with these n generators. Returns how many are noted then, from m on; or -1
    if there is no room."""
    while touching:
        low = lowest_bit(touching)
        touching &= touching - ONE
        for w in range(len(used)):
            facets = used[w]
            for i in range(n):
                p = vertex[i]
                if ((pos[p, k] | neg[p, k]) >> low) & ONE:
                    facets &= ~mask[i, w]
            while facets:
                slot = 64 * w + np.int64(lowest_bit(facets))
                facets &= facets - ONE
                if facet[slot] >> 1 < n_domain:
                    continue  # a wall of the domain has no other side
                if m == len(attached):
                    return -1
                attached[m, 0] = slot
                attached[m, 1] = wall0 + np.int64(low)
                m += 1
    return m


@njit(**INLINED)
def outside(program, stack, e):
    """Is entry e on the wrong side of a wall of the domain?"""
    for k in range(program.first_word[1]):
        if stack.negative[e, k]:
            return True
    return False


@njit(**INLINED)
def is_edge(mask, n, iu, iv, dim):
    """Do generators iu and iv of a cell span an edge (a 2-face of the homogeneous cone)?

    ``mask`` holds the facets of the cell's n generators, a row for each.
    """
    words = mask.shape[1]
    n_common = 0
    for k in range(words):
        n_common += np.int64(popcount(mask[iu, k] & mask[iv, k]))
    if n_common < dim - 1:
        return False
    n_u, n_v = 0, 0
    for k in range(words):
        n_u += np.int64(popcount(mask[iu, k]))
        n_v += np.int64(popcount(mask[iv, k]))
    if n_u == dim or n_v == dim:
        return True
    for i in range(n):
        if i == iu or i == iv:
            continue
        inside = True
        for k in range(words):
            common = mask[iu, k] & mask[iv, k]
            if mask[i, k] & common != common:
                inside = False
                break
        if inside:
            return False
    return True


@njit(**CALLED)
def cut(program, stack, tables, e, wall):
    """Make the generators on the wall. Returns a status: DONE, NEED_SIGNS or GROW_*."""
    layer, n = stack.layer[e], stack.n_vertices[e]
    k = program.first_word[layer] + ((wall - program.first_wall[layer]) >> 6)
    bit = np.uint64((wall - program.first_wall[layer]) & 63)
    stack.undecided[e, k] &= ~(ONE << bit)
    begin = stack.pool_top[e]
    stack.scalar[NEW_BEGIN] = begin
    stack.scalar[NEW_END] = begin
    undecided = False
    status = DONE
    mask, above, below, side = stack.mask[e], stack.above, stack.below, stack.side
    n_above, n_below = 0, 0
    for i in range(n):  # without a branch, as which are above is hard to predict
        p = stack.vertex[e, i]
        is_above, is_below = (stack.pos[p, k] >> bit) & ONE, (stack.neg[p, k] >> bit) & ONE
        side[i] = is_above * np.uint64(ABOVE) | is_below * np.uint64(BELOW)
        above[n_above], below[n_below] = i, i
        n_above += np.int64(is_above)
        n_below += np.int64(is_below)
    for i_above in range(n_above):
        iu = above[i_above]
        for i_below in range(n_below):
            iv = below[i_below]
            if not is_edge(mask, n, iu, iv, program.dim):
                continue
            if stack.scalar[NEW_END] == stack.x.shape[0]:
                status = GROW_POOL
            elif stack.scalar[NEW_END] - begin + n >= stack.vertex.shape[1]:
                status = GROW_VERTICES
            if status != DONE:
                stack.undecided[e, k] |= ONE << bit
                return status
            p = new_generator(program, stack, tables, e, iu, iv, wall)
            undecided |= evaluate(program, stack, tables, layer, p, stack.undecided[e])
            undecided |= is_poor(stack, p)
    return NEED_SIGNS if undecided else DONE
