"""Separability layer by layer: rows are what the measures say of each layer's outputs."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pointsets import nasty_sets

import polyrelu as pr

X = np.array([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
XOR = [0, 0, 1, 1]
# h = ReLU(x0 + x1), ReLU(x0 + x1 - 1); the output h0 - 2 h1 is 1 where exactly one input is.
SOLVES_XOR = pr.Network.from_layers(
    [([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0]), ([[1.0, -2.0]], [0.0])]
)
ALL = ("separable", "LS0", "LS1", "LS2", "ball", "directional")


def gaussian_network(seed: int, *widths: int) -> pr.Network:
    rng = np.random.default_rng(seed)
    return pr.Network.from_layers(
        [(rng.normal(size=(n, m)), rng.normal(size=n)) for m, n in pairwise(widths)]
    )


def test_a_network_that_solves_xor():
    table = pr.layer_separability(SOLVES_XOR, X, XOR, measures=ALL)
    assert [row.name for row in table] == ["input", "layer 0", "output"]
    assert [row.width for row in table] == [2, 2, 1]
    assert [row.separable for row in table] == [False, True, True]
    assert [row.measures["LS0"].exact for row in table] == [Fraction(1, 2), 1, 1]
    assert [row.measures["LS1"].exact for row in table] == [0, 1, 1]
    assert [row.measures["directional"].exact for row in table] == [Fraction(1, 2), 0, 0]
    assert table.names == ALL[1:]
    assert table.accuracies == (1.0,)


def test_rows_are_the_measures_of_the_outputs():
    network = gaussian_network(0, 2, 5, 3)
    x = np.random.default_rng(1).normal(size=(25, 2))
    y = np.repeat(["a", "b", "c"], [10, 8, 7])
    table = pr.layer_separability(network, x, y)
    hidden = network.layers[0](x)
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    assert [(r.first, r.second) for r in table if r.layer == 1] == pairs
    for row in table:
        values = (x, hidden, network(x))[row.layer]
        own, other = values[y == row.first], values[y == row.second]
        assert row.measures["LS1"].exact == pr.ls1(own, other).exact
        assert row.separable == pr.is_linearly_separable(own, other).proved
    rest = pr.layer_separability(network, x, y, measures=["LS1"], against="rest")
    assert [r.classes for r in rest if r.layer == 0] == ["a / rest", "b / rest", "c / rest"]
    assert rest.rows[3].measures["LS1"].exact == pr.ls1(hidden[y == "a"], hidden[y != "a"]).exact
    assert rest.rows[0].separable is None
    names = network(x).argmax(axis=1)
    assert table.accuracies == (np.mean(np.array(["a", "b", "c"])[names] == y),)


def test_exact_outputs_are_not_rounded():
    """0.1 + 0.2 is not 0.3 in float64; here neither is (0.1 x + 0.2 x) rounded."""
    network = pr.Network.from_layers([([[0.1, 0.2]], [0.0]), ([[1.0]], [0.0])])
    x = np.array([[1.0, 1.0], [float(network([1.0, 1.0])[0] / 0.1), 0.0]])
    rounded = pr.layer_separability(network, x, [0, 1])
    exact = pr.layer_separability(network, x, [0, 1], exact=True)
    assert exact.exact_outputs
    assert not rounded.exact_outputs
    own = [network.exact(v)[0][0] for v in x.tolist()]
    assert (own[0] == own[1]) == (not exact.rows[-1].separable)
    same = network(x[:1])[0] == network(x[1:])[0]
    assert same == (not rounded.rows[-1].separable)
    assert exact.rows[-1].separable != rounded.rows[-1].separable


def test_exact_and_rounded_agree_where_nothing_is_rounded():
    x = np.random.default_rng(0).integers(-3, 4, size=(20, 2)).astype(float)
    y = [0, 1] * 10
    weights = np.random.default_rng(1).integers(-3, 4, size=(4, 2)).astype(float)
    network = pr.Network.from_layers([(weights, np.ones(4)), (np.ones((2, 4)), [0.0, 1.0])])
    one, other = (pr.layer_separability(network, x, y, exact=e) for e in (True, False))
    assert one.records() == other.records()


def test_epochs():
    networks = [gaussian_network(k, 2, 4, 2) for k in range(3)]
    x = np.random.default_rng(1).normal(size=(12, 2))
    seen = []
    table = pr.layer_separability(
        networks, x, [0, 1] * 6, progress=lambda rows, seconds: seen.append(rows)
    )
    assert seen == list(range(1, 10))
    assert [row.epoch for row in table] == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert len(table.accuracies) == 3
    alone = pr.layer_separability(networks[2], x, [0, 1] * 6)
    assert [r.measures["LS1"].exact for r in table.rows[6:]] == [
        r.measures["LS1"].exact for r in alone
    ]


@settings(deadline=None, max_examples=30)
@given(st.randoms(use_true_random=False), st.integers(1, 3))
def test_an_embedding_keeps_what_there_is(rng, dim):
    """C4.5: x -> (ReLU(x), ReLU(-x)) has x as a linear image, so no score of x is lost. (Of ReLU
    layers in general this is not so.)"""
    a, b = nasty_sets(rng, dim, most=3)
    unit = np.eye(dim)
    network = pr.Network.from_layers(
        [(np.vstack([unit, -unit]), np.zeros(2 * dim)), (np.ones((1, 2 * dim)), [0.0])]
    )
    labels = np.repeat([0, 1], [len(a), len(b)])
    table = pr.layer_separability(network, np.array([*a, *b], float), labels,
                                  measures=["separable", "LS1", "LS0"])  # fmt: skip
    before, after = table.rows[:2]
    assert after.separable or not before.separable
    for name in ("LS0", "LS1"):
        assert after.measures[name].high >= before.measures[name].low


def test_a_relu_layer_can_lose_separability():
    network = pr.Network.from_layers([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    table = pr.layer_separability(network, [[-1.0], [-2.0]], [1, 0])
    assert [row.separable for row in table] == [True, False, False]


def test_tables_print_and_go_into_json():
    network = gaussian_network(0, 2, 3, 2)
    x = np.random.default_rng(1).normal(size=(10, 2))
    table = pr.layer_separability(network, x, [0, 1] * 5, measures=ALL)
    lines = str(table).splitlines()
    assert lines[0].split() == ["layer", "width", "classes", *ALL]
    assert len(lines) == 2 + len(table) == 5
    json.dumps(table.to_dict())
    record = table.records()[0]
    assert record["LS0_low"] <= record["LS0"] <= record["LS0_high"]
    assert record["name"] == "input"
    twice = pr.layer_separability([network] * 2, x, [0, 1] * 5)
    assert str(twice).startswith("epoch")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"labels": [0, 0, 0, 0]}, "2 to 1000 classes, not 1"),
        ({"labels": [0, 1]}, r"shape \(4,\), not \(2,\)"),
        ({"labels": [0.5, 1, 2, 3]}, "integers or strings"),
        ({"inputs": [[1.0, 2.0, 3.0]]}, r"\(n, 2\), not \(1, 3\)"),
        ({"inputs": [[np.nan, 0.0]] * 4}, "finite"),
        ({"measures": ["LS3"]}, "not 'LS3'"),
        ({"measures": "LS1"}, "a list of"),
        ({"measures": []}, "a list of"),
        ({"against": "all"}, "'each' or 'rest', not 'all'"),
        ({"network": []}, "at least one network"),
        ({"network": [SOLVES_XOR, gaussian_network(0, 3, 2)]}, "as many inputs"),
        (
            {"inputs": X * 1e308, "network": pr.Network.from_layers([([[4.0, 4.0]], [0.0])])},
            "overflow float64",
        ),
    ],
)
def test_bad_data_are_refused(change, match):
    given = {"network": SOLVES_XOR, "inputs": X, "labels": XOR, **change}
    with pytest.raises(pr.PolyreluError, match=match):
        pr.layer_separability(given.pop("network"), given.pop("inputs"), given.pop("labels"),
                              **given)  # fmt: skip


# --- the picture ----------------------------------------------------------------------------------


@pytest.fixture
def ax():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_the_picture_has_a_line_for_each_pair_and_layer(ax):
    from polyrelu.plot import plot_separability

    x = np.random.default_rng(1).normal(size=(12, 2))
    y = [0, 1, 2] * 4
    table = pr.layer_separability(gaussian_network(0, 2, 4, 3), x, y, measures=["separable", "LS1"])
    plot_separability(table, ax=ax)
    lines = [line for line in ax.lines if len(line.get_xdata()) == 3]
    for line, pair in zip(lines, ("0 / 1", "0 / 2", "1 / 2"), strict=True):
        expected = [r.measures["LS1"].value for r in table if r.classes == pair]
        assert np.allclose(line.get_ydata(), expected)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["input", "layer 0", "output"]


def test_the_picture_of_epochs_shows_the_accuracy(ax):
    from polyrelu.plot import plot_separability

    x = np.random.default_rng(1).normal(size=(12, 2))
    networks = [gaussian_network(k, 2, 4, 2) for k in range(4)]
    table = pr.layer_separability(networks, x, [0, 1] * 6)
    plot_separability(table, ax=ax)
    dashed = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert dashed[0].get_ydata().tolist() == list(table.accuracies)
    with pytest.raises(pr.PolyreluError, match="not 'LS0'"):
        plot_separability(table, "LS0", ax=ax)
    with pytest.raises(pr.PolyreluError, match="'layer' or 'epoch'"):
        plot_separability(table, by="class", ax=ax)
