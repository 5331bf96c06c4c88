"""Pictures of the regions of a plane, and of a slice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import DomainError
from ..io._extras import require
from ..network import Array, Network
from ..polygons import (
    WINDOW_EDGE,
    Forms,
    Polygon,
    Window,
    affine_forms,
    by_largest_output,
    default_window,
    polygons,
)
from ..region_colors import (
    check_color,
    color_bar,
    fill,
    legend_names,
    plain_color,
    region_values,
    scale,
)
from ..region_colors import class_names as names_of
from .axes import CASING, finish, fit_figure, new_axes
from .plane import ColoredPolygon, add_polygons, draw_walls, write_names

if TYPE_CHECKING:
    from ..graph import RegionGraph
    from ..limits import Limits

BOUNDARY = "#ffffff"


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
        _draw_classes(ax, parts, graph.network, class_names, window, legend)
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
    from ..enumeration import regions

    graph = regions(network, domain, limits=limits)
    if graph.dim == 1:
        from .line import plot_line

        return plot_line(graph, walls=walls, ax=ax)
    return plot_regions(graph, color=color, output=output, walls=walls, window=window, ax=ax)


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


def _classes(shapes: list[Polygon], outputs: Array) -> list[ColoredPolygon]:
    return [
        ColoredPolygon(i, part, c)
        for i, shape in enumerate(shapes)
        if shape
        for c, part in by_largest_output(shape, outputs[i])
    ]


def _draw_classes(
    ax: Any,
    pieces: list[ColoredPolygon],
    network: Network,
    names: Sequence[str] | None,
    window: Window,
    legend: bool,
) -> None:
    add_polygons(ax, pieces, [fill(p.kind) for p in pieces])
    write_names(ax, pieces, names_of(network, names), window)
    if legend:
        called = legend_names(network, names)
        for c in sorted({p.kind for p in pieces})[:20]:
            ax.plot([], [], "s", markersize=11, color=fill(c), label=called[c])


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


def _decision_lines(pieces: list[ColoredPolygon]) -> Iterator[list[tuple[float, float]]]:
    """Where the largest output changes inside a region; each line once."""
    for piece in pieces:
        for i, (x, y, _) in enumerate(piece.polygon):
            px, py, label = piece.polygon[i - 1]
            if label < WINDOW_EDGE and -2 - label > piece.kind:
                yield [(px, py), (x, y)]
