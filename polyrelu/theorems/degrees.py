"""Claims on the region graph: how many neighbours, how far apart."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np

from ..arrangement import Arrangement
from ..errors import IncompleteError
from ..faces import FaceComplex, face_complex
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from ..queries.counting import zaslavsky
from ..queries.diameter import diameter
from .claim import Found, Hypothesis, Known, Source
from .common import (
    GENERIC,
    SIMPLE,
    all_regions,
    gaussian_networks,
    hidden_widths,
    simple_arrangements,
    with_last_neurons,
)
from .registry import claim

TOPIC = "degrees"
PAPER = "Gaines and Bi 2026"
NETWORKS = gaussian_networks(
    [(2, 8, 6), (3, 6, 5), (4, 6, 4)], [(2, 16, 16), (3, 8, 8), (4, 8, 5), (2, 6, 6, 6)]
)
ARRANGEMENTS = simple_arrangements(
    [(16, 2), (16, 3), (12, 4)], [(16, 4), (16, 5), (30, 3), (60, 2)]
)


def average(graph: RegionGraph) -> Fraction:
    """How many neighbours a region has on average."""
    return Fraction(2 * graph.n_walls, len(graph))


def _diameter(graph: RegionGraph, limits: Limits) -> int:
    found = diameter(graph, limits=limits)
    if found.exact is None:
        raise IncompleteError(f"the diameter is known to be from {found.low} to {found.high} only")
    return found.exact


@claim(
    "average-degree",
    "On average a region of R^d has at most 2d neighbours.",
    source=Source(PAPER, "theorem 3.4", Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
    hypotheses=[GENERIC],
)
def average_degree(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    found, most = average(graph), 2 * network.input_dim
    return found <= most, {"regions": len(graph), "average": found, "2d": most}


def average_facets(cells: FaceComplex, k: int) -> Fraction:
    """How many facets a k-dimensional face has on average."""
    facets = cells.boundary[k - cells.n_lines]
    return Fraction(sum(map(len, facets)), len(facets))


@claim(
    "average-facets-of-faces",
    "On average a k-dimensional face of the complex has at most 2k facets, k = 1, ..., d.",
    source=Source(PAPER, "theorem 3.1", Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
    hypotheses=[GENERIC],
)
def facets_of_faces(network: Network, limits: Limits) -> Found:
    cells = face_complex(all_regions(network, limits))
    found = {k: average_facets(cells, k) for k in range(1, cells.dim + 1)}
    return all(mean <= 2 * k for k, mean in found.items()), {"average facets by k": found}


def _first_layer_has_full_rank(network: Network, limits: Limits) -> bool:
    return Arrangement.from_layer(network.layers[0]).rank == min(network.widths[:2])


@claim(
    "least-degree",
    "Every region has at least min(n_1, d) neighbours, n_1 the width of the first layer.",
    source=Source(PAPER, "theorem 3.5", Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks(
        [(2, 8, 6), (3, 6, 5), (4, 6, 4), (4, 2, 5)], [(2, 16, 16), (3, 8, 8), (5, 3, 6, 4)]
    ),
    hypotheses=[
        Hypothesis("the first layer's normals have rank min(n_1, d)", _first_layer_has_full_rank)
    ],
)
def least_degree(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    least, predicted = int(graph.degrees.min()), min(network.widths[1], network.input_dim)
    return least >= predicted, {"least degree": least, "min(n_1, d)": predicted}


@claim(
    "average-degree-of-arrangements",
    "The cells of n hyperplanes of R^d in general position have 2 n N_{d-1}(n - 1) / N_d(n) "
    "neighbours on average, N_k(n) the cells of n hyperplanes of R^k; 7.3230 for n = 16, d = 4.",
    source=Source("Zaslavsky 1975"),
    topic=TOPIC,
    instances=ARRANGEMENTS,
    hypotheses=[SIMPLE],
)
def degree_of_arrangements(arrangement: Arrangement, limits: Limits) -> Found:
    n, d = len(arrangement), arrangement.dim
    found = average(all_regions(arrangement.network, limits))
    predicted = Fraction(2 * zaslavsky(n, d, d - 1), zaslavsky(n, d))
    return found == predicted, {"average": found, "rounded": float(found), "predicted": predicted}


def _growing(rng: np.random.Generator, size: str) -> Iterator[tuple[str, list[Arrangement]]]:
    for d in (2, 3, 4) if size == "full" else (2, 3):
        A, b = rng.normal(size=(24, d)), rng.normal(size=24)
        steps = range(d, 25 if d < 4 else 15, 2)
        yield f"R^{d}", [Arrangement(A[:n], b[:n]) for n in steps]


@claim(
    "average-degree-of-shallow-networks",
    "With one hidden layer the average degree rises with the width, and stays below 2d, which it "
    "approaches.",
    source=Source(PAPER, "theorem 3.7", Known.NOTE),
    topic=TOPIC,
    instances=_growing,
)
def degrees_rise(arrangements: list[Arrangement], limits: Limits) -> Found:
    found = [average(all_regions(a.network, limits)) for a in arrangements]
    rising = all(a < b for a, b in pairwise(found))
    most = 2 * arrangements[0].dim
    return rising and found[-1] < most, {"averages": list(map(float, found)), "2d": most}


def _adding_neurons(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    layers = [
        ([[-2, 3], [-3, 3], [-1, -2]], [-1, 3, 0]),
        ([[3, -1, 3], [-1, 3, 2]], [1, 2]),
        ([[1, 1]], [0]),
    ]
    yield "2-3-2, small integers", Network.from_layers(layers)
    yield from gaussian_networks([(2, 6, 6)], [(2, 10, 12), (3, 6, 8)])(rng, size)


@claim(
    "average-degree-by-last-neurons",
    "The average degree does not fall when a neuron is added to the last hidden layer.",
    source=Source(PAPER, "theorem 3.6, as the note reads", Known.NOTE),
    topic=TOPIC,
    instances=_adding_neurons,
    hypotheses=[GENERIC],
    refuted="The second neuron of the last layer of a 2-3-2 network in general position takes 11 "
    "regions and 17 walls to 13 and 20: from 34/11 to 40/13. The theorem itself may be about "
    "another quantity; numbers of faces do rise (deletion-restriction).",
)
def degrees_by_last_neurons(network: Network, limits: Limits) -> Found:
    n = network.widths[-2]
    found = [average(all_regions(with_last_neurons(network, k), limits)) for k in range(1, n + 1)]
    rising = all(a <= b for a, b in pairwise(found))
    return rising, {"averages": found}


@claim(
    "diameter-of-arrangements",
    "The region graph of one layer of n neurons with different hyperplanes has diameter n.",
    source=Source("polyrelu", "distance is the number of separating hyperplanes", Known.DERIVED),
    topic=TOPIC,
    instances=simple_arrangements([(16, 2), (12, 3), (10, 4)], [(30, 2), (20, 3), (16, 4)]),
)
def diameter_of_arrangements(arrangement: Arrangement, limits: Limits) -> Found:
    found = _diameter(all_regions(arrangement.network, limits), limits)
    return found == len(arrangement), {"diameter": found, "n": len(arrangement)}


@claim(
    "diameter-bound",
    "The diameter of the region graph is at most prod (n_l + 1) - 1 over all hidden layers, "
    "whatever d is.",
    source=Source("polyrelu", "after Gaines and Bi 2026, theorem 3.8: O(m^l)", Known.DERIVED),
    topic=TOPIC,
    instances=NETWORKS,
)
def diameter_bound(network: Network, limits: Limits) -> Found:
    found = _diameter(all_regions(network, limits), limits)
    most = prod(n + 1 for n in hidden_widths(network)) - 1
    return found <= most, {"diameter": found, "bound": most}


@claim(
    "diameter-lower-bound",
    "The diameter D of the region graph is at least ln N / ln n, n^D >= N, with N regions and "
    "n >= 2 neurons.",
    source=Source(PAPER, "theorem 3.8; a review has ln ln N / ln n", Known.NOTE),
    topic=TOPIC,
    instances=NETWORKS,
)
def diameter_lower_bound(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    found, n = _diameter(graph, limits), len(network.thresholds)
    return n**found >= len(graph), {"diameter": found, "regions": len(graph), "neurons": n}


def _layers_of_16(rng: np.random.Generator, size: str) -> Iterator[tuple[str, list[Arrangement]]]:
    n = 10 if size == "full" else 2
    yield (
        f"{n} layers",
        [Arrangement(rng.normal(size=(16, 4)), rng.normal(size=16)) for _ in range(n)],
    )


@claim(
    "published-diameter",
    "The region graphs of random layers of 16 neurons on R^4 have diameter 22.5 on average: some "
    "have more than 22.",
    source=Source(PAPER, "table of experiments", Known.NOTE),
    topic=TOPIC,
    instances=_layers_of_16,
    refuted="Every such layer in general position has diameter 16 (diameter-of-arrangements). "
    "22.5 can be an upper bound on it, or an average of bounds.",
)
def published_diameter(layers: list[Arrangement], limits: Limits) -> Found:
    found = [_diameter(all_regions(layer.network, limits), limits) for layer in layers]
    return max(found) > 22, {"diameters": found, "published average": 22.5}
