"""Tangent features, metrics and kernels: against forward passes in fractions, and autograd."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
import pytest
import tangents
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import WEIGHTS, gaussian_network

import polyrelu as pr
from polyrelu.network import Affine
from polyrelu.queries.arithmetic import to_fractions
from polyrelu.queries.tangent import affine_factors

rationals = st.randoms(use_true_random=False)


def contains(balls: pr.Balls, exact) -> bool:
    return all(
        (low == -inf or Fraction(low) <= v) and (high == inf or v <= Fraction(high))
        for low, high, v in zip(
            balls.low.ravel().tolist(), balls.high.ravel().tolist(), exact.ravel(), strict=True
        )
    )


# --- features ------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_features_are_the_derivatives_of_the_output_in_every_parameter(rng):
    net = tangents.nasty(rng, rng.randint(1, 3))
    x = tangents.points(rng, 3, net.input_dim)
    found = pr.tangent_features(net, x, arithmetic="exact")
    for psi, values, point in zip(found.matrix(), found.values, x, strict=True):
        assert psi.tolist() == tangents.feature(net, point)
        assert to_fractions(values).tolist() == list(net.exact(point)[0])


def test_features_are_those_of_autograd_in_the_order_of_its_parameters():
    torch = pytest.importorskip("torch")
    net = gaussian_network(1, 3, 7, 6)
    net = pr.Network((*net.layers[:-1], gaussian_network(2, 6, 2).layers[0]))
    net = pr.Network.from_layers([(f.weight, f.bias) for f in affine_factors(net)])
    steps = []
    for factor in affine_factors(net):
        linear = torch.nn.Linear(*factor.weight.shape[::-1], dtype=torch.float64)
        linear.weight.data = torch.tensor(np.array(factor.weight))
        linear.bias.data = torch.tensor(np.array(factor.bias))
        steps += [linear, torch.nn.ReLU()]
    module = torch.nn.Sequential(*steps[:-1])
    x = np.random.default_rng(0).normal(size=(5, 3))
    psi = pr.tangent_features(net, x).matrix()
    assert psi.shape == (5, 2, sum(p.numel() for p in module.parameters()))
    for i in range(5):
        for output in range(2):
            module.zero_grad()
            module(torch.tensor(x[i]))[output].backward()
            gradient = [p.grad.numpy().ravel() for p in module.parameters()]
            assert np.allclose(psi[i, output], np.concatenate(gradient), rtol=1e-12)


def test_a_combination_of_outputs():
    net = gaussian_network(0, 2, 5)
    two = pr.Network((*net.layers[:-1], gaussian_network(3, 5, 3).layers[0]))
    x = np.random.default_rng(1).normal(size=(4, 2))
    each = pr.tangent_features(two, x).matrix()
    mixed = pr.tangent_features(two, x, output=[1, 0, -2]).matrix()
    assert np.allclose(mixed[:, 0], each[:, 0] - 2 * each[:, 2])
    assert np.array_equal(pr.tangent_features(two, x, output=1).matrix()[:, 0], each[:, 1])


def test_patterns_are_exact_where_float64_cannot_tell():
    """Pre-activations 3 fl(1/3) - 1 = -2^-54, which rounds to 0, and one that is 0."""
    net = pr.Network.from_layers([([[1 / 3], [-1 / 3], [1.0]], [-1.0, 1.0, -3.0]),
                                  ([[1.0, 1.0, 1.0]], [0.0])])  # fmt: skip
    psi = pr.tangent_features(net, [[3.0]]).matrix()[0, 0]
    assert psi[:3].tolist() == [0.0, 3.0, 0.0]
    assert psi[3:6].tolist() == [0.0, 1.0, 0.0]
    tied = pr.Network.from_layers([([[1.0]], [0.0]), ([[1.0]], [0.0])], pr.leaky_relu(0.25))
    assert pr.tangent_features(tied, [[0.0]]).matrix().ravel().tolist() == [0.0, 0.25, 0.0, 1.0]


def test_blocks_are_the_affine_factors():
    net = pr.Network(
        (
            pr.Layer([Affine(np.eye(2), [1.0, 2.0], [3.0, 7.0]), Affine(np.ones((3, 2)), [0] * 3)],
                     pr.relu()),
            pr.Layer([Affine(np.ones((1, 3)), [1.0])], pr.identity()),
        )
    )  # fmt: skip
    blocks = pr.parameter_blocks(net)
    assert [(b.layer, b.factor, b.shape, b.start, b.size) for b in blocks] == [
        (0, 0, (2, 2), 0, 6), (0, 1, (3, 2), 6, 9), (1, 0, (1, 3), 15, 4)]  # fmt: skip
    psi = pr.tangent_features(net, [[1.0, 1.0]], arithmetic="exact").matrix()
    assert psi[0].tolist() == tangents.feature(net, [1.0, 1.0])


def test_points_may_be_fractions():
    net = gaussian_network(0, 2, 4)
    x = [Fraction(1, 3), Fraction(2, 7)]
    found = pr.tangent_features(net, [x], arithmetic="exact")
    assert found.matrix()[0].tolist() == tangents.feature(net, x)


# --- kernels under metrics -----------------------------------------------------------------------


def dense_metrics(rng, net) -> list:
    """Metrics, and the entries of the matrices that they stand for."""
    blocks = pr.parameter_blocks(net)
    size = blocks[-1].start + blocks[-1].size
    weights = [float(rng.choice([0, 1, 2.5])) for _ in blocks]
    biases = [float(rng.choice([0, 1, 0.1])) for _ in blocks]
    per_block = []
    for block, w, b in zip(blocks, weights, biases, strict=True):
        per_block += [w] * (block.size - block.shape[0]) + [b] * block.shape[0]
    diagonal = [float(rng.choice([0, 0, 1, 0.3])) for _ in range(size)]
    chosen = rng.sample(range(size), rng.randint(0, size))
    theta = tangents.flat_parameters(affine_factors(net))

    def diag(values):
        return [(i, i, Fraction(v)) for i, v in enumerate(values) if v]

    found = [
        (pr.BlockMetric(), diag([1] * size)),
        (pr.BlockMetric(weights, biases), diag(per_block)),
        (pr.DiagonalMetric(diagonal), diag(diagonal)),
        (pr.DiagonalMetric.sparse(net, chosen), diag([i in chosen for i in range(size)])),
    ]
    for along in (False, True):
        rows = []
        for k, block in enumerate(blocks):
            v = np.zeros(size)
            v[block.start : block.start + block.size - block.shape[0]] = 1
            for later in blocks[k:]:
                v[later.start + later.size - later.shape[0] : later.start + later.size] = along
            rows.append([Fraction(a) * Fraction(b) for a, b in zip(v, theta, strict=True)])
        matrix = [
            (i, j, Fraction(c) * row[i] * row[j])
            for c, row in zip(weights, rows, strict=True)
            for i in range(size) for j in range(size) if c and row[i] and row[j]
        ]  # fmt: skip
        found.append((pr.EulerMetric(weights, biases=along), matrix))
    return found


@settings(deadline=None, max_examples=25)
@given(rationals)
def test_kernels_are_forms_of_features(rng):
    net = tangents.nasty(rng, rng.randint(1, 2))
    x = tangents.points(rng, 3, net.input_dim)
    psi = [tangents.feature(net, point) for point in x]
    for metric, matrix in dense_metrics(rng, net):
        expected = [[tangents.form(a, matrix, b) for b in psi] for a in psi]
        exact = pr.kernel_matrix(net, x, metric=metric, arithmetic="exact")
        assert exact.tolist() == expected
        bounds = pr.kernel_matrix(net, x, metric=metric, arithmetic="bounds")
        assert contains(bounds, exact)
        features = pr.tangent_features(net, x, arithmetic="exact")
        squares = to_fractions(metric.squares(features)).tolist()
        assert squares == [expected[i][i] for i in range(3)]


@settings(deadline=None, max_examples=25)
@given(rationals)
def test_sums_over_classes_are_those_of_kernels(rng):
    net = tangents.nasty(rng, rng.randint(1, 2))
    x = tangents.points(rng, 4, net.input_dim)
    data = pr.LabelledFeatures(net, x, ["b", "a", "b", "c"])
    assert data.classes == ("a", "b", "c")
    for metric, _ in dense_metrics(rng, net):
        exact = pr.kernel_matrix(net, x, metric=metric, arithmetic="exact")
        member = np.array([[0, 1, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=object)
        sums = exact @ member
        assert (to_fractions(data.class_sums(metric, data.exact)) == sums).all()
        assert contains(data.class_sums(metric, data.bounded), sums)


def test_bounds_are_tight_and_float64_is_within_them():
    net = gaussian_network(0, 3, 30, 30)
    x = np.random.default_rng(0).normal(size=(20, 3))
    for metric in (pr.BlockMetric(), pr.DiagonalMetric.squared(net), pr.EulerMetric()):
        kernel = pr.kernel_matrix(net, x, metric=metric)
        bounds = pr.kernel_matrix(net, x, metric=metric, arithmetic="bounds")
        assert (bounds.low <= kernel).all()
        assert (kernel <= bounds.high).all()
        assert (bounds.high - bounds.low).max() < 1e-8 * np.abs(kernel).max()
        other = pr.kernel_matrix(net, x[:4], x[5:], metric=metric)
        assert np.allclose(other, kernel[:4, 5:])


def test_numbers_at_the_ends_of_float64():
    """Overflow leaves bounds that say nothing, underflow ones that are wide enough."""
    for scale in (1e200, 1e-200, 1e-310):
        net = pr.Network.from_layers([([[scale, -scale]], [0.0]), ([[scale]], [1.0])])
        x = np.array([[1.0, 0.0], [3.0, 1e-5]])
        exact = pr.kernel_matrix(net, x, arithmetic="exact")
        bounds = pr.kernel_matrix(net, x, arithmetic="bounds")
        assert contains(bounds, exact)


def test_large_metrics_are_worked_off_in_parts(monkeypatch):
    net = gaussian_network(0, 3, 8, 8)
    x = np.random.default_rng(0).normal(size=(6, 3))
    metric = pr.DiagonalMetric.squared(net)
    whole = pr.kernel_matrix(net, x, metric=metric)
    monkeypatch.setattr("polyrelu.queries.metrics.CHUNK", 30)
    assert np.allclose(pr.kernel_matrix(net, x, metric=metric), whole, rtol=1e-13)


def test_traces():
    net = gaussian_network(0, 3, 8, 8)
    theta = tangents.flat_parameters(affine_factors(net))
    assert pr.BlockMetric().trace(net) == len(theta) == 8 * 4 + 8 * 9 + 9
    assert pr.BlockMetric([1, 2, 0], [0, 0, 3]).trace(net) == 24 + 128 + 3
    assert pr.DiagonalMetric.squared(net).trace(net) == pytest.approx((theta**2).sum())
    weights = [f.weight for f in affine_factors(net)]
    assert pr.EulerMetric(2, biases=False).trace(net) == pytest.approx(
        2 * sum((w**2).sum() for w in weights)
    )
    x = np.random.default_rng(0).normal(size=(3, 3))
    directions = pr.EulerMetric([0, 1, 0])._directions(pr.tangent_features(net, x), 1)
    norm = sum((t**2).sum() for t in directions)
    assert pr.EulerMetric([0, 1, 0]).trace(net) == pytest.approx(norm)


# --- Euler's identity ----------------------------------------------------------------------------


def projections(metric, features) -> list:
    return to_fractions(metric.projections(features)).tolist()


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_euler_identity_without_biases(rng):
    """W_l . df/dW_l = f for every l, and K = L f f', exactly."""
    net = tangents.homogeneous(rng, rng.randint(1, 3))
    x = tangents.points(rng, 3, net.input_dim)
    values = [net.exact(point)[0][0] for point in x]
    blocks = pr.parameter_blocks(net)
    theta = tangents.flat_parameters(affine_factors(net))
    for psi, f in zip(
        pr.tangent_features(net, x, arithmetic="exact").matrix(), values, strict=True
    ):
        for block in blocks:
            own = slice(block.start, block.start + block.size)
            assert sum(Fraction(w) * g for w, g in zip(theta[own], psi[0, own], strict=True)) == f
    for biases in (False, True):
        kernel = pr.kernel_matrix(
            net, x, metric=pr.EulerMetric(biases=biases), arithmetic="exact"
        ).tolist()
        assert kernel == [[len(blocks) * a * b for b in values] for a in values]


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_euler_identity_with_biases(rng):
    """v_l . psi = f where later biases move along, and f - sum b_k . df/db_k where none does."""
    net = tangents.homogeneous(rng, rng.randint(1, 3))
    unit = net.layers[0].units[0]
    pairs = [(f.weight, rng.choice(WEIGHTS)(rng, f.bias.shape)) for f in affine_factors(net)]
    net = pr.Network.from_layers(pairs, unit)
    x = tangents.points(rng, 2, net.input_dim)
    features = pr.tangent_features(net, x, arithmetic="exact")
    values = [net.exact(point)[0][0] for point in x]
    for row, f in zip(projections(pr.EulerMetric(), features), values, strict=True):
        assert row == [f] * len(pairs)
    alone = projections(pr.EulerMetric(biases=False), features)
    blocks = pr.parameter_blocks(net)
    for row, psi, f in zip(alone, features.matrix(), values, strict=True):
        for k, value in enumerate(row):
            moved = sum(
                Fraction(b) * g
                for block, (_, bias) in list(zip(blocks, pairs, strict=True))[k:]
                for b, g in zip(bias.tolist(), psi[0, block.start + block.size - len(bias) :],
                                strict=False)
            )  # fmt: skip
            assert value == f - moved


