"""Are two networks the same function? Against maps compared region by region, and by hand."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network, problem

from polyrelu import (
    Affine,
    Box,
    DomainError,
    Layer,
    Limits,
    Network,
    NetworkError,
    Polytope,
    Slice,
    Space,
    Status,
    equivalent,
    identity,
    regions,
    relu,
    segment,
)
from polyrelu.joint import joint_network
from polyrelu.verify import VerificationError, check_equivalence


def layers_of(seed: int, *widths: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    return [(rng.normal(size=(n, m)), rng.normal(size=n) / 2) for m, n in pairwise(widths)]


def isomorphic(layers, seed: int, scaled: bool = True):
    """The same function: hidden neurons permuted, and scaled by powers of two."""
    rng = np.random.default_rng(seed)
    made = [(w.copy(), b.copy()) for w, b in layers]
    for k in range(len(made) - 1):
        (w, b), (v, c) = made[k], made[k + 1]
        order = rng.permutation(len(b))
        scale = 2.0 ** rng.integers(-3, 4, size=len(b)) if scaled else np.ones(len(b))
        made[k] = (w * scale[:, None])[order], (b * scale)[order]
        made[k + 1] = (v / scale)[:, order], c
    return made


def check(answer, first, second):
    if answer.proved:
        check_equivalence(answer)
    elif answer.refuted:
        x = answer.witness.x
        assert first.exact(x)[0] == answer.witness.first
        assert second.exact(x)[0] == answer.witness.second != answer.witness.first
    return answer.status


@pytest.mark.parametrize("domain", [Space(2), Box(-1, 1, dim=2), segment([-1, -1], [2, 1]), None])
def test_isomorphic_networks_are_equal(domain):
    layers = layers_of(0, 2, 5, 4, 2)
    first, second = Network.from_layers(layers), Network.from_layers(isomorphic(layers, 1))
    answer = equivalent(first, second, domain)
    assert answer.proved
    assert check_equivalence(answer) == answer.stats["regions"] > 5


def test_permuted_neurons_need_no_regions_however_deep_or_wide():
    layers = layers_of(0, 50, 200, 200, 200, 10)
    first = Network.from_layers(layers)
    second = Network.from_layers(isomorphic(layers, 1, scaled=False))
    answer = equivalent(first, second)
    assert (answer.status, answer.stats["regions"]) == (Status.PROVED, 0)
    again = pickle.loads(pickle.dumps(answer))  # noqa: S301
    assert check_equivalence(again) == 0


def test_a_shared_beginning_is_there_once():
    layers = layers_of(0, 2, 6, 5, 3, 1)
    other = [*layers[:2], *layers_of(1, 5, 4, 1)]
    joint = joint_network(Network.from_layers(layers), Network.from_layers(other))
    assert joint.difference.widths == (2, 6, 5, 7, 2, 1)


def test_the_last_bit_counts_where_it_is_seen():
    """Of a neuron that is seen, and of one that is dead in the box."""
    layers = layers_of(0, 2, 5, 4, 1)
    first = Network.from_layers(layers)
    for neuron, status in ((1, Status.REFUTED), (0, Status.PROVED)):
        changed = [(w.copy(), b.copy()) for w, b in layers]
        changed[0][0][neuron, 0] = np.nextafter(changed[0][0][neuron, 0], 9)
        second = Network.from_layers(changed)
        answer = equivalent(first, second, Box(-1, 1, dim=2))
        assert check(answer, first, second) is status


def hat(centre: float, width: float) -> list[tuple[list, list]]:
    """A peak of height ``width`` that is 0 but for (centre - width, centre + width)."""
    rows = [[1.0]] * 3
    return [(rows, [width - centre, -centre, -width - centre]), ([[1.0, -2.0, 1.0]], [0.0])]


def test_a_difference_in_a_tiny_place_is_found():
    nothing = Network.from_layers([([[0.0]], [0.0]), ([[0.0]], [0.0])])
    peak = Network.from_layers(hat(1 / 3, 2.0**-40))
    answer = equivalent(peak, nothing, Box(-1, 1, dim=1))
    assert check(answer, peak, nothing) is Status.REFUTED
    assert answer.stats["regions"] > 0  # not by points drawn at random
    assert equivalent(peak, nothing, Box(-1, 0, dim=1)).proved


def test_one_output_may_be_matched_and_another_not():
    rows = np.eye(2)
    first = Network.from_layers([(rows, [0.0, 0.0]), (rows, [0.0, 1.0])])
    second = Network.from_layers(
        [(rows * [[1], [2]], [0.0, 0.0]), ([[1.0, 0], [0, 0.5]], [0, 1.0])]
    )
    answer = equivalent(first, second)
    assert check(answer, first, second) is Status.PROVED
    assert answer.stats["regions"] == 4


def test_large_networks_are_refuted_without_regions():
    layers = layers_of(0, 30, 60, 60, 60, 3)
    changed = [(w.copy(), b.copy()) for w, b in layers]
    changed[0][0][7, 3] = np.nextafter(changed[0][0][7, 3], 9)
    pair = Network.from_layers(layers), Network.from_layers(changed)
    for domain in (Space(30), Box(-1, 1, dim=30)):
        answer = equivalent(*pair, domain, limits=Limits(regions=1))
        assert check(answer, *pair) is Status.REFUTED
        assert answer.stats["regions"] == 0


def test_a_difference_that_vanishes_at_the_point_inside(monkeypatch):
    """x - c and 0 on one region: at its witness they are equal."""
    monkeypatch.setattr("polyrelu.queries.equivalence._some_points", lambda domain: [])
    line = Network.from_layers([([[1.0]], [0.0])])
    zero = Network.from_layers([([[0.0]], [0.0])])
    for end in (1.0, 3.0):
        c = float(regions(line, Box(0, end, dim=1)).exact_point(0)[0])
        moved = Network.from_layers([([[1.0]], [-c])])
        assert check(equivalent(moved, zero, Box(0, end, dim=1)), moved, zero) is Status.REFUTED


def test_units_of_all_kinds_and_depths():
    """|x| by one unit, by two ReLUs, and by ReLUs with an identity layer on top."""
    from polyrelu import absolute

    one = Network.from_layers([([[1.0]], [0.0]), ([[1.0]], [0.0])], absolute())
    two = Network.from_layers([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    deep = Network.from_layers([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0]),
                                ([[1.0]], [0.0])])  # fmt: skip
    for pair in ((one, two), (two, deep), (deep, one)):
        assert check(equivalent(*pair, Space(1)), *pair) is Status.PROVED


def test_factors_are_exact():
    """x / 3 * 3 is x, and x / 3 is not float64's third."""
    thirds = Layer([Affine([[1.0]], [1.0], [3.0])], relu())
    back = Layer([Affine([[3.0]], [0.0])], identity())
    plain = Network.from_layers([([[1.0]], [1.0]), ([[1.0]], [0.0])])
    exact = Network((thirds, back))
    assert check(equivalent(exact, plain, Space(1)), exact, plain) is Status.PROVED
    rounded = Network.from_layers([([[1 / 3]], [1 / 3]), ([[3.0]], [0.0])])
    assert equivalent(exact, rounded, Space(1)).refuted


