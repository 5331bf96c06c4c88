"""Gordan's alternative in float64: either ``g_i . u > 0`` for all rows with some u, or a
nonnegative combination of the rows, not all multipliers 0, vanishes (Gordan 1873).

Wolfe's algorithm (1976) finds the point of the rows' convex hull that is nearest to the origin: it
is such a u, or the origin itself and so such a combination. What it returns is a guess; a
combination is then certified by :func:`vanishes`.

Rows are coded ``2 * row + (1 if its negative is meant)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from .compilation import CALLED
from .kernel.points import solve
from .lp.certificates import is_combination

SEPARATED, COMBINED, UNSURE = 0, 1, 2

# Only effort depends on these: what they call unsure is decided in rational arithmetic.
MARGIN = 1e-10  # cosine between u and a row, below which u is not believed
TINY_WEIGHT = 1e-13
STEPS = 200


@njit(**CALLED)
def value_at(row, code, x, dim):  # type: ignore[no-untyped-def]
    total = 0.0
    for j in range(dim):
        total += row[code >> 1, j] * x[j]
    return -total if code & 1 else total


@njit(**CALLED)
def affine_weights(row, corral, size, dim, work, found):  # type: ignore[no-untyped-def]
    """Weights, of sum 1, of the point nearest to the origin in the affine hull of the corral:
    ``(Q Q' + 1 1') v = 1`` and ``v / sum v``. False if the rows are dependent."""
    for a in range(size):
        for b in range(size):
            total = 1.0
            product = 0.0
            for j in range(dim):
                product += row[corral[a] >> 1, j] * row[corral[b] >> 1, j]
            total += -product if (corral[a] ^ corral[b]) & 1 else product
            work[a, b] = total
        work[a, size] = 1.0
    for c in range(size):
        pivot = c
        for i in range(c + 1, size):
            if abs(work[i, c]) > abs(work[pivot, c]):
                pivot = i
        if not abs(work[pivot, c]) > 1e-14:
            return False
        for j in range(c, size + 1):
            work[c, j], work[pivot, j] = work[pivot, j], work[c, j]
        for i in range(c + 1, size):
            factor = work[i, c] / work[c, c]
            if factor != 0.0:
                for j in range(c, size + 1):
                    work[i, j] -= factor * work[c, j]
    total = 0.0
    for c in range(size - 1, -1, -1):
        value = work[c, size]
        for j in range(c + 1, size):
            value -= work[c, j] * found[j]
        found[c] = value / work[c, c]
        total += found[c]
    if not total > 0.0:
        return False
    for c in range(size):
        found[c] /= total
    return True


@njit(**CALLED)
def shrink(row, corral, weight, size, dim, work, found):  # type: ignore[no-untyped-def]
    """Move the weights to those nearest to the origin, dropping rows that would get negative
    ones. Returns how many rows are left, 0 if they are dependent."""
    while True:
        if not affine_weights(row, corral, size, dim, work, found):
            return 0
        step, blocking = 1.0, -1
        for a in range(size):
            if found[a] < TINY_WEIGHT and weight[a] - found[a] > 0.0:
                t = weight[a] / (weight[a] - found[a])
                if t < step or blocking < 0:
                    step, blocking = min(t, 1.0), a
        for a in range(size):
            weight[a] += step * (found[a] - weight[a])
        if blocking < 0:
            return size
        kept = 0
        for a in range(size):
            if a != blocking and weight[a] > TINY_WEIGHT:
                corral[kept], weight[kept] = corral[a], weight[a]
                kept += 1
        if kept == 0:
            return 0
        size = kept


@njit(**CALLED)
def nearest(row, codes, n, x, corral, weight, size, dim, work, found):  # type: ignore[no-untyped-def]
    """Wolfe's algorithm on n coded rows of norm 1, from a corral of earlier ones and its weights
    (size 0: none). Returns (what was found, size): x is then u, or the corral the combination.
    """
    if size == 0:
        corral[0], weight[0], size = codes[0], 1.0, 1
    for _ in range(STEPS):
        square = 0.0
        for j in range(dim):
            total = 0.0
            for a in range(size):
                entry = row[corral[a] >> 1, j] * weight[a]
                total += -entry if corral[a] & 1 else entry
            x[j] = total
            square += total * total
        worst, least = -1, np.inf
        for k in range(n):
            value = value_at(row, codes[k], x, dim)
            if value < least:
                worst, least = k, value
        if least > MARGIN * np.sqrt(square):
            return SEPARATED, size
        if square < 1e-24:
            return COMBINED, size
        for a in range(size):
            if corral[a] == codes[worst]:
                return UNSURE, size
        if size > dim:
            return UNSURE, size
        corral[size], weight[size] = codes[worst], 0.0
        size = shrink(row, corral, weight, size + 1, dim, work, found)
        if size == 0:
            return UNSURE, 0
    return UNSURE, size


@njit(**CALLED)
def vanishes(wall, wall_error, corral, size, dim, scratch, walls, codes, free, target, y, x):  # type: ignore[no-untyped-def]
    """Is some positive combination of the corral's true rows certainly 0?

    Of dim + 1 rows the first, turned round, must be a positive combination of the others, which
    float64 can certify; fewer rows are dependent, which it cannot.
    """
    if size != dim + 1:
        return False
    for i in range(dim):
        walls[i], codes[i] = corral[i + 1] >> 1, corral[i + 1]
        free[i] = False
    if not solve(wall, wall_error, scratch, walls, dim, -1, 0.0, x) < np.inf:
        return False
    first = corral[0]
    for j in range(dim):
        target[j] = wall[j, first >> 1] if first & 1 else -wall[j, first >> 1]
    return is_combination(wall_error, scratch, codes, free, dim, target, wall_error[first >> 1], y)
