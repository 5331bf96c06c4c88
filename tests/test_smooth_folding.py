"""Patterns of smooth networks along paths: against ball arithmetic at points, ReLU, and by hand."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from flint import arb, arb_series, ctx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from smooth_oracle import BITS, activation, ball, point, pre_activations, signs

import polyrelu as pr
from polyrelu import (
    DomainError,
    Folding,
    Limits,
    NetworkError,
    UnknownAnswerError,
    folding_of_patterns,
)
from polyrelu.balls import Balls, product
from polyrelu.queries.root_isolation import isolate
from polyrelu.queries.smooth_folding import smooth_folding
from polyrelu.queries.smooth_segment import Models, SmoothSegment
from polyrelu.smooth_network import SmoothNetwork
from polyrelu.smooth_units import SmoothUnit

BASES = ("gelu", "silu", "tanh", "sigmoid", "softplus")
OUT = ([[1.0]], [0.0])


def gaussian(widths, seed, activation="gelu", **more) -> SmoothNetwork:
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=(b, a)) * (2 / a) ** 0.5, rng.normal(size=b) / 4)
              for a, b in pairwise(widths)]  # fmt: skip
    return SmoothNetwork(layers, activation, **more)


# --- enclosures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("base", BASES)
def test_taylor_coefficients_are_enclosed(base):
    rng = np.random.default_rng(1)
    edges = [0, 47.99, -47.99, 48, -48, 48 + 1 / 64, -48.1, 1 / 64, -1 / 64, 3 / 128, 5e-324, 200]
    x = np.concatenate([3 * rng.normal(size=60), rng.uniform(-55, 55, 60), edges])
    rad = np.tile([0, 1e-9, 0.02, 1, 30], len(x))[: len(x)]
    (found,) = SmoothUnit(base).coefficients(x, rad)
    with ctx.workprec(400):
        for i, (centre, r) in enumerate(zip(x.tolist(), rad.tolist(), strict=True)):
            for share in (-1, -0.37, 0, 0.9, 1):
                at = arb(centre) + arb(share) * arb(r)
                true = taylor(base, at)
                for k in range(4):
                    assert abs(true[k] - arb(found[k].mid[i])) <= arb(found[k].rad[i])


def taylor(name, at):
    """By arb's own functions."""
    x = arb_series([at, 1], 4)
    if name == "gelu":
        return x * (1 + (x / arb(2).sqrt()).erf()) / 2
    if name == "softplus":
        return (1 + x.exp()).log()
    sigmoid = 1 / (1 + (-x).exp())
    if name == "tanh":
        return 1 - 2 / (1 + (2 * x).exp())
    return sigmoid if name == "sigmoid" else x * sigmoid


@pytest.mark.parametrize("base", BASES)
def test_taylor_coefficients_are_tight(base):
    x = np.linspace(-6, 6, 500)
    (found,) = SmoothUnit(base).coefficients(x, np.zeros(500))
    for k, loss in enumerate([1e-14, 1e-14, 1e-12, 1e-9]):
        assert found[k].rad.max() < loss
    (wide,) = SmoothUnit(base).coefficients(x, np.full(500, 1e3))
    for k in (1, 2, 3):
        assert wide[k].rad.max() < 3 * comb(4, k)


def test_where_float64_ends_nothing_is_claimed():
    (found,) = SmoothUnit("silu").coefficients(np.array([np.inf, np.nan, 1e308]), np.zeros(3))
    assert (found[0].sign == [0, 0, 1]).all()


