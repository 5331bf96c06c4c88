"""Claims on which networks can be inverted, on convolutions, and on what values are taken."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np

from ..limits import Limits
from ..network import Layer, Network
from ..queries.construct import doubling_layer, random_injective_network
from ..queries.convolution import is_convolution_injective
from ..queries.injectivity import is_injective
from ..queries.surjectivity import is_surjective
from .claim import Found, Hypothesis, Known, Source
from .common import named
from .injectivity import PAPER, TOPIC, relu_layer, trials
from .registry import claim


def _composition(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for n in (1, 2, 3):
        doubled = np.vstack([np.eye(n), -np.eye(n)])
        second = np.eye(2 * n)
        yield f"n = {n}", Network((relu_layer(doubled), relu_layer(second)))


@claim(
    "layers-need-not-be-injective",
    "x -> (x+, x-) -> ReLU is injective, though its second layer alone is not.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_composition,
)
def layers_need_not_be_injective(network: Network, limits: Limits) -> Found:
    whole = bool(is_injective(network, limits=limits))
    second = bool(is_injective(network.layers[1], limits=limits))
    return whole and not second, {"network": whole, "second layer": second}


def _head(rng: np.random.Generator, inputs: int, outputs: int) -> Layer:
    """A random linear map."""
    return Network.from_layers([(rng.normal(size=(outputs, inputs)), np.zeros(outputs))]).layers[0]


def _narrowing(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for d in (1, 2):
        double = doubling_layer(rng.normal(size=(d, d)), bias=rng.normal(size=d))
        yield f"d = {d}, a layer with biases", Network((double, _head(rng, 2 * d, 2 * d + 1)))
    seeds = rng.integers(2**31, size=8).tolist()
    shapes = [(1, 1), (1, 2), (2, 1)] + ([(2, 2), (3, 1)] if size == "full" else [])
    for (d, depth), seed in zip(shapes, seeds, strict=False):
        network = random_injective_network(d, depth, seed=seed)
        yield named(network.widths), network


@claim(
    "injective-end-to-end",
    "An injective piecewise-linear map of R^d stays injective under almost every linear map to "
    "R^(2d+1): networks whose layers double and narrow again to 2d + 1 are injective.",
    source=Source(PAPER, "end-to-end injectivity", Known.NOTE),
    topic=TOPIC,
    instances=_narrowing,
)
def injective_end_to_end(network: Network, limits: Limits) -> Found:
    return bool(is_injective(network, limits=limits)), {"widths": network.widths}


def _heads(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
    for trial in trials(size, 4, 12):
        for d in (1, 2):
            basis = rng.normal(size=(d, d))
            double = doubling_layer(basis, extra=rng.normal(size=(1, d)))
            network = Network((double, _head(rng, 2 * d + 1, 2 * d)))
            yield f"d = {d}, m = {2 * d}, trial {trial}", network


@claim(
    "injective-heads-without-bias",
    "Without biases 2d outputs suffice: almost every linear map to R^(2d) keeps an injective ReLU "
    "layer on R^d injective.",
    source=Source("polyrelu", "the cone of differences has dimension 2d", Known.DERIVED),
    topic=TOPIC,
    instances=_heads,
)
def injective_heads(network: Network, limits: Limits) -> Found:
    return bool(is_injective(network, limits=limits)), {"widths": network.widths}


# --- convolutions, one output ------------------------------------------------------------------


def _kernels(rng: np.random.Generator, size: str) -> Iterator[tuple[str, np.ndarray]]:
    for trial in trials(size):
        for length in (1, 2, 3):
            c = rng.normal(size=(length, 1, length))
            yield f"length {length}, trial {trial}", np.concatenate([c, -c])


def _as_matrix(kernels: np.ndarray, inputs: int) -> np.ndarray:
    """The convolution of a signal of that length, a row for each kernel and place."""
    length = kernels.shape[2]
    rows = np.zeros((len(kernels), inputs - length + 1, inputs))
    for place in range(inputs - length + 1):
        rows[:, place, place : place + length] = kernels[:, 0]
    return rows.reshape(-1, inputs)


def _proved_by_kernels(kernels: np.ndarray, limits: Limits) -> bool:
    return is_convolution_injective(kernels, limits=limits).proved


@claim(
    "convolution-by-kernels",
    "If the kernels, as vectors on a window, make an injective layer, so does ReLU of the whole "
    "convolution.",
    source=Source(PAPER, "convolution layers", Known.MEMORY),
    topic=TOPIC,
    instances=_kernels,
    hypotheses=[Hypothesis("the kernels make an injective layer", _proved_by_kernels)],
)
def convolution_by_kernels(kernels: np.ndarray, limits: Limits) -> Found:
    inputs = 2 * kernels.shape[2]
    layer = relu_layer(_as_matrix(kernels, inputs))
    return bool(is_injective(layer, limits=limits)), {"inputs": inputs, "rows": layer.out_features}


Vector = tuple[Fraction, ...]
Sum = tuple[np.ndarray, np.ndarray]  # rows w_i of R^2 and coefficients a_i


def _sums(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Sum]]:
    for trial in trials(size, 6, 40):
        rows, m = rng.normal(size=(6, 2)), 6
        a = rng.normal(size=m)
        yield f"Gaussian, trial {trial}", (rows, a)
        yield f"mostly positive, trial {trial}", (rows, np.where(np.arange(m) < 4, abs(a), -a / 9))


def _support(rows: list[Vector], u: Vector) -> Fraction:
    """The greatest u . y over the zonotope of these generators."""
    return sum((max(Fraction(0), r[0] * u[0] + r[1] * u[1]) for r in rows), Fraction(0))


def _contains(outer: list[Vector], inner: list[Vector]) -> bool:
    """Of zonotopes in the plane: the outer one has the normals of its generators as facets."""
    normals = [n for r in outer for n in ((r[1], -r[0]), (-r[1], r[0]))]
    return all(_support(inner, n) <= _support(outer, n) for n in normals)


def _zonotopes(case: Sum) -> tuple[list[Vector], list[Vector]]:
    """The generators a_i w_i of both, those with a_i > 0 first."""
    parts: tuple[list[Vector], list[Vector]] = ([], [])
    for row, factor in zip(case[0].tolist(), case[1].tolist(), strict=True):
        parts[factor <= 0].append(tuple(abs(Fraction(factor)) * Fraction(v) for v in row))
    return parts


def _both_span(case: Sum, limits: Limits) -> bool:
    return all(
        any(u[0] * v[1] != u[1] * v[0] for u, v in combinations(part, 2))
        for part in _zonotopes(case)
    )


@claim(
    "surjectivity-by-zonotopes",
    "sum a_i ReLU(w_i x) is not surjective iff one of the zonotopes sum_{a_i > 0} [0, a_i w_i] and "
    "sum_{a_i < 0} [0, |a_i| w_i] contains the other.",
    source=Source("polyrelu", "after Froese, Grillo, Skutella 2025", Known.DERIVED),
    topic="surjectivity",
    instances=_sums,
    hypotheses=[Hypothesis("both zonotopes span the plane", _both_span)],
)
def surjectivity_by_zonotopes(case: Sum, limits: Limits) -> Found:
    rows, a = case
    network = Network.from_layers([(rows, np.zeros(len(rows))), (a[None], [0.0])])
    rising, falling = _zonotopes(case)
    nested = _contains(rising, falling) or _contains(falling, rising)
    answer = bool(is_surjective(network, limits=limits))
    return answer != nested, {"surjective": answer, "one contains the other": nested}
