"""Claims on what depth does: ranks fall, inputs grow alike, infinite products converge."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np

from ..activations import PiecewiseLinear, identity, relu
from ..limits import Limits
from ..network import Layer, Network
from ..queries.jacobian_rank import jacobian_ranks
from ..rational_network import RationalNetwork
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions, gaussian_networks
from .registry import claim
from .statistics import Estimate, mean

if TYPE_CHECKING:
    from flint import arb

TOPIC = "depth"
XU_ZHANG = "Xu and Zhang"
DEEP = gaussian_networks([(2, 5, 3, 6), (3, 4, 2, 4)], [(3, 5, 4, 3, 5), (2, 6, 6, 6, 6)])


@claim(
    "rank-falls-with-depth",
    "On every region the rank of the Jacobian of layer l does not rise with l.",
    source=Source("Feng et al. 2022", "rank diminishing in deep networks", Known.NOTE),
    topic=TOPIC,
    instances=DEEP,
)
def rank_falls(network: Network, limits: Limits) -> Found:
    ranks = jacobian_ranks(all_regions(network, limits))
    falls = bool((np.diff(ranks, axis=1) <= 0).all())
    return falls, {"regions": len(ranks), "mean ranks": ranks.mean(axis=0)}


# --- the formula on an activation domain -------------------------------------------------------

Vector = list[Fraction]
LINEAR = identity()


def _units_are(network: Network, *allowed: PiecewiseLinear) -> bool:
    return all(unit in allowed for layer in network.layers for unit in set(layer.units))


def by_the_formula(network: Network, x: Vector) -> Vector:
    """(prod I_i W_i) x + sum_i (prod_{j > i} I_j W_j) I_i b_i, with products from the left: each
    vector goes on its own through the active rows of all later layers."""
    layers = RationalNetwork.from_network(network).layers
    hidden = [x]
    for layer in layers:
        hidden.append(list(layer(hidden[-1])))
    total = [Fraction(0)] * len(layers[-1].rows)
    for i in range(-1, len(layers)):
        v = list(x) if i < 0 else [row[-1] for row in layers[i].rows]
        for k in range(max(i, 0), len(layers)):
            if k > i:
                v = [sum((w * h for w, h in zip(row, v, strict=False)), Fraction(0))
                     for row in layers[k].rows]  # fmt: skip
            outputs = zip(layers[k].units, hidden[k + 1], v, strict=True)
            v = [h if unit.is_identity or out > 0 else Fraction(0) for unit, out, h in outputs]
        total = [a + b for a, b in zip(total, v, strict=True)]
    return total


@claim(
    "formula-on-activation-domains",
    "On its activation domain a ReLU network is (prod I_i W_i) x + sum_i (prod_{j > i} I_j W_j) "
    "I_i b_i, I_i the 0/1 diagonal of active units.",
    source=Source(XU_ZHANG, known=Known.NOTE),
    topic=TOPIC,
    instances=DEEP,
    hypotheses=[
        Hypothesis("all units are ReLUs or linear", lambda n, limits: _units_are(n, relu(), LINEAR))
    ],
)
def formula_on_domains(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    points = [list(region.exact_point()) for region in graph]
    wrong = sum(by_the_formula(network, x) != list(network.exact(x)[0]) for x in points)
    return wrong == 0, {"regions": len(graph), "wrong": wrong}


# --- infinite depth ----------------------------------------------------------------------------


SQUARE = Hypothesis(
    "all layers are square, all units ReLUs",
    lambda network, limits: len(set(network.widths)) == 1 and _units_are(network, relu()),
)


def _near_identity(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for width, depth in ((3, 12), (4, 30)) if size == "full" else ((3, 12),):
        layers = [
            (np.eye(width) + rng.integers(-8, 9, size=(width, width)) / 8 * 2.0**-k,
             rng.integers(-8, 9, size=width) / 8 * 2.0**-k) for k in range(depth)
        ]  # fmt: skip
        network = Network.from_layers(layers, output_activation=relu())
        yield f"{depth} layers of {width}, to the identity as 2^-l", network


def _size(rows: list[Vector]) -> Fraction:
    """The norm of a matrix in the maximum norm."""
    return max((sum(map(abs, row), Fraction(0)) for row in rows), default=Fraction(0))


def _off_identity(layer: Layer) -> tuple[Fraction, Fraction]:
    """|W - I| and |b|."""
    weight = [[Fraction(w) for w in row] for row in layer.weight.tolist()]
    for i, row in enumerate(weight):
        row[i] -= 1
    return _size(weight), max(abs(Fraction(b)) for b in layer.bias.tolist())


def _states(network: Network, x: Vector) -> list[Vector]:
    """The output of each layer, exactly."""
    states = [x]
    for layer in RationalNetwork.from_network(network).layers:
        states.append(list(layer(states[-1])))
    return states[1:]


@claim(
    "steps-of-deep-networks",
    "A ReLU layer moves a nonnegative vector h by |W - I||h| + |b| at most. So networks of square "
    "layers converge with their depth, on all inputs, if sum |W_l - I| and sum |b_l| are finite.",
    source=Source(XU_ZHANG, "the sufficient condition; the bound is polyrelu's", Known.MEMORY),
    topic=TOPIC,
    instances=_near_identity,
    hypotheses=[SQUARE],
)
def steps_of_deep_networks(network: Network, limits: Limits) -> Found:
    states = _states(network, [Fraction(k + 1) for k in range(network.input_dim)])
    excess, steps = [], []
    for layer, before, after in zip(network.layers[1:], states, states[1:], strict=False):
        weight, bias = _off_identity(layer)
        steps.append(max(abs(b - a) for a, b in zip(before, after, strict=True)))
        excess.append(steps[-1] - (weight * max(before) + bias))
    return max(excess) <= 0, {"first step": float(steps[0]), "last step": float(steps[-1])}


def _converging(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for depth in (10, 40) if size == "full" else (10,):
        layers = [([[1, 0], [0, 0]], [0, 0])] * depth
        yield f"{depth} projections", Network.from_layers(layers, output_activation=relu())


@claim(
    "deep-limits-need-the-identity",
    "If networks of square layers converge with their depth on all inputs, W_l tends to I: layers "
    "that no longer move any input have W_l = I.",
    source=Source(XU_ZHANG, "the necessary condition, as the note reads", Known.NOTE),
    topic=TOPIC,
    instances=_converging,
    hypotheses=[SQUARE],
    refuted="Layers W = diag(1, 0), b = 0 all give (max(x, 0), 0): the networks are equal at every "
    "depth, and W is not I. The theorem must suppose more, such as that all activation patterns "
    "occur and no direction is lost.",
)
def limits_need_identity(network: Network, limits: Limits) -> Found:
    signs = product((-1, 1), repeat=network.input_dim)
    points = [[Fraction((k + 2) * s) for k, s in enumerate(row)] for row in signs]
    still = all(_states(network, x)[0] == _states(network, x)[-1] for x in points)
    away = _off_identity(network.layers[-1])[0]
    return not still or away == 0, {"nothing moves": still, "|W - I|": away}


# --- sample variance ---------------------------------------------------------------------------


def correlation_map(rho: arb) -> arb:
    """Of two outputs of a wide ReLU layer, not centred, from that of the inputs."""
    pi = type(rho).pi()
    return ((1 - rho * rho).sqrt() + rho * (pi - rho.acos())) / pi


def sample_variances(depth: int) -> list[arb]:
    """1 - rho_l for l = 0, ..., depth and rho_0 = 0, enclosed. The map's derivative is
    (pi - arccos rho) / pi, from 0 to 1: what rho is off by does not grow."""
    from flint import arb, ctx

    with ctx.workprec(256):
        rhos = [arb(0)]
        for _ in range(depth):
            rho = rhos[-1]
            rhos.append(correlation_map(rho.mid()) + arb(0, rho.rad()))
        return [1 - rho for rho in rhos]


@claim(
    "sample-variance-by-depth",
    "With rho' = (sqrt(1 - rho^2) + rho (pi - arccos rho)) / pi and rho_0 = 0 the share 1 - rho_l "
    "of sample variance is 0.68169, 0.50627, 0.39517 after 1, 2, 3 layers, 0.12846 after 10 and "
    "0.00358 after 100.",
    source=Source("Luther and Seung", "sample variance decay", Known.MEASURED),
    topic=TOPIC,
    instances=lambda rng, size: [
        ("rho_0 = 0", {1: "0.68169", 2: "0.50627", 3: "0.39517", 10: "0.12846", 100: "0.00358"})
    ],
)
def sample_variance_by_depth(known: dict[int, str], limits: Limits) -> Found:
    found = sample_variances(max(known))
    half = Fraction(1, 200000)
    off = [
        depth for depth, text in known.items()
        if not bool(abs(found[depth] - _real(Fraction(text))) <= _real(half))
    ]  # fmt: skip
    return not off, {f"1 - rho_{depth}": float(found[depth]) for depth in known}


def _real(value: Fraction) -> arb:
    from flint import arb

    return arb(value.numerator) / value.denominator


@claim(
    "sample-variance-limit",
    "(1 - rho_l) l^2 rises to 9 pi^2 / 2 = 44.413...; after l layers a share of 6 ln(l) / l is "
    "missing at most.",
    source=Source("Luther and Seung", "the constant; the share is what computation found",
                  Known.MEASURED),
    topic=TOPIC,
    instances=lambda rng, size: [
        (f"{depth} layers", depth) for depth in ((100, 1000, 10000) if size == "full"
                                                 else (100, 1000))
    ],
)  # fmt: skip
def sample_variance_limit(depth: int, limits: Limits) -> Found:
    found = [v * k * k for k, v in enumerate(sample_variances(depth))]
    limit = 9 * type(found[0]).pi() ** 2 / 2
    rising = all(bool(a < b) for a, b in pairwise(found))
    near = bool(limit * (1 - 6 * _real(Fraction(depth)).log() / depth) < found[-1] < limit)
    return rising and near, {"found": float(found[-1]), "limit": float(limit)}


Neurons = tuple[np.ndarray, Fraction]  # values of pairs, and the correlation of the inputs


def _neurons(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Neurons]]:
    for rho in (Fraction(0), Fraction(3, 5), Fraction(-4, 5)):
        x, y = np.array([1.0, 0.0]), np.array([float(rho), float(1 - rho**2) ** 0.5])
        weight = rng.normal(size=(20000 if size == "full" else 4000, 2))
        yield f"correlation {rho}", (np.maximum(weight @ np.array([x, y]).T, 0), rho)


@claim(
    "arc-cosine-kernel",
    "For a Gaussian w and unit vectors of inner product rho, 2 E[ReLU(w.x) ReLU(w.y)] is "
    "(sqrt(1 - rho^2) + rho (pi - arccos rho)) / pi.",
    source=Source("Cho and Saul 2009", known=Known.MEMORY),
    topic=TOPIC,
    instances=_neurons,
)
def arc_cosine_kernel(case: Neurons, limits: Limits) -> Estimate:
    values, rho = case
    return mean((2 * values.prod(axis=1)).tolist(), float(correlation_map(_real(rho))))
