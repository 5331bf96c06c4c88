"""The rows of an entry: which never cut, which go, and those of the next layer."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from ..kernel.bits import test_bit
from ..kernel.forms import wall_bit
from ..kernel.points import solve
from ..kernel.signs import form_at, sign_bound
from .certificates import certainly_inside, is_bounded_below, is_combination, set_multipliers
from .levels import mark_unused, set_levels
from .names import BASIS, DEEPER, FREE, KEPT


@njit(**CALLED)
def solve_vertex(cells, tables, e, x, dim):
    """Where the basis rows of entry e meet, into x; returns its radius, infinite if unsolved."""
    for i in range(dim):
        cells.walls[i] = cells.code[e, cells.basis[e, i]] >> 1
    return solve(tables.wall, tables.wall_error, tables.scratch, cells.walls, dim, -1, 0.0, x)


@njit(**CALLED)
def never_cuts(cells, tables, e, r, sign, dim):
    """Is ``sign *`` the wall of row r certainly positive on entry e, by the dual solution at its
    vertex?"""
    wall = cells.code[e, r] >> 1
    vertex, target = tables.scratch[2, dim + 1], cells.dual[0]
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    for j in range(dim):
        cells.codes[j] = cells.code[e, cells.basis[e, j]]
    if cells.reach[0] > 0.0:
        # The dictionary's multipliers, which cost nothing, nearly always do.
        scale = -sign * norm if cells.code[e, r] & 1 else sign * norm
        for j in range(dim):
            y = scale * cells.place[e, r, j] / tables.wall_norm[cells.codes[j] >> 1]
            cells.dual[1, j] = max(0.0, y)
        if is_bounded_below(
            tables.wall, tables.wall_norm, tables.wall_error, cells.codes, wall, sign,
            cells.reach[0], cells.dual[1], dim,
        ):  # fmt: skip
            return True
    radius = solve_vertex(cells, tables, e, vertex, dim)
    if not radius < np.inf:
        return False
    size = 1.0
    for j in range(dim):
        size = max(size, abs(vertex[j]))
        target[j] = sign * tables.wall[j, wall]
    if cells.reach[0] > 0.0:
        set_multipliers(tables.scratch[1], cells.codes, target, cells.dual[1], dim)
        return is_bounded_below(
            tables.wall, tables.wall_norm, tables.wall_error, cells.codes, wall, sign,
            cells.reach[0], cells.dual[1], dim,
        )  # fmt: skip
    value = sign * form_at(tables.wall, wall, vertex)
    if not sign_bound(norm, error, radius, size, dim) < value < np.inf:
        return False
    mark_unused(
        cells.level[e], cells.n_live[e], cells.basis[e], cells.level[e, r], cells.unused, dim
    )
    return is_combination(
        tables.wall_error, tables.scratch, cells.codes, cells.unused, dim, target, error,
        cells.dual[1],
    )  # fmt: skip


@njit(**CALLED)
def stands_on_facets(cells, tables, e, dim):
    """Are the basis rows certainly all that vanish at the vertex? Each is then a facet."""
    vertex = tables.scratch[2, dim + 1]
    radius = solve_vertex(cells, tables, e, vertex, dim)
    if not radius < np.inf:
        return False
    for j in range(dim):
        if cells.kind[e, cells.basis[e, j]] == KEPT:
            return False
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], BASIS, DEEPER, vertex, radius, dim,
    )  # fmt: skip


@njit(**CALLED)
def remove_row(code, kind, level, place, beyond, basis, n, r, dim):
    """Put the last of n rows in the place of row r (not in the basis)."""
    last = n - 1
    if r != last:
        code[r], kind[r], level[r] = code[last], kind[last], level[last]
        for i in range(dim + 1):
            place[r, i], beyond[r, i] = place[last, i], beyond[last, i]
        for j in range(dim):
            if basis[j] == last:
                basis[j] = r


@njit(**CALLED)
def refresh(cells, tables, e, dim):
    """The dictionary of entry e anew from the walls' rows, at the vertex of its basis."""
    r = tables.scratch[1]
    solve_vertex(cells, tables, e, tables.scratch[2, dim + 1], dim)
    coordinate = cells.coordinate[e]
    for i in range(dim):
        code = cells.code[e, cells.basis[e, i]]
        wall = code >> 1
        norm = tables.wall_norm[wall]
        turned = -norm if code & 1 else norm
        for j in range(dim):
            coordinate[j, i] = r[j, i] * turned
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            wall = cells.code[e, cells.basis[e, i]] >> 1
            value -= r[j, i] * tables.wall[dim, wall]
        coordinate[j, dim] = value
    for k in range(cells.n_rows[e]):
        place_row(cells, tables, e, k, dim)
    for i in range(dim):
        k = cells.basis[e, i]
        for j in range(dim + 1):
            cells.place[e, k, j] = 0.0
        cells.place[e, k, i] = 1.0


@njit(**CALLED)
def place_row(cells, tables, e, k, dim):
    """Row k of the dictionary from its wall's row; rows are scaled to norm 1."""
    wall = cells.code[e, k] >> 1
    norm = tables.wall_norm[wall]
    scale = 0.0 if norm == 0.0 else (-1.0 / norm if cells.code[e, k] & 1 else 1.0 / norm)
    for i in range(dim + 1):
        value = tables.wall[dim, wall] if i == dim else 0.0
        for j in range(dim):
            value += tables.wall[j, wall] * cells.coordinate[e, j, i]
        cells.place[e, k, i] = value * scale


@njit(**CALLED)
def enter_layer(program, cells, tables, e, dim):
    """Move entry e, decided in its layer, to the next one, whose forms are set."""
    if cells.layer[e] > 0:
        set_levels(program, cells, e)
    layer = cells.layer[e] + 1
    cells.layer[e] = layer
    n = cells.n_rows[e]
    for wall in range(program.first_wall[layer], program.first_wall[layer + 1]):
        bit = wall_bit(program, layer, wall)
        if not (test_bit(cells.positive[e], bit) or test_bit(cells.negative[e], bit)):
            cells.code[e, n], cells.kind[e, n] = 2 * wall, FREE
            cells.level[e, n] = max(layer - 1, 0)
            n += 1
    cells.n_free[e] = n - cells.n_rows[e]
    cells.n_rows[e] = n
    refresh(cells, tables, e, dim)
