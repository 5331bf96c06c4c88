"""Certified bounds on Lipschitz constants against exact cases and plain float64."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network

from polyrelu import (
    Box,
    DomainError,
    IncompleteError,
    Layer,
    Limits,
    Network,
    PiecewiseLinear,
    Polytope,
    Slice,
    Space,
    doubling_layer,
    hard_tanh,
    identity,
    leaky_relu,
    regions,
    relu,
    stability,
)
from polyrelu.network import Affine
from polyrelu.queries.singular import (
    eigenvalue_bounds,
    is_positive_definite,
    root_down,
    root_up,
)


def layer(weight, bias=None) -> Layer:
    weight = np.array(weight, dtype=float)
    return Layer([Affine(weight, np.zeros(len(weight)) if bias is None else bias)], relu())


def in_plane(angles) -> Layer:
    return layer(np.stack([np.cos(angles), np.sin(angles)], axis=1))


def close(bounds, value: float, parts: float = 1e-14) -> bool:
    """Bounds that hold the value, up to its own rounding, and are narrow."""
    slack = 4 * np.spacing(value)
    narrow = bounds.high - bounds.low <= parts * value
    return bool(bounds.low - slack <= value <= bounds.high + slack and narrow)


def test_doubled_identity():
    found = stability(doubling_layer(np.eye(2)))
    assert close(found.frame_bound, 1.0)
    assert close(found.upper, 1.0)
    assert found.lower.low <= 0.5 <= math.sqrt(0.5) <= found.lower.high  # kappa_L = 1 / sqrt 2
    assert math.sqrt(2) in found.condition_number
    assert math.sqrt(2) in found.inverse_lipschitz


def test_regular_pentagon():
    found = stability(in_plane(2 * np.pi * np.arange(5) / 5))
    assert abs(found.frame_bound.low - 0.6910) < 1e-4
    assert 0.7765 in found.lower
    assert 1.7321 in found.condition_number
    active = found.graph.pattern(found.weakest).astype(bool)
    assert np.linalg.eigvalsh(weights(found)[active].T @ weights(found)[active])[0] == (
        pytest.approx(found.frame_bound.low)
    )


def weights(found) -> np.ndarray:
    return found.graph.network.layers[0].weight


@pytest.mark.parametrize("seed", range(6))
def test_every_pair_of_points_obeys_the_bounds(seed):
    """The quotient of distances lies between kappa_L and kappa_U, and comes near both ends."""
    rng = np.random.default_rng(seed)
    one = layer(rng.normal(size=(9, 2)), rng.normal(size=9) * (seed % 2))
    found = stability(one, Space(2))
    x, y = rng.normal(size=(2, 20_000, 2)) * 3
    y[::2] = x[::2] + 1e-3 * rng.normal(size=(10_000, 2))
    quotient = np.linalg.norm(one(x) - one(y), axis=1) / np.linalg.norm(x - y, axis=1)
    assert quotient.min() >= found.lower.low - 1e-9
    assert quotient.max() <= found.upper.high + 1e-9
    assert quotient.max() >= 0.9 * found.upper.low


@pytest.mark.parametrize("seed", range(4))
def test_networks_against_singular_values_in_float(seed):
    network = gaussian_network(seed, 2, 6, 5)
    network = Network((*network.layers[:-1], Layer([Affine(np.eye(5), np.zeros(5))], identity())))
    found = stability(network, Box(-1, 1, dim=2))
    for i, region in enumerate(found.graph):
        values = np.linalg.svd(region.affine_map[0], compute_uv=False)
        for bounds, value in (
            (found.region_lower[i], values[-1]),
            (found.region_upper[i], values[0]),
        ):
            assert bounds[0] - 1e-7 <= value <= bounds[1] + 1e-7
    assert close(found.upper, float(np.linalg.svd(
        found.graph[found.strongest].affine_map[0], compute_uv=False)[0]), 1e-12)  # fmt: skip


def test_a_flat_domain_has_its_own_lengths():
    """On the line x + y = 1 the identity neither stretches nor shrinks."""
    line = Polytope([[1, 1], [-1, -1], [1, 0], [-1, 0]], [1, -1, 1, 1])
    one = Layer([Affine(np.eye(2), [0, 0])], identity())
    found = stability(one, line)
    assert close(found.frame_bound, 1.0)
    assert close(found.lower, 1.0)
    assert close(found.upper, 1.0)
    cut = stability(one, Slice([0.0, 0.0], [[3.0, 4.0]]))  # in the slice's coordinate
    assert close(cut.lower, 5.0)


def test_what_is_not_injective_has_no_inverse():
    found = stability(layer(np.eye(3)), Box(-1, 1, dim=3))
    assert found.frame_bound.high == found.lower.high == 0.0
    assert found.inverse_lipschitz.low == found.condition_number.low == math.inf
    assert str(found.frame_bound) == "[0.0, 0.0]"  # no -0.0


def test_a_network_of_injective_layers_has_a_lower_bound():
    rng = np.random.default_rng(0)
    head = Layer([Affine(rng.normal(size=(5, 4)), np.zeros(5))], identity())
    network = Network((doubling_layer(np.eye(2)), head))
    found = stability(network, Space(2))
    assert 0 < found.lower.low < found.lower.high


def test_units_that_are_nowhere_flat_and_some_that_are():
    leaky = Network.from_layers([(np.eye(2), [0, 0])], output_activation=leaky_relu(0.5))
    assert close(stability(leaky, Space(2)).frame_bound, 0.25)
    assert close(stability(leaky, Space(2)).lower, 0.5)
    clipped = Network.from_layers([(np.eye(2), [0, 0])], output_activation=hard_tanh())
    assert close(stability(clipped, Box(-1, 1, dim=2)).lower, 1.0)  # one region: linear
    assert stability(clipped, Box(-2, 2, dim=2)).lower.high == 0.0
    two = Network.from_layers([([[1.0], [1.0]], [0.0, -2.0])], output_activation=hard_tanh())
    assert stability(two, Box(-1, 3, dim=1)).lower.low > 0.49  # each is flat on one side there
    middle = PiecewiseLinear((0, 1), (1, 0, 1), 0)
    held = Network.from_layers([([[1.0], [1.0]], [0.0, -2.0])], output_activation=middle)
    assert stability(held, Space(1)).lower.low == 0.0  # not known
    bent = PiecewiseLinear((0, 1), (0, 1, 3), 0)  # at least half of 1, where it is not flat
    both = Network.from_layers([([[1.0], [-1.0]], [0.0, 0.0])], output_activation=bent)
    found = stability(both, Space(1))
    assert 0.5 - 1e-12 <= found.lower.low <= 1 / np.sqrt(2) <= found.lower.high


def test_ties_between_cells_are_all_looked_at():
    found = stability(doubling_layer(np.eye(4)))
    assert close(found.frame_bound, 1.0)


def test_limits():
    with pytest.raises(IncompleteError, match="all regions"):
        stability(in_plane(np.arange(9.0)), limits=Limits(regions=3))


@pytest.mark.parametrize("exponent", [0, -290, -500])
def test_bounds_hold_where_sums_round_by_more_than_one_unit(exponent):
    """Of one large weight and many that vanish beside it, one at a time."""
    column = np.full(4000, 0.95 * 2.0**-27)
    column[0] = 1.0
    column *= 2.0**exponent
    found = stability(layer(column[:, None]), Box(0, 1, dim=1))
    square = sum(Fraction(v) ** 2 for v in column.tolist())
    low, high = found.region_upper[0].tolist()
    assert Fraction(low) ** 2 <= square <= Fraction(high) ** 2
    assert Fraction(found.frame_bound.low) <= square <= Fraction(found.frame_bound.high)


def test_slopes_whose_squares_overflow():
    steep = Layer([Affine(np.eye(2), np.zeros(2))], leaky_relu(1e200))
    assert close(stability(steep).upper, 1e200)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_eigenvalue_bounds_hold(seed, k):
    """Also of nearly singular and of large and small matrices: checked by Sylvester's criterion."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(3, k + 1, k)) * 10.0 ** rng.integers(-6, 7, size=(3, 1, 1))
    rows[0, :, -1] = rows[0, :, 0] * (1 + 1e-9)
    gram = np.round(rows.transpose(0, 2, 1) @ rows, 30)
    gram = (gram + gram.transpose(0, 2, 1)) / 2
    low, high, top_low, top_high = eigenvalue_bounds(gram, np.zeros(3))
    for g, a, b, c, d in zip(gram, low, high, top_low, top_high, strict=True):
        exact = [[Fraction(v) for v in row] for row in g.tolist()]
        assert is_positive_definite(shifted(exact, Fraction(a)))
        assert not is_positive_definite(shifted(exact, Fraction(b)))
        assert is_positive_definite(shifted(exact, Fraction(d), -1))
        assert not is_positive_definite(shifted(exact, Fraction(c), -1))


