"""LS0, LS1, LS2, ball and directional measure: known values, brute force, invariance."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pointsets import (
    along,
    chamber_directions,
    differences,
    exact_best,
    lp_ls1,
    nasty_sets,
    pair_score,
)

import polyrelu as pr
from polyrelu.separability import ls1 as ls1_module
from polyrelu.separability.chambers import chambers_of
from polyrelu.separability.cones import ConeSearch
from polyrelu.separability.gauge import gauge
from polyrelu.separability.points import point_sets

XOR = ([[0, 0], [1, 1]], [[0, 1], [1, 0]])
LS = {"LS0": pr.ls0, "LS1": pr.ls1, "LS2": pr.ls2}
random_sets = given(st.randoms(use_true_random=False), st.integers(1, 3))


def gaussian(seed: int, n: int, dim: int, gap: float = 0.3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, dim)) + gap, rng.normal(size=(n + 2, dim))


# --- known values ---------------------------------------------------------------------------------


def test_xor():
    assert pr.ls0(*XOR).exact == Fraction(1, 2)
    assert 2 * pr.ls0(*XOR).exact - 1 == 0
    assert pr.ls1(*XOR).exact == 0
    assert pr.ls2(*XOR).low == 0
    assert pr.ls2(*XOR).high < 1e-9
    assert pr.ball_degree(*XOR).exact == 0
    assert pr.directional_separability(*XOR).exact == Fraction(1, 2)


def test_touching_sets_have_ls1_one_but_are_not_separable():
    a, b = [[0, 0], [1, 0], [0, 3]], [[0, 0], [-1, 2]]
    assert not pr.is_linearly_separable(a, b)
    assert pr.ls1(a, b).exact == 1
    assert pr.ls2(a, b).exact == 1
    assert pr.ls0(a, b).exact < 1
    assert pr.ball_degree(a, b).exact == 0


def test_by_hand_on_a_line():
    a, b = [[1], [4]], [[0], [3], [3]]  # differences 1, -2, -2, 4, 1, 1
    assert pr.ls0(a, b).exact == Fraction(4, 6)
    assert pr.ls1(a, b).exact == Fraction(3, 11)
    assert pr.ls2(a, b).exact == Fraction(1 - 4 - 4 + 16 + 1 + 1, 27)
    assert pr.directional_separability(a, b).exact == Fraction(2, 3)
    assert pr.directional_separability(b, a).exact == Fraction(1, 2)


def test_directions_closer_than_float64_can_tell_are_in_order():
    far = 2**52
    a, b = [[far, 1], [far, 3], [-far, -5]], [[0, 0]]
    assert pr.ls0(a, b).exact == 1  # between the second and the third there is room
    assert pr.ls0([*a, [far, 6]], b).exact == Fraction(3, 4)
    assert pr.directional_separability(b, a).exact == 0


def test_a_point_of_both_sets_is_never_left_out():
    assert pr.directional_separability([[0], [1]], [[0], [0], [2]]).exact == Fraction(2, 3)


def test_ball_of_two_perpendicular_differences():
    degree = pr.ball_degree([[0, 0]], [[-1, 0], [0, -1]])
    assert degree.low <= 1 - np.sqrt(0.5) <= degree.high
    assert degree.high - degree.low < 1e-12
    assert pr.ball_degree([[5]], [[1], [2]]).exact == 1


# --- against all pairs ----------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@random_sets
def test_the_direction_attains_low_by_all_pairs(rng, dim):
    a, b = nasty_sets(rng, dim, most=4)
    for name, measure in LS.items():
        found = measure(a, b)
        assert 0 <= found.low <= found.high <= 1
        if found.direction is not None:
            value = pair_score(name, found.direction, a, b)
            assert found.exact in (None, value)
            assert found.low <= value <= found.high
    inside = pr.directional_separability(a, b)
    if inside.direction is not None and any(inside.direction):
        least = min(along(inside.direction, x) for x in a)
        held = sum(along(inside.direction, x) >= least for x in b)
        assert inside.exact == Fraction(held, len(b))


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(1, 2))
def test_in_the_plane_no_direction_is_better(rng, dim):
    a, b = nasty_sets(rng, dim, most=4)
    ways = [w for w in chamber_directions(a, b) if any(w)]
    for name, measure in LS.items():
        found = measure(a, b)
        best = max((pair_score(name, w, a, b) for w in ways), default=Fraction(0))
        if name == "LS2":
            assert best <= Fraction(found.high)
        else:
            assert found.exact == best
    held = [
        Fraction(sum(along(w, x) >= min(along(w, y) for y in a) for x in b), len(b)) for w in ways
    ]
    assert pr.directional_separability(a, b).exact == min(held, default=Fraction(1))


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(3, 4))
def test_ls0_is_the_largest_part_in_an_open_half_space(rng, dim):
    a, b = nasty_sets(rng, dim, most=3)
    assert pr.ls0(a, b).exact == exact_best(a, b)


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_ls1_is_the_linear_program(rng, dim):
    a, b = nasty_sets(rng, dim)
    if any(not isinstance(v, int) for x in (*a, *b) for v in x):
        return  # beyond the tolerances of the float program
    found = pr.ls1(a, b)
    assert found.high - found.low < 1e-9
    assert found.value == pytest.approx(lp_ls1(a, b), abs=1e-7)


@pytest.mark.parametrize(("n", "dim"), [(20, 2), (30, 5), (25, 12)])
def test_ls1_of_gaussian_sets_is_exact(n, dim):
    a, b = gaussian(n, n, dim)
    found = pr.ls1(a, b)
    assert found.exact == pair_score("LS1", found.direction, a, b)
    assert float(found.exact) == pytest.approx(lp_ls1(a, b), abs=1e-9)


def test_ls1_bounds_hold_where_no_vertex_is_found(monkeypatch):
    """What the smoothed weights prove, beside the exact optimum."""
    a, b = gaussian(1, 60, 6)
    exact = pr.ls1(a, b).exact
    monkeypatch.setattr(ls1_module._Search, "_vertex", lambda self: False)
    for gap in (1e-2, 1e-5, 0.0):
        found = pr.ls1(a, b, gap=gap)
        assert found.exact is None
        assert found.low <= exact <= found.high
        assert found.high - found.low <= max(gap, 1e-11)
    stopped = pr.ls1(a, b, limits=pr.Limits(seconds=1e-9))
    assert "seconds" in stopped.method
    assert stopped.low <= exact <= stopped.high


def test_a_wrong_vertex_is_not_believed(monkeypatch):
    """Without Newton's method the pairs within the band are any."""
    a, b = gaussian(1, 30, 3)
    exact = pr.ls1(a, b).exact
    monkeypatch.setattr("polyrelu.separability.smoothing.NEWTON", 0)
    found = pr.ls1(a, b)
    assert found.exact is None
    assert found.low < exact < found.high


