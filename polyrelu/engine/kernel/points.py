"""Generators from the walls that they are on, with a bound on how far off they are."""

from __future__ import annotations

import numpy as np
from numba import njit

from ..compilation import CALLED, INLINED
from .names import TINY, UNIT


@njit(**CALLED)
def pick_rows(wall, basis, walls, n, need, dim):
    """Reorder ``walls[:n]`` so that the first ``need`` have well-conditioned normals.

    Greedy Gram-Schmidt on normalised rows; ``walls[0]`` stays. Only a heuristic: what a bad
    choice costs is a large radius, and then rational arithmetic.
    """
    for r in range(need):
        best, best_left = r, -1.0
        for i in range(r, 1 if r == 0 else n):
            left, norm = 0.0, 0.0
            for j in range(dim):
                norm += wall[j, walls[i]] ** 2
            left = norm
            for q in range(r):
                dot = 0.0
                for j in range(dim):
                    dot += basis[q, j] * wall[j, walls[i]]
                left -= dot * dot
            left = left / norm if norm > 0.0 else -1.0
            if left > best_left:
                best, best_left = i, left
        walls[r], walls[best] = walls[best], walls[r]
        for j in range(dim):
            basis[r, j] = wall[j, walls[r]]
        for q in range(r):
            dot = 0.0
            for j in range(dim):
                dot += basis[q, j] * basis[r, j]
            for j in range(dim):
                basis[r, j] -= dot * basis[q, j]
        norm = 0.0
        for j in range(dim):
            norm += basis[r, j] ** 2
        norm = np.sqrt(norm)
        for j in range(dim):
            basis[r, j] = basis[r, j] / norm if norm > 0.0 else 0.0


@njit(**CALLED)
def invert(matrix, inverse, dim):
    """Approximate inverse by Gauss-Jordan with partial pivoting; matrix is destroyed."""
    for i in range(dim):
        for j in range(dim):
            inverse[i, j] = 1.0 if i == j else 0.0
    for c in range(dim):
        pivot, best = c, abs(matrix[c, c])
        for i in range(c + 1, dim):
            if abs(matrix[i, c]) > best:
                pivot, best = i, abs(matrix[i, c])
        if best == 0.0:
            return False
        if pivot != c:
            for j in range(dim):
                matrix[c, j], matrix[pivot, j] = matrix[pivot, j], matrix[c, j]
                inverse[c, j], inverse[pivot, j] = inverse[pivot, j], inverse[c, j]
        lead = 1.0 / matrix[c, c]
        for j in range(dim):
            matrix[c, j] *= lead
            inverse[c, j] *= lead
        for i in range(dim):
            factor = matrix[i, c]
            if i != c and factor != 0.0:
                for j in range(dim):
                    matrix[i, j] -= factor * matrix[c, j]
                    inverse[i, j] -= factor * inverse[c, j]
    return True


@njit(**CALLED)
def solve(wall, wall_error, scratch, walls, dim, ray_axis, ray_sign, x):
    """The generator on ``dim`` walls, or, if ``ray_axis >= 0``, the direction on ``dim - 1``
    walls with ``x[ray_axis] = ray_sign``. Writes x; returns its radius (infinite if unsolved).

    The radius is a posteriori: with R the approximate inverse of the matrix A of true rows,
    ``|x - x*| <= |R (c - A x)| / (1 - |I - R A|)`` in the maximum norm, where residual and
    ``I - R A`` are bounded with their rounding and the errors of the rows.
    """
    a, r, work = scratch[0], scratch[1], scratch[2]
    n = dim if ray_axis < 0 else dim - 1
    for i in range(n):
        for j in range(dim):
            a[i, j] = wall[j, walls[i]]
        a[i, dim] = -wall[dim, walls[i]] if ray_axis < 0 else 0.0
    if ray_axis >= 0:
        for j in range(dim):
            a[n, j] = 0.0
        a[n, ray_axis], a[n, dim] = 1.0, ray_sign
    for i in range(dim):
        for j in range(dim):
            work[i, j] = a[i, j]
    if not invert(work, r, dim):
        return np.inf
    for i in range(dim):
        value = 0.0
        for j in range(dim):
            value += r[i, j] * a[j, dim]
        x[i] = value
    x[dim] = 1.0 if ray_axis < 0 else 0.0
    # One step of refinement: the residual then is rounding alone.
    for i in range(dim):
        rest = a[i, dim]
        for j in range(dim):
            rest -= a[i, j] * x[j]
        work[0, i] = rest
    for i in range(dim):
        value = x[i]
        for j in range(dim):
            value += r[i, j] * work[0, j]
        x[i] = value
    if ray_axis >= 0:
        x[ray_axis] = ray_sign
    return _radius(wall_error, scratch, walls, dim, n, x)


