"""Kernels region by region: the bilinear form of a pair of regions is the kernel, exactly."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import tangents
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, problem

import polyrelu as pr
from polyrelu.queries.tangent import affine_factors

rationals = st.randoms(use_true_random=False)


def metrics(net: pr.Network) -> list[pr.Metric]:
    size = sum(b.size for b in pr.parameter_blocks(net))
    return [
        pr.BlockMetric(),
        pr.BlockMetric(1, np.arange(len(affine_factors(net)))),
        pr.DiagonalMetric(np.arange(size) % 3 / 7),
        pr.EulerMetric(),
        pr.EulerMetric(biases=False),
    ]


def evaluated(form, x, y) -> Fraction:
    left, right = ([*map(Fraction, p), Fraction(1)] for p in (x, y))
    return sum(a * m * b for a, row in zip(left, form.tolist(), strict=True)
               for m, b in zip(row, right, strict=True))  # fmt: skip


@settings(deadline=None, max_examples=30)
@given(rationals)
def test_the_form_is_the_kernel_of_nasty_networks(rng):
    net = tangents.nasty(rng, rng.randint(1, 3))
    x, y = tangents.points(rng, 2, net.input_dim).tolist()
    for metric in metrics(net):
        found = pr.RegionKernel(net, metric)
        (expected,) = pr.kernel_matrix(net, [x], [y], metric=metric, arithmetic="exact")[0]
        assert found.value(x, y) == expected
        patterns = [tangents.pattern_at(net, p) for p in (x, y)]
        exact = found.form(*patterns, arithmetic="exact")
        assert evaluated(exact, x, y) == expected
        bounds = found.form(*patterns, arithmetic="bounds")
        for low, m, high in zip(bounds.low.flat, exact.flat, bounds.high.flat, strict=True):
            assert low == -np.inf or Fraction(low) <= m
            assert high == np.inf or m <= Fraction(high)


@settings(deadline=None, max_examples=15)
@given(rationals)
def test_regions_of_a_graph(rng):
    net, domain = problem(rng, max_inputs=2)
    graph = pr.regions(net, domain)
    if graph.slice is not None or len(graph) > 40:
        return
    found = pr.RegionKernel(graph, output=0)
    i, j = rng.randrange(len(graph)), rng.randrange(len(graph))
    form = found.form(i, j, arithmetic="exact")
    x, y = graph.exact_point(i), graph.exact_point(j)
    exact = pr.kernel_matrix(net, [x], [y], output=0, arithmetic="exact")[0, 0]
    assert evaluated(form, x, y) == exact
    assert (found.form(graph.pattern(i), graph.pattern(j), arithmetic="exact") == form).all()
    assert (found.form(j, i, arithmetic="exact") == form.T).all()


@pytest.mark.parametrize("output", [None, 1, [1, -2]])
def test_the_kernel_matrix_of_a_data_set(output, monkeypatch):
    net = gaussian_network(0, 2, 9, 7)
    net = pr.Network((*net.layers[:-1], gaussian_network(1, 7, 2).layers[0]))
    net = pr.Network.from_layers([(f.weight, f.bias) for f in affine_factors(net)])
    x = np.random.default_rng(0).normal(size=(150, 2))
    for metric in metrics(net):
        direct = pr.kernel_matrix(net, x, metric=metric, output=output)
        through = pr.RegionKernel(net, metric, output=output).matrix(x)
        assert np.allclose(through, direct, rtol=1e-10, atol=1e-10 * np.abs(direct).max())
    monkeypatch.setattr("polyrelu.queries.region_kernel.NUMBERS", 3000)
    assert np.allclose(pr.RegionKernel(net, metric, output=output).matrix(x), direct)


def test_forms_are_computed_once_for_each_pair_of_regions(monkeypatch):
    """However many points there are: only so many rows of features as regions times d + 1."""
    net = pr.Network.from_layers([([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0])])
    rows = []
    plain = pr.BlockMetric.gram
    monkeypatch.setattr(
        pr.BlockMetric, "gram", lambda m, a, b: rows.append((len(a), len(b))) or plain(m, a, b)
    )
    pr.RegionKernel(net).matrix(np.random.default_rng(0).normal(size=(500, 2)))
    assert rows == [(6, 6)]


def test_a_network_without_thresholds_is_one_region():
    net = pr.Network.from_layers([([[2.0, 1.0]], [3.0])])
    x = [[1.0, 0.0], [0.0, 5.0]]
    assert np.allclose(pr.RegionKernel(net).matrix(x), np.array(x) @ np.transpose(x) + 1)
    assert pr.RegionKernel(net).form([], []).tolist() == np.eye(3).tolist()


def test_bad_input():
    net = gaussian_network(0, 2, 4)
    with pytest.raises(pr.DomainError, match="slice's graph"):
        pr.RegionKernel(pr.regions(net, pr.segment([0, 0], [1, 1])))
    with pytest.raises(pr.NetworkError, match="output must"):
        pr.RegionKernel(net, output=3)
    with pytest.raises(pr.NetworkError, match="a metric must"):
        pr.RegionKernel(net, pr.BlockMetric([1, 2, 3, 4]))
    found = pr.RegionKernel(net)
    with pytest.raises(pr.DomainError, match="give the patterns"):
        found.form(0, 1)
    for pattern in ([0, 1], [0, 1, 2, 0], "0101"):
        with pytest.raises(pr.DomainError, match="4 zeros and ones"):
            found.form(pattern, pattern)
    with pytest.raises(ValueError, match="arithmetic must"):
        found.form([0] * 4, [1] * 4, arithmetic="fast")
    with pytest.raises(pr.DomainError, match="points must"):
        found.matrix([[1.0]])
    with pytest.raises(IndexError, match="region 1000 of"):
        pr.RegionKernel(pr.regions(net, pr.Box(-1, 1, dim=2))).form(0, 1000)
