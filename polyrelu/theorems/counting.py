"""Claims on numbers of regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrangement import Arrangement
from ..limits import Limits
from ..network import Network
from ..queries.counting import region_bounds, zaslavsky
from .claim import Hypothesis, Known, Source
from .common import all_regions, gaussian_networks
from .registry import claim

TOPIC = "counting"
SIMPLE = Hypothesis("the hyperplanes are in general position", lambda a, limits: a.is_simple)


def simple_arrangements(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Arrangement]]:
    """Gaussian hyperplanes."""
    shapes = [(16, 2), (16, 3), (12, 4)]
    shapes += [(16, 4), (16, 5), (30, 3)] if size == "full" else []
    for n, d in shapes:
        yield f"{n} in R^{d}", Arrangement(rng.normal(size=(n, d)), rng.normal(size=n))


@claim(
    "zaslavsky-cells",
    "n hyperplanes of R^d in general position make sum_{k <= d} C(n, k) cells.",
    source=Source("Zaslavsky 1975", known=Known.DERIVED),
    topic=TOPIC,
    instances=simple_arrangements,
    hypotheses=[SIMPLE],
)
def zaslavsky_cells(arrangement: Arrangement, limits: Limits) -> tuple[bool, dict[str, Any]]:
    n, d = len(arrangement), arrangement.dim
    cells, predicted = len(all_regions(arrangement.network, limits)), zaslavsky(n, d)
    return cells == predicted, {"n": n, "d": d, "cells": cells, "predicted": predicted}


@claim(
    "serra-bound",
    "A ReLU network has at most sum prod_l C(n_l, j_l) regions, over all j_l up to "
    "min(n_0, n_1 - j_1, ..., n_{l-1} - j_{l-1}, n_l).",
    source=Source("Serra, Tjandraatmadja, Ramalingam 2018", "theorem 1", Known.NOTE),
    topic=TOPIC,
    instances=gaussian_networks(
        [(2, 4, 4), (2, 3, 3, 3), (3, 4, 3)], [(2, 8, 8), (3, 6, 6), (2, 6, 6, 6), (4, 6, 5)]
    ),
)
def serra_bound(network: Network, limits: Limits) -> tuple[bool, dict[str, Any]]:
    found, bounds = len(all_regions(network, limits)), region_bounds(network)
    return found <= bounds.serra_2018, {"regions": found, "bound": bounds.serra_2018}
