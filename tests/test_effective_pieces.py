"""Pieces, knots and sign changes of networks of one input: against exact values at many points."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network

from polyrelu import (
    Box,
    DomainError,
    IncompleteError,
    Limits,
    Network,
    NetworkError,
    Space,
    effective_pieces,
    regions,
    segment,
)


def line(weights, biases, output, offset=0.0, **options):
    """sum output_i ReLU(weights_i x + biases_i) + offset."""
    net = Network.from_layers([(np.array(weights)[:, None], biases), ([output], [offset])])
    return effective_pieces(net, options.pop("domain", Space(1)), **options)


def sign_changes_by_values(net, points) -> int:
    signs = [(v > 0) - (v < 0) for v in (net.exact([x])[0][0] for x in points)]
    kept = [s for s in signs if s]
    return sum(a != b for a, b in pairwise(kept))


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_their_values(rng):
    net = network(rng, 1, 8)
    graph = regions(net, Box(-3, 3, dim=1))
    found = effective_pieces(graph)
    ends = [Fraction(-3), *found.knots, Fraction(3)]
    assert ends == sorted(set(ends))
    assert all(a != b for a, b in pairwise(found.slopes))
    assert len(found) == len(found.slopes) == graph.linear_regions().max() + 1 or (
        net.output_dim > 1  # other outputs bend elsewhere
    )
    inside = [a + (b - a) * Fraction(k, 3) for a, b in pairwise(ends) for k in (1, 2)]
    for x in [*ends, *inside]:
        assert found(x) == net.exact([x])[0][0]
    places = sorted([*ends, *inside, *(zero for pair in found.sign_changes for zero in pair)])
    assert len(found.sign_changes) == sign_changes_by_values(net, places)
    for pair in found.sign_changes:
        assert all(found(zero) == 0 for zero in pair)


def test_kinks_that_cancel_are_no_knots():
    """ReLU(x) - ReLU(2x) / 2 is 0; a last bit more or less is a knot."""
    found = line([1, 2, 1], [0, 0, -1], [1, -0.5, 1])
    assert (found.activation_regions, found.knots, found.slopes) == (3, (1,), (0, 1))
    assert line([1, 2, 1], [0, 0, -1], [1, -np.nextafter(0.5, 1), 1]).knots == (0, 1)


def test_sign_changes_by_hand():
    """A zero interval between the signs, a touch, ends that are infinite or 0."""
    wide = line([-1, 1], [0, -1], [-1, 1])  # -ReLU(-x) + ReLU(x - 1)
    assert wide.sign_changes == ((0, 1),)
    assert line([-1, 1], [0, -1], [1, 1]).sign_changes == ()  # touches 0 on [0, 1]
    tent = line([1, 1], [0, -1], [1, -2], -0.25)
    assert tent.sign_changes == ((Fraction(1, 4),) * 2, (Fraction(7, 4),) * 2)
    assert line([1], [0], [1], domain=Box(-1, 1, dim=1)).sign_changes == ()
    slope = line([1, -1], [0, 0], [3, -3], 1.0)
    assert slope.knots == ()
    assert slope.sign_changes == ((Fraction(-1, 3),) * 2,)
    assert (slope.low, slope.high) == (None, None)


def test_knots_between_samples():
    found = line([1, 1, 1], [0, -1, -2], [1, 1, 1])
    assert found.knots_between([3, -1, 0.5]) == (1, 2)
    assert found.knots_between([0, 1, 1, 2]) == (0, 0)  # a knot at a sample is between none
    for bad in ([], [1, 1], [0, float("nan")], [0, "a"]):
        with pytest.raises(DomainError):
            found.knots_between(bad)


def test_a_segment_and_a_combination_of_outputs():
    net = Network.from_layers([(np.eye(2), [0, 0]), ([[1, 0], [0, 1]], [0, 0])])
    along = segment([-1, -2], [1, 1])  # ReLU(2t - 1) + ReLU(3t - 2)
    assert effective_pieces(net, along, output=[1, 1]).knots == (Fraction(1, 2), Fraction(2, 3))
    assert effective_pieces(net, along, output=1).knots == (Fraction(2, 3),)


def test_what_is_refused():
    net = Network.from_layers([([[1.0]], [0]), ([[1.0]], [0])])
    with pytest.raises(DomainError, match="a point"):
        effective_pieces(net, Box(1, 1, dim=1))
    with pytest.raises(DomainError, match="dimension 2"):
        effective_pieces(Network.from_layers([([[1.0, 2.0]], [0])]))
    with pytest.raises(NetworkError, match="output"):
        effective_pieces(net, output=1)
    many = Network.from_layers([(np.ones((9, 1)), np.arange(9)), (np.ones((1, 9)), [0])])
    with pytest.raises(IncompleteError, match="the limit on regions"):
        effective_pieces(many, limits=Limits(regions=2))
    found = effective_pieces(net, Box(-1, 2, dim=1))
    assert (found(2), found(-1)) == (2, 0)
    for bad in (2.1, -1.1, float("inf")):
        with pytest.raises(DomainError):
            found(bad)
