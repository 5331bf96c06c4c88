"""Matches (polyrelu/challenges.py): the last layers, with one wall each, where the forms of all but
the first are differences of the first one's units.

Few of them cut a cell; all that do not are fixed here, without a composition, without signs of
generators, and without an entry each.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .bits import ONE
from .names import DECIDE, EMIT, PHASE, READY, TINY, UNIT, WORST_ERROR


@njit(**CALLED)
def play(program, stack, tables, e):
    """Move entry e past the next matches that certainly do not cut it, and set the form of the
    first one that may. True if the entry waits for what its PHASE says; else that match is to be
    entered as any layer."""
    first, last, dim = program.first_match, program.n_layers, program.dim
    positive, unit, x, form = stack.positive[e], tables.unit, stack.x, tables.low[0]
    middle, half = tables.low[1], tables.low[2]
    u, layer = program.first_unit[first], stack.layer[e] + 1
    bound = bound_matches(program, stack, tables, e)
    winner, certain = np.int64(0), True
    for k in range(first, layer):
        if positive[program.first_word[k]]:
            winner = k - first + 1
    while layer <= last:
        k = program.first_word[layer]
        table, column, against = unit, u + layer - first + 1, 1.0
        if layer == first:
            table, column, against = tables.wall, program.first_wall[first], 0.0
        # The second one's unit holds what it is greater by than the first.
        more = against if winner == 1 else 0.0
        value, spread = 0.0, bound
        for j in range(dim + 1):
            form[j] = table[j, column] - (against * unit[j, u + winner] + more * unit[j, u])
            value += form[j] * middle[j]
            spread += abs(form[j]) * half[j]
        n = stack.n_vertices[e]
        n_above = n if spread < value else 0
        n_below = n if spread < -value else 0
        if n_above == n_below:  # the box is too wide to tell
            for i in range(n):
                p = stack.vertex[e, i]
                value = form[0] * x[p, 0]
                for j in range(1, dim + 1):
                    value += form[j] * x[p, j]
                above, below = bound < value, bound < -value
                stack.pos[p, k], stack.neg[p, k] = np.uint64(above), np.uint64(below)
                n_above += np.int64(above)
                n_below += np.int64(below)
        if n_above == n:
            positive[k] = ONE
            winner = layer - first + 1 if layer < last else winner
        elif n_below == n:
            stack.negative[e, k] = ONE
        else:
            certain = n_above + n_below == n
            break
        layer += 1
    if first < layer <= last:
        set_match(program, tables, layer, winner)
    stack.layer[e] = layer - 1
    if layer > last:
        stack.scalar[PHASE], stack.scalar[READY] = EMIT, 0
    elif certain:
        stack.layer[e], stack.undecided[e, program.first_word[layer]] = layer, ONE
        stack.scalar[PHASE] = DECIDE
    return layer > last or certain


@njit(**CALLED)
def bound_matches(program, stack, tables, e):
    """How far values of matches' forms at entry e's generators can be from the true ones, by
    :func:`sign_bound`. Writes the least box that holds the generators.

    A form is the first match's, or a sum of different units' of its layer, with two roundings: the
    sum of all norms stands for each.
    """
    n, vertex, dim, x = stack.n_vertices[e], stack.vertex[e], program.dim, stack.x
    radius, size = 0.0, 1.0
    for i in range(n):
        radius = max(radius, stack.radius[vertex[i]])
        size = max(size, stack.size[vertex[i]])
    for j in range(dim + 1):
        least, most = np.inf, -np.inf
        for i in range(n):
            least, most = min(least, x[vertex[i], j]), max(most, x[vertex[i], j])
        tables.low[1, j], tables.low[2, j] = 0.5 * (least + most), 0.5 * (most - least)
    layer = program.first_match
    wall = program.first_wall[layer]
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    if layer < program.n_layers:
        for u in range(program.first_unit[layer], program.first_unit[layer + 1]):
            norm += tables.unit_norm[u]
            error += tables.unit_error[u]
    if not 4.0 * norm * size < np.inf:  # a value might overflow
        return np.inf
    rounding = 2.0 * (dim + 8) * UNIT * size
    return 1.0001 * (norm * (radius + rounding) + error * (size + radius)) + TINY


@njit(**CALLED)
def set_match(program, tables, layer, winner):
    """The form of a later match, which ``tables.low[0]`` holds, against the winner so far."""
    wall, u = program.first_wall[layer], program.first_unit[program.first_match]
    v = u + layer - program.first_match + 1
    norm, error = 0.0, tables.unit_error[v] + tables.unit_error[u + winner]
    for j in range(program.dim + 1):
        tables.wall[j, wall] = tables.low[0, j]
        norm += abs(tables.low[0, j])
    if winner == 1:
        error += tables.unit_error[u] + 2.0 * UNIT * (tables.unit_norm[u] + tables.unit_norm[u + 1])
    tables.wall_norm[wall] = norm * 1.0000001
    tables.wall_error[wall] = (error + 2.0 * UNIT * norm) * 1.0000001
    tables.name[wall] += len(tables.name)


@njit(**CALLED)
def is_loose(program, tables, layer):
    """Is the error of a match's form so large that to compose it exactly is the cheaper way?"""
    wall = program.first_wall[layer]
    error, norm = tables.wall_error[wall], tables.wall_norm[wall]
    return error > 0.0 and not error < WORST_ERROR * norm
