"""Generators solved in twice the precision."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED
from .bits import ONE, lowest_bit
from .names import NEAR_COPY, TINY, UNIT
from .points import invert, moved_at_most, pick_rows
from .twice_arithmetic import bound_twice, exact_sum, form_twice, sizes


@njit(**CALLED)
def difference(tables, v, w, dim, high, low):
    """If walls v and w have nearly the same normal, or opposite ones, writes v - w, or v + w, as
    high + low, and returns 1 or -1 for the sign with which w is subtracted, and a bound on what
    that lacks in the l1 norm. Else 0 and nothing of use.

    Of numbers that are close float64 has the difference exactly: what is small is as exact as
    what is large.
    """
    table, small = tables.wall, tables.wall_low
    axis = np.int64(0)
    for j in range(1, dim):
        if abs(table[j, v]) > abs(table[axis, v]):
            axis = j
    most = abs(table[axis, v])
    sign = 1.0 if (table[axis, v] > 0.0) == (table[axis, w] > 0.0) else -1.0
    for j in range(dim):
        if not abs(table[j, v] - sign * table[j, w]) < NEAR_COPY * most:
            return 0.0, 0.0
    terms = 0.0
    for j in range(dim + 1):
        off, lost = exact_sum(table[j, v], -sign * table[j, w])
        high[j], low[j] = exact_sum(off, lost + (small[j, v] - sign * small[j, w]))
        terms += abs(lost) + abs(small[j, v]) + abs(small[j, w])
    error = tables.wall_low_error[v] + tables.wall_low_error[w] + 2.0 * UNIT * terms
    return sign, 1.0000001 * error


@njit(**CALLED)
def take_apart(tables, n, dim):
    """Writes to ``scratch[0]`` + ``scratch[3]`` rows that vanish where the first n picked walls do,
    and to ``scratch[3, dim]`` what they lack: their own or, where two are nearly the same or
    opposite, one and what it differs by, times a power of 2."""
    a, a_low, walls = tables.scratch[0], tables.scratch[3], tables.picked
    for i in range(n):
        near = False
        for k in range(i):
            sign, error = difference(tables, walls[k], walls[i], dim, a[i], a_low[i])
            rest, most = 0.0, 0.0
            for j in range(dim):
                rest = max(rest, abs(a[i, j]))
                most = max(most, abs(tables.wall[j, walls[i]]))
            if sign != 0.0 and rest > TINY:
                near, scale = True, 1.0
                while rest * scale < most:
                    scale *= 2.0
                for j in range(dim + 1):
                    a[i, j] *= scale
                    a_low[i, j] *= scale
                a_low[dim, i] = error * scale
                break
        if not near:
            for j in range(dim + 1):
                a[i, j], a_low[i, j] = tables.wall[j, walls[i]], tables.wall_low[j, walls[i]]
            a_low[dim, i] = tables.wall_low_error[walls[i]]


@njit(**CALLED)
def invert_with_axis(scratch, need, axis, dim):
    """Inverse of the first ``need`` rows and, if one is missing, the unit vector of an axis."""
    a, r, work = scratch[0], scratch[1], scratch[2]
    if need < dim:
        for j in range(dim):
            a[need, j] = 0.0
        a[need, axis] = 1.0
    for i in range(dim):
        for j in range(dim):
            work[i, j] = a[i, j]
    return invert(work, r, dim)


@njit(**CALLED)
def start_anew(scratch, need, x, dim):
    """Writes to x about where the rows of ``scratch[0]`` vanish: a point, or if one row is missing
    a direction whose largest coordinate is 1. Leaves their inverse; returns that coordinate,
    ``dim`` for a point, and -1 if they do not tell."""
    a, r = scratch[0], scratch[1]
    if need == dim:
        if not invert_with_axis(scratch, need, dim, dim):
            return np.int64(-1)
        for j in range(dim):
            value = 0.0
            for i in range(dim):
                value -= r[j, i] * a[i, dim]
            x[j] = value
        return np.int64(dim)
    for axis in range(dim):
        if invert_with_axis(scratch, need, axis, dim):
            most = 0.0
            for j in range(dim):
                x[j] = r[j, need]
                most = max(most, abs(x[j]))
            if most < 1.000001:
                x[axis] = 1.0
                return np.int64(axis)
    return np.int64(-1)


@njit(**CALLED)
def list_walls(first, mask, used, facet, walls):
    """Writes the walls of the facets of ``mask``, after the wall ``first`` unless that is -1.
    Returns how many they are."""
    n = np.int64(0)
    if first >= 0:
        walls[0] = first
        n = np.int64(1)
    for k in range(len(used)):
        common = mask[k] & used[k]
        while common:
            walls[n] = facet[64 * k + np.int64(lowest_bit(common))] >> 1
            common &= common - ONE
            n += 1
    return n


@njit(**CALLED)
def refine(tables, n, x, low, dim, anew):
    """Writes to ``low`` what a generator x lacks to where the n picked walls meet, the best of
    which become the first. False if they do not tell.

    As :func:`solve`, from a float64 inverse: two steps of refinement, with residuals in twice the
    precision. A direction keeps a coordinate that is 1 or -1. If x is to be found ``anew``, it is
    written as well.
    """
    scratch = tables.scratch
    a, r, work, a_low = scratch[0], scratch[1], scratch[2], scratch[3]
    need = dim if x[dim] != 0.0 else dim - 1
    if n < need:
        return False
    if n > need:
        pick_rows(tables.wall, work, tables.picked, n, need, dim)
    take_apart(tables, need, dim)
    axis = np.int64(dim)
    if anew:
        axis = start_anew(scratch, need, x, dim)
        if axis < 0:
            return False
    else:
        if need < dim:
            axis = np.int64(0)
            while axis < dim and abs(x[axis]) != 1.0:
                axis += 1
            if axis == dim:
                return False
        if not invert_with_axis(scratch, need, axis, dim):
            return False
    for j in range(dim + 1):
        low[j] = 0.0
    for _ in range(3 if anew else 2):
        for i in range(dim):
            work[0, i] = form_twice(a.T, a_low.T, i, x, low) if i < need else 0.0
        for j in range(dim):
            for i in range(dim):
                low[j] -= r[j, i] * work[0, i]
        low[axis] = 0.0
        if anew:
            for j in range(dim):
                x[j], low[j] = exact_sum(x[j], low[j])
    return True


@njit(**CALLED)
def refined_radius(tables, x, low, dim):
    """The radius of the generator x + low of :func:`refine`, bounded as in :func:`solve`."""
    a, work, a_low = tables.scratch[0], tables.scratch[2], tables.scratch[3]
    need = dim if x[dim] != 0.0 else dim - 1
    size, small = sizes(x, low, dim)
    for i in range(dim):
        work[0, i], work[1, i] = TINY, 0.0
        if i < need:
            norm, low_norm = 0.0, 0.0
            for j in range(dim + 1 if x[dim] != 0.0 else dim):
                norm += 1.0000001 * abs(a[i, j])
                low_norm += 1.0000001 * abs(a_low[i, j])
            rest = abs(form_twice(a.T, a_low.T, i, x, low))
            error = a_low[dim, i]
            work[0, i] = rest + bound_twice(norm, low_norm, error, 0.0, size, small, dim)
            work[1, i] = low_norm + error
    return moved_at_most(tables.scratch, dim)
