"""Is a whole network injective on a convex domain? On its region graph, exactly.

It is iff on every region its map has full column rank and no two regions' closures have different
points with the same image (docs/injectivity.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpz_mat

from ..activations import identity, relu
from ..answer import Answer, Status
from ..domain import Domain
from ..enumeration import regions
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Affine, Layer, Network
from ..progress import Progress, compilation_announced, reporter
from ..rational import ExactPoint, IntegerRow, dot, dot_point, null_space, rows_of
from ..region import Region
from .images import Images, candidate_pairs, column_rank, meeting_points, uncertain_pairs
from .where import stopped, why_stopped
from .witness import Collision

FEW_REGIONS = 256  # that are looked at before all are enumerated


@dataclass(frozen=True, eq=False)
class GraphCertificate:
    """A proof by all regions: that of each the map has full rank, and of each pair the images
    meet only in that of the common face.

    Attributes:
        graph: the regions.
        pairs: how many pairs of images were too close for bounding polytopes.
        local: only pairs with a common point were looked at.
    """

    graph: RegionGraph
    pairs: int
    local: bool = False

    def __len__(self) -> int:
        """The number of regions."""
        return len(self.graph)

    def __repr__(self) -> str:
        return f"GraphCertificate({len(self.graph)} regions, {self.pairs} pairs)"


def rank_deficient(graph: RegionGraph) -> Region | None:
    """The first region whose map is not injective on it."""
    matrix = graph.domain.chart().matrix
    return next((region for region in graph if not has_full_rank(region, matrix)), None)


def has_full_rank(region: Region, matrix: fmpz_mat) -> bool:
    """Is the region's map injective on it, in the coordinates of a chart?"""
    rank = int(matrix.ncols()) - 1
    return column_rank(local_linear_map(region, matrix), rank) == rank


def local_linear_map(region: Region, matrix: fmpz_mat) -> list[IntegerRow]:
    """The linear part of the output in the coordinates of a chart, up to a positive factor."""
    return [row[:-1] for row in rows_of(fmpz_mat(region.output_form) * matrix)[:-1]]


def collision_inside(region: Region) -> Collision:
    """Two points of a region whose map lacks rank."""
    graph = region.graph
    matrix = graph.domain.chart().matrix
    k = int(matrix.ncols()) - 1
    along = null_space(local_linear_map(region, matrix), k)[0]
    linear = [row[:-1] for row in rows_of(matrix)[:-1]]
    direction = [dot(row, along) for row in linear]
    x = graph.exact_point(region.index)
    ratios = [
        dot_point(g, x) / -slope
        for g in region.inequality_rows
        if (slope := Fraction(dot(g[:-1], direction))) < 0
    ]
    step = min((r / 2 for r in ratios), default=Fraction(1))
    y = tuple(a + step * v for a, v in zip(x, direction, strict=True))
    return network_collision(graph.network, x, y)


def network_collision(network: Network, x: ExactPoint, y: ExactPoint) -> Collision:
    """Check that two points collide, and say where."""
    (a, _), (b, _) = network.exact(x), network.exact(y)
    assert x != y, "the points of a refutation differ"
    assert a == b, "the points of a refutation have the same output"
    return Collision(x, y, a)


class _Stopped(Exception):
    """By a limit, after something."""


@dataclass
class _Clock:
    """Looks at the limit on seconds, and reports how many regions are done."""

    limits: Limits
    progress: Progress | None

    def __post_init__(self) -> None:
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began

    @property
    def is_over(self) -> bool:
        return self.limits.seconds is not None and self.seconds >= self.limits.seconds

    def check(self, count: int, what: str) -> None:
        by = self.limits.reached(0, self.seconds, 0, None)
        if by is not None:
            raise _Stopped(why_stopped(by, f"{count} {what}"))
        if self.progress is not None and what == "regions":
            self.progress(count, self.seconds)


