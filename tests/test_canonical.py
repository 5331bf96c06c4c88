"""Canonical forms: the same function, one representative; alignment: what is left between two."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network
from test_equivalence import isomorphic, layers_of

from polyrelu import (
    Affine,
    Box,
    Layer,
    Network,
    NetworkError,
    align,
    canonical,
    equivalent,
    hard_tanh,
    identity,
    leaky_relu,
    relu,
)
from polyrelu.rational_network import RationalLayer, RationalNetwork


def points(choose: Random, dim: int, count: int = 5):
    return [[Fraction(choose.randint(-999, 999), 128) for _ in range(dim)] for _ in range(count)]


# ---------------------------------------------------------------- rational networks


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_rational_networks_are_the_same_function(choose: Random):
    net = network(choose, 2, 8)
    exact = RationalNetwork.from_network(net)
    try:
        again = exact.to_network()
    except NetworkError as error:
        assert "odd part" in str(error) or "range" in str(error)  # noqa: PT017
        again = net
    assert exact.widths == net.widths
    for x in points(choose, 2):
        assert exact(x) == net.exact(x)[0] == again.exact(x)[0]


def test_weights_that_no_float_holds():
    rows = ((Fraction(2**200 + 2**70 + 1, 2**90), Fraction(-1, 3), Fraction(1, 7)),
            (Fraction(0), Fraction(0), Fraction(3**40)))  # fmt: skip
    made = RationalNetwork((RationalLayer(rows, (identity(), relu())),))
    x = [Fraction(1, 3), Fraction(5)]
    assert made.to_network().exact(x)[0] == made(x)
    assert made.rounded().layers[0].weight[0, 1] == -1 / 3
    odd = RationalNetwork((RationalLayer(((Fraction(1, 3**50), Fraction(0)),), (relu(),)),))
    with pytest.raises(NetworkError, match="odd part of 80 bits"):
        odd.to_network()
    for value in (Fraction(2**2000), Fraction(1, 2**2000), Fraction(2**60 + 1, 2**1100)):
        far = RationalNetwork((RationalLayer(((value, Fraction(0)),), (relu(),)),))
        with pytest.raises(NetworkError, match="range of float64"):
            far.to_network()
    with pytest.raises(NetworkError, match="2 coordinates, not 1"):
        made([1])


# ---------------------------------------------------------------- canonical forms


@settings(max_examples=40, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_exact_form_is_the_same_function(choose: Random):
    net = network(choose, 2, 8)
    try:
        made = canonical(net, exact=True)
    except NetworkError as error:
        assert "odd part" in str(error) or "range" in str(error)  # noqa: PT017
        return
    assert made.widths == net.widths
    for x in points(choose, 2):
        assert made.exact(x)[0] == net.exact(x)[0]
    assert canonical(made, exact=True).hash == made.hash


@pytest.mark.parametrize("seed", range(5))
def test_exact_forms_tell_isomorphic_networks(seed):
    layers = layers_of(seed, 3, 6, 5, 2)
    net = Network.from_layers(layers)
    made = canonical(net, exact=True)
    assert canonical(Network.from_layers(isomorphic(layers, seed)), exact=True).hash == made.hash
    layers[0][0][2, 1] = np.nextafter(layers[0][0][2, 1], 9)
    assert canonical(Network.from_layers(layers), exact=True).hash != made.hash
    assert equivalent(net, made, Box(-1, 1, dim=3)).proved


def test_scaling_by_three_is_seen_through():
    """Also by factors that are no power of two, if the numbers have few digits."""
    one = Network.from_layers([([[3.0, 6.0], [1.0, 0.0]], [9.0, 0.0]), ([[1.0, 6.0]], [0.0])])
    two = Network.from_layers([([[7.0, 0.0], [1.0, 2.0]], [0.0, 3.0]), ([[6 / 7, 3.0]], [0.0])])
    exact = Layer([Affine([[6.0, 21.0]], [0.0], [7.0])], identity())
    two = Network((two.layers[0], exact))
    assert canonical(one, exact=True).hash == canonical(two, exact=True).hash


@pytest.mark.parametrize("seed", range(3))
def test_unit_rows_sorted(seed):
    layers = layers_of(seed, 3, 6, 5, 2)
    net, other = (Network.from_layers(v) for v in (layers, isomorphic(layers, seed)))
    made = canonical(net)
    for layer in made.layers[:-1]:
        assert np.allclose(np.linalg.norm(layer.weight, axis=1), 1, rtol=1e-15)
        assert sorted(map(tuple, layer.table)) == list(map(tuple, layer.table))
    assert made.hash == canonical(other).hash  # powers of two: nothing is rounded differently
    x = np.random.default_rng(seed).normal(size=(50, 3))
    assert np.allclose(made(x), net(x), rtol=1e-13, atol=1e-13)


def test_dead_constant_and_unscalable_neurons():
    rows = [[0.0, 0.0], [0.0, 3.0], [0.0, 0.0], [4.0, 0.0]]
    net = Network.from_layers([(rows, [-5.0, 0.0, 0.0, 1.0]), ([[1.0, 2.0, 3.0, 4.0]], [0.5])])
    made = canonical(net)
    expected = [[0, 1, 0], [1, 0, 0.25], [0, 0, -1], [0, 0, 0]]
    assert made.layers[0].table.tolist() == expected
    assert made.layers[1].table.tolist() == [[6, 16, 5, 3, 0.5]]
    kept = Network.from_layers([([[2.0], [3.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])],
                               [hard_tanh(), leaky_relu()])  # fmt: skip
    assert canonical(kept).layers[0].weight.ravel().tolist() == [1.0, 2.0]
    assert canonical(kept).layers[0].units == (leaky_relu(), hard_tanh())


def test_huge_and_tiny_weights():
    net = Network.from_layers([([[1e-300, 1e-300]], [1e-300]), ([[1e300]], [1.0])])
    made = canonical(net)
    assert np.allclose(made.layers[0].weight, np.sqrt(0.5), rtol=1e-15)
    far = Network.from_layers([([[1e300]], [0.0]), ([[1e300]], [0.0])])
    with pytest.raises(NetworkError, match="beyond the range"):
        canonical(far)
    with pytest.raises(TypeError, match="Network"):
        canonical([])


# ---------------------------------------------------------------- alignment


@pytest.mark.parametrize("seed", range(4))
def test_isomorphic_networks_align(seed):
    layers = layers_of(seed, 3, 6, 5, 2)
    pair = Network.from_layers(layers), Network.from_layers(isomorphic(layers, seed))
    found = align(*pair)
    assert found.max_error < 1e-14
    assert sorted(found.layers[0].order) == list(range(6))
    assert [layer.matched for layer in found.layers] == [6, 5, 2]
    assert align(pair[0], canonical(pair[0])).max_error < 1e-14
    assert "output" in str(found)
    assert len(str(found).splitlines()) == 4


def test_errors_are_measured_where_they_are():
    layers = layers_of(0, 3, 4, 4, 1)
    changed = [(w.copy(), b.copy()) for w, b in layers]
    changed[1][1][2] += 0.01
    found = align(Network.from_layers(layers), Network.from_layers(changed))
    norms = np.linalg.norm(layers[0][0], axis=1)
    expected = 0.01 / np.linalg.norm(layers[1][0][2] * norms)
    assert found.layers[0].max_error == 0
    assert np.allclose(found.layers[1].bias_error, [0, 0, expected, 0], rtol=1e-12)
    assert found.max_error == found.layers[1].max_error


def test_the_best_assignment_of_all():
    """By brute force over permutations and signs."""
    for seed in range(5):
        one, other = (layers_of(k, 2, 5, 1) for k in (2 * seed, 2 * seed + 1))
        pair = Network.from_layers(one), Network.from_layers(other)
        norms = [np.linalg.norm(v[0][0], axis=1, keepdims=True) for v in (one, other)]
        tables = [np.column_stack(v[0]) for v in (one, other)]
        rows = [table / norm for table, norm in zip(tables, norms, strict=True)]
        near = min(
            sum(min(np.linalg.norm(rows[0][i] - s * rows[1][j]) for s in (1, -1))
                for i, j in enumerate(order))
            for order in permutations(range(5))
        )  # fmt: skip
        layer = align(*pair).layers[0]
        assert np.isclose(np.hypot(layer.weight_error, layer.bias_error).sum(), near)


def test_a_turned_neuron_is_reported():
    layers = layers_of(0, 2, 3, 1)
    turned = [(w.copy(), b.copy()) for w, b in layers]
    turned[0][0][1] *= -1
    turned[0][1][1] *= -1
    found = align(Network.from_layers(layers), Network.from_layers(turned))
    assert found.layers[0].flipped.tolist() == [False, True, False]
    assert found.layers[0].weight_error.max() == 0
    assert found.max_error == np.inf


def test_a_missing_neuron_and_other_units():
    layers = layers_of(0, 2, 4, 3, 1)
    fewer = [(layers[0][0][[2, 0, 1]], layers[0][1][[2, 0, 1]]),
             (layers[1][0][:, [2, 0, 1]], layers[1][1]), layers[2]]  # fmt: skip
    whole, part = Network.from_layers(layers), Network.from_layers(fewer)
    there, back = align(whole, part), align(part, whole)
    assert there.layers[0].order.tolist() == [1, 2, 0, -1]
    assert (back.layers[0].order.tolist(), back.layers[0].extra) == ([2, 0, 1], (3,))
    missing = np.abs(layers[1][0][:, 3]) * np.linalg.norm(layers[0][0][3])
    assert (there.layers[1].weight_error > 0).all()
    assert np.isnan(there.layers[0].weight_error[3])
    assert missing.max() > 0
    leaky = Network.from_layers(layers, leaky_relu())
    assert align(whole, leaky).layers[0].matched == 0


def test_what_is_refused():
    one = Network.from_layers(layers_of(0, 2, 3, 1))
    for other in (layers_of(0, 2, 3, 3, 1), layers_of(0, 3, 3, 1), layers_of(0, 2, 3, 2)):
        with pytest.raises(NetworkError, match="same number"):
            align(one, Network.from_layers(other))
    with pytest.raises(TypeError, match="Network"):
        align(one, 3)
