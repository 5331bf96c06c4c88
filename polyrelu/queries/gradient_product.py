"""The gradients of a network over its domain: their mean outer product, and what they span."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..domain import Domain, Slice
from ..errors import DomainError, IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Array, Layer, Network, quotient
from ..progress import Meter, Progress, reporter
from ..rational import independent, inner, integer_row
from .outputs import Output, output_weights
from .where import graph_of, stopped, why_stopped

Gradient = tuple[Fraction, ...]
Rows = tuple[Gradient, ...]


@dataclass(frozen=True)
class GradientProduct:
    """Made by :func:`egop`.

    Attributes:
        integral: the integral over the domain of J^T J, J the Jacobian (of one output: g g^T),
            shape (dim, dim), in fractions.
        volume: of the domain.
        index_space: gradients, as primitive integers, that are a basis of their span.
    """

    integral: Rows
    volume: Fraction
    index_space: tuple[tuple[int, ...], ...]

    @property
    def exact(self) -> Rows:
        """The expected gradient outer product of a uniform input: ``integral / volume``."""
        return tuple(tuple(v / self.volume for v in row) for row in self.integral)

    @property
    def matrix(self) -> Array:
        """:attr:`exact`, each entry rounded once to float64."""
        return np.array([[quotient(v.numerator, v.denominator) for v in r] for r in self.exact])

    @property
    def index_rank(self) -> int:
        """The rank of the matrix, exactly: on how many linear combinations of the inputs the
        function depends."""
        return len(self.index_space)


def egop(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    output: Output | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> GradientProduct:
    """The expected gradient outer product, E[g g^T] of a uniform input, exactly: the sum over all
    regions of volume times g g^T.

    Args:
        what: a network, with a bounded domain (default its input box), or its region graph. On a
            slice gradients are those in its coordinates.
        output: the index of an output, or a weight for each. None: all of them, E[J^T J].
        limits: of the enumeration; ``seconds`` of the volumes, too.

    Raises:
        DomainError: a domain that is unbounded, or flat.
        IncompleteError: a limit came before the end.
        NetworkError: no such output.

    The cost is an exact volume for each region, some milliseconds. Regions of one affine map are
    added up first. Parkinson, Ongie, Willett, Shenouda, Nowak (index rank and EGOP of networks).
    """
    began = time.perf_counter()
    graph = _whole(what, domain, limits, progress)
    if graph.unbounded.any():
        raise DomainError("the domain must be bounded: no input is uniform on an unbounded one")
    if graph.domain.chart().dim < graph.dim:
        raise DomainError("the domain must not be flat; a Slice has coordinates of its own")
    meter = reporter(progress, "volumes")
    try:
        volumes = _volumes(graph, output, Limits.checked(limits).seconds, meter, began)
    finally:
        if isinstance(meter, Meter):
            meter.close()
    whole = sum(volumes.values(), Fraction(0))
    return GradientProduct(_integral(volumes, graph.dim), whole, _basis(volumes, graph.dim))


def _volumes(
    graph: RegionGraph,
    output: Output | None,
    most: float | None,
    report: Progress | None,
    began: float,
) -> dict[Rows, Fraction]:
    """Of all regions of one Jacobian together."""
    volumes: dict[Rows, Fraction] = defaultdict(Fraction)
    for k, region in enumerate(graph):
        seconds = time.perf_counter() - began
        if most is not None and seconds >= most:
            after = why_stopped("seconds", f"{k} of {len(graph)}")
            raise IncompleteError(f"all volumes are needed, but {after}")
        if report is not None:
            report(k, seconds)
        volumes[_jacobian(graph, k, output)] += region.exact_volume()
    return volumes


def index_space(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    output: Output | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> tuple[tuple[int, ...], ...]:
    """Gradients, as primitive integers, that are a basis of the span of all gradients; how many
    there are is the index rank. The domain may be unbounded.

    Args:
        what, domain, output, limits: as of :func:`egop`, default domain R^d.

    Raises:
        IncompleteError: a limit came before all regions were found.
        NetworkError: no such output.
    """
    graph = _whole(what, domain, limits, progress)
    return _basis((_jacobian(graph, k, output) for k in range(len(graph))), graph.dim)


def _whole(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None,
    limits: Limits | None,
    progress: bool | Progress,
) -> RegionGraph:
    graph = graph_of(what, domain, limits, progress)
    if not graph.complete:
        raise IncompleteError(f"all gradients are needed, but {stopped(graph)}")
    return graph


def _jacobian(graph: RegionGraph, region: int, output: Output | None) -> Rows:
    rows, _ = graph[region].exact_affine_map
    if output is None:
        return rows
    weights = output_weights(output, len(rows))
    return (tuple(inner(weights, column) for column in zip(*rows, strict=True)),)


def _integral(volumes: dict[Rows, Fraction], dim: int) -> Rows:
    table = [[Fraction(0)] * dim for _ in range(dim)]
    for jacobian, volume in volumes.items():
        for i in range(dim):
            for j in range(i + 1):
                table[i][j] += volume * sum(g[i] * g[j] for g in jacobian)
    return tuple(tuple(table[max(i, j)][min(i, j)] for j in range(dim)) for i in range(dim))


def _basis(jacobians: Iterable[Rows], dim: int) -> tuple[tuple[int, ...], ...]:
    gradients = sorted({tuple(integer_row(g)) for rows in jacobians for g in rows})
    chosen = independent([list(g) for g in gradients], dim)
    return tuple(gradients[i] for i in chosen)
