"""Arrangements: enumeration, deletion-restriction and the literature agree."""

from __future__ import annotations

from fractions import Fraction
from math import comb, factorial

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network

import polyrelu as pr
from polyrelu import Arrangement, Box, Polytope, Space, deletion_restriction
from polyrelu.families import family

small = st.integers(-2, 2)


@st.composite
def arrangements(draw) -> Arrangement:
    dim, n = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    row = st.lists(small, min_size=dim + 1, max_size=dim + 1)
    table = np.array(draw(st.lists(row, min_size=n, max_size=n)), dtype=float)
    if draw(st.booleans()):
        table[:, -1] = 0
    return Arrangement(table[:, :-1], table[:, -1])


@settings(max_examples=150, deadline=None)
@given(arrangements())
def test_two_ways_to_count(arrangement):
    cells = arrangement.cells()
    assert len(cells) == arrangement.n_chambers() == arrangement.count_cells().count
    assert len(arrangement.bounded_cells(cells)) == arrangement.n_bounded()
    faces = arrangement.f_vector()
    assert faces[-1] == len(cells)
    assert faces[-2] == _n_facets(arrangement)
    assert sum((-1) ** k * f for k, f in enumerate(faces)) == (-1) ** arrangement.dim
    assert cells.n_walls == faces[-2]


def _n_facets(arrangement: Arrangement) -> int:
    """Each hyperplane is cut by the others: a facet for each chamber on it."""
    total = 0
    for i, h in enumerate(arrangement.hyperplanes):
        others = arrangement.hyperplanes[:i] + arrangement.hyperplanes[i + 1 :]
        left = deletion_restriction.restrict(h, others)
        total += sum(deletion_restriction.whitney_numbers(left, arrangement.dim - 1))
    return total


@settings(max_examples=100, deadline=None)
@given(arrangements())
def test_sign_vectors_are_the_signs_at_the_witnesses(arrangement):
    cells = arrangement.cells()
    signs = arrangement.sign_vectors(cells)
    for region, vector in zip(cells, signs.tolist(), strict=True):
        x = [*region.exact_point(), Fraction(1)]
        values = [sum(a * v for a, v in zip(row, x, strict=True)) for row in arrangement.rows]
        assert vector == [(v > 0) - (v < 0) for v in values]


@settings(max_examples=50, deadline=None)
@given(arrangements())
def test_large_integers_count_as_small_ones(arrangement):
    """Rows scaled beyond 2**30 take the path without a compiled core."""
    scaled = [(*(v * (10**10 + 19) for v in h[:-1]), h[-1]) for h in arrangement.hyperplanes]
    expected = deletion_restriction.whitney_numbers(arrangement.hyperplanes, arrangement.dim)
    moved = deletion_restriction.whitney_numbers(scaled, arrangement.dim)
    assert moved == expected  # the map x -> x * (10**10 + 19) only stretches


def test_entries_that_grow_beyond_int64_are_counted_all_the_same():
    rng = np.random.default_rng(0)
    rows = rng.integers(-(2**29), 2**29, size=(9, 4)).tolist()
    hyperplanes = deletion_restriction.distinct(rows)
    numbers = deletion_restriction.whitney_numbers(hyperplanes, 3)
    assert numbers == [1, 9, 36, 84]


def test_rows_of_every_kind():
    A = [[1, 0, 0], [-2, 0, 0], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]]
    b = [1, -2, 0, -3, 0, 0, 5]
    arrangement = Arrangement(A, b)
    assert len(arrangement) == 3
    assert arrangement.hyperplane_of_row == (0, 0, -1, -1, 1, 2, -1)
    assert arrangement.rank == 2
    assert not arrangement.is_central
    assert np.abs(arrangement.lineality).tolist() == [[0, 0, 1]]
    assert arrangement.n_chambers() == 6
    assert arrangement.characteristic_polynomial() == (1, -3, 2, 0)
    assert (arrangement.n_bounded(), arrangement.n_relatively_bounded()) == (0, 0)
    cells = arrangement.cells()
    assert cells.unbounded.all()
    signs = arrangement.sign_vectors(cells)
    assert np.array_equal(signs[:, 0], -signs[:, 1])
    assert (signs[:, [2, 3, 6]] == [0, -1, 1]).all()
    assert repr(arrangement) == "Arrangement(3 hyperplanes in R^3, rank 2)"


def test_no_hyperplane_at_all():
    arrangement = Arrangement([[0.0, 0.0]], [1.0])
    assert len(arrangement) == arrangement.rank == 0
    assert len(arrangement.cells()) == arrangement.n_chambers() == 1
    assert arrangement.characteristic_polynomial() == (1, 0, 0)
    assert arrangement.f_vector() == (0, 0, 1)
    assert arrangement.n_relatively_bounded() == 1


