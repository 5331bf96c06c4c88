"""The volumes of all regions at once, and how much wall lies between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import factorial, inf, prod, sqrt

import numpy as np
from flint import fmpz_mat

from .engine.generators import generators, is_facet, simplices
from .errors import DomainError, IncompleteError
from .faces import cells_of
from .graph import RegionGraph
from .limits import Limits
from .network import Array, quotient
from .progress import Progress, reporter
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

    def __len__(self) -> int:
        return len(self.shares)

    @property
    def least(self) -> float:
        """The share of the smallest region."""
        return float(self.shares.min())

    @cached_property
    def quantiles(self) -> Array:
        """Shares, decreasing: how skewed they are decides what sampling costs."""
        return np.sort(self.shares)[::-1]

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
    _check(graph)
    limits, report = Limits.checked(limits), reporter(progress)
    began = time.perf_counter()
    dim, cells = graph.compiled.dim, cells_of(graph)[1]
    volumes, most = np.empty(len(cells)), 1  # the most simplices of a region
    for i, (found, masks) in enumerate(cells):
        parts = _simplex_volumes(found, masks, dim)
        volumes[i], most = sum(parts), max(most, len(parts))
        seconds = time.perf_counter() - began
        if i % 64 == 0 and report is not None:
            report(i, seconds)
        if limits.seconds is not None and seconds >= limits.seconds and i + 1 < len(cells):
            raise IncompleteError(
                f"the limit on seconds was reached after the volumes of {i + 1} of {len(cells)} "
                f"regions"
            )
    total = float(volumes.sum())
    error = (2 * most + 2 * len(cells).bit_length() + 300) * UNIT  # numpy adds by blocks of 128
    if not (volumes > most * 2.0**-1000).all() or not np.isfinite(total):
        error = inf
    return RegionVolumes(volumes / total, error, total * _stretch(graph) / factorial(dim))


def _check(graph: RegionGraph) -> None:
    if not isinstance(graph, RegionGraph):
        raise TypeError(f"a RegionGraph is needed, such as regions(...), not {graph!r}")
    if not graph.complete:
        raise IncompleteError(f"volumes need all regions; a limit on {graph.stopped_by} stopped it")
    if not len(graph) or graph.unbounded.any():
        raise DomainError("volumes need a bounded domain: an unbounded region has no share of it")


def _simplex_volumes(found: Sequence[Sequence[int]], masks: Sequence[int], dim: int) -> list[float]:
    """d! times the volumes of simplices that make up a polytope, in the chart's coordinates."""
    walls = [_members(mask) for mask in masks]
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
    _check(graph)
    limits, report = Limits.checked(limits), reporter(progress)
    began = time.perf_counter()
    matrix, dim = rows_of(graph.compiled.chart), graph.compiled.dim
    cells, total = cells_of(graph)[1], 0.0
    for i, (found, masks) in enumerate(cells):
        points = [[dot(row, g) for row in matrix] for g in found]
        total += _facet_content(points, [_members(mask) for mask in masks], dim)
        seconds = time.perf_counter() - began
        if i % 64 == 0 and report is not None:
            report(i, seconds)
        if limits.seconds is not None and seconds >= limits.seconds and i + 1 < len(cells):
            raise IncompleteError(f"the limit on seconds was reached after the walls of {i + 1} of "
                                  f"{len(cells)} regions")  # fmt: skip
    whole = generators([list(g) for g in graph.domain.chart().constraints], dim)
    corners = [[dot(row, g) for row in rows_of(graph.domain.chart().matrix)] for g in whole.points]
    return (total - _facet_content(corners, whole.on_point, dim)) / 2


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


def _linear_part(graph: RegionGraph) -> tuple[list[IntegerRow], int]:
    """The chart as a linear map: columns in the domain's coordinates, over a common scale."""
    matrix = rows_of(graph.compiled.chart)
    return [list(c) for c in zip(*(row[:-1] for row in matrix[:-1]), strict=True)], matrix[-1][-1]


def _stretch(graph: RegionGraph) -> float:
    """The volume of the image of a unit cube of the chart."""
    columns, scale = _linear_part(graph)
    if not columns:
        return 1.0
    gram = int(fmpz_mat([[dot(u, v) for v in columns] for u in columns]).det())
    return sqrt(quotient(gram, scale ** (2 * len(columns))))
