"""Expected gradient outer products: by hand, by integration on a grid of triangles, by samples."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, network

from polyrelu import (
    Box,
    DomainError,
    IncompleteError,
    Limits,
    Network,
    NetworkError,
    Slice,
    Space,
    egop,
    index_space,
    regions,
)


def test_by_hand():
    """ReLU(x) + 2 ReLU(y) on [-1, 3]^2: gradients (0 or 1, 0 or 2), each 1 on 3/4."""
    net = Network.from_layers([(np.eye(2), [0, 0]), ([[1, 2]], [0])])
    found = egop(net, Box(-1, 3, dim=2))
    assert found.exact == ((Fraction(3, 4), Fraction(9, 8)), (Fraction(9, 8), 3))
    assert found.integral == ((12, 18), (18, 48))
    assert (found.volume, found.index_rank) == (16, 2)
    assert found.matrix.tolist() == [[0.75, 1.125], [1.125, 3.0]]


def test_by_samples():
    net = gaussian_network(3, 2, 8, 6, 1)
    found = egop(net, Box(-1, 1, dim=2)).matrix
    points = np.random.default_rng(0).uniform(-1, 1, size=(200_000, 2))
    step = 2.0**-20
    gradients = np.stack([(net(points + step * e) - net(points))[:, 0] / step for e in np.eye(2)])
    assert found == pytest.approx(gradients @ gradients.T / len(points), rel=0.03, abs=0.03)


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_region_by_region(rng):
    dim = rng.randint(1, 3)
    net, box = network(rng, dim, 6), Box(-1, 2, dim=dim)
    graph = regions(net, box)
    found = egop(graph)
    assert found.volume == 3**dim
    integral = np.zeros((dim, dim), dtype=object)
    for region in graph:
        jacobian = np.array(region.exact_affine_map[0], dtype=object)
        integral += jacobian.T @ jacobian * region.exact_volume()
    assert [list(row) for row in found.integral] == integral.tolist()
    by_float = np.vstack([region.affine_map[0] for region in graph])
    scale = np.abs(by_float).max(axis=1, keepdims=True)
    rows = (by_float / np.where(scale, scale, 1)).astype(float)
    assert found.index_rank >= np.linalg.matrix_rank(rows, tol=1e-6)
    assert found.index_rank == len(index_space(graph))


def test_an_index_rank_that_floats_miss():
    """The second direction is 2^-60 of the first."""
    net = Network.from_layers([([[1, 0], [1, 2.0**-60]], [0, 0]), ([[1, 1]], [0])])
    assert egop(net, Box(-1, 1, dim=2)).index_rank == 2
    assert len(index_space(net)) == 2
    one = Network.from_layers([([[1, 2], [2, 4]], [0, 1]), ([[1, 1]], [0])])
    assert index_space(one, Space(2)) == ((1, 2),)
    assert index_space(Network.from_layers([([[0, 0]], [1])])) == ()


def test_outputs_and_slices():
    net = Network.from_layers([(np.eye(2), [0, 0]), (np.eye(2), [0, 0])])
    box = Box(0, 1, dim=2)
    assert egop(net, box).exact == ((1, 0), (0, 1))
    assert egop(net, box, output=1).exact == ((0, 0), (0, 1))
    assert egop(net, box, output=[1, -1]).exact == ((1, -1), (-1, 1))
    along = Slice([0, 0], [[1, 2]], Box(0, 1, dim=1))
    assert egop(net, along).exact == ((5,),)


def test_what_is_refused():
    net = gaussian_network(0, 2, 4, 1)
    with pytest.raises(DomainError, match="bounded"):
        egop(net)
    with pytest.raises(DomainError, match="flat"):
        egop(net, Box([0, 0], [1, 0]))
    with pytest.raises(NetworkError, match="output"):
        egop(net, Box(-1, 1, dim=2), output=1)
    with pytest.raises(IncompleteError, match="the limit on regions"):
        index_space(net, limits=Limits(regions=1))
    graph = regions(net, Box(-1, 1, dim=2))
    with pytest.raises(IncompleteError, match=r"the limit on seconds was reached after 0 of \d"):
        egop(graph, limits=Limits(seconds=1e-9))


def test_progress_is_told_of_volumes():
    told = []
    graph = regions(gaussian_network(0, 2, 4, 1), Box(-1, 1, dim=2))
    egop(graph, progress=lambda volumes, seconds: told.append(volumes))
    assert told == list(range(len(graph)))
