"""Claims on numbers of regions and faces."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import atan, pi

import numpy as np

from ..activations import relu
from ..arrangement import Arrangement
from ..domain import Box
from ..faces import face_complex
from ..limits import Limits
from ..network import Array, Network
from ..queries.counting import region_bounds, zaslavsky
from ..queries.path import activation_path
from .claim import Found, Known, Source
from .common import (
    GENERIC,
    SIMPLE,
    all_regions,
    gaussian_networks,
    named,
    simple_arrangements,
    with_last_neurons,
)
from .registry import claim
from .statistics import Estimate, at_least, at_most, mean

TOPIC = "counting"
ARRANGEMENTS = simple_arrangements(
    [(16, 2), (16, 3), (12, 4)], [(16, 4), (16, 5), (30, 3), (60, 2)]
)
NETWORKS = gaussian_networks(
    [(2, 4, 4), (2, 3, 3, 3), (3, 4, 3)], [(2, 8, 8), (3, 6, 6), (2, 6, 6, 6), (4, 6, 5)]
)


@claim(
    "zaslavsky-cells",
    "n hyperplanes of R^d in general position make sum_{k <= d} C(n, k) cells: 137, 697, 2517, "
    "6885 for n = 16, d = 2, 3, 4, 5.",
    source=Source("Zaslavsky 1975", known=Known.DERIVED),
    topic=TOPIC,
    instances=ARRANGEMENTS,
    hypotheses=[SIMPLE],
)
def zaslavsky_cells(arrangement: Arrangement, limits: Limits) -> Found:
    n, d = len(arrangement), arrangement.dim
    cells, predicted = len(all_regions(arrangement.network, limits)), zaslavsky(n, d)
    return cells == predicted, {"n": n, "d": d, "cells": cells, "predicted": predicted}


@claim(
    "zaslavsky-faces",
    "n hyperplanes of R^d in general position make C(n, d - k) sum_{i <= k} C(n - d + k, i) faces "
    "of dimension k.",
    source=Source("Zaslavsky 1975", known=Known.DERIVED),
    topic=TOPIC,
    instances=simple_arrangements([(10, 2), (9, 3), (8, 4)], [(30, 2), (14, 3), (11, 4), (9, 5)]),
    hypotheses=[SIMPLE],
)
def zaslavsky_faces(arrangement: Arrangement, limits: Limits) -> Found:
    n, d = len(arrangement), arrangement.dim
    found = face_complex(all_regions(arrangement.network, limits)).f_vector
    predicted = tuple(zaslavsky(n, d, k) for k in range(d + 1))
    return found == predicted, {"f-vector": found, "predicted": predicted}


@claim(
    "deletion-restriction",
    "Let h be the bent hyperplane of a neuron of the last hidden layer of a complex C. Then "
    "N_k(C) = N_k(C - h) + N_k(h) + N_{k-1}(h) for every k.",
    source=Source("Gaines and Bi 2026", "lemma 3.3", Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks([(2, 5, 4), (3, 4, 3)], [(2, 8, 8), (3, 5, 4), (2, 4, 4, 4)]),
    hypotheses=[GENERIC],
)
def deletion_restriction(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    without = face_complex(all_regions(with_last_neurons(network, network.widths[-2] - 1), limits))
    last = len(network.thresholds) - 1
    on = [sum(f.signs()[last] == 0 for f in cells.faces(k)) for k in range(cells.dim + 1)]
    predicted = tuple(a + b + c for a, b, c in zip(without.f_vector, on, [0, *on], strict=False))
    return cells.f_vector == predicted, {"f-vector": cells.f_vector, "predicted": predicted}


@claim(
    "serra-bound",
    "A ReLU network has at most sum prod_l C(n_l, j_l) regions, over all j_l up to "
    "min(n_0, n_1 - j_1, ..., n_{l-1} - j_{l-1}, n_l).",
    source=Source("Serra, Tjandraatmadja, Ramalingam 2018", known=Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
)
def serra_bound(network: Network, limits: Limits) -> Found:
    found, bound = len(all_regions(network, limits)), region_bounds(network).serra_2018
    return found <= bound, {"regions": found, "bound": bound}


@claim(
    "montufar-bound",
    "A ReLU network has at most prod_l sum_{j <= min(n_0, ..., n_l)} C(n_l, j) regions.",
    source=Source("Montufar 2017", known=Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
)
def montufar_bound(network: Network, limits: Limits) -> Found:
    found, bound = len(all_regions(network, limits)), region_bounds(network).montufar_2017
    return found <= bound, {"regions": found, "bound": bound}


@claim(
    "raghu-bound",
    "A ReLU network of L layers of width k has O(k^{n_0 L}) regions: at most "
    "prod_l sum_{j <= n_0} C(k, j).",
    source=Source("Raghu et al. 2017", "theorem 1; the product is its proof", Known.MEMORY),
    topic=TOPIC,
    instances=gaussian_networks([(2, 4, 4), (3, 4, 4)], [(2, 8, 8), (2, 6, 6, 6), (4, 6, 6)]),
)
def raghu_bound(network: Network, limits: Limits) -> Found:
    found, bound = len(all_regions(network, limits)), region_bounds(network).raghu_2017
    return found <= bound, {"regions": found, "bound": bound}


def _published_bounds(
    rng: np.random.Generator, size: str
) -> Iterator[tuple[str, tuple[tuple[int, ...], int, int]]]:
    for widths, serra, montufar in (
        ((2, 4, 4), 121, 121), ((2, 3, 3, 3), 208, 343), ((3, 4, 3), 98, 120),
    ):  # fmt: skip
        yield named(widths), (widths, serra, montufar)


@claim(
    "bounds-of-small-networks",
    "The bound of Serra et al. is 121 for widths 2-4-4, 208 for 2-3-3-3, 98 for 3-4-3; that of "
    "Montufar 2017 is 343 and 120 for the last two.",
    source=Source("Serra, Tjandraatmadja, Ramalingam 2018; Montufar 2017", known=Known.MEASURED),
    topic=TOPIC,
    instances=_published_bounds,
)
def bounds_of_small_networks(case: tuple[tuple[int, ...], int, int], limits: Limits) -> Found:
    widths, serra, montufar = case
    found = region_bounds(widths)
    holds = (found.serra_2018, found.montufar_2017) == (serra, montufar)
    ordered = found.montufar_2014 <= found.serra_2018 <= found.montufar_2017 <= found.raghu_2017
    return holds and ordered, {"serra": found.serra_2018, "montufar 2017": found.montufar_2017}


# --- averages ----------------------------------------------------------------------------------

Draws = list[Network]


def _he(rng: np.random.Generator, widths: tuple[int, ...], bias: float) -> Network:
    """Hidden layers with weights of variance 2 / fan-in, and a sum as output."""
    layers = [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), bias * rng.normal(size=n))
        for m, n in pairwise(widths)
    ]
    return Network.from_layers([*layers, (np.ones((1, widths[-1])), [0.0])])


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
def regions_on_the_line(draws: Draws, limits: Limits) -> Found:
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
def hanin_rolnick_average(draws: Draws, limits: Limits) -> Found:
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
def breaks_on_an_interval(case: tuple[Draws, float], limits: Limits) -> Found:
    draws, a = case
    box = Box(-a, a, dim=1)
    found = [len(all_regions(network, limits, box)) - 1 for network in draws]
    return mean(found, draws[0].widths[1] * 2 / pi * atan(a))


# --- the image of a segment --------------------------------------------------------------------

Segment = tuple[Draws, Array]  # and its two ends
DEVIATION = 2.0  # of weights, times the square root of the fan-in


def _through_layers(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Segment]]:
    for width, depth in [(20, 4), *([(40, 6)] if size == "full" else [])]:
        draws = [_square_layers(rng, width, depth) for _ in range(200 if size == "full" else 60)]
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
