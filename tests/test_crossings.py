"""The decision boundary along segments: against exact evaluation, and by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import network

from polyrelu import (
    DomainError,
    IncompleteError,
    Limits,
    Network,
    NetworkError,
    boundary_crossings,
    load_network,
)

DEMO = Path(__file__).parents[1] / "demo" / "network.npz"


def best(net, x, y, t, level=0) -> tuple[int, ...]:
    """The decisions that are best at a point of the segment, by a rational forward pass."""
    point = [Fraction(a) + t * (Fraction(b) - Fraction(a)) for a, b in zip(x, y, strict=True)]
    values, _ = net.exact(point)
    if len(values) == 1:
        values = (Fraction(level), *values)
    return tuple(k for k, v in enumerate(values) if v == max(values))


@settings(deadline=None, max_examples=150)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_dense_evaluation(rng):
    inputs = rng.randint(1, 4)
    net = network(rng, inputs, 10)
    x, y = ([rng.randint(-8, 8) / 2 for _ in range(inputs)] for _ in range(2))
    if x == y:
        return
    level = rng.choice([0, 0, 1, 0.5]) if net.output_dim == 1 else 0
    found = boundary_crossings(net, x, y, level=level)
    events = sorted({Fraction(0), Fraction(1), *(c.start for c in found), *(c.end for c in found)})
    inside = {t for a, b in pairwise(events)
              for t in (a + (b - a) * Fraction(k, 17) for k in range(1, 17))}  # fmt: skip
    for t in sorted({*events, *inside, *(Fraction(k, 64) for k in range(65))}):
        here = best(net, x, y, t, level)
        at = [c for c in found if c.start <= t <= c.end]
        assert (len(here) > 1) == (len(at) == 1)
        if at:
            assert set(here) <= set(at[0].classes)
        else:
            # The decision is that after the last crossing, and that before the next.
            assert all(c.after == here[0] for c in [c for c in found if c.end < t][-1:])
            assert all(c.before == here[0] for c in [c for c in found if c.start > t][:1])
    for c in found:
        assert (c.before is None) == (c.start == 0)
        assert (c.after is None) == (c.end == 1)
        for t, point in ((c.start, c.start_point), (c.end, c.end_point)):
            pairs = zip(x, y, point, strict=True)
            assert all(Fraction(a) + t * (Fraction(b) - Fraction(a)) == p for a, b, p in pairs)


def test_crossing_and_touching():
    """|u| against the levels 1, 0 and -1."""
    net = Network.from_layers([([[1.0], [-1.0]], [0, 0]), ([[1.0, 1.0]], [0])])
    through = boundary_crossings(net, [-2.0], [2.0], level=1)
    assert [(c.start, c.start_point, c.before, c.after, c.touches) for c in through] == [
        (Fraction(1, 4), (-1,), 1, 0, False), (Fraction(3, 4), (1,), 0, 1, False),
    ]  # fmt: skip
    (touched,) = boundary_crossings(net, [-2.0], [2.0])
    assert (touched.start, touched.end, touched.touches) == (Fraction(1, 2), Fraction(1, 2), True)
    assert touched.classes == (0, 1)
    assert boundary_crossings(net, [-2.0], [2.0], level=-1) == ()


def test_an_interval_of_ties():
    """ReLU(u) - ReLU(u - 1): 0, rising, 1; the level is met on a half-line."""
    net = Network.from_layers([([[1.0], [1.0]], [0, -1]), ([[1.0, -1.0]], [0])])
    (low,) = boundary_crossings(net, [-1.0], [3.0])
    assert (low.start, low.end, low.before, low.after) == (0, Fraction(1, 4), None, 1)
    (high,) = boundary_crossings(net, [-1.0], [3.0], level=1)
    assert (high.start, high.end, high.before, high.after) == (Fraction(1, 2), 1, 0, None)
    assert not high.touches
    (whole,) = boundary_crossings(net, [-2.0], [-1.0])
    assert (whole.start, whole.end, whole.before, whole.after) == (0, 1, None, None)


def test_three_classes_at_one_point():
    net = Network.from_layers([([[1.0], [0.0], [-1.0]], [0.0, 0.0, 0.0])])
    (only,) = boundary_crossings(net, [1.0], [-1.0])
    assert (only.classes, only.before, only.after) == ((0, 1, 2), 0, 2)


def test_the_demo_and_many_inputs():
    net = load_network(DEMO)
    x, y = net.input_box.low, net.input_box.high
    found = boundary_crossings(net, x, y)
    ts = np.linspace(0, 1, 20001)
    classes = net(x + ts[:, None] * (y - x)).argmax(axis=1)
    changes = np.flatnonzero(classes[1:] != classes[:-1])
    assert len(found) == len(changes) > 2
    for c, i in zip(found, changes, strict=True):
        assert ts[i] - 1e-9 <= c.start <= ts[i + 1] + 1e-9
        assert (c.before, c.after) == (classes[i], classes[i + 1])
    rng = np.random.default_rng(0)
    wide = Network.from_layers(
        [(rng.normal(size=(20, 784)), rng.normal(size=20)), (rng.normal(size=(5, 20)), np.zeros(5))]
    )
    x, y = rng.normal(size=(2, 784))
    for c in boundary_crossings(wide, x, y):
        values, _ = wide.exact(c.start_point)
        top = max(values)
        assert [k for k, v in enumerate(values) if v == top] == list(c.classes)


def test_bad_input():
    net = Network.from_layers([(np.eye(2), [0, 0])])
    for x, y in (([0], [1, 1]), ([0, 0], [1, np.nan]), ([[0, 0]], [1, 1]), (["a", 0], [1, 1])):
        with pytest.raises(DomainError):
            boundary_crossings(net, x, y)
    with pytest.raises(DomainError, match="different points"):
        boundary_crossings(net, [0, 0], [0, 0])
    with pytest.raises(NetworkError, match="level is for one output"):
        boundary_crossings(net, [0, 0], [1, 1], level=1)
    demo = load_network(DEMO)
    with pytest.raises(IncompleteError, match="segment"):
        boundary_crossings(demo, -np.ones(4), np.ones(4), limits=Limits(regions=2))
