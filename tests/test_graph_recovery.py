"""Networks recovered from their unlabelled complex; which parameters a function determines."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from flint import fmpz_mat
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import he_layers, problem

from polyrelu import (
    Box,
    Complex,
    DomainError,
    IncompleteError,
    Limits,
    Network,
    RationalNetwork,
    RecoveryError,
    Space,
    absolute,
    canonical,
    equivalent,
    hard_tanh,
    identifiability,
    leaky_relu,
    recover_from_graph,
    regions,
    relu6,
)
from polyrelu.queries.bent_walls import crossings, kink
from polyrelu.queries.linear_system import signs_of, solutions
from polyrelu.queries.reproduction import reproduces
from polyrelu.rational import integer_row, rank


def random_network(seed: int, *widths: int, grid: int = 0) -> Network:
    """Gaussian weights; with ``grid`` on multiples of 1 / grid."""
    layers = he_layers(seed, *widths)
    if grid:
        layers = [tuple(np.round(grid * v) / grid for v in pair) for pair in layers]
    return Network.from_layers(layers)


def complex_of(network: Network, domain, seed: int = 0) -> Complex:
    return Complex.from_graph(regions(network, domain), seed)


def is_isomorphic(network: Network, found: RationalNetwork) -> bool:
    pair = network, found.to_network()
    hashes = {canonical(each, exact=True).hash for each in pair}
    return len(hashes) == 1


# ---------------------------------------------------------------- what comes back

UNIQUE = (
    ((2, 4, 1), 0, Space(2)), ((2, 8, 1), 1, Space(2)), ((3, 5, 2), 0, Space(3)),
    ((1, 4, 1), 0, Space(1)), ((2, 3, 3, 1), 2, Space(2)), ((2, 3, 3, 1), 9, Space(2)),
    ((2, 4, 4, 1), 17, Space(2)), ((2, 5, 5, 2), 3, Box(-3, 3, dim=2)),
    ((3, 4, 3, 1), 0, Space(3)), ((4, 5, 2, 1), 1, Space(4)),
    ((2, 8, 8, 1), 3, Space(2)), ((2, 8, 8, 1), 3, Box(-10, 10, dim=2)),
)  # fmt: skip


@pytest.mark.parametrize(("widths", "seed", "domain"), UNIQUE)
def test_the_network_comes_back(widths, seed, domain):
    network = random_network(seed, *widths)
    found = recover_from_graph(complex_of(network, domain, seed))
    assert found.widths == widths
    assert found.open == ()
    assert is_isomorphic(network, found.network)
    assert equivalent(network, found.network.to_network(), domain).proved
    assert "not" not in str(found)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(2, 3, 2, 1), (2, 4, 3, 1), (2, 3, 3, 2)]),
       st.sampled_from([0, 64]), st.sampled_from([Space(2), Box(-4, 4, dim=2)]))  # fmt: skip
def test_whatever_comes_back_has_the_function(seed, widths, grid, domain):
    """Open or not, smaller or not; and if nothing comes back, some neuron does not show its wall,
    or the network is not generic."""
    network = random_network(seed, *widths, grid=grid)
    graph = regions(network, domain)
    try:
        found = recover_from_graph(graph, allow_open=True)
    except RecoveryError as error:
        generic = grid == 0 and "does not bend" not in str(error)
        kinds = {neuron.kind for neuron in identifiability(graph).neurons}
        assert not generic or kinds & {"always active", "invisible"}
        return
    for region in graph:
        x = region.exact_point()
        assert found.network(x) == network.exact(x)[0]
    if not found.open:
        assert sum(found.widths) <= sum(widths)
        assert equivalent(network, found.network.to_network(), domain).proved
        if grid == 0 and found.widths == widths:
            assert is_isomorphic(network, found.network)
            assert identifiability(network, domain).identifiable
    elif found.widths == network.widths:
        assert not identifiability(network, domain).identifiable


def test_the_order_of_the_complex_does_not_matter():
    network = random_network(2, 2, 3, 3, 1)
    graph = regions(network, Space(2))
    complexes = [Complex.from_graph(graph, seed) for seed in range(4)]
    assert len({c.walls for c in complexes}) == 4  # shuffled
    hashes = {
        canonical(recover_from_graph(c).network.to_network(), exact=True).hash for c in complexes
    }
    assert hashes == {canonical(network, exact=True).hash}


def test_a_complex_is_the_function_s_alone():
    """Neurons that do not show leave no cells, walls or ridges that others would not."""
    network = random_network(2, 2, 3, 3, 1)
    graph = regions(network, Space(2))
    found = Complex.from_graph(graph)
    assert len(found.maps) == graph.linear_regions().max() + 1
    assert len(found.walls) + len(found.seams) == graph.n_walls
    (w, b), (v, c), (top, end) = ((layer.weight, layer.bias) for layer in network.layers)
    rows = np.vstack([w, [[1.0, 2.0]]]), np.append(b, 0.5)
    unseen = Network.from_layers([rows, (np.hstack([v, np.zeros((3, 1))]), c), (top, end)])
    assert recover_from_graph(complex_of(unseen, Space(2))).widths == (2, 3, 3, 1)


# ---------------------------------------------------------------- the claims


@pytest.mark.parametrize(("widths", "domain"), [((2, 4, 4, 2), Space(2)), ((3, 4, 3, 1), Space(3))])
def test_jumps_have_rank_one_and_bend_by_multiples(widths, domain):
    """At each wall the maps differ by (direction) (row that vanishes on it); where a wall bends at
    another, its row changes by a multiple of that one's."""
    network = random_network(6, *widths)
    found = complex_of(network, domain)
    for wall in found.walls:
        here, there = (found.maps[found.parts[side].cell] for side in wall.sides)
        rows = [
            [a - b for a, b in zip(*pair, strict=True)] for pair in zip(here, there, strict=True)
        ]
        jump = kink(found, wall)
        assert rows == [[u * v for v in jump.form] for u in jump.direction]
        assert rank([integer_row(jump.form), list(wall.equation)]) == 1
    bent = crossings(found).bent
    assert bent
    for a, b, key in bent:
        forms = [kink(found, found.walls[w]).form for w in (a, b)]
        differences = ([s * v - u for u, v in zip(*forms, strict=True)] for s in (1, -1))
        assert 1 in {rank([integer_row(d), list(key)]) for d in differences}


