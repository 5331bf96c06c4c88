"""Claims on gradients over the domain: what they span, and their mean outer product."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from ..domain import Box
from ..limits import Limits
from ..network import Network
from ..queries.gradient_product import GradientProduct, egop, index_space
from ..rational import integer_row, rank
from .claim import Found, Known, Source
from .common import gaussian_network, gaussian_networks, named
from .registry import claim
from .statistics import Estimate, mean

TOPIC = "gradients"
PAPER = "Parkinson, Ongie, Willett"


def narrow_network(rng: np.random.Generator, inputs: int, indices: int, width: int) -> Network:
    """A function of ``indices`` linear combinations of its inputs."""
    combine = rng.integers(-3, 4, size=(indices, inputs)).astype(float)
    mix = rng.integers(-3, 4, size=(width, indices)).astype(float)
    return Network.from_layers([(mix @ combine, rng.normal(size=width)),
                                (rng.normal(size=(1, width)), [0.0])])  # fmt: skip


def _networks(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    yield "3-6, of one combination", narrow_network(rng, 3, 1, 6)
    yield "4-6, of two combinations", narrow_network(rng, 4, 2, 6)
    yield from gaussian_networks([(2, 6), (3, 2, 5)], [(2, 8, 8), (4, 2, 6, 4)])(rng, size)


def _in_the_cube(network: Network, limits: Limits) -> GradientProduct:
    return egop(network, Box(-1, 1, dim=network.input_dim), limits=limits)


@claim(
    "egop-shows-the-index-rank",
    "The rank of the expected gradient outer product is that of all gradients together: the index "
    "rank.",
    source=Source(PAPER, "definition of the index rank", Known.DERIVED),
    topic=TOPIC,
    instances=_networks,
)
def egop_shows_index_rank(network: Network, limits: Limits) -> Found:
    product = _in_the_cube(network, limits)
    found = rank([integer_row(row) for row in product.exact])
    return found == product.index_rank, {"rank": found, "index rank": product.index_rank}


@claim(
    "index-rank-by-the-first-layer",
    "The index rank is at most the rank of the first layer's weight.",
    source=Source(PAPER, "a gradient is W_1' v", Known.DERIVED),
    topic=TOPIC,
    instances=_networks,
)
def index_rank_by_first_layer(network: Network, limits: Limits) -> Found:
    found = len(index_space(network, limits=limits))
    rows = [integer_row(list(map(Fraction, row))) for row in network.layers[0].weight.tolist()]
    return found <= rank(rows), {"index rank": found, "rank of W_1": rank(rows)}


Sampled = tuple[Network, np.ndarray]


def _sampled(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Sampled]]:
    for widths in ((2, 6), (2, 5, 5), (3, 6)) if size == "full" else ((2, 6), (2, 5, 5)):
        points = rng.uniform(-1, 1, size=(2000, widths[0]))
        yield f"{named(widths)}, {len(points)} points", (gaussian_network(rng, widths), points)


def _derivatives(network: Network, points: np.ndarray, step: float = 2.0**-20) -> np.ndarray:
    """In the first coordinate, by differences: no exact code has a part in it."""
    ahead = points.copy()
    ahead[:, 0] += step
    differences: np.ndarray = (network(ahead) - network(points))[:, 0] / step
    return differences


@claim(
    "egop-by-samples",
    "The mean of the squared first partial derivative at uniform points is the first entry of the "
    "exact expected gradient outer product.",
    source=Source("polyrelu", "a mean over regions by their volumes", Known.DERIVED),
    topic=TOPIC,
    instances=_sampled,
)
def egop_by_samples(case: Sampled, limits: Limits) -> Estimate:
    network, points = case
    exact = _in_the_cube(network, limits).exact[0][0]
    return mean((_derivatives(network, points) ** 2).tolist(), float(exact))
