"""Claims on gradients as a similarity of inputs."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ..domain import Space
from ..limits import Limits
from ..network import Network
from ..queries.euler_metric import EulerMetric
from ..queries.kernels import LabelledFeatures, kernel_matrix
from ..queries.metrics import BlockMetric, Metric
from ..queries.region_kernel import RegionKernel
from ..queries.similarity_classifier import similarity_classifier
from ..queries.sparse_metric import sparse_metric
from ..queries.tangent import affine_factors, parameter_blocks, tangent_features
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions, named
from .registry import claim

TOPIC = "similarity"
PAPER = "Racz and Daroczy 2021"
Data = tuple[Network, np.ndarray]


def _network(rng: np.random.Generator, widths: tuple[int, ...], bias: float) -> Network:
    return Network.from_layers(
        [(rng.normal(size=(n, m)), bias * rng.normal(size=n)) for m, n in pairwise(widths)]
    )


def _data(biases: tuple[float, ...]) -> Any:
    def drawn(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Data]]:
        shapes = [(2, 4, 1), (3, 4, 3, 1), (2, 3, 3, 3, 1)]
        for trial in range(5 if size == "full" else 1):
            for widths in shapes:
                for bias in biases:
                    name = f"{named(widths)}{', biases' if bias else ''}, trial {trial}"
                    points = rng.normal(size=(10, widths[0]))
                    yield name, (_network(rng, widths, bias), points)

    return drawn


def _has_no_bias(case: Data, limits: Limits) -> bool:
    return not any(factor.bias.any() for layer in case[0].layers for factor in layer.factors)


NO_BIAS = Hypothesis("the network has no biases", _has_no_bias)


def _outputs(network: Network, points: np.ndarray) -> list[Fraction]:
    return [network.exact(x)[0][0] for x in points.tolist()]


def _inner_products(network: Network, points: np.ndarray) -> list[list[tuple[Fraction, Fraction]]]:
    """For each point and affine factor <W, df/dW> and <b, df/db>, exactly."""
    features = tangent_features(network, points, arithmetic="exact").matrix()[:, 0]
    found = []
    for row in features.tolist():
        layers = []
        for block, factor in zip(parameter_blocks(network), affine_factors(network), strict=True):
            part = row[block.start : block.start + block.size]
            at = factor.weight.size
            layers.append((_dot(factor.weight.ravel(), part[:at]), _dot(factor.bias, part[at:])))
        found.append(layers)
    return found


def _dot(parameters: np.ndarray, gradient: list[Fraction]) -> Fraction:
    pairs = zip(parameters.tolist(), gradient, strict=True)
    return sum((Fraction(a) * g for a, g in pairs), Fraction(0))


def _kernel(network: Network, points: Any, metric: Metric | None = None) -> list[list[Fraction]]:
    """Of all pairs of points, exactly."""
    matrix = kernel_matrix(network, points, metric=metric, arithmetic="exact")
    assert isinstance(matrix, np.ndarray)
    found: list[list[Fraction]] = matrix.tolist()
    return found


@claim(
    "euler-identity",
    "A ReLU network without biases has <W_l, df/dW_l> = f for every layer l.",
    source=Source("polyrelu", "Euler's theorem on homogeneous functions", Known.DERIVED),
    topic=TOPIC,
    instances=_data((0.0,)),
    hypotheses=[NO_BIAS],
)
def euler_identity(case: Data, limits: Limits) -> Found:
    network, points = case
    outputs = _outputs(network, points)
    rows = zip(_inner_products(network, points), outputs, strict=True)
    wrong = sum(weight != f for row, f in rows for weight, _ in row)
    return wrong == 0, {"points": len(points), "wrong": wrong}


@claim(
    "euler-identity-with-biases",
    "With biases <W_l, df/dW_l> = f - sum_{k >= l} <b_k, df/db_k>.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_data((0.0, 1.0)),
)
def euler_identity_with_biases(case: Data, limits: Limits) -> Found:
    network, points = case
    wrong = 0
    rows = zip(_inner_products(network, points), _outputs(network, points), strict=True)
    for row, f in rows:
        later = [sum(bias for _, bias in row[k:]) for k in range(len(row))]
        wrong += sum(weight != f - b for (weight, _), b in zip(row, later, strict=True))
    return wrong == 0, {"points": len(points), "wrong": wrong}


@claim(
    "euler-metric-is-the-output",
    "Under G = sum_l vec(W_l) vec(W_l)^T a network of L layers without biases has K(x, y) = "
    "L f(x) f(y).",
    source=Source(PAPER, "the metric is one reading of the abstract", Known.DERIVED),
    topic=TOPIC,
    instances=_data((0.0,)),
    hypotheses=[NO_BIAS],
)
def euler_metric_is_the_output(case: Data, limits: Limits) -> Found:
    network, points = case
    metric = EulerMetric(biases=False)
    kernel = _kernel(network, points, metric)
    f, layers = _outputs(network, points), len(network.layers)
    return kernel == [[layers * a * b for b in f] for a in f], {"layers": layers}


Labelled = tuple[Network, np.ndarray, np.ndarray]


def _labelled(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Labelled]]:
    for name, (network, points) in _data((0.0, 1.0))(rng, size):
        noise = rng.random(len(points)) < 0.2
        labels = (network(points)[:, 0] > 0) ^ noise
        labels[:2] = [False, True]
        yield name, (network, points, labels.astype(int))


def _agrees_on_average(case: Labelled, limits: Limits) -> bool:
    network, points, labels = case
    f = _outputs(network, points)
    return bool(sum((2 * c - 1) * v for c, v in zip(labels.tolist(), f, strict=True)) > 0)


@claim(
    "euler-classifier-is-the-network",
    "If E[l f] > 0 the classifier sign E[l(y) K(x, y)] of that metric makes exactly the network's "
    "errors: it is at least as good a similarity as the network is a classifier.",
    source=Source(PAPER, "abstract", Known.NOTE),
    topic=TOPIC,
    instances=_labelled,
    hypotheses=[Hypothesis("E[l f] > 0", _agrees_on_average)],
)
def euler_classifier(case: Labelled, limits: Limits) -> Found:
    found = similarity_classifier(LabelledFeatures(*case), EulerMetric())
    holds = found.errors == found.network_errors and found.disagreements == 0
    return holds, {"errors": found.errors, "network's errors": found.network_errors}


@claim(
    "last-layer-kernel",
    "With the weights of the last layer only, K(x, y) = <h(x), h(y)>, h what that layer gets.",
    source=Source("polyrelu", known=Known.DERIVED),
    topic=TOPIC,
    instances=_data((0.0, 1.0)),
)
def last_layer_kernel(case: Data, limits: Limits) -> Found:
    network, points = case
    off = [0] * (len(network.layers) - 1)
    metric = BlockMetric([*off, 1], [*off, 0])
    kernel = _kernel(network, points, metric)
    below = Network(network.layers[:-1])
    h = [below.exact(x)[0] for x in points.tolist()]
    inner = [[sum(a * b for a, b in zip(u, v, strict=True)) for v in h] for u in h]
    return kernel == inner, {"width": len(h[0])}


def _contributions(case: Labelled) -> list[Fraction]:
    """c_i = E_x[psi_i(x) (E[psi_i | same class] - E[psi_i | another])], exactly."""
    network, points, labels = case
    psi = tangent_features(network, points, arithmetic="exact").matrix()[:, 0]
    found = []
    for values in psi.T.tolist():
        means = [_mean([v for v, k in zip(values, labels, strict=True) if k == c]) for c in (0, 1)]
        found.append(_mean([v * (means[k] - means[1 - k])
                            for v, k in zip(values, labels.tolist(), strict=True)]))  # fmt: skip
    return found


def _mean(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


@claim(
    "sparse-metric-beats-uniform",
    "The 0/1 metric with the greatest similarity gap has, divided by the trace, no less of it than "
    "the uniform metric, for any number of parameters.",
    source=Source(PAPER, "the abstract suggests sparse metrics", Known.DERIVED),
    topic=TOPIC,
    instances=_labelled,
)
def sparse_beats_uniform(case: Labelled, limits: Limits) -> Found:
    data, c = LabelledFeatures(*case), _contributions(case)
    uniform, worse = _mean(c), 0
    for size in range(1, len(c) + 1):
        chosen = sparse_metric(data, size).support
        worse += bool(len(chosen)) and _mean([c[i] for i in chosen]) < uniform
    return worse == 0, {
        "parameters": len(c),
        "uniform gap by trace": float(uniform),
        "worse": worse,
    }


@claim(
    "kernel-by-region-pairs",
    "On a pair of regions K is one bilinear form in (x, 1) and (y, 1).",
    source=Source("polyrelu", "the gradient is affine on a region", Known.DERIVED),
    topic=TOPIC,
    instances=_data((0.0, 1.0)),
)
def kernel_by_region_pairs(case: Data, limits: Limits) -> Found:
    network, points = case
    graph = all_regions(network, limits, Space(network.input_dim))
    kernel = RegionKernel(graph)
    places = graph.locate(points).tolist()
    inside = [(x, place) for x, place in zip(points.tolist(), places, strict=True) if place >= 0]
    values = _kernel(network, [x for x, _ in inside])
    wrong = 0
    for i, (x, r) in enumerate(inside):
        for j, (y, s) in enumerate(inside[: i + 1]):
            form = kernel.form(r, s, arithmetic="exact")
            left, right = [*map(Fraction, x), 1], [*map(Fraction, y), 1]
            value = sum(a * m * b for a, row in zip(left, form, strict=True)
                        for m, b in zip(row, right, strict=True))  # fmt: skip
            wrong += value != values[i][j]
    return wrong == 0, {"points": len(inside), "wrong": wrong}