def test_copies_of_points_count_as_often_as_there_are(monkeypatch):
    a, b = gaussian(4, 8, 3)
    a, b = np.repeat(a, [1, 9, 1, 4, 1, 1, 2, 1], axis=0), np.repeat(b, [3] * 5 + [1] * 5, axis=0)
    b[:5] = a[:5]
    found = pr.ls1(a, b)
    assert found.exact == pair_score("LS1", found.direction, a, b)
    assert float(found.exact) == pytest.approx(lp_ls1(a, b), abs=1e-9)
    monkeypatch.setattr(ls1_module._Search, "_vertex", lambda self: False)
    bounds = pr.ls1(a, b)
    assert bounds.low <= found.exact <= bounds.high
    assert bounds.high - bounds.low < 1e-9


def test_a_million_pairs_that_are_zero_cost_nothing():
    """As of a layer that is off on half of each class."""
    a, b = gaussian(0, 1500, 10)
    a[:1000], b[:1000] = 0, 0
    found = pr.ls1(a, b)
    assert found.exact is not None
    assert found.stats["steps"] < 500
    assert found.stats["seconds"] < 20


def test_ls1_of_thousands_of_points():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(1000, 20)) + 0.2, rng.normal(size=(1200, 20))
    found = pr.ls1(a, b)
    assert found.exact is not None
    assert found.stats["seconds"] < 30