def test_bounded_but_for_lines():
    strip = Arrangement([[1, 1], [1, 1]], [0, -1])
    assert (strip.n_bounded(), strip.n_relatively_bounded()) == (0, 1)


@pytest.mark.parametrize(("n", "d"), [(6, 2), (7, 3), (6, 4), (4, 5)])
def test_general_position(n, d):
    rng = np.random.default_rng(n)
    arrangement = Arrangement(rng.normal(size=(n, d)), rng.normal(size=n))
    assert arrangement.whitney_numbers() == tuple((-1) ** k * comb(n, k) for k in range(d + 1))
    assert arrangement.whitney_numbers(2) == tuple(comb(n, k) for k in range(d + 1))
    cut = [comb(n, d - k) for k in range(d + 1)]  # flats of dimension k
    faces = [
        cut[k] and cut[k] * sum(comb(n - d + k, i) for i in range(k + 1)) for k in range(d + 1)
    ]
    assert list(arrangement.f_vector()) == faces  # counting 8.1
    assert arrangement.n_bounded() == (comb(n - 1, d) if n > d else 0)


def test_flats_of_the_braid_arrangement_are_set_partitions():
    """Stirling numbers of both kinds (Stanley 2007, An Introduction to Hyperplane Arrangements)."""
    braid = Arrangement(*family("braid", 5))
    assert braid.whitney_numbers(2) == (1, 10, 25, 15, 1, 0)
    assert braid.whitney_numbers() == (1, -10, 35, -50, 24, 0)
    assert braid.f_vector() == (0, 1, 30, 150, 240, 120)  # ordered set partitions
    graph = braid.cells().to_networkx()
    assert nx.is_isomorphic(graph, _permutohedron(5))


def _permutohedron(n: int) -> nx.Graph:
    from itertools import permutations

    graph = nx.Graph()
    for p in permutations(range(n)):
        for i in range(n - 1):
            graph.add_edge(p, (*p[:i], p[i + 1], p[i], *p[i + 2 :]))
    return graph


def test_in_a_domain():
    braid = Arrangement(*family("braid", 3))
    box = Box([0, 0.25, 0.25], [1, 0.5, 0.5])
    assert braid.count_cells(box).count == len(braid.cells(box)) == 6
    flat = Polytope(
        [[1, -1, 0], [-1, 1, 0], *np.eye(3), *-np.eye(3)], [0, 0, 1, 1, 1, 1, 1, 1]
    )  # inside a hyperplane
    signs = braid.sign_vectors(braid.cells(flat))
    assert sorted(signs.tolist()) == [[0, -1, -1], [0, 1, 1]]
    with pytest.raises(pr.DomainError, match="empty"):
        braid.cells(Polytope([[1, 0, 0], [-1, 0, 0]], [0, -1]))


def test_a_layer_as_an_arrangement():
    net = gaussian_network(0, 3, 5, 4)
    first = Arrangement.from_layer(net.layers[0])
    assert first.dim == 3
    assert first.n_chambers() == len(pr.regions(pr.Network((net.layers[0],)), Space(3)))
    assert len(Arrangement.from_layer(net.layers[1]).hyperplanes) == 4
    bends = pr.Layer([pr.Affine([[1, 0], [2, 0]], [0, 0])], pr.hard_tanh())
    parallel = Arrangement.from_layer(bends)
    assert len(parallel.rows) == 4
    assert parallel.n_chambers() == len(parallel.cells()) == 5
    pooled = pr.Layer([pr.Affine([[1, 1]], [0]), pr.Affine([[1]], [1], [3.0])], pr.relu())
    assert Arrangement.from_layer(pooled).hyperplanes == ((1, 1, 1),)


def test_wrong_input():
    with pytest.raises(pr.NetworkError, match=r"A must have shape \(n, dim\), not \(3,\)"):
        Arrangement([1, 2, 3])
    with pytest.raises(pr.NetworkError, match="bias must have shape"):
        Arrangement([[1, 2]], [1, 2])
    with pytest.raises(pr.NetworkError, match="no breakpoints"):
        Arrangement.from_layer(gaussian_network(0, 3, 5).layers[-1])
    with pytest.raises(pr.NetworkError, match=r"network\.layers\[0\]"):
        Arrangement.from_layer(gaussian_network(0, 3, 5))
    with pytest.raises(ValueError, match="kind must be 1 or 2"):
        Arrangement([[1, 2]]).whitney_numbers(3)
    with pytest.raises(pr.DomainError, match="not cells of this arrangement"):
        Arrangement([[1, 2]]).sign_vectors(Arrangement([[1, 2], [0, 1]]).cells())


def test_a_million_chambers_counted_without_geometry():
    assert Arrangement(*family("resonance", 6)).n_chambers() == 1066044
    assert Arrangement(*family("threshold", 5)).n_chambers() == 94572
    assert Arrangement(*family("braid", 9)).n_chambers() == factorial(9)
