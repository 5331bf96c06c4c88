"""The engine against the oracle on networks that break tolerances, and against itself."""

from __future__ import annotations

import contextlib
from fractions import Fraction
from math import gcd, isclose, lcm, prod
from random import Random

import numpy as np
import oracle
import pytest
from flint import fmpq_mat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import cantor_net, domain, gaussian_network, one_layer, problem, tiny_box

from polyrelu import (
    Affine,
    Box,
    DomainError,
    Layer,
    Network,
    PiecewiseLinear,
    Polytope,
    Slice,
    Space,
    count_regions,
    regions,
    relu,
    segment,
)

SEEDS = 150
SEEDS_WITH_GEOMETRY = 40


def patterns_of(G) -> list[tuple[int, ...]]:
    return [tuple(row) for row in G.patterns.tolist()]


def edges_of(G) -> set[frozenset[tuple[int, ...]]]:
    patterns = patterns_of(G)
    return {frozenset((patterns[i], patterns[j])) for i, j in G.edges().tolist()}


def check(net, where):
    """Patterns, edges, witnesses and counts of the engine, all against the oracle's."""
    truth = oracle.solve(net, where)
    G = regions(net, where)
    assert G.complete
    assert G.patterns.shape == (len(G), len(net.thresholds))
    patterns = patterns_of(G)
    assert len(patterns) == len(set(patterns))
    assert set(patterns) == truth.patterns
    assert edges_of(G) == truth.edges
    assert len(G.edges()) == len(truth.edges)
    check_neighbours(G)
    for i, pattern in enumerate(patterns):
        check_witness(G, i, truth.regions[pattern])
    result = count_regions(net, where)
    assert result.complete
    assert result.count == len(G)
    check_representations(G, net, where, truth)
    return G, truth


def check_representations(G, net, where, truth):
    """Cells without vertices give the same graph; the patterns sort the regions."""
    other = regions(net, where, cells="lp")
    assert edges_by_pattern(other) == edges_by_pattern(G)
    for i, pattern in enumerate(patterns_of(other)):
        check_witness(other, i, truth.regions[pattern])
    assert count_regions(net, where, cells="lp").count == len(G)
    rounded_off = contextlib.suppress(DomainError)  # a float64 point may be off a flat polytope
    with rounded_off if isinstance(where, Polytope) else contextlib.nullcontext():
        outward = regions(net, where, start=start_in(where, G))
        assert outward.complete
        assert edges_by_pattern(outward) == edges_by_pattern(G)


