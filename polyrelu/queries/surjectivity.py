"""Which values one output of a network takes."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..answer import Answer, Status
from ..domain import Domain, Slice, Space
from ..errors import IncompleteError, NetworkError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network, quotient
from ..notebook import InNotebook
from ..progress import Progress
from .ends import End, Regions, Weights, ends
from .outputs import Output, output_weights
from .where import as_network, graph_of, stopped


@dataclass(frozen=True)
class OutputRange(InNotebook):
    """The values of one output on a convex domain, an interval: they are exactly those between
    ``low`` and ``high``, ends included where they are finite."""

    low: End
    high: End


def output_range(
    network: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    output: Output | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> OutputRange:
    """The exact range of one output.

    Regions are enumerated once more for each end, mostly, with the value that is the end as a
    threshold: certified signs say that it is exceeded nowhere.

    Args:
        network: or its regions, which have their domain already.
        output: of a network with several outputs, the index of one, or a weight for each: the range
            of that linear combination, as (1, -1, 0) for by how much the first exceeds the second.

    Raises:
        NetworkError: more than one output, and ``output`` does not say which.
        IncompleteError: a limit was reached; the range needs all regions.
    """
    bounds, began = Limits.checked(limits), time.perf_counter()
    graph = _graph(network, domain, limits, progress, output)
    if not graph.complete:
        raise IncompleteError(f"the range needs all regions, but {stopped(graph)}")
    left = bounds.after(time.perf_counter() - began)
    return range_of(graph, [graph], output, left, progress)


def is_surjective(
    network: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Answer:
    """Does a network with one output take every real value on a domain (default R^n)?

    It does iff its values are unbounded above and below: some region contains a ray along which
    they rise, some region one along which they fall. (Without biases and with one hidden layer:
    iff neither of two zonotopes contains the other, Froese, Grillo, Skutella 2025.)

    Args:
        network: or its regions, which have their domain already.

    Returns:
        PROVED with both rays as certificate, or REFUTED with the least or greatest value and where
        it is taken as witness.
    """
    if domain is None and not isinstance(network, RegionGraph):
        domain = Space(as_network(network).input_dim)
    bounds, began = Limits.checked(limits), time.perf_counter()
    graph = _graph(network, domain, limits, progress)
    stats = {"regions": len(graph)}
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph), stats=stats)
    left = bounds.after(time.perf_counter() - began)
    try:
        return surjectivity(range_of(graph, [graph], None, left, progress), stats)
    except IncompleteError as error:
        return Answer(Status.UNKNOWN, str(error), stats=stats)


def surjectivity(found: OutputRange, stats: dict[str, Any]) -> Answer:
    """What a range says of :func:`is_surjective`."""
    for end, name in ((found.high, "greatest"), (found.low, "least")):
        if end.value is not None:
            reason = f"the {name} value is {quotient(*end.value.as_integer_ratio()):.6g}"
            return Answer(Status.REFUTED, reason, witness=end, stats=stats)
    reason = "values are unbounded above and below"
    return Answer(Status.PROVED, reason, certificate=found, stats=stats)


def _graph(
    network: Layer | Network | RegionGraph,
    domain: Domain | Slice | None,
    limits: Limits | None,
    progress: bool | Progress,
    output: Output | None = None,
) -> RegionGraph:
    of = network.network if isinstance(network, RegionGraph) else as_network(network)
    weights_of(of, output)
    return graph_of(network, domain, limits, progress)


def weights_of(network: Network, output: Output | None) -> Weights:
    """Of the outputs whose range is asked for; see :func:`output_range`."""
    if output is None and network.output_dim != 1:
        raise NetworkError(f"the network must have one output, not {network.output_dim}")
    return output_weights(0 if output is None else output, network.output_dim)


def range_of(
    regions: Regions,
    graphs: Iterable[RegionGraph],
    output: Output | None,
    limits: Limits | None,
    progress: bool | Progress,
) -> OutputRange:
    """The exact range of one output on regions that are complete; ``graphs`` are these, part by
    part.

    Raises:
        NetworkError, IncompleteError: as :func:`output_range`.
    """
    weights = weights_of(regions.network, output)
    return OutputRange(*ends(regions, graphs, weights, Limits.checked(limits), progress))
