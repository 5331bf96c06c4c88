"""Persistence of weights: against scipy's spanning trees and all paths."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network
from scipy.sparse.csgraph import minimum_spanning_tree

from polyrelu import (
    Affine,
    Layer,
    Network,
    NetworkError,
    deep_graph_persistence,
    neural_persistence,
    relu,
)

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 6))


def tree_by_scipy(weights: np.ndarray) -> np.ndarray:
    """Deaths, decreasing; costs 2 - w are positive, so that no edge is lost."""
    outputs, inputs = weights.shape
    cost = np.zeros((outputs + inputs,) * 2)
    cost[:outputs, outputs:] = 2 - np.abs(weights) / np.abs(weights).max()
    tree = minimum_spanning_tree(cost)
    return np.sort(2 - tree.data)[::-1]


@settings(deadline=None, max_examples=60)
@given(SHAPES, st.integers(0, 10**6), st.booleans())
def test_deaths_are_those_of_a_spanning_tree(shape, seed, whole):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-3, 4, size=shape).astype(float) if whole else rng.normal(size=shape)
    weights[0, 0] = 5.0
    found = neural_persistence(weights)
    deaths = tree_by_scipy(weights)
    assert found.n_vertices == sum(shape)
    assert found.deaths == pytest.approx(deaths, abs=1e-12)
    value = np.sqrt(((1 - deaths) ** 2).sum() + 1)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.normalised == pytest.approx(value / np.sqrt(sum(shape) - 1), rel=1e-12)
    low, high = found.bounds
    assert low <= found.value <= high <= low * (1 + 2.0**-50)


def test_by_hand():
    """Tree edges 4, 2, 1: persistences 0, 1/2, 3/4, and 1 for what never dies."""
    found = neural_persistence([[4, -2], [1, 0.5]])
    assert found.deaths.tolist() == [1.0, 0.5, 0.25]
    low, high = found.bounds
    assert low**2 <= 29 / 16 <= high**2
    assert found.normalised == pytest.approx(np.sqrt(29 / 48))


def test_scale_and_biases_do_not_matter():
    weight = gaussian_network(0, 4, 5, 1).layers[0].weight
    layer = Layer([Affine(-8 * weight, np.arange(5))], relu())
    assert neural_persistence(layer) == neural_persistence(weight)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(2, 4), min_size=3, max_size=4), st.integers(0, 10**6), st.booleans())
def test_deep_persistence_by_all_paths(sizes, seed, standardise):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(n, m)) for m, n in pairwise(sizes)]
    net = Network.from_layers([(w, np.zeros(len(w))) for w in weights])
    edges = [np.abs((w - w.mean()) / w.std() if standardise else w) for w in weights]
    best = np.zeros((net.output_dim, net.input_dim))
    for units in product(*map(range, net.widths)):
        weakest = min(e[j, i] for e, i, j in zip(edges, units[:-1], units[1:], strict=True))
        best[units[-1], units[0]] = max(best[units[-1], units[0]], weakest)
    found = deep_graph_persistence(net, standardise)
    assert found.deaths == pytest.approx(tree_by_scipy(best), abs=1e-9)


@pytest.mark.parametrize("weight", [[[0.0]], [[np.nan]], [1.0], "no"])
def test_what_has_no_persistence(weight):
    with pytest.raises(NetworkError):
        neural_persistence(weight)


def test_what_has_no_deep_persistence():
    equal = Network.from_layers([(np.ones((2, 2)), [0, 0]), ([[1, 2]], [0])])
    with pytest.raises(NetworkError, match="all be equal"):
        deep_graph_persistence(equal)
    assert deep_graph_persistence(equal, standardise=False).n_vertices == 3
    blocked = Network.from_layers([([[1, 2], [0, 0]], [0, 0]), ([[0, 1]], [0])])
    with pytest.raises(NetworkError, match="different from 0"):
        deep_graph_persistence(blocked, standardise=False)