def test_the_last_block_is_the_inner_product_of_the_last_hidden_layer():
    net = gaussian_network(4, 3, 9, 6)
    x = np.random.default_rng(0).normal(size=(5, 3))
    h = pr.Network(net.layers[:-1])(x)
    kernel = pr.kernel_matrix(net, x, metric=pr.BlockMetric([0, 0, 1], [0, 0, 0]))
    assert np.allclose(kernel, h @ h.T)


# --- bad input -----------------------------------------------------------------------------------


def test_bad_input():
    net = gaussian_network(0, 2, 4)
    for points in ([[1.0]], [1.0, 2.0], [], [[np.nan, 0]], [[2**53 + 1, 0]], "ab", [[1, 2], [3]]):
        with pytest.raises(pr.DomainError, match="points must"):
            pr.kernel_matrix(net, points)
    with pytest.raises(pr.DomainError, match="points must"):
        pr.tangent_features(net, [[Fraction(1), "x"]], arithmetic="exact")
    with pytest.raises(pr.NetworkError, match="output must"):
        pr.kernel_matrix(net, [[0, 0]], output=1)
    with pytest.raises(ValueError, match="arithmetic must be one of"):
        pr.kernel_matrix(net, [[0, 0]], arithmetic="fast")
    with pytest.raises(TypeError, match="Network or Layer"):
        pr.kernel_matrix(None, [[0, 0]])
    for make in (lambda: pr.BlockMetric([1, -1]), lambda: pr.DiagonalMetric([-1.0]),
                 lambda: pr.EulerMetric(-1), lambda: pr.EulerMetric(np.nan),
                 lambda: pr.BlockMetric(1, np.inf), lambda: pr.BlockMetric([[1], [1, 2]]),
                 lambda: pr.DiagonalMetric("x"),
                 lambda: pr.DiagonalMetric.sparse(net, [0, 0]),
                 lambda: pr.DiagonalMetric.sparse(net, [17]),
                 lambda: pr.DiagonalMetric.sparse(net, [0.5])):  # fmt: skip
        with pytest.raises(pr.NetworkError, match="must be"):
            make()
    for metric in (pr.BlockMetric([1, 1, 1]), pr.BlockMetric(1, [1]), pr.EulerMetric([1]),
                   pr.DiagonalMetric(np.ones(3)), pr.BlockMetric(np.ones((2, 2)))):  # fmt: skip
        with pytest.raises(pr.NetworkError, match=r"metric (must|needs)"):
            pr.kernel_matrix(net, [[0, 0]], metric=metric)
    with pytest.raises(TypeError, match="metric must be a BlockMetric"):
        pr.kernel_matrix(net, [[0, 0]], metric=np.eye(3))