@settings(deadline=None, max_examples=60)
@given(st.randoms(use_true_random=False))
def test_balls_hold_what_fractions_give(choose):
    def number() -> float:
        sizes = [0.0, 1.0, 1e-150, 1e-200, 1e17, 2.0**-1074]
        return choose.choice(sizes) * choose.choice([1, choose.randint(-(10**6), 10**6) / 1e6])

    rows = [[number() for _ in range(4)] for _ in range(3)]
    columns = [number() for _ in range(4)]
    rad = [abs(number()) * choose.choice([0, 1e-3, 1]) for _ in range(4)]
    inside = [Fraction(m) + Fraction(r) * choose.randint(-8, 8) / 8
              for m, r in zip(columns, rad, strict=True)]  # fmt: skip
    balls = Balls(np.array(columns), np.array(rad))
    found = [
        (product(np.array(rows), Balls(balls.mid[:, None], balls.rad[:, None]))[:, 0],
         [sum(Fraction(a) * b for a, b in zip(row, inside, strict=True)) for row in rows]),
        (balls * balls, [v * v for v in inside]),
        (balls + balls[::-1], [a + b for a, b in zip(inside, inside[::-1], strict=True)]),
        (balls.scaled(0.1), [Fraction(0.1) * v for v in inside]),
        (balls.divided(0.3), [v / Fraction(0.3) for v in inside]),
    ]  # fmt: skip
    for enclosed, exact in found:
        for mid, r, v in zip(enclosed.mid.tolist(), enclosed.rad.tolist(), exact, strict=True):
            assert abs(Fraction(mid) - v) <= Fraction(r)


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False))
def test_models_hold_values_and_derivatives(choose):
    net, path = nasty(choose)
    centre = np.array([choose.randint(0, 64) / 64 for _ in range(3)])
    assert_models_hold(net, path[0], path[1], centre, np.array([2.0**-k for k in (1, 4, 12)]))


@pytest.mark.parametrize("seed", [0, 31, 57])
def test_models_hold_where_it_is_close(seed):
    rng = np.random.default_rng(seed)
    shapes = [(4, 1), (4, 2), (4, 2), (1, 2)]
    layers = [(0.3 * rng.normal(size=s), rng.normal(size=s[0])) for s in shapes]
    net, half = SmoothNetwork(layers, "swiglu"), np.array([0.5])
    assert_models_hold(net, np.array([-1.0]), np.array([1.0]), half, half)


def assert_models_hold(net, x, y, centre, half) -> None:
    segment = SmoothSegment(net, x, y, False, 256)
    if not segment.walls:
        return
    places = np.cumsum([0, *net.widths])
    bits = [places[wall.layer] + wall.unit for wall in segment.walls]
    models = segment.models(centre, half)
    for k, (c, h) in enumerate(zip(centre.tolist(), half.tolist(), strict=True)):
        for share in (-1, Fraction(-1, 4), 0, Fraction(3, 4), 1):
            true = series(net, x, y, Fraction(c) + share * Fraction(h))
            with ctx.workprec(BITS):
                for i, bit in enumerate(bits):
                    z, s = true[bit], ball(share)
                    terms = [as_ball(getattr(models, name)[i, k])
                             for name in ("value", "slope", "bend", "rest")]  # fmt: skip
                    whole = sum(term * s**j for j, term in enumerate(terms))
                    assert whole.overlaps(z[0])
                    assert as_ball(models.slopes[i, k]).overlaps(z[1] * h)
                    assert as_ball(models.bends[i, k]).overlaps(z[2] * h * h)


def as_ball(one: Balls) -> arb:
    return arb(float(one.mid), float(one.rad))


def series(net, x, y, t: Fraction) -> list[arb_series]:
    """Pre-activations as power series around t."""
    with ctx.workprec(BITS):
        along = arb_series([ball(t), 1], 3)
        ends = [(ball(a), ball(b)) for a, b in zip(x.tolist(), y.tolist(), strict=True)]
        return pre_activations(net, [a + along * (b - a) for a, b in ends])


# --- whole paths against the oracle --------------------------------------------------------------