@njit(**CALLED)
def _radius(wall_error, scratch, walls, dim, n, x):
    a, work = scratch[0], scratch[2]
    rounding = (2.0 * dim + 6.0) * UNIT
    size = 1.0
    for j in range(dim):
        size = max(size, abs(x[j]))
    for i in range(dim):
        rest, total = a[i, dim], abs(a[i, dim])
        for j in range(dim):
            rest -= a[i, j] * x[j]
            total += abs(a[i, j] * x[j])
        row_error = wall_error[walls[i]] if i < n else 0.0
        work[0, i] = abs(rest) + rounding * total + row_error * size + TINY
        work[1, i] = row_error
    return moved_at_most(scratch, dim)


@njit(**CALLED)
def moved_at_most(scratch, dim):
    """The radius of a solution, from bounds on its residuals (``scratch[2, 0]``) and on the errors
    of the rows (``scratch[2, 1]``)."""
    a, r, work = scratch[0], scratch[1], scratch[2]
    rounding = (2.0 * dim + 6.0) * UNIT
    worst, departure = 0.0, 0.0
    for i in range(dim):
        off, moved = 0.0, 0.0
        for j in range(dim):
            entry = -1.0 if i == j else 0.0
            total = 1.0
            for k in range(dim):
                entry += r[i, k] * a[k, j]
                total += abs(r[i, k] * a[k, j])
            off += abs(entry) + rounding * total
        for k in range(dim):
            off += abs(r[i, k]) * work[1, k]
            moved += abs(r[i, k]) * work[0, k]
        if not (off < 0.5 and moved < np.inf):  # so that max never sees a NaN, which it drops
            return np.inf
        departure = max(departure, off)
        worst = max(worst, moved)
    return 1.001 * worst / (1.0 - departure)


@njit(**INLINED)
def solve_in_plane(wall, wall_error, walls, x):
    """As :func:`solve` for a point in two dimensions, all in registers, R by Cramer's rule.

    The same bound, as it asks nothing of R: a poor one (or a determinant that is 0 or not finite,
    which makes R so) only gives a large radius. Sums over j of |R||A| are taken row by row.
    """
    rounding = 10.0 * UNIT  # 2 d + 6
    i, j = walls[0], walls[1]
    a0, a1, a2 = wall[0, i], wall[1, i], -wall[2, i]
    b0, b1, b2 = wall[0, j], wall[1, j], -wall[2, j]
    lead = 1.0 / (a0 * b1 - a1 * b0)
    r00, r01, r10, r11 = b1 * lead, -a1 * lead, -b0 * lead, a0 * lead
    x0, x1 = r00 * a2 + r01 * b2, r10 * a2 + r11 * b2
    rest0, rest1 = a2 - a0 * x0 - a1 * x1, b2 - b0 * x0 - b1 * x1
    x0 += r00 * rest0 + r01 * rest1
    x1 += r10 * rest0 + r11 * rest1
    x[0], x[1] = x0, x1
    size = max(1.0, max(abs(x0), abs(x1)))
    rest0 = abs(a2 - a0 * x0 - a1 * x1) + wall_error[i] * size + TINY
    rest1 = abs(b2 - b0 * x0 - b1 * x1) + wall_error[j] * size + TINY
    rest0 += rounding * (abs(a2) + abs(a0 * x0) + abs(a1 * x1))
    rest1 += rounding * (abs(b2) + abs(b0 * x0) + abs(b1 * x1))
    norm0 = rounding * (abs(a0) + abs(a1)) + wall_error[i]
    norm1 = rounding * (abs(b0) + abs(b1)) + wall_error[j]
    off0 = abs(r00 * a0 + r01 * b0 - 1.0) + abs(r00 * a1 + r01 * b1)
    off1 = abs(r10 * a0 + r11 * b0) + abs(r10 * a1 + r11 * b1 - 1.0)
    off0 += 2.0 * rounding + abs(r00) * norm0 + abs(r01) * norm1
    off1 += 2.0 * rounding + abs(r10) * norm0 + abs(r11) * norm1
    moved0 = abs(r00) * rest0 + abs(r01) * rest1
    moved1 = abs(r10) * rest0 + abs(r11) * rest1
    if not (off0 < 0.5 and off1 < 0.5 and moved0 < np.inf and moved1 < np.inf):
        return np.inf
    return 1.001 * max(moved0, moved1) / (1.0 - max(off0, off1))


