"""Dictionaries, updated in float64: a heuristic, which proposes and decides nothing."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .names import BLOCK, CROSS, CROSSED, FREE, MAX_PIVOTS, OPTIMAL, PIVOT, STUCK, UNBOUNDED


@njit(**CALLED)
def pivot(place, n, coordinate, lead, basis, r, j, dim):
    """Put the vertex where row r vanishes instead of basis row j."""
    width = len(lead)  # rows are padded with zeros, and lead is apart: loops of whole vectors
    for i in range(width):
        lead[i] = place[r, i]
    inverse = 1.0 / lead[j]
    for k in range(n):
        row = place[k]
        factor = row[j] * inverse
        if factor == 0.0:
            continue
        for i in range(width):
            row[i] -= factor * lead[i]
        row[j] = factor
    for k in range(dim):
        row = coordinate[k]
        factor = row[j] * inverse
        for i in range(width):
            row[i] -= factor * lead[i]
        row[j] = factor
    for i in range(dim + 1):
        place[r, i] = 0.0
    place[r, j] = 1.0
    basis[j] = r


@njit(**CALLED)
def minimise(place, n, coordinate, lead, basis, kind, r, sign, mode, dim):
    """Walk along edges that decrease ``sign * row r``, while the cell's rows stay >= 0.

    Modes: BLOCK: row r is one of them, and it ends where it vanishes; CROSS: it ends on the edge
    that crosses row r = 0; FOLLOW: row r may take any value. Returns (how it ended, j, t): with
    CROSSED and UNBOUNDED the edge leaves along slack j, and t on it is beyond the crossing.
    """
    for step in range(MAX_PIVOTS):
        enter, best = -1, -PIVOT
        for j in range(dim):
            slope = sign * place[r, j]
            if slope < best:
                enter, best = j, slope
                if step > MAX_PIVOTS // 2:
                    break  # the first, so as not to go round in circles
        if enter < 0:
            return OPTIMAL, -1, 0.0
        leave, limit = -1, np.inf
        for k in range(n):
            if kind[k] == FREE or (k == r and mode != BLOCK):
                continue
            slope = place[k, enter]
            if slope < -PIVOT:
                t = max(place[k, dim], 0.0) / -slope
                if t < limit:
                    leave, limit = k, t
        if mode == CROSS:
            t = max(sign * place[r, dim], 0.0) / -(sign * place[r, enter])
            if t < limit:
                return CROSSED, enter, 2.0 * t + 1.0 if limit == np.inf else 0.5 * (t + limit)
        if leave < 0:
            return UNBOUNDED, enter, 1.0
        pivot(place, n, coordinate, lead, basis, leave, enter, dim)
        if leave == r:
            return OPTIMAL, -1, 0.0
    return STUCK, -1, 0.0


@njit(**CALLED)
def in_basis(basis, k, dim):
    found = False
    for j in range(dim):
        found |= basis[j] == k
    return found


@njit(**CALLED)
def way_inwards(place, kind, n, r, sign, slope, dim):
    """How far to go from the vertex, along the sum of its edges, for half way to the first row
    that is met; row r, which need not be one of the cell's, is to stay ``sign * row r < 0``.

    Each row's ``slope`` along the sum is written.
    """
    reach = np.inf
    for k in range(n):
        if kind[k] == FREE and k != r:
            continue
        total, value = 0.0, max(place[k, dim], 0.0)
        for j in range(dim):
            total += place[k, j]
        if k == r:
            total, value = -sign * total, max(-sign * place[k, dim], 0.0)
        slope[k] = total
        if total < -PIVOT:
            reach = min(reach, value / -total)
    return 0.5 * reach if reach < np.inf else 1.0


@njit(**CALLED)
def find_vertex(place, n, coordinate, lead, basis, dim):
    """From the dictionary at an interior point, in the coordinates, to one at a vertex."""
    for j in range(dim):
        row, least = -1, np.inf
        for k in range(n):
            t = np.inf
            if abs(place[k, j]) > PIVOT and not in_basis(basis, k, j):
                t = max(place[k, dim], 0.0) / abs(place[k, j])
            if t < least:
                row, least = k, t
        if row < 0:
            return
        pivot(place, n, coordinate, lead, basis, row, j, dim)
