"""Similarity gaps, goodness, sparse metrics, classifiers: against brute force in fractions."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations
from math import inf, log

import numpy as np
import pytest
import tangents
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network

import polyrelu as pr
from polyrelu.queries.singular import Bounds

rationals = st.randoms(use_true_random=False)


def mean(values) -> Fraction:
    values = list(values)
    return sum(values, Fraction(0)) / len(values)


def brute_gaps(kernel, labels, leave_one_out) -> list[Fraction]:
    """The definition, from an exact kernel matrix."""
    n = range(len(labels))
    return [
        mean(kernel[i][j] for j in n if labels[j] == labels[i] and not (leave_one_out and i == j))
        - mean(kernel[i][j] for j in n if labels[j] != labels[i])
        for i in n
    ]


def within(bounds: Bounds, exact: Fraction) -> bool:
    low = bounds.low == -inf or Fraction(bounds.low) <= exact
    return low and (bounds.high == inf or exact <= Fraction(bounds.high))


def labelled(rng, leave_one_out: bool = True):
    """A nasty network, points and labels, each class with two points."""
    net = tangents.nasty(rng, rng.randint(1, 2))
    labels = [0, 0, 1, 1, *rng.choices([0, 1, 2] if not leave_one_out else [0, 1], k=2)]
    rng.shuffle(labels)
    return pr.LabelledFeatures(net, tangents.points(rng, 6, net.input_dim), labels)


def some_metric(rng, net) -> pr.Metric:
    size = sum(block.size for block in pr.parameter_blocks(net))
    return rng.choice([pr.BlockMetric(), pr.EulerMetric(), pr.DiagonalMetric(np.arange(size) % 4)])


@settings(deadline=None, max_examples=50)
@given(rationals, st.booleans())
def test_gaps_and_goodness_by_brute_force(rng, leave_one_out):
    data = labelled(rng, leave_one_out)
    metric = some_metric(rng, data.network)
    kernel = pr.kernel_matrix(data.network, data.points, metric=metric, arithmetic="exact").tolist()
    scale = max(kernel[i][i] for i in range(6))
    if scale == 0:
        with pytest.raises(pr.PolyreluError, match="0 at all points"):
            pr.similarity_gap(data, metric)
        return
    found = pr.similarity_gap(data, metric, leave_one_out=leave_one_out)
    raw = brute_gaps(kernel, data.label.tolist(), leave_one_out)
    gaps = sorted(g / scale for g in raw)
    assert within(found.scale, scale)
    assert within(found.raw_mean, mean(raw))
    assert within(found.mean, mean(gaps))
    assert within(found.min, gaps[0])
    for place, share in enumerate((0, Fraction(1, 6), Fraction(1, 3), 0.5, Fraction(2, 3))):
        assert within(found.gamma(share), gaps[place])
        assert within(found.quantile(share), gaps[max(place - 1, 0)])
    assert within(found.gamma(0.4), gaps[2])  # 2.4 of 6 points: two may fail
    assert within(found.quantile(0.4), gaps[2])  # but 2.4 points are not exceeded by three
    assert found.gamma(1) == Bounds(inf, inf)
    low, high, shares = found.curve()
    assert all(within(Bounds(*pair), g) for pair, g in zip(zip(low, high, strict=True), gaps,
                                                           strict=True))  # fmt: skip
    assert shares.tolist() == [k / 6 for k in range(6)]
    for gamma in (0, *gaps, gaps[2] + Fraction(1, 10**40), Fraction(-1, 3)):  # ties too
        assert found.epsilon(gamma) == Fraction(sum(g < gamma for g in gaps), 6)


def test_bounds_of_gaps_are_tight():
    rng = np.random.default_rng(0)
    data = pr.LabelledFeatures(gaussian_network(0, 3, 20, 20), rng.normal(size=(50, 3)),
                               rng.integers(0, 3, 50))  # fmt: skip
    found = pr.similarity_gap(data)
    for bounds in (found.mean, found.min, found.scale, found.gamma(0.05), found.quantile(0.05)):
        assert bounds.high - bounds.low < 1e-10 * abs(bounds.low)
    assert pr.similarity_gap(data, leave_one_out=True).mean.high < found.mean.low
    plain = json.loads(json.dumps(found.statistics()))
    assert plain["points"] == 50
    assert plain["negative_gaps"] == found.epsilon(0) * 50
    assert plain["quantile_0.05"] == [found.quantile(0.05).low, found.quantile(0.05).high]


def test_how_many_landmarks():
    assert pr.landmark_count(0.5, 0.1) == 2 * int(np.ceil(8 * log(10) / 0.25))
    assert pr.landmark_count(Fraction(1, 10**200), 0.5) > 10**400
    for gamma, delta in ((0, 0.5), (-1, 0.5), (0.1, 0), (0.1, 1), (0.1, np.nan), ("x", 0.1)):
        with pytest.raises(pr.PolyreluError, match=r"gamma must|delta must"):
            pr.landmark_count(gamma, delta)


def test_so_many_landmarks_suffice():
    """K(x, x') = x . x' on x = (class, noise) has gap 1/2: almost no landmark set fails."""
    rng = np.random.default_rng(0)
    n, delta = 400, 0.2
    label = np.arange(n) % 2
    x = np.stack([label - 0.5, rng.choice([-1.0, 1.0], n)], axis=1)
    net = pr.Network.from_layers([([[1.0, 0.0]], [0.0])])
    data = pr.LabelledFeatures(net, x, label)
    found = pr.similarity_gap(data, pr.BlockMetric(1, 0))
    assert found.epsilon(0) == 0
    count = pr.landmark_count(found.gamma(0).low, delta)
    kernel = pr.kernel_matrix(net, x, metric=pr.BlockMetric(1, 0)) / found.scale.high
    failures = 0
    for _ in range(200):
        chosen = [rng.choice(np.flatnonzero(label == c), count // 2) for c in (0, 1)]
        likes = [kernel[:, at].mean(axis=1) for at in chosen]
        failures += np.mean((likes[1] > likes[0]) != label) > delta
    assert failures / 200 <= delta


# --- sparse metrics ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=40)
@given(rationals, st.booleans())
def test_sparse_metrics_are_the_best_and_never_below_uniform(rng, leave_one_out):
    """C1.3: divided by the trace, the mean gap of the top s is at least that of all, for all s."""
    data = labelled(rng, leave_one_out)
    psi = pr.tangent_features(data.network, data.points, arithmetic="exact").matrix()
    gains = []
    for i in range(psi.shape[2]):
        column = psi[:, :, i]
        kernel = (column @ column.T).tolist()
        gains.append(mean(brute_gaps(kernel, data.label.tolist(), leave_one_out)))
    uniform = mean(gains)
    order = sorted(range(len(gains)), key=lambda i: (-gains[i], i))
    for size in {1, 2, len(gains) // 2, len(gains), len(gains) + 3} - {0}:
        support = pr.sparse_metric(data, size, leave_one_out=leave_one_out).support.tolist()
        best = [i for i in order[:size] if gains[i] > 0] or order[:1]
        assert support == sorted(best)
        assert mean(gains[i] for i in support) >= uniform


def test_no_mask_of_a_size_has_a_greater_gap():
    rng = np.random.default_rng(1)
    net = gaussian_network(1, 1, 2)
    data = pr.LabelledFeatures(net, rng.normal(size=(8, 1)), rng.integers(0, 2, 8))
    size = 3
    best = pr.similarity_gap(data, pr.sparse_metric(data, size)).raw_mean.high
    for chosen in combinations(range(7), size):
        metric = pr.DiagonalMetric.sparse(net, chosen)
        if any(metric.squares(data.exact)):
            assert pr.similarity_gap(data, metric).raw_mean.low <= best


# --- classifiers ---------------------------------------------------------------------------------


@settings(deadline=None, max_examples=50)
@given(rationals, st.booleans(), st.sampled_from(["points", "classes"]))
def test_classifiers_by_brute_force(rng, leave_one_out, weighting):
    data = labelled(rng, leave_one_out)
    metric = some_metric(rng, data.network)
    found = pr.similarity_classifier(data, metric, leave_one_out=leave_one_out, weighting=weighting)
    kernel = pr.kernel_matrix(data.network, data.points, metric=metric, arithmetic="exact").tolist()
    labels, ties = data.label.tolist(), 0
    for i, predicted in enumerate(found.predicted.tolist()):
        scores = []
        for c in range(len(data.classes)):
            chosen = [j for j in range(6) if labels[j] == c and not (leave_one_out and i == j)]
            total = sum((kernel[i][j] for j in chosen), Fraction(0))
            scores.append(total / len(chosen) if weighting == "classes" else total)
        assert predicted == scores.index(max(scores))
        ties += scores.count(max(scores)) > 1
    assert found.ties == ties
    assert found.errors == sum(p != c for p, c in zip(found.predicted, labels, strict=True))
    assert found.error == Fraction(found.errors, 6)


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_the_euler_metric_makes_exactly_the_errors_of_the_network(rng):
    """T2: if E[l f] > 0, and also at points on the decision boundary."""
    net = tangents.homogeneous(rng, rng.randint(1, 3))
    x = tangents.points(rng, 7, net.input_dim)
    labels = [-1, 1, *rng.choices([-1, 1], k=5)]
    values = [net.exact(point)[0][0] for point in x]
    agreement = mean(c * f for c, f in zip(labels, values, strict=True))
    data = pr.LabelledFeatures(net, x, labels)
    found = pr.similarity_classifier(data, pr.EulerMetric())
    own = [int(f > 0) for f in values]
    assert found.network_predicted.tolist() == own
    assert found.network_errors == sum(2 * p - 1 != c for p, c in zip(own, labels, strict=True))
    if agreement > 0:
        assert found.predicted.tolist() == own
        assert found.errors == found.network_errors
        assert found.disagreements == 0
    elif agreement == 0:
        assert found.ties == 7


def test_own_decisions_of_several_outputs():
    """The greatest output, the first of equal ones; -1 for an output that is no label."""
    net = pr.Network.from_layers([(np.eye(3), np.zeros(3))])
    x = np.array([[3.0, 1, 1], [1, 3, 2], [2, 2, 1], [0, 1, 5]])
    data = pr.LabelledFeatures(net, x, [0, 2, 2, 2])
    found = pr.similarity_classifier(data)
    assert found.network_predicted.tolist() == [0, -1, 0, 1]
    assert found.network_errors == 2
    assert found.network_error == Fraction(1, 2)
    plain = json.loads(json.dumps(found.statistics()))
    assert (plain["points"], plain["network_errors"]) == (4, 2)
    words = pr.similarity_classifier(pr.LabelledFeatures(net, x, ["a", "b", "b", "b"]))
    assert words.network_errors is words.network_error is words.disagreements is None
    three = pr.LabelledFeatures(net, x, [0, 1, 2, 2], output=0)
    assert pr.similarity_classifier(three).network_errors is None


def test_test_points():
    rng = np.random.default_rng(0)
    net = gaussian_network(0, 2, 16, 16)
    x = rng.normal(size=(120, 2))
    labels = (net(x)[:, 0] > np.median(net(x))).astype(int)
    data = pr.LabelledFeatures(net, x[:60], labels[:60])
    test = pr.LabelledFeatures(net, x[60:], labels[60:])
    found = pr.similarity_classifier(data, test=test)
    likes = pr.kernel_matrix(net, x[60:], x[:60])
    signs = likes @ (2 * labels[:60] - 1)
    assert found.predicted.tolist() == (signs > 0).astype(int).tolist()
    one = pr.LabelledFeatures(net, x[60:][labels[60:] == 1], np.ones(int(labels[60:].sum())))
    alone = pr.similarity_classifier(data, test=one)
    assert alone.predicted.tolist() == found.predicted[labels[60:] == 1].tolist()
    assert alone.errors == sum(p != 1 for p in alone.predicted)


# --- hinge loss ----------------------------------------------------------------------------------


def exact_loss(kernel, labels, weights, gamma) -> Fraction:
    scale = max(kernel[i][i] for i in range(len(labels)))
    sign = [2 * c - 1 for c in labels]
    n = range(len(labels))
    agreements = (sign[i] * mean(sign[j] * weights[j] * kernel[i][j] for j in n) / scale for i in n)
    return mean(max(Fraction(0), 1 - a / Fraction(gamma)) for a in agreements)


@settings(deadline=None, max_examples=40)
@given(rationals, st.sampled_from([0.01, 0.1, 0.5]))
def test_hinge_losses_are_within_their_bounds(rng, gamma):
    data = labelled(rng)
    kernel = pr.kernel_matrix(data.network, data.points, arithmetic="exact").tolist()
    labels = data.label.tolist()
    if not any(kernel[i][i] for i in range(6)):
        with pytest.raises(pr.PolyreluError, match="0 at all points"):
            pr.hinge_goodness(data, gamma)
        return
    found = pr.hinge_goodness(data, gamma, best=True)
    assert within(found.uniform, exact_loss(kernel, labels, [Fraction(1)] * 6, gamma))
    assert found.best.high <= found.uniform.high
    weights = [Fraction(w) for w in found.weights.tolist()]
    assert max(map(abs, weights)) <= 1
    loss = exact_loss(kernel, labels, weights, gamma)
    assert loss <= Fraction(found.best.high)
    assert Fraction(found.best.low) <= loss
    for _ in range(5):  # no weights do better than the lower bound
        some = [Fraction(rng.choice([-1, 0, 1])) for _ in range(6)]
        assert exact_loss(kernel, labels, some, gamma) >= Fraction(found.best.low)


def test_best_weights_close_the_gap_between_the_bounds():
    rng = np.random.default_rng(0)
    data = pr.LabelledFeatures(gaussian_network(0, 3, 12, 12), rng.normal(size=(60, 3)),
                               rng.integers(0, 2, 60))  # fmt: skip
    found = pr.hinge_goodness(data, 0.1, best=True)
    assert found.best.high - found.best.low < 1e-9
    assert found.best.high < 0.99 * found.uniform.low
    hurried = pr.hinge_goodness(data, 0.1, best=True, limits=pr.Limits(seconds=1e-9))
    assert hurried.best.low <= found.best.low <= found.best.high <= hurried.best.high


# --- bad input -----------------------------------------------------------------------------------


def test_bad_input():
    net = gaussian_network(0, 2, 4)
    x = np.random.default_rng(0).normal(size=(3, 2))
    for labels, message in (([0, 1], "labels must have shape"), ([0, 1, np.nan], "whole numbers"),
                            ([0, 1, 0.5], "whole numbers"), ([0, 1, None], "whole numbers"),
                            ([0, 1, inf], "whole numbers"), ([0, 1, 1e300], "whole numbers"),
                            ([[0], [1], [1]], "labels must have shape")):  # fmt: skip
        with pytest.raises(pr.PolyreluError, match=message):
            pr.LabelledFeatures(net, x, labels)
    one = pr.LabelledFeatures(net, x, [1, 1, 1])
    data = pr.LabelledFeatures(net, x, [0, 1, 1])
    asks = (pr.similarity_gap, pr.similarity_classifier, lambda d: pr.sparse_metric(d, 2))
    for ask in asks:
        with pytest.raises(pr.PolyreluError, match="two classes"):
            ask(one)
    for ask in (*asks[:2], lambda d, **o: pr.sparse_metric(d, 2, **o)):
        with pytest.raises(pr.PolyreluError, match="0 has one"):
            ask(data, leave_one_out=True)
    for size in (0, -1, 1.5, True, "a"):
        with pytest.raises(pr.PolyreluError, match="size must"):
            pr.sparse_metric(data, size)
    with pytest.raises(pr.PolyreluError, match="weighting must be one of"):
        pr.similarity_classifier(data, weighting="none")
    two = pr.LabelledFeatures(net, np.vstack([x, x]), [0, 1, 1, 0, 1, 1])
    with pytest.raises(pr.PolyreluError, match="leave_one_out is for"):
        pr.similarity_classifier(two, test=two, leave_one_out=True)
    for test in (pr.LabelledFeatures(gaussian_network(0, 2, 4), x, [0, 1, 1]),
                 pr.LabelledFeatures(net, x, [0, 1, 1], output=[2.0]),
                 pr.LabelledFeatures(net, x, [0, 1, 2])):  # fmt: skip
        with pytest.raises(pr.PolyreluError, match="test points must"):
            pr.similarity_classifier(data, test=test)
    found = pr.similarity_gap(data)
    for value in (np.nan, inf, "x", None):
        with pytest.raises(pr.PolyreluError, match="gamma must be a finite"):
            found.epsilon(value)
    for share in (-0.1, 1.1, np.nan):
        with pytest.raises(pr.PolyreluError, match="share of points must"):
            found.gamma(share)
    for gamma in (0, -1, np.nan):
        with pytest.raises(pr.PolyreluError, match="gamma must be"):
            pr.hinge_goodness(data, gamma)
    with pytest.raises(pr.PolyreluError, match="of two classes, not 3"):
        pr.hinge_goodness(pr.LabelledFeatures(net, x, [0, 1, 2]), 0.1)
    with pytest.raises(pr.LimitsError, match="only seconds"):
        pr.hinge_goodness(data, 0.1, limits=pr.Limits(regions=1))
    with pytest.raises(pr.NetworkError, match="square must be"):
        pr.DiagonalMetric.squared(pr.Network.from_layers([([[1e200]], [0.0])]))
    zero = pr.Network.from_layers([(np.zeros((1, 2)), [0.0])])
    flat = pr.LabelledFeatures(zero, x, [0, 1, 1])
    assert pr.similarity_gap(flat).epsilon(0) < 1
    with pytest.raises(pr.PolyreluError, match="0 at all points"):
        pr.similarity_gap(flat, pr.EulerMetric())
