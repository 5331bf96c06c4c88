"""Space folding: of walks and their parts, of data sets, and what samples see of it."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import cantor_net, gaussian_network, network

from polyrelu import (
    DomainError,
    Folding,
    Limits,
    Network,
    NetworkError,
    activation_path,
    bisected_folding,
    folding_of_patterns,
    folding_table,
    relu,
    sampled_folding,
    samples_needed,
)


def brute_force(patterns) -> Fraction:
    table = [tuple(p) for p in np.asarray(patterns).tolist()]

    def hamming(a, b):
        return sum(x != y for x, y in zip(a, b, strict=True))

    longest = max(hamming(table[0], p) for p in table)
    total = sum(hamming(a, b) for a, b in pairwise(table))
    return 1 - Fraction(longest, total) if total else Fraction(0)


@settings(deadline=None, max_examples=100)
@given(st.randoms(use_true_random=False))
def test_folding_and_its_greatest_part_by_brute_force(choose):
    dim = choose.randint(1, 3)
    net = network(choose, dim, 14)
    ends = [[choose.gauss(0, 3) for _ in range(dim)] for _ in range(choose.randint(2, 4))]
    path = activation_path(net, ends)
    patterns = path.patterns
    assert path.folding().chi == brute_force(patterns) == folding_of_patterns(patterns).chi
    distance = [int((p != patterns[0]).sum()) for p in patterns]
    assert path.distances.tolist() == distance
    assert path.folded.tolist() == [d < max(distance[: i + 1]) for i, d in enumerate(distance)]
    assert (path.folding().chi == 0) == (not path.returns)
    parts = {(a, b): brute_force(patterns[a : b + 1])
             for a in range(len(path)) for b in range(a, len(path))}  # fmt: skip
    best = path.greatest_folding()
    assert best.folding.chi == max(parts.values()) == parts[best.first, best.last]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 40))
def test_one_hidden_layer_does_not_fold(seed, dim, width):
    net = gaussian_network(seed, dim, width)
    ends = np.random.default_rng(seed).normal(size=(2, dim)) * 3
    assert activation_path(net, ends).folding().chi == 0


def test_bits_of_some_layers():
    net = cantor_net(3)
    path = activation_path(net, [[0, 0.25], [1, 0.25]])
    of = np.array([k for k, _, _ in net.thresholds])
    for layers in ([0], [3, 1], range(6)):
        kept = np.isin(of, list(layers))
        assert path.folding(layers).chi == brute_force(path.patterns[:, kept])
    for wrong in ([6], [0, 0], [-1]):
        with pytest.raises(NetworkError, match="layers"):
            path.folding(wrong)


def test_patterns_are_checked():
    assert folding_of_patterns([[0, 1]]).chi == 0
    assert folding_of_patterns([[0, 0], [1, 1], [0, 0], [1, 0]]).chi == Fraction(3, 5)
    for wrong in ([0, 1], np.zeros((0, 3)), [[0, 2]], [[0.5]]):
        with pytest.raises(NetworkError, match="patterns"):
            folding_of_patterns(wrong)


# ---------------------------------------------------------------- data sets


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return gaussian_network(7, 4, 12, 12, 12), rng.normal(size=(12, 4)), np.repeat([3, 1, 2], 4)


def test_all_pairs_of_a_data_set(data):
    net, inputs, labels = data
    table = folding_table(net, inputs, labels, pairs=None)
    assert table.complete
    assert table.classes == (1, 2, 3)
    pairs = {
        tuple(sorted(p)) for p in zip(table.first.tolist(), table.second.tolist(), strict=True)
    }
    assert pairs == set(combinations(range(12), 2))
    assert len(table) == len(pairs)
    for k, (i, j) in enumerate(zip(table.first, table.second, strict=True)):
        path = activation_path(net, inputs[[i, j]])
        assert table.pieces[k] == len(path)
        for layer in (None, 0, 1, 2):
            counted = None if layer is None else [layer]
            both = [float(p.folding(counted).chi) for p in (path, path.reversed())]
            assert table.chi(layer)[k] == pytest.approx(both, abs=1e-15)
        assert table.classes[table.class_first[k]] == min(labels[i], labels[j])
        assert table.classes[table.class_second[k]] == max(labels[i], labels[j])


def test_summaries(data):
    net, inputs, labels = data
    table = folding_table(net, inputs, labels, pairs=None)
    chi = table.chi()
    other = np.array([labels[i] != labels[j]
                      for i, j in zip(table.first, table.second, strict=True)])  # fmt: skip
    between, within = table.between(), table.within()
    assert (between.pairs, within.pairs) == (48, 18)
    assert between.mean == pytest.approx(chi[other].mean())
    assert within.greatest == chi[~other].max()
    assert between.folded == (chi[other] > 0).mean() > 0
    assert table.between(0).greatest == 0  # the first layer does not fold
    i, j = table.most_folded
    assert float(activation_path(net, inputs[[i, j]]).folding().chi) == pytest.approx(chi.max())
    means = table.by_class()
    assert means[0, 0] == pytest.approx(
        chi[(table.class_first == 0) & (table.class_second == 0)].mean()
    )
    assert np.array_equal(means, means.T)
    assert len(table.rows()) == 2 * 4


def test_a_sample_of_pairs(data):
    net, inputs, labels = data
    table = folding_table(net, inputs, labels, pairs=3, seed=1)
    for a in range(3):
        for b in range(a, 3):
            assert ((table.class_first == a) & (table.class_second == b)).sum() == 3
    pairs = list(zip(table.first.tolist(), table.second.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert all(i != j for i, j in pairs)
    again = folding_table(net, inputs, labels, pairs=3, seed=1)
    assert np.array_equal(again.ranges, table.ranges)
    assert not np.array_equal(folding_table(net, inputs, labels, pairs=3).first, table.first)


def test_without_labels_all_is_within(data):
    net, inputs, _ = data
    table = folding_table(net, inputs, pairs=5)
    assert (table.within().pairs, table.between().pairs) == (5, 0)
    assert np.isnan(table.between().mean)


def test_a_limit_keeps_what_was_found(data):
    net, inputs, labels = data
    table = folding_table(net, inputs, labels, limits=Limits(seconds=1e-9))
    assert (table.complete, table.stopped_by, len(table)) == (False, "seconds", 0)

    def interrupt(count, seconds):
        if count == 4:
            raise KeyboardInterrupt

    table = folding_table(net, inputs, labels, pairs=None, progress=interrupt)
    assert (table.complete, table.stopped_by, len(table)) == (False, "interrupt", 4)
    assert table.chi().shape == (4, 2)


@pytest.mark.parametrize(
    ("inputs", "labels", "options", "message"),
    [
        (np.zeros((3, 5)), None, {}, r"\(n, 4\)"),
        (np.zeros((1, 4)), None, {}, "n >= 2"),
        (np.full((3, 4), np.nan), None, {}, "finite"),
        (np.zeros((3, 4)), [0, 1], {}, "labels"),
        (np.zeros((3, 4)), None, {"pairs": 0}, "pairs"),
    ],
)
def test_bad_data(data, inputs, labels, options, message):
    with pytest.raises(DomainError, match=message):
        folding_table(data[0], inputs, labels, **options)


# ---------------------------------------------------------------- sampling


def test_refining_samples_only_adds_and_ends_at_the_exact_value():
    net = gaussian_network(7, 4, 16, 16, 16)
    ends = np.random.default_rng(3).normal(size=(2, 4)) * 3
    path = activation_path(net, ends)
    exact, before = path.folding(), (0, 0)
    for k in range(1, 15):
        seen = sampled_folding(net, *ends, 2**k + 1)  # nested
        assert before <= (seen.range, seen.length) <= (exact.range, exact.length)
        before = seen.range, seen.length
    assert before == (exact.range, exact.length)


def test_samples_needed():
    path = activation_path(cantor_net(6), [[0, 0.25], [1, 0.25]])
    needed = samples_needed(path)
    assert needed is not None
    exact = path.folding().length
    assert sampled_folding(cantor_net(6), [0, 0.25], [1, 0.25], needed).length >= 0.99 * exact
    assert sampled_folding(cantor_net(6), [0, 0.25], [1, 0.25], needed // 5).length < 0.99 * exact
    assert samples_needed(path, most=10) is None
    with pytest.raises(DomainError, match="one segment"):
        samples_needed(activation_path(cantor_net(1), [[0, 0], [1, 0], [1, 1]]))
    with pytest.raises(DomainError, match="share"):
        samples_needed(path, share=1.5)


def test_halving_finds_single_crossings_and_misses_what_returns():
    net = gaussian_network(2, 3, 20)
    ends = np.random.default_rng(5).normal(size=(2, 3)) * 3
    found, samples = bisected_folding(net, *ends)
    assert found == activation_path(net, ends).folding()
    assert samples > found.length
    bump = Network.from_layers([([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -2.0]], [-0.5])],
                               output_activation=relu())  # fmt: skip
    assert bisected_folding(bump, [0.125], [1.75]) == (Folding(1, 1), 2)  # one bit: no halving
    assert activation_path(bump, [[0.125], [1.75]]).folding().length == 3
    assert bisected_folding(net, *ends, samples=4)[1] == 4


def test_bad_samples():
    with pytest.raises(DomainError, match="samples"):
        sampled_folding(cantor_net(1), [0, 0], [1, 1], 1)
    with pytest.raises(DomainError, match="coordinates"):
        sampled_folding(cantor_net(1), [0], [1], 5)
