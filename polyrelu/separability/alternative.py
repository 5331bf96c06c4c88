"""Gordan's alternative, exactly: some u has ``g . u > 0`` for all rows g, or a combination of the
rows with weights >= 0, not all 0, vanishes (Gordan 1873).

A float64 linear program (HiGHS) proposes u, or which rows take part; integers decide. Where its
proposal does not hold, exact quadratic programs on a growing part of the rows do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from ..exact_program import nearest_point, scaled_table
from ..network import Array
from ..rational import IntegerRow, integer_row, primitive

MORE = 50  # violated rows that are taken in at once
SUPPORT = 1e-12  # smaller multipliers are taken for 0: a guess


@dataclass(frozen=True)
class Alternative:
    """One of the two.

    Attributes:
        direction: integers u, positive on all rows; or None.
        multipliers: row -> positive integer, a combination that vanishes; empty if there is a u.
    """

    direction: IntegerRow | None
    multipliers: dict[int, int]


def gordan(rows: Sequence[IntegerRow]) -> Alternative:
    """Decide the alternative for integer rows of the same length (at least one row).

    The cost is that of a float64 linear program, and of a linear system of as many rows as take
    part, in integers: at most one more than a row has entries.
    """
    zero = next((i for i, g in enumerate(rows) if not any(g)), None)
    if zero is not None:
        return Alternative(None, {zero: 1})
    matrix = fmpz_mat([list(g) for g in rows])
    scales = [max(map(abs, column)) or 1 for column in zip(*rows, strict=True)]
    table = _scaled(rows, scales)
    u, multipliers = _proposal(table)
    if u is not None:
        parts = [Fraction(float(v)) / s for v, s in zip(u, scales, strict=True)]
        direction = integer_row(parts)
        if _least(matrix, direction) > 0:
            return Alternative(direction, {})
    support = np.flatnonzero(multipliers > SUPPORT * multipliers.max(initial=0.0)).tolist()
    relation = _positive_relation([rows[i] for i in support])
    if relation is not None:
        return Alternative(None, dict(zip(support, relation, strict=True)))
    return _exactly(rows, matrix, support or [0])


def _scaled(rows: Sequence[IntegerRow], scales: list[int]) -> Array:
    """Rows and columns divided by their greatest entries, nearly."""
    bits = [s.bit_length() for s in scales]
    most = max(bits)
    leveled = [[v << (most - k) for v, k in zip(g, bits, strict=True)] for g in rows]
    return scaled_table([[*g, 0] for g in leveled])[:, :-1]


def _proposal(table: Array) -> tuple[Array | None, Array]:
    """From ``max t : g . u >= t, |u_j| <= 1``: u if t > 0, and the multipliers of the rows."""
    from scipy.optimize import linprog

    n, dim = table.shape
    nothing = np.zeros(n)
    if not np.isfinite(table).all():
        return None, nothing
    found = linprog(
        np.append(np.zeros(dim), -1.0),
        A_ub=np.hstack([-table, np.ones((n, 1))]),
        b_ub=nothing,
        bounds=[(-1.0, 1.0)] * dim + [(0.0, 1.0)],
        method="highs",
    )
    if found.x is None:
        return None, nothing
    u = found.x[:-1] if found.x[-1] > 0 else None
    return u, np.maximum(-found.ineqlin.marginals, 0.0)


def _least(matrix: fmpz_mat, direction: Sequence[int]) -> int:
    return min(int(v) for v in (matrix * fmpz_mat([[v] for v in direction])).entries())


def _positive_relation(rows: list[IntegerRow]) -> list[int] | None:
    """The relation between rows that have just one, if all its weights have one sign."""
    if not rows:
        return None
    basis, nullity = fmpz_mat(rows).transpose().nullspace()
    if nullity != 1:
        return None
    relation = primitive([int(basis[i, 0]) for i in range(len(rows))])
    if max(relation) < 0:
        relation = [-v for v in relation]
    return relation if min(relation) > 0 else None


def _exactly(rows: Sequence[IntegerRow], matrix: fmpz_mat, start: list[int]) -> Alternative:
    """The shortest u with ``g . u >= 1`` for some rows; those that it violates are taken in."""
    chosen = list(start)
    while True:
        found = nearest_point([[*rows[i], -1] for i in chosen], len(rows[0]), 2)
        if found.point is None:
            return Alternative(None, {chosen[k]: y for k, y in found.multipliers.items() if y})
        direction = integer_row(found.point)
        values = (matrix * fmpz_mat([[v] for v in direction])).entries()
        violated = sorted((int(v), i) for i, v in enumerate(values) if v <= 0)
        if not violated:
            return Alternative(direction, {})
        known = set(chosen)
        chosen += [i for _, i in violated if i not in known][:MORE]
