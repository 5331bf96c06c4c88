"""What many claims need: random networks, all regions or none, general position."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..domain import Domain, Space
from ..enumeration import regions
from ..errors import IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from ..queries.where import stopped
from .claim import Hypothesis, Instances

Widths = tuple[int, ...]


def gaussian_network(rng: np.random.Generator, widths: Sequence[int]) -> Network:
    """ReLU layers of these widths, the first that of the input, and one affine output. Weights
    have variance 2 / fan-in (He et al. 2015), biases 1/4."""
    layers = [
        (rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 2)
        for m, n in pairwise(widths)
    ]
    return Network.from_layers([*layers, (rng.normal(size=(1, widths[-1])), [0.0])])


def gaussian_networks(quick: Iterable[Widths], full: Iterable[Widths]) -> Instances:
    """Instances: a Gaussian network for each of these widths; ``full`` has those of ``quick``,
    too."""
    shapes = {"quick": list(quick)}
    shapes["full"] = [*shapes["quick"], *full]

    def drawn(rng: np.random.Generator, size: str) -> Iterator[tuple[str, Network]]:
        for widths in shapes[size]:
            yield "-".join(map(str, widths)), gaussian_network(rng, widths)

    return drawn


def all_regions(network: Network, limits: Limits, domain: Domain | None = None) -> RegionGraph:
    """Every region, default of the whole input space.

    Raises:
        IncompleteError: a limit was reached.
        KeyboardInterrupt: Ctrl-C.
    """
    where = Space(network.input_dim) if domain is None else domain
    graph = regions(network, where, limits=limits)
    if graph.stopped_by == "interrupt":
        raise KeyboardInterrupt
    if not graph.complete:
        raise IncompleteError(f"all regions are needed, but {stopped(graph)}")
    return graph


def _is_generic(network: Any, limits: Limits) -> bool:
    """No facet on two bent hyperplanes, nothing that vanishes on a region, and all regions have
    vertices."""
    graph = all_regions(network, limits)
    return not len(graph.coincident) and not len(graph.vanishing) and not graph.lines


GENERIC = Hypothesis(
    "no pre-activation vanishes on a region and no two on a wall; regions hold no line", _is_generic
)
