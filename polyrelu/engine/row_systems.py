"""Systems of integer rows, ``row . (x, 1) >= 0``: a point inside, and how far they reach."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np

from ..exact_program import scaled_table
from ..network import quotient
from ..rational import IntegerRow, dot_point, margin
from .compiled import Compiled

Point = tuple[Fraction, ...]

SHORT = 1 << 64  # rows of such integers take exact programs that are soon done


def is_multiple(a: IntegerRow, b: IntegerRow) -> bool:
    """Is a a positive multiple of b?"""
    j = next((i for i, v in enumerate(b) if v), None)
    if j is None or a[j] * b[j] <= 0:
        return False
    return all(v * b[j] == w * a[j] for v, w in zip(a, b, strict=True))


def is_bounded(rows: list[IntegerRow]) -> bool:
    """Is a polyhedron without lines bounded? Unbounded iff along some direction no row
    decreases and their sum grows."""
    if axis_reach(rows) is not None:
        return True
    flat = [[*row[:-1], 0] for row in rows]
    total = [sum(column) for column in zip(*flat, strict=True)]
    return margin([*flat, [*total[:-1], -1]]).value < 0


def domain_is_bounded(compiled: Compiled) -> bool:
    """Has the domain, in the engine's coordinates, neither lines nor rays?"""
    pointed = all(wall < compiled.program.n_domain for wall in compiled.root)
    return pointed and is_bounded(compiled.root_rows)


def axis_reach(rows: list[IntegerRow]) -> Fraction | None:
    """A bound on the absolute values of the coordinates, where rows of one coordinate each, as
    those of a box, bound them all on both sides."""
    ends = {}
    for row in rows:
        axes = [j for j, v in enumerate(row[:-1]) if v]
        if len(axes) == 1:
            (j,) = axes
            ends[j, row[j] > 0] = abs(Fraction(row[-1], row[j]))
    return max(ends.values()) if len(ends) == 2 * len(rows[0]) - 2 else None


def reach(rows: list[IntegerRow]) -> float:
    """A bound on the absolute values of the coordinates of a polytope; 0 if none was found.

    Read off the rows of a box; else guessed in float64, a power of two, and proved: no point is
    beyond.
    """
    read = axis_reach(rows)
    if read is not None:
        rounded = quotient(read.numerator, read.denominator) * (1 + 2.0**-50)
        return max(1.0, rounded) if rounded < inf else 0.0
    from scipy.optimize import linprog

    scales = [max(map(abs, row)) for row in rows]
    table = np.array([[quotient(v, s) for v in row] for row, s in zip(rows, scales, strict=True)])
    dim = table.shape[1] - 1
    least = 1.0
    for j in range(dim):
        for sign in (1.0, -1.0):
            cost = np.zeros(dim)
            cost[j] = -sign
            found = linprog(cost, -table[:, :-1], table[:, -1], bounds=(None, None))
            least = max(least, -found.fun if found.fun is not None else 1.0)
    power = 1 << int(np.ceil(np.log2(least)))
    beyond = [
        [sign * int(i == j) for i in range(dim)] + [-2 * power]
        for j in range(dim)
        for sign in (1, -1)
    ]
    proved = all(margin([*rows, row]).value < 0 for row in beyond)
    return 2.0 * power if proved else 0.0


def interior_point(rows: list[IntegerRow]) -> Point | None:
    """A point at which ``row . (x, 1) > 0`` for all rows; None if there is none.

    A program in float64 guesses one, which integers confirm, or the few rows that leave no room,
    for which :func:`.rational.margin` takes a hundredth of the time that it takes for long integers
    of all. Of short ones it is as quick.
    """
    if max(abs(v) for row in rows for v in row) >= SHORT:
        point, tight = _guess(rows)
        if point is not None and all(dot_point(row, point) > 0 for row in rows):
            return point
        if tight and margin([rows[i] for i in tight]).value <= 0:
            return None
    best = margin(rows)
    return best.point if best.value > 0 else None


def _guess(rows: list[IntegerRow]) -> tuple[Point | None, list[int]]:
    """About the point that is farthest inside of all rows, and which rows hold it there."""
    from scipy.optimize import linprog

    table = scaled_table(rows)
    if not np.isfinite(table).all():
        return None, []
    dim = table.shape[1] - 1
    slack = np.hstack([-table[:, :-1], np.ones((len(rows), 1))])
    bounds = [(None, None)] * dim + [(None, 1.0)]
    found = linprog(np.append(np.zeros(dim), -1.0), slack, table[:, -1], bounds=bounds)
    if found.x is None or not np.isfinite(found.x).all():
        return None, []
    point = tuple(map(Fraction, found.x[:-1].tolist()))
    return point, np.flatnonzero(found.ineqlin.marginals).tolist()
