"""Matches fixed at once, against the same network enumerated layer by layer."""

from __future__ import annotations

from random import Random

import numpy as np
import oracle
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import classifier, domain, integers, network

from polyrelu import (
    Affine,
    Box,
    Layer,
    Network,
    Space,
    count_regions,
    identity,
    leaky_relu,
    regions,
    relu,
)
from polyrelu.challenges import first_match, next_challenge
from polyrelu.engine import program
from polyrelu.queries.decision import decision

COLUMNS = ("packed_patterns", "indptr", "facets", "neighbor", "unbounded", "coincident",
           "vanishing")  # fmt: skip


def graphs(net, where):
    """By vertices, with matches fixed at once and without."""
    quick = regions(net, where, cells="vertices")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "first_match", lambda layers: len(layers) + 1)
        plain = regions(net, where, cells="vertices")
    return quick, plain


def check_same(net, where):
    """The same regions in the same order, with the same facets; also without vertices."""
    quick, plain = graphs(net, where)
    for name in COLUMNS:
        assert np.array_equal(getattr(quick, name), getattr(plain, name)), name
    assert quick.verify().ok
    assert count_regions(net, where).count == len(quick)
    other = regions(net, where, cells="lp")
    assert edges(other) == edges(quick)
    return quick


def edges(graph):
    patterns = graph.packed_patterns
    return {frozenset(patterns[k].tobytes() for k in pair) for pair in graph.edges().tolist()}


def with_outputs(net: Network, weight, bias) -> Network:
    return Network((*net.layers, Layer([Affine(weight, bias)], identity())))


def nasty_heads(choose: Random, n_classes: int, width: int):
    """Outputs that tie, everywhere or nearly, and such as are huge or tiny."""
    weight, bias = integers(choose, (n_classes, width)), integers(choose, (n_classes,))
    if choose.random() < 0.4:
        generator = np.random.default_rng(choose.randrange(2**32))
        weight, bias = generator.normal(size=weight.shape), generator.normal(size=n_classes)
    for _ in range(choose.randrange(4)):
        i, j = choose.randrange(n_classes), choose.randrange(n_classes)
        weight[i], bias[i] = choose.choice([1.0, 1.0, -1.0, 0.0, 3.0]) * weight[j], bias[j]
        if choose.random() < 0.4:
            bias[i] = np.nextafter(bias[i], np.inf)
    if choose.random() < 0.2:
        weight[choose.randrange(n_classes)] *= choose.choice([1e9, 1e150, 1e300, 1e-9, 1e-300])
    return weight, bias


def drawn(choose: Random):
    dim = choose.choice([1, 2, 2, 3])
    net = network(choose, dim, {1: 7, 2: 6, 3: 4}[dim])
    head = nasty_heads(choose, choose.choice([2, 3, 4, 6]), net.output_dim)
    return with_outputs(net, *head), domain(choose, dim)


@pytest.mark.parametrize("seed", range(60))
def test_nasty_networks(seed):
    net, where = drawn(Random(seed))
    check_same(decision(net).extended, where)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_what_hypothesis_finds(choose):
    net, where = drawn(choose)
    check_same(decision(net).extended, where)


@pytest.mark.parametrize("seed", range(25))
def test_against_the_oracle(seed):
    """Patterns, of which the last bits are those of the matches."""
    choose = Random(1000 + seed)
    dim = choose.choice([1, 2])
    head = nasty_heads(choose, choose.choice([3, 4]), 3)
    net = with_outputs(
        Network.from_layers([(integers(choose, (3, dim)), integers(choose, (3,)))],
                            output_activation=relu()), *head,
    )  # fmt: skip
    extended, where = decision(net).extended, Box(-1, 1, dim=dim)
    truth = oracle.solve(extended, where)
    quick = check_same(extended, where)
    assert {tuple(row) for row in quick.patterns.tolist()} == truth.patterns


