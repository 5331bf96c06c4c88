"""The oracle against what is known by hand. The engine takes no part in this file."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import oracle
import pytest
from flint import fmpq
from networks import cantor_net, folded_line, gaussian_network, known_arrangements, problem

from polyrelu.activations import absolute, hard_tanh, identity, relu
from polyrelu.domain import Box, Polytope, Slice, Space, segment
from polyrelu.network import Affine, Layer, Network

KNOWN = {
    name: known for name, known in known_arrangements().items() if known[1] <= 130
}  # the engine does the bigger ones


def rows(*forms):
    return [[fmpq(v) for v in form] for form in forms]


def relu_net(*layers):
    """ReLU layers from (weight, bias) pairs and an output that sums them."""
    width = len(layers[-1][1])
    return Network.from_layers([*layers, (np.ones((1, width)), [0.0])])


class TestClimb:
    SQUARE = rows((1, 0, 1), (-1, 0, 1), (0, 1, 1), (0, -1, 1))  # -1 <= x, y <= 1

    def test_stops_at_a_positive_point_of_the_polyhedron(self):
        form = rows((1, 1, -1))[0]  # x + y > 1
        point = oracle.climb(form, self.SQUARE, [fmpq(0)] * 2)
        assert oracle.value(form, point) > 0
        assert all(oracle.value(row, point) >= 0 for row in self.SQUARE)

    def test_a_form_that_is_positive_nowhere_ends_at_its_maximum(self):
        form = rows((1, 2, -3))[0]  # 0 at the corner (1, 1), negative elsewhere
        assert oracle.climb(form, self.SQUARE, [fmpq(0)] * 2) == [1, 1]

    def test_walks_out_where_the_form_has_no_bound(self):
        form = rows((0, -1, -100))[0]
        above = rows((1, 0, 0))  # x >= 0, y free
        x, y = oracle.climb(form, above, [fmpq(1)] * 2)
        assert x >= 0
        assert y < -100

    def test_many_rows_through_one_point_do_not_cycle(self):
        """Beale's example, on which the simplex method with the largest coefficient cycles."""
        quarter, fiftieth = fmpq(1, 4), fmpq(1, 50)
        constraints = [
            [-quarter, fmpq(60), fmpq(1, 25), fmpq(-9), fmpq(0)],
            [-fmpq(1, 2), fmpq(90), fiftieth, fmpq(-3), fmpq(0)],
            *rows((0, 0, -1, 0, 1), (1, 0, 0, 0, 0), (0, 1, 0, 0, 0), (0, 0, 1, 0, 0)),
            *rows((0, 0, 0, 1, 0)),
        ]
        form = [fmpq(3, 4), fmpq(-150), fiftieth, fmpq(-6), fmpq(-1)]
        best = oracle.climb(form, constraints, [fmpq(0)] * 4)
        assert oracle.value(form, best) == fmpq(1, 20) - 1


class TestInnerPoint:
    def test_sign_of_the_margin(self):
        strip = rows((1, 0), (-1, 1))
        point = rows((1, 0), (-1, 0))
        nothing = rows((1, 0), (-1, -1))
        assert oracle.inner_point(strip, 1)[1] > 0
        assert oracle.inner_point(point, 1)[1] == 0
        assert oracle.inner_point(nothing, 1)[1] < 0

    def test_a_strip_one_ulp_wide(self):
        one = oracle.rational(np.nextafter(1.0, 2.0))
        x, margin = oracle.inner_point([[fmpq(1), fmpq(-1)], [fmpq(-1), one]], 1)
        assert margin > 0
        assert 1 < x[0] < one


@pytest.mark.parametrize("name", KNOWN)
def test_arrangements(name):
    network, regions, walls = KNOWN[name]
    truth = oracle.solve(network, Space(network.input_dim))
    assert len(truth.regions) == regions
    assert walls is None or len(truth.edges) == walls


@pytest.mark.parametrize(("depth", "pieces"), [(1, 4), (2, 16), (3, 64)])
def test_most_pieces_on_a_line(depth, pieces):
    truth = oracle.solve(folded_line(depth), Space(1))
    assert len(truth.regions) == pieces
    assert len(truth.edges) == pieces - 1