def brute_force(first: Network, second: Network, domain) -> bool:
    """On a line: equal at all bends of both, between any two, and beyond the outermost."""
    cuts = {Fraction(-(2**70)), Fraction(2**70)}
    for net in (first, second):
        for region in regions(net, domain):
            cuts |= {x[0] for x in region.exact_vertices()}
    low, high = (None, None) if isinstance(domain, Space) else (domain.low[0], domain.high[0])
    inside = sorted(c for c in cuts if low is None or low <= c <= high)
    points = [*inside, *((a + b) / 2 for a, b in pairwise(inside))]
    return all(first.exact([x])[0] == second.exact([x])[0] for x in points)


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_against_all_bends_on_a_line(choose: Random):
    first = network(choose, 1, 8)
    second = first if choose.random() < 0.3 else network(choose, 1, 5)
    if first.output_dim != second.output_dim:
        return
    domain = choose.choice([Space(1), Box(-1, 1, dim=1)])
    answer = equivalent(first, second, domain)
    assert answer.proved == brute_force(first, second, domain)
    check(answer, first, second)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_against_themselves_rewritten(choose: Random):
    """Each row divided and multiplied back by 3: matched nowhere, equal everywhere."""
    net, where = problem(choose, max_inputs=3)
    layers = []
    for layer in net.layers:
        n = layer.out_features
        thirds = Affine(np.eye(n), np.zeros(n), np.full(n, 3.0))
        layers.append(Layer([*layer.factors, Affine(3 * np.eye(n), np.zeros(n)), thirds],
                            layer.units))  # fmt: skip
    again = Network(tuple(layers))
    answer = equivalent(net, again, where, limits=Limits(regions=200))
    assert not answer.refuted
    if answer.proved and answer.stats["regions"] < 40:
        check_equivalence(answer)


