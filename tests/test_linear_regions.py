"""Linear regions: activation regions that touch and carry exactly the same map, merged."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from networks import cantor_net, folded_line, gaussian_network, problem

from polyrelu import (
    Affine,
    Box,
    Layer,
    Network,
    Polytope,
    Slice,
    Space,
    absolute,
    identity,
    leaky_relu,
    regions,
    relu,
)
from polyrelu.merge import _affine, _primes


def brute_force(G) -> list[int]:
    """Labels in order of appearance, by walking along edges between equal rational maps."""
    maps = [region.exact_affine_map for region in G]
    labels = [-1] * len(G)
    count = 0
    for start in range(len(G)):
        if labels[start] >= 0:
            continue
        stack = [start]
        labels[start] = count
        while stack:
            i = stack.pop()
            for j in G.neighbors(i).tolist():
                if labels[j] < 0 and maps[i] == maps[j]:
                    labels[j] = count
                    stack.append(j)
        count += 1
    return labels


def canonical(labels) -> list[int]:
    names: dict[int, int] = {}
    return [names.setdefault(label, len(names)) for label in labels]


def check(G) -> int:
    """The number of linear regions, after a comparison with the brute force."""
    labels = G.linear_regions().tolist()
    assert canonical(labels) == brute_force(G)
    assert set(labels) == set(range(len(set(labels))))
    return len(set(labels))


def two_layers(W, b, V, c, unit=None):
    top = Layer([Affine(V, c)], identity())
    return Network((Layer([Affine(W, b)], unit or relu()), top))


@pytest.mark.parametrize("seed", range(30))
def test_against_brute_force(seed):
    choose = Random(seed)
    net, where = problem(choose, max_inputs=3)
    G = regions(net, where)
    if not G.equalities():
        check(G)


def test_a_network_in_general_position_merges_only_where_all_is_dead():
    G = regions(gaussian_network(0, 2, 8, 6), Box(-1, 1, dim=2))
    check(G)


def test_an_output_that_does_not_look_merges_everything():
    W = np.random.default_rng(0).normal(size=(6, 2))
    G = regions(two_layers(W, np.ones(6), np.zeros((1, 6)), [2.0]), Space(2))
    assert len(G) > 6
    assert check(G) == 1


def test_output_weight_zero_leaves_one_wall_out():
    """Four quadrants, and the output looks at the first unit only."""
    G = regions(two_layers(np.eye(2), np.zeros(2), [[1.0, 0.0]], [0.0]), Space(2))
    assert len(G) == 4
    assert check(G) == 2
    labels = G.linear_regions()
    assert labels[G.find([1, 0])] == labels[G.find([1, 1])]
    assert labels[G.find([0, 0])] == labels[G.find([0, 1])] != labels[G.find([1, 1])]


def test_a_dead_next_layer_merges_what_lies_below():
    W = np.random.default_rng(0).normal(size=(5, 2))
    top = [(W, np.zeros(5)), (-np.ones((3, 5)), -np.ones(3)), (np.ones((1, 3)), [0.0])]
    G = regions(Network.from_layers(top), Box(-1, 1, dim=2))
    assert len(G) == 10
    assert check(G) == 1


def test_leaky_units_merge_nothing():
    rng = np.random.default_rng(1)
    W, V = rng.normal(size=(6, 2)), rng.normal(size=(1, 6))
    G = regions(two_layers(W, rng.normal(size=6), V, [0.0], leaky_relu(0.1)), Box(-1, 1, dim=2))
    assert check(G) == len(G)


def test_units_that_cancel():
    """relu(x) - relu(-x) = x."""
    G = regions(two_layers([[1.0], [-1.0]], [0, 0], [[1.0, -1.0]], [0.0]), Space(1))
    assert (len(G), check(G)) == (2, 1)


def test_maps_that_differ_in_the_last_bit_stay_apart():
    up = np.nextafter(1.0, 2)
    G = regions(two_layers([[1.0], [-1.0]], [0, 0], [[1.0, -up]], [0.0]), Space(1))
    assert (len(G), check(G)) == (2, 2)


def test_maps_that_differ_in_the_constant_stay_apart():
    """A step that no float64 sees: slope 1e-300 over a width of 1e-300."""
    W, V = [[1e-300], [1e-300]], [[1.0, -1.0]]
    G = regions(two_layers(W, [0.0, -(2.0**-1000)], V, [1.0]), Space(1))
    assert (len(G), check(G)) == (3, 3)


def test_the_same_map_on_regions_that_do_not_touch():
    """A tent: 0, up, down, 0. The two zeros stay apart; so do pieces that meet in a point."""
    tent = two_layers(np.ones((3, 1)), [1, 0, -1], [[1.0, -2.0, 1.0]], [0.0])
    G = regions(tent, Space(1))
    labels = G.linear_regions()
    left, right = G.find([0, 0, 0]), G.find([1, 1, 1])
    assert G[left].exact_affine_map == G[right].exact_affine_map == (((0,),), (0,))
    assert labels[left] != labels[right]
    assert check(G) == 4
    # |x| - |y|, then abs: on x > |y| and x < -|y| the maps differ; relu keeps opposite cones.
    cross = [Layer([Affine(np.eye(2), [0, 0])], absolute())]
    cross += [Layer([Affine([[1.0, -1.0]], [0.0])], relu())]
    G = regions(Network(tuple(cross)), Space(2))
    labels = G.linear_regions()
    zeros = [i for i in range(len(G)) if not any(map(any, G[i].exact_affine_map[0]))]
    assert len(zeros) == 4
    assert len({labels[i] for i in zeros}) == 2
    check(G)


def test_regions_that_meet_only_through_a_third():
    """Three in a row with one map; the outer ones do not touch each other."""
    G = regions(two_layers(np.ones((3, 1)), [1, 0, -1], [[0.0, 0.0, 1.0]], [0.0]), Space(1))
    assert (len(G), check(G)) == (4, 2)


def test_a_flat_domain_sees_only_a_part_of_the_map():
    """On x = 0 both pieces of relu(x + y) - relu(y - x) are 0, though they differ off it."""
    net = two_layers([[1.0, 1.0], [-1.0, 1.0]], [0, 0], [[1.0, -1.0]], [0.0])
    G = regions(net, Box([0, -1], [0, 1]))
    maps = {region.exact_affine_map for region in G}
    assert (len(G), len(maps)) == (2, 2)
    assert G.linear_regions().tolist() == [0, 0]
    line = Polytope([[1, 0], [-1, 0]], [0, 0])
    assert regions(net, line).linear_regions().tolist() == [0, 0]


@pytest.mark.parametrize("divisor", [4194301.0, 4194301.0 * 4194287.0, 4194301.0**2, 0.1])
def test_denominators_that_the_primes_divide(divisor):
    """4194301 is the greatest prime below 2**22: residues modulo it would not exist."""
    between = Affine(np.eye(2), np.zeros(2), [divisor, 3.0])
    first = Layer([Affine(np.eye(2), [0.5, -0.5]), between], relu())
    net = Network((first, Layer([Affine([[1.0, 0.0]], [0.0], [divisor])], identity())))
    primes = _primes(net, 3)
    scales = [int(layer.integer_matrix.table()[-1][-1]) for layer in net.layers]
    assert len(set(primes)) == 3
    assert all(scale % p for scale in scales for p in primes)
    G = regions(net, Space(2))
    assert (len(G), check(G)) == (4, 2)


def test_weights_that_vanish_modulo_a_prime():
    """The maps 0 and 4194301 x have equal residues; integers tell them apart."""
    net = two_layers([[4194301.0 * 4194287.0]], [0.0], [[4194277.0]], [0.0])
    assert _primes(net, 3) == [4194301, 4194287, 4194277]
    G = regions(net, Space(1))
    assert (len(G), check(G)) == (2, 2)


def test_a_layer_wider_than_a_sum_that_float64_holds():
    rng = np.random.default_rng(0)
    V = np.repeat(rng.normal(size=(1, 300)), 2, axis=1) * np.tile([1.0, -1.0], 300)
    W = np.repeat(rng.normal(size=(300, 1)), 2, axis=0)
    b = np.repeat(rng.normal(size=300), 2)
    G = regions(two_layers(W, b, V, [0.0]), Box(-1, 1, dim=1))  # equal units cancel in pairs
    assert len(G) > 50
    assert G.linear_regions().max() == 0


def test_residues_of_a_wide_layer_are_not_rounded():
    """Sums of 8192 products of 44 bits each, against Python's integers."""
    rng = np.random.default_rng(0)
    W = rng.integers(-(2**40), 2**40, size=(2, 8192)).astype(float)
    W[:, :4000] = -1.0  # residues as large as they come
    prime = 4194301
    h = rng.integers(prime - 9, prime, size=(1, 8192))
    found = _affine(Layer([Affine(W, [3.0, -5.0])], identity()), h.astype(float), 7.0, prime)
    exact = [
        (sum(int(w) * int(v) for w, v in zip(row, h[0], strict=True)) + 7 * b) % prime
        for row, b in zip(W, (3, -5), strict=True)
    ]
    assert found.tolist() == [exact]


def test_units_of_several_pieces_and_slices():
    check(regions(cantor_net(2), Box(0, 1, dim=2)))
    assert check(regions(folded_line(3), Space(1))) == 64
    check(regions(gaussian_network(1, 5, 6, 4), Slice.through(*np.eye(5)[:3])))


def test_one_region_and_no_hidden_units():
    G = regions(Network.from_layers([([[1.0, 2.0]], [0.0])]), Space(2))
    assert G.linear_regions().tolist() == [0]
