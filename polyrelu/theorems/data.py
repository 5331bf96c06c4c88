"""Claims on data and regions: which regions samples see, clusters, regions through training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..domain import Box
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from ..queries.counting import region_bounds
from ..queries.pattern_clusters import pattern_clusters
from ..rational import inner
from .claim import Found, Known, Source
from .common import all_regions, gaussian_network, named
from .registry import claim
from .statistics import Estimate, mean
from .training import Training, trained

TOPIC = "data"
Data = tuple[Network, np.ndarray]


def _data(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Data]]:
    for widths in ((2, 8), (3, 6, 5), *([(6, 6, 4)] if size == "full" else [])):
        yield f"{named(widths)}, 60 points", (gaussian_network(rng, widths),
                                              rng.normal(size=(60, widths[0])))  # fmt: skip


@claim(
    "clusters-are-affine",
    "On the points of one activation pattern c a network is y = W_c x + b_c.",
    source=Source("Picchiotti and Gori", known=Known.NOTE),
    topic=TOPIC,
    instances=_data,
)
def clusters_are_affine(data: Data, limits: Limits) -> Found:
    network, points = data
    clusters = pattern_clusters(network, points)
    wrong = 0
    for x, label in zip(points.tolist(), clusters.labels.tolist(), strict=True):
        rows, offsets = clusters.exact_coefficients(label)
        predicted = [inner(row, map(Fraction, x)) + b for row, b in zip(rows, offsets, strict=True)]
        wrong += predicted != list(network.exact(x)[0])
    return wrong == 0, {"points": len(points), "clusters": len(clusters), "wrong": wrong}


@claim(
    "clusters-are-convex",
    "The midpoint of two points of one activation pattern has that pattern.",
    source=Source("polyrelu", "a pattern's inputs are a convex set", Known.DERIVED),
    topic=TOPIC,
    instances=_data,
)
def clusters_are_convex(data: Data, limits: Limits) -> Found:
    network, points = data
    labels = pattern_clusters(network, points).labels
    pairs = [(i, j) for i in range(len(points)) for j in range(i) if labels[i] == labels[j]]
    exact = [[Fraction(v) for v in x] for x in points.tolist()]
    middles = [[(a + b) / 2 for a, b in zip(exact[i], exact[j], strict=True)] for i, j in pairs]
    both = pattern_clusters(network, exact + middles).labels
    wrong = sum(both[len(exact) + k] != both[i] for k, (i, _) in enumerate(pairs))
    return wrong == 0, {"pairs": len(pairs), "wrong": wrong}


# --- regions under a distribution of inputs ----------------------------------------------------


@dataclass(frozen=True)
class Samples:
    """Of a network on [-1, 1]^d: sets of as many uniform points each."""

    network: Network
    sets: list[np.ndarray]


def _samples(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Samples]]:
    for widths in ((2, 8), (2, 5, 5), *([(3, 6, 4)] if size == "full" else [])):
        sets = [rng.uniform(-1, 1, size=(50, widths[0])) for _ in range(60)]
        yield f"{named(widths)}, 60 sets of 50", Samples(gaussian_network(rng, widths), sets)


def _in_the_cube(network: Network, limits: Limits) -> RegionGraph:
    return all_regions(network, limits, Box(-1, 1, dim=network.input_dim))


@claim(
    "regions-that-samples-see",
    "n points of a distribution lie in sum_R 1 - (1 - p_R)^n different regions on average, p_R the "
    "probability of R: of uniform points its share of the volume.",
    source=Source("polyrelu", "linearity of expectation", Known.DERIVED),
    topic=TOPIC,
    instances=_samples,
)
def regions_that_samples_see(samples: Samples, limits: Limits) -> Estimate:
    graph = _in_the_cube(samples.network, limits)
    n, cube = len(samples.sets[0]), 2**graph.dim
    expected = sum(1 - (1 - float(region.exact_volume() / cube)) ** n for region in graph)
    seen = [len(np.unique(graph.locate(points))) for points in samples.sets]
    return mean(seen, expected, **{"all regions": len(graph)})


# --- through training --------------------------------------------------------------------------


def _trainings(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Training]]:
    for widths in ((1, 6, 6), (2, 5, 4), (2, 8, 8))[: 3 if size == "full" else 2]:
        x, y = rng.normal(size=(6, widths[0])), np.sign(rng.normal(size=6))
        steps = 900 if size == "full" else 180
        networks = trained(gaussian_network(rng, widths), x, y, steps)
        yield f"{named(widths)}, {steps} steps", (networks, x)


@claim(
    "regions-through-training",
    "At every step of training a network has at most as many regions as the bound of Serra et al. "
    "says, which depends on its widths alone.",
    source=Source("Hanin and Rolnick 2019", "regions through training, the bound for all weights",
                  Known.DERIVED),
    topic=TOPIC,
    instances=_trainings,
)  # fmt: skip
def regions_through_training(training: Training, limits: Limits) -> Found:
    networks, _ = training
    found = [len(all_regions(network, limits)) for network in networks]
    bound = region_bounds(networks[0]).serra_2018
    return max(found) <= bound, {"regions": found, "bound": bound}
