"""What many rays meet first, and which points are beyond one row alone: one pass, compiled.

With hundreds of bounds a step of array code for each comparison costs more than the arithmetic.
Rays and points are columns, and the innermost loops run over them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .kernel.names import TINY

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
ROUNDED_UP = 1.000001
SLACK, SINGULAR = 2.0**-30, 2.0**-40  # of guesses


@njit(**COMPILED)
def first_met(values, slopes, to_low, to_high, directions):  # type: ignore[no-untyped-def]
    """For each ray the row that it meets first, and how far this and the second are.

    Rows are those of ``values`` and ``slopes``, then lower, then upper bounds, ``to_low`` and
    ``to_high`` away. Largest and second largest of the reciprocals: a product each.
    """
    m, k = slopes.shape
    d = len(directions)
    row = np.zeros(k, np.int64)
    most, second = np.zeros(k), np.zeros(k)
    for i in range(m):
        inverse = -1.0 / values[i]
        for r in range(k):
            rate = slopes[i, r] * inverse
            second[r] = max(second[r], min(rate, most[r]))
            row[r] = i if rate > most[r] else row[r]
            most[r] = max(most[r], rate)
    for j in range(d):
        down, up = -1.0 / to_low[j], 1.0 / to_high[j]
        for r in range(k):
            along = directions[j, r]
            rate = along * (up if along > 0.0 else down)
            second[r] = max(second[r], min(rate, most[r]))
            row[r] = m + j + (d if along > 0.0 else 0) if rate > most[r] else row[r]
            most[r] = max(most[r], rate)
    return row, 1.0 / most, 1.0 / second


@njit(**COMPILED)
def are_beyond_alone(values, relative, size, row):  # type: ignore[no-untyped-def]
    """Which points are certainly beyond their own row, if it is one of these, and inside of all
    others? Computed ``values`` are off by less than ``relative`` times the ``size`` of the point.
    """
    m, k = values.shape
    certain = np.ones(k, np.bool_)
    for i in range(m):
        for r in range(k):
            value = -values[i, r] if row[r] == i else values[i, r]
            unsure = ROUNDED_UP * relative[i] * size[r] + TINY
            certain[r] &= unsure < value < np.inf
    return certain


@njit(**COMPILED)
def are_beyond_bound_alone(points, low, high, bound):  # type: ignore[no-untyped-def]
    """Which points are beyond one bound, lower or upper, if it is one, and inside of all others?"""
    d, k = points.shape
    certain = np.ones(k, np.bool_)
    for j in range(d):
        for r in range(k):
            below, above = not points[j, r] > low[j], not points[j, r] < high[j]
            certain[r] &= below == (bound[r] == j) and above == (bound[r] == d + j)
            certain[r] &= abs(points[j, r]) < np.inf
    return certain


@njit(**COMPILED)
def met_along_axes(columns, starts, values, which, relative, low, high):  # type: ignore[no-untyped-def]
    """Which lower, then upper bounds are certainly met first along their own axes?

    A step along an axis changes each row by a multiple of one entry: of ``columns``, the
    transposed rows. That each computed value may be off counts twice: at the start, and by the
    step.

    Args:
        starts, values: points, and their values of the rows, in rows.
        which: for each bound the point to start from, -1 for none.

    Returns:
        Whether they are, and of those that are not the row that is most in the way.
    """
    d, m = columns.shape
    met = np.zeros(2 * d, np.bool_)
    blocker = np.full(2 * d, -1)
    largest = np.ones(len(starts))
    for p in range(len(starts)):
        for j in range(d):
            largest[p] = max(largest[p], abs(starts[p, j]))
    for k in range(2 * d):
        p = which[k]
        if p < 0:
            continue
        j = k % d
        bound = low[j] if k < d else high[j]
        beyond = starts[p, j] + (bound - starts[p, j]) * (1.0 + 1.0 / 64.0)
        step = beyond - starts[p, j]
        if not abs(beyond) < np.inf or not (beyond < low[j] or beyond > high[j]):
            continue
        unsure = 2.0 * ROUNDED_UP * max(largest[p], abs(beyond))
        certain = True
        for i in range(m):
            value = values[p, i] + columns[j, i] * step
            certain &= unsure * relative[i] + TINY < value < np.inf
        met[k] = certain
        if not certain:
            worst = np.inf
            for i in range(m):
                fall = columns[j, i] * step / values[p, i]
                if fall < worst:
                    blocker[k], worst = i, fall
    return met, blocker


@njit(**COMPILED)
def non_negative(matrix, right, y):  # type: ignore[no-untyped-def]
    """y >= 0 with ``matrix @ y = right`` where y > 0, and >= elsewhere, nearly; from y = 0.

    By Lawson and Hanson's active sets, with a Cholesky factor that grows by a row at a time.
    """
    m = len(right)
    active, factor = np.empty(m, np.int64), np.empty((m, m))
    solution, slack = np.empty(m), np.empty(m)
    n = 0
    for _ in range(3 * m):
        new, most = -1, 0.0
        for i in range(m):
            slack[i] = right[i]
        for k in range(n):
            column, weight = matrix[active[k]], y[active[k]]
            for i in range(m):
                slack[i] -= column[i] * weight
        for i in range(m):
            ahead = slack[i] / np.sqrt(matrix[i, i])
            if y[i] == 0.0 and slack[i] > SLACK * abs(right[i]) and ahead > most:
                new, most = i, ahead
        if new < 0 or not append(matrix, factor, active, n, new):
            return
        n += 1
        while True:
            solve_active(factor, active, n, right, solution)
            t, out = 1.0, -1
            for k in range(n):
                if solution[k] <= 0.0:
                    part = y[active[k]] / (y[active[k]] - solution[k])
                    if part < t or out < 0:
                        t, out = part, k
            for k in range(n):
                y[active[k]] += t * (solution[k] - y[active[k]])
            if out < 0:
                break
            y[active[out]] = 0.0
            n -= 1
            for k in range(out, n):
                active[k] = active[k + 1]
            for k in range(out, n):
                append(matrix, factor, active, k, active[k])


@njit(**COMPILED)
def append(matrix, factor, active, n, new):  # type: ignore[no-untyped-def]
    """A row of the Cholesky factor of the active rows and columns. Is it positive definite?"""
    active[n] = new
    rest = matrix[new, new]
    for k in range(n):
        value = matrix[new, active[k]]
        for j in range(k):
            value -= factor[n, j] * factor[k, j]
        factor[n, k] = value / factor[k, k]
        rest -= factor[n, k] ** 2
    if not rest > SINGULAR * matrix[new, new]:
        return False
    factor[n, n] = np.sqrt(rest)
    return True


@njit(**COMPILED)
def solve_active(factor, active, n, right, solution):  # type: ignore[no-untyped-def]
    for k in range(n):
        value = right[active[k]]
        for j in range(k):
            value -= factor[k, j] * solution[j]
        solution[k] = value / factor[k, k]
    for k in range(n - 1, -1, -1):
        value = solution[k]
        for j in range(k + 1, n):
            value -= factor[j, k] * solution[j]
        solution[k] = value / factor[k, k]


@njit(**COMPILED)
def nearest_beyond(inner, values, asked, margin):  # type: ignore[no-untyped-def]
    """For each row asked about the nearest point beyond it alone, in some metric.

    A least distance problem by non-negative least squares (Lawson and Hanson 1974, chapters 20 and
    23), by inner products only.

    Args:
        inner: of the rows in the metric.
        values: of the rows where distances are from.
        margin: part of its value by which the point is beyond a row, and inside of the others.

    Returns:
        Weights of steps towards the rows, whose sum leads to the point, 0 if there is none; and
        multipliers that may prove the row redundant. Neither is certain.
    """
    m = len(values)
    weights, multipliers = np.zeros((len(asked), m)), np.zeros((len(asked), m))
    sign, wanted, system = np.ones(m), np.empty(m), np.empty((m, m))
    for n in range(len(asked)):
        r = asked[n]
        for i in range(m):
            wanted[i] = -(1.0 - margin) * values[i] / values[r]
        wanted[r] = 1.0 + margin
        sign[r] = -1.0
        for i in range(m):
            for j in range(m):
                system[i, j] = sign[i] * sign[j] * inner[i, j] + wanted[i] * wanted[j]
        y = multipliers[n]
        non_negative(system, wanted, y)
        left = 1.0
        for i in range(m):
            left -= wanted[i] * y[i]
        if left > 0.0:
            for i in range(m):
                weights[n, i] = -sign[i] * y[i] * values[r] / left
        sign[r] = 1.0
        if y[r] > 0.0:
            scale = y[r]
            for i in range(m):
                y[i] /= scale
    return weights, multipliers
