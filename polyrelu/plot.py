"""Pictures of the regions of a plane, and what all pictures share. Other pictures have modules of
their own, whose functions are also found here.

Needs ``pip install polyrelu[plot]``. What is drawn is rounded to float64; the graph is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .domain import Domain, Slice
from .errors import DomainError
from .io._extras import require
from .network import Array, Network
from .polygons import (
    WINDOW_EDGE,
    Forms,
    Polygon,
    Window,
    affine_forms,
    by_largest_output,
    centre_and_area,
    default_window,
    polygons,
)
from .region_colors import (
    check_color,
    color_bar,
    fill,
    plain_color,
    region_values,
    scale,
    wall_color,
)
from .region_colors import class_names as names_of

if TYPE_CHECKING:
    from .graph import RegionGraph
    from .limits import Limits
    from .plot_boundary import plot_boundary as plot_boundary
    from .plot_folding import plot_distances as plot_distances
    from .plot_folding import plot_folding as plot_folding
    from .plot_graph import plot_graph as plot_graph
    from .plot_line import plot_line as plot_line
    from .plot_path import plot_folding_table as plot_folding_table
    from .plot_path import plot_path as plot_path
    from .plot_sampling import plot_recall as plot_recall
    from .plot_separability import plot_separability as plot_separability
    from .plot_similarity import plot_similarity as plot_similarity
    from .plot_solids import plot_solids as plot_solids
    from .plot_training import save_training as save_training
    from .plot_walk import plot_walk as plot_walk
    from .viewer import save_html as save_html

BOUNDARY, CASING = "#ffffff", "#16191d"

_ELSEWHERE = {
    "plot_boundary": "plot_boundary",
    "plot_distances": "plot_folding",
    "plot_folding": "plot_folding",
    "plot_folding_table": "plot_path",
    "plot_graph": "plot_graph",
    "plot_line": "plot_line",
    "plot_path": "plot_path",
    "plot_recall": "plot_sampling",
    "plot_separability": "plot_separability",
    "plot_similarity": "plot_similarity",
    "plot_solids": "plot_solids",
    "plot_walk": "plot_walk",
    "save_html": "viewer",
    "save_training": "plot_training",
}
__all__ = ["plot_regions", "plot_slice", *sorted(_ELSEWHERE)]


def __getattr__(name: str) -> Any:
    """Other pictures have modules of their own, that draw with what is here."""
    if name in _ELSEWHERE:
        return getattr(import_module(f".{_ELSEWHERE[name]}", __package__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


@dataclass(frozen=True)
class ColoredPolygon:
    """A polygon of one colour: a region, or a part of one with one class."""

    region: int
    polygon: Polygon
    kind: int = 0


def plot_regions(
    graph: RegionGraph,
    *,
    color: str | npt.ArrayLike = "class",
    output: int | None = None,
    walls: bool = True,
    boundary: bool | None = None,
    window: Window | None = None,
    class_names: Sequence[str] | None = None,
    color_range: tuple[float, float] | None = None,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Draw the regions of a 2-D graph as coloured polygons, and the walls between them.

    Args:
        color: what fills a region.
            ``"class"``: the largest output, or the sign of a single one; where it changes
            inside a region, the region is divided there.
            ``"gradient"``: the norm of the gradient (of all outputs: Frobenius);
            ``"direction"``: the angle of the gradient of one output;
            ``"pattern"``: an arbitrary colour that depends on nothing but the pattern;
            ``"active"``: how many thresholds are exceeded; ``"degree"``: how many neighbours;
            ``"index"``; ``"none"``, for pictures of the walls, drawn thicker; or an array of one
            number for each region.
        output: for the gradient: of this output only.
        walls: draw the walls, in a colour for each layer that bends there.
        boundary: draw a white line where the class changes inside a region; default with
            ``"class"`` only.
        window: ``(x0, x1, y0, y1)``; default the domain's bounds, or where most vertices are.
        class_names: one for each output; for a single output those of ``<= 0`` and ``> 0``.
        color_range: the numbers at the ends of the colours; default the least and the greatest.
        legend: for classes and walls, or the colour bar.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes. ``ax.figure.savefig("regions.png")`` writes a file.

    Drawing 20,000 regions takes about two seconds.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError: the graph is not two-dimensional, or empty, or the window is.
        PolyreluError: an unknown colour, or an output that is not there.
    """
    require("matplotlib", "plot")
    _check(graph, color, output, window)
    forms = affine_forms(graph)
    window = default_window(graph, forms.facets) if window is None else window
    shapes = polygons(graph, forms.facets, window)
    own = ax is None
    ax = new_axes() if own else ax
    by_class = isinstance(color, str) and color == "class"
    drawn = by_class if boundary is None else boundary
    parts = _classes(shapes, forms.outputs) if by_class or drawn else []
    if by_class:
        _draw_classes(ax, parts, names_of(graph.network, class_names), window, legend)
    else:
        pieces = [ColoredPolygon(i, shape) for i, shape in enumerate(shapes) if shape]
        _draw_values(ax, graph, forms, pieces, color, output, color_range, legend)
    if drawn:
        _draw_boundary(ax, parts, cased=not by_class, legend=legend and not by_class)
    if walls:
        bare = isinstance(color, str) and color == "none"
        draw_walls(ax, graph, shapes, legend, thickness=1.8 if bare else 1.0)
    finish(ax, graph, window, legend)
    if own:
        fit_figure(ax)
    return ax


