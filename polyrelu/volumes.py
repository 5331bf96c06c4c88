"""The volumes of all regions at once, and how much wall lies between them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import factorial, inf, prod, sqrt

import numpy as np
from flint import fmpz_mat

from .engine.generators import generators, is_facet, simplices
from .errors import DomainError, IncompleteError
from .faces import cells_of
from .graph import RegionGraph
from .limits import Limits
from .network import Array, quotient
from .progress import Meter, Progress, reporter
from .rational import IntegerRow, dot, rows_of

UNIT = 2.0**-53


@dataclass(frozen=True, eq=False)
class RegionVolumes:
    """How large each region of a bounded domain is.

    Attributes:
        shares: shape (regions,): the volume of each region over the domain's: the probability that
            a uniform point falls into it. In float64, each off by at most ``relative_error`` of
            itself.
        relative_error: a proved bound; infinite if a share is too small for float64.
        domain_volume: of the domain, in its own coordinates (of a flat one: in its affine hull),
            rounded.
    """

    shares: Array
    relative_error: float
    domain_volume: float

    def __post_init__(self) -> None:
        self.shares.flags.writeable = False

    def __len__(self) -> int:
        return len(self.shares)

    @property
    def least(self) -> float:
        """The share of the smallest region."""
        return float(self.shares.min())

    def __repr__(self) -> str:
        return f"RegionVolumes({len(self)} regions, shares from {self.least:.3g} to " \
               f"{self.shares.max():.3g})"  # fmt: skip


def region_volumes(
    graph: RegionGraph, *, limits: Limits | None = None, progress: bool | Progress = False
) -> RegionVolumes:
    """The volume of every region of a complete graph on a bounded domain.

    Each region is divided into simplices on its exact vertices. A simplex's volume is a determinant
    of integers, rounded once; as all are positive, their sum is right to some roundings.

    Args:
        limits: the seconds that it may take.

    Raises:
        DomainError: the domain is unbounded.
        IncompleteError: the graph is not complete, or a limit was reached.

    The cost is that of :func:`polyrelu.face_complex`'s vertices, and of a triangulation: 0.1 ms a
    region in the plane, about a millisecond in four dimensions, ten times as much in five.
    """
    sums, most = [], 1  # the most simplices of a region
    for found, walls in _cells(graph, limits, progress):
        parts = _simplex_volumes(found, walls, graph.compiled.dim)
        sums.append(sum(parts))
        most = max(most, len(parts))
    volumes = np.array(sums)
    total = float(volumes.sum())
    error = (2 * most + 2 * len(graph).bit_length() + 300) * UNIT  # numpy adds by blocks of 128
    if not (volumes > most * 2.0**-1000).all() or not np.isfinite(total):
        error = inf
    return RegionVolumes(
        volumes / total, error, total * _stretch(graph) / factorial(graph.compiled.dim)
    )


def _cells(
    graph: RegionGraph, limits: Limits | None, progress: bool | Progress
) -> Iterator[tuple[list[tuple[int, ...]], list[frozenset[int]]]]:
    """For each region its vertices in the chart, and what each is on."""
    if not isinstance(graph, RegionGraph):
        raise TypeError(f"a RegionGraph is needed, such as regions(...), not {graph!r}")
    limits, report = Limits.checked(limits), reporter(progress)
    if not graph.complete:
        raise IncompleteError(f"volumes need all regions; a limit on {graph.stopped_by} stopped it")
    if not len(graph) or graph.unbounded.any():
        raise DomainError("volumes need a bounded domain: an unbounded region has no share of it")
    began = time.perf_counter()
    for i, (found, masks) in enumerate(cells_of(graph)[1]):
        seconds = time.perf_counter() - began
        if limits.seconds is not None and seconds >= limits.seconds:
            raise IncompleteError(
                f"the limit on seconds was reached after {i} of {len(graph)} regions"
            )
        yield found, [_members(mask) for mask in masks]
        if report is not None:
            report(i + 1, seconds)
    if isinstance(report, Meter):
        report.close()


def _simplex_volumes(
    found: Sequence[Sequence[int]], walls: list[frozenset[int]], dim: int
) -> list[float]:
    """d! times the volumes of simplices that make up a polytope, in the chart's coordinates."""
    parts = []
    for simplex in simplices(list(range(len(found))), walls, dim):
        corners = [found[i] for i in simplex]
        determinant = int(fmpz_mat([list(g) for g in corners]).det())
        parts.append(quotient(abs(determinant), prod(g[-1] for g in corners)))
    return parts


def _members(mask: int) -> frozenset[int]:
    return frozenset(i for i in range(mask.bit_length()) if mask >> i & 1)


def wall_content(
    graph: RegionGraph, *, limits: Limits | None = None, progress: bool | Progress = False
) -> float:
    """The total (d-1)-dimensional volume of the walls between regions: points, lengths, areas.

    Args, Raises: as of :func:`region_volumes`; on a flat domain d is its own dimension.

    Each part is exact but for a root and a rounding. The sum over all regions has each wall twice
    and the domain's boundary once, which is taken off. It is ten times dearer than volumes.
    """
    total = 0.0
    for found, walls in _cells(graph, limits, progress):
        total += _facet_content(_outside(graph.compiled.chart, found), walls, graph.compiled.dim)
    chart = graph.domain.chart()
    whole = generators(list(map(list, chart.constraints)), chart.dim)
    boundary = _facet_content(_outside(chart.matrix, whole.points), whole.on_point, chart.dim)
    return (total - boundary) / 2


def _outside(chart: fmpz_mat, points: Sequence[Sequence[int]]) -> list[IntegerRow]:
    """Points of a chart in the domain's own coordinates, homogeneous."""
    matrix = rows_of(chart)
    return [[dot(row, g) for row in matrix] for g in points]


def _facet_content(points: list[IntegerRow], walls: list[frozenset[int]], dim: int) -> float:
    """Of the whole boundary of a polytope, given by its vertices and what each is on."""
    face, total, seen = list(range(len(points))), 0.0, set()
    for wall in frozenset.union(*walls) - frozenset.intersection(*walls):
        below = tuple(i for i in face if wall in walls[i])
        if below in seen or not is_facet(below, face, walls):
            continue
        seen.add(below)
        for simplex in simplices(list(below), walls, dim - 1):
            total += _content([points[i] for i in simplex])
    return total


def _content(corners: list[IntegerRow]) -> float:
    """The k-dimensional volume of a simplex with k + 1 corners (x, w)."""
    apex, *others = corners
    if not others:
        return 1.0
    edges = [[a * apex[-1] - b * g[-1] for a, b in zip(g[:-1], apex, strict=False)] for g in others]
    gram = int(fmpz_mat([[dot(u, v) for v in edges] for u in edges]).det())
    below = prod(g[-1] * apex[-1] for g in others)
    return sqrt(quotient(gram, below * below)) / factorial(len(others))


def _stretch(graph: RegionGraph) -> float:
    """The volume of the image of a unit cube of the chart."""
    matrix = rows_of(graph.compiled.chart)
    columns = list(zip(*(row[:-1] for row in matrix[:-1]), strict=True))
    if not columns:
        return 1.0
    gram = int(fmpz_mat([[dot(u, v) for v in columns] for u in columns]).det())
    return sqrt(quotient(gram, matrix[-1][-1] ** (2 * len(columns))))
