"""Exact linear algebra and the exact LP: every answer is checked by its own certificate."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from polyrelu.rational import (
    dot,
    independent,
    integer_row,
    margin,
    null_space,
    primitive,
    solve_affine,
)


def random_rows(choose: Random, count: int, columns: int, high: int = 4) -> list[list[int]]:
    return [[choose.randint(-high, high) for _ in range(columns)] for _ in range(count)]


# ---------------------------------------------------------------- rows


@given(st.lists(st.fractions(), min_size=1, max_size=5))
@settings(deadline=None)
def test_integer_row_is_a_positive_multiple_without_a_common_divisor(values):
    row = integer_row(values)
    assert all(isinstance(v, int) for v in row)
    assert primitive(row) == row
    i = next((i for i, v in enumerate(values) if v), None)
    if i is None:
        assert not any(row)
        return
    factor = row[i] / values[i]
    assert factor > 0
    assert [factor * v for v in values] == row


def test_primitive_keeps_the_signs():
    assert primitive([-6, 0, 9]) == [-2, 0, 3]
    assert primitive([0, 0]) == [0, 0]
    assert primitive([]) == []
    assert primitive([-7]) == [-1]


@pytest.mark.parametrize("seed", range(40))
def test_null_space_is_a_basis_of_the_kernel(seed):
    choose = Random(seed)
    dim, count = choose.randint(1, 6), choose.randint(0, 6)
    rows = random_rows(choose, count, dim, high=choose.choice([1, 3, 10**20]))
    if rows and choose.random() < 0.5:
        rows.append([2 * a - b for a, b in zip(rows[0], rows[-1], strict=True)])
    basis = null_space(rows, dim)
    rank = fmpz_mat(rows).rank() if rows else 0
    assert len(basis) == dim - rank
    assert not basis or fmpz_mat(basis).rank() == len(basis)
    assert all(dot(row, x) == 0 for row in rows for x in basis)
    assert all(primitive(x) == x for x in basis)


@pytest.mark.parametrize("seed", range(40))
def test_solve_affine_finds_a_point_or_proves_that_there_is_none(seed):
    choose = Random(seed)
    dim, count = choose.randint(1, 5), choose.randint(0, 6)
    rows = random_rows(choose, count, dim + 1, high=2)
    x = solve_affine(rows, dim)
    if x is None:  # Rouché-Capelli
        assert fmpz_mat(rows).rank() > fmpz_mat([g[:-1] for g in rows]).rank()
    else:
        assert len(x) == dim
        assert all(sum(a * v for a, v in zip(g, [*x, 1], strict=True)) == 0 for g in rows)


def rows_along_axes(choose: Random, count: int, dim: int) -> list[list[int]]:
    """Of one coordinate each, or none."""
    rows = []
    for _ in range(count):
        row = [0] * dim + [choose.randint(-1, 1)]
        row[choose.randrange(dim)] = choose.choice([-2, -1, 0, 1, 1, 2])
        rows.append(row)
    return rows


def turned(rows: list[list[int]], width: int) -> list[list[int]]:
    """In other coordinates, where no row is of one alone; a constant stays."""
    shear = [[1 + int(i == j) for j in range(width)] for i in range(width)]
    return [
        [sum(g[i] * shear[i][j] for i in range(width)) for j in range(width)] + g[width:]
        for g in rows
    ]


@pytest.mark.parametrize("seed", range(60))
def test_rows_along_axes_are_as_other_rows(seed):
    choose = Random(seed)
    dim, count = choose.randint(2, 5), choose.randint(1, 7)
    rows = rows_along_axes(choose, count, dim)
    linear = [g[:-1] for g in rows]
    assert independent(linear, dim) == independent(turned(linear, dim), dim)
    x, other = solve_affine(rows, dim), solve_affine(turned(rows, dim), dim)
    assert (x is None) == (other is None)
    if x is not None:
        assert all(sum(a * v for a, v in zip(g, [*x, 1], strict=True)) == 0 for g in rows)


# ---------------------------------------------------------------- the margin of a system


def check_certificates(rows: list[list[int]]) -> Fraction:
    """``margin`` proves its value twice: a point attains it, multipliers bound it."""
    best = margin(rows)
    slacks = [sum(a * v for a, v in zip(g, [*best.point, 1], strict=True)) for g in rows]
    assert min([*slacks, Fraction(1)]) == best.value
    y = best.multipliers
    assert len(y) == len(rows)
    assert all(v >= 0 for v in y)
    rest = 1 - sum(y)
    assert rest >= 0
    for j in range(len(rows[0]) - 1):
        assert sum(v * g[j] for v, g in zip(y, rows, strict=True)) == 0
    assert sum(v * g[-1] for v, g in zip(y, rows, strict=True)) + rest == best.value
    return best.value


def float_margin(rows: list[list[int]]) -> float:
    table = np.array(rows, dtype=float)
    left = np.hstack([-table[:, :-1], np.ones((len(rows), 1))])
    n = table.shape[1] - 1
    found = linprog(
        [*np.zeros(n), -1.0], A_ub=left, b_ub=table[:, -1], bounds=[(None, None)] * n + [(None, 1)]
    )
    assert found.status == 0
    return float(found.x[-1])


@pytest.mark.parametrize("seed", range(80))
def test_margin_against_its_certificates_and_scipy(seed):
    choose = Random(seed)
    columns = choose.randint(2, 6)
    rows = random_rows(choose, choose.randint(1, 10), columns, high=choose.choice([1, 2, 9]))
    if choose.random() < 0.3:  # opposite rows: flat or empty
        rows.append([-v for v in rows[0]])
        rows[-1][-1] -= choose.choice([0, 0, 1])
    value = check_certificates(rows)
    assert float(value) == pytest.approx(float_margin(rows), abs=1e-7)


@pytest.mark.parametrize(
    ("rows", "value"),
    [
        ([[1, 0]], 1),  # x >= 0: as much room as one asks for
        ([[1, 0], [-1, 1]], Fraction(1, 2)),  # 0 <= x <= 1
        ([[1, 0], [-1, 0]], 0),  # x = 0
        ([[1, 0], [-1, -1]], Fraction(-1, 2)),  # x >= 0 and x <= -1
        ([[0, -3]], -3),
        ([[0, 0, 5], [0, 0, 2]], 1),
        ([[10**40, -1], [-(10**40), 1]], 0),
    ],
)
def test_margins_known_by_hand(rows, value):
    assert check_certificates(rows) == value


def test_a_row_with_a_multiplier_is_an_equality_where_the_margin_is_zero():
    rows = [[1, 0, 0], [-1, 0, 0], [0, 1, 5]]
    best = margin(rows)
    assert best.value == 0
    assert best.multipliers[0] > 0
    assert best.multipliers[1] > 0
    assert best.multipliers[2] == 0


def test_bland_rule_ends_on_many_rows_through_one_point():
    """Degenerate: every basis is at the origin."""
    choose = Random(3)
    rows = [[*r, 0] for r in random_rows(choose, 25, 4, high=2)]
    assert check_certificates(rows) in (0, 1)


def test_margin_with_rows_that_need_only_hold_weakly():
    """x >= 0 and -x >= 0 leave the origin: there 1 - y >= t, y >= t has t = 1/2."""
    rows = [[1, 0, 0], [-1, 0, 0], [0, -1, 1], [0, 1, 0]]
    best = margin(rows, frozenset({0, 1}))
    assert best.value == Fraction(1, 2)
    assert best.point == (0, Fraction(1, 2))
    assert margin(rows).value == 0
    with pytest.raises(ValueError, match="no point satisfies the weak rows"):
        margin([[1, -2], [-1, 1], [1, 0]], frozenset({0, 1}))