def test_signs_follow_from_linear_equations_of_full_rank():
    """sum of s_k x_k r_k for each second-layer neuron: of rank n_1 if there are enough of them."""
    rng = np.random.default_rng(0)
    x, r = rng.integers(-9, 10, size=(3, 5)), rng.integers(-9, 10, size=(5, 2))
    signs = [1, -1, -1, 1, -1]
    table = [[Fraction(int(x[i, k] * r[k, j])) for k in range(5)] for i in range(3) for j in (0, 1)]
    equations = [[*row, -sum(s * v for s, v in zip(signs, row, strict=True))] for row in table]
    assert rank([integer_row(row) for row in table]) == 5
    found = solutions(equations, 5)
    assert (found.free, signs_of(found, 5)) == ((), [tuple(signs)])
    fewer = solutions(equations[:2], 5)  # rank 2: not linear algebra, but 1 and -1 decide
    assert len(fewer.free) == 3
    assert tuple(signs) in signs_of(fewer, 5)
    wide = solutions([], 20)
    with pytest.raises(RecoveryError, match="lacks rank"):
        signs_of(wide, 20)


# ---------------------------------------------------------------- what is refused


def layers(*pairs) -> Network:
    return Network.from_layers([(np.array(w, dtype=float), b) for w, b in pairs])


W3, B3 = [[1.0, 0.25], [-0.5, 1.0], [0.75, 1.5]], [0.25, -0.5, 1.0]