@pytest.mark.parametrize(("depth", "hidden", "with_top"), [(1, 6, 9), (2, 14, 21), (3, 30, 45)])
def test_cantor_net(depth, hidden, with_top):
    """A whole middle third on which the second layer is identically 0."""
    assert len(oracle.solve(cantor_net(depth), Space(2)).regions) == hidden
    assert len(oracle.solve(cantor_net(depth, top=True), Space(2)).regions) == with_top


class TestByHand:
    def test_identically_zero_is_inactive(self):
        """Left of 0 the first neuron is dead, and the second is 0 there, not negative."""
        net = relu_net(([[1.0]], [0.0]), ([[1.0]], [0.0]))
        truth = oracle.solve(net, Box(-1, 1, dim=1))
        assert truth.patterns == {(0, 0), (1, 1)}
        assert truth.regions[0, 0].signs == (-1, 0)

    def test_a_touching_hyperplane_does_not_split(self):
        net = relu_net(([[1.0, 1.0]], [-2.0]))
        assert oracle.solve(net, Box(-1, 1, dim=2)).patterns == {(0,)}

    def test_a_wall_may_flip_several_bits(self):
        net = relu_net(([[1.0, 0.0], [2.0, 0.0], [-1.0, 0.0]], [0.0, 0.0, 0.0]))
        assert oracle.solve(net, Space(2)).edges == {frozenset({(1, 1, 0), (0, 0, 1)})}

    def test_regions_that_meet_in_a_corner_only_are_not_adjacent(self):
        net = relu_net((np.eye(2), [0.0, 0.0]))
        edges = oracle.solve(net, Space(2)).edges
        assert len(edges) == 4
        assert frozenset({(0, 0), (1, 1)}) not in edges

    def test_one_bit_apart_and_yet_not_adjacent(self):
        """Left of -1/2 and right of 1/2: only the sign of x differs, and they do not touch."""
        first = Layer([Affine([[1.0]], [0.0])], absolute())
        net = Network((first, Layer([Affine([[1.0]], [-0.5])], relu())))
        truth = oracle.solve(net, Box(-1, 1, dim=1))
        assert truth.patterns == {(0, 1), (0, 0), (1, 0), (1, 1)}
        assert frozenset({(0, 1), (1, 1)}) not in truth.edges
        assert len(truth.edges) == 3

    def test_the_walk_of_folding_5_2(self):
        """The codes along the segment from -1 to 3, in order: 000, 100, 101, 111, 110."""
        net = relu_net(([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -2.0]], [-0.5]))
        truth = oracle.solve(net, Box(-1, 3, dim=1))
        order = sorted(truth.patterns, key=lambda pattern: truth.regions[pattern].point)
        assert order == [(0, 0, 0), (1, 0, 0), (1, 0, 1), (1, 1, 1), (1, 1, 0)]

    def test_a_unit_with_two_breakpoints_has_two_bits(self):
        net = Network((Layer([Affine([[1.0]], [0.0])], hard_tanh()),))
        assert oracle.solve(net, Space(1)).patterns == {(0, 0), (1, 0), (1, 1)}
        assert oracle.solve(net, Box(-1, 1, dim=1)).patterns == {(1, 0)}

    def test_factors_are_composed_exactly(self):
        """0.1 * 3 - 0.3 is 2**-55 as a rational, and 2**-54 in float64."""
        between = 1.5 * 2.0**-55
        assert Fraction(0.1) * 3 - Fraction(0.3) < between < 0.1 * 3 - 0.3
        net = Network(
            (
                Layer([Affine([[0.1]], [0.0]), Affine([[3.0]], [-0.3])], identity()),
                Layer([Affine([[1.0]], [-between])], relu()),
            )
        )
        assert oracle.solve(net, Box(1, 1, dim=1)).patterns == {(0,)}

    def test_no_thresholds(self):
        net = Network.from_layers([([[1.0, 2.0]], [0.0])])
        truth = oracle.solve(net, Space(2))
        assert truth.patterns == {()}
        assert truth.edges == set()


