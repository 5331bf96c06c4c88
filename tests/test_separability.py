"""Linear separability: proofs checked by fractions, scipy's verdict, touching sets, bad input."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pointsets import lp_separable, nasty_sets

import polyrelu as pr
from polyrelu.rational import integer_row, margin
from polyrelu.separability import alternative
from polyrelu.separability.alternative import gordan
from polyrelu.verify import VerificationError, check_separability

XOR = ([[0, 0], [1, 1]], [[0, 1], [1, 0]])
MEASURES = (pr.ls0, pr.ls1, pr.ls2, pr.ball_degree, pr.directional_separability)


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_each_answer_is_proved(rng, dim):
    a, b = nasty_sets(rng, dim)
    answer = pr.is_linearly_separable(a, b)
    assert check_separability(answer, a, b) == len(a) + len(b)
    # By the exact simplex method: sides with a margin.
    rows = [integer_row([*map(Fraction, x), Fraction(-1), Fraction(0)]) for x in a]
    rows += [integer_row([*(-Fraction(v) for v in x), Fraction(1), Fraction(0)]) for x in b]
    assert answer.proved == (margin(rows).value > 0)
    if answer.refuted:
        weak = pr.ls1(a, b).exact == 1
        assert weak == (answer.witness.touching is not None)


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False), st.integers(1, 5))
def test_exact_programs_need_no_proposal(rng, dim):
    rows = [[rng.randint(-2, 2) for _ in range(dim)] for _ in range(rng.randint(1, 8))]
    expected = gordan(rows).direction is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alternative, "_proposal", lambda table: (None, np.zeros(len(table))))
        found = gordan(rows)
    assert (found.direction is None) == expected
    if found.direction is None:
        total = [sum(y * rows[i][j] for i, y in found.multipliers.items()) for j in range(dim)]
        assert not any(total)
        assert min(found.multipliers.values()) > 0
    else:
        assert all(sum(map(int.__mul__, found.direction, g)) > 0 for g in rows)


@pytest.mark.parametrize("u", [[1.0, 0.0], [1.0, -1.0], None])
@pytest.mark.parametrize("multipliers", [[0.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
def test_a_wrong_proposal_is_not_believed(u, multipliers, monkeypatch):
    wrong = None if u is None else np.array(u), np.array(multipliers)
    monkeypatch.setattr(alternative, "_proposal", lambda table: wrong)
    found = gordan([[1, 0], [0, 1]])
    assert min(found.direction) > 0
    found = gordan([[1, 0], [-1, 0]])
    assert found == alternative.Alternative(None, {0: 1, 1: 1})


@pytest.mark.parametrize("seed", range(12))
def test_scipy_agrees_on_gaussian_sets(seed):
    rng = np.random.default_rng(seed)
    dim = int(rng.integers(1, 12))
    a = rng.normal(size=(40, dim)) + rng.uniform(0, 2)
    b = rng.normal(size=(30, dim))
    answer = pr.is_linearly_separable(a, b)
    assert answer.proved == lp_separable(a, b)
    check_separability(answer, a, b)


def test_by_hand():
    common = pr.is_linearly_separable(*XOR).witness
    assert common.point == (Fraction(1, 2), Fraction(1, 2))
    assert common.touching is None
    touching = pr.is_linearly_separable([[0, 0], [1, 0]], [[1, 0], [2, 0]])
    assert touching.refuted
    assert "touch" in touching.reason
    assert touching.witness.touching.normal == (-1, 0)
    apart = pr.is_linearly_separable([[2.0]], [[0.0]])
    assert apart.certificate.threshold == apart.certificate.normal[0] * 1
    one_ulp = pr.is_linearly_separable([[np.nextafter(1.0, 2.0), 3.0]], [[1.0, 3.0]])
    assert one_ulp.proved
    assert pr.is_linearly_separable([[1e300, 1e-300]], [[1e300, 0.0]]).proved
    assert pr.is_linearly_separable([[Fraction(1, 3)]], [[Fraction(1, 3)]]).refuted


def test_points_in_a_segment_of_the_other_set_do_not_only_touch():
    """A hyperplane that holds all points does not separate them."""
    assert pr.is_linearly_separable([[0, 0], [2, 2]], [[1, 1]]).witness.touching is None
    # But in a third coordinate one of them can be told apart.
    answer = pr.is_linearly_separable([[0, 0, 0], [2, 2, 0], [0, 0, 1]], [[1, 1, 0]])
    assert answer.witness.touching is not None


def test_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    x, y = datasets.load_digits(return_X_y=True)
    assert check_separability(pr.is_linearly_separable(x[y == 0], x[y != 0]), x[y == 0], x[y != 0])
    eight = pr.is_linearly_separable(x[y == 8], x[y != 8])
    assert eight.refuted
    check_separability(eight, x[y == 8], x[y != 8])


def test_the_check_finds_what_is_wrong():
    a, b = [[2.0, 0.0], [3.0, 1.0]], [[0.0, 0.0]]
    proof = pr.is_linearly_separable(a, b)
    with pytest.raises(VerificationError, match="side"):
        check_separability(proof, [*a, [0.0, 0.0]], b)
    refuted = pr.is_linearly_separable(*XOR)
    with pytest.raises(VerificationError, match="coordinate"):
        check_separability(refuted, [[0, 0], [1, 2]], XOR[1])
    weights = replace(refuted.witness, first={0: Fraction(1, 2)})
    with pytest.raises(VerificationError, match="add up"):
        check_separability(replace(refuted, witness=weights), *XOR)
    touching = pr.is_linearly_separable([[0, 0], [1, 0]], [[1, 0], [2, 0]])
    with pytest.raises(VerificationError, match="wrong side"):
        check_separability(touching, [[0, 0], [1, 0]], [[1, 0], [-2, 0]])
    with pytest.raises(TypeError, match="linear separability"):
        check_separability(pr.Answer(pr.Status.UNKNOWN, "why"), a, b)


@pytest.mark.parametrize("measure", [pr.is_linearly_separable, *MEASURES])
@pytest.mark.parametrize(
    ("a", "b", "match"),
    [
        ([], [[1.0]], "a must"),
        ([[1.0]], np.zeros((0, 1)), "at least one point"),
        ([[1.0]], np.zeros((2, 0)), "at least one coordinate"),
        ([[1.0, 2.0]], [[1.0]], "as many coordinates, not 2 and 1"),
        ([[np.nan]], [[1.0]], "entry .0, 0. is nan"),
        ([[1.0]], [[np.inf]], "b must be finite"),
        ([1.0, 2.0], [[1.0]], "2 dimension"),
        ([[2**53 + 1]], [[1.0]], "2..53"),
        ([["x"]], [[1.0]], "real numbers"),
        ([[Fraction(1), Fraction(2)], [Fraction(1)]], [[1.0]], "as many coordinates each"),
        ([[Fraction(1), np.nan]], [[1.0, 2.0]], "finite real numbers"),
    ],
)
def test_bad_points_are_refused(measure, a, b, match):
    with pytest.raises(pr.PointsError, match=match):
        measure(a, b)


@pytest.mark.parametrize("measure", MEASURES)
def test_limits_must_be_limits(measure):
    with pytest.raises(TypeError, match=r"polyrelu\.Limits"):
        measure(*XOR, limits=5)


def test_all_points_the_same():
    same = [[0.1, 0.2]] * 3
    assert pr.is_linearly_separable(same, same).refuted
    assert [m(same, same).exact for m in MEASURES] == [0, 0, 0, 0, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("measure", MEASURES)
def test_extreme_sizes(measure):
    """The same sets in units that float64 hardly holds: LS measures do not change at all."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(-3, 4, size=(2, 5, 2)).astype(float)
    plain = measure(a, b)
    for scale in (2.0**1000, 2.0**-1070):
        scaled = measure(a * scale, b * scale)
        assert (scaled.exact, scaled.bounds) == (plain.exact, plain.bounds)
    if measure is not pr.ball_degree:
        mixed = measure(a * [2.0**1000, 2.0**-1000], b * [2.0**1000, 2.0**-1000])
        assert mixed.exact == plain.exact
        assert mixed.low <= plain.high
        assert plain.low <= mixed.high