def shifted(matrix, by: Fraction, sign: int = 1):
    return [[sign * (v - by * (i == j)) for j, v in enumerate(row)] for i, row in enumerate(matrix)]


def test_positive_definiteness():
    assert is_positive_definite([[Fraction(2), Fraction(1)], [Fraction(1), Fraction(1)]])
    assert not is_positive_definite([[Fraction(1), Fraction(1)], [Fraction(1), Fraction(1)]])


@given(st.fractions(min_value=0, max_value=10**40))
def test_roots_are_rounded_outwards(square):
    a, b = Fraction(root_down(square)), Fraction(root_up(square))
    assert a * a <= square <= b * b
    assert b - a <= b * Fraction(1, 2**50)


def test_upper_constant_is_that_of_some_cell():
    one = in_plane(np.array([0.1, 1.7, 2.9, 4.4]))
    graph = regions(Network((one,)), Space(2))
    best = max(
        np.linalg.svd(one.weight[p.astype(bool)], compute_uv=False)[0]
        for p in graph.patterns
        if p.any()
    )
    assert close(stability(one).upper, best, 1e-13)


def test_what_is_constant_has_no_lower_and_a_zero_upper_constant():
    for one, domain in (
        (layer([[0.0, 0]]), Space(2)),
        (layer([[1.0]]), Box(-2, -1, dim=1)),
        (layer([[1.0, 0]]), Box([-1, 0], [-0.5, 0])),
    ):
        found = stability(one, domain)
        assert found.upper.high == found.lower.high == 0.0
    with pytest.raises(DomainError, match="single point"):
        stability(layer([[1.0]]), Box(3, 3, dim=1))


@pytest.mark.parametrize("size", [1e78, 1e160, 1e-160, 5e-324])
def test_weights_whose_squares_are_beyond_float64(size):
    found = stability(layer([[size], [-size]]))
    assert found.upper.low <= size <= found.upper.high
    assert found.lower.low <= size <= found.lower.high
    assert found.condition_number.low <= 1 <= found.condition_number.high
    assert found.inverse_lipschitz.high * size >= 1