def start_in(where, G):
    if isinstance(where, Box):
        return (where.low + where.high) / 2
    return np.zeros(where.dim) if isinstance(where, Space) else G.witnesses[len(G) // 2]


def edges_by_pattern(G):
    """For each pattern: is it unbounded, and its facets with what is behind each."""
    patterns = patterns_of(G)
    ends = G.indptr.tolist()
    found = {}
    for i, pattern in enumerate(patterns):
        here = slice(ends[i], ends[i + 1])
        behind = [patterns[j] if j >= 0 else j for j in G.neighbor[here].tolist()]
        facets = sorted(zip(G.facets[here].tolist(), map(str, behind), strict=True))
        found[pattern] = bool(G.unbounded[i]), facets
    assert len(found) == len(G)
    return found


def check_neighbours(G):
    """``neighbors`` and ``edges`` are two views of one symmetric relation."""
    pairs = {(i, j) for i in range(len(G)) for j in G.neighbors(i).tolist()}
    edges = {tuple(pair) for pair in G.edges().tolist()}
    assert all(i < j for i, j in edges)
    assert pairs == edges | {(j, i) for i, j in edges}


def check_witness(G, i, cell):
    """Strictly inside the oracle's cell, and the network itself says so."""
    region = G[i]
    assert tuple(region.pattern.tolist()) == cell.pattern
    point = region.exact_point()
    assert cell.contains(point)
    assert G.network.exact(point)[1] == cell.signs


def contains_a_line(cell) -> bool:
    normals = [row[:-1] for row in cell.facets]
    return cell.dim > 0 and (not normals or fmpq_mat(normals).rank() < cell.dim)


def direction(ray) -> tuple[int, ...]:
    """A ray in primitive integers, as the oracle gives it."""
    scale = lcm(*(v.denominator for v in ray))
    integers = [int(v * scale) for v in ray]
    return tuple(v // gcd(*integers) for v in integers)


def check_geometry(net, where):
    """Vertices, rays and boundedness of every region that has a vertex."""
    G, truth = check(net, where)
    for i, pattern in enumerate(patterns_of(G)):
        cell = truth.regions[pattern]
        if contains_a_line(cell):
            assert not G[i].bounded
            continue
        vertices, rays = G[i].exact_vertices(), G[i].exact_rays()
        assert len(vertices) == len(set(vertices))
        assert set(vertices) == cell.vertices()
        assert len(rays) == len(cell.rays())
        assert {direction(ray) for ray in rays} == cell.rays()
        assert G[i].bounded == (not cell.rays())


# ---------------------------------------------------------------- drawn at random


@pytest.mark.parametrize("seed", range(SEEDS))
def test_seeded(seed):
    check(*problem(Random(seed)))


@settings(deadline=None, max_examples=100, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_drawn_by_hypothesis(choose):
    check(*problem(choose, max_inputs=4))


@pytest.mark.parametrize("seed", range(1000, 1000 + SEEDS_WITH_GEOMETRY))
def test_vertices_and_rays(seed):
    check_geometry(*problem(Random(seed), max_inputs=3))


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("seed", range(6))
def test_general_position_on_every_domain(dim, seed):
    """Plain Gaussian networks: what is nasty here is only the domain."""
    widths = {1: (4, 4, 4), 2: (5, 4), 3: (5, 3), 4: (4, 3), 5: (4, 2), 6: (6,)}[dim]
    check(gaussian_network(seed, dim, *widths), domain(Random(seed), dim))


@pytest.mark.parametrize("widths", [(1, 20, 20), (2, 8, 8), (2, 5, 5, 5), (3, 6, 5), (4, 8)])
def test_a_few_hundred_regions(widths):
    check(gaussian_network(11, *widths), Box(-1, 1, dim=widths[0]))


# ---------------------------------------------------------------- chosen by hand


def up(x):
    return np.nextafter(x, np.inf)


TINY = Fraction(1, 10**400)  # 0 in float64, and its inverse is infinite there
HALF = Layer([Affine([[1.0]], [0.0])], relu())  # a first layer: dead on half of the line

CASES = {
    "no thresholds": (Network.from_layers([([[1.0, 2.0]], [0.0])]), Box(-1, 1, dim=2)),
    "no thresholds on the plane": (Network.from_layers([([[1.0, 2.0]], [0.0])]), Space(2)),
    "a constant network": (one_layer(np.zeros((3, 2)), [0.0, 1.0, -1.0]), Space(2)),
    "one neuron on a line": (one_layer([[1.0]], [0.0]), Space(1)),
    "rank one in three dimensions": (
        one_layer([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]], [0.0, 1.0]),
        Space(3),
    ),
    "all neurons on one wall": (
        one_layer([[1.0, 1.0], [-1.0, -1.0], [3.0, 3.0], [0.1, 0.1]], np.zeros(4)),
        Space(2),
    ),
    "three lines through one point, far away": (
        one_layer([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [-1e9, -1e9, -2e9]),
        Space(2),
    ),
    "a triangle one ulp small": (
        one_layer([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [-1.0, -1.0, -up(2.0)]),
        Space(2),
    ),
    "walls one ulp apart": (
        one_layer([[1.0, 0.3], [1.0, 0.3], [up(1.0), 0.3]], [0.1, up(0.1), 0.1]),
        Box(-1, 1, dim=2),
    ),
    "a wall along a side of the box": (one_layer(np.eye(2), [-1.0, 1.0]), Box(-1, 1, dim=2)),
    "a wall through a corner of the box": (
        one_layer([[1.0, 1.0], [1.0, -1.0]], [-2.0, 0.0]),
        Box(-1, 1, dim=2),
    ),
    "a wall one ulp inside the box": (
        one_layer([[1.0, 0.0], [1.0, 1.0]], [-np.nextafter(1.0, 0.0), -np.nextafter(2.0, 0.0)]),
        Box(-1, 1, dim=2),
    ),
    "parallel planes only": (
        one_layer(np.ones((4, 3)), [0.0, 1.0, -1.0, 0.5]),
        Space(3),
    ),
    "weights at both ends of the range of float64": (
        one_layer([[1e300, 1e-300], [1e-300, 1e300], [5e-324, 0.0]], [1.0, -1.0, 5e-324]),
        Space(2),
    ),
    "an overflow in the second layer": (
        Network.from_layers(
            [([[1e200, 0.0], [0.0, 1e200]], [1.0, 1.0]), ([[1e200, -1e200]], [1e-200])],
            output_activation=relu(),
        ),
        Box(-1, 1, dim=2),
    ),
    "a dead layer in the middle": (
        Network.from_layers(
            [(np.eye(2), [0.0, 0.5]), (-np.ones((3, 2)), np.zeros(3)), (np.ones((2, 3)), [0.0, 1])],
            output_activation=relu(),
        ),
        Space(2),
    ),
    "a difference that is 0 on half of the line": (
        Network.from_layers(
            [([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -1.0], [-1.0, 1.0]], [-1.0, 1.0])],
            output_activation=relu(),
        ),
        Space(1),
    ),
    "thirds, composed in factors": (
        Network(
            (
                Layer(
                    [Affine(np.eye(2), [0.0, 0.0], [3.0, 7.0]), Affine([[1, -1]], [0.0])], relu()
                ),
                Layer([Affine([[1.0], [3.0]], [-1 / 3, -1.0])], relu()),
            )
        ),
        Box(-1, 1, dim=2),
    ),
    "a product of two weights that underflows": (
        Network(
            (HALF, Layer([Affine([[0.0]], [-0.5]), Affine([[-5e-324]], [0.0])], relu())),
        ),
        Box(-1, 1, dim=1),
    ),
    "a wall between two numbers that underflow": (
        Network(
            (HALF, Layer([Affine([[1e-200]], [-1e-200]), Affine([[1e-200]], [0.0])], relu())),
        ),
        Box(-2, 2, dim=1),
    ),
    "a quotient that underflows": (
        Network((HALF, Layer([Affine([[1e-300]], [1e-300], [1e300])], relu()))),
        Space(1),
    ),
    "a breakpoint that underflows": (
        Network((HALF, Layer([Affine([[0.0]], [0.0])], PiecewiseLinear((-TINY,), (0, 1))))),
        Space(1),
    ),
    "an intercept that underflows": (
        Network(
            (
                Layer([Affine([[1.0]], [0.0])], PiecewiseLinear((0,), (0, 1), TINY)),
                Layer([Affine([[1.0]], [0.0])], relu()),
            )
        ),
        Space(1),
    ),
    "a breakpoint that overflows": (
        Network((Layer([Affine([[1.0]], [0.0])], PiecewiseLinear((1 / TINY,), (0, 1))),)),
        Space(1),
    ),
    "a slope that overflows": (
        Network(
            (
                Layer([Affine([[1.0]], [0.0])], PiecewiseLinear((0,), (0, 1 / TINY))),
                Layer([Affine([[1.0]], [-1.0])], relu()),
            )
        ),
        Space(1),
    ),
    "CantorNet": (cantor_net(3, top=True), Space(2)),
    "CantorNet on its corner": (cantor_net(3), Box(0, 1, dim=2)),
    "a domain without width": (one_layer(np.eye(2), [0.0, 0.5]), Box([0.5, -0.5], [0.5, -0.5])),
    "a segment through the corners of an arrangement": (
        one_layer(np.eye(5), np.zeros(5)),
        segment(-np.ones(5), np.ones(5)),
    ),
    "a segment inside a wall": (
        one_layer(np.eye(3), np.zeros(3)),
        segment([0.0, -1.0, 1.0], [0.0, 1.0, -1.0]),
    ),
    "a plane through 784 inputs": (
        gaussian_network(2, 784, 5, 4),
        Slice.through(*np.random.default_rng(0).normal(size=(3, 784))),
    ),
    **{
        # At the vertex of the first two walls the third is worth 1 / (2**(2 k) + 1): the least
        # that it can be, and about what float64 can tell from 0.
        f"integers of {k} bits": (
            one_layer([[2.0**k, 1], [-1, 2.0**k], [2.0**k, 2]], [-1.0, 0, -1]),
            Box(-1, 1, dim=2),
        )
        for k in range(14, 26)
    },
    "a layer of weights too small for float64's bounds": (
        Network.from_layers(
            [
                ([[1.0], [-1.0]], [0.0, 0.0]),
                ([[-(2.0**-201), 2.0**-200]], [-(2.0**-201)]),
                ([[1.0]], [0.0]),
            ]
        ),
        Box(-1, 1, dim=1),
    ),
    "a wedge that is no wider than an ulp": (
        one_layer([[0.0, 1.0], [1.0, 0.5]], [0.0, -3.0]),
        Polytope([[0.0, -1.0], [-1e-16, 1.0]], [0.0, 0.0]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_by_hand(name):
    check_geometry(*CASES[name])


# ---------------------------------------------------------------- volumes


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(6))
def test_volumes_add_up(dim, seed):
    choose = Random(seed)
    low = np.array([choose.uniform(-2, 0) for _ in range(dim)])
    box = Box(low, low + [choose.uniform(0.1, 3) for _ in range(dim)])
    G = regions(gaussian_network(seed, dim, 5, 3), box)
    volumes = [G[i].volume() for i in range(len(G))]
    assert min(volumes) > 0
    assert isclose(sum(volumes), prod((box.high - box.low).tolist()), rel_tol=1e-9)


def test_volumes_in_a_tiny_box():
    box = tiny_box(Random(0), 2)
    centre = (box.low + box.high) / 2
    W = np.random.default_rng(0).normal(size=(4, 2))
    G = regions(one_layer(W, -W @ centre), box)
    total = prod((box.high - box.low).tolist())
    assert len(G) > 4
    assert isclose(sum(G[i].volume() for i in range(len(G))), total, rel_tol=1e-6)


# ---------------------------------------------------------------- what must not change anything


def summary(net, where) -> tuple[int, int]:
    G = regions(net, where)
    assert G.complete
    return len(G), len(G.edges())


def layers_of(seed, *widths):
    net = gaussian_network(seed, *widths)
    return [(layer.weight, layer.bias) for layer in net.layers]


@pytest.mark.parametrize("widths", [(2, 12, 8), (3, 8, 6), (4, 6, 5)])
@pytest.mark.parametrize("bounded", [True, False])
class TestSameRegions:
    """Changes of a network that change no region and no wall, on more than the oracle can do."""

    def setting(self, widths, bounded):
        d = widths[0]
        layers = layers_of(4, *widths)
        where = Box(-1, 1, dim=d) if bounded else Space(d)
        return layers, where, summary(Network.from_layers(layers), where)

    def test_neurons_in_another_order(self, widths, bounded):
        (first, second, last), where, expected = self.setting(widths, bounded)
        order = np.random.default_rng(0).permutation(widths[1])
        moved = (first[0][order], first[1][order]), (second[0][:, order], second[1]), last
        assert summary(Network.from_layers(moved), where) == expected

    def test_neurons_scaled_by_powers_of_two(self, widths, bounded):
        (first, second, last), where, expected = self.setting(widths, bounded)
        scale = 2.0 ** np.random.default_rng(0).integers(-200, 200, size=widths[1])
        scaled = (first[0] * scale[:, None], first[1] * scale), (second[0] / scale, second[1]), last
        assert summary(Network.from_layers(scaled), where) == expected

    def test_neurons_repeated(self, widths, bounded):
        """Each neuron of the first layer twice; the next layer reads half of both."""
        (first, second, last), where, expected = self.setting(widths, bounded)
        twice = (
            (np.vstack([first[0]] * 2), np.tile(first[1], 2)),
            (np.hstack([second[0]] * 2) / 2, second[1]),
            last,
        )
        assert summary(Network.from_layers(twice), where) == expected

    def test_neurons_of_the_last_layer_reversed(self, widths, bounded):
        (first, second, last), where, expected = self.setting(widths, bounded)
        reversed_ = first, (-second[0], -second[1]), last
        assert summary(Network.from_layers(reversed_), where) == expected

    def test_dead_and_constant_neurons(self, widths, bounded):
        (first, second, last), where, expected = self.setting(widths, bounded)
        padded = (
            (np.vstack([first[0], np.zeros((2, widths[0]))]), np.append(first[1], [0.0, -1.0])),
            (np.hstack([second[0], np.ones((widths[2], 2))]), second[1]),
            last,
        )
        assert summary(Network.from_layers(padded), where) == expected


@pytest.mark.parametrize("widths", [(2, 10, 6), (3, 6, 5)])
def test_a_mirrored_network(widths):
    """x -> -x maps regions to regions, one to one."""
    (first, *rest), d = layers_of(9, *widths), widths[0]
    mirrored = Network.from_layers([(-first[0], first[1]), *rest])
    plain = regions(Network.from_layers([first, *rest]), Box(-1, 1, dim=d))
    other = regions(mirrored, Box(-1, 1, dim=d))
    assert set(patterns_of(plain)) == set(patterns_of(other))
    assert edges_of(plain) == edges_of(other)


@pytest.mark.parametrize("widths", [(2, 10, 6), (3, 6, 5)])
def test_a_box_as_a_polytope(widths):
    """The same set by another description, with rows that say nothing new."""
    d = widths[0]
    net = gaussian_network(6, *widths)
    A = np.vstack([np.eye(d), -np.eye(d), 2 * np.eye(d), np.ones((1, d))])
    polytope = Polytope(A, [*np.ones(2 * d), *np.full(d, 2.0), float(d)])
    plain, other = regions(net, Box(-1, 1, dim=d)), regions(net, polytope)
    assert set(patterns_of(plain)) == set(patterns_of(other))
    assert edges_of(plain) == edges_of(other)


@pytest.mark.parametrize("widths", [(2, 10, 6), (3, 6, 5)])
def test_the_space_as_a_box_that_holds_all_vertices(widths):
    """A box about all of the complex's vertices meets every region, and every wall."""
    d = widths[0]
    net = gaussian_network(8, *widths)
    everywhere, within = regions(net, Space(d)), regions(net, Box(-1e9, 1e9, dim=d))
    assert set(patterns_of(everywhere)) == set(patterns_of(within))
    assert edges_of(everywhere) == edges_of(within)
