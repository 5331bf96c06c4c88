"""What proves that a point is inside, and that a wall's form is bounded by those of some rows."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, ENTRY
from ..kernel.signs import form_at, sign_bound
from .dictionary import in_basis
from .names import ALL, FREE


@njit(**ENTRY)
def certainly_inside(
    wall, wall_norm, wall_error, code, kind, level, n, basis, skip, flat, x, radius, dim,
):  # fmt: skip
    """Are all rows certainly positive at the generator x, whose radius is given?

    ``skip``: ALL: all rows are meant; BASIS: those of the basis are not; j: they are not but for
    the one whose slack is j. Rows of level ``flat`` and deeper are not meant either.
    """
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for k in range(n):
        if kind[k] == FREE or level[k] >= flat:
            continue
        if skip != ALL and in_basis(basis, k, dim) and not (skip >= 0 and basis[skip] == k):
            continue
        w = code[k] >> 1
        value = form_at(wall, w, x)
        if code[k] & 1:
            value = -value
        if not sign_bound(wall_norm[w], wall_error[w], radius, size, dim) < value < np.inf:
            return False
    return True


@njit(**CALLED)
def is_combination(wall_error, scratch, codes, unused, dim, target, target_error, y):
    """Is the target (a linear form) certainly a positive combination of the rows ``codes``, but
    for those that are ``unused``, whose multipliers are known to be 0?

    Right after ``solve`` for the same rows, whose matrix A and approximate inverse R stand in
    ``scratch``. With y = R' target, |y - y*| <= |R'| (target - A' y) / (1 - |I - A R|), each
    with its rounding and the errors of the rows (:func:`kernel._radius`, transposed).
    """
    a, r, work = scratch[0], scratch[1], scratch[2]
    rounding = (2.0 * dim + 6.0) * 2.0**-53
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            value += r[i, j] * target[i]
        y[j] = value
    for i in range(dim):
        rest, total = target[i], abs(target[i])
        for j in range(dim):
            rest -= a[j, i] * y[j]
            total += abs(a[j, i] * y[j])
        work[0, i] = abs(rest) + rounding * total
    row_errors = target_error
    for j in range(dim):
        row_errors += wall_error[codes[j] >> 1] * abs(y[j])
    worst, departure = 0.0, 0.0
    for j in range(dim):
        moved, off, reach = 0.0, 0.0, 0.0
        for i in range(dim):
            moved += abs(r[i, j]) * (work[0, i] + row_errors)
            reach += abs(r[i, j])
        for k in range(dim):  # column j of I - A R, rows k
            entry = -1.0 if j == k else 0.0
            total = 1.0
            for i in range(dim):
                entry += a[k, i] * r[i, j]
                total += abs(a[k, i] * r[i, j])
            off += abs(entry) + rounding * total + wall_error[codes[k] >> 1] * reach
        if not (off < 0.5 and moved < np.inf):
            return False
        departure = max(departure, off)
        worst = max(worst, moved)
    radius = 1.001 * worst / (1.0 - departure) + 2.0**-600
    for j in range(dim):
        value = -y[j] if codes[j] & 1 else y[j]
        if not (value > radius or unused[j]):
            return False
    return True


@njit(**CALLED)
def set_multipliers(inverse, codes, target, y, dim):
    """y = R' target for the rows ``codes``, whose approximate inverse is R, without its negative
    entries."""
    for j in range(dim):
        value = 0.0
        for i in range(dim):
            value += inverse[i, j] * target[i]
        y[j] = max(0.0, -value if codes[j] & 1 else value)


@njit(**CALLED)
def is_bounded_below(wall, wall_norm, wall_error, codes, w, sign, reach, y, dim):
    """Is ``sign * wall w`` certainly positive where the rows ``codes`` are >= 0 and no
    coordinate is beyond ``reach``?

    Any multipliers y >= 0 will do if what they leave of the form is charged with the reach
    (Neumaier and Shcherbina 2004).
    """
    left, size = 0.0, wall_norm[w]
    error = wall_error[w]
    for i in range(dim + 1):
        rest = sign * wall[i, w]
        for j in range(dim):
            entry = wall[i, codes[j] >> 1] * y[j]
            rest -= -entry if codes[j] & 1 else entry
        if i < dim:
            error += abs(rest)
        else:
            left = rest
    for j in range(dim):
        size += wall_norm[codes[j] >> 1] * y[j]
        error += wall_error[codes[j] >> 1] * y[j]
    error += (2.0 * dim + 8.0) * 2.0**-53 * size
    return left > 1.0000001 * (error * max(1.0, reach)) + 2.0**-600


@njit(**CALLED)
def is_beyond_alone(wall, wall_norm, wall_error, code, kind, n, r, x, dim):
    """Is the float64 point x certainly beyond row r and inside of all others?

    Then r is a facet: between x and a point inside, r alone vanishes.
    """
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for k in range(n):
        if kind[k] == FREE:
            continue
        w = code[k] >> 1
        value = form_at(wall, w, x)
        if (code[k] & 1 != 0) != (k == r):
            value = -value
        if not sign_bound(wall_norm[w], wall_error[w], 0.0, size, dim) < value < np.inf:
            return False
    return True
