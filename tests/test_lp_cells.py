"""Cells without vertices: the same graphs, where cells have too many vertices to hold."""

from __future__ import annotations

from math import comb
from random import Random

import numpy as np
import oracle
import pytest
from networks import (
    cells_in_general_position,
    gaussian_network,
    general_position,
    one_layer,
    problem,
    walls_in_general_position,
)
from test_against_oracle import edges_by_pattern, patterns_of

from polyrelu import Box, Limits, Network, Polytope, Space, count_regions, regions
from polyrelu.arrangement import Arrangement
from polyrelu.engine import lp_answers
from polyrelu.engine.adjacency import UNEXPLORED
from polyrelu.engine.choice import representation
from polyrelu.engine.lp_enumerate import LpEnumeration
from polyrelu.engine.program import compile_network
from polyrelu.engine.row_systems import interior_point
from polyrelu.families import family
from polyrelu.rational import dot_point


@pytest.mark.parametrize(
    ("widths", "space"),
    [((7, 8), False), ((7, 8), True), ((8, 6, 4), False), ((6, 5, 4), True), ((9, 5, 5), False)],
)
def test_the_same_graph_as_by_vertices(widths, space):
    net = gaussian_network(0, *widths)
    where = Space(widths[0]) if space else Box(-1, 1, dim=widths[0])
    by_vertices = regions(net, where, cells="vertices")
    by_programs = regions(net, where, cells="lp")
    assert edges_by_pattern(by_programs) == edges_by_pattern(by_vertices)
    assert by_programs.verify("patterns").ok


@pytest.mark.parametrize(("n", "d"), [(12, 8), (12, 10), (13, 12)])
def test_general_position_in_many_dimensions(n, d):
    G = regions(general_position(0, n, d), Space(d), cells="lp")
    assert len(G) == cells_in_general_position(n, d)
    assert G.n_walls == walls_in_general_position(n, d)
    assert (~G.unbounded).sum() == comb(n - 1, d)


@pytest.mark.parametrize("name", [("braid", 5), ("type b", 4), ("resonance", 4), ("catalan", 4)])
def test_degenerate_arrangements(name):
    arrangement = Arrangement(*family(*name))
    space = Space(arrangement.dim)
    by_vertices = regions(arrangement.network, space, cells="vertices")
    by_programs = regions(arrangement.network, space, cells="lp")
    assert edges_by_pattern(by_programs) == edges_by_pattern(by_vertices)


def test_sixteen_inputs():
    """A box has 65,536 corners; none is ever looked at."""
    net = gaussian_network(1, 16, 7, 3)
    G = regions(net, Box(-1, 1, dim=16))
    assert G.complete
    assert len(G) == count_regions(net, Box(-1, 1, dim=16)).count
    assert G.verify("patterns").ok
    degrees = np.diff(G.indptr)
    assert degrees.min() >= 16


def facets_by_pattern(G):
    """Walls of each region with what is across: a pattern, or a mark."""
    patterns = [p.tobytes() for p in G.patterns]
    across = [patterns[j] if j >= 0 else j for j in G.neighbor.tolist()]
    rows = list(zip(G.facets.tolist(), across, strict=True))
    return {
        p: set(rows[a:b]) for p, a, b in zip(patterns, G.indptr[:-1], G.indptr[1:], strict=True)
    }


@pytest.mark.parametrize("limit", [1, 7, 30, 95])
@pytest.mark.parametrize(
    ("net", "where"),
    [
        (gaussian_network(0, 6, 7), Space(6)),
        (gaussian_network(0, 5, 5, 4), Space(5)),
        (gaussian_network(3, 5, 6, 5), Box(-1, 1, dim=5)),
        (Arrangement(*family("braid", 5)).network, Space(5)),
        (Arrangement(*family("resonance", 4)).network, Space(4)),
        (Arrangement(*family("catalan", 4)).network, Box(-1, 1, dim=4)),
    ],
)
def test_regions_at_a_limit_have_the_facets_that_they_have(net, where, limit):
    """What lies behind a facet may not have been found, but not whether it is one."""
    whole = facets_by_pattern(regions(net, where, cells="lp"))
    part = facets_by_pattern(regions(net, where, cells="lp", limits=Limits(regions=limit)))
    assert len(part) == limit
    for pattern, facets in part.items():
        expected = {(w, p if p in part or p == -1 else UNEXPLORED) for w, p in whole[pattern]}
        assert facets == expected


def test_limits_hold_in_any_dimension():
    net = gaussian_network(1, 64, 40, 10)
    G = regions(net, Box(-1, 1, dim=64), limits=Limits(regions=20))
    assert len(G) == 20
    assert not G.complete
    assert G.verify("patterns").ok


def test_a_polytope_that_is_no_box():
    d = 7
    simplex = Polytope([*(-np.eye(d)).tolist(), [1.0] * d], [*[0.25] * d, 1.0])
    net = gaussian_network(2, d, 6, 4)
    by_vertices = regions(net, simplex, cells="vertices")
    assert edges_by_pattern(regions(net, simplex, cells="lp")) == edges_by_pattern(by_vertices)


def is_for_programs(compiled, counting=False):
    return representation(compiled, counting, "auto")[0] == "lp"


