"""Points that were solved before: each is made anew in every cell around an edge that it is on."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED


@njit(**INLINED)
def find_cached(tables, walls, dim):
    """The cache slot for the point on ``dim`` walls; its ident is 0 if it holds another.

    A point is made anew in each of the up to 2^(dim - 1) cells around the edge that it is on. The
    walls are sorted, so that it is the same to the last bit whichever edge it was solved on.
    """
    names = tables.names
    h = np.uint64(0)
    for i in range(dim):
        wall = walls[i]
        for j in range(i):  # insertion without a branch
            wall, walls[j] = max(wall, walls[j]), min(wall, walls[j])
        walls[i] = wall
    for i in range(dim):
        names[i] = tables.name[walls[i]]
        mixed = np.uint64(names[i]) * np.uint64(0x9E3779B97F4A7C15)
        h += mixed ^ (mixed >> np.uint64(29))
    h *= np.uint64(0xBF58476D1CE4E5B9)
    at = np.int64((h >> np.uint64(20)) & np.uint64(len(tables.cache_ident) - 1))
    for i in range(dim):
        if tables.cache_names[at, i] != names[i]:
            tables.cache_ident[at] = 0
            break
    return at


@njit(**CALLED)
def sort_walls(walls, n):
    """Sort the first n, so that what is solved from them is the same whichever edge it is on."""
    for i in range(1, n):
        wall, k = walls[i], i
        while k > 0 and walls[k - 1] > wall:
            walls[k] = walls[k - 1]
            k -= 1
        walls[k] = wall


@njit(**INLINED)
def cache(tables, stack, at, p, dim):
    """Put generator p into the slot that :func:`find_cached` has just found for it."""
    for j in range(dim):
        tables.cache_names[at, j] = tables.names[j]
        tables.cache_x[at, j] = stack.x[p, j]
    tables.cache_radius[at] = stack.radius[p]
    tables.cache_gap[at] = stack.gap[p]
    tables.cache_size[at] = stack.size[p]
    tables.cache_ident[at] = stack.ident[p]
