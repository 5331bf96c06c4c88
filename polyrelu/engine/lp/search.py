"""Depth first: from the stack of open cells to blocks of regions."""

from __future__ import annotations

from numba import njit

from ..compilation import ENTRY, reference
from ..kernel.children import has_arrived
from ..kernel.forms import compose, set_walls
from ..kernel.names import BLOCK_FULL, DONE, GROW_STACK, LOST, NEED_ROWS, PAUSE, WORK_LIMIT
from .cut import decide_row
from .facets import prune
from .names import (
    ALL_WALLS,
    DECIDE,
    EMIT,
    ENTER_LAYER,
    FREE,
    GUIDED,
    PHASE,
    PRUNE,
    READY,
    ROW,
    TOP,
    WORK,
)
from .regions import emit
from .rows import enter_layer


@njit(**ENTRY)
def run_cells(program, cells, tables, block, counting, bounded, end):
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    The same contract as :func:`kernel.run`. In the last layer, rows of walls from ``end`` on may
    be facets or not: that is left to whoever sees all regions.
    """
    program, cells = reference(program), reference(cells)
    tables, block = reference(tables), reference(block)
    scalar, dim = cells.scalar, program.dim
    while scalar[TOP] >= 0:
        e = scalar[TOP]
        # Never amid a region: its witness may be in the block already, which the caller takes.
        if scalar[PHASE] == DECIDE and scalar[WORK] > WORK_LIMIT:
            scalar[WORK] -= WORK_LIMIT
            return PAUSE
        scalar[WORK] += cells.n_rows[e] * (dim + 1) ** 2
        if scalar[PHASE] == DECIDE:
            free, n_free = -1, 0
            for k in range(cells.n_rows[e] - 1, -1, -1):
                if cells.kind[e, k] == FREE:
                    free = k
                    n_free += 1
            if not counting and cells.layer[e] > 0 and 1 <= n_free < cells.n_free[e]:
                # What is dropped now is dropped for all children, and of facets that are known
                # now each child keeps its own.
                cells.n_free[e] = n_free
                scalar[ROW] = 0
                scalar[PHASE] = PRUNE
                continue
            if free >= 0:
                if e + 2 > len(cells.layer):
                    return GROW_STACK
                status = decide_row(program, cells, tables, e, free, dim)
                if status != DONE:
                    return status
                continue
            last = cells.layer[e] == program.n_layers
            scalar[ROW] = 0
            scalar[READY] = 0
            scalar[PHASE] = PRUNE
            if counting:
                scalar[PHASE] = EMIT if last else ENTER_LAYER
        elif scalar[PHASE] == PRUNE:
            last = cells.layer[e] == program.n_layers
            status = prune(cells, tables, e, end if last else ALL_WALLS, dim)
            if status != DONE:
                return status
            scalar[PHASE] = EMIT if last else ENTER_LAYER
            for k in range(cells.n_rows[e]):
                if cells.kind[e, k] == FREE:
                    scalar[PHASE] = DECIDE
        elif scalar[PHASE] == ENTER_LAYER:
            layer = cells.layer[e] + 1
            if layer > 1 and not scalar[READY]:
                if compose(program, cells, tables, e, layer):
                    return NEED_ROWS
                set_walls(program, tables, layer)
            scalar[READY] = 0
            enter_layer(program, cells, tables, e, dim)
            scalar[PHASE] = DECIDE
        else:
            if scalar[GUIDED]:
                if not has_arrived(cells.guide, cells.positive[e], cells.negative[e], e):
                    return LOST
                scalar[GUIDED] = 0
            if counting:
                if block.count[0] == len(block.n_facets):
                    return BLOCK_FULL
                block.count[0] += 1
            else:
                status = emit(program, cells, tables, block, e, bounded, end, dim)
                if status != DONE:
                    return status
            scalar[READY] = 0
            scalar[TOP] = e - 1
            scalar[PHASE] = DECIDE
    return DONE
