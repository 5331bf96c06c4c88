"""The two cells that a cut makes of one, and which of them are to be searched."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED
from .bits import ONE, ZERO, copy_row, lowest_bit, popcount, test_bit
from .names import (
    ABOVE,
    BELOW,
    DONE,
    GROW_FACETS,
    GROW_STACK,
    GUIDED,
    INFINITY,
    LOST,
    NEW_BEGIN,
    NEW_END,
    SPLITS,
    TOP,
)


@njit(**INLINED)
def free_slot(stack, e):
    for w in range(stack.used.shape[1]):
        free = ~stack.used[e, w]
        if w == 0:
            free &= ~(ONE << np.uint64(INFINITY))
        if free:
            return 64 * w + np.int64(lowest_bit(free))
    return -1


@njit(**CALLED)
def write_child(program, stack, source, e, k, bit, positive, slot, wall):
    """Write into entry e (which may be ``source`` itself) one side of entry ``source``.

    Reading is ahead of writing, so that the parent may be overwritten.
    """
    inside = np.uint64(ABOVE if positive else BELOW)
    n_old, n_new = stack.n_vertices[source], stack.scalar[NEW_END] - stack.scalar[NEW_BEGIN]
    used = stack.new_mask[stack.new_mask.shape[0] - 1]  # scratch
    surviving(stack.mask[source], stack.side, n_old, inside, stack.used[source], used)
    n = keep_inside(
        stack.vertex[source], stack.mask[source], stack.side, n_old, inside, used, slot,
        stack.vertex[e], stack.mask[e],
    )  # fmt: skip
    for i in range(n_new):
        stack.vertex[e, n + i] = stack.scalar[NEW_BEGIN] + i
    put_on_wall(stack.new_mask, n_new, used, slot, stack.mask[e, n:])
    stack.n_vertices[e] = n + n_new
    m = 0
    for i in range(stack.n_attached[source]):
        if test_bit(used, stack.attached[source, i, 0]):
            stack.attached[e, m, 0] = stack.attached[source, i, 0]
            stack.attached[e, m, 1] = stack.attached[source, i, 1]
            m += 1
    stack.n_attached[e] = m
    if e != source:
        stack.layer[e] = stack.layer[source]
        copy_row(stack.facet[source], stack.facet[e])
        copy_row(stack.undecided[source], stack.undecided[e])
        copy_row(stack.positive[source], stack.positive[e])
        copy_row(stack.negative[source], stack.negative[e])
    copy_row(used, stack.used[e])
    stack.used[e, slot >> 6] |= ONE << np.uint64(slot & 63)
    stack.facet[e, slot] = 2 * wall + (0 if positive else 1)
    (stack.positive if positive else stack.negative)[e, k] |= ONE << bit
    stack.pool_top[e] = stack.scalar[NEW_END]


@njit(**INLINED)
def surviving(mask, side, n, inside, facets, used):
    """Writes to ``used`` the facets on which a generator strictly inside lies: these survive."""
    for w in range(len(used)):
        through = ZERO
        for i in range(n):
            through |= mask[i, w] if side[i] == inside else ZERO
        used[w] = through & facets[w]


@njit(**INLINED)
def keep_inside(vertex, mask, side, n, inside, used, slot, child, child_mask):
    """The generators that are inside, or on the wall, whose facet is in ``slot``; returns how many.

    ``child`` may be ``vertex``: one that goes is overwritten by the next.
    """
    word, bit = slot >> 6, ONE << np.uint64(slot & 63)
    at_infinity = ONE << np.uint64(INFINITY)
    m = 0
    for i in range(n):
        child[m] = vertex[i]
        child_mask[m, 0] = mask[i, 0] & (used[0] | at_infinity)
        for w in range(1, len(used)):
            child_mask[m, w] = mask[i, w] & used[w]
        child_mask[m, word] |= bit if side[i] == ZERO else ZERO
        m += np.int64((side[i] == ZERO) | (side[i] == inside))
    return m


@njit(**INLINED)
def put_on_wall(mask, n, used, slot, child_mask):
    """The masks of n new generators in a child: without facets that are gone, with the wall's."""
    word, bit = slot >> 6, ONE << np.uint64(slot & 63)
    at_infinity = ONE << np.uint64(INFINITY)
    for i in range(n):
        child_mask[i, 0] = mask[i, 0] & (used[0] | at_infinity)
        for w in range(1, len(used)):
            child_mask[i, w] = mask[i, w] & used[w]
        child_mask[i, word] |= bit


@njit(**INLINED)
def sides_to_search(guide, at):
    """Which sides of a wall (a bit of the words) a search that goes on where another stopped is
    to take: above, below. Neither: here it stopped. See :class:`.open_cells.OpenCells`."""
    above, below = test_bit(guide[0], at), test_bit(guide[1], at)
    also = test_bit(guide[2], at)
    return above | (below & also), below | (above & also)


@njit(**CALLED)
def has_arrived(guide, positive, negative, n_waiting):
    """Is a guided search, now in a cell with these signs, where the other stopped?"""
    missing = ZERO
    for k in range(len(positive)):
        missing |= (guide[0, k] & ~positive[k]) | (guide[1, k] & ~negative[k])
        n_waiting -= np.int64(popcount(guide[2, k]))
    return missing == ZERO and n_waiting == 0


@njit(**CALLED)
def build_children(program, stack, e, wall):
    """Replace entry e by its two sides (in layer 0, the domain, only the positive one)."""
    layer, scalar = stack.layer[e], stack.scalar
    k = program.first_word[layer] + ((wall - program.first_wall[layer]) >> 6)
    bit = np.uint64((wall - program.first_wall[layer]) & 63)
    slot = free_slot(stack, e)
    if slot < 0:
        return GROW_FACETS
    above, below = True, layer > 0
    if scalar[GUIDED] and layer > 0:
        above, below = sides_to_search(stack.guide, 64 * k + np.int64(bit))
        if not above | below:
            if not has_arrived(stack.guide, stack.positive[e], stack.negative[e], e):
                return LOST
            scalar[GUIDED] = 0
            above, below = True, True
    top = e + np.int64(above & below)
    if top == len(stack.layer):
        return GROW_STACK
    if above:
        write_child(program, stack, e, top, k, bit, True, slot, wall)
    if below:  # last, as it overwrites its parent
        write_child(program, stack, e, e, k, bit, False, slot, wall)
    scalar[TOP] = top
    if above & below and not scalar[GUIDED]:  # else it was counted when it was first made
        scalar[SPLITS] += 1
    return DONE
