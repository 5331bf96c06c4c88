"""Claims on which layers and networks can be inverted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from ..activations import relu
from ..domain import Box, Domain, Space
from ..limits import Limits
from ..network import Affine, Layer, Network
from ..queries.construct import doubling_layer
from ..queries.injectivity import is_injective
from ..rational import rank, rows_of
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions
from .registry import claim

TOPIC = "injectivity"
PAPER = "Puthawala et al. 2022"
Drawn = Iterator[tuple[str, Layer]]


def relu_layer(weight: np.ndarray, bias: np.ndarray | None = None) -> Layer:
    """ReLU(weight x + bias)."""
    offsets = np.zeros(len(weight)) if bias is None else bias
    return Layer([Affine(np.asarray(weight, float), np.asarray(offsets, float))], relu())


def trials(size: str, quick: int = 3, full: int = 20) -> range:
    """How often an instance is drawn."""
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
    for trial in trials(size):
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
    for trial in trials(size):
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


def _selected(layer: Layer, kept: Sequence[int]) -> Layer:
    """Some of a layer's units."""
    rows = Affine(np.eye(layer.out_features)[list(kept)], np.zeros(len(kept)))
    return Layer([*layer.factors, rows], relu())


def without_bias(layer: Layer) -> Layer:
    """With all biases 0."""
    factors = [Affine(f.weight, np.zeros(len(f.bias)), f.divisor) for f in layer.factors]
    return Layer(factors, layer.units)


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
    units = range(layer.out_features)
    rest = [_selected(layer, [i for i in units if i != left_out]) for left_out in units]
    needed = [not is_injective(some, limits=limits) for some in rest]
    holds = layer.out_features == 2 * n and bool(opposite) and all(needed)
    return holds, {"n": n, "opposite patterns": len(opposite), "needed units": sum(needed)}


# --- criteria ----------------------------------------------------------------------------------

LayerOn = tuple[Layer, Domain]


def _rows_of(layer: Layer) -> list[list[int]]:
    """The rows of the weight, times one number that makes them integers."""
    return [row[:-1] for row in rows_of(layer.integer_matrix)[:-1]]


def _biases_of(layer: Layer) -> list[int]:
    """Times one number that makes them integers."""
    return [row[-1] for row in rows_of(layer.integer_matrix)[:-1]]


def _layers_on_domains(rng: np.random.Generator, size: str) -> Iterator[tuple[str, LayerOn]]:
    for trial in trials(size, 4):
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
    for trial in trials(size, 4):
        for m, n in ((6, 2), (8, 2), (14, 3), (18, 3)):
            yield f"{m} x {n}, trial {trial}", relu_layer(rng.normal(size=(m, n)))


def _rows_in_general_position(layer: Layer, limits: Limits) -> bool:
    n = layer.in_features
    independent = all(rank(list(some)) == n for some in combinations(_rows_of(layer), n))
    return independent and not any(_biases_of(layer))


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
    for trial in trials(size, 5):
        for m, n in ((3, 1), (8, 2), (15, 3)):
            weight, bias = rng.normal(size=(m, n)), 0.3 + rng.normal(size=m)
            yield f"{m} x {n}, trial {trial}", relu_layer(weight, bias)


def _without_negative_bias(layer: Layer, limits: Limits) -> bool:
    """Are the rows with b >= 0 injective alone, without bias?"""
    kept = [i for i, bias in enumerate(_biases_of(layer)) if bias >= 0]
    alone = _selected(without_bias(layer), kept) if kept else None
    return alone is not None and bool(is_injective(alone, limits=limits))


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
    far = bool(is_injective(without_bias(layer), limits=limits))
    return far, {"rows": layer.out_features}
