"""Is a whole network injective on a convex domain? On its region graph, exactly.

It is iff on every region its map has full column rank and no two regions' closures have different
points with the same image (docs/injectivity.md).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from ..activations import identity, relu
from ..answer import Answer, Status
from ..domain import Domain
from ..enumeration import regions
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Affine, Layer, Network
from ..progress import Progress
from ..rational import IntegerRow, dot, dot_point, null_space, rows_of
from ..region import Region
from .images import Images, candidate_pairs, column_rank, meeting_points, uncertain_pairs
from .witness import Collision, ExactPoint


@dataclass(frozen=True, eq=False)
class GraphCertificate:
    """A proof by all regions: that of each the map has full rank, and of each pair the images
    meet only in that of the common face.

    Attributes:
        graph: the regions.
        pairs: how many pairs of images were too close for bounding polytopes.
    """

    graph: RegionGraph
    pairs: int

    def __repr__(self) -> str:
        return f"GraphCertificate({len(self.graph)} regions, {self.pairs} pairs)"


def rank_deficient(regions: Sequence[Region]) -> Region | None:
    """The first region whose map is not injective on it."""
    if not regions:
        return None
    matrix = regions[0].graph.domain.chart().matrix
    rank = int(matrix.ncols()) - 1
    return next((r for r in regions if column_rank(local_linear_map(r, matrix), rank) < rank), None)


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


def decide_on_graph(
    network: Network, domain: Domain, limits: Limits, progress: bool | Progress
) -> Answer:
    """Is a network injective on a domain? By all regions and pairs of regions."""
    began = time.perf_counter()
    graph = regions(network, domain, limits=limits, progress=progress)
    found = list(graph)  # each keeps what was worked out for it
    bad = rank_deficient(found)
    stats = {"regions": len(graph), "seconds": time.perf_counter() - began}
    if bad is not None:
        reason = "on some region the network's map has too little rank"
        return Answer(Status.REFUTED, reason, witness=collision_inside(bad), stats=stats)
    if not graph.complete:
        reason = f"the limit on {graph.stopped_by} was reached after {len(graph)} regions"
        return Answer(Status.UNKNOWN, reason, stats=stats)
    if any(region.has_lines for region in found):
        graph = regions(_without_lines(network), domain, limits=limits, progress=progress)
        found = list(graph)
    images = Images(found)
    rounded = images.rounded()
    n_pairs = n_exact = 0
    for pairs in candidate_pairs(images, *rounded):
        n_pairs += len(pairs)
        for a, b in uncertain_pairs(images, pairs, rounded).tolist():
            n_exact += 1
            points = meeting_points(images, a, b)
            if points is not None:
                stats |= {"pairs": n_pairs, "exact_pairs": n_exact,
                          "seconds": time.perf_counter() - began}  # fmt: skip
                reason = "two regions have images that meet where the regions do not"
                witness = network_collision(network, *points)
                return Answer(Status.REFUTED, reason, witness=witness, stats=stats)
        stopped = limits.reached(0, time.perf_counter() - began, 0, None)
        if stopped is not None:
            reason = f"the limit on {stopped} was reached after {n_pairs} pairs of regions"
            return Answer(Status.UNKNOWN, reason, stats=stats)
    stats |= {"pairs": n_pairs, "exact_pairs": n_exact, "seconds": time.perf_counter() - began}
    reason = "every region's map has full rank, and images of regions meet only where they touch"
    certificate = GraphCertificate(graph, n_pairs)
    return Answer(Status.PROVED, reason, certificate=certificate, stats=stats)


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
