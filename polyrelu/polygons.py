"""The regions of a plane as polygons in float64, fast. For drawing only: nothing is certified.

:meth:`polyrelu.Region.vertices` is exact and takes about a millisecond; a picture of 20,000
regions does not need it. Here the affine forms of all regions are composed in float64 at
once, and each region is a window cut by the half-planes of its facets.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .domain import Box, Domain
from .network import Array, Layer

if TYPE_CHECKING:
    from .graph import RegionGraph

Window = tuple[float, float, float, float]
Line = tuple[float, float, float]  # a x + b y + c >= 0
Corner = tuple[float, float, int]  # a point, and the label of the edge that begins there
Polygon = list[Corner]

WINDOW_EDGE = -1
CHUNK = 4096


@dataclass(frozen=True)
class Forms:
    """The affine forms of the regions of a graph, rounded.

    Attributes:
        facets: shape (facets, dim + 1): rows g with ``g . (x, 1) >= 0`` inside.
        outputs: shape (regions, outputs, dim + 1): the network on each region.
    """

    facets: Array
    outputs: Array


def affine_forms(graph: RegionGraph) -> Forms:
    """The forms of every facet and output of a graph, composed in float64."""
    facets = np.empty((len(graph.facets), graph.dim + 1))
    outputs = np.empty((len(graph), graph.network.output_dim, graph.dim + 1))
    for start in range(0, len(graph), CHUNK):
        _forms_of_chunk(graph, start, min(start + CHUNK, len(graph)), facets, outputs)
    sides = graph.facets < 0
    if sides.any():
        rows = np.array([_floats(g) for g in graph.domain.inequalities()])
        facets[sides] = rows[-1 - graph.facets[sides]]
    size = np.abs(facets[:, :-1]).max(axis=1, initial=0.0, keepdims=True)
    facets /= np.where(size > 0, size, 1.0)
    return Forms(facets, outputs)


def _floats(row: Sequence[int]) -> list[float]:
    largest = max(map(abs, row)) or 1
    return [v / largest for v in row]


def _forms_of_chunk(
    graph: RegionGraph, start: int, stop: int, facets: Array, outputs: Array
) -> None:
    """Layer by layer for regions start..stop; writes their rows of ``facets``, ``outputs``."""
    dim, n_bits = graph.dim, len(graph.network.thresholds)
    packed = graph.packed_patterns[start:stop]
    bits = np.unpackbits(packed, axis=1, count=n_bits, bitorder="little")
    span = slice(int(graph.indptr[start]), int(graph.indptr[stop]))
    owner = np.repeat(np.arange(stop - start), np.diff(graph.indptr[start : stop + 1]))
    threshold = graph.facets[span]
    y = np.broadcast_to(np.eye(dim, dim + 1), (stop - start, dim, dim + 1))
    first = 0
    for layer in graph.network.layers:
        z = layer.weight @ y
        z[..., -1] += layer.bias
        count = len(layer.thresholds)
        here = np.flatnonzero((threshold >= first) & (threshold < first + count))
        unit = np.array([i for i, _ in layer.thresholds], dtype=np.int64)
        at = np.array([float(t) for _, t in layer.thresholds])
        which = threshold[here] - first
        rows = z[owner[here], unit[which]]
        rows[:, -1] -= at[which]
        sign = 2.0 * bits[owner[here], threshold[here]] - 1.0
        facets[span.start + here] = rows * sign[:, None]
        y = _activated(layer, z, bits[:, first : first + count], unit)
        first += count
    outputs[start:stop] = y


def _activated(
    layer: Layer, z: Array, bits: npt.NDArray[np.uint8], unit: npt.NDArray[np.int64]
) -> Array:
    """The units applied to forms ``z``, each on the piece that its bits say."""
    pieces = [[u.piece(k) for k in range(len(u.slopes))] for u in layer.units]
    most = max(map(len, pieces))
    table = np.array([[tuple(map(float, p[min(k, len(p) - 1)])) for k in range(most)]
                      for p in pieces])  # fmt: skip
    on = bits.astype(np.int64) @ (unit[:, None] == np.arange(len(pieces))).astype(np.int64)
    slope, intercept = np.moveaxis(table[np.arange(len(pieces)), on], -1, 0)
    y: Array = z * slope[..., None]
    y[..., -1] += intercept
    return y


def cut(polygon: Polygon, line: Line, label: int) -> Polygon:
    """The part of a convex polygon where ``line >= 0``; a new edge gets ``label``."""
    a, b, c = line
    values = [a * x + b * y + c for x, y, _ in polygon]
    if min(values, default=0.0) >= 0.0:
        return polygon
    kept: Polygon = []
    for i, (x, y, edge) in enumerate(polygon):
        here, there = values[i - 1], values[i]
        px, py, before = polygon[i - 1]
        if (here < 0.0) != (there < 0.0):
            t = here / (here - there)
            kept.append((px + t * (x - px), py + t * (y - py), label if there < 0.0 else before))
        if there >= 0.0:
            kept.append((x, y, edge))
    return kept if len(kept) > 2 else []


def rectangle(window: Window) -> Polygon:
    x0, x1, y0, y1 = window
    return [(x, y, WINDOW_EDGE) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]


def polygons(graph: RegionGraph, facets: Array, window: Window) -> list[Polygon]:
    """Each region of a 2-D graph within a window; edges are labelled by facet number.

    A region that does not reach into the window is an empty list.
    """
    lines = facets.tolist()
    bounds = graph.indptr.tolist()
    found = []
    for start, stop in pairwise(bounds):
        polygon = rectangle(window)
        for k in range(start, stop):
            polygon = cut(polygon, lines[k], k)
            if not polygon:
                break
        found.append(polygon)
    return found


def by_largest_output(polygon: Polygon, outputs: Array) -> Iterator[tuple[int, Polygon]]:
    """Split a polygon where the largest of its affine outputs changes.

    Args:
        outputs: shape (outputs, 3); with one output, its sign decides: class 1 where > 0.

    New edges are labelled ``-2 - c``, where c is the class on the other side.
    """
    if len(outputs) == 1:
        outputs = np.vstack([np.zeros(3), outputs])
    corners = np.array([(x, y, 1.0) for x, y, _ in polygon])
    values = outputs @ corners.T
    best = values.argmax(axis=0)
    if (best == best[0]).all():  # the others are below it at the corners, hence everywhere
        yield int(best[0]), polygon
        return
    below = (values[:, None] <= values[None]).all(axis=2)  # i never beats j
    np.fill_diagonal(below, False)
    rivals = np.flatnonzero(~(below & ~below.T).any(axis=1)).tolist()
    for c in rivals:
        part = polygon
        for other in rivals:
            if other != c and part:
                part = cut(part, tuple((outputs[c] - outputs[other]).tolist()), -2 - other)
        if part and _area(part) > 0.0:
            yield c, part


def _area(polygon: Polygon) -> float:
    return 0.5 * sum(
        polygon[i - 1][0] * y - x * polygon[i - 1][1] for i, (x, y, _) in enumerate(polygon)
    )


def centre_and_area(polygon: Polygon) -> tuple[float, float, float]:
    """The mean of the corners, and the area."""
    n = len(polygon)
    return sum(p[0] for p in polygon) / n, sum(p[1] for p in polygon) / n, _area(polygon)


def default_window(graph: RegionGraph, facets: Array) -> Window:
    """What to show: the domain if it is bounded, else where most vertices lie."""
    box = _bounds(graph.domain)
    if box is not None:
        return box
    spread = graph.witnesses
    x0, y0 = spread.min(axis=0)
    x1, y1 = spread.max(axis=0)
    size = max(x1 - x0, y1 - y0, 1.0)
    reach = (x0 - 1e3 * size, x1 + 1e3 * size, y0 - 1e3 * size, y1 + 1e3 * size)
    corners = [
        (x, y)
        for polygon in polygons(graph, facets, reach)
        for x, y, _ in polygon
        if reach[0] < x < reach[1] and reach[2] < y < reach[3]
    ]
    low, high = bulk(np.array(corners or spread))
    pad = 0.15 * float((high - low).max()) or 1.0
    pad = max(pad, float(np.spacing(np.abs([low, high]).max())) * 2**20)  # not lost by rounding
    (x0, y0), (x1, y1) = (low - pad).tolist(), (high + pad).tolist()
    return x0, x1, y0, y1


def bulk(points: Array) -> tuple[Array, Array]:
    """The bounding box of all points but those that lie far out."""
    lower, upper = np.quantile(points, [0.25, 0.75], axis=0)
    beyond = 1.5 * (upper - lower).max()
    return np.maximum(points.min(axis=0), lower - beyond), np.minimum(
        points.max(axis=0), upper + beyond
    )


def _bounds(domain: Domain) -> Window | None:
    """The bounding box of a bounded full-dimensional domain of the plane."""
    if isinstance(domain, Box):
        (x0, y0), (x1, y1) = domain.low.tolist(), domain.high.tolist()
        return x0, x1, y0, y1
    rows = domain.inequalities()
    if not rows:
        return None
    from .engine.generators import generators

    chart = domain.chart()
    corners = generators([list(g) for g in chart.constraints], 2)
    if corners.directions or corners.lines or not corners.points:
        return None
    points = np.array([[g[0] / g[2], g[1] / g[2]] for g in corners.points])
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x0, x1, y0, y1
