"""What many rays meet first, and which points are beyond one row alone: one pass, compiled.

With hundreds of bounds a step of array code for each comparison costs more than the arithmetic.
Rays and points are columns, and the innermost loops run over them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .kernel import TINY

COMPILED: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
ROUNDED_UP = 1.000001


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