@pytest.mark.parametrize("widths", [(2, 8, 8, 5), (3, 4, 4, 10), (4, 6, 4), (2, 5, 5, 5, 3)])
@pytest.mark.parametrize("bounded", [True, False])
def test_general_position(widths, bounded):
    """In a box, and with cells that have directions; no sign is left to integers."""
    net = classifier(len(widths), *widths)
    where = Box(-1, 1, dim=widths[0]) if bounded else Space(widths[0])
    quick = check_same(decision(net).extended, where)
    if bounded:
        assert quick.stats["rational_signs"] == 0


@pytest.mark.parametrize(
    ("unit", "n_classes"),
    [(unit, n) for unit in (relu(), leaky_relu(), identity()) for n in (2, 3)] + [(relu(), 66)],
)
def test_one_layer_and_none(unit, n_classes):
    """The first match may be the first layer, and there may be more matches than bits of a word."""
    rng = np.random.default_rng(n_classes)
    net = Network.from_layers(
        [(rng.normal(size=(n_classes, 1)), rng.normal(size=n_classes))], output_activation=unit
    )
    check_same(decision(net).extended, Box(-1, 1, dim=1))


@pytest.mark.parametrize("step", [1, 2.0**30])
def test_outputs_an_ulp_apart(step):
    """Whether one is above the other is beyond float64's bounds; and it is not a tie."""
    hidden = (np.eye(2), np.zeros(2))
    bias = [1.0, 1.0, 1.0 + step * 2.0**-52]
    net = Network.from_layers([hidden, ([[0.1, 0.3], [0.1, 0.3], [0.1, 0.3]], bias)])
    found = decision(net)
    quick = check_same(found.extended, Box(-1, 1, dim=2))
    assert set(found.winners(quick.packed_patterns).tolist()) == {2}
    assert {t - found.first for t in quick.vanishing[:, 1].tolist()} <= {0, 1}


def test_ties_of_all_classes():
    """All outputs 0 on the open set where the one hidden unit is off."""
    net = Network.from_layers([([[1.0, 0.0]], [0.0]), (np.arange(4.0)[:, None], np.zeros(4))])
    quick = check_same(decision(net).extended, Space(2))
    assert len(quick) == 2
    assert len(quick.vanishing) == 3


# ---------------------------------------------------------------- which layers are matches


def matched(n_classes: int) -> Network:
    return decision(classifier(0, 2, 4, n_classes)).extended


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_matches_are_known_again(n_classes):
    layers = matched(n_classes).layers
    assert len(layers) == n_classes
    assert first_match(layers) == 2


def test_a_single_output_is_one_match():
    layers = decision(classifier(0, 2, 4, 1)).extended.layers
    assert first_match(layers) == len(layers) == 2


def test_several_thresholds_are_no_match():
    assert first_match(classifier(0, 2, 4, 3).layers[:1]) == 2
    assert first_match([]) == 1


def changed(layer: Layer, *, weight=None, bias=None, units=None) -> Layer:
    factor = Affine(
        layer.weight if weight is None else weight, layer.bias if bias is None else bias
    )
    return Layer([factor], layer.units if units is None else units)


def unlike_matches() -> list[Layer]:
    last = next_challenge(4)
    weight = last.weight.copy()
    weight[1, 1] = -2.0
    bias = np.array([0.0, 1.0, 0.0])
    tenth = Affine(0.1 * np.eye(3), np.zeros(3))  # ten times that is not 1, but rounds to it
    return [
        changed(last, weight=weight),
        changed(last, bias=bias),
        Layer([Affine(10 * last.weight, last.bias), tenth], last.units),
        changed(last, units=[identity(), leaky_relu(), identity()]),
        changed(last, units=[relu(), identity(), identity()]),
    ]


@pytest.mark.parametrize("layer", unlike_matches())
def test_layers_that_only_look_like_matches(layer):
    """These are composed as any others, and the answer is as right."""
    before = matched(4).layers[:2]
    net = Network((*before, layer))
    assert first_match(net.layers) == 3
    check_same(net, Box(-1, 1, dim=2))
    assert first_match((*before, next_challenge(4))) == 2
