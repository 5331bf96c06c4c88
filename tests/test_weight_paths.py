"""Path norms and ranks: against lists of all paths."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from math import prod

import numpy as np
import pytest
from flint import fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import Affine, Layer, Network, NetworkError, identity, path_norm, path_rank

SIZES = st.lists(st.integers(1, 3), min_size=2, max_size=4)


def random_network(sizes, seed):
    rng = np.random.default_rng(seed)
    return Network.from_layers(
        [(rng.integers(-2, 3, size=(n, m)) / 4, rng.integers(-2, 3, size=n)) for m, n in
         pairwise(sizes)]
    )  # fmt: skip


def paths(net, first=0):
    """The units of each path that begins before layer ``first``, and its weights."""
    widths = net.widths[first:]
    for units in product(*map(range, widths)):
        layers = net.layers[first:]
        yield (
            units,
            [
                Fraction(layer.weight[j, i])
                for layer, (i, j) in zip(layers, pairwise(units), strict=True)
            ],
        )


@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(0, 10**6), st.sampled_from([1, 2]))
def test_norm_is_a_sum_over_paths(sizes, seed, power):
    net = random_network(sizes, seed)
    weights = sum(abs(prod(w)) ** power for _, w in paths(net))
    assert path_norm(net, power) == weights
    biased = sum(
        abs(prod(w) * Fraction(layer.bias[units[0]])) ** power
        for k, layer in enumerate(net.layers)
        for units, w in paths(net, k + 1)
    )
    assert path_norm(net, power, biases=True) == weights + biased


@settings(deadline=None, max_examples=60)
@given(SIZES, st.integers(0, 10**6))
def test_rank_is_that_of_the_paths_there_are(sizes, seed):
    net = random_network(sizes, seed)
    edges = {(k, i, j): n for n, (k, i, j) in enumerate(
        (k, i, j) for k, (m, n) in enumerate(pairwise(sizes)) for i in range(m) for j in range(n)
    )}  # fmt: skip
    rows = []
    for units, weights in paths(net):
        if all(weights):
            row = [0] * len(edges)
            for k, (i, j) in enumerate(pairwise(units)):
                row[edges[k, i, j]] = 1
            rows.append(row)
    assert path_rank(net) == (int(fmpz_mat(rows).rank()) if rows else 0)


def test_known_ranks():
    known = {(3, 4, 2): 16, (2, 3, 3, 2): 15, (4, 2, 5, 1): 16, (2, 2, 2, 2, 2): 10}
    assert {widths: path_rank(widths) for widths in known} == known


def test_factors_are_one_matrix():
    """Two factors whose product is 0 have no path."""
    layer = Layer([Affine([[1.0], [1.0]], [0, 0]), Affine([[1.0, -1.0]], [0])], identity())
    assert (path_norm(layer), path_rank(layer)) == (0, 0)
    third = Layer([Affine([[1.0]], [1.0], np.array([3.0]))], identity())
    assert path_norm(third, 2, biases=True) == Fraction(2, 9)


@pytest.mark.parametrize("widths", [(), (3,), (3, 0), (2.5, 1), ("a", "b"), 7, None])
def test_bad_widths(widths):
    with pytest.raises(NetworkError, match="two or more positive integers"):
        path_rank(widths)


@pytest.mark.parametrize("power", [0, 3, True, 0.5, "1"])
def test_bad_powers(power):
    with pytest.raises(NetworkError, match="1 or 2"):
        path_norm(random_network([1, 1], 0), power)
