"""Claims on space folding: how often patterns return along a path."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import numpy as np

from ..activations import relu
from ..domain import Space
from ..limits import Limits
from ..network import Network
from ..queries.folding import folding_of_patterns
from ..queries.path import ActivationPath, activation_path
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions, gaussian_network, hidden_widths, named
from .registry import claim

TOPIC = "folding"
PAPER = "Lewandowski et al. 2025"


def cantor_net(depth: int, top: bool = False) -> Network:
    """The network of the Cantor set: in the middle third a layer is identically 0."""
    fold = ([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0]], [-2.0, 1.0, 0.0])
    add = ([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0])
    head = [([[-0.5, 1.0]], [-0.5])] if top else []
    return Network.from_layers([fold, add] * depth + head, output_activation=relu())


def _across(depth: int, height: Fraction, top: bool = False) -> ActivationPath:
    return activation_path(cantor_net(depth, top), [[0, float(height)], [1, float(height)]])


Crossing = tuple[int, Fraction]


def _crossings(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Crossing]]:
    for depth in range(1, 11 if size == "full" else 7):
        for height in (Fraction(1, 4), Fraction(3, 4), Fraction(1)):
            yield f"depth {depth}, y = {height}", (depth, height)


@claim(
    "cantor-net-folds",
    "CantorNet of depth n folds (0, y)-(1, y), y = 1/4, 3/4, 1, into 2^(n+1) - 1 pieces, r_1 = 2n, "
    "r_2 = 4(2^n - 1): chi = 1 - n / (2(2^n - 1)), forward and backward.",
    source=Source("polyrelu", "on the network of the published code", Known.DERIVED),
    topic=TOPIC,
    instances=_crossings,
)
def cantor_net_folds(case: Crossing, limits: Limits) -> Found:
    n, height = case
    path = _across(n, height)
    found, back = path.folding(), path.reversed().folding()
    predicted = 1 - Fraction(n, 2 * (2**n - 1))
    shape = (len(path), found.range, found.length) == (2 ** (n + 1) - 1, 2 * n, 4 * (2**n - 1))
    holds = shape and found.chi == back.chi == predicted
    return holds, {"pieces": len(path), "chi": found.chi, "predicted": predicted}


@claim(
    "cantor-net-folds-most-as-a-whole",
    "No part of that path folds more than all of it.",
    source=Source("polyrelu", known=Known.MEASURED),
    topic=TOPIC,
    instances=_crossings,
)
def cantor_net_as_a_whole(case: Crossing, limits: Limits) -> Found:
    path = _across(*case)
    part, whole = path.greatest_folding().folding.chi, path.folding().chi
    return part == whole, {"chi": whole, "greatest of a part": part}


TOP = [(5, "1/2"), (11, "11/16"), (23, "29/36"), (47, "67/76"), (95, "145/156"), (191, "303/316")]
Topped = tuple[int, int, Fraction]


def _with_top(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Topped]]:
    for n, (pieces, chi) in enumerate(TOP, start=1):
        yield f"depth {n}", (n, pieces, Fraction(chi))


@claim(
    "cantor-net-with-its-top-neuron",
    "With its output neuron CantorNet has 5, 11, 23, 47, 95, 191 pieces at y = 3/4, and chi = 1/2, "
    "11/16, 29/36, 67/76, 145/156, 303/316.",
    source=Source("polyrelu", "on the network of the published code", Known.MEASURED),
    topic=TOPIC,
    instances=_with_top,
)
def cantor_net_with_top(case: Topped, limits: Limits) -> Found:
    n, pieces, chi = case
    path = _across(n, Fraction(3, 4), top=True)
    found = len(path), path.folding().chi
    return found == (pieces, chi), {"pieces": found[0], "chi": found[1], "claimed": [pieces, chi]}


def _depths(rng: np.random.Generator, size: str) -> Iterator[tuple[str, int]]:
    for depth in range(1, 9 if size == "full" else 5):
        yield f"depth {depth}", depth


@claim(
    "cantor-net-regions",
    "CantorNet has 2(2^(n+1) - 1) regions in the plane, and 3(2^(n+1) - 1) with its output neuron: "
    "6, 14, 30, 62 and 9, 21, 45, 93.",
    source=Source("polyrelu", "on the network of the published code", Known.MEASURED),
    topic=TOPIC,
    instances=_depths,
)
def cantor_net_regions(n: int, limits: Limits) -> Found:
    found = [len(all_regions(cantor_net(n, top), limits, Space(2))) for top in (False, True)]
    predicted = [k * (2 ** (n + 1) - 1) for k in (2, 3)]
    return found == predicted, {"regions": found, "predicted": predicted}


# --- random paths ------------------------------------------------------------------------------

Segment = tuple[Network, np.ndarray]


def _segments(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Segment]]:
    shapes = [(2, 12), (5, 20), (2, 8, 8), (4, 10, 10, 10), (1, 6, 6, 6)]
    for trial in range(20 if size == "full" else 4):
        for widths in shapes:
            ends = 3 * rng.normal(size=(2, widths[0]))
            yield f"{named(widths)}, trial {trial}", (gaussian_network(rng, widths), ends)


@claim(
    "one-hidden-layer-does-not-fold",
    "A network with one hidden layer folds no segment: chi = 0.",
    source=Source("polyrelu", "each hyperplane is crossed once at most", Known.DERIVED),
    topic=TOPIC,
    instances=_segments,
    hypotheses=[
        Hypothesis("one hidden layer", lambda c, limits: len(hidden_widths(c[0])) == 1)
    ],
)  # fmt: skip
def one_layer_does_not_fold(case: Segment, limits: Limits) -> Found:
    path = activation_path(*case)
    return path.folding().chi == 0, {"pieces": len(path), "chi": path.folding().chi}


@claim(
    "folding-is-bits-that-return",
    "0 <= chi < 1, and chi = 0 iff no bit flips twice.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_segments,
)
def folding_is_returns(case: Segment, limits: Limits) -> Found:
    path = activation_path(*case)
    chi = path.folding().chi
    flips = np.abs(np.diff(path.patterns.astype(int), axis=0)).sum(axis=0)
    returning = int((flips > 1).sum())
    return 0 <= chi < 1 and (chi == 0) == (returning == 0), {
        "chi": chi,
        "returning bits": returning,
    }


@claim(
    "sampling-sees-less",
    "A sampled path has no greater range r_1 and length r_2 than the exact one, and no "
    "smaller ones if samples are added.",
    source=Source("polyrelu", "triangle inequality", Known.DERIVED),
    topic=TOPIC,
    instances=_segments,
)
def sampling_sees_less(case: Segment, limits: Limits) -> Found:
    """Samples are pieces of the exact path, so that no sample is wrong."""
    patterns = activation_path(*case).patterns
    steps = (64, 16, 4, 2, 1)
    chosen = [sorted({*range(0, len(patterns), step), len(patterns) - 1}) for step in steps]
    found = [folding_of_patterns(patterns[rows]) for rows in chosen]
    pairs = [(f.range, f.length) for f in found]
    grows = all(a <= c and b <= d for (a, b), (c, d) in pairwise(pairs))
    return grows, {"range and length": pairs, "chi": [f.chi for f in found]}


Directed = tuple[Network, list[list[float]], Fraction, Fraction]


def _directed(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Directed]]:
    layers = [([[1.0], [1.0]], [0.0, -1.0]), ([[1.0, -2.0]], [-0.5])]
    network = Network.from_layers(layers, output_activation=relu())
    yield "from -1 to 3", (network, [[-1], [3]], Fraction(1, 4), Fraction(1, 2))


@claim(
    "folding-depends-on-the-direction",
    "Two neurons x, x - 1 and h_1 - 2 h_2 - 1/2 on top: from -1 to 3 chi = 1/4, from 3 to -1 1/2.",
    source=Source("polyrelu", "that it depends on direction: " + PAPER, Known.DERIVED),
    topic=TOPIC,
    instances=_directed,
)
def folding_depends_on_direction(case: Directed, limits: Limits) -> Found:
    network, ends, forward, backward = case
    path = activation_path(network, ends)
    found = path.folding().chi, path.reversed().folding().chi
    return found == (forward, backward), {"forward": found[0], "backward": found[1]}
