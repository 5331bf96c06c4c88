"""Depth first: from the stack of open cells to blocks of regions."""

from __future__ import annotations

from numba import njit

from ..compilation import CALLED, ENTRY, INLINED, call_at, reference
from .bits import first_bits
from .children import build_children, has_arrived
from .cut import cut, decide, outside
from .forms import compose, set_walls
from .matches import is_loose, play
from .names import (
    BLOCK_FULL,
    BUILD_CHILDREN,
    CONTINUE,
    CUT_WALL,
    DECIDE,
    DONE,
    EMIT,
    ENTER_LAYER,
    GROW_ATTACHED,
    GROW_STACK,
    GUIDED,
    LOST,
    NEED_ROWS,
    NEED_SIGNS,
    NEED_WITNESS,
    PAUSE,
    PHASE,
    READY,
    TOP,
    WORK,
    WORK_LIMIT,
)
from .regions import emit
from .signs import evaluate_layer


@njit(**CALLED)
def enter_layer(program, stack, tables, e):
    """Move entry e, decided in its layer, to the next one, whose forms are set.

    The cells that wait below share its generators, and still need their signs in the layers that
    they are in; in this one all is evaluated anew. Returns DONE or NEED_SIGNS.
    """
    layer = stack.layer[e] + 1
    stack.layer[e] = layer
    mark_all_undecided(program, stack, e)
    undecided = False
    for i in range(stack.n_vertices[e]):
        undecided |= evaluate_layer(program, stack, tables, layer, stack.vertex[e, i])
    return NEED_SIGNS if undecided else DONE


@njit(**INLINED)
def mark_all_undecided(program, stack, e):
    """All walls of entry e's layer are open, but for those that the root cones fixed."""
    layer = stack.layer[e]
    word0 = program.first_word[layer]
    n = program.first_wall[layer + 1] - program.first_wall[layer]
    for k in range(program.first_word[layer + 1] - word0):
        bits = first_bits(min(64, n - 64 * k))
        done = stack.positive[e, word0 + k] | stack.negative[e, word0 + k]
        stack.undecided[e, word0 + k] = bits & ~done


@njit(**CALLED)
def search(program, stack, tables, block, counting):
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    See :func:`run`, which has the tuples themselves.
    """
    scalar = stack.scalar
    while scalar[TOP] >= 0:
        e = scalar[TOP]
        if stack.layer[e] < 0:  # a root cone
            scalar[PHASE] = ENTER_LAYER
        if scalar[PHASE] == DECIDE:
            wall = decide(program, stack, e)
            if wall == -2:
                return GROW_ATTACHED
            if stack.layer[e] == 0 and outside(program, stack, e):
                scalar[TOP] = e - 1
                continue
            if wall == -1:
                last = stack.layer[e] == program.n_layers
                scalar[PHASE] = EMIT if last else ENTER_LAYER
                scalar[READY] = 0
                continue
            if scalar[WORK] > WORK_LIMIT:
                scalar[WORK] -= WORK_LIMIT
                return PAUSE
            scalar[WORK] += stack.n_vertices[e] ** 2
            status = cut(program, stack, tables, e, wall)
            if status >= GROW_STACK:
                return status
            scalar[CUT_WALL] = wall
            scalar[PHASE] = BUILD_CHILDREN
            if status != DONE:
                return status
        if scalar[PHASE] == BUILD_CHILDREN:
            status = build_children(program, stack, e, scalar[CUT_WALL])
            if status != DONE:
                return status
            scalar[PHASE] = DECIDE
        elif scalar[PHASE] == ENTER_LAYER:
            layer = stack.layer[e] + 1
            if 1 < layer <= program.first_match and not scalar[READY]:
                if compose(program, stack, tables, e, layer):
                    return NEED_ROWS
                set_walls(program, tables, layer)
                scalar[READY] = 1
            is_match = layer >= program.first_match and layer > 1
            if is_match and (layer == program.first_match or not scalar[READY]):
                if play(program, stack, tables, e):
                    continue
                layer = stack.layer[e] + 1
                scalar[READY] = layer == program.first_match or not is_loose(program, tables, layer)
                if not scalar[READY]:
                    return NEED_ROWS
            status = enter_layer(program, stack, tables, e)
            scalar[PHASE] = DECIDE
            if status != DONE:
                return status
        elif scalar[PHASE] == EMIT:
            if scalar[GUIDED]:
                if not has_arrived(stack.guide, stack.positive[e], stack.negative[e], e):
                    return LOST
                scalar[GUIDED] = 0
            if counting:
                if block.count[0] == len(block.n_facets):
                    return BLOCK_FULL
                block.count[0] += 1
            else:
                status = emit(program, stack, tables, block, e, scalar[READY] == 1)
                if status != DONE:
                    return status
            scalar[TOP] = e - 1
            scalar[PHASE] = DECIDE
    return DONE


@njit(**ENTRY)
def run(program, stack, tables, block, counting, twice, status):
    """Work on the stack until it is empty or the caller is needed. Returns a status.

    With ``counting`` regions are counted in ``block.count[0]``, up to ``len(block.n_facets)``,
    and nothing else is written. ``twice`` is 0, or the address of :func:`answer_twice`, which is
    asked before the caller is, and ``status`` what was returned when it was still 0; else CONTINUE.
    """
    program, stack = reference(program), reference(stack)
    tables, block = reference(tables), reference(block)
    while True:
        if status != CONTINUE:
            if twice == 0 or not (status == NEED_SIGNS or status == NEED_WITNESS):
                return status
            if call_at(twice, program, stack, tables, block, status) == 0:
                return status
        status = search(program, stack, tables, block, counting)