def nasty(choose) -> tuple[SmoothNetwork, np.ndarray]:
    rng = np.random.default_rng(choose.randrange(2**32))
    name = choose.choice(["gelu", "silu", "swish", "tanh", "sigmoid", "softplus", "swiglu"])
    beta = choose.choice([0.5, 2, 7]) if name in ("swish", "softplus") else 1
    widths = [choose.randint(1, 3), *(choose.randint(1, 4) for _ in range(choose.randint(1, 3)))]
    layers = []
    for n_in, n_out in pairwise(widths):
        n_out *= 2 if name == "swiglu" else 1
        shape = (n_out, n_in)
        kinds = [rng.normal(size=shape), rng.integers(-2, 3, size=shape),
                 rng.integers(-8, 9, size=shape) / 4, rng.integers(-1, 2, size=shape)]  # fmt: skip
        weight = np.array(choose.choice(kinds), dtype=float)
        bias = choose.choice([rng.normal(size=n_out), rng.integers(-1, 2, n_out), np.zeros(n_out)])
        bias = np.array(bias, dtype=float)
        if n_out > 1 and choose.random() < 0.5:  # equal, opposite, parallel units
            i, j, factor = (
                choose.randrange(n_out),
                choose.randrange(n_out),
                choose.choice([1, -1, 2]),
            )
            weight[i], bias[i] = factor * weight[j], factor * bias[j]
        layers.append((weight, bias))
    layers.append((np.ones((1, widths[-1])), np.zeros(1)))
    shape = (choose.randint(2, 3), widths[0])
    path = choose.choice([rng.integers(-3, 4, size=shape) / 2, 2 * rng.normal(size=shape)])
    return SmoothNetwork(layers, name, beta=beta), path


def is_subsequence(seen: list[list[int]], whole: list[list[int]]) -> bool:
    rest = iter(whole)
    current = next(rest)
    for pattern in seen:
        while pattern != current:
            current = next(rest, None)
            if current is None:
                return False
    return True


@settings(deadline=None, max_examples=80)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_dense_evaluation(choose):
    net, path = nasty(choose)
    if (path[1:] == path[:-1]).all(axis=1).any():
        return
    minimum = net.unit.base in ("gelu", "silu") and not net.unit.is_gated and choose.random() < 0.3
    found = smooth_folding(net, path, threshold="minimum" if minimum else "sign")
    level = net.unit.minimiser(200) if minimum else 0
    for (low, high), pattern in zip(found.pieces, found.patterns.tolist(), strict=True):
        for share in (Fraction(1, 3), Fraction(1, 1000), Fraction(999, 1000)):
            at = signs(net, point(path, low + share * (high - low)), level)
            assert all(s in (0, 2 * b - 1) for s, b in zip(at, pattern, strict=True))
    times = [Fraction(1, 2**40), *(Fraction(2 * i + 1, 50) for i in range(25 * (len(path) - 1)))]
    table = np.array([signs(net, point(path, t), level) for t in times])
    table[:, (table == 0).all(axis=0)] = -1  # identically 0
    seen = (table[(table != 0).all(axis=1)] > 0).astype(np.uint8)
    sampled = folding_of_patterns(seen)
    assert sampled.length <= found.r2_bounds[1]
    if (table[0] != 0).all():
        assert sampled.range <= found.r1_bounds[1]
    if found.certified:
        assert Folding(found.r1, found.r2) == folding_of_patterns(found.patterns)
        assert is_subsequence(seen.tolist(), found.patterns.tolist())


def test_random_networks_are_certified():
    for seed in range(12):
        name = ("gelu", "silu", "tanh", "swiglu")[seed % 4]
        net = swiglu(seed) if name == "swiglu" else gaussian((4, 10, 10, 10, 2), seed, name)
        rng = np.random.default_rng(seed)
        found = smooth_folding(net, 2 * rng.normal(size=(2, 4)))
        assert found.certified
        assert all(c.high - c.low < 1e-9 for c in found.crossings)
        assert len(found.patterns) == len(found.crossings) + 1


def swiglu(seed) -> SmoothNetwork:
    rng = np.random.default_rng(seed)
    shapes = [(16, 4), (16, 8), (1, 8)]
    return SmoothNetwork([(rng.normal(size=s), rng.normal(size=s[0])) for s in shapes], "swiglu")


@pytest.mark.parametrize("seed", range(5))
def test_sharp_swish_has_the_patterns_of_relu(seed):
    rng = np.random.default_rng(seed)
    layers = [(rng.normal(size=(b, a)), rng.normal(size=b) / 4)
              for a, b in [(3, 12), (12, 12), (12, 1)]]  # fmt: skip
    x, y = 3 * rng.normal(size=(2, 3))
    graph = pr.regions(pr.Network.from_layers(layers), pr.segment(x, y))
    order = np.argsort([float(graph.exact_point(i)[0]) for i in range(len(graph))])
    found = smooth_folding(SmoothNetwork(layers, "swish", beta=1e6), [x, y])
    assert found.certified
    assert found.patterns.tolist() == graph.patterns[order].tolist()


