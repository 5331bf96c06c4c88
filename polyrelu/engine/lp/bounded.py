"""Whether a region is bounded."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from ..kernel.points import solve
from .certificates import certainly_inside, is_combination
from .dictionary import minimise
from .levels import spanned
from .names import FOLLOW, FREE, NEED_BOUNDED, OPTIMAL, RAY, UNBOUNDED
from .rows import solve_vertex


@njit(**CALLED)
def find_bounded(cells, tables, e, dim):
    """Is entry e bounded (1), unbounded (2), or is it not certain (NEED_BOUNDED)?

    Bounded iff the sum of its rows has a maximum: along a ray no row decreases, and some grow.
    """
    n = cells.n_rows[e]
    place, coordinate, basis = cells.place[e], cells.coordinate[e], cells.basis[e]
    for i in range(dim + 1):
        total = 0.0
        for k in range(n):
            total += place[k, i]
        place[n, i] = -total
    cells.kind[e, n] = FREE
    how, leave, _ = minimise(
        place, n + 1, coordinate, cells.lead, basis, cells.kind[e], n, 1.0, FOLLOW, dim
    )
    cells.scalar[RAY] = leave
    if how == UNBOUNDED:
        return 2 if is_ray(cells, tables, e, leave, dim) else NEED_BOUNDED
    if how != OPTIMAL:
        return NEED_BOUNDED
    vertex, target = tables.scratch[2, dim + 1], cells.dual[0]
    if not solve_vertex(cells, tables, e, vertex, dim) < np.inf:
        return NEED_BOUNDED
    error = 0.0
    for j in range(dim):
        target[j] = 0.0
        cells.codes[j] = cells.code[e, basis[j]]
    for k in range(n):
        wall = cells.code[e, k] >> 1
        scale = (1.0 if cells.code[e, k] & 1 else -1.0) / tables.wall_norm[wall]
        for j in range(dim):
            target[j] += scale * tables.wall[j, wall]
        error += abs(scale) * tables.wall_error[wall] + (n + 4) * 2.0**-52
    cells.unused[:] = False
    certain = is_combination(
        tables.wall_error, tables.scratch, cells.codes, cells.unused, dim, target, error,
        cells.dual[1],
    )  # fmt: skip
    return 1 if certain else NEED_BOUNDED


@njit(**CALLED)
def is_ray(cells, tables, e, leave, dim):
    """Is the edge of the vertex along slack ``leave`` certainly a ray of entry e?"""
    coordinate = cells.coordinate[e]
    axis, m = 0, 0
    for j in range(dim):
        if abs(coordinate[j, leave]) > abs(coordinate[axis, leave]):
            axis = j
        if j != leave:
            cells.walls[m] = cells.code[e, cells.basis[e, j]] >> 1
            m += 1
    sign = 1.0 if coordinate[axis, leave] > 0.0 else -1.0
    ray = tables.scratch[2, dim + 1]
    radius = solve(
        tables.wall, tables.wall_error, tables.scratch, cells.walls, dim, axis, sign, ray
    )
    if not radius < np.inf:
        return False
    flat = 1  # forms of V_flat are 0 along the ray
    while flat < cells.layer[e] and not spanned(
        cells.level[e], cells.n_live[e], cells.basis[e], leave, flat, dim
    ):
        flat += 1
    return certainly_inside(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.level[e], cells.n_rows[e], cells.basis[e], leave, flat, ray, radius, dim,
    )  # fmt: skip
