"""The engine on arrangements and networks whose numbers of regions are theorems.

No oracle here: these go further than it can, and agree with the literature or they do not.
"""

from __future__ import annotations

import pytest
from networks import (
    cantor_net,
    cells_in_central_position,
    cells_in_general_position,
    doubled,
    folded_line,
    gaussian_network,
    general_position,
    known_arrangements,
    resonance,
    threshold,
    type_b,
    walls_in_general_position,
)

from polyrelu import Box, Space, count_regions, regions, segment

KNOWN = known_arrangements()


@pytest.mark.parametrize("name", KNOWN)
def test_arrangements(name):
    network, count, walls = KNOWN[name]
    G = regions(network, Space(network.input_dim))
    assert G.complete
    assert len(G) == count
    assert walls is None or len(G.edges()) == walls


@pytest.mark.parametrize(
    ("network", "count"),
    [
        pytest.param(type_b(5), 3840, id="type B 5"),
        pytest.param(threshold(4), 1882, id="threshold functions of 4 inputs"),
        pytest.param(resonance(5), 11292, id="resonance 5"),
        pytest.param(
            general_position(0, 60, 2, central=True), 120, id="60 lines through the origin"
        ),
        pytest.param(
            general_position(0, 24, 4, central=True),
            cells_in_central_position(24, 4),
            id="24 hyperplanes of R^4 through the origin",
        ),
    ],
)
def test_larger_arrangements(network, count):
    result = count_regions(network, Space(network.input_dim))
    assert result.complete
    assert result.count == count


@pytest.mark.parametrize(
    ("dim", "count", "degree"),
    [(2, 137, 3.7372), (3, 697, 5.5552), (4, 2517, 7.3230), (5, 6885, 9.0214)],
)
def test_sixteen_hyperplanes_in_general_position(dim, count, degree):
    """Zaslavsky, and the average degree 2 N_(d-1) / N_d (counting 8.1; also Gaines and Bi)."""
    G = regions(general_position(16, 16, dim), Space(dim))
    assert len(G) == cells_in_general_position(16, dim) == count
    assert len(G.edges()) == walls_in_general_position(16, dim)
    assert round(2 * len(G.edges()) / len(G), 4) == degree


def test_lines_one_ulp_apart():
    """1 + 2n + 4 n (n - 1) / 2 cells: a tolerance merges the copies and finds a quarter."""
    result = count_regions(doubled(1, 18, 2), Space(2))
    assert result.count == 1 + 36 + 4 * 153


@pytest.mark.parametrize(("depth", "pieces"), [(1, 4), (2, 16), (3, 64), (4, 256)])
def test_most_pieces_on_a_line(depth, pieces):
    """Three ReLUs a layer can make 4 pieces of each piece, and no more (counting 8.3)."""
    G = regions(folded_line(depth), Space(1))
    assert len(G) == pieces
    assert len(G.edges()) == pieces - 1


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
def test_cantor_net(depth):
    """On a third of the plane a layer is identically 0 (folding 5.4)."""
    pieces = 2 ** (depth + 1) - 1
    assert len(regions(cantor_net(depth), Space(2))) == 2 * pieces
    assert len(regions(cantor_net(depth, top=True), Space(2))) == 3 * pieces


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("height", [0.25, 0.75, 1.0])
def test_a_path_through_cantor_net(depth, height):
    path = segment([0.0, height], [1.0, height])
    assert len(regions(cantor_net(depth), path)) == 2 ** (depth + 1) - 1
    if height == 0.75:  # folding 5.4, with the top neuron
        with_top = (5, 11, 23, 47, 95)[depth - 1]
        assert len(regions(cantor_net(depth, top=True), path)) == with_top


@pytest.mark.parametrize(
    ("widths", "serra"),
    [((2, 4, 4, 1), 121), ((2, 3, 3, 3, 1), 208), ((3, 4, 3, 1), 98)],
)
def test_upper_bound_of_serra(widths, serra):
    """Serra, Tjandraatmadja, Ramalingam 2018; the values stand in counting 8.2."""
    for seed in range(5):
        net = gaussian_network(seed, *widths[:-1])
        assert count_regions(net, Space(widths[0])).count <= serra


@pytest.mark.parametrize("widths", [(2, 8, 6), (3, 6, 5), (4, 5, 4), (5, 6)])
def test_degrees(widths):
    """Gaines and Bi: at most 2d on average, and none below min(first layer's width, d)."""
    d = widths[0]
    G = regions(gaussian_network(3, *widths), Space(d))
    degrees = [len(G.neighbors(i)) for i in range(len(G))]
    assert sum(degrees) == 2 * len(G.edges()) <= 2 * d * len(G)
    assert min(degrees) >= min(widths[1], d)


@pytest.mark.parametrize("widths", [(2, 16, 16), (3, 8, 8), (4, 7, 5)])
def test_counting_is_enumerating(widths):
    net, box = gaussian_network(5, *widths), Box(-1, 1, dim=widths[0])
    G = regions(net, box)
    result = count_regions(net, box)
    assert result.complete
    assert result.count == len(G) == len({p.tobytes() for p in G.patterns})