# --- known zeros ---------------------------------------------------------------------------------


def test_first_layer_is_exact():
    net = SmoothNetwork([([[3.0], [1.0], [-2.0], [0.0], [0.0]], [-1, -1, 1, 2, 0]),
                         (np.ones((1, 5)), [0])])  # fmt: skip
    found = smooth_folding(net, [[0.0], [1.0]])
    assert [c.low for c in found.crossings] == [Fraction(1, 3), Fraction(1, 2)]
    assert found.patterns.tolist() == [[0, 0, 1, 1, 0], [1, 0, 1, 1, 0], [1, 0, 0, 1, 0]]
    assert (found.r1, found.r2, found.chi) == (2, 2, 0)
    assert smooth_folding(net, [[1.0], [0.0]]).patterns.tolist() == found.patterns[::-1].tolist()


@pytest.mark.parametrize(("name", "function"), [
    ("tanh", np.tanh), ("sigmoid", lambda z: 1 / (1 + np.exp(-z))),
    ("silu", lambda z: z / (1 + np.exp(-z))), ("softplus", lambda z: np.log1p(np.exp(z))),
])  # fmt: skip
def test_second_layer_by_brentq(name, function):
    net = SmoothNetwork([([[2.0], [-1.5]], [-1, 1.0]), ([[1.0, -2.0]], [0.25]), OUT], name)

    def value(t):
        return function(2 * t - 1) - 2 * function(1 - 1.5 * t) + 0.25

    root = brentq(value, 0, 1)
    found = smooth_folding(net, [[0.0], [1.0]])
    (deep,) = [c for c in found.crossings if c.units == (2,)]
    assert deep.high - deep.low < 1e-12
    assert abs(float(deep.low) - root) < 1e-10


@pytest.mark.parametrize("shift", [-1e-6, -1e-10, 1e-10, 1e-6])
def test_nearly_touching(shift):
    """silu(z) less its least value, and a little: two zeros close together, or none."""
    least = float(activation("silu", 1, SmoothUnit("silu").minimiser(200)))
    net = SmoothNetwork([([[4.0]], [-3]), ([[1.0]], [shift - least]), OUT], "silu")
    found = smooth_folding(net, [[0.0], [1.0]])
    assert found.certified
    assert [c.units for c in found.crossings] == ([(1,), (1,)] if shift < 0 else []) + [(0,)]


def test_touching_is_reported_and_bounded():
    """A double zero at 1/2, which no precision tells from two, or none."""
    net = SmoothNetwork([([[1.0]], [-0.5]), ([[1.0], [-1]], [0, 0]), ([[1.0, 1.0]], [0]), OUT],
                        "silu")  # fmt: skip
    found = smooth_folding(net, [[0.0], [1.0]])  # silu(v) + silu(-v) = v tanh(v / 2) >= 0
    assert not found.certified
    (touch,) = found.unresolved
    assert touch.low < Fraction(1, 2) < touch.high
    assert float(touch.high - touch.low) < 1e-6
    assert touch.units == (0, 1, 2, 3)
    assert found.r1_bounds == (3, 4)
    assert found.r2_bounds == (3, 5)
    assert found.chi_bounds == (0, Fraction(2, 5))
    with pytest.raises(UnknownAnswerError, match="r2_bounds"):
        _ = found.r2


@pytest.mark.parametrize("bias", [-1e-17, -1e-32])
def test_zeros_too_close_for_float64(bias):
    """As before, a little lower: 1e-8 or 1e-16 left and right of 1/2 there are zeros."""
    net = SmoothNetwork([([[1.0]], [-0.5]), ([[1.0], [-1]], [0, 0]), ([[1.0, 1.0]], [bias]), OUT],
                        "silu")  # fmt: skip
    found = smooth_folding(net, [[0.0], [1.0]])
    assert found.certified
    assert [c.units for c in found.crossings] == [(3,), (0, 1, 2), (3,)]
    assert found.patterns.tolist() == [[0, 0, 1, 1], [0, 0, 1, 0], [1, 1, 0, 0], [1, 1, 0, 1]]


