"""Distances on region graphs: against networkx and brute force, and for one hidden layer."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network

import polyrelu as pr
from polyrelu import (
    Box,
    DomainError,
    IncompleteError,
    Limits,
    Network,
    PolyreluError,
    UnknownAnswerError,
)
from polyrelu.queries import graph_folding as module
from polyrelu.queries.graph_folding import Distribution, graph_folding, hamming_distances


def gaussian(*widths: int, seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    return Network.from_layers([(rng.normal(size=(b, a)), rng.normal(size=b) / 2)
                                for a, b in pairwise(widths)])  # fmt: skip


def by_networkx(graph) -> tuple[Counter, Counter]:
    """(hops, bits) and (flips, bits) of all ordered pairs, from patterns as tuples."""
    patterns = [tuple(p) for p in graph.patterns.tolist()]

    def apart(i: int, j: int) -> int:
        return sum(a != b for a, b in zip(patterns[i], patterns[j], strict=True))

    walls = nx.Graph()
    walls.add_nodes_from(range(len(graph)))
    walls.add_edges_from((i, j, {"weight": apart(i, j)}) for i, j in graph.edges().tolist())
    found = []
    for weight in (None, "weight"):
        lengths = nx.all_pairs_dijkstra_path_length(walls, weight=weight or (lambda *_: 1))
        found.append(Counter((d, apart(i, j)) for i, all_ in lengths for j, d in all_.items()
                             if i != j))  # fmt: skip
    return found[0], found[1]


def as_counter(histogram: np.ndarray) -> Counter:
    return Counter({(i, j): int(histogram[i, j]) for i, j in np.argwhere(histogram).tolist()})


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_networkx(choose):
    inputs = choose.randint(1, 2)
    graph = pr.regions(network(choose, inputs, 8), Box(-2, 2, dim=inputs))
    if len(graph) > 120:
        return
    found = graph_folding(graph)
    hops, flips = by_networkx(graph)
    assert as_counter(found.hop_hamming) == hops
    assert as_counter(found.flip_hamming) == flips
    assert found.exhaustive
    assert found.n_pairs == len(graph) * (len(graph) - 1)
    ratios = Counter()
    for (length, bits), count in flips.items():
        ratios[1 - Fraction(bits, length)] += count
    assert dict(zip(found.geodesic_folding.values, found.geodesic_folding.counts.tolist(),
                    strict=True)) == ratios  # fmt: skip
    assert found.is_isometric == all(length == bits for length, bits in flips)


def test_blocks_add_up(monkeypatch):
    graph = pr.regions(gaussian(2, 8, 8, 1), Box(-1, 1, dim=2))
    whole = graph_folding(graph)
    monkeypatch.setattr(module, "CELLS", 3 * len(graph))
    blocks = graph_folding(graph, seed=5)
    assert (blocks.hop_hamming == whole.hop_hamming).all()
    assert (blocks.flip_hamming == whole.flip_hamming).all()


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_one_hidden_layer_is_isometric(inputs):
    """In general position hops are bits: the tope graph lies isometrically in the hypercube."""
    found = graph_folding(gaussian(inputs, 9, 1, seed=inputs), Box(-2, 2, dim=inputs))
    assert found.is_isometric
    assert not (found.hop_hamming - np.diag(np.diag(found.hop_hamming))).any()
    assert found.geodesic_folding.greatest == 0
    assert found.hops.values == found.hamming.values


def test_copies_of_a_unit_count_as_often():
    rng = np.random.default_rng(4)
    weight, bias = rng.normal(size=(5, 2)), rng.normal(size=5) / 3
    rows = [0, 1, 2, 3, 4, 0, 0, 1]
    factor = np.array([1, 1, 1, 1, 1, -2, 4, 1.0])[:, None]
    copied = Network.from_layers([(factor * weight[rows], factor[:, 0] * bias[rows]),
                                  (np.ones((1, 8)), [0])])  # fmt: skip
    simple = Network.from_layers([(weight, bias), (np.ones((1, 5)), [0])])
    box = Box(-2, 2, dim=2)
    found, plain = graph_folding(copied, box), graph_folding(simple, box)
    assert found.is_isometric
    assert (found.hops.counts == plain.hops.counts).all()
    assert found.flips.greatest == 8
    assert plain.flips.greatest == 5


def test_a_fold_by_hand():
    """|x| >= 1 after |x|: the two ends have the same last bit, which every way between flips twice.
    Patterns: 1 0 1, 1 0 0, 0 1 0, 0 1 1 (the sides of 0 and of |x| = 1)."""
    net = Network.from_layers([([[-1.0], [1.0]], [0, 0]), ([[1.0, 1.0]], [-1]), ([[1.0]], [0])])
    found = graph_folding(net, Box(-2, 2, dim=1))
    assert as_counter(found.hop_hamming) == {(1, 1): 4, (1, 2): 2, (2, 3): 4, (3, 2): 2}
    assert as_counter(found.flip_hamming) == {(1, 1): 4, (2, 2): 2, (3, 3): 4, (4, 2): 2}
    assert not found.is_isometric
    assert found.geodesic_folding.values == (0, Fraction(1, 2))
    assert found.geodesic_folding.mean == Fraction(1, 12)
    assert found.geodesic_folding.positive == Fraction(1, 6)


def test_samples_are_of_what_all_are():
    graph = pr.regions(gaussian(2, 10, 10, 1), Box(-1, 1, dim=2))
    whole, part = graph_folding(graph), graph_folding(graph, sources=40, seed=1)
    assert not part.exhaustive
    assert len(part.sources) == len(set(part.sources.tolist())) == 40
    assert part.n_pairs == 40 * (len(graph) - 1)
    assert abs(part.hamming.mean - whole.hamming.mean) < whole.hamming.mean / 5
    height = len(part.flip_hamming)
    assert (part.flip_hamming <= whole.flip_hamming[:height]).all()
    again = graph_folding(graph, sources=40, seed=1)
    assert (again.sources == part.sources).all()
    assert (graph_folding(graph, sources=40, seed=2).sources != part.sources).any()


def test_a_sample_refutes_but_does_not_prove():
    flat = pr.regions(gaussian(2, 9, 1), Box(-1, 1, dim=2))
    with pytest.raises(UnknownAnswerError, match=f"sources={len(flat)}"):
        _ = graph_folding(flat, sources=3).is_isometric
    deep = pr.regions(gaussian(2, 10, 10, 1), Box(-1, 1, dim=2))
    assert not graph_folding(deep, sources=30).is_isometric


def test_hamming_of_many_words():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, size=(7, 200)).astype(np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    words = module._words(packed)
    expected = (bits[:, None] != bits[None]).sum(axis=2)
    assert (hamming_distances(words, words) == expected).all()


# --- segments ------------------------------------------------------------------------------------


def test_segments_join_witnesses():
    graph = pr.regions(gaussian(2, 5, 5, 1), Box(-3, 3, dim=2))
    n = len(graph)
    found = graph_folding(graph, segments=n * (n - 1))
    assert len(set(map(tuple, found.segment_pairs.tolist()))) == n * (n - 1)
    assert (found.segment_pairs[:, 0] != found.segment_pairs[:, 1]).all()
    for (i, j), chi in zip(found.segment_pairs.tolist(), found.segment_chi, strict=True):
        path = pr.activation_path(graph.network, [graph.exact_point(i), graph.exact_point(j)])
        assert chi == path.folding().chi
        assert np.array_equal(path.patterns[[0, -1]], graph.patterns[[i, j]])
    assert found.segment_folding.size == n * (n - 1)
    assert found.segment_folding.greatest > 0
    few = graph_folding(graph, segments=5)
    assert len(few.segment_chi) == len(few.segment_pairs) == 5


# --- distributions -------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.floats(0, 1))
def test_distributions_by_brute_force(values, share):
    found = Distribution.of([Fraction(v, 3) for v in values])
    exact = sorted(Fraction(v, 3) for v in values)
    assert found.mean == sum(exact) / len(exact)
    assert found.greatest == exact[-1]
    assert found.positive == Fraction(sum(v > 0 for v in exact), len(exact))
    quantile = found.quantile(share)
    at_most = [v for v in exact if v <= quantile]
    assert Fraction(len(at_most), len(exact)) >= Fraction(share)
    below = [v for v in exact if v < quantile]
    assert not below or Fraction(len(below), len(exact)) < Fraction(share)


# --- limits, edges, errors -----------------------------------------------------------------------


def test_one_region_has_no_pairs():
    for layers in ([([[1.0]], [5]), ([[1.0]], [0])], [([[1.0]], [5])]):
        found = graph_folding(Network.from_layers(layers), Box(0, 1, dim=1))
        assert found.n_pairs == 0
        assert found.is_isometric
        with pytest.raises(ValueError, match="no pairs"):
            _ = found.hops.mean
        with pytest.raises(PolyreluError, match="draw"):
            pr.plot.plot_distances(found)
        with pytest.raises(PolyreluError, match="draw"):
            pr.plot.plot_folding(found.geodesic_folding)


def test_limits_keep_what_there_is(monkeypatch):
    graph = pr.regions(gaussian(2, 10, 10, 1), Box(-1, 1, dim=2))
    monkeypatch.setattr(module, "CELLS", len(graph))
    calls = []
    found = graph_folding(graph, limits=Limits(seconds=1e-9), progress=lambda n, s: calls.append(n))
    assert found.stopped_by == "seconds"
    assert len(found.sources) == 1
    assert len(found.segment_chi) == len(found.segment_pairs) == 1
    assert calls
    with pytest.raises(IncompleteError, match="all regions"):
        graph_folding(graph.network, Box(-1, 1, dim=2), limits=Limits(regions=3))


def test_bad_requests_are_named():
    graph = pr.regions(gaussian(2, 4, 1), Box(-1, 1, dim=2))
    for more in ({"sources": 0}, {"sources": len(graph) + 1}, {"sources": 1.5},
                 {"segments": 0}, {"segments": 10**6}):  # fmt: skip
        with pytest.raises(DomainError, match="integer from 1 to"):
            graph_folding(graph, **more)
    with pytest.raises(DomainError, match="already"):
        graph_folding(graph, Box(-1, 1, dim=2))
    with pytest.raises(ValueError, match="share"):
        graph_folding(graph).hops.quantile(2)


# --- pictures ------------------------------------------------------------------------------------


def test_pictures_show_every_pair():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    found = graph_folding(gaussian(2, 8, 8, 1), Box(-1, 1, dim=2))
    for against, counts in (("hops", found.hop_hamming), ("flips", found.flip_hamming)):
        ax = pr.plot.plot_distances(found, against=against)
        assert ax.collections[0].get_array().sum() == found.n_pairs == counts.sum()
        pyplot.close(ax.figure)
    _, own = pyplot.subplots()
    ax = pr.plot.plot_folding(found.geodesic_folding, bins=10, ax=own)
    assert ax is own
    assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
    with pytest.raises(PolyreluError, match="hops, flips"):
        pr.plot.plot_distances(found, against="chi")
    pyplot.close(own.figure)
