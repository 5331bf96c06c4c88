"""Outward from a point, where there are far too many regions to enumerate.

That all of a small network's regions are found so, with the same graph, is tested on every
nasty network in test_against_oracle.py.
"""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from networks import gaussian_network, problem
from test_against_oracle import edges_by_pattern, start_in

from polyrelu import Box, DomainError, Limits, Network, Polytope, Slice, Space, regions
from polyrelu.conformance import instances
from polyrelu.engine.adjacency import DOMAIN_WALL, UNEXPLORED


def he_network(seed: int, *widths: int) -> Network:
    rng = np.random.default_rng(seed)
    pairs = [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 10)
        for m, n in pairwise(widths)
    ]
    return Network.from_layers([*pairs, (rng.normal(size=(3, widths[-1])), np.zeros(3))])


def image(dim: int) -> np.ndarray:
    """Most pixels are exactly 0, on the boundary of the box."""
    rng = np.random.default_rng(0)
    return np.where(rng.random(dim) < 0.6, 0.0, rng.random(dim))


@pytest.mark.parametrize("whole_space", [False, True])
def test_hundreds_of_inputs(whole_space):
    net, x = he_network(0, 784, 16, 16), image(784)
    where = Space(784) if whole_space else Box(0, 1, dim=784)
    G = regions(net, where, start=x, limits=Limits(regions=12))
    assert len(G) == 12
    assert not G.complete
    assert G.stopped_by == "regions"
    assert G.region_at(x).index == 0
    assert G.verify("patterns").ok
    behind = [G.neighbor[a:b] for a, b in pairwise(G.indptr.tolist())]
    assert all(len(G.neighbors(i)) for i in range(12))
    assert (behind[0] == UNEXPLORED).any()
    if not whole_space:
        assert all((n == DOMAIN_WALL).sum() > 1400 for n in behind)


def test_facets_are_those_of_the_enumeration():
    """A part of a network that can be enumerated: no facet is missed, none invented."""
    net, where = gaussian_network(4, 6, 9, 6), Box(-1, 1, dim=6)
    whole = regions(net, where)
    part = regions(net, where, start=np.full(6, 0.1), limits=Limits(regions=60))
    assert len(part) == 60
    assert len(whole) > 1000
    for region in part:
        twin = whole[whole.find(part.patterns[region.index])]
        assert sorted(part.facets[slice(*part.indptr[region.index : region.index + 2])]) == sorted(
            whole.facets[slice(*whole.indptr[twin.index : twin.index + 2])]
        )


def test_breadth_first():
    """Regions come in the order of their distance from the first."""
    net = gaussian_network(5, 3, 8, 5)
    G = regions(net, Space(3), start=[0.1, 0.2, 0.3])
    hops = {0: 0}
    for i in range(len(G)):
        for j in G.neighbors(i).tolist():
            hops.setdefault(j, hops[i] + 1)
    assert G.complete
    assert list(map(hops.get, range(len(G)))) == sorted(hops.values())


@pytest.mark.parametrize("whole_space", [False, True])
def test_points_that_there_is_no_room_for_are_found_again(whole_space, monkeypatch):
    monkeypatch.setattr("polyrelu.engine.explore.RETAINED", 0)
    net = gaussian_network(5, 3, 8, 5)
    where = Space(3) if whole_space else Box(-1, 1, dim=3)
    G = regions(net, where, start=[0.1, 0.2, 0.3])
    assert G.complete
    assert len(G) == len(regions(net, where)) > 20


def test_a_limit_that_is_just_enough():
    net = gaussian_network(6, 2, 5)
    n = len(regions(net, Space(2)))
    assert regions(net, Space(2), start=[0, 0], limits=Limits(regions=n)).complete
    less = regions(net, Space(2), start=[0, 0], limits=Limits(regions=n - 1))
    assert not less.complete
    assert len(less) == n - 1


@pytest.mark.parametrize("case", [c for c in instances() if c.cells < 130], ids=lambda c: c.name)
def test_degenerate_arrangements_from_where_walls_meet(case):
    origin = np.zeros(case.domain.dim)
    try:
        G = regions(case.network, case.domain, start=origin)
    except DomainError:
        start = regions(case.network, case.domain)[0].witness
        G = regions(case.network, case.domain, start=start)
    assert G.complete
    assert len(G) == case.cells
    assert case.walls in (None, G.n_walls)
    assert case.bounded in (None, (~G.unbounded).sum())


def test_in_a_plane():
    net = he_network(1, 30, 12, 8)
    plane = Slice.through(*np.random.default_rng(1).normal(size=(3, 30)))
    whole = regions(net, plane)
    outward = regions(net, plane, start=[0.3, 0.3])
    assert {p.tobytes() for p in outward.patterns} == {p.tobytes() for p in whole.patterns}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "seed",
    [
        597,  # constant: there is no direction at all
        1002167,  # weights of 1e149: the barrier's gradient is beyond float64
        1002556,  # a dozen constant rows
        1001430,  # a witness whose coordinates overflow on the way
    ],
)
def test_nasty_networks_from_a_point(seed):
    net, where = problem(Random(seed), max_inputs=4)
    whole = regions(net, where)
    outward = regions(net, where, start=start_in(where, whole))
    assert edges_by_pattern(outward) == edges_by_pattern(whole)


FAR = 2.0**54


@pytest.mark.parametrize(
    ("where", "start", "patterns"),
    [
        (Polytope([[1, 0], [0, 1]], [FAR, FAR]), [FAR, FAR], [[0]]),
        (Polytope([[-1, 0], [0, -1]], [-FAR, -FAR]), [2 * FAR, FAR], [[1]]),
        (Polytope([[1e-200, 0]], [1e200]), [0, 0], [[1], [0]]),  # x <= 1e400
    ],
)
def test_far_corners_of_a_domain(where, start, patterns):
    """A step of 1 inwards is lost in the roundings there, or the bound is beyond float64."""
    net = Network.from_layers([([[1, 1]], [-2 * FAR if any(start) else 0.0]), ([[1]], [0])])
    G = regions(net, where, start=start)
    assert sorted(G.patterns.tolist()) == sorted(patterns)
    assert G.verify().ok


def test_a_wrong_start_is_refused():
    net = gaussian_network(0, 2, 3)
    with pytest.raises(DomainError, match="start has 3 coordinates, a point of the domain has 2"):
        regions(net, Box(-1, 1, dim=2), start=[0, 0, 0])
    with pytest.raises(DomainError, match="start is outside of the domain"):
        regions(net, Box(-1, 1, dim=2), start=[0, 2])
    with pytest.raises(DomainError, match="start"):
        regions(net, Box(-1, 1, dim=2), start=[0, np.nan])
