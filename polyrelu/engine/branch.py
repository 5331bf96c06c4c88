"""The kernel of :mod:`polyrelu.queries.layer`: does some cell of a layer lack rank?

A node fixes some units to an *interval* between two of their boundaries (for a ReLU: off or on).
Wherever all units of a basis are active the rank is full, so a cell that lacks it has some unit
of the basis in another interval: one child for each, with those before it in their present ones.
A node without interior, or whose basis is fixed, is a leaf.

What float64 does not certify (that a basis is one, that a node is empty) is asked for. Which
basis is taken, and whether a node seems to have an interior, need no certainty: they only
steer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from .compilation import CALLED, ENTRY, reference
from .gordan import COMBINED, SEPARATED, nearest, value_at, vanishes
from .kernel.points import solve

DONE, NEED_BASIS, NEED_EMPTY, GROW_STACK, GROW_RECORDS, PAUSE = range(6)
OPEN, PUSH, EMPTY = 0, 1, 2  # what the top entry waits for
TOP, PHASE, NODES, RECORDS, LEAVES, WORK = range(6)  # in Tree.scalar
N_SCALARS = 6
WORK_LIMIT = 20_000  # nodes after which the caller looks at the clock
IS_LEAF, IS_BRANCH = 0, 1  # first entry of a record


class Layer(NamedTuple):
    """A layer on a domain, as homogeneous rows of norm about 1; never written."""

    rank: int  # the rank that every cell must have
    dim: int  # length of a row: rank, and one more if there is a constant
    n_fixed: int  # rows of the domain, which hold at every node
    row: Any  # (rows, dim) domain, then the units' boundaries
    wall: Any  # (dim + 1, rows) the same, as `solve` reads them
    wall_error: Any  # (rows,)
    unit: Any  # (rank + 1, units) linear parts of the units
    unit_error: Any  # (units,)
    first: Any  # (units + 1,) row of a unit's first boundary
    lowest_active: Any  # (units,) 1: the lowest interval is active; they alternate


class Tree(NamedTuple):
    """The open nodes, a stack, and the record of those that are done."""

    scalar: Any
    interval: Any  # (entries, units) where a unit is fixed, -1: it is free
    corral: Any  # (entries, dim + 2) where Wolfe's algorithm stood above
    weight: Any
    size: Any  # (entries,)
    record: Any  # (records, width)
    basis: Any  # (rank,) units
    place: Any  # (units,) the interval that each unit is in at x
    x: Any  # (dim,)
    codes: Any  # (rows,) scratch
    order: Any  # (units,) scratch
    echelon: Any  # (rank, rank) scratch
    lead: Any  # (rank,) scratch
    work: Any  # (dim + 2, dim + 3) scratch
    found: Any  # (dim + 2,) scratch
    scratch: Any  # (3, dim + 2, dim + 2) scratch
    walls: Any  # (dim,) scratch
    solve_codes: Any  # (dim,) scratch
    free: Any  # (dim,) scratch
    target: Any  # (2, dim + 2) scratch
    kept: Any  # (units,) scratch
    kept_corral: Any  # (dim + 2,) scratch
    kept_weight: Any  # (dim + 2,) scratch


@njit(**CALLED)
def bounding_rows(interval, first, n_fixed, codes):  # type: ignore[no-untyped-def]
    """Codes of the rows that bound a node; returns their number."""
    for k in range(n_fixed):
        codes[k] = 2 * k
    n = n_fixed
    for u in range(len(interval)):
        i = interval[u]
        if i > 0:
            codes[n] = 2 * (first[u] + i - 1)
            n += 1
        if i >= 0 and first[u] + i < first[u + 1]:
            codes[n] = 2 * (first[u] + i) + 1
            n += 1
    return n


@njit(**CALLED)
def place_units(row, interval, first, lowest_active, x, dim, place, key):  # type: ignore[no-untyped-def]
    """The interval of each unit at x, and how much it is to be liked in a basis: negative if
    inactive, the distance from its boundaries, infinite if it is fixed."""
    for u in range(len(interval)):
        if interval[u] >= 0:
            i = interval[u]
            margin = np.inf
        else:
            i, margin = 0, np.inf
            for r in range(first[u], first[u + 1]):
                value = value_at(row, 2 * r, x, dim)
                if value > 0.0:
                    i += 1
                margin = min(margin, abs(value))
        place[u] = i
        active = (i + lowest_active[u]) & 1
        key[u] = margin if active else -1.0


@njit(**CALLED)
def choose_basis(unit, key, rank, echelon, lead, basis):  # type: ignore[no-untyped-def]
    """Independent units, by falling key, by elimination; returns how many."""
    n = 0
    while n < rank:
        best, u = 0.0, -1
        for v in range(len(key)):
            if key[v] > best:
                best, u = key[v], v
        if u < 0:
            return n
        key[u] = -1.0
        size = 0.0
        for j in range(rank):
            echelon[n, j] = unit[j, u]
            size = max(size, abs(unit[j, u]))
        for i in range(n):
            factor = echelon[n, lead[i]] / echelon[i, lead[i]]
            if factor != 0.0:
                for j in range(rank):
                    echelon[n, j] -= factor * echelon[i, j]
        at = 0
        for j in range(rank):
            if abs(echelon[n, j]) > abs(echelon[n, at]):
                at = j
        if abs(echelon[n, at]) > 1e-7 * size:
            lead[n] = at
            basis[n] = u
            n += 1
    return n


@njit(**CALLED)
def push_children(layer, tree, e):  # type: ignore[no-untyped-def]
    """Replace entry e by its children, the first on top, and record it. Returns a status."""
    scalar, rank, first = tree.scalar, layer.rank, layer.first
    room = 0
    for k in range(rank):
        u = tree.basis[k]
        if tree.interval[e, u] < 0:
            room += first[u + 1] - first[u]
    if e + room > len(tree.interval):
        return GROW_STACK
    if scalar[RECORDS] == len(tree.record):
        return GROW_RECORDS
    record = tree.record[scalar[RECORDS]]
    record[0] = IS_BRANCH
    for k in range(rank):
        record[1 + k] = tree.basis[k]
        record[1 + rank + k] = tree.place[tree.basis[k]]
    scalar[RECORDS] += 1
    n_units = len(tree.kept)
    size = tree.size[e]
    for u in range(n_units):
        tree.kept[u] = tree.interval[e, u]
    for a in range(size):
        tree.kept_corral[a], tree.kept_weight[a] = tree.corral[e, a], tree.weight[e, a]
    top = e
    for k in range(rank - 1, -1, -1):
        u = tree.basis[k]
        if tree.kept[u] >= 0:
            continue
        for i in range(first[u + 1] - first[u], -1, -1):
            if i == tree.place[u]:
                continue
            for v in range(n_units):
                tree.interval[top, v] = tree.kept[v]
            for h in range(k):
                tree.interval[top, tree.basis[h]] = tree.place[tree.basis[h]]
            tree.interval[top, u] = i
            tree.size[top] = size
            for a in range(size):
                tree.corral[top, a], tree.weight[top, a] = tree.kept_corral[a], tree.kept_weight[a]
            top += 1
    if top == e:
        scalar[LEAVES] += 1
    scalar[TOP] = top - 1
    scalar[NODES] += 1
    return DONE


@njit(**CALLED)
def look(layer, tree, e):  # type: ignore[no-untyped-def]
    """Is entry e empty, or what basis does it have? Returns the next phase, or a status."""
    dim, rank = layer.dim, layer.rank
    n = bounding_rows(tree.interval[e], layer.first, layer.n_fixed, tree.codes)
    how, size = SEPARATED, 0
    if n == 0:
        for j in range(dim):
            tree.x[j] = 1.0 / (1.0 + j)
    else:
        how, size = nearest(
            layer.row, tree.codes, n, tree.x, tree.corral[e], tree.weight[e], tree.size[e], dim,
            tree.work, tree.found,
        )  # fmt: skip
    tree.size[e] = size
    if how == SEPARATED:
        place_units(
            layer.row, tree.interval[e], layer.first, layer.lowest_active, tree.x, dim,
            tree.place, tree.order,
        )  # fmt: skip
        if choose_basis(layer.unit, tree.order, rank, tree.echelon, tree.lead, tree.basis) < rank:
            return -NEED_BASIS
        radius = solve(
            layer.unit, layer.unit_error, tree.scratch, tree.basis, rank, -1, 0.0, tree.target[0]
        )
        return PUSH if radius < np.inf else -NEED_BASIS
    if how == COMBINED and vanishes(
        layer.wall, layer.wall_error, tree.corral[e], size, dim, tree.scratch, tree.walls,
        tree.solve_codes, tree.free, tree.target[0], tree.found, tree.target[1],
    ):  # fmt: skip
        return EMPTY
    return -NEED_EMPTY


@njit(**ENTRY)
def run(layer, tree):  # type: ignore[no-untyped-def]
    """Work on the stack until it is empty or the caller is needed. Returns a status."""
    layer, tree = reference(layer), reference(tree)
    scalar = tree.scalar
    while scalar[TOP] >= 0:
        e = scalar[TOP]
        if scalar[PHASE] == OPEN:
            scalar[WORK] += 1
            if scalar[WORK] > WORK_LIMIT:
                scalar[WORK] = 0
                return PAUSE
            phase = look(layer, tree, e)
            if phase < 0:
                return -phase
            scalar[PHASE] = phase
        if scalar[PHASE] == PUSH:
            status = push_children(layer, tree, e)
            if status != DONE:
                return status
        else:
            if scalar[RECORDS] == len(tree.record):
                return GROW_RECORDS
            record = tree.record[scalar[RECORDS]]
            record[0] = IS_LEAF
            record[1] = tree.size[e]
            for a in range(tree.size[e]):
                record[2 + a] = tree.corral[e, a]
            scalar[RECORDS] += 1
            scalar[NODES] += 1
            scalar[LEAVES] += 1
            scalar[TOP] = e - 1
        scalar[PHASE] = OPEN
    return DONE