class Chebyshev:
    """T_n(2t - 1), whose zeros are known, as functions to isolate zeros of."""

    def __init__(self, degree: int, blind: float = 0) -> None:
        self.parts = [np.polynomial.Chebyshev.basis(degree, [0, 1]).deriv(k) for k in range(3)]
        n = degree**2
        self.third = 8 * n * (n - 1) * (n - 4) / 15 / 6
        self.degree, self.blind = degree, blind

    def models(self, centre, half):
        values = [p(centre) * half**k / (1, 1, 2)[k] for k, p in enumerate(self.parts)]
        rest = Balls(np.zeros_like(centre), self.third * half**3)
        balls = [Balls(v, 1e-11 * (1 + self.third * half**k)) for k, v in enumerate(values)]
        return Models(*(b[None] for b in [*balls, rest]))

    def sign(self, index, t):
        before, now = Fraction(1), 2 * t - 1
        for _ in range(self.degree - 1):
            before, now = now, 2 * (2 * t - 1) * now - before
        return 0 if abs(now) <= self.blind else 1 if now > 0 else -1

    def vanishes(self, index, t):
        return False

    def chunk(self):
        return 7


@pytest.mark.parametrize("degree", [1, 2, 5, 11])
def test_zeros_of_chebyshev_polynomials(degree):
    start, zeros = isolate(Chebyshev(degree), 1, 30, lambda looked: False)
    known = sorted((1 + np.cos((2 * k + 1) * np.pi / (2 * degree))) / 2 for k in range(degree))
    assert start == [1 if degree % 2 == 0 else -1]
    assert len(zeros) == degree
    for zero, at in zip(zeros, known, strict=True):
        assert zero.is_simple
        assert float(zero.low) - 1e-12 <= at <= float(zero.high) + 1e-12
        assert zero.high - zero.low < 1e-6


def test_unknown_signs_and_no_depth_leave_bounds():
    """Where signs between parts are unknown, those at the ends still bound the number of zeros."""
    for depth in (4, 5, 6):
        start, zeros = isolate(Chebyshev(11, blind=0.99), 1, depth, lambda looked: False)
        assert start == [-1]
        assert sum(z.least for z in zeros) <= 11 <= sum(z.most for z in zeros)
        assert not any(z.is_simple and z.high - z.low > 0.2 for z in zeros)


def test_equal_units_change_together():
    rows = np.array([[1.0, 2], [1, 2], [-2, -4], [0.5, 1]])
    bias = np.array([-1.0, -1, 2, -0.5])
    deep = np.array([[1.0, 2, 0, 1], [2, 1, 0, 1], [-6, 0, 0, -2], [0, 0, 0, 0]])
    net = SmoothNetwork([(rows, bias), (deep, [-0.3, -0.3, 0.6, 0]), (np.ones((1, 4)), [0])])
    found = smooth_folding(net, [[-1.0, 0], [2, 2]])
    assert found.certified
    assert [c.units for c in found.crossings] == [(0, 1, 2, 3), (4, 5, 6)]
    assert found.r2 == 7


def test_opposite_parts_that_cancel_are_identically_zero():
    net = SmoothNetwork([([[1.0], [1.0]], [0.3, 0.3]), ([[1.0, -1.0]], [0.0]), OUT])
    found = smooth_folding(net, [[-1.0], [1.0]])
    assert found.certified
    assert not found.patterns[:, 2].any()


