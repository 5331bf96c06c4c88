"""The regions of a network with three inputs as solids: a mesh of all of their facets."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from .clipping import clipped_facet, domain_bounds
from .errors import DomainError, PolyreluError
from .mesh import Mesh, rounded_points, unit_normals
from .network import Array, quotient
from .rational import integer_row
from .region_colors import legend_names, witness_classes

if TYPE_CHECKING:
    from .graph import RegionGraph

MOST_SOLIDS = 20_000  # a page of them has some 50 MB


def region_mesh(
    graph: RegionGraph, *, gap: float = 0.08, names: Sequence[str] | None = None
) -> Mesh:
    """The facets of all regions of a bounded domain in space, each region a solid of its own.

    Args:
        gap: how much each solid is shrunk towards its middle, 0 to 1, so that one can see in
            between.
        names: of the classes, one for each output; for a single output those of <= 0 and > 0.

    Returns:
        A mesh whose ``piece_of`` is the region, whose ``regions`` are ``((region, behind),)``
        (-1: the domain's boundary, -2: unexplored) and whose ``classes`` are, twice, the class at
        the region's witness. Facets are exact and rounded once, then shrunk.

    The cost is half a millisecond a facet.

    Raises:
        DomainError: another number of coordinates, an unbounded or a flat domain, no regions, or
            too many to be looked at.
        PolyreluError: a gap that is not at least 0 and less than 1, or another number of names.
    """
    _check(graph, gap)
    bounds = domain_bounds(graph.domain)
    if bounds is None:
        raise DomainError("solids need a bounded domain: enumerate the regions in a Box")
    box = integer_row([*bounds[0], *bounds[1], Fraction(1)])
    classes = witness_classes(graph)
    vertices: list[Array] = []
    polygons, owner, equations, pairs = [], [], [], []
    total = 0
    for region in graph:
        number: dict[tuple[int, ...], int] = {}
        for k, row in enumerate(region.inequality_rows):
            points = clipped_facet(region, k, box)
            polygons.append(tuple(total + number.setdefault(p, len(number)) for p in points))
            equations.append(row)
            owner.append(region.index)
            behind = int(graph.neighbor[graph.indptr[region.index] + k])
            pairs.append(((region.index, behind),))
        corners = rounded_points(list(number))
        middle = corners.mean(axis=0)
        vertices.append(corners + gap * (middle - corners))
        total += len(number)
    piece_of = np.array(owner, dtype=np.int64)
    low, high = ([quotient(v.numerator, v.denominator) for v in side] for side in bounds)
    called = legend_names(graph.network, names)
    return Mesh(
        vertices=np.concatenate(vertices),
        polygons=tuple(polygons),
        normals=unit_normals(equations),
        piece_of=piece_of,
        classes=np.stack([classes[piece_of]] * 2, axis=1),
        regions=tuple(pairs),
        frame=np.array([low, high]),
        class_names=dict(enumerate(called)),
    )


def _check(graph: RegionGraph, gap: float) -> None:
    if graph.dim != 3:
        raise DomainError(f"solids need a graph with three coordinates, not {graph.dim}")
    if graph.equalities():
        raise DomainError("solids need a domain with an interior")
    if not 0 < len(graph) <= MOST_SOLIDS:
        raise DomainError(f"solids need 1 to {MOST_SOLIDS:,} regions, not {len(graph):,}")
    if not 0 <= gap < 1:
        raise PolyreluError(f"gap must be at least 0 and less than 1, not {gap!r}")
