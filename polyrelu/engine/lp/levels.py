"""Levels of rows: which forms lie in the span of few others, for certain."""

from __future__ import annotations

from numba import njit

from ..compilation import CALLED
from ..kernel.forms import piece_of


@njit(**CALLED)
def spanned(level, n_live, basis, without, m, dim):
    """Do the basis rows, ``without`` the one of that slack, contain a basis of V_m?"""
    count = 0
    for j in range(dim):
        count += j != without and level[basis[j]] >= m
    return count == n_live[m]


@njit(**CALLED)
def mark_unused(level, n_live, basis, deepest, unused, dim):
    """Which basis rows have multiplier 0 in a form of V_deepest, as far as levels tell."""
    m = deepest
    while not spanned(level, n_live, basis, -1, m, dim):
        m -= 1  # ends: V_0 is the whole space
    for j in range(dim):
        unused[j] = level[basis[j]] < m


@njit(**CALLED)
def set_levels(program, cells, e):
    """Levels of rows and the bound on dim V_m, now that layer m of entry e is decided."""
    m = cells.layer[e]
    live = 0
    for u in range(program.first_unit[m], program.first_unit[m + 1]):
        live += program.slope[piece_of(program, cells, e, u)] != 0.0
    cells.n_live[e, m] = min(live, cells.n_live[e, m - 1])
    for k in range(cells.n_rows[e]):
        wall = cells.code[e, k] >> 1
        if wall >= program.first_wall[m]:
            u = program.wall_unit[wall]
            if program.slope[piece_of(program, cells, e, u)] != 0.0:
                cells.level[e, k] = m
