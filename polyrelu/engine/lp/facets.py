"""Which rows of a cell are facets, and which are redundant."""

from __future__ import annotations

from numba import njit

from ..compilation import CALLED
from ..kernel.names import DONE
from .certificates import is_beyond_alone
from .dictionary import in_basis, minimise, way_inwards
from .names import BEYOND, BLOCK, CANDIDATE, CERTAIN, FACET, FREE, KEPT, NEED_FACET, ROW
from .rows import never_cuts, remove_row, stands_on_facets


@njit(**CALLED)
def find_facets(
    wall, wall_norm, wall_error, code, kind, n, end, place, coordinate, rays, beyond, x, dim
):  # fmt: skip
    """Some facets among the candidates of walls before ``end``, by rays from a point near the
    vertex, along its edges and back: what a ray meets first is a facet.

    The dictionary tells what is met, and then the walls' rows, if it is certain.
    """
    last, inverse, soonest, latest = rays[0], rays[1], rays[2], rays[3]
    asked = 0
    for k in range(n):
        asked += kind[k] == CANDIDATE and code[k] >> 1 < end
    if asked == 0:
        return
    inwards = way_inwards(place, kind, n, -1, 0.0, inverse, dim)
    if not inwards > 0.0:
        return
    for j in range(dim):
        soonest[j] = latest[j] = 0.0
    for k in range(n):
        if kind[k] == FREE:
            continue
        inverse[k] = 1.0 / (place[k, dim] + inwards * inverse[k])
        for j in range(dim):  # one over the way from there to the row, < 0 if it lies behind
            soon = place[k, j] * inverse[k]
            soonest[j] = max(soonest[j], soon)
            latest[j] = min(latest[j], soon)
    for i in range(dim):
        last[i] = coordinate[i, dim]
        for j in range(dim):
            last[i] += inwards * coordinate[i, j]
    x[dim] = 1.0
    for k in range(n):
        if kind[k] != CANDIDATE or code[k] >> 1 >= end:
            continue
        for j in range(dim):
            soon = place[k, j] * inverse[k]
            if soon == 0.0 or not (soon == soonest[j] or soon == latest[j]):
                continue
            for i in range(dim):
                x[i] = last[i] - BEYOND / soon * coordinate[i, j]
            if is_beyond_alone(wall, wall_norm, wall_error, code, kind, n, k, x, dim):
                kind[k] = CERTAIN
                for i in range(dim + 1):
                    beyond[k, i] = x[i]
                break


@njit(**CALLED)
def look_around(cells, tables, e, end, dim):
    find_facets(
        tables.wall, tables.wall_norm, tables.wall_error, cells.code[e], cells.kind[e],
        cells.n_rows[e], end, cells.place[e], cells.coordinate[e], cells.rays, cells.beyond[e],
        tables.scratch[2, dim + 1], dim,
    )  # fmt: skip


@njit(**CALLED)
def classify_row(cells, tables, e, r, end, dim):
    """Is row r a facet of entry e (1), redundant (2), or is it not certain (NEED_FACET)?"""
    place, basis, n = cells.place[e], cells.basis[e], cells.n_rows[e]
    if not in_basis(basis, r, dim):
        minimise(
            place, n, cells.coordinate[e], cells.lead, basis, cells.kind[e], r, 1.0, BLOCK, dim
        )
    if in_basis(basis, r, dim):
        look_around(cells, tables, e, end, dim)
        if cells.kind[e, r] == CERTAIN:
            return 1
        if not stands_on_facets(cells, tables, e, dim):
            return NEED_FACET
        for j in range(dim):
            if cells.kind[e, basis[j]] != CERTAIN:
                cells.kind[e, basis[j]] = CERTAIN
                cells.beyond[e, basis[j], dim] = 0.0
        return 1
    for j in range(dim):
        if cells.kind[e, basis[j]] == KEPT:  # two rows must not each be dropped for the other
            return NEED_FACET
    code = cells.code[e, r]
    sign = -1.0 if code & 1 else 1.0
    certain = never_cuts(cells, tables, e, r, sign, dim)
    return 2 if certain else NEED_FACET


@njit(**CALLED)
def prune(cells, tables, e, end, dim):
    """Tell the facets of entry e from redundant rows, and drop these; of walls before ``end``.
    Returns a status."""
    scalar = cells.scalar
    if scalar[ROW] == 0 and scalar[FACET] == 0:
        look_around(cells, tables, e, end, dim)
    while scalar[ROW] < cells.n_rows[e]:
        r = scalar[ROW]
        if cells.kind[e, r] != CANDIDATE or cells.code[e, r] >> 1 >= end:
            scalar[ROW] = r + 1
            continue
        answer = scalar[FACET]
        if answer == 0:
            answer = classify_row(cells, tables, e, r, end, dim)
            if answer == NEED_FACET:
                return NEED_FACET
        scalar[FACET] = 0
        if answer == 1:
            if cells.kind[e, r] != CERTAIN:
                cells.kind[e, r] = CERTAIN
                cells.beyond[e, r, dim] = 0.0
        elif in_basis(cells.basis[e], r, dim):
            cells.kind[e, r] = KEPT
        else:
            remove_row(
                cells.code[e], cells.kind[e], cells.level[e], cells.place[e], cells.beyond[e],
                cells.basis[e], cells.n_rows[e], r, dim,
            )  # fmt: skip
            cells.n_rows[e] -= 1
    return DONE
