"""What many claims need: random networks, all regions or none, general position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from ..arrangement import Arrangement
from ..domain import Domain, Slice, Space
from ..enumeration import regions
from ..errors import IncompleteError
from ..faces import face_complex
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Affine, Array, Layer, Network
from ..queries.boundary import DecisionBoundary, decision_boundary
from ..queries.counting import region_bounds
from ..queries.where import stopped
from .claim import Hypothesis, Instances

Widths = tuple[int, ...]


def he_layers(
    rng: np.random.Generator, widths: Sequence[int], bias: float
) -> list[tuple[Array, Array]]:
    """Weights of variance 2 / fan-in (He et al. 2015), biases of a deviation."""
    return [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), bias * rng.normal(size=n))
        for m, n in pairwise(widths)
    ]


def gaussian_network(rng: np.random.Generator, widths: Sequence[int]) -> Network:
    """ReLU layers of these widths, the first that of the input, and one affine output: He weights,
    biases of variance 1/4."""
    layers = he_layers(rng, widths, 0.5)
    return Network.from_layers([*layers, (rng.normal(size=(1, widths[-1])), [0.0])])


def gaussian_networks(quick: Iterable[Widths], full: Iterable[Widths] = ()) -> Instances:
    """Instances: a Gaussian network for each of these widths; ``full`` has those of ``quick``,
    too."""
    shapes = {"quick": list(quick)}
    shapes["full"] = [*shapes["quick"], *full]

    def drawn(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
        for widths in shapes[size]:
            yield named(widths), gaussian_network(rng, widths)

    return drawn


def named(widths: Iterable[int]) -> str:
    """Widths as text, 2-8-6."""
    return "-".join(map(str, widths))


def simple_arrangements(
    quick: Iterable[tuple[int, int]], full: Iterable[tuple[int, int]] = ()
) -> Instances:
    """Instances: n Gaussian hyperplanes of R^d for each of these (n, d)."""
    shapes = {"quick": list(quick)}
    shapes["full"] = [*shapes["quick"], *full]

    def drawn(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Arrangement]]:
        for n, d in shapes[size]:
            yield f"{n} in R^{d}", Arrangement(rng.normal(size=(n, d)), rng.normal(size=n))

    return drawn


def all_regions(
    network: Network, limits: Limits, domain: Domain | Slice | None = None
) -> RegionGraph:
    """Every region, default of the whole input space.

    Raises:
        IncompleteError: a limit was reached.
        KeyboardInterrupt: Ctrl-C.
    """
    where = Space(network.input_dim) if domain is None else domain
    graph = regions(network, where, limits=limits)
    _need_all(graph)
    return graph


def _need_all(graph: RegionGraph) -> None:
    if graph.stopped_by == "interrupt":
        raise KeyboardInterrupt
    if not graph.complete:
        raise IncompleteError(f"all regions are needed, but {stopped(graph)}")


def whole_boundary(network: Network, limits: Limits) -> DecisionBoundary:
    """{network = 0} in R^d.

    Raises:
        IncompleteError: a limit was reached.
        KeyboardInterrupt: Ctrl-C.
    """
    boundary = decision_boundary(network, Space(network.input_dim), limits=limits)
    _need_all(boundary.graph)
    return boundary


def hidden_widths(network: Network) -> tuple[int, ...]:
    """Of a ReLU network; an affine output is no hidden layer.

    Raises:
        NetworkError: other units.
    """
    return region_bounds(network).widths[1:]


def with_last_neurons(network: Network, kept: int) -> Network:
    """With only the first ``kept`` neurons of the last hidden layer."""
    hidden, output = network.layers[-2:]
    first = np.eye(hidden.out_features)[:kept]
    narrower = Layer([*hidden.factors, Affine(first, np.zeros(kept))], hidden.units[:kept])
    back = Affine(first.T, np.zeros(hidden.out_features))
    return Network((*network.layers[:-2], narrower, Layer([back, *output.factors], output.units)))


def _is_generic(network: Network, limits: Limits) -> bool:
    graph = all_regions(network, limits)
    if len(graph.coincident) or len(graph.vanishing) or graph.lines:
        return False
    cells = face_complex(graph)
    return not cells.n_lines and all(v.signs().count(0) == cells.dim for v in cells.faces(0))


SIMPLE = Hypothesis("the hyperplanes are in general position", lambda a, limits: a.is_simple)
GENERIC = Hypothesis(
    "general position: as many pre-activations vanish at each vertex as there are inputs, one on "
    "each wall and none on a region; some region has a vertex",
    _is_generic,
)
