"""Claims on networks of one input: how many neurons its knots take, and where knots are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..limits import Limits
from ..network import Network
from ..queries.effective_pieces import EffectivePieces, effective_pieces
from .claim import Found, Hypothesis, Known, Source
from .common import gaussian_network, gaussian_networks, hidden_widths
from .registry import claim
from .training import Training, trained

TOPIC = "univariate"
SAFRAN = "Safran, Vardi and Lee 2022"
ONE_INPUT = Hypothesis("there is one input", lambda network, limits: network.input_dim == 1)
ONE_LAYER = Hypothesis(
    "one hidden layer of ReLUs, an affine output",
    lambda network, limits: len(hidden_widths(network)) == 1,
)
SHALLOW = gaussian_networks([(1, 5), (1, 20)], [(1, 100), (1, 200)])


def _pieces(network: Network, limits: Limits) -> EffectivePieces:
    return effective_pieces(network, limits=limits)


def _cancelling(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    yield from SHALLOW(rng, size)
    weight, bias, out = np.array([[1], [2], [1], [-1]]), [0, 0, -1, 1], [[2, -1, 1, 3]]
    yield "1-4, kinks that cancel or coincide", Network.from_layers([(weight, bias), (out, [0])])


@claim(
    "knots-of-one-layer",
    "One hidden layer of h ReLUs of one input has at most h knots, and so h + 1 effective pieces.",
    source=Source("Evolution of interplay 2023", "the least number of neurons", Known.DERIVED),
    topic=TOPIC,
    instances=_cancelling,
    hypotheses=[ONE_INPUT, ONE_LAYER],
)
def knots_of_one_layer(network: Network, limits: Limits) -> Found:
    found, (width,) = _pieces(network, limits), hidden_widths(network)
    return len(found.knots) <= width, {"knots": len(found.knots), "h": width}


@dataclass(frozen=True)
class Spline:
    """A function of one input: its knots, its slopes from left to right, its value at the first
    knot."""

    knots: tuple[int, ...]
    slopes: tuple[int, ...]
    value: int


def spline_network(spline: Spline) -> Network:
    """With one hidden unit more than there are knots. The first knot has two, to its left and to
    its right; each of the others has one."""
    first, *others = spline.knots
    weight = [[-1.0], *[[1.0]] * len(spline.knots)]
    bias = [float(first), *(-float(t) for t in (first, *others))]
    jumps = [b - a for a, b in pairwise(spline.slopes[1:])]
    output = [-spline.slopes[0], spline.slopes[1], *jumps]
    return Network.from_layers([(weight, bias), ([output], [spline.value])])


def _splines(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Spline]]:
    for k in (1, 2, 5, 30) if size == "full" else (1, 2, 5):
        knots = np.sort(rng.choice(np.arange(-99, 100), size=k, replace=False))
        slopes = np.cumsum(rng.integers(1, 9, size=k + 1) * rng.choice([-1, 1], size=k + 1))
        value = int(rng.integers(-9, 10))
        yield f"{k} knots", Spline(tuple(knots.tolist()), tuple(slopes.tolist()), value)


@claim(
    "units-for-knots",
    "Every continuous piecewise-affine function of one input with k >= 1 knots is a network with "
    "one hidden layer of k + 1 ReLUs.",
    source=Source("polyrelu", "two units at the first knot, one at each other", Known.DERIVED),
    topic=TOPIC,
    instances=_splines,
)
def units_for_knots(spline: Spline, limits: Limits) -> Found:
    network = spline_network(spline)
    found = _pieces(network, limits)
    same = [*found.knots, *found.slopes] == [*spline.knots, *spline.slopes]
    units = hidden_widths(network)[0]
    holds = same and found(spline.knots[0]) == spline.value and units == len(spline.knots) + 1
    return holds, {"knots": len(found.knots), "units": units}


@claim(
    "sign-changes-take-pieces",
    "A network of one input changes its sign at most once on each effective piece: to fit labels "
    "that change r times, one hidden layer needs r - 1 neurons at least.",
    source=Source(SAFRAN, "on effective regions of classifiers", Known.DERIVED),
    topic=TOPIC,
    instances=gaussian_networks([(1, 5), (1, 6, 6)], [(1, 100), (1, 16, 16, 16)]),
    hypotheses=[ONE_INPUT],
)
def sign_changes_take_pieces(network: Network, limits: Limits) -> Found:
    found = _pieces(network, limits)
    changes = len(found.sign_changes)
    return changes <= len(found), {"sign changes": changes, "effective pieces": len(found)}


Pair = tuple[Fraction, Fraction]


def _points(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Pair]]:
    for _ in range(20 if size == "full" else 5):
        x, y = sorted(Fraction(int(v), 8) for v in rng.integers(0, 80, size=2))
        yield f"x = {x}, y = {y}", (x, y)


def _integral(x: Fraction, y: Fraction) -> Fraction:
    """Of ReLU(x - t) ReLU(y - t) over t >= 0, by Simpson's rule, which is exact for parabolas."""

    def product(t: Fraction) -> Fraction:
        return max(x - t, Fraction(0)) * max(y - t, Fraction(0))

    ends = [Fraction(0), *sorted((x, y))]
    return sum(((b - a) / 6 * (product(a) + 4 * product((a + b) / 2) + product(b))
                for a, b in pairwise(ends)), Fraction(0))  # fmt: skip


@claim(
    "cubic-spline-kernel",
    "The integral of ReLU(x - t) ReLU(y - t) over t >= 0 is y x^2 / 2 - x^3 / 6 for 0 <= x <= y, "
    "the kernel of cubic splines: what uniformly spread kinks learn in the kernel regime.",
    source=Source("Williams et al. 2019", known=Known.DERIVED),
    topic=TOPIC,
    instances=_points,
    hypotheses=[Hypothesis("0 <= x <= y", lambda pair, limits: 0 <= pair[0] <= pair[1])],
)
def cubic_spline_kernel(pair: Pair, limits: Limits) -> Found:
    x, y = pair
    found, claimed = _integral(x, y), y * x**2 / 2 - x**3 / 6
    return found == claimed, {"integral": found, "claimed": claimed}


# --- training ----------------------------------------------------------------------------------

X_LINE = np.array([[-1.5], [-0.5], [0.25], [1.25]])
Y_LINE = np.array([1.0, -1.0, 1.0, -1.0])


@claim(
    "knots-between-samples",
    "A network of one input that gradient descent has trained has at most 3 knots between "
    "consecutive inputs.",
    source=Source("Shevchenko, Kungurtsev, Mondelli", "read as of finite networks", Known.NOTE),
    topic=TOPIC,
    instances=lambda rng, size: (
        (f"1-{n}", (trained(gaussian_network(rng, (1, n)), X_LINE, Y_LINE, 180), X_LINE))
        for n in (40, 80)
    ),
    refuted="40 neurons after 180 steps have many more: nothing makes kinks of different neurons "
    "coincide exactly in finite time. The theorem is about the limit of noisy training of ever "
    "wider networks; a count by eye merges slopes that nearly agree.",
)
def knots_between_samples(training: Training, limits: Limits) -> Found:
    networks, x = training
    found = _pieces(networks[-1], limits).knots_between(list(map(Fraction, x[:, 0].tolist())))
    return max(found) <= 3, {"knots between consecutive inputs": found}