@njit(**INLINED)
def solve_in_space(wall, wall_error, walls, x):
    """As :func:`solve_in_plane` in three dimensions."""
    rounding = 12.0 * UNIT  # 2 d + 6
    i, j, k = walls[0], walls[1], walls[2]
    a0, a1, a2, a3 = wall[0, i], wall[1, i], wall[2, i], -wall[3, i]
    b0, b1, b2, b3 = wall[0, j], wall[1, j], wall[2, j], -wall[3, j]
    c0, c1, c2, c3 = wall[0, k], wall[1, k], wall[2, k], -wall[3, k]
    r00, r01, r02 = b1 * c2 - b2 * c1, a2 * c1 - a1 * c2, a1 * b2 - a2 * b1
    r10, r11, r12 = b2 * c0 - b0 * c2, a0 * c2 - a2 * c0, a2 * b0 - a0 * b2
    r20, r21, r22 = b0 * c1 - b1 * c0, a1 * c0 - a0 * c1, a0 * b1 - a1 * b0
    lead = 1.0 / (a0 * r00 + a1 * r10 + a2 * r20)
    r00, r01, r02 = r00 * lead, r01 * lead, r02 * lead
    r10, r11, r12 = r10 * lead, r11 * lead, r12 * lead
    r20, r21, r22 = r20 * lead, r21 * lead, r22 * lead
    x0 = r00 * a3 + r01 * b3 + r02 * c3
    x1 = r10 * a3 + r11 * b3 + r12 * c3
    x2 = r20 * a3 + r21 * b3 + r22 * c3
    rest0 = a3 - a0 * x0 - a1 * x1 - a2 * x2
    rest1 = b3 - b0 * x0 - b1 * x1 - b2 * x2
    rest2 = c3 - c0 * x0 - c1 * x1 - c2 * x2
    x0 += r00 * rest0 + r01 * rest1 + r02 * rest2
    x1 += r10 * rest0 + r11 * rest1 + r12 * rest2
    x2 += r20 * rest0 + r21 * rest1 + r22 * rest2
    x[0], x[1], x[2] = x0, x1, x2
    size = max(max(1.0, abs(x0)), max(abs(x1), abs(x2)))
    rest0 = abs(a3 - a0 * x0 - a1 * x1 - a2 * x2) + wall_error[i] * size + TINY
    rest1 = abs(b3 - b0 * x0 - b1 * x1 - b2 * x2) + wall_error[j] * size + TINY
    rest2 = abs(c3 - c0 * x0 - c1 * x1 - c2 * x2) + wall_error[k] * size + TINY
    rest0 += rounding * (abs(a3) + abs(a0 * x0) + abs(a1 * x1) + abs(a2 * x2))
    rest1 += rounding * (abs(b3) + abs(b0 * x0) + abs(b1 * x1) + abs(b2 * x2))
    rest2 += rounding * (abs(c3) + abs(c0 * x0) + abs(c1 * x1) + abs(c2 * x2))
    norm0 = rounding * (abs(a0) + abs(a1) + abs(a2)) + wall_error[i]
    norm1 = rounding * (abs(b0) + abs(b1) + abs(b2)) + wall_error[j]
    norm2 = rounding * (abs(c0) + abs(c1) + abs(c2)) + wall_error[k]
    off0 = 3.0 * rounding + abs(r00) * norm0 + abs(r01) * norm1 + abs(r02) * norm2
    off1 = 3.0 * rounding + abs(r10) * norm0 + abs(r11) * norm1 + abs(r12) * norm2
    off2 = 3.0 * rounding + abs(r20) * norm0 + abs(r21) * norm1 + abs(r22) * norm2
    off0 += abs(r00 * a0 + r01 * b0 + r02 * c0 - 1.0)
    off0 += abs(r00 * a1 + r01 * b1 + r02 * c1) + abs(r00 * a2 + r01 * b2 + r02 * c2)
    off1 += abs(r10 * a1 + r11 * b1 + r12 * c1 - 1.0)
    off1 += abs(r10 * a0 + r11 * b0 + r12 * c0) + abs(r10 * a2 + r11 * b2 + r12 * c2)
    off2 += abs(r20 * a2 + r21 * b2 + r22 * c2 - 1.0)
    off2 += abs(r20 * a0 + r21 * b0 + r22 * c0) + abs(r20 * a1 + r21 * b1 + r22 * c1)
    moved0 = abs(r00) * rest0 + abs(r01) * rest1 + abs(r02) * rest2
    moved1 = abs(r10) * rest0 + abs(r11) * rest1 + abs(r12) * rest2
    moved2 = abs(r20) * rest0 + abs(r21) * rest1 + abs(r22) * rest2
    if not (off0 < 0.5 and off1 < 0.5 and off2 < 0.5):  # max would drop a NaN
        return np.inf
    if not (moved0 < np.inf and moved1 < np.inf and moved2 < np.inf):
        return np.inf
    return 1.001 * max(max(moved0, moved1), moved2) / (1.0 - max(max(off0, off1), off2))


@njit(**INLINED)
def solve_point(wall, wall_error, scratch, walls, dim, x):
    """The point on ``dim`` walls and its radius, the quickest way that bounds it."""
    radius = np.inf
    if dim == 3:
        radius = solve_in_space(wall, wall_error, walls, x)
    elif dim == 2:
        radius = solve_in_plane(wall, wall_error, walls, x)
    if radius == np.inf:
        return solve(wall, wall_error, scratch, walls, dim, np.int64(-1), 0.0, x)
    return radius


@njit(**INLINED)
def gap_of(wall, wall_error, wall_scale, walls, n, dim):
    """A lower bound on 1 / (common denominator of the generator on ``walls[:n]``).

    The denominator is the determinant of the walls' integer rows: Hadamard's inequality.
    """
    gap = 0.999999
    for i in range(n):
        if wall_scale[walls[i]] == np.inf:
            return 0.0
        total = 0.0
        for j in range(dim):
            total += wall[j, walls[i]] ** 2
        gap /= (np.sqrt(total) + wall_error[walls[i]]) * wall_scale[walls[i]]
    return gap
