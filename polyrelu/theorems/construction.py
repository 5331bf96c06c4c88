"""Claims on how many regions some network has: proved by building it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from math import prod

import numpy as np

from ..activations import relu
from ..limits import Limits
from ..network import Affine, Array, Layer, Network
from ..queries.counting import region_bounds
from .claim import Found, Known, Source
from .common import all_regions, gaussian_network, hidden_widths, named
from .registry import claim

TOPIC = "construction"
SERRA = "Serra, Tjandraatmadja, Ramalingam 2018"


def folded_line(depth: int) -> Network:
    """4^depth pieces with three ReLUs a layer: each layer maps its four pieces alternately onto
    [0, 1], and the next one stretches that over its three breakpoints. Stretching is a factor of
    its own, so that nothing is rounded in composing."""
    split = Affine(np.array([[1.0], [1.0], [-1.0]]), np.array([-1.0, -2.0, 4.0]))
    readout = Affine(np.array([[-2.0, 1.5, -1.0]]), np.array([4.0]))
    stretch = Affine(np.array([[6.2]]), np.array([-0.1]))
    first = Layer([split], relu())
    return Network((first, *(Layer([readout, stretch, split], relu()) for _ in range(depth - 1))))


def _folded_lines(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for depth in range(1, 8 if size == "full" else 5):
        yield named([1] + [3] * depth), folded_line(depth)


@claim(
    "one-input-maximum",
    "A ReLU network of one input has at most prod (n_l + 1) regions, and some network of three "
    "neurons a layer has as many: 4, 16, 64, 256.",
    source=Source(SERRA, "the network is polyrelu's own", Known.NOTE),
    topic=TOPIC,
    instances=_folded_lines,
)
def one_input_maximum(network: Network, limits: Limits) -> Found:
    found = len(all_regions(network, limits))
    greatest = prod(n + 1 for n in hidden_widths(network))
    return found == greatest, {"regions": found, "greatest": greatest}


def _one_input(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    shapes = [(1, 3, 3), (1, 4, 4, 4), (1, 2, 2, 2)]
    for trial in range(20 if size == "full" else 4):
        for widths in shapes:
            yield f"{named(widths)}, trial {trial}", gaussian_network(rng, widths)


@claim(
    "one-input-bound",
    "A ReLU network of one input has at most prod (n_l + 1) regions.",
    source=Source(SERRA, known=Known.NOTE),
    topic=TOPIC,
    instances=_one_input,
)
def one_input_bound(network: Network, limits: Limits) -> Found:
    found = len(all_regions(network, limits))
    greatest = prod(n + 1 for n in hidden_widths(network))
    return found <= greatest, {"regions": found, "greatest": greatest}


def _two_units(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for trial in range(100 if size == "full" else 20):
        yield f"trial {trial}", gaussian_network(rng, (1, 2))


@claim(
    "two-units-do-not-alternate",
    "The slopes of a sum of two ReLUs of one input do not alternate in sign over its three pieces. "
    "So two units a layer cannot reach prod (n_l + 1).",
    source=Source("polyrelu", "the first slope is minus the jumps of left units", Known.DERIVED),
    topic=TOPIC,
    instances=_two_units,
)
def two_units_do_not_alternate(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    from_left = sorted(graph, key=lambda region: region.exact_point())
    slopes = [Fraction(region.exact_affine_map[0][0][0]) for region in from_left]
    alternate = len(slopes) == 3 and all(a * b < 0 for a, b in pairwise(slopes))
    return not alternate, {"slopes": list(map(float, slopes))}


# --- Montufar et al. 2014 ----------------------------------------------------------------------


def _zigzag(folds: int) -> tuple[Array, Array]:
    """Biases and readout of ReLUs of ``folds`` times one input, such that [0, 1] is mapped onto
    itself that often."""
    readout = np.array([1.0] + [2.0 * (-1) ** k for k in range(1, folds)])
    return np.array([-float(k) for k in range(folds)]), readout


def folding_network(widths: Sequence[int]) -> Network:
    """With as many linear regions as the lower bound of Montufar et al. 2014 says: every hidden
    layer but the last folds each coordinate of [0, 1]^d floor(n_l / d) times onto [0, 1], with
    what is left over at rest; the last one cuts the cube by hyperplanes in general position."""
    d, *folding, last = widths
    layers: list[Layer] = []
    back: list[Affine] = []
    for n in folding:
        weight, bias, readout = np.zeros((n, d)), np.zeros(n), np.zeros((d, n))
        folds = n // d
        for i in range(d):
            at = slice(i * folds, (i + 1) * folds)
            weight[at, i] = folds
            bias[at], readout[i, at] = _zigzag(folds)
        layers.append(Layer([*back, Affine(weight, bias)], relu()))
        back = [Affine(readout, np.zeros(d))]
    layers.append(Layer([*back, _cuts(last, d)], relu()))
    return Network(tuple(layers))


def _cuts(n: int, d: int) -> Affine:
    """n hyperplanes in general position, any d of which meet near the middle of [0, 1]^d."""
    rng = np.random.default_rng(n * 100 + d)
    normals = rng.integers(-99, 100, size=(n, d)).astype(float)
    near = rng.integers(-999, 1000, size=n) / 2**20
    return Affine(normals, near - normals.sum(axis=1) / 2)


def _foldings(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    shapes = [(2, 4, 3), (2, 4, 4, 3), (1, 3, 3, 2), (3, 6, 4)]
    shapes += [(2, 6, 6, 5), (2, 5, 5, 4), (3, 6, 6, 4)] if size == "full" else []
    for widths in shapes:
        yield named(widths), folding_network(widths)


@claim(
    "montufar-lower-bound",
    "Some ReLU network has prod_{l < L} floor(n_l / n_0)^{n_0} sum_{j <= n_0} C(n_L, j) linear "
    "regions at least.",
    source=Source("Montufar, Pascanu, Cho, Bengio 2014", known=Known.NOTE),
    topic=TOPIC,
    instances=_foldings,
)
def montufar_lower_bound(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    found, bound = int(graph.linear_regions().max()) + 1, region_bounds(network).montufar_2014
    return found >= bound, {"linear regions": found, "bound": bound}