def decide_on_graph(
    network: Network, domain: Domain, limits: Limits, progress: bool | Progress, local: bool = False
) -> Answer:
    """Is a network injective on a domain? By all regions and pairs of regions; for ``local`` only
    of pairs that have a point in common. A few regions are looked at first: networks that are
    not injective are seldom so on many."""
    clock = _Clock(limits, reporter(progress))
    few = min(FEW_REGIONS, limits.regions or FEW_REGIONS)
    answer = None
    for bounds in (replace(limits, regions=few), limits):
        graph = regions(network, domain, limits=bounds.after(clock.seconds), progress=progress)
        answer = _on_graph(network, graph, clock, local)
        if answer is None:
            return decide_on_graph(_without_lines(network), domain, limits, progress, local)
        few_were_too_few = graph.stopped_by == "regions" and limits.regions != few
        if answer.status is not Status.UNKNOWN or not few_were_too_few or clock.is_over:
            break
    assert answer is not None
    return answer


def _on_graph(network: Network, graph: RegionGraph, clock: _Clock, local: bool) -> Answer | None:
    stats: dict[str, Any] = {"regions": len(graph)}
    try:
        with compilation_announced():
            answer = _on_regions(network, graph, clock, stats, local)
    except _Stopped as reason:
        answer = Answer(Status.UNKNOWN, str(reason))
    if answer is None:
        return None
    return replace(answer, stats=stats | {"seconds": clock.seconds})


def _on_regions(
    network: Network, graph: RegionGraph, clock: _Clock, stats: dict[str, Any], local: bool
) -> Answer | None:
    """First the ranks, then the pairs; None if some region contains a line."""
    images = Images(graph)
    matrix = graph.domain.chart().matrix
    lines = False
    for region in graph:  # each keeps its forms: one by one, so that they can go
        if not has_full_rank(region, matrix):
            reason = "on some region the network's map has too little rank"
            return Answer(Status.REFUTED, reason, witness=collision_inside(region))
        clock.check(region.index, "regions")
        lines = lines or bool(region.exact_lines())
        if not lines:
            images.add(region)
    if lines:
        return None if graph.complete else Answer(Status.UNKNOWN, stopped(graph))
    images.close()
    points = _first_collision(images, clock, stats, local)
    if points is not None:
        where = "next to where they touch" if local else "where the regions do not"
        witness = network_collision(network, *points)
        return Answer(Status.REFUTED, f"two regions have images that meet {where}", witness)
    if not graph.complete:
        return Answer(Status.UNKNOWN, stopped(graph))
    reason = "every region's map has full rank, and images of regions"
    reason += " that touch" if local else ""
    certificate = GraphCertificate(graph, stats["pairs"], local)
    return Answer(Status.PROVED, f"{reason} meet only where they touch", certificate=certificate)


def _first_collision(
    images: Images, clock: _Clock, stats: dict[str, Any], local: bool
) -> tuple[ExactPoint, ExactPoint] | None:
    """Two points of different regions with one image, if there are any."""
    rounded = images.rounded()
    stats |= {"pairs": 0, "exact_pairs": 0}
    for candidates in candidate_pairs(images, *rounded):
        pairs = images.touching(candidates) if local else candidates
        stats["pairs"] += len(pairs)
        for a, b in uncertain_pairs(images, pairs, rounded).tolist():
            clock.check(stats["pairs"], "pairs of regions")
            stats["exact_pairs"] += 1
            points = meeting_points(images, a, b)
            if points is not None:
                return points
        clock.check(stats["pairs"], "pairs of regions")
    return None


def _without_lines(network: Network) -> Network:
    """The same function, its regions cut by the coordinate hyperplanes: none contains a line."""
    d = network.input_dim
    twice = Affine(np.vstack([np.eye(d), np.eye(d)]), np.zeros(2 * d))
    cut = Layer([twice], [identity()] * d + [relu()] * d)
    first, *rest = network.layers
    factor = first.factors[0]
    padded = Affine(
        np.hstack([factor.weight, np.zeros((len(factor.weight), d))]), factor.bias, factor.divisor
    )
    return Network((cut, Layer([padded, *first.factors[1:]], first.units), *rest))
