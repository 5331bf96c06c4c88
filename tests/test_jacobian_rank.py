"""Ranks of Jacobians by layer, and data clustered by pattern."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, network

from polyrelu import (
    Affine,
    Box,
    DomainError,
    Layer,
    Network,
    Slice,
    Space,
    jacobian_ranks,
    pattern_clusters,
    regions,
    relu,
)


def ranks_by_differences(net, x) -> list[int]:
    """By elimination of exact difference quotients of every layer's output, with a step so small
    that no threshold is crossed."""
    step = Fraction(1, 2**200)
    found = []
    for depth in range(1, len(net.layers) + 1):
        part = Network(net.layers[:depth])
        at = part.exact(x)[0]
        columns = []
        for i in range(len(x)):
            moved = [v + step * (k == i) for k, v in enumerate(x)]
            columns.append([(a - b) / step for a, b in zip(part.exact(moved)[0], at, strict=True)])
        found.append(rank(columns))
    return found


def rank(rows) -> int:
    rows, found = [list(row) for row in rows], 0
    for column in range(len(rows[0])):
        pivot = next((r for r in range(found, len(rows)) if rows[r][column]), None)
        if pivot is None:
            continue
        rows[found], rows[pivot] = rows[pivot], rows[found]
        for r in range(found + 1, len(rows)):
            factor = rows[r][column] / rows[found][column]
            rows[r] = [a - factor * b for a, b in zip(rows[r], rows[found], strict=True)]
        found += 1
    return found


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_differences(rng):
    dim = rng.randint(1, 3)
    net = network(rng, dim, 6)
    graph = regions(net, Box(-1, 2, dim=dim))
    found = jacobian_ranks(graph)
    for region, ranks in list(zip(graph, found.tolist(), strict=True))[:6]:
        assert ranks == ranks_by_differences(net, region.exact_point())
        assert jacobian_ranks(net, [region.exact_point()]).tolist() == [ranks]


def test_ranks_that_floats_miss():
    """Rows that differ by 2^-60 are two; the rows (1, 2) and (2, 4) are one."""
    weight = np.array([[1, 0, 0], [1, 2.0**-60, 0], [0, 0, 0]])
    net = Network.from_layers([(np.eye(3), np.zeros(3)), (weight, np.ones(3)), ([[1, 0, 0]], [0])])
    assert jacobian_ranks(net, [[1, 1, 1], [-1, 1, 1], [-1, -1, -1]]).tolist() == [
        [3, 2, 1], [2, 1, 0], [0, 0, 0]]  # fmt: skip


def test_a_weight_that_is_the_prime():
    """Factors of which the product is 2^61 - 1: modulo that prime nothing is left."""
    layer = Layer([Affine([[2.0**61], [-1.0]], [0, 0]), Affine([[1.0, 1.0]], [0])], relu())
    assert jacobian_ranks(Network((layer, layer)), [[1.0], [-1.0]]).tolist() == [[1, 1], [0, 0]]


def test_on_a_wall_the_unit_is_off():
    net = Network.from_layers([([[1.0]], [0]), ([[1.0]], [0])])
    assert jacobian_ranks(net, [[0.0], [2.0**-1074]]).tolist() == [[0, 0], [1, 1]]


def test_on_a_slice_there_is_one_coordinate():
    net = gaussian_network(0, 3, 5, 4, 2)
    graph = regions(net, Slice([0, 0, 0], [[1, 2, 3]], Space(1)))
    assert jacobian_ranks(graph).max() == 1


def test_points_or_regions():
    net = gaussian_network(0, 2, 3, 1)
    graph = regions(net, Space(2))
    with pytest.raises(DomainError, match="no points"):
        jacobian_ranks(graph, [[0, 0]])
    with pytest.raises(DomainError, match="needs points"):
        jacobian_ranks(net)
    for bad in ([[1.0]], [[np.nan, 0]], []):
        with pytest.raises(DomainError, match="points must"):
            jacobian_ranks(net, bad)


# --- clusters ----------------------------------------------------------------------------------


def test_clusters_by_hand():
    net = Network.from_layers([(np.eye(2), [0, 0]), ([[2, 3]], [1])])
    found = pattern_clusters(net, [[1, -1], [-1, 1], [2, 3], [5, -2], [0, 0], [4, 0]])
    assert found.labels.tolist()[0] == found.labels[3] == found.labels[5] == 0
    assert sorted(found.sizes.tolist(), reverse=True) == found.sizes.tolist() == [3, 1, 1, 1]
    assert found.patterns[0].tolist() == [1, 0]
    assert found.exact_coefficients(0) == (((2, 0),), (1,))
    assert found.exact_coefficients(int(found.labels[2])) == (((2, 3),), (1,))


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_coefficients_give_the_output(rng):
    dim = rng.randint(1, 4)
    net = network(rng, dim, 8)
    points = [[Fraction(rng.randint(-6, 6), 2) for _ in range(dim)] for _ in range(12)]
    found = pattern_clusters(net, points)
    assert found.sizes.sum() == len(points)
    assert len(found) == len({net.exact(x)[1] and tuple(s > 0 for s in net.exact(x)[1])
                              for x in points})  # fmt: skip
    for x, label in zip(points, found.labels.tolist(), strict=True):
        rows, offsets = found.exact_coefficients(label)
        predicted = tuple(
            sum(w * v for w, v in zip(row, x, strict=True)) + b
            for row, b in zip(rows, offsets, strict=True)
        )
        assert predicted == net.exact(x)[0]
