"""Activation patterns along segments and polylines: against the rational oracle, and by hand."""

from __future__ import annotations

import pickle
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import cantor_net, gaussian_network, network
from path_oracle import pieces

from polyrelu import (
    Affine,
    Box,
    DomainError,
    Layer,
    Network,
    activation_path,
    regions,
    relu,
    segment,
)
from polyrelu.activations import identity


def check(net, start, end):
    """The path is the oracle's: patterns, exact times, and times within their bounds."""
    expected = pieces(net, [Fraction(v) for v in start], [Fraction(v) for v in end])
    path = activation_path(net, [start, end])
    assert [tuple(p) for p in path.patterns.tolist()] == [bits for _, _, bits in expected]
    times = [left for left, _, _ in expected[1:]]
    assert [path.exact_time(i) for i in range(len(path) - 1)] == times
    for rounded, off, time in zip(path.times, path.time_errors, times, strict=True):
        assert abs(Fraction(float(rounded)) - time) <= Fraction(float(off))
    return path


def nasty_point(choose: Random, dim: int):
    kind = choose.randrange(4)
    if kind == 0:
        return [float(choose.randint(-3, 3)) for _ in range(dim)]
    if kind == 1:
        return [choose.gauss(0, 2) for _ in range(dim)]
    if kind == 2:
        return [Fraction(choose.randint(-20, 20), choose.randint(1, 7)) for _ in range(dim)]
    return [choose.choice([0.0, 1.0, -1.0, 0.5, 1e9, 1e-9, -1e9]) for _ in range(dim)]


@settings(deadline=None, max_examples=300)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_against_the_oracle(choose):
    dim = choose.randint(1, 5)
    net = network(choose, dim, choose.randint(2, 14))
    start, end = nasty_point(choose, dim), nasty_point(choose, dim)
    if [Fraction(v) for v in start] != [Fraction(v) for v in end]:
        check(net, start, end)


def test_deep_networks_need_rational_arithmetic():
    net = gaussian_network(3, 3, *[10] * 36)
    start, end = np.random.default_rng(0).normal(size=(2, 3)) * 3
    assert check(net, start.tolist(), end.tolist()).rational > 0


def test_copies_one_ulp_apart_are_put_in_order():
    """Two neurons whose roots differ by less than any error bound, in the second layer."""
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(6, 2)), rng.normal(size=(4, 6))
    second = np.vstack([second, second])
    bias = np.concatenate([np.full(4, 0.1), np.nextafter(np.full(4, 0.1), [1, -1, 1, -1])])
    net = Network.from_layers([(first, rng.normal(size=6)), (second, bias)],
                              output_activation=relu())  # fmt: skip
    found = [check(net, *(5 * rng.normal(size=(2, 2))).tolist()).rational for _ in range(6)]
    assert sum(found) > 0


def test_roots_that_are_known_badly_amid_one_that_is_known_well():
    """2^26 (h1 - h2) = x in exact arithmetic, but float64 knows where it vanishes to 1e-6 only."""
    first = ([[1.0], [1 - 2.0**-26]], [10.0, 10.0])
    scale = 2.0**26
    second = ([[scale, -scale], [2 * scale, -2 * scale], [1.0, 0.0]], [0.0, -8e-6, -3e-6 - 10])
    net = Network.from_layers([first, second], output_activation=relu())
    path = check(net, [-1.0], [1.0])
    assert [path.flips_at(i).tolist() for i in range(3)] == [[2], [4], [3]]


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_underflow_and_overflow(size):
    """Products that vanish or end in float64, with signs that do not."""
    net = Network.from_layers(
        [([[size], [-size]], [0.0, size]), ([[size, -size], [-size, size / 3]], [0.0, 0.0])],
        output_activation=relu(),
    )
    assert len(check(net, [-1.0], [2.0])) > 2


def test_a_composed_weight_that_rounds_to_nothing():
    """1e-200 * 1e-200 is no float, but it moves the sign."""
    factors = [Affine([[1e-200]], [0.0]), Affine([[1e-200]], [0.0])]
    net = Network((Layer(factors, relu()), Layer([Affine([[1e300]], [0.0])], relu())))
    assert activation_path(net, [[-1.0], [1.0]]).patterns.tolist() == [[0, 0], [1, 1]]
    biased = [Affine([[1e-200]], [1e-200]), Affine([[1e-200]], [0.0])]
    constant = Network((Layer(biased, relu()),))
    assert activation_path(constant, [[-0.5], [0.5]]).patterns.tolist() == [[1]]


@pytest.mark.parametrize("depth", range(1, 11))
@pytest.mark.parametrize("height", [0.25, 0.75, 1.0])
def test_cantor_net(depth, height):
    """Its folding along a horizontal line, both ways, for any height in (0, 1]."""
    net = cantor_net(depth)
    path = activation_path(net, [[0, height], [1, height]])
    n = 2**depth - 1
    assert (len(path), path.folding().range, path.folding().length) == (2 * n + 1, 2 * depth, 4 * n)
    assert path.folding().chi == 1 - Fraction(depth, 2 * n)
    assert path.reversed().folding() == path.folding()
    if depth <= 5:
        assert path.greatest_folding().folding.chi == path.folding().chi


