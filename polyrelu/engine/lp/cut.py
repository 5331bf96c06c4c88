"""Whether a wall cuts a cell, and the two cells that it makes of it."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from ..kernel.bits import ONE
from ..kernel.children import has_arrived, sides_to_search
from ..kernel.forms import wall_bit
from ..kernel.names import DONE, LOST
from ..kernel.signs import form_at, sign_bound
from .certificates import certainly_inside
from .dictionary import minimise, pivot, way_inwards
from .names import (
    ALL,
    CANDIDATE,
    CERTAIN,
    CROSS,
    CROSSED,
    CUT,
    DEEPER,
    FOLLOW,
    GUIDED,
    NEED_CUT,
    NEED_SIDE,
    OPTIMAL,
    SIDE,
    SPLITS,
    TOP,
    ZERO_FORM,
)
from .rows import never_cuts, remove_row


@njit(**CALLED)
def find_cut(program, cells, tables, e, r, side, dim):
    """Does the wall of row r cut entry e? 1: yes, and ``cells.other`` is on the side where the
    witness is not; 2: no; NEED_CUT: not certain."""
    place, coordinate = cells.place[e], cells.coordinate[e]
    wall = cells.code[e, r] >> 1
    n = cells.n_rows[e]
    at = side if side * place[r, dim] >= 0.0 else -side
    other = cells.other
    for j in range(dim):
        other[j] = coordinate[j, dim]
    other[dim] = 1.0
    how, j, t = minimise(
        place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, 1.0 * at, CROSS, dim
    )
    if how == CROSSED:
        if at == side:
            for i in range(dim):
                other[i] = coordinate[i, dim] + t * coordinate[i, j]
        if is_other_side(cells, tables, e, wall, side, dim):
            pivot(place, n, coordinate, cells.lead, cells.basis[e], r, j, dim)
            return 1
        # Too close to the wall for float64: as far from it as the cell goes, and back.
        minimise(
            place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, 1.0 * side,
            FOLLOW, dim,
        )  # fmt: skip
        for i in range(dim):
            other[i] = coordinate[i, dim]
        if is_other_side(cells, tables, e, wall, side, dim) or is_other_side_near_vertex(
            cells, tables, e, r, side, dim
        ):
            how, j, t = minimise(
                place, n, coordinate, cells.lead, cells.basis[e], cells.kind[e], r, -1.0 * side,
                CROSS, dim,
            )  # fmt: skip
            if how == CROSSED:
                pivot(place, n, coordinate, cells.lead, cells.basis[e], r, j, dim)
            return 1
        return NEED_CUT
    if how == OPTIMAL and at == side and never_cuts(cells, tables, e, r, 1.0 * side, dim):
        return 2
    return NEED_CUT


@njit(**CALLED)
def is_other_side(cells, tables, e, wall, side, dim):
    """Move ``cells.other`` half way to where the wall separates it from the witness: is it
    certainly inside entry e, and across?"""
    other, witness = cells.other, cells.witness[e]
    beyond = side * form_at(tables.wall, wall, other)
    here = side * form_at(tables.wall, wall, witness)
    if not (beyond < 0.0 and here > 0.0):
        return False
    step = -0.5 * beyond / (here - beyond)
    for j in range(dim):
        other[j] += step * (witness[j] - other[j])
    return is_across(cells, tables, e, wall, side, dim)


@njit(**CALLED)
def is_other_side_near_vertex(cells, tables, e, r, side, dim):
    """The same for a point near the vertex, inwards from all its rows: if the witness is so
    close to some row that nothing certain lies between."""
    coordinate = cells.coordinate[e]
    inwards = way_inwards(
        cells.place[e], cells.kind[e], cells.n_rows[e], r, 1.0 * side, cells.rays[1], dim
    )
    for i in range(dim):
        cells.other[i] = coordinate[i, dim]
        for j in range(dim):
            cells.other[i] += inwards * coordinate[i, j]
    return is_across(cells, tables, e, cells.code[e, r] >> 1, side, dim)


@njit(**CALLED)
def is_across(cells, tables, e, wall, side, dim):
    """Is ``cells.other`` certainly inside entry e, and on the other side of the wall?"""
    other = cells.other
    size = 1.0
    for j in range(dim):
        size = max(size, abs(other[j]))
    cells.other_about[0], cells.other_about[1], cells.other_about[2] = 0.0, size, 0.0
    bound = sign_bound(tables.wall_norm[wall], tables.wall_error[wall], 0.0, size, dim)
    if not bound < -side * form_at(tables.wall, wall, other) < np.inf:
        return False
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], ALL, DEEPER, other, 0.0, dim,
    )  # fmt: skip


@njit(**CALLED)
def take_side(program, cells, e, r, positive, dim):
    """Make the free row r a row of entry e."""
    code = cells.code[e, r]
    wall = code >> 1
    cells.kind[e, r] = CANDIDATE
    signs = cells.positive if positive else cells.negative
    bit = wall_bit(program, cells.layer[e], wall)
    signs[e, bit >> 6] |= ONE << np.uint64(bit & 63)
    if positive:
        return
    cells.code[e, r] = code + 1
    for j in range(dim):
        if cells.basis[e, j] == r:  # its slack turns round, and with it the column
            for k in range(cells.n_rows[e]):
                if k != r:
                    cells.place[e, k, j] = -cells.place[e, k, j]
            for i in range(dim):
                cells.coordinate[e, i, j] = -cells.coordinate[e, i, j]
            return
    for i in range(dim + 1):
        cells.place[e, r, i] = -cells.place[e, r, i]


@njit(**CALLED)
def use_other(cells, e, dim):
    """Make ``cells.other`` the witness of entry e."""
    for j in range(dim):
        cells.witness[e, j] = cells.other[j]
    cells.radius[e], cells.size[e] = cells.other_about[0], cells.other_about[1]
    cells.ident[e] = np.int64(cells.other_about[2])


@njit(**CALLED)
def copy_entry(cells, e, f, dim):
    n = cells.n_rows[e]
    cells.layer[f], cells.n_rows[f], cells.n_free[f] = cells.layer[e], n, cells.n_free[e]
    for k in range(n):
        cells.code[f, k], cells.kind[f, k] = cells.code[e, k], cells.kind[e, k]
        cells.level[f, k] = cells.level[e, k]
        for i in range(dim + 1):
            cells.place[f, k, i] = cells.place[e, k, i]
        if cells.kind[e, k] == CERTAIN:
            for i in range(dim + 1):
                cells.beyond[f, k, i] = cells.beyond[e, k, i]
    for j in range(dim):
        cells.basis[f, j] = cells.basis[e, j]
        cells.witness[f, j] = cells.witness[e, j]
        for i in range(dim + 1):
            cells.coordinate[f, j, i] = cells.coordinate[e, j, i]
    cells.witness[f, dim] = 1.0
    cells.radius[f], cells.size[f] = cells.radius[e], cells.size[e]
    cells.ident[f] = cells.ident[e]
    for k in range(cells.positive.shape[1]):
        cells.positive[f, k], cells.negative[f, k] = cells.positive[e, k], cells.negative[e, k]
    for m in range(cells.layer[e]):
        cells.n_live[f, m] = cells.n_live[e, m]
    cells.n_attached[f] = cells.n_attached[e]
    for k in range(cells.n_attached[e]):
        cells.attached[f, k, 0] = cells.attached[e, k, 0]
        cells.attached[f, k, 1] = cells.attached[e, k, 1]


@njit(**CALLED)
def divide_facets(cells, tables, e, wall, side, dim):
    """Of entry e and its copy e + 1, on that side of the wall, each keeps the facets that have
    their points beyond on its side: they are beyond that row alone still."""
    norm, error = tables.wall_norm[wall], tables.wall_error[wall]
    for k in range(cells.n_rows[e]):
        if cells.kind[e, k] != CERTAIN:
            continue
        x = cells.beyond[e, k]
        size = 1.0
        for j in range(dim):
            size = max(size, abs(x[j]))
        value = side * form_at(tables.wall, wall, x)
        bound = sign_bound(norm, error, 0.0, size, dim)
        if x[dim] == 0.0 or not bound < -value < np.inf:
            cells.kind[e, k] = CANDIDATE
        if x[dim] == 0.0 or not bound < value < np.inf:
            cells.kind[e + 1, k] = CANDIDATE


@njit(**CALLED)
def decide_row(program, cells, tables, e, r, dim):
    """Split entry e by the wall of its free row r, or fix its sign. Returns a status."""
    scalar = cells.scalar
    wall = cells.code[e, r] >> 1
    if scalar[SIDE] == 0:
        value = form_at(tables.wall, wall, cells.witness[e])
        bound = sign_bound(
            tables.wall_norm[wall], tables.wall_error[wall], cells.radius[e], cells.size[e], dim
        )
        if not bound < abs(value) < np.inf:
            return NEED_SIDE
        scalar[SIDE] = 1 if value > 0.0 else -1
    side, cuts = scalar[SIDE], scalar[CUT]
    if side == ZERO_FORM:
        cuts = 2
    if cuts == 0:
        cuts = find_cut(program, cells, tables, e, r, side, dim)
        if cuts == NEED_CUT:
            return NEED_CUT
    scalar[SIDE] = scalar[CUT] = 0
    layer = cells.layer[e]
    if cuts == 2:
        if layer == 0 and side == -1:
            scalar[TOP] = e - 1
            return DONE
        if side != ZERO_FORM:
            signs = cells.positive if side == 1 else cells.negative
            bit = wall_bit(program, layer, wall)
            signs[e, bit >> 6] |= ONE << np.uint64(bit & 63)
        remove_row(
            cells.code[e], cells.kind[e], cells.level[e], cells.place[e], cells.beyond[e],
            cells.basis[e], cells.n_rows[e], r, dim,
        )  # fmt: skip
        cells.n_rows[e] -= 1
    elif layer == 0:
        if side == -1:
            use_other(cells, e, dim)
        take_side(program, cells, e, r, True, dim)
    else:
        copy_entry(cells, e, e + 1, dim)
        divide_facets(cells, tables, e, wall, side, dim)
        take_side(program, cells, e + 1, r, side == 1, dim)
        use_other(cells, e, dim)
        take_side(program, cells, e, r, side == -1, dim)
        scalar[TOP] = e + 1
        if scalar[GUIDED]:
            above, below = sides_to_search(cells.guide, wall_bit(program, layer, wall))
            here, there = (above, below) if side == 1 else (below, above)
            if not here | there and not has_arrived(
                cells.guide, cells.positive[e], cells.negative[e], e
            ):
                return LOST
            if here and not there:
                copy_entry(cells, e + 1, e, dim)
            if here != there:
                scalar[TOP] = e
            scalar[GUIDED] = here | there
        if not scalar[GUIDED]:  # else it was counted when it was first made
            scalar[SPLITS] += 1
    return DONE