def plot_slice(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    limits: Limits | None = None,
    color: str | npt.ArrayLike = "class",
    output: int | None = None,
    walls: bool = True,
    window: Window | None = None,
    ax: Any = None,
) -> Any:
    """Enumerate the regions on a plane (or a line) and draw them.

    Args:
        domain: a :class:`Slice`, or a 2-D or 1-D domain; default the network's input box.

    The other arguments are those of :func:`plot_regions`, to which a graph that is already
    there should be given. On a line only ``limits``, ``walls`` and ``ax`` matter.
    """
    require("matplotlib", "plot")
    from .enumeration import regions

    graph = regions(network, domain, limits=limits)
    if graph.dim == 1:
        from .plot_line import plot_line

        return plot_line(graph, walls=walls, ax=ax)
    return plot_regions(graph, color=color, output=output, walls=walls, window=window, ax=ax)


# --- what is wrong with the request --------------------------------------------------------------


def _check(
    graph: RegionGraph, color: str | npt.ArrayLike, output: int | None, window: Window | None
) -> None:
    if graph.dim != 2:
        plane = "enumerate on a Slice with two directions"
        hints = {1: "use plot_line", 3: f"use plot_solids, or {plane}"}
        hint = hints.get(graph.dim, plane)
        raise DomainError(
            f"plot_regions needs a graph with two coordinates, not {graph.dim}: {hint}"
        )
    if graph.equalities():
        raise DomainError("plot_regions needs a domain with an interior in the plane")
    if not len(graph):
        raise DomainError("plot_regions needs at least one region")
    check_color(graph, color, output)
    if window is not None and not (window[0] < window[1] and window[2] < window[3]):
        raise DomainError(f"window must be (x0, x1, y0, y1) with x0 < x1 and y0 < y1, not {window}")


# --- fills -------------------------------------------------------------------------------------


def _classes(shapes: list[Polygon], outputs: Array) -> list[ColoredPolygon]:
    return [
        ColoredPolygon(i, part, c)
        for i, shape in enumerate(shapes)
        if shape
        for c, part in by_largest_output(shape, outputs[i])
    ]


def _draw_classes(
    ax: Any, pieces: list[ColoredPolygon], names: Sequence[str], window: Window, legend: bool
) -> None:
    add_polygons(ax, pieces, [fill(p.kind) for p in pieces])
    write_names(ax, pieces, names, window)
    if legend:
        for c in sorted({p.kind for p in pieces})[:20]:
            ax.plot([], [], "s", markersize=11, color=fill(c), label=f"class {names[c]}")


def _draw_boundary(ax: Any, pieces: list[ColoredPolygon], cased: bool, legend: bool) -> None:
    """White; among many colours with a dark rim."""
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import Normal, Stroke

    lines = list(_decision_lines(pieces))
    if not lines:
        return
    line = LineCollection(lines, colors=BOUNDARY, linewidths=2.2, zorder=3)
    line.set_capstyle("round")
    rim = [Stroke(linewidth=4.2, foreground=CASING), Normal()] if cased else []
    line.set_path_effects(rim)
    ax.add_collection(line, autolim=False)
    if legend:
        ax.plot([], [], color=BOUNDARY, linewidth=2.2, path_effects=rim, label="decision boundary")


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


def _draw_values(
    ax: Any,
    graph: RegionGraph,
    forms: Forms,
    pieces: list[ColoredPolygon],
    color: str | npt.ArrayLike,
    output: int | None,
    ends: tuple[float, float] | None,
    legend: bool,
) -> None:
    if isinstance(color, str) and color in ("none", "pattern"):
        add_polygons(ax, pieces, [plain_color(graph, p.region, color) for p in pieces])
        return
    values = region_values(graph, forms, color, output)
    mappable, label = scale(color, values, ends)
    add_polygons(ax, pieces, mappable.to_rgba(values[[p.region for p in pieces]]))
    if legend:
        color_bar(ax, mappable, label)