def test_the_choice_is_by_vertices_not_by_dimension():
    many = compile_network(gaussian_network(0, 9, 8), Box(-1, 1, dim=9))
    few = compile_network(Arrangement(*family("boolean", 9)).network, Space(9))
    assert is_for_programs(many)
    assert not is_for_programs(few)


def test_deep_and_wide_networks_keep_their_vertices():
    """With thirty vertices a cell programs win on one layer, and lose the more walls are open."""
    box = Box(-1, 1, dim=5)
    shallow, deep = gaussian_network(0, 5, 20), gaussian_network(0, 5, 48, 48, 48)
    assert is_for_programs(compile_network(shallow, box), counting=True)
    for counting in (True, False):
        assert not is_for_programs(compile_network(deep, box), counting)


def test_ties_are_a_reason_for_vertices():
    braid = compile_network(Arrangement(*family("braid", 7)).network, Space(7))
    general = compile_network(gaussian_network(0, 6, 21), Space(6))
    assert not is_for_programs(braid)
    assert is_for_programs(general)


def test_a_search_that_goes_on_from_a_trial_may_ask_more_than_the_trial():
    rng = np.random.default_rng(0)
    ties = one_layer(np.round(8 * rng.normal(size=(14, 6))), np.round(8 * rng.normal(size=14)))
    box = Box(-1, 1, dim=6)
    assert is_for_programs(compile_network(ties, box))
    n = count_regions(ties, box, cells="vertices").count
    assert count_regions(ties, box).count == len(regions(ties, box)) == n


def test_an_interior_point_of_long_rows():
    """Guessed in float64 and confirmed in integers: flat and empty polyhedra have none."""
    rows = [[10**30, 0, 1], [-(10**30), 0, 10**30], [0, 10**25, 0], [-(10**30), -(10**30), 10**31]]
    thin = [*rows, [0, -(10**40), 1]]  # 1e-40 wide: no float64 program sees that
    for system in (rows, thin):
        point = interior_point(system)
        assert all(dot_point(row, point) > 0 for row in system)
    assert interior_point([*rows, [0, -1, 0]]) is None
    assert interior_point([*rows, [0, -(10**40), -1]]) is None
    assert interior_point([*rows, [0, -1, -1]]) is None
    far = interior_point([[10**400, 0, 1], [0, 1, -(10**800)]])  # beyond float64
    assert far[1] > 10**800


def test_a_wrong_choice_is_refused():
    with pytest.raises(
        ValueError, match='cells must be "auto", "vertices" or "lp", not \'simplex\''
    ):
        regions(gaussian_network(0, 2, 3), Space(2), cells="simplex")


def quantised(seed: int, *widths: int):
    """Weights and biases that are quarters, with many ties."""
    net = gaussian_network(seed, *widths)
    layers = [(np.round(4 * x.weight) / 4, np.round(4 * x.bias) / 4) for x in net.layers]
    return Network.from_layers(layers)


def simplex(dim: int) -> Polytope:
    """Every facet but one cuts off a corner of the box."""
    return Polytope(np.vstack([-np.eye(dim), np.ones(dim)]), np.append(np.ones(dim), 1.5))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("where", [Box(-1, 1, dim=5), simplex(5), Space(5)])
@pytest.mark.parametrize(
    ("net", "widths"),
    [(gaussian_network, (5, 6)), (gaussian_network, (5, 4, 3)), (quantised, (5, 4, 3))],
)
def test_facets_are_the_oracles(net, widths, where, seed):
    """Those of the domain too, which nothing that lies across them would miss."""
    network = net(seed, *widths)
    truth = oracle.solve(network, where)
    G = regions(network, where, cells="lp")
    assert len(G) == len(truth.regions)
    for i, pattern in enumerate(patterns_of(G)):
        assert G.indptr[i + 1] - G.indptr[i] == len(truth.regions[pattern].facets)


@pytest.mark.parametrize("seed", range(2))
def test_rows_that_are_redundant_by_an_ulp(seed):
    """A ray meets them where it meets the true facets, as far as float64 can tell."""
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(3, 5)), rng.normal(size=3) / 2
    first = np.vstack([W, W]), np.append(b, np.nextafter(b, np.inf))
    second = rng.normal(size=(2, 6)), rng.normal(size=2)
    network, where = (
        Network.from_layers([first, second, (np.ones((1, 2)), [0.0])]),
        Box(-1, 1, dim=5),
    )
    truth = oracle.solve(network, where)
    G = regions(network, where, cells="lp")
    assert len(G) == len(truth.regions)
    for i, pattern in enumerate(patterns_of(G)):
        assert G.indptr[i + 1] - G.indptr[i] == len(truth.regions[pattern].facets)


def test_witnesses_of_cells_that_are_done_with_are_forgotten(monkeypatch):
    """Memory is for the cells that wait, however many regions have been found."""
    compiled = compile_network(*problem(Random(48)))
    whole = LpEnumeration(compiled)
    points = [x for block in whole.blocks() for x in block.exact_witness.values()]
    assert len(whole.resolver.witnesses) > 20
    monkeypatch.setattr(lp_answers, "REMEMBERED_WITNESSES", 2)
    search, again, most = LpEnumeration(compiled), [], 0
    for block in search.blocks():
        again += block.exact_witness.values()
        most = max(most, len(search.resolver.witnesses))
    assert again == points
    assert most < 6