@pytest.mark.parametrize(("n", "dim"), [(15, 2), (6, 3), (4, 4)])
def test_ls2_by_many_directions(n, dim):
    a, b = gaussian(n, n, dim)
    found = pr.ls2(a, b)
    assert found.high - found.low < 1e-9
    m = np.array(differences(a, b), dtype=float)
    w = np.random.default_rng(0).normal(size=(100_000, dim))
    t = w @ m.T
    best = ((np.sign(t) * t**2).sum(axis=1) / (t**2).sum(axis=1)).max()
    assert best <= found.high
    assert best > found.low - 0.02


def test_ls2_is_an_eigenvalue_in_its_own_chamber():
    a, b = gaussian(3, 5, 3)
    found = pr.ls2(a, b)
    w = np.array([float(v) for v in found.direction])
    m = np.array(differences(a, b), dtype=float)
    form = (m.T * np.sign(m @ w)) @ m
    assert np.allclose(form @ w, found.low * (m.T @ m) @ w, rtol=1e-5, atol=1e-9 * np.abs(w).max())


# --- bounds where nothing is enumerated -----------------------------------------------------------


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(2, 3))
def test_cones_bracket_the_optimum(rng, dim):
    a, b = nasty_sets(rng, dim, most=4)
    sets = point_sets(a, b)
    if sets.rank == 0:
        return
    best = pr.ls0(a, b).exact * sets.n_pairs
    search = ConeSearch(sets, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("polyrelu.separability.cones.NODES", 60)
        found = search.run([1] * sets.rank)
    assert found.low <= best <= found.high


@pytest.mark.parametrize("seed", range(4))
def test_bounds_hold_beside_the_exact_value(seed, monkeypatch):
    a, b = gaussian(seed, 7, 3)
    exact = {name: measure(a, b) for name, measure in LS.items()}
    inside = pr.directional_separability(a, b).exact
    for module in ("ls0", "ls2", "directional"):
        monkeypatch.setattr(f"polyrelu.separability.{module}.chambers_of", lambda *_: None)
    for cones in (True, False):
        monkeypatch.setattr(ConeSearch, "possible", property(lambda self, yes=cones: yes))
        found = pr.ls0(a, b)
        assert found.low <= exact["LS0"].exact <= found.high < 1
    found = pr.ls2(a, b)
    assert found.low <= exact["LS2"].high
    assert exact["LS2"].low <= found.high < 1
    assert found.low > exact["LS2"].low - 1e-9, "the iteration finds the best of small sets"
    held = pr.directional_separability(a, b)
    assert held.low <= inside <= held.high


def test_gauge_bounds_what_a_difference_can_have():
    a, b = gaussian(5, 12, 4)
    sets = point_sets(a, b)
    m = np.array(differences(a, b), dtype=float)
    t = np.abs(np.random.default_rng(0).normal(size=(20_000, 4)) @ m.T)
    parts = np.sort((t / t.sum(axis=1, keepdims=True)).max(axis=0))[::-1]
    assert (parts <= gauge(sets).parts).all()


def test_limits_bound_the_chambers():
    a, b = gaussian(0, 8, 3)
    assert pr.ls0(a, b).exact is not None
    assert chambers_of(point_sets(a, b), pr.Limits(regions=5)) is None
    assert pr.ls2(a, b, limits=pr.Limits(regions=5)).exact is None


# --- what does not change -------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_linear_maps_and_translations_change_nothing(rng, dim):
    """Also into more dimensions (C4.2). In integers, so that nothing is rounded."""
    a, b = nasty_sets(rng, dim, most=3)
    if any(not isinstance(v, int) for x in (*a, *b) for v in x):
        return
    more = rng.randint(dim, dim + 1)
    unit = [[rng.randint(1, 2) if i == j else rng.randint(-2, 2) if i < j else 0
             for j in range(dim)] for i in range(more)]  # fmt: skip
    rng.shuffle(unit)
    shift = [rng.randint(-9, 9) for _ in range(more)]

    def moved(points):
        return [
            [sum(u * v for u, v in zip(row, x, strict=True)) + s
             for row, s in zip(unit, shift, strict=True)]
            for x in points
        ]  # fmt: skip

    for measure in (*LS.values(), pr.directional_separability):
        one, other = measure(a, b), measure(moved(a), moved(b))
        assert one.exact == other.exact or measure is pr.ls2
        assert one.low <= other.high
        assert other.low <= one.high


@settings(deadline=None, max_examples=40)
@random_sets
def test_separable_sets_and_no_others_have_a_ball_below_one(rng, dim):
    """C4.3; and LS0 is 1, the directional measure 0."""
    a, b = nasty_sets(rng, dim, most=4)
    yes = pr.is_linearly_separable(a, b).proved
    ball = pr.ball_degree(a, b)
    assert (ball.exact == 0) == (not yes)
    assert (pr.ls0(a, b).exact == 1) == yes
    assert (pr.directional_separability(a, b).exact == 0) == yes


@pytest.mark.parametrize("seed", range(6))
def test_ball_against_all_unit_differences(seed):
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 6))
    a, b = rng.normal(size=(12, dim)) + 4, rng.normal(size=(9, dim))
    degree = pr.ball_degree(a, b)
    m = np.array(differences(a, b), dtype=float)
    u = m / np.linalg.norm(m, axis=1, keepdims=True)
    # Badoiu and Clarkson's iteration towards the centre of the smallest ball.
    centre = u.mean(axis=0)
    for k in range(1, 20_000):
        centre += (u[np.linalg.norm(u - centre, axis=1).argmax()] - centre) / (k + 1)
    radius = np.linalg.norm(u - centre, axis=1).max()
    assert degree.low <= 1 - radius + 1e-3
    assert 1 - radius <= degree.high
    assert degree.high - degree.low < 1e-9 or dim == 1
    w = np.array([float(v) for v in degree.direction])
    assert (u @ w).min() / np.linalg.norm(w) == pytest.approx(
        np.sqrt(1 - (1 - degree.low) ** 2), abs=1e-7
    )


