"""One cell by itself: its facets, and the signs at a point."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, ENTRY, reference
from ..kernel.bits import ONE, test_bit
from ..kernel.forms import compose, set_walls, wall_bit
from ..kernel.names import DONE, NEED_ROWS
from ..kernel.signs import form_at, sign_bound
from .bounded import find_bounded
from .dictionary import find_vertex
from .facets import prune
from .levels import set_levels
from .names import (
    ALL_WALLS,
    BOUNDED,
    CANDIDATE,
    CELL,
    CERTAIN,
    DECIDE,
    NEED_BOUNDED,
    NEED_SIDE,
    PHASE,
    PRUNE,
    READY,
    ROW,
    SIDE,
    ZERO_FORM,
)
from .rows import place_row


@njit(**CALLED)
def load_cell(program, cells, tables, pattern, walls, doubtful, witness, dim):
    """Make entry 0 an emitted cell again: its listed rows, and a vertex of these.

    The earlier layers' signs must stand there already, and its tables be set.
    """
    word0, last = program.first_word[1], program.n_layers
    for k in range(program.first_word[last] - word0, len(pattern)):
        cells.positive[0, word0 + k] = pattern[k]
    n = len(walls)
    layer = 0
    for k in range(n):
        wall = walls[k]
        layer = last
        while wall < program.first_wall[layer]:
            layer -= 1
        below = layer > 0 and not test_bit(cells.positive[0], wall_bit(program, layer, wall))
        cells.code[0, k] = 2 * wall + below
        cells.kind[0, k] = CANDIDATE if doubtful[k] else CERTAIN
        cells.level[0, k] = max(layer - 1, 0)
    cells.n_rows[0] = n
    cells.n_attached[0] = 0
    for m in range(1, last):
        cells.layer[0] = m
        set_levels(program, cells, 0)
    cells.layer[0] = last
    for i in range(dim):
        for j in range(dim + 1):
            cells.coordinate[0, i, j] = 1.0 if i == j else 0.0
        cells.coordinate[0, i, dim] = witness[i]
        cells.basis[0, i] = 0
    for k in range(n):
        place_row(cells, tables, 0, k, dim)
    find_vertex(cells.place[0], n, cells.coordinate[0], cells.lead, cells.basis[0], dim)


@njit(**ENTRY)
def settle(
    program, cells, tables, pattern, indptr, walls, doubtful, witness, facet, bounded,
):  # fmt: skip
    """Which ``doubtful`` rows of emitted cells are facets, into ``facet``; and, of cells for which
    ``bounded`` is 0, whether they are bounded: 1, or not: 2. Returns a status."""
    program, cells, tables = reference(program), reference(cells), reference(tables)
    scalar, dim = cells.scalar, program.dim
    while scalar[CELL] < len(pattern):
        i = scalar[CELL]
        here = slice(indptr[i], indptr[i + 1])
        if scalar[PHASE] != PRUNE:
            load_cell(
                program, cells, tables, pattern[i], walls[here], doubtful[here], witness[i], dim
            )
            scalar[PHASE] = PRUNE
            scalar[ROW] = 0
        status = prune(cells, tables, 0, ALL_WALLS, dim)
        if status != DONE:
            return status
        if bounded[i] == 0:
            answer = scalar[BOUNDED]
            if answer == 0:
                answer = find_bounded(cells, tables, 0, dim)
            if answer == NEED_BOUNDED:
                return NEED_BOUNDED
            bounded[i] = answer
            scalar[BOUNDED] = 0
        for k in range(cells.n_rows[0]):
            for f in range(indptr[i], indptr[i + 1]):
                if cells.kind[0, k] == CERTAIN and walls[f] == cells.code[0, k] >> 1:
                    facet[f] = True
        scalar[PHASE] = DECIDE
        scalar[CELL] = i + 1
    return DONE


@njit(**ENTRY)
def follow(program, cells, tables):
    """The signs of all walls at the witness of entry 0, layer by layer. Returns a status:
    NEED_SIDE asks about wall ``scalar[ROW]``."""
    program, cells, tables = reference(program), reference(cells), reference(tables)
    scalar = cells.scalar
    while True:
        layer = cells.layer[0]
        for wall in range(
            max(scalar[ROW], program.first_wall[layer]), program.first_wall[layer + 1]
        ):
            side = scalar[SIDE]
            if side == 0:
                value = form_at(tables.wall, wall, cells.witness[0])
                bound = sign_bound(
                    tables.wall_norm[wall], tables.wall_error[wall], cells.radius[0],
                    cells.size[0], program.dim,
                )  # fmt: skip
                if not bound < abs(value) < np.inf:
                    scalar[ROW] = wall
                    return NEED_SIDE
                side = 1 if value > 0.0 else -1
            scalar[SIDE] = 0
            if side != ZERO_FORM:
                signs = cells.positive if side == 1 else cells.negative
                bit = wall_bit(program, layer, wall)
                signs[0, bit >> 6] |= ONE << np.uint64(bit & 63)
        if layer == program.n_layers:
            return DONE
        if layer > 0 and not scalar[READY]:
            scalar[ROW] = program.first_wall[layer + 1]
            if compose(program, cells, tables, 0, layer + 1):
                return NEED_ROWS
            set_walls(program, tables, layer + 1)
        scalar[READY] = 0
        cells.layer[0] = layer + 1
