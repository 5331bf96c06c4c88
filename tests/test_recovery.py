"""Networks recovered from their outputs alone, judged against the networks themselves."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from networks import he_network

import polyrelu as pr
from polyrelu.recovery.kinks import find_kinks
from polyrelu.recovery.oracle import Oracle
from polyrelu.recovery.signs import solve_signs

Array = np.ndarray


def row_errors(network: pr.Network, recovery: pr.Recovery) -> list[float]:
    """The largest error of unit rows and their offsets in each layer, neurons matched."""
    factor, order, worst = np.ones(network.input_dim), np.arange(network.input_dim), []
    for layer, found in zip(network.layers[:-1], recovery.layers, strict=True):
        rows = (layer.weight * factor)[:, order]
        factor = np.linalg.norm(rows, axis=1)
        true = np.concatenate([rows, layer.bias[:, None]], axis=1) / factor[:, None]
        got = np.concatenate([found.weight, found.bias[:, None]], axis=1)
        apart = np.abs(true[:, None] - got).max(axis=2)
        match = apart.argmin(axis=1)
        assert sorted(match) == list(range(len(got)))
        worst.append(float(apart.min(axis=1).max()))
        order = np.argsort(match)
    return worst


@pytest.mark.parametrize(
    "widths", [(20, 10, 1), (10, 20, 1), (4, 12, 2), (10, 15, 15, 1), (10, 20, 20, 1)]
)
def test_rows_of_random_networks(widths: tuple[int, ...]) -> None:
    network = he_network(0, *widths)
    recovery = pr.recover(network, widths[0], seed=0)
    assert recovery.verdict is pr.Verdict.EQUIVALENT, str(recovery)
    assert max(row_errors(network, recovery)) < 1e-11
    assert recovery.network is not None
    x = np.random.default_rng(5).normal(size=(500, widths[0]))
    assert np.abs(recovery.network(x) - network(x)).max() < 1e-11


def test_kinks_are_where_the_neurons_switch() -> None:
    network = he_network(3, 6, 30, 1)
    oracle = Oracle(network, 6)
    rng = np.random.default_rng(0)
    start, end = rng.normal(size=(2, 6)) * 20
    oracle.measure_noise(rng.normal(size=(20, 6)), 20 * rng.normal(size=(20, 6)), rng)
    kinks = find_kinks(oracle, start[None], end[None])[0]
    layer = network.layers[0]
    at_start, slope = layer.pre_activation(start), layer.weight @ kinks.direction
    true = np.sort(-at_start / slope)
    true = true[(true > 0) & (true < kinks.length)]
    assert len(kinks.t) == len(true)
    assert np.abs(kinks.t - true).max() < 1e-10


def test_a_bump_between_samples_is_two_kinks() -> None:
    # Lines that meet before both kinks: one sample at their meeting lies on the first of them.
    def bump(x: Array) -> Array:
        t = x[:, 0]
        return np.maximum(t - 0.51, 0) - 1.2 * np.maximum(t - 0.52, 0) + 0.3 * t

    oracle = Oracle(bump, 1)
    oracle.measure_noise(np.linspace(0, 0.4, 9)[:, None], np.ones((9, 1)), np.random.default_rng(0))
    for first in range(5, 40):
        kinks = find_kinks(oracle, np.zeros((1, 1)), np.ones((1, 1)), first)[0]
        assert kinks.t == pytest.approx([0.51, 0.52], abs=1e-12)


def test_signs_are_the_true_ones_or_open() -> None:
    rng = np.random.default_rng(0)
    matrix, signs = rng.normal(size=(10, 20)), np.sign(rng.normal(size=20))
    found, open_ = solve_signs(matrix, matrix @ signs)
    assert np.array_equal(found, signs)
    assert not open_.any()
    matrix[:, 3] = 0.0
    found, open_ = solve_signs(matrix, matrix @ signs)
    assert np.flatnonzero(open_).tolist() == [3]


@pytest.mark.parametrize(
    ("function", "word"),
    [
        (lambda x: np.tanh(x).sum(axis=1), "curves"),
        (lambda x: (x.sum(axis=1) > 0.3) * 1.0, "jumps"),
    ],
)
def test_what_is_not_piecewise_affine_is_named(function: object, word: str) -> None:
    recovery = pr.recover(function, 3)
    assert recovery.verdict is pr.Verdict.NOT_RECOVERED
    assert word in recovery.reasons[0]
    assert recovery.network is None


def test_an_affine_function_has_no_hidden_layer() -> None:
    recovery = pr.recover(lambda x: x @ np.array([1.0, 2.0, 3.0]) + 1, 3)
    assert recovery.verdict is pr.Verdict.EQUIVALENT
    assert recovery.network is not None
    assert recovery.network.layers[0].weight == pytest.approx(np.array([[1.0, 2.0, 3.0]]))


def test_coincident_neurons_are_equivalent_to_fewer() -> None:
    network = he_network(0, 4, 6, 1)
    weight, bias = network.layers[0].weight.copy(), network.layers[0].bias.copy()
    weight[1], bias[1] = 2 * weight[0], 2 * bias[0]
    weight[2], bias[2] = -weight[3], -bias[3]
    twins = pr.Network.from_layers([(weight, bias), (network.layers[1].weight, [0.1])])
    recovery = pr.recover(twins, 4)
    assert recovery.verdict is pr.Verdict.EQUIVALENT
    assert recovery.widths == (4,)
    assert "signs" in recovery.reasons[0]


@pytest.mark.parametrize("queries", [10, 500, 5000, 20_000])
def test_a_budget_is_kept_and_claims_nothing(queries: int) -> None:
    recovery = pr.recover(he_network(0, 10, 15, 15, 1), 10, queries=queries)
    assert recovery.queries <= queries
    assert recovery.verdict is not pr.Verdict.EQUIVALENT
    assert "budget" in recovery.reasons[0]
    assert str(recovery)


def test_ctrl_c_keeps_what_was_found() -> None:
    """It came while the outputs of a network with two hidden layers were looked at."""
    network, asked = he_network(0, 10, 15, 15, 1), 0
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def oracle(x: Array) -> Array:
        nonlocal asked
        asked += len(x)
        if asked - len(x) < 20_000 <= asked:
            signal.raise_signal(signal.SIGINT)
        return network(x)

    try:
        recovery = pr.recover(oracle, 10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert recovery.verdict is pr.Verdict.PARTIAL
    assert recovery.reasons[0] == "interrupted"
    assert recovery.queries == asked
    assert recovery.widths[0] == 15


def test_queries_stay_close_to_the_box() -> None:
    network, box = he_network(0, 4, 6, 5, 2), pr.Box(-1, 1, dim=4)
    seen = 0.0

    def oracle(x: Array) -> Array:
        nonlocal seen
        seen = max(seen, float(np.abs(x).max()))
        return network(x)

    pr.recover(oracle, 4, domain=box, queries=20_000)
    assert seen <= 1.1  # differences next to its sides reach over them


@pytest.mark.parametrize(
    ("oracle", "dim", "error"),
    [
        (lambda x: x[:, 0] * np.nan, 3, "finite"),
        (lambda x: x[:1], 3, "shape"),
        (lambda x: x, 0, "input_dim"),
        (3, 2, "must be a function"),
    ],
)
def test_bad_oracles_are_refused(oracle: object, dim: int, error: str) -> None:
    with pytest.raises(pr.NetworkError, match=error):
        pr.recover(oracle, dim)


def test_bad_budgets_and_domains_are_refused() -> None:
    network = he_network(0, 3, 4, 1)
    with pytest.raises(pr.LimitsError):
        pr.recover(network, 3, queries=0)
    with pytest.raises(pr.DomainError):
        pr.recover(network, 3, domain=pr.Box(0, 1, dim=2))
    with pytest.raises(pr.DomainError):
        pr.recover(network, 3, scale=0.0)