def test_ls0_is_the_best_area_under_the_curve():
    metrics = pytest.importorskip("sklearn.metrics")
    a, b = gaussian(2, 30, 2)
    found = pr.ls0(a, b)
    w = np.array([float(v) for v in found.direction])
    truth = np.repeat([1, 0], [len(a), len(b)])
    area = metrics.roc_auc_score(truth, np.concatenate([a @ w, b @ w]))
    assert area == pytest.approx(float(found.exact))


def test_fractions_are_welcome():
    a, b = [[Fraction(1, 3), Fraction(0)]], [[Fraction(0), Fraction(1, 7)], [Fraction(2, 3), 0]]
    assert pr.ls0(a, b).exact == 1
    assert pr.ls1([[Fraction(1, 3)], [1]], [[Fraction(2, 3)]]).exact == 0
    assert pr.ball_degree([[Fraction(1, 3), 0]], [[0, Fraction(1, 3)]]).exact == 1


def test_measures_print_and_go_into_json():
    import json

    found = pr.ls1([[1], [4]], [[0], [3], [3]])
    assert repr(found) == "LS1 = 3/11 (an optimal vertex, proved by its dual)"
    again = json.loads(json.dumps(found.to_dict()))
    assert again["exact"] == "3/11"
    assert again["low"] <= 3 / 11 <= again["high"]
    assert "LS2 in [" in repr(pr.ls2(*gaussian(0, 5, 2)))