@pytest.mark.parametrize(
    ("depth", "count", "chi"),
    [(1, 5, Fraction(1, 2)), (2, 11, Fraction(11, 16)), (3, 23, Fraction(29, 36)),
     (4, 47, Fraction(67, 76)), (5, 95, Fraction(145, 156)), (6, 191, Fraction(303, 316))],
)  # fmt: skip
def test_cantor_net_with_its_top_neuron(depth, count, chi):
    path = activation_path(cantor_net(depth, top=True), [[0, 0.75], [1, 0.75]])
    assert (len(path), path.folding().chi) == (count, chi)


def test_every_region_on_the_segment_is_found_by_the_enumeration_too():
    net = gaussian_network(5, 3, 12, 12)
    ends = np.random.default_rng(2).normal(size=(2, 3)) * 2
    graph = regions(net, segment(*ends))
    order = np.argsort(graph.witnesses[:, 0])
    assert np.array_equal(graph.patterns[order], activation_path(net, ends).patterns)


# ---------------------------------------------------------------- paths of several segments


@pytest.fixture
def fold():
    """One input; bits of x, x - 1, and of relu(x) - 2 relu(x - 1) - 1/2."""
    return Network.from_layers([([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -2.0]], [-0.5])],
                               output_activation=relu())  # fmt: skip


def test_direction_matters(fold):
    path = activation_path(fold, [[-1], [3]])
    assert path.patterns.tolist() == [[0, 0, 0], [1, 0, 0], [1, 0, 1], [1, 1, 1], [1, 1, 0]]
    assert path.folding().chi == Fraction(1, 4)
    assert path.reversed().folding().chi == Fraction(1, 2)
    assert path.folded.tolist() == [False] * 4 + [True]
    assert [(p, t.tolist()) for p, t in path.returns] == [(3, [2])]
    assert path.exact_point(3) == (Fraction(3, 2),)


def test_a_polyline_with_a_corner_on_a_wall(fold):
    path = activation_path(fold, [[-1], [0], [3], [1], [1], [-1]])
    assert [path.exact_time(i) for i in range(len(path) - 1)] == [
        1, Fraction(7, 6), Fraction(4, 3), Fraction(3, 2), Fraction(11, 4), 3, Fraction(13, 4),
        Fraction(7, 2),
    ]  # fmt: skip
    there = [[0, 0, 0], [1, 0, 0], [1, 0, 1], [1, 1, 1]]
    assert path.patterns.tolist() == [*there, [1, 1, 0], *there[::-1]]
    assert path.folding() == path.reversed().folding()


def test_turning_back_on_a_wall_is_no_step(fold):
    assert activation_path(fold, [[-1], [0], [-1]]).patterns.tolist() == [[0, 0, 0]]


def test_a_closed_path_is_the_path_with_its_first_point_again():
    net = gaussian_network(1, 2, 9, 9)
    corners = [[-3.0, -3.0], [3.0, -2.0], [1.0, 3.0]]
    closed = activation_path(net, corners, closed=True)
    again = activation_path(net, [*corners, corners[0]])
    assert np.array_equal(closed.patterns, again.patterns)
    assert np.array_equal(closed.patterns[0], closed.patterns[-1])


def test_joints_inside_a_region_change_nothing():
    net = gaussian_network(1, 2, 9, 9)
    straight = activation_path(net, [[-4, 0], [4, 0]])
    bent = activation_path(net, [[-4, 0], [-4, 0], [-1, 0], [0.25, 0], [4, 0]])
    assert np.array_equal(straight.patterns, bent.patterns)


def test_a_single_point_has_its_own_pattern(fold):
    assert activation_path(fold, [[1.0], [1.0]]).patterns.tolist() == [[1, 0, 1]]


def test_reversing_twice_is_nothing_and_times_are_mirrored():
    net = gaussian_network(4, 2, 9, 9)
    path = activation_path(net, [[-4, 0.5], [0, 0], [4, 0.25]])
    back = path.reversed()
    assert np.array_equal(back.patterns, path.patterns[::-1])
    assert [back.exact_time(i) for i in range(len(back) - 1)] == [
        2 - path.exact_time(i) for i in reversed(range(len(path) - 1))
    ]
    assert np.array_equal(back.reversed().patterns, path.patterns)


def test_pickled(fold):
    path = activation_path(fold, [[-1], [3]])
    again = pickle.loads(pickle.dumps(path))  # noqa: S301
    assert again.exact_time(1) == path.exact_time(1) == Fraction(3, 8)
    assert again.folding() == path.folding()


def test_without_thresholds():
    path = activation_path(Network((Layer([Affine([[2.0]], [1.0])], identity()),)), [[0], [1]])
    assert (len(path), path.patterns.shape, path.folding().chi) == (1, (1, 0), 0)


def test_the_input_box_does_not_matter():
    net = Network.from_layers([([[1.0]], [0.0])], output_activation=relu(),
                              input_box=Box(5, 6, dim=1))  # fmt: skip
    assert len(activation_path(net, [[-1], [1]])) == 2


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.0]], "two or more points"),
        ([[0.0], [1.0, 2.0]], "points must"),
        ([[0.0, 1.0], [1.0, 1.0]], "1 coordinates"),
        ([[0.0], [float("nan")]], "finite"),
        ([[Fraction(1)], [float("inf")]], "finite"),
        ([["a"], ["b"]], "real numbers"),
        (3.0, "dimension"),
    ],
)
def test_bad_points(fold, points, message):
    with pytest.raises(DomainError, match=message):
        activation_path(fold, points)