def test_flat_domains_look_at_what_lies_on_them():
    first = Network.from_layers([([[1.0, 1.0]], [0.0]), ([[1.0]], [0.0])])
    second = Network.from_layers([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0])])
    line = Polytope([[0.0, 1.0], [0.0, -1.0]], [0.0, 0.0])
    answer = equivalent(first, second, line)
    assert check(answer, first, second) is Status.PROVED
    assert equivalent(first, second, Box(-1, 1, dim=2)).refuted
    assert equivalent(first, second, Slice([0.0, 0.0], [[1.0, 0.0]])).proved
    assert equivalent(first, second, Slice([0.0, 0.0], [[0.0, 1.0]])).refuted


def test_limits_leave_it_unknown():
    layers = layers_of(0, 2, 8, 8, 1)
    pair = Network.from_layers(layers), Network.from_layers(isomorphic(layers, 1))
    answer = equivalent(*pair, Space(2), limits=Limits(regions=5))
    assert answer.status is Status.UNKNOWN
    assert "regions" in answer.reason
    assert equivalent(*pair, Space(2), limits=Limits(seconds=1e-9)).status is Status.UNKNOWN


def test_what_is_refused():
    one, two = (Network.from_layers(layers_of(0, 2, 3, n)) for n in (1, 2))
    with pytest.raises(NetworkError, match="as many outputs, not 1 and 2"):
        equivalent(one, two)
    with pytest.raises(NetworkError, match="as many inputs, not 2 and 3"):
        equivalent(one, Network.from_layers(layers_of(0, 3, 3, 1)))
    with pytest.raises(DomainError, match="dimension 3"):
        equivalent(one, one, Box(-1, 1, dim=3))
    with pytest.raises(DomainError, match="empty"):
        equivalent(one, one, Polytope([[1.0, 0.0], [-1.0, 0.0]], [-1.0, -1.0]))
    boxed = [Network(one.layers, input_box=Box(0, high, dim=2)) for high in (1, 2)]
    with pytest.raises(DomainError, match="different input boxes"):
        equivalent(*boxed)
    with pytest.raises(TypeError, match="Limits"):
        equivalent(one, one, limits=3)
    with pytest.raises(TypeError, match="Network"):
        equivalent(one, "net.onnx")


def test_false_certificates_are_found():
    layers = layers_of(0, 2, 4, 3, 1)
    first, second = Network.from_layers(layers), Network.from_layers(isomorphic(layers, 1))
    proof = equivalent(first, second, Box(-1, 1, dim=2)).certificate
    other = Network.from_layers([*layers[:-1], (layers[-1][0], layers[-1][1] + 1)])
    with pytest.raises(VerificationError, match="affine maps differ"):
        check_equivalence(replace(proof, second=other))
    with pytest.raises(VerificationError, match="may change sign"):
        check_equivalence(
            replace(proof, graph=regions(Network.from_layers(layers[:1]), proof.domain))
        )
    same = equivalent(first, first).certificate
    with pytest.raises(VerificationError, match="is not unit"):
        check_equivalence(replace(same, second=other))
    with pytest.raises(VerificationError, match="output is not matched"):
        check_equivalence(replace(same, matching=(*same.matching[:-1], (None,))))
    with pytest.raises(TypeError, match="no proof"):
        check_equivalence(equivalent(first, other))