class TestDomains:
    CROSS = relu_net((np.eye(3), np.zeros(3)))

    def test_a_flat_box_is_an_ordinary_lower_dimension(self):
        truth = oracle.solve(self.CROSS, Box([-1, 0, -1], [1, 0, 1]))
        assert truth.patterns == {(a, 0, b) for a in (0, 1) for b in (0, 1)}
        assert len(truth.edges) == 4

    def test_a_flat_polytope(self):
        """The triangle x + y + z = 1/2 in the cube: all signs occur but --- (and +++ does)."""
        A = np.vstack([np.eye(3), -np.eye(3), np.ones((1, 3)), -np.ones((1, 3))])
        truth = oracle.solve(self.CROSS, Polytope(A, [*np.ones(6), 0.5, -0.5]))
        assert len(truth.regions) == 7
        assert (0, 0, 0) not in truth.patterns
        assert all(sum(cell.point) == Fraction(1, 2) for cell in truth.regions.values())

    def test_an_empty_domain(self):
        with pytest.raises(ValueError, match="empty"):
            oracle.solve(self.CROSS, Polytope(np.eye(3)[:1].repeat(2, 0) * [[1], [-1]], [0, -1]))

    def test_a_segment_through_three_orthants(self):
        truth = oracle.solve(self.CROSS, segment([-1.0, -2.0, 1.0], [1.0, 1.0, 1.0]))
        assert truth.patterns == {(0, 0, 1), (1, 0, 1), (1, 1, 1)}
        assert truth.regions[1, 0, 1].vertices() == {(Fraction(1, 2),), (Fraction(2, 3),)}

    def test_a_plane_of_a_slice(self):
        plane = Slice([0.0, 0.0, 1.0], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], Box(0.5, 1, dim=2))
        assert oracle.solve(self.CROSS, plane).patterns == {(1, 1, 1)}


class TestGeometry:
    def test_facets_vertices_and_rays_of_an_orthant(self):
        truth = oracle.solve(relu_net((np.eye(2), [0.0, 0.0])), Space(2))
        cell = truth.regions[1, 0]
        assert len(cell.facets) == 2
        assert cell.vertices() == {(0, 0)}
        assert cell.rays() == {(1, 0), (0, -1)}

    def test_redundant_rows_are_no_facets(self):
        A = np.vstack([np.eye(2), -np.eye(2), np.ones((1, 2))])
        net = relu_net(([[1.0, 0.0]], [5.0]))
        (cell,) = oracle.solve(net, Polytope(A, [1, 1, 1, 1, 2])).regions.values()
        assert len(cell.facets) == 4
        assert cell.vertices() == {(a, b) for a in (-1, 1) for b in (-1, 1)}

    def test_contains_is_strict(self):
        net = relu_net(([[1.0, 0.0]], [0.0]))
        cell = oracle.solve(net, Box(-1, 1, dim=2)).regions[1,]
        assert cell.contains((Fraction(1, 2), Fraction(0)))
        assert not cell.contains((Fraction(0), Fraction(0)))
        assert not cell.contains((Fraction(1, 2), Fraction(1)))


@pytest.mark.parametrize("widths", [(1, 4, 3), (2, 5, 4), (2, 4, 3, 3), (3, 4, 3), (4, 5)])
@pytest.mark.parametrize("bounded", [True, False])
def test_euler_characteristic(widths, bounded):
    """Open cells of a convex open set: the alternating sum is (-1)^d."""
    d = widths[0]
    f = oracle.f_vector(gaussian_network(7, *widths), Box(-1, 1, dim=d) if bounded else Space(d))
    assert sum((-1) ** k * count for k, count in enumerate(f)) == (-1) ** d


@pytest.mark.parametrize("seed", range(60))
def test_two_ways_to_the_walls_agree(seed):
    """Adjacency by definition, and the walls themselves as cells of one dimension less.

    Their numbers agree because a wall has one vector of signs: an affine function that is
    nowhere negative on a convex set is positive inside it or zero all over.
    """
    net, domain = problem(Random(seed), max_inputs=4)
    truth = oracle.solve(net, domain)
    f = (0, *oracle.f_vector(net, domain))
    assert f[-1] == len(truth.regions)
    assert f[-2] == len(truth.edges)
    assert sum((-1) ** k * count for k, count in enumerate(f[1:])) == (-1) ** len(f[2:])


@pytest.mark.parametrize("seed", range(60))
def test_patterns_by_forward_passes(seed):
    """Every witness has its pattern, by ``Network.exact``, which the oracle does not use."""
    net, domain = problem(Random(seed))
    if isinstance(domain, Slice):
        net = domain.restrict(net)
    for pattern, cell in oracle.solve(net, getattr(domain, "domain", domain)).regions.items():
        _, signs = net.exact(cell.point)
        assert signs == cell.signs
        assert tuple(int(s > 0) for s in signs) == pattern
        assert cell.contains(cell.point)
