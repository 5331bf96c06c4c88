"""The region graph: its columns, its views of adjacency, and looking up points exactly."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpz_mat
from networks import (
    cantor_net,
    doubled,
    folded_line,
    gaussian_network,
    one_layer,
    problem,
    resonance,
)

from polyrelu import (
    Affine,
    Box,
    Layer,
    Network,
    PiecewiseLinear,
    Polytope,
    Slice,
    Space,
    hard_tanh,
    regions,
    relu,
    segment,
)
from polyrelu.errors import DomainError
from polyrelu.rational import rows_of

GRAPHS = {
    "general": (gaussian_network(0, 2, 8, 6), Box(-1, 1, dim=2)),
    "whole space": (gaussian_network(1, 3, 6, 4), Space(3)),
    "several bits at a wall": (resonance(3), Space(3)),
    "zero units": (cantor_net(2), Box(0, 1, dim=2)),
    "thin": (doubled(3, 5, 2), Space(2)),
    "lines": (one_layer([[1, 1, 0], [1, -1, 0]], [0, 0.5]), Space(3)),
    "flat": (gaussian_network(2, 3, 6), Box([-1, -1, 0.25], [1, 1, 0.25])),
    "slice": (gaussian_network(3, 9, 7, 5), Slice.through(*np.eye(9)[:3])),
    "one region": (one_layer([[0.0, 0.0]], [1.0]), Space(2)),
    "no bits": (Network.from_layers([([[1.0, 2.0]], [0.0])]), Box(-1, 1, dim=2)),
    "ten bits": (one_layer(np.eye(10)[:, :2] + 0.5, np.arange(10) / 10), Box(-1, 1, dim=2)),
}


@pytest.fixture(scope="module", params=GRAPHS)
def G(request):
    return regions(*GRAPHS[request.param])


# ---------------------------------------------------------------- columns


def test_columns_cannot_be_written_to(G):
    for name in ("packed_patterns", "local_witnesses", "unbounded", "indptr", "facets",
                 "neighbor", "coincident", "vanishing", "witnesses"):  # fmt: skip
        column = getattr(G, name)
        assert not column.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            column[...] = 0
    with pytest.raises(AttributeError):
        G.complete = False


def test_shapes(G):
    n = len(G)
    assert G.patterns.shape == (n, len(G.network.thresholds))
    assert G.witnesses.shape == (n, G.dim)
    assert G.unbounded.shape == (n,)
    assert G.indptr[0] == 0
    assert G.indptr[-1] == len(G.facets) == len(G.neighbor)
    assert [region.index for region in G] == list(range(n))
    assert G[-1].index == n - 1
    for i in range(n):
        assert G.pattern(i).tolist() == G.patterns[i].tolist()


@pytest.mark.parametrize("index", [10**6, -(10**6)])
def test_an_index_out_of_range(G, index):
    for look_up in (G.__getitem__, G.neighbors):
        with pytest.raises(IndexError, match=f"region {index} of {len(G)}"):
            look_up(index)


def test_witnesses_have_their_patterns(G):
    for i in range(len(G)):
        _, signs = G.network.exact(G.exact_point(i))
        assert [int(s > 0) for s in signs] == G.pattern(i).tolist()
        assert G.witnesses[i] == pytest.approx([float(v) for v in G.exact_point(i)], abs=1e-9)


# ---------------------------------------------------------------- adjacency, five times


def test_all_views_of_adjacency_agree(G):
    edges = {tuple(pair) for pair in G.edges().tolist()}
    assert len(edges) == len(G.edges()) == G.n_walls
    assert all(i < j for i, j in edges)
    both = edges | {(j, i) for i, j in edges}
    assert both == {(i, j) for i in range(len(G)) for j in G.neighbors(i).tolist()}
    assert both == {(r.index, j) for r in G for j in r.neighbors.tolist()}
    assert both == set(zip(*map(np.ndarray.tolist, G.to_scipy().nonzero()), strict=True))
    assert G.degrees.tolist() == [len(G.neighbors(i)) for i in range(len(G))]
    assert G.to_scipy().shape == (len(G), len(G))
    graph = G.to_networkx()
    assert sorted(graph.nodes) == list(range(len(G)))
    assert {tuple(sorted(edge)) for edge in graph.edges} == edges


def test_a_wall_is_where_its_threshold_flips(G):
    """The named threshold vanishes on the wall; only bits that are 0 or flip there may differ."""
    for i, j, t in G.to_networkx().edges(data="threshold"):
        flips = G.flips(i, j).tolist()
        assert flips == np.flatnonzero(G.pattern(i) != G.pattern(j)).tolist()
        assert flips == G.flips(j, i).tolist()
        assert flips
        forms = [r.form(t) for r in (G[i], G[j]) if any(r.form(t)[:-1])]
        assert t in flips or any(not any(r.form(t)) for r in (G[i], G[j]))
        assert forms


def test_facets_are_the_columns(G):
    for region in G:
        here = slice(*G.indptr[region.index : region.index + 2].tolist())
        assert len(region.facets) == here.stop - here.start
        for facet, name, behind in zip(
            region.facets, G.facets[here].tolist(), G.neighbor[here].tolist(), strict=True
        ):
            assert (facet.threshold is None) == (facet.inequality is not None) == (behind == -1)
            assert facet.neighbor == (behind if behind >= 0 else None)
            assert name == (-1 - facet.inequality if behind == -1 else facet.threshold)


# ---------------------------------------------------------------- patterns


def test_every_pattern_is_found(G):
    assert [G.find(pattern) for pattern in G.patterns] == list(range(len(G)))
    known = set(map(tuple, G.patterns.tolist()))
    for i in range(len(G)):
        for t in range(len(G.network.thresholds)):
            other = G.pattern(i)
            other[t] ^= 1
            index = G.find(other)
            assert (index >= 0) == (tuple(other.tolist()) in known)
            assert index < 0 or G.pattern(index).tolist() == other.tolist()


@pytest.mark.parametrize("pattern", [[0, 1], [[0] * 10], [2] * 10, [0.5] * 10, "0" * 10])
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(ValueError, match="a pattern must be 10 zeros and ones, not"):
        regions(*GRAPHS["ten bits"]).find(pattern)


# ---------------------------------------------------------------- points


def expected(G, x) -> int:
    """Where a point lies by the definition, in fractions."""
    point = [Fraction(v) for v in x]
    for row in G.domain.inequalities():
        if sum(a * v for a, v in zip(row, [*point, 1], strict=True)) < 0:
            return -1
    _, signs = G.network.exact(point)
    index = G.find([int(s > 0) for s in signs])
    zeros = [t for t, s in enumerate(signs) if s == 0]
    if index < 0 or not zeros:
        return index
    return -1 if any(is_wall(G, index, t) for t in zeros) else index


def is_wall(G, index, t) -> bool:
    """Whether the form of t is anything but 0 on a region: at some of its vertices, say."""
    _, signs = G.network.exact(G.exact_point(index))
    return signs[t] != 0


def probes(G, choose: Random) -> list[list[float]]:
    """Points at random, on a grid (so: on walls), at vertices, next to and far from them."""
    points = np.random.default_rng(choose.randrange(100)).normal(size=(60, G.dim)).tolist()
    points += [[choose.randint(-8, 8) / 4 for _ in range(G.dim)] for _ in range(60)]
    points += G.witnesses.tolist()
    for region in list(G)[:12]:
        for vertex in region.vertices()[:6]:
            points.append(vertex.tolist())
            points.append(np.nextafter(vertex, choose.choice([-np.inf, np.inf])).tolist())
    points += [[choose.choice([-1e300, 1e-300, 0.0, 1e308]) for _ in range(G.dim)] for _ in "four"]
    return [p for p in points if np.isfinite(p).all()]


def check_locate(G, points):
    wanted = [expected(G, p) for p in points]
    assert G.locate(points).tolist() == wanted
    return wanted


def test_locate_against_the_exact_network(G):
    check_locate(G, probes(G, Random(0)))


@pytest.mark.parametrize("seed", range(40))
def test_locate_on_nasty_networks(seed):
    net, where = problem(Random(seed), max_inputs=4)
    G = regions(net, where)
    check_locate(G, probes(G, Random(seed)))


def test_outside_on_a_wall_and_on_the_boundary():
    G = regions(one_layer([[1.0, 0.0]], [0.0]), Box(-1, 1, dim=2))
    points = [[0.5, 0.5], [-0.5, 0.5], [0.0, 0.5], [1.5, 0.0], [np.nextafter(1, 2), 0.0]]
    left, right = G.find([0]), G.find([1])
    assert G.locate(points).tolist() == [right, left, -1, -1, -1]
    # The domain is closed: its boundary belongs to the regions that touch it.
    assert G.locate([[1.0, 0.0], [1.0, 1.0], [-1.0, 1.0]]).tolist() == [right, right, left]
    assert G.region_at([5e-324, -1.0]).index == right
    with pytest.raises(DomainError, match="outside the domain or on a wall"):
        G.region_at([0.0, 0.0])


def test_a_unit_that_is_zero_on_a_flat_domain_is_no_wall():
    G = regions(one_layer(np.eye(2), np.zeros(2)), Box([0, -1], [0, 1]))
    assert G.locate([[0, 0.5], [0, -0.5], [0, 0], [5e-324, 0.5]]).tolist() == [
        G.find([0, 1]), G.find([0, 0]), -1, -1,
    ]  # fmt: skip


def test_a_unit_that_is_zero_on_some_regions_only():
    """relu(relu(x)): the second bit is 0 for x < 0, where its form vanishes; x = 0 is a wall."""
    one = ([[1.0]], [0.0])
    G = regions(Network.from_layers([one, one], output_activation=relu()), Space(1))
    assert check_locate(G, [[-1.0], [1.0], [0.0], [-5e-324]]) == [
        G.find([0, 0]), G.find([1, 1]), -1, G.find([0, 0]),
    ]  # fmt: skip


def test_regions_one_ulp_thin():
    b = -np.array([1.0, np.nextafter(1, 2), 1 + 2.0**-51])
    G = regions(one_layer(np.ones((3, 1)), b), Space(1))
    assert len(G) == 4
    assert len(G.exact_witnesses) > 0
    found = check_locate(G, [[1.0], [np.nextafter(1, 0)], [-b[1]], [-b[2]], [1 + 2.0**-50]])
    assert found == [-1, G.find([0, 0, 0]), -1, -1, G.find([1, 1, 1])]


def test_weights_that_underflow_when_they_are_composed():
    """1.37e-324 is no float64, 1e300 times that is nothing to neglect."""
    first = Affine([[1e-200]], [0.0])
    net = Network((Layer([first, Affine([[1.37e-124]], [-1e-24])], relu()),))
    G = regions(net, Space(1))
    assert check_locate(G, [[1e300], [1e299]]) == [G.find([1]), G.find([0])]


def test_breakpoints_beyond_float64():
    far = PiecewiseLinear((Fraction(10**400),), (1, Fraction(1, 10**400)), 0)
    one = Affine([[1.0]], [0.0])
    G = regions(Network((Layer([one], relu()), Layer([one], far))), Space(1))
    assert len(G) == 3
    assert check_locate(G, [[3.0], [-3.0], [1e308]]) == [
        G.find([1, 0]), G.find([0, 0]), G.find([1, 0]),
    ]  # fmt: skip


def test_a_domain_with_sums_beyond_float64():
    where = Polytope([[1, 1, -1, -1]], [1])
    G = regions(one_layer(np.eye(4), np.zeros(4)), where)
    check_locate(G, [[1.7e308] * 4, [1.7e308, 1.7e308, -1.7e308, -1.7e308], [-1.7e308] * 4])


def test_several_breakpoints_a_unit():
    net = Network((Layer([Affine([[1.0]], [0.0])], hard_tanh(-1, 0.3)),))
    G = regions(net, Space(1))
    assert check_locate(G, [[-2.0], [-1.0], [0.0], [0.3], [0.5]]) == [
        G.find([0, 0]), -1, G.find([1, 0]), -1, G.find([1, 1]),
    ]  # fmt: skip


def test_a_slice_takes_its_own_coordinates():
    net = gaussian_network(0, 5, 8)
    cut = segment(np.zeros(5), np.ones(5))
    G = regions(net, cut)
    t = np.linspace(0.01, 0.99, 30)[:, None]
    patterns = [[int(s > 0) for s in net.exact(x)[1]] for x in G.to_input(t).tolist()]
    assert G.locate(t).tolist() == [G.find(p) for p in patterns]
    with pytest.raises(DomainError, match=r"shape \(m, 1\), not \(1, 5\)"):
        G.locate(np.ones((1, 5)))


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([[0.0, 0.0, 0.0]], r"points must have shape \(m, 2\), not \(1, 3\)"),
        (np.zeros((2, 2, 2)), r"not \(2, 2, 2\)"),
        ([[np.nan, 0.0]], "points must be finite"),
        ([[np.inf, 0.0]], "points must be finite"),
    ],
)
def test_what_are_no_points(points, message):
    G = regions(*GRAPHS["general"])
    with pytest.raises(DomainError, match=message):
        G.locate(points)
    with pytest.raises(DomainError):
        G.region_at(points)


def test_one_point_and_no_points():
    G = regions(*GRAPHS["general"])
    assert G.locate([0.1, 0.2]).tolist() == [G.region_at([0.1, 0.2]).index]
    assert G.locate(np.zeros((0, 2))).tolist() == []


# ---------------------------------------------------------------- statistics


def test_statistics_count_what_is_there(G):
    S = G.statistics()
    assert S["regions"] == len(G)
    assert S["complete"] is True
    assert S["stopped_by"] is None
    assert S["walls"] == len(G.edges())
    assert S["domain_facets"] == sum(f.inequality is not None for r in G for f in r.facets)
    assert S["unexplored_facets"] == 0
    assert S["unbounded_regions"] == sum(not r.bounded for r in G)
    degrees = [len(r.neighbors) for r in G]
    assert S["average_degree"] == pytest.approx(sum(degrees) / len(G))
    assert (S["least_degree"], S["greatest_degree"]) == (min(degrees), max(degrees))
    assert S["thin_regions"] == len(G.exact_witnesses)
    assert S["seconds"] >= 0
    assert S["versions"]["polyrelu"]


def test_the_folded_line_is_a_path():
    G = regions(folded_line(4), Space(1))
    assert len(G) == 4**4
    assert sorted(G.degrees.tolist()) == [1, 1, *[2] * (4**4 - 2)]
    assert G.statistics()["unbounded_regions"] == 2
    assert repr(G) == "RegionGraph(256 regions, 255 walls)"


def walls_that_vanish(graph, region, rows):
    """For each row the walls of the network whose form is zero where the row is."""
    wall = graph.compiled.threshold_wall
    hull = graph.domain.chart().matrix
    forms = [rows_of(fmpz_mat([region.form(t)]) * hull)[0] for t in range(len(wall))]
    local = [rows_of(fmpz_mat([row]) * hull)[0] for row in rows]
    return [
        {int(wall[t]) for t, g in enumerate(forms) if any(g) and fmpz_mat([g, row]).rank() < 2}
        for row in local
    ], {int(wall[t]) for t, g in enumerate(forms) if not any(g)}


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@pytest.mark.parametrize("seed", range(60))
def test_all_that_vanishes_on_a_facet_or_a_region_is_listed(seed, cells):
    """Also what touches a facet without being crossed there."""
    network, domain = problem(Random(seed), 3)
    graph = regions(network, domain, cells=cells)
    wall = graph.compiled.threshold_wall
    listed = [{int(wall[t])} if t >= 0 else set() for t in graph.facets]
    for f, t in graph.coincident.tolist():
        assert wall[t] not in listed[f]
        listed[f].add(int(wall[t]))
    zero = [set() for _ in graph]
    for i, t in graph.vanishing.tolist():
        zero[i].add(int(wall[t]))
    for region in graph:
        here = range(*graph.indptr[region.index : region.index + 2].tolist())
        on_facet, everywhere = walls_that_vanish(graph, region, region.inequality_rows)
        assert zero[region.index] == everywhere
        for f, found in zip(here, on_facet, strict=True):
            assert graph.facets[f] < 0 or listed[f] == found
