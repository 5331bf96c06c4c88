"""Pictures of decision boundaries: curves in the plane, surfaces in space, for papers.

Needs ``pip install polyrelu[plot]``. Pieces are cut by the window exactly and rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..boundary_colors import INK, MOST_NAMES, Colors, rgb, title
from ..clipping import clipped_pieces
from ..errors import DomainError, PolyreluError
from ..io._extras import require
from ..mesh import (
    class_names,
    connected,
    rounded_points,
    unit_normals,
)
from ..polygons import Polygon, affine_forms, default_window, polygons
from ..region_colors import color_bar, fill
from .axes import finish, fit_figure, new_axes
from .plane import ColoredPolygon, add_polygons, draw_walls, write_names
from .surface import draw_surface

if TYPE_CHECKING:
    from ..queries.boundary import DecisionBoundary

COLORS = ("class", "component", "piece", "normal")
VIEW = (30.0, -58.0)


def plot_boundary(
    boundary: DecisionBoundary,
    *,
    color: str | npt.ArrayLike = "class",
    window: Sequence[Any] | None = None,
    walls: bool = True,
    class_names: Sequence[str] | None = None,
    legend: bool = True,
    view: tuple[float, float] = VIEW,
    ax: Any = None,
) -> Any:
    """Draw a decision boundary in two or three coordinates.

    In the plane: where each class wins, pale; the walls of all layers; and the boundary on top,
    dashed where it only touches. Regions in which several classes win everywhere are hatched. In
    space: the pieces as a shaded surface, darker on the side of the first class.

    Args:
        color: of the pieces. ``"class"``: black in the plane, in space a colour for each two
            classes; ``"component"``: for each connected component of what is drawn;
            ``"piece"``: arbitrary ones that tell neighbours apart; ``"normal"``: by direction; or
            an array of one number for each piece.
        window: in the plane ``(x0, x1, y0, y1)``, in space ``(low, high)``; default the domain's
            bounds, or where most vertices are.
        walls: in the plane the walls of the network, in space the edges of the pieces.
        class_names: one for each class; for a single output those of at most the level, and above
            it.
        legend: for classes, components and walls, or the colour bar.
        view: elevation and azimuth in degrees, of a surface. The light comes over the left
            shoulder; so give them here rather than to ``ax.view_init``.
        ax: matplotlib axes to draw on (for a surface with ``projection="3d"``); default new ones.

    Returns:
        The axes. ``ax.figure.savefig("boundary.png", dpi=300)`` writes a file.

    The cost is one or two milliseconds a piece. Points (in space also segments) of the boundary
    that no piece holds are not drawn. Lengths in space are equal, unless what is looked at is more
    than twenty times as long in one coordinate as in another.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError: another number of coordinates, a flat domain, or an empty window.
        IncompleteError: a surface needs all regions.
        PolyreluError: an unknown colour, another number of names, axes that do not fit.
    """
    require("matplotlib", "plot")
    _check(boundary, color)
    if boundary.graph.dim == 3:
        return draw_surface(boundary, color, window, walls, class_names, legend, view, ax)
    return _plane(boundary, color, window, walls, class_names, legend, ax)


def _check(boundary: DecisionBoundary, color: str | npt.ArrayLike) -> None:
    graph = boundary.graph
    if graph.dim not in (2, 3):
        raise DomainError(
            f"plot_boundary needs two or three coordinates, not {graph.dim}: take a Slice"
        )
    if graph.equalities():
        raise DomainError("plot_boundary needs a domain with an interior")
    if isinstance(color, str) and color not in COLORS:
        raise PolyreluError(f"color must be one of {', '.join(COLORS)}, not {color!r}")
    if not isinstance(color, str) and np.shape(color) != (len(boundary),):
        raise PolyreluError(
            f"color must be a name or {len(boundary)} numbers, not {np.shape(color)}"
        )


# --- in the plane --------------------------------------------------------------------------------


def _plane(
    boundary: DecisionBoundary,
    color: str | npt.ArrayLike,
    window: Sequence[Any] | None,
    walls: bool,
    names: Sequence[str] | None,
    legend: bool,
    ax: Any,
) -> Any:
    graph = boundary.graph
    called = class_names(boundary, names)
    forms = affine_forms(graph)
    x0, x1, y0, y1 = default_window(graph, forms.facets) if window is None else _checked(window)
    shapes = polygons(graph, forms.facets, (x0, x1, y0, y1))
    own = ax is None
    ax = new_axes() if own else ax
    _fill_classes(ax, boundary, shapes, called, (x0, x1, y0, y1), legend)
    if walls:
        draw_walls(ax, graph, shapes, legend, first=boundary.decision.first, alpha=0.4)
    _curves(ax, boundary, color, (x0, x1, y0, y1), called, legend)
    finish(ax, graph, (x0, x1, y0, y1), legend)
    ax.set_title(title(boundary, len(boundary)), fontsize=11)
    if own:
        fit_figure(ax)
    return ax


def _checked(window: Sequence[Any]) -> tuple[float, float, float, float]:
    try:
        x0, x1, y0, y1 = (float(v) for v in window)
    except (TypeError, ValueError):
        raise DomainError(f"window must be (x0, x1, y0, y1), not {window!r}") from None
    if not (x0 < x1 and y0 < y1 and np.isfinite([x0, x1, y0, y1]).all()):
        raise DomainError(f"window must be (x0, x1, y0, y1) with x0 < x1 and y0 < y1, not {window}")
    return x0, x1, y0, y1


def _fill_classes(
    ax: Any,
    boundary: DecisionBoundary,
    shapes: list[Polygon],
    called: dict[int, str],
    window: tuple[float, float, float, float],
    legend: bool,
) -> None:
    from matplotlib.collections import PolyCollection

    numbers = boundary.decision.classes
    labelled = list(zip(boundary.labels.tolist(), shapes, strict=True))
    parts = [ColoredPolygon(i, shape, numbers[k])
             for i, (k, shape) in enumerate(labelled) if shape and k >= 0]  # fmt: skip
    add_polygons(ax, parts, [_pale(p.kind) for p in parts])
    write_names(ax, parts, called, window)
    if legend:
        for c in sorted({p.kind for p in parts})[:MOST_NAMES]:
            ax.plot([], [], "s", markersize=11, color=_pale(c), label=called[c])
    tied = [[(x, y) for x, y, _ in shape] for k, shape in labelled if shape and k < 0]
    if tied:
        look: dict[str, Any] = {"facecolor": "#f2f2f2", "edgecolor": "#70757b", "linewidth": 0,
                                "hatch": "////"}  # fmt: skip
        ax.add_collection(PolyCollection(tied, zorder=1.5, **look), autolim=False)
        if legend:
            ax.fill([np.nan], [np.nan], label="tied", **look)


def _pale(k: int) -> tuple[float, float, float]:
    """The fill of a class, paler: the boundary is what matters."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.45 + 0.55 * v for v in to_rgb(fill(k)))
    return red, green, blue


