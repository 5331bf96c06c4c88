"""What is told of a cell that is decided in all layers: a region."""

from __future__ import annotations

from numba import njit

from ..compilation import CALLED
from ..kernel.names import BLOCK_FULL, DONE, NEED_WITNESS
from ..kernel.regions import count_zero, emit_zero
from .bounded import find_bounded
from .names import BOUNDED, CANDIDATE, CERTAIN, NEED_BOUNDED, READY


@njit(**CALLED)
def is_listed(kind, wall, end):
    """Is the row a facet, or one that may be?"""
    return kind == CERTAIN or (kind == CANDIDATE and wall >= end)


@njit(**CALLED)
def emit(program, cells, tables, block, e, bounded, end, dim):
    """Append entry e, pruned before wall ``end``, to the block. Returns a status."""
    i, n_facets = block.count[0], 0
    for k in range(cells.n_rows[e]):
        n_facets += is_listed(cells.kind[e, k], cells.code[e, k] >> 1, end)
    n_zero = count_zero(
        program.first_wall, program.first_word, cells.positive[e], cells.negative[e]
    )
    if (
        i == len(block.pattern)
        or block.count[1] + n_facets > len(block.facet)
        or block.count[2] + cells.n_attached[e] * n_facets > len(block.attached)
        or block.count[3] + n_zero > len(block.zero)
    ):
        return BLOCK_FULL
    if cells.ident[e] != 0 and not cells.scalar[READY]:
        return NEED_WITNESS
    answer = 1 if bounded else cells.scalar[BOUNDED]
    if answer == 0:
        answer = find_bounded(cells, tables, e, dim)
        if answer == NEED_BOUNDED:
            return NEED_BOUNDED
    cells.scalar[BOUNDED] = 0
    block.unbounded[i] = answer == 2
    word0 = program.first_word[1]
    for k in range(block.pattern.shape[1]):
        block.pattern[i, k] = cells.positive[e, word0 + k]
    if cells.ident[e] == 0:
        for j in range(dim):
            block.witness[i, j] = cells.witness[e, j]
    f = block.count[1]
    for k in range(cells.n_rows[e]):
        wall = cells.code[e, k] >> 1
        if not is_listed(cells.kind[e, k], wall, end):
            continue
        for a in range(cells.n_attached[e]):
            if cells.attached[e, a, 0] == wall:
                m = block.count[2]
                block.attached[m, 0] = i
                block.attached[m, 1] = f
                block.attached[m, 2] = cells.attached[e, a, 1]
                block.count[2] = m + 1
        block.facet[f] = wall
        block.maybe[f] = cells.kind[e, k] != CERTAIN
        f += 1
    if n_zero:
        emit_zero(
            program.first_wall, program.first_word, cells.positive[e], cells.negative[e],
            block.count, block.zero,
        )  # fmt: skip
    block.n_facets[i] = n_facets
    block.n_vertices[i] = 0
    block.count[1] = f
    block.count[0] = i + 1
    return DONE
