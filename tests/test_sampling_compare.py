"""Samples beside the truth: recall, inventions, coverage, expectations, and the command line."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import arrangement, gaussian_network, problem

import polyrelu as pr
from polyrelu import sampling
from polyrelu.cli import main

NET = gaussian_network(1, 2, 12, 8)
BOX = pr.Box([-1.0, 0.0], [1.0, 3.0])
shares = st.lists(st.integers(1, 20), min_size=1, max_size=5)


def noisy_net(neurons=3):
    """Second-layer neurons that are 0 on all inputs: (n + 1) h - n h - h of copies h of one
    neuron. Rounding of the first product leaves noise."""
    first = ([[0.1, 0.3]] * 3, [0.7] * 3)
    second = ([[k + 1.0, -k, -1.0] for k in range(2, 2 * neurons + 2, 2)], [0.0] * neurons)
    return pr.Network.from_layers([first, second], output_activation=pr.relu())


# --- patterns that no region has -----------------------------------------------------------------


def test_rounding_invents_patterns_and_they_are_counted():
    net, box = noisy_net(), pr.Box(0, 1, dim=2)
    graph = pr.regions(net, box)
    assert len(graph) == 1
    sample = sampling.uniform_points(net, box, budget=10_000)
    found = sampling.compare(graph, sample, held_out=0)
    assert len(sample) > 1
    assert found.coverage is None
    assert found.found == 1
    assert found.recall == 1
    assert found.false_patterns == len(sample) - 1
    assert found.false_points == sample.points - sample.counts[found.region == 0].sum() > 1000
    assert found.causes == {"rounding": found.false_patterns, "wall": 0, "outside": 0}
    assert found.errors()["seen"] == found.false_patterns


def test_points_on_walls_and_outside_are_told_from_rounding():
    opposite = arrangement([[1, 0], [-1, 0]])  # where x = 0 both are 0, and nowhere else
    box = pr.Box(-1, 1, dim=2)
    graph = pr.regions(opposite, box)
    line = sampling.grid_points(opposite, box, budget=9)
    found = sampling.compare(graph, line)
    assert (found.found, found.false_points) == (2, 3)
    assert found.causes == {"rounding": 0, "wall": 1, "outside": 0}
    half = sampling.data_points(opposite, [[0.0, 0.0], [0.5, 0.0]], box)
    found = sampling.compare(graph, half, volumes=sampling.region_volumes(graph))
    assert (found.found, found.false_patterns) == (1, 1)
    assert found.coverage.value == pytest.approx(0.5)
    moved = replace(line, first_point=line.first_point + 5.0)
    assert sampling.compare(graph, moved).causes == {"rounding": 0, "wall": 0, "outside": 1}


# --- recall, coverage, passes --------------------------------------------------------------------


@pytest.fixture(scope="module")
def found():
    graph = pr.regions(NET, BOX)
    sample = sampling.uniform_points(NET, BOX, budget=3000, seed=1)
    return graph, sample, sampling.compare(graph, sample, volumes=sampling.region_volumes(graph))


def test_recall_against_sets_of_patterns(found):
    graph, sample, comparison = found
    true = {tuple(p) for p in graph.patterns.tolist()}
    seen = {tuple(p) for p in sample.patterns.tolist()}
    assert comparison.found == len(true & seen) < len(true)
    assert comparison.false_patterns == len(seen - true) == 0
    assert comparison.recall == len(true & seen) / len(true)
    for pattern, index in zip(sample.patterns, comparison.region, strict=True):
        assert graph.find(pattern) == index
    assert comparison.recall_after([0, sample.passes]).tolist() == [0, comparison.recall]
    assert comparison.recall_after(sample.first_pass[4]) == 5 / len(graph)


def test_passes_to_a_share_of_the_regions(found):
    graph, sample, comparison = found
    half = -(-len(graph) // 2)
    assert comparison.passes_to(0.5) == sample.first_pass[half - 1]
    assert comparison.recall_after(comparison.passes_to(0.5)) >= 0.5
    assert comparison.recall_after(comparison.passes_to(0.5) - 1) < 0.5
    assert comparison.passes_to(1.0) is None
    assert comparison.passes_to(comparison.recall) == sample.first_pass[comparison.region >= 0][-1]
    more_than_half = np.nextafter(half / len(graph), 1)
    assert comparison.passes_to(more_than_half) == sample.first_pass[half]
    with pytest.raises(pr.PointsError, match="share"):
        comparison.passes_to(0)


def test_coverage_by_volume_is_exact_or_an_interval_around_it(found):
    graph, _, comparison = found
    exact = sum(graph[int(i)].exact_volume() for i in comparison.region) / 6
    assert comparison.coverage.exact
    assert Fraction(comparison.coverage.low) <= exact <= Fraction(comparison.coverage.high)
    assert comparison.coverage.high - comparison.coverage.low < 1e-12
    few = sampling.uniform_points(NET, BOX, budget=60, seed=0)
    truth = sampling.compare(graph, few, volumes=sampling.region_volumes(graph)).coverage.value
    for seed in range(5):
        held = sampling.compare(graph, few, held_out=3000, seed=seed).coverage
        assert not held.exact
        assert held.low <= truth <= held.high
        assert held.high - held.low < 0.07
    again = sampling.compare(graph, few, held_out=60, seed=0).coverage  # the sample's own seed
    assert again.low < truth  # its own points would all be covered
    wide = sampling.gaussian_points(NET, pr.Space(2), budget=500)
    assert sampling.compare(pr.regions(NET, pr.Space(2)), wide).coverage is None


def test_what_cannot_be_compared(found):
    graph, sample, _ = found
    part = pr.regions(NET, BOX, limits=pr.Limits(regions=5))
    with pytest.raises(pr.IncompleteError, match="all regions"):
        sampling.compare(part, sample)
    with pytest.raises(pr.DomainError, match="another network"):
        sampling.compare(pr.regions(gaussian_network(4, 2, 6, 5), BOX), sample)
    with pytest.raises(pr.DomainError, match="the graph of"):
        sampling.compare(pr.regions(NET, pr.Box(-1, 1, dim=2)), sample)
    with pytest.raises(TypeError, match="give its"):
        sampling.compare(graph, sampling.bisect_boundaries(NET, BOX, budget=100))
    with pytest.raises(TypeError, match="RegionGraph"):
        sampling.compare(sample, graph)
    other = sampling.region_volumes(pr.regions(arrangement([[1.0, 0.0]]), BOX))
    with pytest.raises(pr.DomainError, match="do not belong"):
        sampling.compare(graph, sample, volumes=other)


def test_bias_and_variance_over_repetitions(found):
    graph = found[0]
    runs = [sampling.compare(graph, sampling.uniform_points(NET, BOX, budget=300, seed=s),
                             held_out=10) for s in range(5)]  # fmt: skip
    table = sampling.estimator_errors(runs)
    seen = np.array([len(c.sample) for c in runs])
    assert table["seen"].mean == seen.mean()
    assert table["seen"].bias == pytest.approx(seen.mean() - len(graph))
    assert table["seen"].variance == pytest.approx(seen.var(ddof=1))
    assert table["seen"].rms_error == pytest.approx(
        np.sqrt(table["seen"].bias ** 2 + seen.var(ddof=1))
    )
    values = [sampling.chao1(c.sample.counts).estimate for c in runs]
    assert table["chao1"].mean == pytest.approx(np.mean(values))
    assert np.isnan(sampling.estimator_errors(runs[:1])["seen"].variance)
    with pytest.raises(pr.PointsError, match="one graph"):
        sampling.estimator_errors([])


# --- what uniform points find in expectation -----------------------------------------------------


@settings(deadline=None, max_examples=30)
@given(shares, st.integers(0, 4))
def test_mean_and_variance_over_all_outcomes(weights, n):
    p = np.array(weights) / sum(weights)
    first = second = 0.0
    for draws in product(range(len(p)), repeat=n):
        weight, distinct = float(np.prod(p[list(draws)])), len(set(draws))
        first, second = first + weight * distinct, second + weight * distinct**2
    assert sampling.expected_regions(p, n) == pytest.approx(first)
    assert sampling.regions_variance(p, n) == pytest.approx(second - first**2, abs=1e-9)


def collector_time(p):
    """By inclusion and exclusion: sum over sets s of (-1)^(|s|+1) / p(s)."""
    total = 0.0
    for chosen in product([0, 1], repeat=len(p)):
        if any(chosen):
            total -= (-1) ** sum(chosen) / float(np.dot(chosen, p))
    return total


@settings(deadline=None, max_examples=30)
@given(shares)
def test_time_to_find_all_by_inclusion_and_exclusion(weights):
    p = np.array(weights) / sum(weights)
    assert sampling.points_for_all(p) == pytest.approx(collector_time(p), rel=1e-5)


def test_time_to_find_all_where_nobody_could_wait():
    assert sampling.points_for_all([1 - 1e-20, 1e-20]) == pytest.approx(1e20, rel=1e-5)
    harmonic = sum(1 / k for k in range(1, 1001))
    assert sampling.points_for_all(np.full(1000, 1e-3)) == pytest.approx(1000 * harmonic, rel=1e-5)


@settings(deadline=None, max_examples=50)
@given(shares, st.floats(0.01, 0.999))
def test_points_for_a_recall_are_the_least(weights, recall):
    p = np.array(weights) / sum(weights)
    n = sampling.points_for(p, recall)
    wanted = next(k for k in range(1, len(p) + 1) if k / len(p) >= recall) - 0.5
    assert sampling.expected_regions(p, n) >= wanted
    assert n == 1 or sampling.expected_regions(p, n - 1) < wanted


def test_uniform_samples_find_what_is_expected(found):
    graph, _, _ = found
    volumes = sampling.region_volumes(graph)
    found_ = [len(sampling.uniform_points(NET, BOX, budget=400, seed=s)) for s in range(100)]
    mean, variance = (
        sampling.expected_regions(volumes, 400),
        sampling.regions_variance(volumes, 400),
    )
    assert abs(np.mean(found_) - mean) < 4 * np.sqrt(variance / 100)
    assert 0.5 * variance < np.var(found_) < 1.6 * variance


@pytest.mark.parametrize("wrong", [[], [0.5, 0.0], [0.5, -0.1], [0.9, 0.9], [[1.0]]])
def test_shares_that_are_none(wrong):
    with pytest.raises(pr.PointsError, match="shares"):
        sampling.expected_regions(wrong, 1)


def test_recalls_and_points_that_are_none():
    with pytest.raises(pr.PointsError, match="recall"):
        sampling.points_for([1.0], 0)
    with pytest.raises(pr.PointsError, match="points"):
        sampling.expected_regions([1.0], -1)


# --- parities ------------------------------------------------------------------------------------


def test_parity_bounds_hold_as_often_as_they_say(found):
    graph = found[0]
    bounds = [sampling.parity_bound(graph, trials=3, confidence=0.8, seed=s) for s in range(150)]
    above = np.mean([b.bound > len(graph) for b in bounds])
    assert above <= 0.2
    assert np.median([b.bound for b in bounds]) > len(graph) / 64
    first = bounds[0]
    assert first.log2_bound == pytest.approx(max(0, min(first.levels) - np.log2(5) / 3))
    assert np.mean([np.mean(b.levels) for b in bounds]) == pytest.approx(
        np.log2(len(graph)), abs=1.0
    )
    alone = pr.regions(arrangement([[1.0, 0.0]], [-9.0]), BOX)  # one region, with pattern 0
    levels = sampling.parity_bound(alone, trials=2000).levels
    assert np.mean(levels) == pytest.approx(1, abs=0.15)  # 1/2 + 1/4 + ...
    with pytest.raises(pr.PointsError, match="confidence"):
        sampling.parity_bound(graph, confidence=1)


# --- cost, study, command line -------------------------------------------------------------------


def test_cost_in_forward_passes():
    cost = sampling.exact_cost(NET, BOX)
    assert cost.regions == len(pr.regions(NET, BOX))
    assert cost.operations == 2 * 12 + 12 * 8  # the output comes after the last threshold
    assert 0.2 < cost.passes * cost.pass_seconds / cost.seconds < 5
    assert cost.passes_per_region == cost.passes / cost.regions
    assert sampling.forward_seconds(NET, pr.Space(2)) > 0


def test_study_gathers_all_methods_that_fit():
    study = sampling.study(NET, BOX, budget=2000, repeats=2, data=[[0.0, 1.0], [0.5, 2.0]])
    assert set(study.comparisons) == {*sampling.METHODS, "jitter", "mixup"}
    rows = {row["method"]: row for row in study.rows()}
    assert rows["exact"]["to 100%"] == study.cost.passes
    assert rows["uniform"]["recall"] == np.mean([c.recall for c in study.comparisons["uniform"]])
    assert [c.sample.seed for c in study.comparisons["uniform"]] == [0, 1]
    expected = rows["uniform, expected"]["to 90%"]
    regions = study.cost.regions
    assert study.expected_recall(expected) >= (np.ceil(0.9 * regions) - 0.5) / regions
    wide = sampling.study(NET, pr.Space(2), budget=500, repeats=1)
    assert set(wide.comparisons) == {"gaussian", "walk"}
    assert wide.volumes is None
    line = sampling.study(gaussian_network(1, 1, 6), pr.Box(-1, 1, dim=1), budget=500, repeats=1)
    assert set(line.comparisons) == {*sampling.METHODS} - {"planes"}
    flat = pr.Polytope([[1, 1], [-1, -1], [-1, 0], [0, -1]], [1, -1, 0, 0])
    flat_study = sampling.study(NET, flat, budget=500, repeats=1)
    assert set(flat_study.comparisons) == {"uniform", "trajectories", "bisection"}
    with pytest.raises(pr.IncompleteError, match="no truth"):
        sampling.study(NET, BOX, limits=pr.Limits(regions=3))


@pytest.fixture
def ctrl_c():
    """Also where the tests run in the background, and SIGINT is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupt_ends_the_study_and_keeps_what_there_is():
    sent = []

    def interrupt_sampling(count, _seconds):
        if count >= 4096 and not sent:  # the enumeration finds fewer regions
            sent.append(count)
            signal.raise_signal(signal.SIGINT)

    study = sampling.study(NET, BOX, methods=["uniform", "walk"], budget=50_000, repeats=2,
                           progress=interrupt_sampling)  # fmt: skip
    assert study.stopped_by == "interrupt"
    assert list(study.comparisons) == ["uniform"]
    (only,) = study.comparisons["uniform"]
    assert only.sample.stopped_by == "interrupt"
    assert 4096 <= only.sample.passes < 50_000


