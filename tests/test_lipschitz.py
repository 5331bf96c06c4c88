"""Lipschitz constants: against brute force over all regions, and against samples."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, network, problem

from polyrelu import (
    Box,
    DomainError,
    IncompleteError,
    Limits,
    Network,
    NetworkError,
    Polytope,
    Slice,
    Space,
    lipschitz_constant,
    load_network,
    regions,
    stability,
)
from polyrelu.queries import lipschitz

DEMO = Path(__file__).parents[1] / "demo" / "network.npz"


def exact_norm(rows, norm) -> Fraction:
    """Of a matrix of fractions; one row in the norm 2: squared."""
    if norm == 2:
        (row,) = rows
        return sum((v * v for v in row), Fraction(0))
    lines = rows if norm == inf else list(zip(*rows, strict=True))
    return max(sum(map(abs, line), Fraction(0)) for line in lines)


def brute_force(graph, norm, output=None) -> Fraction:
    sizes = []
    for region in graph:
        rows, _ = region.exact_affine_map
        sizes.append(exact_norm(rows if output is None else [rows[output]], norm))
    return max(sizes)


@settings(deadline=None, max_examples=80)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_brute_force(rng):
    net, domain = problem(rng, max_inputs=4)
    graph = regions(net, domain)
    if graph.compiled.chart.ncols() - 1 + graph.compiled.n_lines < graph.dim:
        return  # flat domains are another test
    for norm in (1, inf):
        found = lipschitz_constant(graph, norm=norm)
        assert found.exact == brute_force(graph, norm)
        assert found.exact_squared == found.exact**2
        assert Fraction(found.value.low) <= found.exact
        assert found.value.high == inf or found.exact <= Fraction(found.value.high)
        rows, _ = graph[found.region].exact_affine_map
        assert exact_norm(rows, norm) == found.exact
    one = lipschitz_constant(graph, output=0)
    assert one.exact is None
    assert one.exact_squared == brute_force(graph, 2, 0)
    if net.output_dim == 1:
        assert lipschitz_constant(graph).exact_squared == one.exact_squared


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False), st.sampled_from([1, 2, inf]))
def test_bounds_in_float64_hold(rng, norm):
    """The bounds that leave regions out, against each region's exact norm."""
    inputs = rng.randint(1, 4)
    graph = regions(network(rng, inputs, 8), Space(inputs))
    maps = lipschitz._Maps(graph, norm, None)
    if norm == 2 and graph.network.output_dim > 1:
        return
    for i, (low, high) in enumerate(zip(*maps.bounds(), strict=True)):
        size = maps.exact_size(i)
        square = size if norm == 2 else size**2
        assert low <= 0 or Fraction(float(low)) ** 2 <= square
        assert np.isinf(high) or square <= Fraction(float(high)) ** 2


@pytest.mark.parametrize("norm", [1, 2, inf])
@pytest.mark.parametrize("outputs", [1, 3])
def test_samples_do_not_exceed_it(norm, outputs):
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(9, 3)), rng.normal(size=9)), (rng.normal(size=(7, 9)), np.ones(7))]
    net = Network.from_layers([*pairs, (rng.normal(size=(outputs, 7)), np.zeros(outputs))])
    box = Box(-1, 1, dim=3)
    found = lipschitz_constant(net, box, norm=norm)
    x = rng.uniform(-1, 1, size=(20000, 3))
    y = np.clip(x + rng.normal(size=x.shape) * 1e-3, -1, 1)
    ratio = np.linalg.norm(net(x) - net(y), norm, axis=1) / np.linalg.norm(x - y, norm, axis=1)
    assert 0.7 * found.value.high < ratio.max() <= found.value.high * (1 + 1e-9)
    assert found.value.high <= found.value.low * (1 + 1e-14)
    # In the region that attains it, in the best direction, it is attained.
    weight, _ = found.graph[found.region].affine_map
    assert np.linalg.norm(weight, norm) == pytest.approx(found.value.low)


def test_several_outputs_in_the_norm_2_are_those_of_stability():
    net = load_network(DEMO)
    box = Box(-0.2, 0.2, dim=4)
    found, other = lipschitz_constant(net, box), stability(net, box)
    assert other.upper.low <= found.value.high
    assert found.value.low <= other.upper.high
    assert found.exact is found.exact_squared is None
    weight, _ = found.graph[found.region].affine_map
    assert np.linalg.svd(weight)[1][0] == pytest.approx(found.value.low)


def test_linear_combinations_of_outputs():
    net = load_network(DEMO)
    graph = regions(net, Box(-0.2, 0.2, dim=4))
    weights = np.zeros(10)
    weights[3], weights[7] = 1, -1
    found = lipschitz_constant(graph, norm=inf, output=weights)
    sizes = []
    for region in graph:
        rows, _ = region.exact_affine_map
        sizes.append(sum(abs(a - b) for a, b in zip(rows[3], rows[7], strict=True)))
    assert found.exact == max(sizes)
    assert found.region == sizes.index(max(sizes))


