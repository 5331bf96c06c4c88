"""What is told of a cell that is decided in all layers: a region."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .bits import ONE, lowest_bit, popcount, test_bit
from .names import BLOCK_FULL, DONE, NEED_WITNESS
from .signs import form_at, sign_bound


@njit(**CALLED)
def certified_witness(program, stack, tables, e, witness):
    """Writes the mean of the points plus that of the directions; True if it is certainly
    inside, as the float64 point that it is."""
    dim, n = program.dim, stack.n_vertices[e]
    n_points = 0
    for i in range(n):
        n_points += stack.x[stack.vertex[e, i], dim] != 0.0
    for j in range(dim):
        total, away = 0.0, 0.0
        for i in range(n):
            p = stack.vertex[e, i]
            if stack.x[p, dim] != 0.0:
                total += stack.x[p, j]
            else:
                away += stack.x[p, j]
        witness[j] = total / n_points
        if n_points < n:
            witness[j] += away
    x = tables.scratch[2, 0]
    size = 1.0
    for j in range(dim):
        x[j] = witness[j]
        size = max(size, abs(x[j]))
    x[dim] = 1.0
    for k in range(stack.used.shape[1]):
        facets = stack.used[e, k]
        while facets:
            s = 64 * k + np.int64(lowest_bit(facets))
            facets &= facets - ONE
            facet = stack.facet[e, s]
            value = form_at(tables.wall, facet >> 1, x)
            if facet & 1:
                value = -value
            bound = sign_bound(
                tables.wall_norm[facet >> 1], tables.wall_error[facet >> 1], 0.0, size, dim
            )
            if not bound < value < np.inf:
                return False
    return True


@njit(**CALLED)
def emit(program, stack, tables, block, e, ready):
    """Append entry e to the block. Returns a status."""
    i = block.count[0]
    n_facets = 0
    for k in range(stack.used.shape[1]):
        n_facets += np.int64(popcount(stack.used[e, k]))
    n_zero = count_zero(
        program.first_wall, program.first_word, stack.positive[e], stack.negative[e]
    )
    if (
        i == len(block.pattern)
        or block.count[1] + n_facets > len(block.facet)
        or block.count[2] + stack.n_attached[e] > len(block.attached)
        or block.count[3] + n_zero > len(block.zero)
    ):
        return BLOCK_FULL
    if not ready and not certified_witness(program, stack, tables, e, block.witness[i]):
        return NEED_WITNESS
    word0 = program.first_word[1]
    for k in range(block.pattern.shape[1]):
        block.pattern[i, k] = stack.positive[e, word0 + k]
    f = block.count[1]
    for k in range(stack.used.shape[1]):
        facets = stack.used[e, k]
        while facets:
            s = 64 * k + np.int64(lowest_bit(facets))
            facets &= facets - ONE
            for a in range(stack.n_attached[e]):
                if stack.attached[e, a, 0] == s:
                    m = block.count[2]
                    block.attached[m, 0] = i
                    block.attached[m, 1] = f
                    block.attached[m, 2] = stack.attached[e, a, 1]
                    block.count[2] = m + 1
            block.facet[f], block.maybe[f] = stack.facet[e, s] >> 1, False
            f += 1
    if n_zero:
        emit_zero(
            program.first_wall, program.first_word, stack.positive[e], stack.negative[e],
            block.count, block.zero,
        )  # fmt: skip
    unbounded = False
    for v in range(stack.n_vertices[e]):
        unbounded |= stack.x[stack.vertex[e, v], program.dim] == 0.0
    block.unbounded[i] = unbounded
    block.n_facets[i] = n_facets
    block.n_vertices[i] = stack.n_vertices[e]
    block.count[1] = f
    block.count[0] = i + 1
    return DONE


@njit(**CALLED)
def count_zero(first_wall, first_word, positive, negative):
    """How many walls have neither sign on a cell: their forms are identically 0 there."""
    n = first_wall[len(first_wall) - 1] - first_wall[1]
    for k in range(first_word[1], first_word[len(first_word) - 1]):
        n -= np.int64(popcount(positive[k] | negative[k]))
    return n


@njit(**CALLED)
def emit_zero(first_wall, first_word, positive, negative, count, zero):
    for layer in range(1, len(first_wall) - 1):
        for wall in range(first_wall[layer], first_wall[layer + 1]):
            bit = 64 * first_word[layer] + wall - first_wall[layer]
            if not (test_bit(positive, bit) or test_bit(negative, bit)):
                m = count[3]
                zero[m, 0] = count[0]
                zero[m, 1] = wall
                count[3] = m + 1