@pytest.fixture
def net_file(tmp_path):
    pr.save_network(NET, tmp_path / "net.npz")
    np.savez(tmp_path / "data.npz", x=np.random.default_rng(0).uniform(0, 1, size=(20, 2)))
    return tmp_path / "net.npz"


def test_command(net_file, capsys):
    data = f"--data={net_file.parent / 'data.npz'}"
    argv = ["compare", str(net_file), "--box=-1:1,0:3", "--budget=2000", "--repeats=2", data,
            "--methods=uniform,walk,data"]  # fmt: skip
    assert main([*argv, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["regions"] == len(pr.regions(NET, BOX))
    assert [row["method"] for row in shown["rows"]] == [
        "uniform", "walk", "data", "uniform, expected", "exact"
    ]  # fmt: skip
    again = sampling.uniform_points(NET, BOX, budget=2000, seed=1)
    assert shown["methods"]["uniform"][1]["found"] == len(again)
    assert shown["methods"]["data"][0]["passes"] == 20
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert "uniform, expected" in out
    assert "to 99%" in out
    assert main([*argv, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    once = ["compare", str(net_file), "--box=-1:1,0:3", "--budget=3", "--methods=uniform"]
    assert main([*once, "--repeats=1", "--json"]) == 0
    text = capsys.readouterr().out  # no variance of one repetition, no estimate of three singletons
    assert "NaN" not in text
    assert "Infinity" not in text
    assert main([*once, "--budget=999999999", "--limit-seconds=0.2", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["stopped_by"] == "seconds"


def test_command_refuses_and_draws(net_file, capsys):
    argv = ["compare", str(net_file), "--box=-1:1,0:3", "--budget=500", "--repeats=2"]
    assert main([*argv, "--methods=sobol"]) == 2
    assert "uniform, gaussian" in capsys.readouterr().err
    assert main([*argv, "--methods=mixup"]) == 2
    assert main([*argv, "--limit-regions=3"]) == 3
    assert "no truth" in capsys.readouterr().err
    pytest.importorskip("matplotlib")
    target = net_file.parent / "recall.png"
    assert main([*argv, "--methods=uniform,grid", "-o", str(target)]) == 0
    assert target.read_bytes().startswith(b"\x89PNG")


def test_picture_shows_recall_and_where_enumeration_is_done():
    pytest.importorskip("matplotlib")
    study = sampling.study(noisy_net(), pr.Box(0, 1, dim=2), methods=["uniform"], budget=1000,
                           repeats=2)  # fmt: skip
    ax = pr.plot.plot_recall(study)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert any("false patterns" in label for label in labels)
    assert labels[-1] == "exact: all 1 regions"
    line = ax.lines[-1]
    assert set(line.get_xdata()) == {study.cost.passes}
    assert ax.lines[0].get_ydata()[-1] == 1


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_and_domains(rng):
    """Whatever cannot be sampled is refused; else causes are what exact location says."""
    net, domain = problem(rng, 3)
    graph = pr.regions(net, domain)
    name = rng.choice(["uniform", "gaussian", "grid", "lines", "trajectories", "bisection", "walk"])
    try:
        sample = sampling.run_method(name, net, domain, budget=300, seed=rng.randrange(100))
    except pr.DomainError:
        return
    found = sampling.compare(graph, sample, held_out=50)
    at = graph.locate(sample.first_point)
    assert (at[found.cause == "rounding"] >= 0).all()
    assert (at[(found.cause == "wall") | (found.cause == "outside")] == -1).all()
    assert found.found + found.false_patterns == len(sample)
    assert sample.points <= sample.passes <= 300
