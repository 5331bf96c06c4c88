"""Polygons, names and walls: what pictures of a plane's regions share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..polygons import (
    Polygon,
    Window,
    centre_and_area,
)
from ..region_colors import (
    wall_color,
)
from .axes import CASING

if TYPE_CHECKING:
    from ..graph import RegionGraph
    from ..network import Array


@dataclass(frozen=True)
class ColoredPolygon:
    """A polygon of one colour: a region, or a part of one with one class."""

    region: int
    polygon: Polygon
    kind: int = 0


def add_polygons(ax: Any, pieces: list[ColoredPolygon], colors: Any) -> None:
    from matplotlib.collections import PolyCollection

    corners = [[(x, y) for x, y, _ in p.polygon] for p in pieces]
    # Edges of their own colour hide the seams that antialiasing leaves between neighbours.
    filled = PolyCollection(corners, facecolors=colors, edgecolors="face", linewidths=0.3)
    ax.add_collection(filled, autolim=False)


def write_names(
    ax: Any, pieces: list[ColoredPolygon], names: Mapping[int, str] | Sequence[str], window: Window
) -> None:
    """Each class's name, in the middle of it."""
    frame = {"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.75}
    for c, (x, y) in _label_points(pieces, window).items():
        ax.text(
            x,
            y,
            names[c],
            color=CASING,
            ha="center",
            va="center",
            zorder=5,
            fontsize=13,
            weight="bold",
            bbox=frame,
        )


def _label_points(pieces: list[ColoredPolygon], window: Window) -> dict[int, tuple[float, float]]:
    """For each class that is large enough a point of it far from other classes and the frame."""
    total = (window[1] - window[0]) * (window[3] - window[2])
    drawn = [p for p in pieces if p.polygon and np.isfinite([q[:2] for q in p.polygon]).all()]
    found = {}
    for c in sorted({p.kind for p in drawn}):
        own = [p.polygon for p in drawn if p.kind == c]
        if sum(centre_and_area(p)[2] for p in own) < 0.004 * total:
            continue
        points = np.concatenate([_marks(p) for p in own])
        room = np.minimum(
            _to_frame(points, window),
            _to_polygons(points, [p.polygon for p in drawn if p.kind != c]),
        )
        x, y = points[room.argmax()].tolist()
        found[c] = (x, y)
    return found


def _marks(polygon: Polygon) -> Array:
    """Corners, middles of sides, and the mean of the corners: shape (n, 2)."""
    corners = np.array([p[:2] for p in polygon])
    sides = (corners + np.roll(corners, 1, axis=0)) / 2
    return np.concatenate([corners, sides, corners.mean(axis=0, keepdims=True)])


def _to_frame(points: Array, window: Window) -> Array:
    low, high = np.reshape(window, (2, 2)).T
    distances: Array = np.minimum(points - low, high - points).min(axis=1)
    return distances


def _to_polygons(points: Array, polygons: list[Polygon]) -> Array:
    """How far each point is from the nearest mark of some polygons."""
    from scipy.spatial import KDTree

    if not polygons:
        return np.full(len(points), np.inf)
    distances: Array = KDTree(np.concatenate([_marks(p) for p in polygons])).query(points)[0]
    return distances


def draw_walls(
    ax: Any,
    graph: RegionGraph,
    shapes: list[Polygon],
    legend: bool,
    *,
    first: int | None = None,
    alpha: float = 1.0,
    thickness: float = 1.0,
) -> None:
    """Each wall once, in the colour of the layer whose threshold vanishes there; if asked, those of
    the first thresholds only."""
    from matplotlib.collections import LineCollection

    layer_of = [layer for layer, _, _ in graph.network.thresholds]
    threshold, neighbor = graph.facets.tolist(), graph.neighbor.tolist()
    end = len(layer_of) if first is None else first
    lines: dict[int, list[list[tuple[float, float]]]] = {}
    for region, polygon in enumerate(shapes):
        for i, (x, y, _) in enumerate(polygon):
            px, py, k = polygon[i - 1]
            if k >= 0 and 0 <= threshold[k] < end and not 0 <= neighbor[k] < region:
                lines.setdefault(layer_of[threshold[k]], []).append([(px, py), (x, y)])
    thick = float(np.clip(24.0 * thickness / np.sqrt(len(graph)), 0.12 * thickness, 1.4))
    for layer in sorted(lines):
        width = max(thick * 0.8**layer, 0.1)
        above = 2 + 1 / (2 + layer)  # earlier layers over later ones, all below zorder 3
        drawn = LineCollection(
            lines[layer], colors=wall_color(layer), linewidths=width, zorder=above, alpha=alpha
        )
        ax.add_collection(drawn, autolim=False)
        if legend:
            ax.plot(
                [],
                [],
                color=wall_color(layer),
                linewidth=max(width, 1.2),
                alpha=alpha,
                label=f"wall of layer {layer}",
            )
