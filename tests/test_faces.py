"""Faces of all dimensions, against the oracle's open cells and theorems on complexes."""

from __future__ import annotations

from math import comb
from random import Random

import numpy as np
import oracle
import pytest
from networks import (
    braid,
    cantor_net,
    doubled,
    gaussian_network,
    general_position,
    problem,
    resonance,
    type_b,
)

from polyrelu import (
    Box,
    Limits,
    Network,
    Polytope,
    Space,
    face_complex,
    identity,
    regions,
    relu,
)
from polyrelu.errors import DomainError


def inside(cells) -> tuple[int, ...]:
    """How many faces of each dimension are not in the domain's boundary."""
    counts = [sum(not side for side in row) for row in cells.in_domain_boundary]
    return (0,) * cells.n_lines + tuple(counts)


@pytest.mark.parametrize("seed", range(120))
def test_as_many_as_the_oracle_finds(seed):
    network, domain = problem(Random(seed), 3)
    graph = regions(network, domain)
    cells = face_complex(graph)
    assert inside(cells) == oracle.f_vector(network, domain)
    check_diamonds(cells)


def check_diamonds(cells):
    """In a face, each of its faces two dimensions down lies in exactly two between (Ziegler 1995,
    theorem 2.7)."""
    for k in range(2, len(cells.boundary)):
        for between in cells.boundary[k]:
            seen = {}
            for face in between:
                for below in cells.boundary[k - 1][face]:
                    seen[below] = seen.get(below, 0) + 1
            assert set(seen.values()) <= {2}


GRAPHS = {
    "plane": (gaussian_network(0, 2, 6, 5), Space(2)),
    "box": (gaussian_network(1, 3, 5, 4), Box(-1, 1, dim=3)),
    "braid": (braid(4), Space(4)),
    "resonance": (resonance(3), Space(3)),
    "type B": (type_b(3), Box(-1, 2, dim=3)),
    "zero units": (cantor_net(2), Box(0, 1, dim=2)),
    "thin": (doubled(3, 5, 2), Space(2)),
    "simplex": (gaussian_network(4, 2, 6), Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])),
    "half-plane": (gaussian_network(5, 2, 6, 3), Polytope([[-1.0, 0.5]], [0.25])),
    "four inputs": (gaussian_network(6, 4, 5, 3), Box(-1, 1, dim=4)),
    "flat": (gaussian_network(2, 3, 6), Box([-1, -1, 0.25], [1, 1, 0.25])),
    "line": (gaussian_network(7, 1, 4, 3), Space(1)),
    "one region": (gaussian_network(8, 2, 1), Box(0, 2.0**-20, dim=2)),
}


@pytest.fixture(scope="module", params=GRAPHS)
def cells(request):
    return face_complex(regions(*GRAPHS[request.param]))


def test_euler_characteristic(cells):
    domain = cells.graph.domain
    if isinstance(domain, Space):
        assert cells.euler_characteristic == (-1) ** cells.dim
    else:  # bounded, or a half-space: a closed one is no cell
        assert cells.euler_characteristic == (0 if cells.graph.unbounded.any() else 1)


def test_the_regions_are_the_greatest_faces(cells):
    graph = cells.graph
    assert cells.f_vector[-1] == len(graph)
    for region, face in zip(graph, cells.faces(cells.dim), strict=True):
        assert face.index == region.index
        assert set(face.exact_rays()) == set(region.exact_rays())
        assert set(face.exact_vertices()) == set(region.exact_vertices())
        assert face.bounded == region.bounded
        assert len(face.boundary()) == len(region.facets)


def test_every_wall_is_a_face_of_two_regions(cells):
    n = cells.f_vector[cells.dim - 1]
    around = [[] for _ in range(n)]
    for i, below in enumerate(cells.boundary[-1]):
        for face in below:
            around[face].append(i)
    pairs = sorted(tuple(sorted(pair)) for pair in around if len(pair) == 2)
    assert pairs == sorted(map(tuple, cells.graph.edges().tolist()))
    assert all(len(pair) == 1 for pair in around if len(pair) != 2)


