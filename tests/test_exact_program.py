"""The nearest point of a polyhedron: against its own dual, scipy and cddlib."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from polyrelu import exact_program
from polyrelu.exact_program import NORMS, Nearest, dual_bound, length, nearest_point
from polyrelu.rational import dot_point


def rows_of(rng, dim: int) -> list[list[int]]:
    """Small integers, so that much is degenerate; repeated, opposite, zero and huge rows."""
    size = rng.choice([1, 2, 5, 10**6])
    rows = []
    for _ in range(rng.randint(1, 10)):
        kind = rng.random()
        if kind < 0.15 and rows:
            sign = rng.choice([1, -1, 3, 10**30])
            rows.append([sign * v for v in rng.choice(rows)])
        elif kind < 0.2:
            rows.append([0] * dim + [rng.choice([-1, 0, 1])])
        else:
            normal = [rng.randint(-size, size) for _ in range(dim)]
            rows.append([*normal, rng.randint(-size, size if kind < 0.5 else 0)])
    return rows


def checked(rows: list[list[int]], dim: int, norm: float) -> Nearest:
    """The answer, once it is proved: feasible, at that distance, and not to be bettered."""
    found = nearest_point(rows, dim, norm)
    if found.distance is None:
        assert found.point is None
        assert dual_bound(rows, found.multipliers, norm) is None
    else:
        assert all(dot_point(g, found.point) >= 0 for g in rows)
        assert length(found.point, norm) == found.distance
        assert dual_bound(rows, found.multipliers, norm) == found.distance
    return found


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_primal_and_dual_agree_exactly(rng, dim):
    rows = rows_of(rng, dim)
    found = [checked(rows, dim, norm) for norm in NORMS]
    assert len({f.distance is None for f in found}) == 1
    one, two, most = (f.distance for f in found)
    if one is not None:
        assert most**2 <= two <= one**2


@settings(deadline=None, max_examples=100)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_exact_methods_need_no_guess(rng, dim):
    """From a useless start they come to the same end."""
    rows = rows_of(rng, dim)
    guessed = [nearest_point(rows, dim, norm).distance for norm in NORMS]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_program._Euclidean, "_guess", lambda self: [])
        patch.setattr(exact_program._Simplex, "_guess", lambda self: (list(self.start), None))
        assert [checked(rows, dim, norm).distance for norm in NORMS] == guessed


def test_a_wrong_guess_is_not_believed(monkeypatch):
    both = [[1, 0, -1], [0, 1, -1], [1, 1, -4]]  # the third is a combination of the others
    monkeypatch.setattr(exact_program._Euclidean, "_guess", lambda self: [0, 1])
    assert nearest_point(both, 2, 2).point == (2, 2)
    rows = [[1, 0, -1], [0, 1, -1], [-1, -1, 10], [-1, 0, 5]]
    for guess in ([0, 3], [3], [2, 3], [0, 1, 2], [0]):
        monkeypatch.setattr(exact_program._Euclidean, "_guess", lambda self, g=guess: list(g))
        assert nearest_point(rows, 2, 2).point == (1, 1)
    for guess in combinations(range(9), 3):
        monkeypatch.setattr(exact_program._Simplex, "_guess", lambda self, g=guess: (list(g), 1))
        assert nearest_point(rows, 2, inf).distance == 1


@pytest.mark.parametrize("seed", range(20))
def test_scipy_agrees(seed):
    rng = np.random.default_rng(seed)
    dim, m = int(rng.integers(1, 6)), int(rng.integers(1, 15))
    table = rng.integers(-9, 10, size=(m, dim + 1))
    rows = table.tolist()
    A, b = table[:, :-1], table[:, -1]
    whole = np.hstack([A, -A])
    one = linprog(np.ones(2 * dim), -whole, b)
    size = np.hstack([A, np.zeros((m, 1))])
    sides = np.hstack([np.vstack([np.eye(dim), -np.eye(dim)]), -np.ones((2 * dim, 1))])
    most = linprog(
        np.eye(dim + 1)[dim], np.vstack([-size, sides]), np.concatenate([b, np.zeros(2 * dim)]),
        bounds=[(None, None)] * dim + [(0, None)],
    )  # fmt: skip
    for theirs, norm in ((one, 1), (most, inf)):
        ours = checked(rows, dim, norm)
        assert (ours.distance is None) == (theirs.status == 2)
        if ours.distance is not None:
            assert float(ours.distance) == pytest.approx(theirs.fun, abs=1e-7)


@pytest.mark.parametrize("seed", range(20))
def test_cddlib_agrees(seed):
    """An exact linear program by other code, to the last digit."""
    gmp = pytest.importorskip("cdd.gmp")
    cdd = pytest.importorskip("cdd")
    rng = np.random.default_rng(seed)
    dim, m = int(rng.integers(1, 4)), int(rng.integers(1, 8))
    rows = rng.integers(-3, 4, size=(m, dim + 1)).tolist()
    found = checked(rows, dim, inf)
    # Variables u and t: b + a . u >= 0 and t +- u_j >= 0; minimise t.
    table = [[Fraction(g[-1]), *map(Fraction, g[:-1]), Fraction(0)] for g in rows]
    for j in range(dim):
        for sign in (1, -1):
            table.append(
                [Fraction(0), *(Fraction(sign * (i == j)) for i in range(dim)), Fraction(1)]
            )
    program = gmp.linprog_from_array(
        [*table, [Fraction(0)] * (dim + 1) + [Fraction(1)]], obj_type=cdd.LPObjType.MIN
    )
    gmp.linprog_solve(program)
    if found.distance is None:
        assert program.status == cdd.LPStatusType.INCONSISTENT
    else:
        assert program.obj_value == found.distance


def test_by_hand():
    half = [[1, 1, -2]]  # u + v >= 2
    assert nearest_point(half, 2, 2) == Nearest(Fraction(2), (1, 1), {0: 1})
    assert nearest_point(half, 2, inf).distance == 1
    assert nearest_point(half, 2, 1).distance == 2
    assert nearest_point([[1, 0, 3], [0, 0, 0]], 2, 2) == Nearest(Fraction(0), (0, 0), {})
    for norm in NORMS:
        assert nearest_point([[1, -1], [-1, 0]], 1, norm).distance is None
        assert nearest_point([[0, 0, -1]], 2, norm).multipliers == {0: 1}


@pytest.mark.filterwarnings("error")
def test_numbers_beyond_float64():
    for norm in NORMS:  # rows that hold by far, and one that hardly does not
        assert checked([[1, 10**200], [10**200, -1]], 1, norm).point == (Fraction(1, 10**200),)
    rows = [[10**400, 0, -(10**401)], [0, 1, -(10**320)], [-1, 0, 10**330]]
    for norm, expected in ((1, 10 + 10**320), (2, 100 + 10**640), (inf, 10**320)):
        assert checked(rows, 2, norm).distance == expected
