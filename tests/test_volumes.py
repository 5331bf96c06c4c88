"""Volumes of all regions and the content of walls."""

from __future__ import annotations

from fractions import Fraction
from math import comb, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import arrangement, gaussian_network, problem

import polyrelu as pr
from polyrelu import sampling

rationals = st.randoms(use_true_random=False)


@settings(deadline=None, max_examples=40)
@given(rationals)
def test_shares_are_the_exact_volumes_over_the_domains(rng):
    net, domain = problem(rng, 4)
    graph = pr.regions(net, domain)
    if graph.unbounded.any() or graph.compiled.dim < graph.dim:
        return
    exact = [region.exact_volume() for region in graph]
    found = sampling.region_volumes(graph)
    assert sum(exact) == pytest.approx(found.domain_volume, rel=1e-12)
    if found.relative_error == np.inf:
        return
    for share, volume in zip(found.shares.tolist(), exact, strict=True):
        truth = volume / sum(exact)
        assert abs(Fraction(share) - truth) <= Fraction(found.relative_error) * truth


def test_flat_domains_are_measured_in_their_hull():
    triangle = pr.Polytope([[1, 1, 1], [-1, -1, -1], *(-np.eye(3)).tolist()], [1, -1, 0, 0, 0])
    graph = pr.regions(arrangement([[1, -1, 0]]), triangle)  # cuts it in two halves
    found = sampling.region_volumes(graph)
    np.testing.assert_allclose(found.shares, [0.5, 0.5], rtol=1e-12)
    assert found.domain_volume == pytest.approx(sqrt(3) / 2)
    assert sampling.wall_content(graph) == pytest.approx(sqrt(1.5))


@pytest.mark.parametrize("dim", [1, 2, 3, 4])
def test_walls_of_a_grid(dim):
    """k slices across each axis of the unit cube, each of content 1."""
    net = arrangement(np.repeat(np.eye(dim), 2, axis=0), [-0.25, -0.7] * dim)
    graph = pr.regions(net, pr.Box(0, 1, dim=dim))
    assert sampling.wall_content(graph) == pytest.approx(2 * dim, rel=1e-12)
    shares = np.sort(sampling.region_volumes(graph).shares)
    sides = sorted([0.25, 0.45, 0.3])
    assert shares[0] == pytest.approx(sides[0] ** dim)
    assert np.isclose(shares, 0.25 * 0.3 ** (dim - 1)).sum() == comb(dim, 1)


def test_walls_of_a_deep_net_are_its_edges_in_the_plane():
    graph = pr.regions(gaussian_network(5, 2, 5, 4), pr.Box(-1, 2, dim=2))
    total = 0.0
    for region in graph:
        for k, facet in enumerate(region.facets):
            if facet.neighbor is not None:
                a, b = (np.array([v / p[-1] for v in p[:-1]], float)
                        for p in region.vertices_on(k)[0])  # fmt: skip
                total += float(np.linalg.norm(a - b)) * 1.5 / 2  # the chart is [-1, 1]^2
    assert sampling.wall_content(graph) == pytest.approx(total, rel=1e-12)


def test_what_has_no_volumes():
    net = gaussian_network(0, 2, 6)
    with pytest.raises(pr.DomainError, match="bounded domain"):
        sampling.region_volumes(pr.regions(net, pr.Space(2)))
    part = pr.regions(net, pr.Box(-1, 1, dim=2), limits=pr.Limits(regions=3))
    for ask in (sampling.region_volumes, sampling.wall_content):
        with pytest.raises(pr.IncompleteError, match="need all regions"):
            ask(part)
        with pytest.raises(TypeError, match="RegionGraph"):
            ask(net)
        with pytest.raises(pr.IncompleteError, match="after 0 of"):
            ask(pr.regions(net, pr.Box(-1, 1, dim=2)), limits=pr.Limits(seconds=1e-9))
