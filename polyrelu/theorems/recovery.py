"""Claims on what a network's function shows of its parameters."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..activations import identity
from ..domain import Space
from ..limits import Limits
from ..linear_complex import Complex
from ..network import Layer, Network
from ..queries.equivalence import equivalent
from ..queries.graph_recovery import recover_from_graph
from ..queries.identifiability import identifiability
from ..rational import integer_row, rank
from ..rational_network import RationalLayer, RationalNetwork
from .claim import Found, Hypothesis, Known, Source
from .common import GENERIC, all_regions, gaussian_network, gaussian_networks, hidden_widths, named
from .registry import claim

TOPIC = "recovery"
PAPER = "Rolnick and Koerding 2020"
Row = tuple[Fraction, ...]


def _jumps(network: Network, limits: Limits) -> Iterator[tuple[list[Row], list[int]]]:
    """For each wall the difference of the linear maps, and the row that vanishes on it."""
    graph = all_regions(network, limits)
    for region in graph:
        for facet in region.facets:
            if facet.neighbor is not None and region.index < facet.neighbor:
                here, there = region.exact_affine_map[0], graph[facet.neighbor].exact_affine_map[0]
                jump = [tuple(a - b for a, b in zip(u, v, strict=True))
                        for u, v in zip(here, there, strict=True)]  # fmt: skip
                assert facet.threshold is not None
                yield jump, region.form(facet.threshold)[:-1]


def _with_outputs(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    shapes = [(2, 5, 4), (3, 4, 3)] + (
        [(2, 8, 6), (2, 4, 4, 4), (4, 5, 3)] if size == "full" else []
    )
    for widths in shapes:
        hidden = gaussian_network(rng, widths).layers[:-1]
        top = Network.from_layers([(rng.normal(size=(2, widths[-1])), rng.normal(size=2))])
        yield named((*widths, 2)), Network((*hidden, *top.layers))


@claim(
    "rank-one-jumps",
    "Across every wall the linear map jumps by a matrix of rank one at most, whose rows are "
    "multiples of the row of the neuron that vanishes there, pulled back to the input.",
    source=Source(PAPER, known=Known.CODE),
    topic=TOPIC,
    instances=_with_outputs,
)
def rank_one_jumps(network: Network, limits: Limits) -> Found:
    jumps = list(_jumps(network, limits))
    wrong = sum(rank([*map(integer_row, jump), row]) != 1 for jump, row in jumps)
    return wrong == 0, {"walls": len(jumps), "wrong": wrong}


def _second_layer(network: Network) -> Network:
    """Its pre-activations, as a network of one hidden layer."""
    first, second = network.layers[:2]
    return Network((first, Layer(second.factors, identity())))


def _exact_rows(layer: Layer) -> list[Row]:
    """Of its weight."""
    return [tuple(row[:-1]) for row in RationalLayer.from_layer(layer).rows]


TWO_LAYERS = Hypothesis("two hidden layers", lambda n, limits: len(hidden_widths(n)) == 2)


@claim(
    "bends-show-weights",
    "Where the wall of second-layer neuron k crosses that of first-layer neuron j its row changes "
    "by w_kj times the row of j.",
    source=Source(PAPER, known=Known.CODE),
    topic=TOPIC,
    instances=gaussian_networks([(2, 4, 3), (3, 4, 3)], [(2, 8, 6), (4, 6, 4)]),
    hypotheses=[TWO_LAYERS, GENERIC],
)
def bends_show_weights(network: Network, limits: Limits) -> Found:
    rows, weights = (_exact_rows(layer) for layer in network.layers[:2])
    graph = all_regions(_second_layer(network), limits)
    wrong = 0
    edges = graph.edges().tolist()
    for one, other in edges:
        (j,) = graph.flips(one, other).tolist()
        on, off = (one, other) if graph.pattern(one)[j] else (other, one)
        maps = graph[on].exact_affine_map[0], graph[off].exact_affine_map[0]
        for with_j, without, w in zip(*maps, weights, strict=True):
            change = tuple(a - b for a, b in zip(with_j, without, strict=True))
            wrong += change != tuple(w[j] * v for v in rows[j])
    return wrong == 0, {"walls": len(edges), "wrong": wrong}


def _sign_rows(network: Network, limits: Limits) -> list[Row]:
    """Equations for the signs s_j of the first layer's rows U_j: in every pattern p (entries 1 and
    -1) the row of neuron k is a multiple of sum_j (w_kj / 2)(s_j + p_j) U_j; the multiple is not
    known, so coordinates are multiplied crosswise."""
    rows, weights = (_exact_rows(layer) for layer in network.layers[:2])
    graph = all_regions(_second_layer(network), limits)
    equations = []
    for region in graph:
        for normal, w in zip(region.exact_affine_map[0], weights, strict=True):
            if not normal[0]:
                continue
            table = [[w_j * u for u in row] for w_j, row in zip(w, rows, strict=True)]
            equations += [
                tuple(u[0] * normal[i] - u[i] * normal[0] for u in table)
                for i in range(1, len(normal))
            ]
    return equations


Wide = tuple[Network, int]


def _wide(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Wide]]:
    shapes = [(3, 4, 1), (3, 4, 2), (3, 7, 3), (2, 6, 2)]
    for widths in [*shapes, *([(4, 9, 2), (4, 9, 3), (5, 8, 2)] if size == "full" else [])]:
        d, first, second = widths
        yield named(widths), (gaussian_network(rng, widths), min(first, d * second))


@claim(
    "rank-of-the-sign-system",
    "The linear system for the signs of n_1 first-layer neurons, from the walls of K second-layer "
    "neurons on R^d, has rank min(n_1, d K): one neuron is not enough if d < n_1.",
    source=Source(PAPER, "the system; its rank is polyrelu's", Known.CODE),
    topic=TOPIC,
    instances=_wide,
    hypotheses=[Hypothesis("two hidden layers", lambda c, limits: len(hidden_widths(c[0])) == 2)],
)
def rank_of_the_sign_system(case: Wide, limits: Limits) -> Found:
    network, predicted = case
    found = rank([integer_row(row) for row in _sign_rows(network, limits)])
    return found == predicted, {"rank": found, "predicted": predicted}


def _rational_networks(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    shapes = [(2, 3), (2, 4, 3), (3, 4, 2)]
    shapes += [(2, 5, 4), (3, 4, 3)] if size == "full" else []
    for widths in shapes:
        layers = [
            (rng.integers(-64, 65, (n, m)) / 16, rng.integers(-64, 65, n) / 16)
            for m, n in pairwise(widths)
        ]
        yield named((*widths, 1)), Network.from_layers([*layers, (np.ones((1, widths[-1])), [0.5])])


def _all_neurons_bend(network: Network, limits: Limits) -> bool:
    found = identifiability(network, Space(network.input_dim), limits=limits)
    return all(neuron.kind == "bends" for neuron in found.neurons)


@claim(
    "recovery-from-the-complex",
    "From its linear regions, their maps and which of them touch, a network of one or two hidden "
    "layers in general position is found exactly, but for the order and positive scale of neurons "
    "and what the function does not show.",
    source=Source(PAPER, "here from the complex, in fractions", Known.DERIVED),
    topic=TOPIC,
    instances=_rational_networks,
    hypotheses=[
        GENERIC,
        Hypothesis("the function bends at the wall of every neuron", _all_neurons_bend),
    ],
)
def recovery_from_the_complex(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    found = recover_from_graph(Complex.from_graph(graph), allow_open=True)
    same = bool(equivalent(network, found.network.to_network(), Space(network.input_dim)))
    widths = found.network.widths == network.widths
    evidence = {"widths": found.network.widths, "same function": same, "open": found.open}
    return same and widths and (bool(found.open) or _same_rows(network, found.network)), evidence


def _same_rows(network: Network, found: RationalNetwork) -> bool:
    """Are the first layers' rows the same, but for their order and positive scale?"""

    def directions(layers: RationalNetwork) -> list[tuple[int, ...]]:
        return sorted(tuple(integer_row(row)) for row in layers.layers[0].rows)

    return directions(RationalNetwork.from_network(network)) == directions(found)


Copies = tuple[Network, Network]


def _copies(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Copies]]:
    for trial in range(10 if size == "full" else 3):
        network = gaussian_network(rng, (2, 5, 4))
        factors = (layer.factors[0] for layer in network.layers)
        (W, b), (V, c), top = ((factor.weight, factor.bias) for factor in factors)
        order, scale = rng.permutation(5), 2.0 ** rng.integers(-3, 4, size=5)
        copy = [((W * scale[:, None])[order], (b * scale)[order]), ((V / scale)[:, order], c), top]
        yield f"trial {trial}", (network, Network.from_layers(copy))


@claim(
    "isomorphic-networks-are-equal",
    "Neurons permuted, and their rows scaled by positive factors that the next layer divides by, "
    "are the same function.",
    source=Source(PAPER, known=Known.NOTE),
    topic=TOPIC,
    instances=_copies,
)
def isomorphic_networks(case: Copies, limits: Limits) -> Found:
    first, second = case
    answer = equivalent(first, second, Space(first.input_dim), limits=limits)
    return bool(answer), {"widths": first.widths}
