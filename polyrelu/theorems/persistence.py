"""Claims on the persistent homology of weights."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..limits import Limits
from ..network import Network
from ..queries.persistence import deep_graph_persistence, neural_persistence
from .claim import Found, Hypothesis, Known, Source
from .common import gaussian_network, named
from .registry import claim

TOPIC = "persistence"
PAPER = "Rieck et al. 2019"


def _weights(rng: np.random.Generator, size: str) -> Iterator[tuple[str, np.ndarray]]:
    for shape in ((3, 4), (8, 5), (1, 6), *([(15, 20)] if size == "full" else [])):
        yield f"Gaussian {shape[0]} x {shape[1]}", rng.normal(size=shape)
    yield "small integers 5 x 5", rng.integers(-2, 3, size=(5, 5)).astype(float) + 5 * np.eye(5)
    yield "one weight 4 x 4", np.outer(np.eye(4)[0], np.eye(4)[0])


@claim(
    "neural-persistence-is-normalised",
    "The 2-norm of the diagram of a layer with n vertices, over sqrt(n - 1), is more than 0 and at "
    "most 1, with the essential class counted too.",
    source=Source(PAPER, "the greatest weight is a tree edge of persistence 0", Known.DERIVED),
    topic=TOPIC,
    instances=_weights,
)
def persistence_is_normalised(weight: np.ndarray, limits: Limits) -> Found:
    found = neural_persistence(weight)
    deaths = found.squared_deaths
    # No persistence is more than 1, and beside the essential class one is 0.
    holds = len(deaths) == sum(weight.shape) - 1 and max(deaths) == 1 and min(deaths) >= 0
    return holds, {"normalised": found.normalised, "vertices": found.n_vertices}


def _components(weight: np.ndarray, least: float) -> int:
    """Of the graph of weights of at least some size, by search."""
    outputs, inputs = weight.shape
    left, count = set(range(outputs + inputs)), 0
    while left:
        count += 1
        stack = [left.pop()]
        while stack:
            v = stack.pop()
            row = weight[v] if v < outputs else weight[:, v - outputs]
            shift = outputs if v < outputs else 0
            near = {shift + int(k) for k in np.flatnonzero(np.abs(row) >= least)} & left
            left -= near
            stack += near
    return count


@claim(
    "persistence-counts-components",
    "At every threshold the graph of the stronger weights has as many components as there are "
    "vertices, less the deaths down to it.",
    source=Source(PAPER, "the diagram is a maximum spanning tree", Known.CODE),
    topic=TOPIC,
    instances=_weights,
)
def persistence_counts_components(weight: np.ndarray, limits: Limits) -> Found:
    found, greatest = neural_persistence(weight), Fraction(float(np.abs(weight).max()))
    wrong = 0
    levels = np.unique(np.abs(weight)).tolist()
    for least in levels:
        dead = sum(v >= (Fraction(least) / greatest) ** 2 for v in found.squared_deaths)
        wrong += _components(weight, least) != found.n_vertices - dead
    return wrong == 0, {"thresholds": len(levels), "wrong": wrong}


def _one_layer(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for widths in ((3, 4), (5, 4), (6, 2)):
        network = gaussian_network(rng, widths)
        yield f"{named(widths)} without output", Network(network.layers[:1])


@claim(
    "deep-persistence-of-one-layer",
    "Of a network of one layer, weights as they are, deep graph persistence is neural persistence.",
    source=Source("Girrbach et al. 2023", "the best path is the edge", Known.CODE),
    topic=TOPIC,
    instances=_one_layer,
    hypotheses=[Hypothesis("there is one layer", lambda n, limits: len(n.layers) == 1)],
)
def deep_persistence_of_one_layer(network: Network, limits: Limits) -> Found:
    deep = deep_graph_persistence(network, standardise=False)
    plain = neural_persistence(network.layers[0])
    same = deep.squared_deaths == plain.squared_deaths
    return same, {"deep": deep.normalised, "neural": plain.normalised}
