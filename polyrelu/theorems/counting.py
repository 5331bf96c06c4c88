"""Claims on numbers of regions and faces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..arrangement import Arrangement
from ..faces import face_complex
from ..limits import Limits
from ..network import Network
from ..queries.counting import region_bounds, zaslavsky
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
    source=Source("Zaslavsky 1975"),
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
    source=Source("Zaslavsky 1975"),
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
