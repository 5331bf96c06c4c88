"""Estimators of richness: against numbers worked out by hand, and what they do on average."""

from __future__ import annotations

from itertools import product
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polyrelu as pr
from polyrelu import sampling

# f_1 = 4, f_2 = 2, f_3 = 1, f_15 = 1; n = 26 points, S = 8 patterns.
COUNTS = [1, 1, 1, 1, 2, 2, 3, 15]


def test_frequencies():
    assert sampling.frequencies(COUNTS).tolist() == [0, 4, 2, 1, *[0] * 11, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seen", 8),
        ("chao1", 8 + 25 / 26 * 16 / 4),
        ("chao1_bias_corrected", 8 + 25 / 26 * 4 * 3 / (2 * 3)),
        ("jackknife1", 8 + 4 * 25 / 26),
        ("jackknife2", 8 + 4 * 49 / 26 - 2 * 24**2 / (26 * 25)),
        ("good_turing", 8 / (1 - 4 / 26)),
        # rare: 7 patterns of 11 points, coverage 7/11; sum k (k - 1) f_k = 2 * 2 + 6 = 10;
        # gamma^2 = 7 / (7/11) * 10 / (11 * 10) - 1 = 0
        ("ace", 1 + 7 / (7 / 11)),
    ],
)
def test_estimates_worked_out_by_hand(name, value):
    assert sampling.richness(COUNTS)[name].estimate == pytest.approx(value, rel=1e-14)


def test_ace_with_skewed_counts():
    # f = (5, 0, 0, 0, 0, 0, 0, 0, 0, 1): n_rare = 15, C = 2/3, sum k (k - 1) f_k = 90,
    # gamma^2 = 9 * 90 / (15 * 14) - 1 = 20/7
    found = sampling.ace([1, 1, 1, 1, 1, 10])
    assert found.estimate == pytest.approx(6 * 3 / 2 + 5 * 3 / 2 * 20 / 7, rel=1e-14)
    # f = (1, 3): C = 6/7, gamma^2 = 4 * 7/6 * 6 / (7 * 6) - 1 < 0, so it counts as 0
    assert sampling.ace([1, 2, 2, 2]).estimate == pytest.approx(4 * 7 / 6, rel=1e-14)
    assert sampling.ace([1, 1]).estimate == np.inf
    assert sampling.ace([11, 40]).estimate == 2


def test_variances_of_chao1_worked_out_by_hand():
    a, r = 25 / 26, 2.0
    assert sampling.chao1(COUNTS).variance == pytest.approx(
        2 * (a * r**2 / 2 + a**2 * r**3 + a**2 * r**4 / 4), rel=1e-14
    )
    assert sampling.chao1_bias_corrected(COUNTS).variance == pytest.approx(
        a * 4 * 3 / 6 + a**2 * 4 * 7**2 / (4 * 9) + a**2 * 16 * 2 * 9 / (4 * 81), rel=1e-14
    )
    a = 4 / 5  # f_1 = 2, f_2 = 0, f_3 = 1
    total = 3 + a * 2 / 2
    assert sampling.chao1([1, 1, 3]).estimate == pytest.approx(total)
    assert sampling.chao1([1, 1, 3]).variance == pytest.approx(
        a * 2 / 2 + a**2 * 2 * 9 / 4 - a**2 * 16 / (4 * total), rel=1e-14
    )


def test_interval_is_around_the_estimate_and_never_below_what_was_seen():
    found = sampling.chao1(COUNTS)
    low, high = found.interval
    unseen = found.estimate - 8
    factor = exp(1.959963984540054 * sqrt(log(1 + found.variance / unseen**2)))
    assert (low, high) == pytest.approx((8 + unseen / factor, 8 + unseen * factor))
    assert sampling.chao1([2, 2]).interval == (2, 2)
    assert sampling.jackknife1(COUNTS).interval is None


def test_coverage_of_good_and_turing():
    assert sampling.sample_coverage(COUNTS) == 22 / 26
    assert sampling.sample_coverage([1, 1]) == 0


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(2, 5))
def test_coverage_is_right_on_average_but_for_1_over_n(weights, n):
    """Over all outcomes of n draws, each by its probability."""
    p = np.array(weights) / sum(weights)
    estimated = covered = 0.0
    for draws in product(range(len(p)), repeat=n):
        weight = np.prod(p[list(draws)])
        counts = np.bincount(draws)
        estimated += weight * sampling.sample_coverage(counts[counts > 0])
        covered += weight * p[np.unique(draws)].sum()
    bias = sum(v * v * (1 - v) ** (n - 1) for v in p)
    assert covered - estimated == pytest.approx(bias, abs=1e-12)
    assert bias <= 1 / n


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(2, 6))
def test_jackknife1_and_chao1_stay_below_the_truth_on_average_where_they_must(weights, n):
    """The bias-corrected Chao1 is unbiased for equal shares but for one term, and else below."""
    p = np.array(weights) / sum(weights)
    mean = 0.0
    for draws in product(range(len(p)), repeat=n):
        counts = np.bincount(draws)
        found = sampling.chao1_bias_corrected(counts[counts > 0])
        assert found.estimate >= found.seen
        mean += np.prod(p[list(draws)]) * found.estimate
    assert mean <= len(p) + 1e-9


@settings(deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=30))
def test_no_estimate_is_below_what_was_seen_but_jackknife2(counts):
    for name, found in sampling.richness(counts).items():
        assert name == "jackknife2" or found.estimate >= len(counts) - 1e-9
        assert found.seen == len(counts)
        assert found.variance is None or found.variance >= 0


@pytest.mark.parametrize("wrong", [[], [0, 1], [1.5], [[1]], [-1], ["a"], np.zeros((2, 2), int)])
def test_counts_that_are_none(wrong):
    with pytest.raises(pr.PointsError, match="positive integers"):
        sampling.richness(wrong)
