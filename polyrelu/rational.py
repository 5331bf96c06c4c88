"""Exact linear algebra over the rationals: what the float code falls back on.

Vectors and matrices are homogeneous integers where possible: a row ``(a, b)`` stands for the
affine form ``a . x + b``, a column ``(x, w)`` with ``w > 0`` for the point ``x / w``, with
``w = 0`` for a direction. Positive scaling changes nothing that matters here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from flint import fmpq, fmpz_mat, nmod_mat

IntegerRow = list[int]
ExactPoint = tuple[Fraction, ...]

PRIME = 2**61 - 1


def to_fraction(value: fmpq) -> Fraction:
    return Fraction(int(value.p), int(value.q))


def integer_row(values: Sequence[Fraction]) -> IntegerRow:
    """The smallest positive multiple of ``values`` that is integer and primitive."""
    scale = lcm(*(v.denominator for v in values)) if values else 1
    row = [v.numerator * (scale // v.denominator) for v in values]
    return primitive(row)


def primitive(row: Sequence[int]) -> IntegerRow:
    """``row`` divided by the greatest common divisor of its entries."""
    common = gcd(*row) if row else 1
    return [v // common for v in row] if common > 1 else list(row)


def rows_of(matrix: fmpz_mat) -> list[IntegerRow]:
    return [[int(v) for v in row] for row in matrix.table()]


def dot(row: Sequence[int], column: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(row, column, strict=True))


def inner(a: Iterable[Fraction], b: Iterable[Fraction]) -> Fraction:
    return sum((u * v for u, v in zip(a, b, strict=True) if u and v), Fraction(0))


def gram(vectors: Sequence[Sequence[Fraction]]) -> list[list[Fraction]]:
    """The inner products of vectors with each other."""
    return [[inner(u, v) for v in vectors] for u in vectors]


def identity_matrix(n: int) -> list[list[Fraction]]:
    return [[Fraction(int(i == j)) for j in range(n)] for i in range(n)]


def dot_point(row: Sequence[int], point: Sequence[Fraction]) -> Fraction:
    """The affine form ``row`` at a point."""
    return sum((a * x for a, x in zip(row, point, strict=False) if a), Fraction(row[-1]))


def null_space(rows: Sequence[IntegerRow], dim: int) -> list[IntegerRow]:
    """A basis, in primitive integers, of ``{x in Q^dim : row . x = 0 for all rows}``."""
    if not rows:
        return [[int(i == j) for i in range(dim)] for j in range(dim)]
    basis, nullity = fmpz_mat(rows).nullspace()
    table = rows_of(basis)
    return [primitive([table[i][j] for i in range(dim)]) for j in range(nullity)]


def independent(rows: Sequence[IntegerRow], dim: int) -> list[int]:
    """Indices of a maximal set of linearly independent rows, the first ones possible.

    What is independent modulo a prime is independent; so many there are at least. If there might
    be more, integers decide.
    """
    if all(row.count(0) >= dim - 1 for row in rows):  # as of a box, where elimination takes long
        return _different_axes(rows)
    chosen = _pivots(nmod_mat(dim, len(rows), _columns(rows, PRIME), PRIME))
    if len(chosen) == min(dim, len(rows)) or len(chosen) == fmpz_mat([*rows]).rank():
        return chosen
    return _pivots(fmpz_mat(dim, len(rows), _columns(rows)))


def _different_axes(rows: Sequence[IntegerRow]) -> list[int]:
    """Of rows with one entry each that is not 0: the first along each axis."""
    first: dict[int, int] = {}
    for i, row in enumerate(rows):
        axis = _axis(row)
        if axis is not None:
            first.setdefault(axis, i)
    return list(first.values())


def _axis(row: Sequence[int]) -> int | None:
    """Where the first entry is that is not 0."""
    return next((j for j, v in enumerate(row) if v), None)


def _columns(rows: Sequence[IntegerRow], modulus: int | None = None) -> list[int]:
    flat = [v for column in zip(*rows, strict=True) for v in column]
    return flat if modulus is None else [v % modulus for v in flat]


def _pivots(matrix: nmod_mat | fmpz_mat) -> list[int]:
    """Where the rows of its reduced echelon form begin."""
    reduced, *_, rank = matrix.rref()
    pivots: list[int] = []
    j = 0
    for r in range(rank):
        while reduced[r, j] == 0:
            j += 1
        pivots.append(j)
    return pivots


@dataclass(frozen=True)
class Margin:
    """How far a system ``a_i . x <= b_i`` is from having no solution.

    Attributes:
        value: max of t <= 1 such that some x has ``a_i . x + t <= b_i`` for all i.
            Positive: the polyhedron has an interior point. Zero: it is flat. Negative: empty.
        multipliers: the optimal dual vector, one nonnegative number per row. If ``value`` is
            0, a row with a positive multiplier holds with equality on the whole polyhedron;
            if negative, they are a Farkas certificate: sum of y_i a_i = 0, sum of y_i b_i < 0.
        point: an x that attains ``value``.
    """

    value: Fraction
    multipliers: tuple[Fraction, ...]
    point: tuple[Fraction, ...]


def margin(rows: Sequence[IntegerRow], weak: frozenset[int] = frozenset()) -> Margin:
    """Solve ``max t : g . (x, 1) >= t, t <= 1`` exactly, by the simplex method on the dual.

    Args:
        rows: g = (-a, b), so that ``g . (x, 1) = b - a . x``; all of the same length.
        weak: rows that need only be >= 0.

    Raises:
        ValueError: no point satisfies the weak rows.

    The dual ``min b . y + u : A' y = 0, sum y + u = 1, y, u >= 0`` starts from the feasible
    basis u = 1; Bland's rule makes it end on degenerate input too.
    """
    m, n = len(rows), len(rows[0]) - 1
    # Tableau rows: [A' y = 0 (n rows)], [sum y + u = 1]; columns: y (m), u, right-hand side.
    table = [[fmpq(-g[j]) for g in rows] + [fmpq(0), fmpq(0)] for j in range(n)]
    table.append([fmpq(int(i not in weak)) for i in range(m + 2)])
    cost = [fmpq(g[n]) for g in rows] + [fmpq(1), fmpq(0)]
    basis: list[int | None] = [None] * n + [m]
    _eliminate(cost, table[n], cost[m])
    for r in range(n):  # the right-hand side is 0: any pivot keeps the basis feasible
        column = next((j for j in range(m) if table[r][j] != 0), None)
        if column is not None:
            _pivot(table, cost, basis, r, column)
    while True:
        enter = next((j for j in range(m + 1) if cost[j] < 0), None)
        if enter is None:
            break
        leave = _leaving_row(table, basis, enter)
        _pivot(table, cost, basis, leave, enter)
    y = [Fraction(0)] * (m + 1)
    for r, j in enumerate(basis):
        if j is not None:
            y[j] = to_fraction(table[r][-1])
    value = to_fraction(-cost[-1])
    return Margin(value, tuple(y[:m]), _primal_point(rows, weak, value, cost, n))


def _leaving_row(table: list[list[fmpq]], basis: list[int | None], enter: int) -> int:
    rows = [r for r, j in enumerate(basis) if j is not None and table[r][enter] > 0]
    if not rows:
        raise ValueError("no point satisfies the weak rows")
    ratio = min(table[r][-1] / table[r][enter] for r in rows)
    ties = [r for r in rows if table[r][-1] / table[r][enter] == ratio]
    return min(ties, key=lambda r: basis[r] or 0)


def _eliminate(target: list[fmpq], pivot_row: list[fmpq], factor: fmpq) -> None:
    if factor != 0:
        for j, v in enumerate(pivot_row):
            if v != 0:
                target[j] -= factor * v


def _pivot(
    table: list[list[fmpq]], cost: list[fmpq], basis: list[int | None], r: int, column: int
) -> None:
    lead = table[r][column]
    table[r] = [v / lead for v in table[r]]
    for i, row in enumerate(table):
        if i != r:
            _eliminate(row, table[r], row[column])
    _eliminate(cost, table[r], cost[column])
    basis[r] = column


def _primal_point(
    rows: Sequence[IntegerRow], weak: frozenset[int], value: Fraction, cost: list[fmpq], n: int
) -> tuple[Fraction, ...]:
    """A solution of ``b_i - a_i . x - t = reduced cost i``, which the dual optimum fixes; without
    t for weak rows."""
    system = []
    for i, (g, reduced) in enumerate(zip(rows, cost, strict=False)):
        rest = Fraction(g[n]) - (0 if i in weak else value) - to_fraction(reduced)
        system.append(integer_row([*(Fraction(v) for v in g[:n]), rest]))
    solution = solve_affine(system, n)
    assert solution is not None, "an optimal dual basis has a primal solution"
    return solution


def solve_affine(rows: Sequence[IntegerRow], dim: int) -> tuple[Fraction, ...] | None:
    """One x with ``g . (x, 1) = 0`` for every row g, free coordinates 0; None if none is."""
    if not rows:
        return (Fraction(0),) * dim
    if all(row.count(0) - (row[-1] == 0) >= dim - 1 for row in rows):
        return _solve_axes(rows, dim)
    reduced, _, rank = fmpz_mat(rows).rref()
    x = [Fraction(0)] * dim
    for r in range(rank):
        row = [int(reduced[r, j]) for j in range(dim + 1)]
        lead = next(j for j, v in enumerate(row) if v)
        if lead == dim:
            return None
        x[lead] = Fraction(-row[dim], row[lead])
    return tuple(x)


def _solve_axes(rows: Sequence[IntegerRow], dim: int) -> tuple[Fraction, ...] | None:
    """As :func:`solve_affine`, where each row has one coordinate at most."""
    x: list[Fraction | None] = [None] * dim
    for row in rows:
        axis = _axis(row)
        if axis == dim:
            return None
        if axis is not None:
            value = Fraction(-row[dim], row[axis])
            if x[axis] not in (None, value):
                return None
            x[axis] = value
    return tuple(Fraction(0) if v is None else v for v in x)


def rank(rows: Sequence[IntegerRow]) -> int:
    return int(fmpz_mat([list(row) for row in rows]).rank()) if rows else 0