def add_polygons(ax: Any, pieces: list[ColoredPolygon], colors: Any) -> None:
    from matplotlib.collections import PolyCollection

    corners = [[(x, y) for x, y, _ in p.polygon] for p in pieces]
    # Edges of their own colour hide the seams that antialiasing leaves between neighbours.
    filled = PolyCollection(corners, facecolors=colors, edgecolors="face", linewidths=0.3)
    ax.add_collection(filled, autolim=False)


def _decision_lines(pieces: list[ColoredPolygon]) -> Iterator[list[tuple[float, float]]]:
    """Where the largest output changes inside a region; each line once."""
    for piece in pieces:
        for i, (x, y, _) in enumerate(piece.polygon):
            px, py, label = piece.polygon[i - 1]
            if label < WINDOW_EDGE and -2 - label > piece.kind:
                yield [(px, py), (x, y)]


def _label_points(pieces: list[ColoredPolygon], window: Window) -> dict[int, tuple[float, float]]:
    """For each class that is large enough a point in its middle that lies in a piece of it."""
    total = (window[1] - window[0]) * (window[3] - window[2])
    table = np.array([(p.kind, *centre_and_area(p.polygon)) for p in pieces]).reshape(-1, 4)
    table = table[np.isfinite(table).all(axis=1)]
    found = {}
    for c in np.unique(table[:, 0]).astype(int).tolist():
        rows = table[table[:, 0] == c]
        area = rows[:, 3].sum()
        if area < 0.004 * total:
            continue
        middle = (rows[:, 1:3] * rows[:, 3:]).sum(axis=0) / area
        large = rows[rows[:, 3] >= np.median(rows[:, 3])]
        nearest = large[((large[:, 1:3] - middle) ** 2).sum(axis=1).argmin()]
        found[c] = (float(nearest[1]), float(nearest[2]))
    return found


# --- walls and frame ---------------------------------------------------------------------------


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


def new_axes() -> Any:
    plt = require("matplotlib.pyplot", "plot")
    return plt.subplots(figsize=(8, 6.5), layout="constrained")[1]


def add_legend(ax: Any) -> None:
    """Right of the axes; a layout engine makes room for it if the figure has one."""
    handles, labels = ax.get_legend_handles_labels()
    if not handles:
        return
    if ax.figure.get_layout_engine() is None or len(ax.figure.axes) > 2:
        ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)
    elif len(ax.figure.axes) == 2:  # a colour bar stands on the right
        ax.figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    else:
        ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False)


def fit_figure(ax: Any) -> None:
    """Give the figure of a single plane the height that its axes need."""
    (x0, x1), (y0, y1) = ax.get_xlim(), ax.get_ylim()
    if ax.get_aspect() != "auto":
        width = ax.figure.get_figwidth()
        height = 0.75 * width * (y1 - y0) / (x1 - x0) + 1.0
        ax.figure.set_figheight(min(max(height, 3.0), 1.2 * width))
    ax.figure.draw_without_rendering()  # lays it out; how wide tick labels are is known after it


def finish(
    ax: Any, graph: RegionGraph, window: Window, legend: bool, *, named: bool = True
) -> None:
    """The frame: what part is seen, equal lengths, names of the axes, counts as title, legend."""
    ax.set(xlim=window[:2], ylim=window[2:])
    if named:
        x, y = axis_names(graph)
        ax.set(xlabel=x, ylabel=y)
    ratio = (window[1] - window[0]) / (window[3] - window[2])
    ax.set_aspect("equal" if 0.05 < ratio < 20 else "auto")
    state = "" if graph.complete else f" (incomplete: {graph.stopped_by})"
    ax.set_title(f"{len(graph):,} regions, {graph.n_walls:,} walls{state}", fontsize=11)
    if legend:
        add_legend(ax)


def axis_names(graph: RegionGraph) -> list[str]:
    """``x[i]`` if a coordinate is an input of the network, ``t[i]`` if it is one of a slice."""
    if graph.slice is None:
        return [f"x[{i}]" for i in range(graph.dim)]
    embedding = graph.slice.embedding
    names = []
    for i, column in enumerate(embedding.weight.T):
        at = np.flatnonzero(column)
        same = len(at) == 1 and column[at[0]] == 1.0 and embedding.bias[at[0]] == 0.0
        names.append(f"x[{at[0]}]" if same else f"t[{i}]")
    return names