@pytest.mark.parametrize("name", ["gelu", "silu", "tanh", "swiglu"])
def test_all_start_at_zero(name):
    """Without biases all pre-activations are 0 at the origin, at an end or between."""
    rng = np.random.default_rng(3)
    double = 2 if name == "swiglu" else 1
    shapes = [(6 * double, 3), (6 * double, 6), (1, 6)]
    net = SmoothNetwork([(rng.normal(size=s), np.zeros(s[0])) for s in shapes], name)
    x = np.array([1.0, 2, -1])
    out, back = smooth_folding(net, [0 * x, x]), smooth_folding(net, [-x, 0 * x])
    if name != "swiglu":  # whose second layer is flat there
        assert out.certified
        assert back.certified
        through = smooth_folding(net, [-x, x])
        assert through.certified
        middle = [c for c in through.crossings if c.low == c.high == Fraction(1, 2)]
        assert len(middle) == 1
        assert len(middle[0].units) == (12 if name == "tanh" else len(middle[0].units))
        assert through.patterns.tolist() == [*back.patterns.tolist(), *out.patterns.tolist()]
    assert out.r2_bounds[0] <= out.r2_bounds[1]


def odd() -> SmoothNetwork:
    """tanh(1 + t) + tanh(2t - 1): 0 at 0, for a reason that is not looked for."""
    return SmoothNetwork([([[1.0], [2.0]], [1, -1]), ([[1.0, 1.0]], [0]), OUT], "tanh")


def test_an_unknown_sign_at_the_start_leaves_bounds():
    found = smooth_folding(odd(), [[0.0], [1.0]])
    (start,) = found.unresolved
    assert start.low == 0 < start.high < 1e-12
    assert start.units == (2,)
    assert found.patterns.tolist() == [[1, 0, 1], [1, 1, 1]]
    assert found.r1_bounds == (0, 2)
    assert found.r2_bounds == (1, 3)


def test_an_unknown_sign_at_a_vertex_is_one_crossing():
    found = smooth_folding(odd(), [[-0.5], [0.0], [1.0]])
    (vertex,) = found.unresolved
    assert vertex.low < 1 < vertex.high
    assert found.patterns.tolist() == [[1, 0, 0], [1, 0, 1], [1, 1, 1]]
    assert found.r1_bounds == (2, 2)
    assert found.r2_bounds[0] == 2


def test_a_crossing_just_behind_the_start():
    """silu(t) - 1e-20: float64 alone would put it at 0."""
    net = SmoothNetwork([([[1.0]], [0]), ([[1.0]], [-1e-20]), OUT], "silu")
    found = smooth_folding(net, [[0.0], [1.0]])
    assert found.certified
    assert found.patterns.tolist() == [[1, 0], [1, 1]]
    assert 1e-20 < found.crossings[0].low <= found.crossings[0].high < 3e-20


def test_dead_sigmoids_are_a_half():
    net = SmoothNetwork([([[0.0], [1.0]], [0, 0]), ([[1.0, 0], [1, 0]], [-0.25, -0.5]),
                         (np.ones((1, 2)), [0])], "sigmoid")  # fmt: skip
    found = smooth_folding(net, [[-1.0], [1.0]])
    assert found.certified
    assert found.patterns.tolist() == [[0, 0, 1, 0], [0, 1, 1, 0]]


def test_thresholds_at_the_minimum():
    net = SmoothNetwork([([[1.0], [-1.0]], [0, 0]), ([[1.0, 1]], [0]), OUT], "swish", beta=2)
    found = smooth_folding(net, [[-1.0], [1.0]], threshold="minimum")
    assert [c.units for c in found.crossings] == [(0,), (1,)]
    where = (1 - 1.2784645427610738 / 2) / 2
    assert float(found.crossings[0].low) == pytest.approx(where, abs=1e-14)
    assert found.patterns.tolist() == [[0, 1, 1], [1, 1, 1], [1, 0, 1]]
    with pytest.raises(NetworkError, match="monotone"):
        smooth_folding(gaussian((1, 2, 1), 0, "tanh"), [[0], [1]], threshold="minimum")


def test_minimisers():
    for name, value in (("gelu", -0.7517915246935645), ("silu", -1.2784645427610738)):
        ball = SmoothUnit(name).minimiser(120)
        assert float(ball) == pytest.approx(value, abs=1e-15)
        assert float(ball.rad()) < 1e-35


# --- paths ---------------------------------------------------------------------------------------


