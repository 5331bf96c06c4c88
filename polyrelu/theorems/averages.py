"""Claims on random networks: how many regions on average, how long the image of a segment."""

from __future__ import annotations

from collections.abc import Iterator
from math import atan, pi

import numpy as np

from ..activations import relu
from ..domain import Box
from ..limits import Limits
from ..network import Array, Network
from ..queries.counting import zaslavsky
from ..queries.path import activation_path
from .claim import Known, Source
from .common import all_regions, he_layers, named
from .registry import claim
from .statistics import Estimate, at_least, at_most, mean

TOPIC = "averages"
Draws = list[Network]


def _he(rng: np.random.Generator, widths: tuple[int, ...], bias: float) -> Network:
    """Hidden layers, and a sum as output."""
    return Network.from_layers([*he_layers(rng, widths, bias), (np.ones((1, widths[-1])), [0.0])])


def _on_the_line(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Draws]]:
    shapes: list[tuple[int, ...]] = [(1, 50, 50), (1, 60)]
    shapes += [(1, 100, 100, 100), (1, 100, 100, 100, 100)] if size == "full" else []
    for widths in shapes:
        draws = [_he(rng, widths, 0.1) for _ in range(200 if size == "full" else 60)]
        yield f"{named(widths)}, {len(draws)} nets", draws


@claim(
    "regions-on-the-line",
    "A random ReLU network of one input, He weights and small nonzero biases, has 1 + sum n_l "
    "regions on average, as the width goes to infinity: depth does not matter.",
    source=Source("Hanin and Rolnick 2019", "complexity of linear regions", Known.NOTE),
    topic=TOPIC,
    instances=_on_the_line,
)
def regions_on_the_line(draws: Draws, limits: Limits) -> Estimate:
    found = [len(all_regions(network, limits)) for network in draws]
    return mean(found, 1 + sum(draws[0].widths[1:-1]))


def _in_the_plane(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Draws]]:
    for widths in ((2, 8, 8), (2, 5, 5, 6), (2, 4, 4, 4, 4), (3, 6, 6)):
        draws = [_he(rng, widths, 1.0) for _ in range(64 if size == "full" else 16)]
        yield f"{named(widths)}, {len(draws)} nets", draws


@claim(
    "hanin-rolnick-average",
    "At initialisation the average number of regions is at most N^{n_0}, N neurons and n_0 inputs, "
    "whatever the depth.",
    source=Source("Hanin and Rolnick 2019", "deep ReLU networks have surprisingly few patterns",
                  Known.NOTE),
    topic=TOPIC,
    instances=_in_the_plane,
)  # fmt: skip
def hanin_rolnick_average(draws: Draws, limits: Limits) -> Estimate:
    first = draws[0]
    found = [len(all_regions(network, limits)) for network in draws]
    shallow = zaslavsky(len(first.thresholds), first.input_dim)
    bound = len(first.thresholds) ** first.input_dim
    return mean(found, at_most(bound), **{"one layer of as many neurons": shallow})


def _layers_on_an_interval(
    rng: np.random.Generator, size: str
) -> Iterator[tuple[str, tuple[Draws, float]]]:
    trials = 500 if size == "full" else 100
    for n, a in ((100, 1.0), (100, 3.0), (40, 0.25)):
        draws = [
            Network.from_layers([(rng.normal(size=(n, 1)), rng.normal(size=n)),
                                 (np.ones((1, n)), [0.0])]) for _ in range(trials)
        ]  # fmt: skip
        yield f"{n} neurons on [-{a:g}, {a:g}], {trials} nets", (draws, a)


@claim(
    "breaks-on-an-interval",
    "One layer of N neurons with weights of deviation s_w and biases of deviation s_b has "
    "N (2 / pi) arctan(a s_w / s_b) breakpoints in [-a, a] on average.",
    source=Source("polyrelu", "the ratio of two Gaussians is Cauchy", Known.DERIVED),
    topic=TOPIC,
    instances=_layers_on_an_interval,
)
def breaks_on_an_interval(case: tuple[Draws, float], limits: Limits) -> Estimate:
    draws, a = case
    box = Box(-a, a, dim=1)
    found = [len(all_regions(network, limits, box)) - 1 for network in draws]
    return mean(found, draws[0].widths[1] * 2 / pi * atan(a))


# --- the image of a segment --------------------------------------------------------------------

Segment = tuple[Draws, Array]  # and its two ends
DEVIATION = 2.0  # of weights, times the square root of the fan-in


def _through_layers(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Segment]]:
    for width, depth in [(30, 2), *([(40, 4)] if size == "full" else [])]:
        draws = [_square_layers(rng, width, depth) for _ in range(600 if size == "full" else 200)]
        ends = rng.normal(size=(2, width))
        yield f"{depth} layers of {width}, {len(draws)} nets", (draws, ends)


def _square_layers(rng: np.random.Generator, width: int, depth: int) -> Network:
    scale = DEVIATION / np.sqrt(width)
    layers = [
        (scale * rng.normal(size=(width, width)), 0.1 * rng.normal(size=width))
        for _ in range(depth)
    ]
    return Network.from_layers(layers, output_activation=relu())


def _stretches(network: Network, ends: Array) -> tuple[Array, Array]:
    """Of each linear piece its part of the segment, and the factor by which it is stretched."""
    path = activation_path(network, ends)
    times = np.concatenate([[0.0], path.times, [1.0]])
    images = network(ends[0] + times[:, None] * (ends[1] - ends[0]))
    parts = np.diff(times)
    lengths = np.linalg.norm(np.diff(images, axis=0), axis=1)
    kept = parts > 0  # two crossings may be the same float
    return parts[kept], lengths[kept] / parts[kept] / np.linalg.norm(ends[1] - ends[0])


@claim(
    "trajectory-second-moment",
    "The squared stretch of a segment by D random ReLU layers, weights of variance s^2 / fan-in, "
    "is (s^2 / 2)^D on average. So its length grows by at most (s / sqrt 2)^D on average.",
    source=Source("polyrelu", "a unit is active for w or for -w", Known.DERIVED),
    topic=TOPIC,
    instances=_through_layers,
)
def trajectory_second_moment(case: Segment, limits: Limits) -> Estimate:
    draws, ends = case
    found = [float(p @ v**2) for p, v in (_stretches(net, ends) for net in draws)]
    return mean(found, (DEVIATION**2 / 2) ** len(draws[0].layers))


@claim(
    "raghu-trajectory-length",
    "The length of a curve grows through D ReLU layers of width k, weights of variance s^2 / k, by "
    "(s sqrt(k) / sqrt(k + 1))^D at least on average (the constant of the O taken as 1).",
    source=Source("Raghu et al. 2017", "theorem 3", Known.MEMORY),
    topic=TOPIC,
    instances=_through_layers,
    refuted="As remembered: the rate must be at most s / sqrt 2 a layer "
    "(trajectory-second-moment), since half of the units are inactive.",
)
def raghu_trajectory_length(case: Segment, limits: Limits) -> Estimate:
    draws, ends = case
    found = [float(p @ v) for p, v in (_stretches(net, ends) for net in draws)]
    depth, k = len(draws[0].layers), draws[0].input_dim
    return mean(found, at_least((DEVIATION * np.sqrt(k / (k + 1))) ** depth))