def test_signs_tell_faces_apart(cells):
    """With those of the domain's inequalities; a face's are those of regions around it, or 0."""
    graph = cells.graph
    names = set()
    for dim in range(cells.n_lines, cells.dim + 1):
        for face in cells.faces(dim):
            x = face.exact_point()
            sides = tuple(
                sum(a * v for a, v in zip(g, (*x, 1), strict=True)) > 0
                for g in graph.domain.inequalities()
            )
            names.add((face.signs(), sides))
    assert len(names) == sum(cells.f_vector)
    for region, face in zip(graph, cells.faces(cells.dim), strict=True):
        assert [int(s > 0) for s in face.signs()] == region.pattern.tolist()


@pytest.mark.parametrize(("hyperplanes", "dim"), [(5, 2), (7, 2), (5, 3), (6, 4)])
def test_general_position(hyperplanes, dim):
    """Faces of a simple arrangement (Buck 1943), and the average degree below 2 d."""
    graph = regions(general_position(0, hyperplanes, dim), Space(dim))
    cells = face_complex(graph)
    expected = tuple(
        comb(hyperplanes, dim - k) * sum(comb(hyperplanes - dim + k, i) for i in range(k + 1))
        for k in range(dim + 1)
    )
    assert cells.f_vector == expected
    assert cells.average_degree == pytest.approx(2 * expected[-2] / expected[-1])
    assert cells.average_degree <= 2 * dim


def test_common_lines_raise_dimensions():
    graph = regions(general_position(1, 3, 2), Space(2))
    wide = Network.from_layers(
        [(np.hstack([graph.network.layers[0].weight, np.zeros((3, 2))]),
          graph.network.layers[0].bias)], output_activation=relu()
    )  # fmt: skip
    cells = face_complex(regions(wide, Space(4)))
    assert cells.f_vector == (0, 0, *face_complex(graph).f_vector)
    assert cells.euler_characteristic == 1
    assert not any(face.bounded for face in cells.faces(2))


@pytest.mark.parametrize("turn", [np.eye(3), [[1, 0, 0], [2, 1, 1], [1, 3, -1]]])
def test_directions_that_matter_late_or_never(turn):
    """What the second unit passes on first matters in layer 2, the third's only in the output."""
    skip = [relu(), identity(), identity()]
    first = (turn, np.zeros(3))
    second = ([[1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [-1.0, -1.0, 0.0])
    units = [relu(), relu(), identity()]
    network = Network.from_layers([first, second], activation=skip, output_activation=units)
    cells = face_complex(regions(network, Space(3)))
    assert cells.n_lines == 1
    flat = (np.eye(2), np.zeros(2)), ([[1.0, -1.0], [1.0, 1.0]], [-1.0, -1.0])
    plane = Network.from_layers(flat, activation=skip[:2], output_activation=relu())
    assert cells.f_vector == (0, *face_complex(regions(plane, Space(2))).f_vector)
    assert cells.f_vector == (0, *oracle.f_vector(plane, Space(2)))
    assert face_complex(regions(network, Box(-3, 3, dim=3))).euler_characteristic == 1


def test_parts_of_a_graph_have_faces_too():
    """Found one region after the other, in any order; then all again by the search."""
    network = gaussian_network(3, 2, 6, 4)
    whole = face_complex(regions(network, Box(-1, 1, dim=2)))
    outward = face_complex(regions(network, Box(-1, 1, dim=2), start=[0.1, 0.2]))
    assert outward.f_vector == whole.f_vector
    part = regions(network, Box(-1, 1, dim=2), limits=Limits(regions=5))
    cells = face_complex(part)
    assert cells.f_vector[-1] == 5
    for region, face in zip(part, cells.faces(2), strict=True):
        assert set(face.exact_vertices()) == set(region.exact_vertices())


def test_a_dimension_without_faces():
    cells = face_complex(regions(gaussian_network(0, 2, 3), Box(-1, 1, dim=2)))
    assert list(cells.faces(5)) == []
    with pytest.raises(DomainError, match="face 99 of"):
        cells.face(1, 99)