def test_a_path_there_and_back_folds():
    net = gaussian((2, 12, 12, 1), 5)
    x, y = np.array([-2.0, 1]), np.array([2.0, 1.5])
    there = smooth_folding(net, [x, y])
    both = smooth_folding(net, [x, y, x])
    assert both.certified
    assert both.r2 == 2 * there.r2
    assert both.r1 == there.r1
    assert both.patterns.tolist() == [*there.patterns.tolist(), *there.patterns[-2::-1].tolist()]
    assert [c.low > 1 for c in both.crossings].count(True) == len(there.crossings)


def test_a_vertex_on_a_wall():
    net = SmoothNetwork([(np.eye(2), [-0.5, 5]), (np.ones((1, 2)), [0])])
    through = smooth_folding(net, [[0.0, 0], [0.5, 1], [1, 0]])
    assert [(c.low, c.high, c.units) for c in through.crossings] == [(1, 1, (0,))]
    touching = smooth_folding(net, [[0.0, 0], [0.5, 1], [0, 2]])
    assert touching.crossings == ()
    assert touching.chi == 0


def test_limits_leave_bounds():
    net = gaussian((3, 12, 12, 12, 1), 8)
    ends = 3 * np.random.default_rng(2).normal(size=(2, 3))
    whole = smooth_folding(net, ends)
    assert whole.certified
    part = smooth_folding(net, ends, limits=Limits(regions=1))
    assert not part.certified
    for name in ("r1", "r2", "chi"):
        low, high = getattr(part, f"{name}_bounds")
        assert low <= getattr(whole, name) <= high
    assert is_subsequence(part.patterns.tolist(), whole.patterns.tolist())
    calls = []
    smooth_folding(net, ends, progress=lambda n, seconds: calls.append(n))
    assert calls == sorted(calls) != []


def test_hostile_weights_are_never_certified_wrongly():
    net = SmoothNetwork([([[1e300], [1e-300]], [-1e299, 0]), ([[1e300, 1e300]], [-1e308]), OUT])
    found = smooth_folding(net, [[-1.0], [1.0]])
    for (low, high), pattern in zip(found.pieces, found.patterns.tolist(), strict=True):
        at = signs(net, point([[-1.0], [1.0]], (low + high) / 2))
        assert [s > 0 for s in at] == [bool(b) for b in pattern]
    assert pre_activations(net, [0.5])[0] > 0


# --- what is wrong with the request --------------------------------------------------------------


def test_bad_requests_are_named():
    net = gaussian((2, 3, 1), 0)
    for path, words in (([[0, 0]], "n >= 2"), ([[0, 0, 0], [1, 1, 1]], r"\(n, 2\)"),
                        ([[0, np.nan], [1, 1]], "finite"), ([[0, 0], [0, 0]], "different"),
                        ([0, 1], "dimension")):  # fmt: skip
        with pytest.raises(DomainError, match=words):
            smooth_folding(net, path)
    with pytest.raises(NetworkError, match="sign, minimum"):
        smooth_folding(net, [[0, 0], [1, 1]], threshold="zero")
    with pytest.raises(DomainError, match="64"):
        smooth_folding(net, [[0, 0], [1, 1]], precision=10)
    with pytest.raises(TypeError, match="SmoothNetwork"):
        smooth_folding(pr.Network.from_layers([([[1.0]], [0])]), [[0], [1]])
    pair = (np.ones((3, 2)), np.zeros(3))
    for layers, more, words in (
        ([pair], {}, "hidden layer"),
        ([pair, pair], {}, "takes 2"),
        ([pair, (np.ones((1, 3)), [0])], {"activation": "relu"}, "one of gelu"),
        ([pair, (np.ones((1, 3)), [0])], {"activation": "swiglu"}, "gates"),
        ([pair, (np.ones((1, 3)), [0])], {"beta": 2}, "swish and softplus"),
        ([pair, (np.ones((1, 3)), [0])], {"activation": "swish", "beta": -1}, "positive"),
        ([pair, (np.full((1, 3), np.nan), [0])], {}, "finite"),
        ([pair, 3], {}, "pair"),
    ):
        with pytest.raises(NetworkError, match=words):
            SmoothNetwork(layers, **more)
