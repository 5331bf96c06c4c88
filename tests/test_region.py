"""One region: its affine map, inequalities, corners and volume, all against exact arithmetic."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import inf, prod, sqrt
from random import Random

import numpy as np
import oracle
import pytest
from networks import cantor_net, gaussian_network, one_layer, problem, resonance

from polyrelu import (
    Affine,
    Box,
    Layer,
    Network,
    Polytope,
    Slice,
    Space,
    identity,
    regions,
    relu,
    segment,
)
from polyrelu.rational import dot, margin


def mapped(exact_map, x):
    A, c = exact_map
    return tuple(
        sum((a * v for a, v in zip(row, x, strict=True)), k) for row, k in zip(A, c, strict=True)
    )


def at(row, x) -> Fraction:
    return sum(a * v for a, v in zip(row, [*x, 1], strict=True))


# ---------------------------------------------------------------- the affine map


@pytest.mark.parametrize("seed", range(30))
def test_the_map_is_the_network_on_the_closed_region(seed):
    net, where = problem(Random(seed), max_inputs=4)
    for region in list(regions(net, where))[:8]:
        G = region._graph
        for x in (region.exact_point(), *region.exact_vertices()[:5]):  # continuous: on corners too
            assert mapped(region.exact_affine_map, x) == G.network.exact(x)[0]
        A, c = region.affine_map
        exact_A, exact_c = region.exact_affine_map
        if max([abs(v) for row in exact_A for v in row] + [abs(v) for v in exact_c]) < 1e300:
            assert A.tolist() == [[float(v) for v in row] for row in exact_A]
            assert c.tolist() == [float(v) for v in exact_c]
        assert A.shape == (net.output_dim, G.dim)


def test_the_map_of_a_slice_is_in_its_coordinates():
    net = gaussian_network(0, 6, 5, 4)
    G = regions(net, segment(np.zeros(6), np.full(6, 0.5)))
    for region in G:
        (t,) = region.exact_point()
        assert mapped(region.exact_affine_map, (t,)) == net.exact([t / 2] * 6)[0]


# ---------------------------------------------------------------- inequalities and facets


@pytest.mark.parametrize("seed", range(40))
def test_inequalities_are_right_and_none_is_redundant(seed):
    net, where = problem(Random(seed), max_inputs=3)
    G = regions(net, where)
    for region in list(G)[:10]:
        rows = region.inequality_rows
        assert all(at(g, region.exact_point()) > 0 for g in rows)
        equalities = [s for g in G.equalities() for s in (g, [-v for v in g])]
        for k, g in enumerate(rows):
            # Beyond one facet and on the right side of all others there is a point.
            others = [*rows[:k], *rows[k + 1 :]]
            beyond = [*others, [-v for v in g]]
            assert relative_interior(beyond, equalities)
            facet = region.facets[k]
            if facet.neighbor is not None:
                there = G[facet.neighbor].inequality_rows
                assert not relative_interior([*rows, *there], equalities)


def relative_interior(rows, equalities) -> bool:
    """Is there a point with every row > 0, within the affine hull? Exact, by the oracle."""
    domain = Polytope.from_rows([*rows, *equalities], len((rows or equalities)[0]) - 1)
    try:
        cell = oracle.domain_cell(domain)
    except ValueError:
        return False
    return all(at(g, cell.point) > 0 for g in rows)


def test_inequalities_are_the_rows_rounded():
    G = regions(gaussian_network(3, 3, 6, 4), Box(-1, 1, dim=3))
    for region in G:
        A, b = region.inequalities()
        assert A.shape == (len(region.facets), 3)
        assert np.abs(A).max(axis=1).tolist() == [1.0] * len(A)
        assert (A @ region.witness < b).all()
        for a, c, g in zip(A, b, region.inequality_rows, strict=True):
            size = max(map(abs, g[:-1]))
            assert [*(-a).tolist(), c] == [v / size for v in g]


def test_the_rows_bound_the_region_and_nothing_more():
    """A point is in the closure iff it satisfies them: against the patterns of a grid."""
    G = regions(gaussian_network(5, 2, 5, 4), Box(-1, 1, dim=2))
    for x in product(np.linspace(-0.97, 0.98, 14).tolist(), repeat=2):
        point = [Fraction(v) for v in x]
        inside = [r.index for r in G if all(at(g, point) > 0 for g in r.inequality_rows)]
        assert inside == [G.region_at(x).index]


def test_facets_on_the_boundary_name_the_inequality():
    where = Box([0, 0], [1, 2])
    (region,) = regions(one_layer([[0.0, 0.0]], [1.0]), where)
    assert {facet.inequality for facet in region.facets} == {0, 1, 2, 3}
    for facet, g in zip(region.facets, region.inequality_rows, strict=True):
        assert (facet.threshold, facet.neighbor) == (None, None)
        assert g == where.inequalities()[facet.inequality]


# ---------------------------------------------------------------- vertices, rays, lines


def test_corners_of_a_quadrant_and_a_strip():
    G = regions(one_layer([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], [-1, -2, -3]), Space(2))
    assert len(G) == 6
    corner = G[G.find([1, 1, 1])]
    assert corner.exact_vertices() == ((1, 3),)
    assert set(corner.exact_rays()) == {(1, 0), (0, 1)}
    assert corner.lines().shape == (0, 2)
    strip = G[G.find([0, 1, 0])]
    assert set(strip.exact_vertices()) == {(1, 2), (1, 3)}
    assert strip.exact_rays() == ((-1, 0),)
    assert strip.rays().tolist() == [[-1, 0]]
    assert not strip.bounded


@pytest.mark.parametrize("seed", range(20))
def test_generators_span_the_region(seed):
    """Corners satisfy the rows, with as many equations as make a point; rays and lines recede."""
    net, where = problem(Random(seed), max_inputs=4)
    G = regions(net, where)
    for region in list(G)[:6]:
        rows = region.inequality_rows
        for x in region.exact_vertices():
            assert all(at(g, x) >= 0 for g in rows)
            tight = sum(at(g, x) == 0 for g in rows)
            assert tight >= G.compiled.dim - len(region._generators.lines)
        for ray in region.exact_rays():
            slopes = [dot(g[:-1], [int(v) for v in ray]) for g in rows]
            assert min(slopes) >= 0
            assert max(slopes) > 0
        for line in region.lines():
            assert np.abs(line).max() == 1
        assert region.bounded == (not len(region.exact_rays()) and not len(region.lines()))
        assert region.vertices().shape == (len(region.exact_vertices()), G.dim)


def test_lines_of_the_whole_graph_and_of_one_region():
    G = regions(one_layer([[1.0, 1.0, 0.0]], [0.0]), Space(3))
    for region in G:
        assert len(region.lines()) == 2
        assert not region.bounded
        for line in region.lines():
            assert line @ [1, 1, 0] == 0
    # x < 0 leaves the second layer dead: y bounds nothing there, though it does for x > 0.
    two = [Layer([Affine(np.eye(2), [0, 0])], [relu(), identity()])]
    two += [Layer([Affine([[1.0, 0.0], [1.0, 1e-3]], [0.0, 0.0])], relu())]
    G = regions(Network(tuple(two)), Space(2))
    lines = {tuple(region.pattern.tolist()): region.lines().tolist() for region in G}
    assert lines == {(0, 0, 0): [], (0, 0, 1): [], (1, 1, 0): [], (1, 1, 1): []}
    # A direction that the first layer passes on and nobody reads is a line of every region.
    two[1] = Layer([Affine([[1.0, 0.0]], [-1.0])], relu())
    for region in (G := regions(Network(tuple(two)), Space(2))):
        assert np.abs(region.lines()).tolist() == [[0, 1]]
        assert not region.bounded
    assert len(G) == 3
    assert G.lines == []
    dead = Network.from_layers([(np.eye(2), [0, 0]), ([[1.0, 0.0]], [-1.0])], relu(),
                               output_activation=relu())  # fmt: skip
    G = regions(dead, Polytope([[0.0, 1.0]], [-1.0]))
    assert [len(region.lines()) for region in G] == [0] * len(G) == [0, 0, 0]


# ---------------------------------------------------------------- volume


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("widths", [(1, 8, 6), (2, 6, 5), (3, 5, 4), (4, 5)])
def test_volumes_fill_the_box_exactly(widths, seed):
    rng = np.random.default_rng(seed)
    low = rng.normal(size=widths[0])
    box = Box(low, low + rng.exponential(size=widths[0]))
    G = regions(gaussian_network(seed, *widths), box)
    sides = [Fraction(b) - Fraction(a) for a, b in zip(box.low, box.high, strict=True)]
    volumes = [region.exact_volume() for region in G]
    assert min(volumes) > 0
    assert sum(volumes) == prod(sides)
    for region, exact in zip(G, volumes, strict=True):
        assert region.volume() == float(exact)


def test_volumes_of_corners_where_many_walls_meet():
    """The braid-like cones of the resonance arrangement in a cube: far from simple corners."""
    G = regions(resonance(3), Box(-1, 1, dim=3))
    assert len(G) == 32
    assert sum(region.exact_volume() for region in G) == 8
    assert {region.exact_volume() for region in G if G.pattern(region.index).all()} == {1}


def test_a_simplex_and_a_cross_polytope():
    d = 4
    net = one_layer([[0.0] * d], [1.0])
    simplex = Polytope(np.vstack([-np.eye(d), np.ones((1, d))]), np.eye(d + 1)[d])
    assert regions(net, simplex)[0].exact_volume() == Fraction(1, 24)
    cross = Polytope(np.array(list(product((-1, 1), repeat=3))), np.ones(8))
    assert regions(one_layer([[0.0] * 3], [1.0]), cross)[0].exact_volume() == Fraction(4, 3)


def test_cantor_net_has_flat_pieces_that_fill_the_square():
    G = regions(cantor_net(2), Box(0, 1, dim=2))
    assert sum(region.exact_volume() for region in G) == 1


def test_the_length_of_a_segment_in_the_plane():
    """x + y = 1 in the unit square, cut at x = 1/4."""
    where = Polytope([[1, 1], [-1, -1], [-1, 0], [0, -1]], [1, -1, 0, 0])
    G = regions(one_layer([[1.0, 0.0]], [-0.25]), where)
    lengths = sorted(region.volume() for region in G)
    assert lengths == pytest.approx([sqrt(2) / 4, 3 * sqrt(2) / 4], rel=1e-15)
    with pytest.raises(ValueError, match=r"the domain is flat: only volume\(\) is defined"):
        G[0].exact_volume()
    with pytest.raises(ValueError, match="flat"):
        regions(one_layer([[1.0, 0.0]], [0.0]), Box([-1, 2], [1, 2]))[0].exact_volume()


def test_the_area_of_a_triangle_in_space():
    where = Polytope([[1, 1, 1], [-1, -1, -1], *(-np.eye(3))], [1, -1, 0, 0, 0])
    G = regions(gaussian_network(0, 3, 5), where)
    assert sum(region.volume() for region in G) == pytest.approx(sqrt(3) / 2, rel=1e-14)


def test_a_flat_box():
    G = regions(gaussian_network(0, 3, 6), Box([-1, 0.3, -2], [1, 0.3, 2]))
    assert sum(region.volume() for region in G) == pytest.approx(8, rel=1e-15)


@pytest.mark.parametrize(
    ("where", "volume"),
    [
        (Box(-1e200, 1e200, dim=2), inf),  # rounds to infinity, as float64 does
        (Box(-1e-200, 1e-200, dim=2), 0.0),
        (Box([0, 0], [0, 1e-200]), 1e-200),  # its square underflows
        (Box([1, 0], [1, 1e200]), 1e200),
        (Slice([0, 0], np.eye(2), Box(0, 3, dim=2)), 9.0),
    ],
)
def test_volumes_at_the_ends_of_float64(where, volume):
    (region,) = regions(one_layer([[0.0, 0.0]], [1.0]), where)
    assert region.volume() == volume


def test_an_unbounded_region_has_no_finite_volume():
    G = regions(one_layer([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0, 0, 1]), Space(2))
    bounded = [region for region in G if region.bounded]
    assert [region.exact_volume() for region in bounded] == [Fraction(1, 2)]
    for region in G:
        if not region.bounded:
            assert region.volume() == inf
            with pytest.raises(ValueError, match=f"region {region.index} is unbounded"):
                region.exact_volume()
    (all_of_it,) = regions(one_layer([[0.0]], [1.0]), Space(1))
    assert all_of_it.volume() == inf


# ---------------------------------------------------------------- thin regions


def test_a_region_that_no_float_lies_in():
    up = np.nextafter(1.0, 2)
    G = regions(one_layer([[1.0], [1.0]], [-1.0, -up]), Space(1))
    region = G[G.find([1, 0])]
    assert region.index in G.exact_witnesses
    assert 1 < region.exact_point()[0] < Fraction(up)
    assert region.exact_volume() == Fraction(up) - 1
    assert margin(region.inequality_rows).value > 0
    assert repr(region) == f"Region({region.index}, pattern=10, 2 facets)"
