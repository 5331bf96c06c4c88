"""Which values one output of a network takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..answer import Answer, Status
from ..domain import Domain, Slice, Space
from ..errors import IncompleteError, NetworkError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network, quotient
from ..notebook import InNotebook
from ..progress import Progress
from ..rational import ExactPoint, dot, rows_of
from ..region import Region
from .outputs import Output, combination, output_weights
from .where import as_network, graph_of, stopped

Weights = tuple[Fraction, ...]


@dataclass(frozen=True)
class End:
    """One end of the range of values.

    Attributes:
        value: the least or greatest value, attained at ``point``; None: there is none.
        point: a point of the domain, exactly.
        direction: if there is none: along it, from ``point``, the values have no bound.
    """

    value: Fraction | None
    point: ExactPoint
    direction: ExactPoint | None = None


@dataclass(frozen=True)
class OutputRange(InNotebook):
    """The values of one output on a convex domain, an interval: they are exactly those between
    ``low`` and ``high``, ends included where they are finite."""

    low: End
    high: End


def output_range(
    network: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    output: Output | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> OutputRange:
    """The exact range of one output, from the vertices and rays of all regions.

    Args:
        output: of a network with several outputs, the index of one, or a weight for each: the range
            of that linear combination, as (1, -1, 0) for by how much the first exceeds the second.

    Raises:
        NetworkError: more than one output, and ``output`` does not say which.
        IncompleteError: a limit was reached; the range needs all regions.
    """
    graph = _graph(network, domain, limits, progress, output)
    if not graph.complete:
        raise IncompleteError(f"the range needs all regions, but {stopped(graph)}")
    return _range([graph], weights_of(graph.network, output))


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
    graph = _graph(network, domain, limits, progress)
    stats = {"regions": len(graph)}
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph), stats=stats)
    return surjectivity(_range([graph], (Fraction(1),)), stats)


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


def range_of_graphs(
    network: Network, graphs: Iterable[RegionGraph], output: Output | None = None
) -> OutputRange:
    """The exact range of one output of a network, of which these graphs have all regions.

    Raises:
        NetworkError: as :func:`output_range`.
    """
    return _range(graphs, weights_of(network, output))


def _range(graphs: Iterable[RegionGraph], weights: Weights) -> OutputRange:
    ends: dict[int, End] = {}
    for graph in graphs:
        for region in graph:
            for sign in (-1, 1):
                best = ends.get(sign)
                if best is not None and best.value is None:
                    continue
                end = _end_of_region(region, sign, weights)
                if best is None or best.value is None or end.value is None \
                        or sign * end.value > sign * best.value:  # fmt: skip
                    ends[sign] = end
    return OutputRange(ends[-1], ends[1])


def _end_of_region(region: Region, sign: int, weights: Weights) -> End:
    """The greatest value (sign = 1) or the least (-1) on a region."""
    matrix = rows_of(region.graph.compiled.chart)
    form, scale = combination(weights, region.output_form)
    best: tuple[Fraction, ExactPoint] | None = None
    for line in region.exact_lines():
        slope = dot(form[:-1], line)
        if slope:
            turned = line if slope * sign > 0 else [-v for v in line]
            return End(None, region.exact_point(), tuple(map(Fraction, turned)))
    for g in region.generators():
        x = [dot(row, g) for row in matrix]
        value = dot(form, x)
        if x[-1] == 0:
            if sign * value > 0:
                return End(None, region.exact_point(), tuple(map(Fraction, x[:-1])))
            continue
        exact = Fraction(value) / (scale * x[-1])
        if best is None or sign * exact > sign * best[0]:
            best = exact, tuple(Fraction(v, x[-1]) for v in x[:-1])
    assert best is not None, "a region has a point of some minimal face"
    return End(*best)
