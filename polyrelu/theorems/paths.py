"""Claims on paths of weights, and on what gradient flow keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
from flint import fmpz_mat

from ..limits import Limits
from ..network import Network
from ..queries.tangent import parameter_blocks, tangent_features
from ..queries.weight_paths import path_norm, path_rank
from ..rational import inner
from .claim import Found, Hypothesis, Known, Source
from .common import all_regions, gaussian_network, gaussian_networks, hidden_widths, named
from .registry import claim

TOPIC = "paths"
NETWORKS = gaussian_networks([(3, 4, 2), (2, 3, 3)], [(4, 8, 8), (2, 4, 4, 4)])


def rescaled(network: Network, factors: Sequence[Sequence[float]]) -> Network:
    """Each hidden unit's incoming weights and bias times its factor, its outgoing ones divided by
    it. Powers of two round nothing."""
    parts, before = [], np.ones(network.input_dim)
    for layer, given in zip(network.layers, [*factors, [1.0] * network.output_dim], strict=True):
        after = np.array(given)[:, None]
        parts.append((layer.weight / before * after, layer.bias * after[:, 0]))
        before = after[:, 0]
    return Network.from_layers(parts)


def _pairs(rng: np.random.Generator, size: str) -> Iterator[tuple[str, tuple[Network, Network]]]:
    for name, network in NETWORKS(rng, size):
        factors = [(2.0 ** rng.integers(-5, 6, size=n)).tolist() for n in hidden_widths(network)]
        yield name, (network, rescaled(network, factors))


@claim(
    "path-norm-ignores-rescaling",
    "The path norm 1'|W_L|...|W_1|1 does not change when a ReLU's incoming weights are multiplied "
    "by c > 0 and its outgoing ones divided by it.",
    source=Source("Neyshabur, Tomioka, Srebro 2015", known=Known.MEMORY),
    topic=TOPIC,
    instances=_pairs,
)
def path_norm_ignores_rescaling(pair: tuple[Network, Network], limits: Limits) -> Found:
    found = [[path_norm(n, power, biases) for power in (1, 2) for biases in (False, True)]
             for n in pair]  # fmt: skip
    return found[0] == found[1], {"path norm": float(found[0][0]), "after": float(found[1][0])}


@claim(
    "path-norm-bounds-gradients",
    "The sizes of all entries of a ReLU network's Jacobian add up to the path norm at most.",
    source=Source("polyrelu", "a Jacobian sums the active paths", Known.DERIVED),
    topic=TOPIC,
    instances=NETWORKS,
)
def path_norm_bounds_gradients(network: Network, limits: Limits) -> Found:
    graph = all_regions(network, limits)
    sizes = (sum(abs(v) for row in region.exact_affine_map[0] for v in row) for region in graph)
    greatest, bound = max(sizes), path_norm(network)
    return greatest <= bound, {"greatest": float(greatest), "path norm": float(bound)}


def path_matrix(widths: Sequence[int]) -> list[list[int]]:
    """Which edges are on which path: a row for each path, 0 and 1."""
    starts = np.cumsum([0, *(m * n for m, n in pairwise(widths))]).tolist()
    rows = []
    for path in product(*map(range, widths)):
        row = [0] * starts[-1]
        for k, (i, j) in enumerate(pairwise(path)):
            row[starts[k] + i * widths[k + 1] + j] = 1
        rows.append(row)
    return rows


def _widths(
    rng: np.random.Generator, size: str
) -> Iterator[tuple[str, tuple[Sequence[int], int | None]]]:
    known = {(3, 4, 2): 16, (2, 3, 3, 2): 15, (4, 2, 5, 1): 16, (2, 2, 2, 2, 2): 10}
    for widths, rank in known.items():
        yield named(widths), (widths, rank)
    for trial in range(20 if size == "full" else 2):
        widths = tuple(rng.integers(1, 5, size=rng.integers(2, 6)).tolist())
        yield f"{named(widths)}, trial {trial}", (widths, None)


@claim(
    "independent-paths",
    "Of the paths of a network with m edges and H hidden units m - H are independent: 16, 15, 16, "
    "10 for widths 3-4-2, 2-3-3-2, 4-2-5-1, 2-2-2-2-2.",
    source=Source("polyrelu", "of the basis-path norm: paths span the flows", Known.DERIVED),
    topic=TOPIC,
    instances=_widths,
)
def independent_paths(case: tuple[Sequence[int], int | None], limits: Limits) -> Found:
    widths, known = case
    rank, predicted = int(fmpz_mat(path_matrix(widths)).rank()), path_rank(widths)
    return rank == predicted == (known or rank), {"rank": rank, "m - H": predicted}


# --- gradient flow -----------------------------------------------------------------------------


@dataclass(frozen=True)
class Labelled:
    """A network, points, and how much the loss falls with the output at each."""

    network: Network
    points: np.ndarray
    pull: tuple[int, ...]


def _labelled(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Labelled]]:
    for widths in ((1, 6), (3, 4, 3), (2, 3, 3, 3)) if size == "full" else ((1, 6), (3, 4, 3)):
        points = rng.normal(size=(5, widths[0]))
        pull = tuple(rng.integers(-9, 10, size=5).tolist())
        yield named(widths), Labelled(gaussian_network(rng, widths), points, pull)


def _is_homogeneous(data: Labelled, limits: Limits) -> bool:
    units = {unit for layer in data.network.layers[:-1] for unit in layer.units}
    return all(set(unit.breakpoints) <= {0} and unit.value == 0 for unit in units)


def _loss_gradient(data: Labelled) -> list[Fraction]:
    """In all parameters, exactly."""
    rows = tangent_features(data.network, data.points, arithmetic="exact").matrix()[:, 0].tolist()
    columns = zip(*rows, strict=True)
    return [inner(map(Fraction, data.pull), c) for c in columns]


def _drifts(data: Labelled) -> list[Fraction]:
    """For each hidden unit half the derivative of |out|^2 - |in|^2 - bias^2 along the gradient."""
    gradient, tables = _loss_gradient(data), []
    for block, layer in zip(parameter_blocks(data.network), data.network.layers, strict=True):
        (n, m), start = block.shape, block.start
        weight = np.array(gradient[start : start + n * m], dtype=object).reshape(n, m)
        bias = np.array(gradient[start + n * m : start + block.size], dtype=object)
        exactly = np.vectorize(Fraction, otypes=[object])
        tables.append((exactly(layer.weight) * weight, exactly(layer.bias) * bias))
    return [
        sum(outgoing[:, unit]) - sum(incoming[unit]) - bias[unit]
        for (incoming, bias), (outgoing, _) in pairwise(tables)
        for unit in range(len(bias))
    ]


@claim(
    "gradient-flow-conserves",
    "Gradient flow on any loss of the outputs keeps |outgoing weights|^2 - |incoming weights|^2 - "
    "bias^2 of every hidden ReLU: c_i^2 - a_i^2 - b_i^2 for one input and output.",
    source=Source(
        "Williams et al. 2019", "one input; of any ReLU: Du, Hu, Lee 2018", Known.DERIVED
    ),
    topic=TOPIC,
    instances=_labelled,
    hypotheses=[
        Hypothesis("hidden units are ReLUs, or bend at 0 alone and are 0 there", _is_homogeneous)
    ],
)
def gradient_flow_conserves(data: Labelled, limits: Limits) -> Found:
    drifts = _drifts(data)
    moving = sum(v != 0 for v in _loss_gradient(data))
    return not any(drifts), {"units": len(drifts), "derivatives that are not 0": moving}
