"""Numbers that regions can have, how far apart they are, and hyperplanes in general position."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, product
from math import comb, prod
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import THRESHOLDS, network

from polyrelu import (
    Arrangement,
    Box,
    IncompleteError,
    Limits,
    Network,
    NetworkError,
    Space,
    count_regions,
    diameter,
    leaky_relu,
    region_bounds,
    regions,
    relu,
    zaslavsky,
)

WIDTHS = st.lists(st.integers(1, 5), min_size=2, max_size=5)


# --- bounds ------------------------------------------------------------------------------------


def serra_by_definition(widths: list[int]) -> int:
    """Every choice of j_1, ..., j_L, tested one by one."""
    n_0, *hidden = widths
    total = 0
    for chosen in product(*[range(n + 1) for n in hidden]):
        left = n_0
        for n, j in zip(hidden, chosen, strict=True):
            if j > min(left, n):
                break
            left = min(left, n - j)
        else:
            total += prod(comb(n, j) for n, j in zip(hidden, chosen, strict=True))
    return total


@given(WIDTHS)
@settings(deadline=None, max_examples=60)
def test_serra_by_its_definition(widths):
    assert region_bounds(widths).serra_2018 == serra_by_definition(widths)


@given(WIDTHS)
@settings(deadline=None, max_examples=100)
def test_bounds_are_in_order(widths):
    found = region_bounds(widths)
    assert found.montufar_2014 <= found.serra_2018
    assert found.serra_2018 <= found.montufar_2017 <= found.raghu_2017


@pytest.mark.parametrize(
    ("widths", "lower", "raghu", "montufar", "serra"),
    [
        ((2, 4, 4), 4 * 11, 121, 121, 121),
        ((2, 3, 3, 3), 7, 343, 343, 208),
        ((3, 4, 3), 8, 120, 120, 98),
        ((3, 2, 5), 0, 4 * 26, 4 * 16, 1 * 16 + 2 * 6 + 1 * 1),
        ((1, 3, 3), 12, 16, 16, 16),
        ((2, 5), 16, 16, 16, 16),
    ],
)
def test_bounds_by_hand(widths, lower, raghu, montufar, serra):
    """3-2-5: two units in R^3 make 4 cells; j_1 = 0, 1, 2 leave 2, 1, 0 dimensions."""
    found = region_bounds(widths)
    assert (found.montufar_2014, found.raghu_2017) == (lower, raghu)
    assert (found.montufar_2017, found.serra_2018) == (montufar, serra)


@given(st.randoms(use_true_random=False), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_no_network_has_more_regions(choose, dim):
    net = network(choose, dim, THRESHOLDS[dim])
    net = Network.from_layers(
        [(layer.weight, layer.bias) for layer in net.layers], output_activation=relu()
    )
    bounds = region_bounds(net)
    assert bounds.widths == net.widths
    assert count_regions(net, Space(dim)).count <= bounds.serra_2018


def test_an_affine_output_is_no_hidden_layer():
    layers = [(np.eye(2), [0, 0]), (np.ones((1, 2)), [0])]
    assert region_bounds(Network.from_layers(layers)).widths == (2, 2)
    assert region_bounds(Network.from_layers(layers, output_activation=relu())).widths == (2, 2, 1)


@pytest.mark.parametrize(
    ("widths", "message"),
    [((2,), "a hidden one"), ((2, 0), "positive"), ((2, -1), "at least 0"), ((2, 1.5), "integer"),
     ((2, True), "integer"), (7, "are needed"), ("22", "integer")],
)  # fmt: skip
def test_bad_widths(widths, message):
    with pytest.raises(NetworkError, match=message):
        region_bounds(widths)


def test_other_units_are_refused():
    net = Network.from_layers([(np.eye(2), [0, 0]), (np.eye(2), [0, 0])], leaky_relu())
    with pytest.raises(NetworkError, match="layer 0 has other units"):
        region_bounds(net)
    affine = Network.from_layers([(np.eye(2), [0, 0])])
    with pytest.raises(NetworkError, match="layer 0 has other units"):
        region_bounds(affine)


def test_zaslavsky():
    assert [zaslavsky(16, d) for d in (2, 3, 4, 5)] == [137, 697, 2517, 6885]
    assert [zaslavsky(3, 2, k) for k in range(3)] == [3, 9, 7]
    assert [zaslavsky(1, 3, k) for k in range(4)] == [0, 0, 1, 2]
    assert zaslavsky(0, 3) == 1
    assert zaslavsky(5, 0) == 1
    for bad in ((-1, 2), (2, -1), (2, 2, 3), (2.5, 2)):
        with pytest.raises(NetworkError):
            zaslavsky(*bad)


# --- general position --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("A", "b", "simple"),
    [
        ([[1, 0], [0, 1], [1, 1]], [0, 0, 1], True),
        ([[1, 0], [0, 1], [1, 1]], [0, 0, 0], False),  # concurrent
        ([[1, 0], [2, 0], [1, 1]], [0, 1, 0], False),  # parallel
        ([[1, 0], [0, 1], [1, 1]], [0, 0, 1e-300], True),
        ([[1, 0, 0], [0, 1, 0]], [0, 0], True),
        ([[1, 0, 0], [1, 0, 0]], [0, 1], False),
        ([[1, 0], [-2, 0], [0, 0]], [1, -2, 5], True),  # one hyperplane twice, and no hyperplane
    ],
)
def test_is_simple(A, b, simple):
    assert Arrangement(A, b).is_simple is simple


@given(st.randoms(use_true_random=False), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_simple_arrangements_have_the_most_faces(choose: Random, dim):
    n = choose.randint(1, 5)
    A = [[choose.randint(-2, 2) for _ in range(dim)] for _ in range(n)]
    arrangement = Arrangement(A, [choose.randint(-2, 2) for _ in range(n)])
    greatest = tuple(zaslavsky(len(arrangement), dim, k) for k in range(dim + 1))
    assert arrangement.is_simple == (arrangement.f_vector() == greatest)


# --- diameter ----------------------------------------------------------------------------------


@given(st.randoms(use_true_random=False), st.integers(1, 3))
@settings(deadline=None, max_examples=60)
def test_diameter_against_networkx(choose, dim):
    graph = regions(network(choose, dim, THRESHOLDS[dim]), Box(-1, 1, dim=dim))
    found = diameter(graph)
    assert found.exact == nx.diameter(graph.to_networkx())
    one, other = found.pair
    assert nx.shortest_path_length(graph.to_networkx(), one, other) == found.exact


def test_diameter_of_an_arrangement_is_its_hyperplanes():
    rng = np.random.default_rng(0)
    arrangement = Arrangement(rng.normal(size=(9, 3)), rng.normal(size=9))
    assert diameter(arrangement.network).exact == 9


def test_a_diameter_that_time_cut_off_is_bounded():
    rng = np.random.default_rng(0)
    graph = Arrangement(rng.normal(size=(12, 3)), rng.normal(size=12)).cells()
    found = diameter(graph, limits=Limits(seconds=1e-9))
    assert found.searches == 1
    assert found.exact is None
    assert found.low <= 12 <= found.high


def test_diameter_needs_all_regions():
    net = Arrangement(np.eye(3)).network
    with pytest.raises(IncompleteError, match="the limit on regions"):
        diameter(net, limits=Limits(regions=3))
    assert diameter(net, Box(1, 2, dim=3)).exact == 0


def test_average_degree_falls_with_a_neuron():
    """The counterexample of average-degree-by-last-neurons, counted by brute force: signs of the
    pre-activations on a grid of rationals that meets every region, and pairs one flip apart."""
    first = [(-2, 3, -1), (-3, 3, 3), (-1, -2, 0)]
    second = [(3, -1, 3, 1), (-1, 3, 2, 2)]

    def pattern(x, y, kept):
        z = [a * x + b * y + c for a, b, c in first]
        h = [max(v, 0) for v in z]
        top = [sum(w * v for w, v in zip(row, h, strict=False)) + row[3] for row in second[:kept]]
        return None if 0 in [*z, *top] else tuple(v > 0 for v in [*z, *top])

    step = Fraction(1, 8)
    grid = [Fraction(k) * step + Fraction(1, 101) for k in range(-64, 64)]
    for kept, cells, walls in ((1, 11, 17), (2, 13, 20)):
        found = {pattern(x, y, kept) for x in grid for y in grid} - {None}
        pairs = sum(sum(a != b for a, b in zip(p, q, strict=True)) == 1
                    for p, q in combinations(found, 2))  # fmt: skip
        assert (len(found), pairs) == (cells, walls)
