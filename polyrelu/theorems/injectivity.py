"""Claims on which layers and networks can be inverted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations

import numpy as np

from ..activations import relu
from ..domain import Box, Domain, Space
from ..limits import Limits
from ..network import Affine, Layer, Network
from ..queries.construct import doubling_layer, random_injective_network
from ..queries.convolution import is_convolution_injective
from ..queries.injectivity import is_injective
from ..queries.surjectivity import is_surjective
from ..rational import integer_row, rank
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions, named
from .registry import claim

TOPIC = "injectivity"
PAPER = "Puthawala et al. 2022"
Drawn = Iterator[tuple[str, Layer]]


def relu_layer(weight: np.ndarray, bias: np.ndarray | None = None) -> Layer:
    """ReLU(weight x + bias)."""
    offsets = np.zeros(len(weight)) if bias is None else bias
    return Layer([Affine(np.asarray(weight, float), np.asarray(offsets, float))], relu())


def _trials(size: str, quick: int = 3, full: int = 20) -> range:
    return range(full if size == "full" else quick)


def _doubling(rng: np.random.Generator, size: str) -> Drawn:
    for n in (1, 2, 3, 4, *((5, 6) if size == "full" else ())):
        basis = rng.normal(size=(n, n))
        yield f"[B; -B], n = {n}", doubling_layer(basis)
        yield f"[B; -D B], n = {n}", doubling_layer(basis, rng.uniform(0.5, 2, n))
        yield f"[B; -D B; M], n = {n}", doubling_layer(basis, extra=rng.normal(size=(2, n)))


@claim(
    "doubling-is-injective",
    "ReLU([B; -D B; M] x) is injective for every invertible B, positive diagonal D and any M.",
    source=Source(PAPER, known=Known.NOTE),
    topic=TOPIC,
    instances=_doubling,
)
def doubling_is_injective(layer: Layer, limits: Limits) -> Found:
    answer = is_injective(layer, limits=limits)
    return bool(answer), {"rows": layer.out_features, "inputs": layer.in_features}


def _perturbed(rng: np.random.Generator, size: str) -> Drawn:
    for trial in _trials(size):
        for n in (2, 3, 4):
            basis = rng.normal(size=(n, n))
            weight = np.vstack([basis, -basis + 1e-3 * rng.normal(size=(n, n))])
            yield f"n = {n}, trial {trial}", relu_layer(weight)


@claim(
    "perturbed-doubling-is-not-injective",
    "Among layers with 2n rows and no bias only [B; -D B] is injective: -B moved by 1e-3 at random "
    "is not, n >= 2.",
    source=Source(PAPER, known=Known.NOTE),
    topic=TOPIC,
    instances=_perturbed,
)
def perturbed_doubling(layer: Layer, limits: Limits) -> Found:
    answer = is_injective(layer, limits=limits)
    collision = answer.witness and [answer.witness.x, answer.witness.y]
    return not bool(answer), {"collision": collision}


def _too_narrow(rng: np.random.Generator, size: str) -> Drawn:
    for trial in _trials(size):
        for m, n in ((1, 1), (3, 2), (4, 3), (5, 3), (7, 4)):
            weight, bias = rng.normal(size=(m, n)), rng.normal(size=m)
            yield f"{m} x {n}, Gaussian, trial {trial}", relu_layer(weight, bias)
            small = rng.integers(-2, 3, size=(m, n + 1)).astype(float)
            yield f"{m} x {n}, integers, trial {trial}", relu_layer(small[:, :n], small[:, n])


@claim(
    "minimal-expansivity",
    "A ReLU layer on R^n with fewer than 2n units is not injective, whatever its bias.",
    source=Source(PAPER, "with any bias: machine-checked proof in Lean", Known.NOTE),
    topic=TOPIC,
    instances=_too_narrow,
    hypotheses=[
        Hypothesis("fewer than 2n units", lambda a, limits: a.out_features < 2 * a.in_features)
    ],
)
def minimal_expansivity(layer: Layer, limits: Limits) -> Found:
    answer = is_injective(layer, limits=limits)
    return not bool(answer), {"rows": layer.out_features, "inputs": layer.in_features}


def _without(layer: Layer, unit: int) -> Layer:
    kept = [i for i in range(layer.out_features) if i != unit]
    rows = Affine(np.eye(layer.out_features)[kept], np.zeros(len(kept)))
    return Layer([*layer.factors, rows], relu())


def _width_optimal(rng: np.random.Generator, size: str) -> Drawn:
    for n in (1, 2, 3, *((4, 5) if size == "full" else ())):
        yield f"n = {n}", doubling_layer(rng.normal(size=(n, n)), rng.uniform(0.5, 2, n))


@claim(
    "width-optimal-layers",
    "An injective layer with 2n units has two inputs whose active units are n and n, all of them "
    "together; and no unit can be left out.",
    source=Source("a machine-checked proof in Lean", known=Known.NOTE),
    topic=TOPIC,
    instances=_width_optimal,
)
def width_optimal(layer: Layer, limits: Limits) -> Found:
    n = layer.in_features
    graph = all_regions(Network((layer,)), limits)
    patterns = {tuple(p) for p in graph.patterns.tolist()}
    opposite = [p for p in patterns if sum(p) == n and tuple(1 - b for b in p) in patterns]
    needed = [not is_injective(_without(layer, i), limits=limits) for i in range(2 * n)]
    holds = layer.out_features == 2 * n and bool(opposite) and all(needed)
    return holds, {"n": n, "opposite patterns": len(opposite), "needed units": sum(needed)}


# --- criteria ----------------------------------------------------------------------------------

LayerOn = tuple[Layer, Domain]


def _rows_of(layer: Layer) -> list[list[int]]:
    """The rows of the weight, as integers."""
    (factor,) = layer.factors
    return [integer_row([Fraction(v) for v in row]) for row in factor.weight.tolist()]


def _layers_on_domains(rng: np.random.Generator, size: str) -> Iterator[tuple[str, LayerOn]]:
    for trial in _trials(size, 4):
        for m, n in ((6, 2), (10, 3)):
            biased = relu_layer(rng.normal(size=(m, n)), rng.normal(size=m))
            yield f"{m} x {n} on R^{n}, trial {trial}", (biased, Space(n))
            yield f"{m} x {n} in a box, trial {trial}", (biased, Box(-0.5, 0.5, dim=n))
            integers = relu_layer(rng.integers(-2, 3, (m, n)), rng.integers(-1, 2, m))
            yield f"{m} x {n} integers, trial {trial}", (integers, Space(n))


@claim(
    "injectivity-by-ranks",
    "ReLU(W x + b) is injective on a convex K of full dimension iff on every cell of the layer's "
    "arrangement in K the active rows of W have rank n. (K = R^n, b = 0: theorem 2.)",
    source=Source(PAPER, "theorem 2; with bias and K: proof in docs/injectivity.md", Known.DERIVED),
    topic=TOPIC,
    instances=_layers_on_domains,
)
def injectivity_by_ranks(case: LayerOn, limits: Limits) -> Found:
    layer, domain = case
    rows, n = _rows_of(layer), layer.in_features
    patterns = all_regions(Network((layer,)), limits, domain).patterns.tolist()
    ranks = [rank([rows[i] for i, on in enumerate(p) if on]) for p in patterns]
    answer = bool(is_injective(layer, domain, limits=limits))
    return answer == (min(ranks) == n), {"injective": answer, "least rank": min(ranks), "n": n}


def _unbiased(rng: np.random.Generator, size: str) -> Drawn:
    for trial in _trials(size, 4):
        for m, n in ((6, 2), (8, 2), (14, 3), (18, 3)):
            yield f"{m} x {n}, trial {trial}", relu_layer(rng.normal(size=(m, n)))


def _rows_in_general_position(layer: Layer, limits: Limits) -> bool:
    (factor,) = layer.factors
    n = layer.in_features
    independent = all(rank(list(some)) == n for some in combinations(_rows_of(layer), n))
    return independent and not factor.bias.any()


@claim(
    "injectivity-by-depth",
    "If any n rows of W are independent, ReLU(W x) is injective iff the Tukey depth of 0 among the "
    "rows is at least n: everywhere at least n of them are active.",
    source=Source("polyrelu", "corollary of injectivity-by-ranks", Known.DERIVED),
    topic=TOPIC,
    instances=_unbiased,
    hypotheses=[Hypothesis("no bias, and any n rows are independent", _rows_in_general_position)],
)
def injectivity_by_depth(layer: Layer, limits: Limits) -> Found:
    depth = int(all_regions(Network((layer,)), limits).patterns.sum(axis=1).min())
    answer = bool(is_injective(layer, limits=limits))
    return answer == (depth >= layer.in_features), {"injective": answer, "depth": depth}


# --- bias --------------------------------------------------------------------------------------


def _biased(rng: np.random.Generator, size: str) -> Drawn:
    yield "W = (1, -1), b = (-1, 2)", relu_layer(np.array([[1], [-1]]), np.array([-1, 2]))
    for trial in _trials(size, 5):
        for m, n in ((3, 1), (8, 2), (15, 3)):
            weight, bias = rng.normal(size=(m, n)), 0.3 + rng.normal(size=m)
            yield f"{m} x {n}, trial {trial}", relu_layer(weight, bias)


def _without_negative_bias(layer: Layer, limits: Limits) -> bool:
    """Are the rows with b >= 0 injective alone, without bias?"""
    (factor,) = layer.factors
    kept = factor.weight[factor.bias >= 0]
    return bool(len(kept)) and bool(is_injective(relu_layer(kept), limits=limits))


@claim(
    "bias-lemma",
    "ReLU(W x + b) is injective on R^n iff the rows with b >= 0 alone, without bias, are.",
    source=Source(PAPER, "lemma 3", Known.MEMORY),
    topic=TOPIC,
    instances=_biased,
    refuted="W = (1, -1), b = (-1, 2): (max(x - 1, 0), max(2 - x, 0)) is injective on R, but the "
    "one row with b >= 0 is not. The condition is sufficient (bias-sufficient).",
)
def bias_lemma(layer: Layer, limits: Limits) -> Found:
    injective, alone = (
        bool(is_injective(layer, limits=limits)),
        _without_negative_bias(layer, limits),
    )
    return injective == alone, {"injective": injective, "rows with b >= 0 alone": alone}


@claim(
    "bias-sufficient",
    "If the rows with b >= 0 alone, without bias, make an injective layer, so does ReLU(W x + b).",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_biased,
    hypotheses=[Hypothesis("the rows with b >= 0 alone are injective", _without_negative_bias)],
)
def bias_sufficient(layer: Layer, limits: Limits) -> Found:
    return bool(is_injective(layer, limits=limits)), {"rows": layer.out_features}


@claim(
    "bias-necessary",
    "If ReLU(W x + b) is injective on R^n, then so is ReLU(W x).",
    source=Source("polyrelu", "far out along a ray the bias has no say", Known.DERIVED),
    topic=TOPIC,
    instances=_biased,
    hypotheses=[
        Hypothesis("the layer is injective", lambda a, limits: bool(is_injective(a, limits=limits)))
    ],
)
def bias_necessary(layer: Layer, limits: Limits) -> Found:
    (factor,) = layer.factors
    return bool(is_injective(relu_layer(factor.weight), limits=limits)), {
        "rows": layer.out_features
    }


# --- networks ----------------------------------------------------------------------------------


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


def _narrowing(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
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
    for trial in _trials(size, 4, 12):
        for d in (1, 2):
            basis = rng.normal(size=(d, d))
            double = doubling_layer(basis, extra=rng.normal(size=(1, d)))
            head = (rng.normal(size=(2 * d, 2 * d + 1)), np.zeros(2 * d))
            linear = Network.from_layers([head]).layers[0]
            yield f"d = {d}, m = {2 * d}, trial {trial}", Network((double, linear))


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
    for trial in _trials(size):
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


Sum = tuple[np.ndarray, np.ndarray]  # rows w_i of R^2 and coefficients a_i


def _sums(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Sum]]:
    for trial in _trials(size, 6, 40):
        rows, m = rng.normal(size=(6, 2)), 6
        a = rng.normal(size=m)
        yield f"Gaussian, trial {trial}", (rows, a)
        yield f"mostly positive, trial {trial}", (rows, np.where(np.arange(m) < 4, abs(a), -a / 9))


def _support(rows: list[tuple[Fraction, ...]], u: tuple[Fraction, ...]) -> Fraction:
    """The greatest u . y over the zonotope of these generators."""
    return sum((max(Fraction(0), r[0] * u[0] + r[1] * u[1]) for r in rows), Fraction(0))


def _contains(outer: list[tuple[Fraction, ...]], inner: list[tuple[Fraction, ...]]) -> bool:
    """Of zonotopes in the plane: the outer one has the normals of its generators as facets."""
    normals = [n for r in outer for n in ((r[1], -r[0]), (-r[1], r[0]))]
    return all(_support(inner, n) <= _support(outer, n) for n in normals)


@claim(
    "surjectivity-by-zonotopes",
    "sum a_i ReLU(w_i x) is not surjective iff one of the zonotopes sum_{a_i > 0} [0, a_i w_i] and "
    "sum_{a_i < 0} [0, |a_i| w_i] contains the other.",
    source=Source("Froese, Grillo, Skutella 2025", known=Known.NOTE),
    topic="surjectivity",
    instances=_sums,
    hypotheses=[
        Hypothesis("both zonotopes span the plane",
                   lambda c, limits: min((c[1] > 0).sum(), (c[1] < 0).sum()) >= 2)
    ],
)  # fmt: skip
def surjectivity_by_zonotopes(case: Sum, limits: Limits) -> Found:
    rows, a = case
    network = Network.from_layers([(rows, np.zeros(len(rows))), (a[None], [0.0])])
    parts: dict[bool, list[tuple[Fraction, ...]]] = {True: [], False: []}
    for row, factor in zip(rows.tolist(), a.tolist(), strict=True):
        parts[factor > 0].append(tuple(abs(Fraction(factor)) * Fraction(v) for v in row))
    nested = _contains(parts[True], parts[False]) or _contains(parts[False], parts[True])
    answer = bool(is_surjective(network, limits=limits))
    return answer != nested, {"surjective": answer, "one contains the other": nested}