def test_ties_go_to_the_first_region():
    """|u| + |v|: all four regions have the same gradients up to signs."""
    weight = np.vstack([np.eye(2), -np.eye(2)])
    net = Network.from_layers([(weight, np.zeros(4)), (np.ones((1, 4)), [0.0])])
    for norm, exact in ((1, 1), (2, 2), (inf, 2)):
        found = lipschitz_constant(net, norm=norm)
        assert found.region == 0
        assert (found.exact_squared if norm == 2 else found.exact) == exact
    double = Network.from_layers([(weight, np.zeros(4)), (np.eye(4)[:2], np.zeros(2))])
    found = lipschitz_constant(double)
    assert 1 in found.value
    assert found.value.high - found.value.low < 1e-14


def test_differences_below_rounding_are_seen():
    """Slopes 3 fl(1/3) = 1 - 2^-54, which rounds to 1, and 1001 - 1000, which is 1."""
    hidden = [[1 / 3], [-1.0], [-1.0]]
    net = Network.from_layers([(hidden, np.zeros(3)), ([[3.0, 1001.0, -1000.0]], [0.0])])
    for norm in (1, 2, inf):
        found = lipschitz_constant(net, norm=norm)
        assert found.exact_squared == 1
        assert found.graph[found.region].witness < 0


def test_beyond_float64():
    for scale, expected in ((1e200, 10**400), (1e-200, Fraction(1, 10**400))):
        net = Network.from_layers([([[scale, 0.0]], [0.0]), ([[scale]], [0.0])])
        for norm in (1, 2, inf):
            found = lipschitz_constant(net, Space(2), norm=norm)
            exact = Fraction(scale) ** 2
            assert (found.exact_squared if norm == 2 else found.exact) == (
                exact**2 if norm == 2 else exact
            )
            assert abs(exact / expected - 1) < 1e-10


def test_flat_domains():
    net = gaussian_network(1, 3, 6, 5)
    flat = Box([-1, 0.25, -1], [1, 0.25, 1])  # along axes: the others count
    for norm in (1, 2, inf):
        found = lipschitz_constant(net, flat, norm=norm)
        sizes = []
        for region in found.graph:
            (row,), _ = region.exact_affine_map
            sizes.append(exact_norm([[row[0], row[2]]], norm))
        assert (found.exact_squared if norm == 2 else found.exact) == max(sizes)
    plane = Polytope([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]], [0.0, 0.0])
    found = lipschitz_constant(net, plane)
    sizes = []
    for region in found.graph:
        (row,), _ = region.exact_affine_map
        mean = sum(row) / 3  # off (1, 1, 1)
        sizes.append(sum((v - mean) ** 2 for v in row))
    assert found.exact_squared == max(sizes)
    for norm in (1, inf):
        with pytest.raises(DomainError, match="only the norm 2"):
            lipschitz_constant(net, plane, norm=norm)
    # With several outputs: an orthonormal basis of the plane as a slice, up to rounding.
    two = Network((*net.layers[:-1], gaussian_network(0, 5, 2).layers[0]))
    basis = np.array([[1, -1, 0], [1, 1, -2]]) / np.sqrt([[2], [6]])
    theirs = lipschitz_constant(two, Slice(np.zeros(3), basis))
    assert lipschitz_constant(two, plane).value.low == pytest.approx(theirs.value.low)


def test_bad_input():
    net = gaussian_network(0, 2, 5)
    with pytest.raises(IncompleteError, match="all regions"):
        lipschitz_constant(net, limits=Limits(regions=2))
    with pytest.raises(DomainError, match="single point"):
        lipschitz_constant(net, Box([1, 1], [1, 1]))
    with pytest.raises(DomainError, match="has its domain"):
        lipschitz_constant(regions(net, Space(2)), Space(2))
    for norm in ("fro", 0, np.nan):
        with pytest.raises(ValueError, match="norm must be"):
            lipschitz_constant(net, norm=norm)
    for output in (1, -1, True, [1.0, 2.0], [np.nan], "a", 0.5):
        with pytest.raises(NetworkError, match="output must"):
            lipschitz_constant(net, output=output)


def test_every_sign_pattern_of_a_small_layer():
    """The maximum is over regions that are there, not over all patterns."""
    weight = np.array([[1.0], [-1.0]])
    net = Network.from_layers([(weight, [0.0, -1.0]), ([[1.0, -1.0]], [0.0])])
    best = max(abs(a * 1 + b * 1) for a, b in product((0, 1), repeat=2))
    assert best == 2
    assert lipschitz_constant(net).exact_squared == 1


def test_gram_matrices_beyond_float64():
    """Of three outputs: their entries overflow, which no eigenvalue routine takes."""
    net = Network.from_layers([(np.ones((3, 3)) * 1e160, np.zeros(3))])
    found = lipschitz_constant(net, Box(-1, 1, dim=3))
    assert 3e160 in found.value