def _curves(
    ax: Any,
    boundary: DecisionBoundary,
    color: str | npt.ArrayLike,
    window: tuple[float, float, float, float],
    called: dict[int, str],
    legend: bool,
) -> None:
    from matplotlib.collections import LineCollection

    x0, x1, y0, y1 = map(Fraction, window)
    found = list(clipped_pieces(boundary, ((x0, y0), (x1, y1))))
    if not found:
        return
    number: dict[tuple[int, ...], int] = {}
    ends = np.array([[number.setdefault(p, len(number)) for p in points] for *_, points in found])
    at = rounded_points(list(number), 2)
    piece_of = np.array([piece for piece, _, _ in found])
    classes = np.array([boundary[piece].classes for piece in piece_of.tolist()])
    colors = Colors(
        color,
        piece_of,
        classes,
        connected(np.full(len(ends), 2), ends.ravel(), len(at)),
        unit_normals([equation for _, equation, _ in found], 2),
        called,
    )
    if isinstance(color, str) and color == "class":
        colors.rgb, colors.names = np.tile(rgb(INK), (len(ends), 1)), []
    width = float(np.clip(60 / np.sqrt(len(ends)), 0.7, 2.4))
    touching = classes[:, 0] == classes[:, 1]
    for chosen, dashes in ((~touching, "solid"), (touching, (0, (3, 2)))):
        if not chosen.any():
            continue
        lines = at[ends[chosen]]
        casing = LineCollection(lines, colors="white", linewidths=2.2 * width, zorder=3, alpha=0.8)
        drawn = LineCollection(
            lines, colors=colors.rgb[chosen], linewidths=width, linestyles=dashes, zorder=4
        )
        for collection in (casing, drawn):
            collection.set_capstyle("round" if dashes == "solid" else "butt")
            ax.add_collection(collection, autolim=False)
    if legend:
        for shade, name in colors.names[:MOST_NAMES]:
            ax.plot([], [], color=shade, linewidth=2.4, label=name)
        if not colors.names and colors.mappable is None:
            ax.plot([], [], color=INK, linewidth=2.4, label="boundary")
        if touching.any():
            ax.plot([], [], color=INK, linestyle=(0, (3, 2)), label="touches")
        if colors.mappable is not None:
            color_bar(ax, colors.mappable, shrink=0.7)