REFUSED = {
    "opposite duplicates": (
        layers(([*W3, [-1.0, -0.25]], [*B3, -0.25]), ([[1.0, -2.0, 0.5, 0.3]], [0.0])),
        Space(2), "share a hyperplane"),
    "always active, first layer": (
        layers((W3, [0.25, -0.5, 50.0]), ([[1.0, -2.0, 0.5]], [0.0])),
        Box(-1, 1, dim=2), "always active"),
    "always active, second layer": (
        layers((W3, B3), ([[1.0, -2.0, 0.5], [1.0, 1.0, 1.0]], [0.5, 1.0]), ([[1.0, -0.7]], [0.0])),
        Space(2), "second-layer neuron is always active"),
    "three lines through a point": (
        layers((W3, [0.0, 0.0, 0.0]), ([[1.0, -2.0, 0.5]], [0.0])),
        Space(2), "not generic"),
    "hidden symmetry of signs": (
        layers(([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]], [0.5, 0.25, 1.0]),
               ([[1.0, 1.0, 1.0]], [0.0])),
        Space(2), "hidden symmetry"),
    "no bend": (layers((W3, B3), ([[0.0, 0.0, 0.0]], [1.0])), Space(2), "does not bend"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_told_is_refused_with_the_reason(name):
    network, domain, reason = REFUSED[name]
    with pytest.raises(RecoveryError, match=reason):
        recover_from_graph(regions(network, domain))


def test_three_hidden_layers_are_refused():
    refused = 0
    for seed in range(4):
        network = random_network(seed, 2, 4, 4, 4, 1)
        try:
            found = recover_from_graph(regions(network, Box(-5, 5, dim=2)), allow_open=True)
        except RecoveryError:
            refused += 1
        else:  # no wall of the third layer crosses one of the second: two layers do
            assert reproduces(found.network, complex_of(network, Box(-5, 5, dim=2)))
    assert refused >= 2


def test_a_wall_that_misses_another_leaves_its_weight_open():
    for seed in (0, 4, 6):
        net = random_network(seed, 2, 4, 4, 1)
        graph = regions(net, Space(2))
        try:
            found = recover_from_graph(graph, allow_open=True)
        except RecoveryError:
            continue
        if found.open:
            with pytest.raises(RecoveryError, match="weights are open"):
                recover_from_graph(graph)
            assert "not determined" in str(found)
            assert reproduces(found.network, Complex.from_graph(graph))
            return
    raise AssertionError("some weight is open")


def test_a_facet_without_a_jump_does_not_show():
    """Two second-layer neurons that see the first hyperplane, and cancel where both are active."""
    network = layers(([[1.0, 0.5], [0.25, 1.0]], [0.0, 0.0]),
                     ([[1.0, 2.0], [1.0, -1.0]], [-1.0, 3.0]), ([[1.0, -1.0]], [0.0]))  # fmt: skip
    graph = regions(network, Space(2))
    assert graph.linear_regions().max() + 1 < len(graph)
    found = recover_from_graph(graph, allow_open=True)
    assert reproduces(found.network, Complex.from_graph(graph))


def test_another_function_is_not_taken_for_it():
    network = random_network(2, 2, 3, 3, 1)
    found = complex_of(network, Space(2))
    assert reproduces(RationalNetwork.from_network(network), found)
    for k in range(3):
        changed = [(layer.weight.copy(), layer.bias.copy()) for layer in network.layers]
        changed[k][0][0, 0] = np.nextafter(changed[k][0][0, 0], 9)
        other = RationalNetwork.from_network(Network.from_layers(changed))
        assert not reproduces(other, found)


def test_neurons_that_bend_inside_a_part_are_noticed():
    """|z| as ReLU(z) + ReLU(-z): if both were active, it would be 0."""
    zero = layers(([[0.0, 0.0]], [0.0]), ([[1.0]], [0.0]))
    bent = layers(([[1.0, 1.0], [-1.0, -1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0]))
    found = complex_of(zero, Box(-1, 1, dim=2))
    assert reproduces(RationalNetwork.from_network(zero), found)
    assert not reproduces(RationalNetwork.from_network(bent), found)


def test_bad_input():
    network = random_network(0, 2, 3, 1)
    with pytest.raises(IncompleteError, match="incomplete"):
        recover_from_graph(regions(network, Space(2), limits=Limits(regions=2)))
    with pytest.raises(DomainError, match="full-dimensional"):
        recover_from_graph(regions(network, Box([0, 0], [0, 1])))
    with pytest.raises(TypeError, match="Complex or RegionGraph"):
        recover_from_graph(network)
    with pytest.raises(IncompleteError, match="all regions"):
        identifiability(network, Space(2), limits=Limits(regions=2))
    with pytest.raises(DomainError, match="full-dimensional"):
        identifiability(network, Box([0, 0], [0, 1]))


# ---------------------------------------------------------------- identifiability


def derivative_rank(network: Network, points) -> int:
    """Of outputs at some points by all parameters. On a pattern each output is an affine function
    of each single parameter, so that a quotient of differences is its derivative, exactly."""
    step = Fraction(1, 2**400)
    exact = RationalNetwork.from_network(network)
    base = [exact(x) for x in points]
    columns = []
    for k, layer in enumerate(exact.layers):
        for i, row in enumerate(layer.rows):
            for j in range(len(row)):
                rows = [list(r) for r in layer.rows]
                rows[i][j] += step
                changed = type(layer)(tuple(map(tuple, rows)), layer.units)
                moved = RationalNetwork((*exact.layers[:k], changed, *exact.layers[k + 1 :]))
                columns.append([(v - u) / step for x, y in zip(points, base, strict=True)
                                for v, u in zip(moved(x), y, strict=True)])  # fmt: skip
    return int(fmpz_mat([integer_row(c) for c in columns]).rank())


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_against_the_rank_of_derivatives_at_points(choose: Random):
    """Points inside all regions, in general position there: what they see is what the maps tell."""
    if choose.random() < 0.5:
        widths = choose.choice([(2, 3, 1), (2, 3, 2, 1), (1, 3, 3, 2), (2, 2, 2, 2, 1)])
        network, domain = random_network(choose.randrange(999), *widths), Box(-2, 2, dim=widths[0])
    else:
        network, domain = problem(choose, max_inputs=2)
        if not isinstance(domain, Box) or any(
            u.value != 0 for la in network.layers for u in la.units
        ):
            return
        if any(len(layer.factors) > 1 or layer.factors[0].divisor is not None
               for layer in network.layers):  # fmt: skip
            return
    graph = regions(network, domain)
    if graph.equalities() or len(graph) > 40 or len(graph.vanishing):
        return
    check_rank(graph)


def check_rank(graph) -> None:
    found = identifiability(graph)
    points = []
    for region in graph:
        x = region.exact_point()
        for v in region.exact_vertices()[: graph.dim + 1]:
            points.append([(3 * a + b) / 4 for a, b in zip(x, v, strict=True)])
        points.append(list(x))
    assert derivative_rank(graph.network, points) == found.parameters - found.freedom


@pytest.mark.parametrize("unit", [hard_tanh(), relu6(), leaky_relu(), absolute()])
def test_units_that_scale_and_units_that_do_not(unit):
    layers = [(layer.weight, layer.bias) for layer in random_network(1, 2, 3, 2, 2).layers]
    network = Network.from_layers(layers, unit)
    check_rank(regions(network, Box(-3, 3, dim=2)))
    scalable = 5 if len(unit.breakpoints) == 1 else 0
    assert identifiability(network, Box(-3, 3, dim=2)).parameters == 9 + 8 + 6 - scalable


def test_kinds_of_neurons():
    rows = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [2.0, 0.0], [1.0, 1.0], [0.0, 0.0]]
    network = layers((rows, [0.0, 0.0, -9.0, 0.0, 9.0, 1.0]),
                     ([[1.0, 0.0, 1.0, 1.0, 1.0, 1.0]], [0.0]))  # fmt: skip
    found = identifiability(network, Box(-1, 1, dim=2))
    kinds = ["bends", "invisible", "dead", "coincident", "always active", "always active"]
    assert [n.kind for n in found.neurons] == kinds
    assert found.neurons[3].other == 0
    assert not found.identifiable
    assert not found.determined[0][2].any() or found.determined[0][2].sum() == 1
    assert "neuron 3: coincident with neuron 0" in str(found)


def test_all_parameters_of_a_generic_network_are_determined():
    found = identifiability(random_network(3, 2, 8, 8, 1), Space(2))
    assert found.identifiable
    assert (found.freedom, found.parameters) == (0, 24 + 72 + 9 - 16)
    assert all(table.all() for table in found.determined)
    assert str(found) == "89 of 89 parameters are determined"


def test_a_dead_neuron_leaves_its_weights_open():
    network = layers((W3, [*B3[:2], -50.0]), ([[1.0, -2.0, 0.5]], [0.0]))
    found = identifiability(network, Box(-1, 1, dim=2))
    assert found.determined[1].tolist() == [[True, True, False, True]]
    assert found.determined[0][:2].all()
    assert found.freedom == 3  # two of its row, beside the one that scales it, and the one out
