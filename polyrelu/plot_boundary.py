"""Pictures of decision boundaries: curves in the plane, surfaces in space, for papers.

Needs ``pip install polyrelu[plot]``. Pieces are cut by the window exactly and rounded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .clipping import clipped_pieces
from .errors import DomainError, PolyreluError
from .io._extras import require
from .mesh import (
    Indices,
    Mesh,
    boundary_mesh,
    class_names,
    connected,
    picture_units,
    picture_window,
    rounded_points,
    unit_normals,
)
from .network import Array
from .plot import (
    ColoredPolygon,
    add_legend,
    add_polygons,
    draw_walls,
    fill,
    finish,
    fit_figure,
    new_axes,
    write_names,
)
from .polygons import Polygon, affine_forms, default_window, polygons
from .queries.where import stopped

if TYPE_CHECKING:
    from .queries.boundary import DecisionBoundary

COLORS = ("class", "component", "piece", "normal")
INK = "#16191d"
MOST_NAMES = 20
VIEW = (30.0, -58.0)
SIDE = 7.0  # inches
FINENESS = 48
MOST_BITS = 40_000
# Stronger than the fills of regions: a surface is shaded, a curve is thin.
STRONG = (
    "#5b96d2",
    "#e07a52",
    "#4cb391",
    "#d9b93f",
    "#b07cc6",
    "#ec8fa5",
    "#6cc3e0",
    "#a3b02c",
    "#8d99a6",
    "#c98d5e",
)


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
        return _surface(boundary, color, window, walls, class_names, legend, view, ax)
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


# --- colours -------------------------------------------------------------------------------------


class _Colors:
    """What colours the pieces that are drawn.

    Attributes:
        rgb: shape (drawn, 3).
        names: colours and what they mean.
        mappable: for a colour bar, if numbers are drawn.
    """

    def __init__(
        self,
        color: str | npt.ArrayLike,
        piece_of: Indices,
        classes: Indices,
        components: Indices,
        normals: Array,
        called: dict[int, str],
    ) -> None:
        from matplotlib.colors import to_rgb

        strong = np.array([to_rgb(c) for c in STRONG])
        self.names: list[tuple[Any, str]] = []
        self.mappable: Any = None
        if not isinstance(color, str):
            self._numbers(np.asarray(color, dtype=np.float64)[piece_of])
        elif color == "class":
            pairs, which = _by_frequency(classes)
            self.rgb = strong[which % len(strong)]
            self.names = [(STRONG[k % len(STRONG)], _between(p, called))
                          for k, p in enumerate(pairs)]  # fmt: skip
        elif color == "component":
            self.rgb = strong[components % len(strong)]
            n = int(components.max(initial=-1)) + 1
            self.names = [(STRONG[k % len(STRONG)], f"component {k}") for k in range(n)]
        elif color == "piece":
            mixed = (piece_of * 0.6180339887) % 1.0  # neighbours get colours that are far apart
            self.rgb = strong[(mixed * len(strong)).astype(np.int64)]
        elif normals.shape[1] == 2:
            from matplotlib import colormaps

            angle = np.arctan2(normals[:, 1], normals[:, 0]) / (2 * np.pi)
            self.rgb = colormaps["twilight_shifted"](angle % 1.0)[:, :3]
        else:
            self.rgb = 0.55 + 0.37 * normals

    def _numbers(self, values: Array) -> None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        ends = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        self.mappable = ScalarMappable(Normalize(*ends), colormaps["cividis"])
        self.rgb = self.mappable.to_rgba(values)[:, :3]


def _by_frequency(classes: Indices) -> tuple[list[tuple[int, int]], Indices]:
    """The pairs of classes, the most frequent first, and which one each piece has."""
    pairs, which = np.unique(classes, axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(which.ravel(), minlength=len(pairs)), kind="stable")
    return [(a, b) for a, b in pairs[order].tolist()], np.argsort(order)[which.ravel()]


def _between(pair: tuple[int, int], called: dict[int, str]) -> str:
    first, second = (called[c] for c in pair)
    return f"{first} on both sides" if first == second else f"{first} | {second}"


def _bar(ax: Any, mappable: Any) -> None:
    bar = ax.figure.colorbar(mappable, ax=ax, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)


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
    ax.set_title(_title(boundary, len(boundary)), fontsize=11)
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


def _title(boundary: DecisionBoundary, n: int) -> str:
    tied = f", {len(boundary.tied):,} regions tied" if len(boundary.tied) else ""
    state = "" if boundary.complete else f" (incomplete: {stopped(boundary.graph)})"
    return f"{n:,} pieces{tied}{state}"


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
    colors = _Colors(
        color,
        piece_of,
        classes,
        connected(np.full(len(ends), 2), ends.ravel(), len(at)),
        unit_normals([equation for _, equation, _ in found], 2),
        called,
    )
    if isinstance(color, str) and color == "class":
        colors.rgb, colors.names = np.tile(_rgb(INK), (len(ends), 1)), []
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
            _bar(ax, colors.mappable)


def _rgb(color: str) -> Array:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(color))


# --- in space ------------------------------------------------------------------------------------


def _surface(
    boundary: DecisionBoundary,
    color: str | npt.ArrayLike,
    window: Sequence[Any] | None,
    walls: bool,
    names: Sequence[str] | None,
    legend: bool,
    view: tuple[float, float],
    ax: Any,
) -> Any:
    called = class_names(boundary, names)
    chosen = picture_window(boundary) if window is None else window
    mesh = boundary_mesh(boundary, window=chosen)  # type: ignore[arg-type]
    own = ax is None
    if own:
        plt = require("matplotlib.pyplot", "plot")
        figure = plt.figure(figsize=(SIDE, SIDE))
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0), projection="3d")
    elif not hasattr(ax, "get_zlim"):
        raise PolyreluError('a surface needs axes made with projection="3d"')
    colors = _Colors(color, mesh.piece_of, mesh.classes, mesh.components(), mesh.normals, called)
    normals = mesh.normals * picture_units(mesh)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    _add_surface(ax, mesh, _shaded(colors, normals, view), walls, view)
    _frame(ax, mesh, view)
    ax.set_title(_title(boundary, len(mesh)), fontsize=11)
    if legend and len(colors.names) > 1:
        for shade, name in colors.names[:MOST_NAMES]:
            ax.plot([], [], [], "s", markersize=11, color=shade, label=name)
        add_legend(ax)
    bar = colors.mappable if legend else None
    if own:
        _fit(ax, bar)
    elif bar is not None:
        _bar(ax, bar)
    return ax


def _add_surface(
    ax: Any, mesh: Mesh, shaded: Array, walls: bool, view: tuple[float, float]
) -> None:
    """Matplotlib draws polygons from back to front by their middles: so they are drawn in bits that
    are small enough for that to be right, and their edges as bits a little nearer to the eye."""
    from mpl_toolkits.mplot3d.art3d import Poly3DCollection

    units = picture_units(mesh)
    at = mesh.vertices / units
    longest = float((np.ptp(mesh.bounds, axis=0) / units).max() or 1.0) / FINENESS
    bits, owner = _bits(mesh, at, longest)
    bodies = [*(bits * units)]
    faces = np.column_stack([shaded[owner], np.ones(len(owner))])
    rims = faces
    if walls:
        lines = _divided(at[mesh.edges()], longest) + 0.6 * longest * _ahead(view)
        bodies += [*(lines * units)]
        faces = np.vstack([faces, np.zeros((len(lines), 4))])
        ink = [*_rgb(INK), float(np.clip(25 / np.sqrt(len(mesh) + 1), 0.3, 0.85))]
        rims = np.vstack([rims, np.tile(ink, (len(lines), 1))])
    width = float(np.clip(10 / np.sqrt(len(mesh) + 1), 0.25, 0.7))
    if not bodies:
        return
    surface = Poly3DCollection(bodies, facecolors=faces, edgecolors=rims, linewidths=width)
    surface.set_joinstyle("round")
    surface.set_capstyle("round")
    ax.add_collection3d(surface)


def _bits(mesh: Mesh, at: Array, longest: float) -> tuple[Array, Indices]:
    """Triangles with no side longer than that (or as many as can be drawn), and whose they are."""
    corners = at[mesh.triangles()]
    owner = np.repeat(np.arange(len(mesh)), mesh.sizes - 2)
    while len(corners) < MOST_BITS:
        sides = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)
        long = np.flatnonzero(sides.max(axis=1, initial=0.0) > longest)
        if not len(long):
            break
        at = sides[long].argmax(axis=1)
        a, b, c = (corners[long, (at + k) % 3] for k in range(3))
        middle = (a + b) / 2
        corners[long] = np.stack([a, middle, c], axis=1)
        corners = np.concatenate([corners, np.stack([middle, b, c], axis=1)])
        owner = np.concatenate([owner, owner[long]])
    return corners, owner


def _divided(lines: Array, longest: float) -> Array:
    """Segments, shape (n, 2, 3), in parts that are not longer than that."""
    length = np.linalg.norm(lines[:, 1] - lines[:, 0], axis=1)
    parts = np.clip(np.ceil(length / longest), 1, FINENESS).astype(np.int64)
    line = np.repeat(np.arange(len(lines)), parts)
    k = np.arange(len(line)) - np.repeat(np.cumsum(parts) - parts, parts)
    start, step = lines[line, 0], (lines[line, 1] - lines[line, 0]) / parts[line, None]
    return np.stack([start + k[:, None] * step, start + (k[:, None] + 1) * step], axis=1)


def _ahead(view: tuple[float, float]) -> Array:
    """From the middle to the eye."""
    elevation, azimuth = np.radians(view)
    flat = np.cos(elevation)
    return np.array([flat * np.cos(azimuth), flat * np.sin(azimuth), np.sin(elevation)])


def _shaded(colors: _Colors, normals: Array, view: tuple[float, float]) -> Array:
    """The colours in the light of a lamp over the viewer's left shoulder, and a weak one from the
    right; sides that face the first class are darker. Colours of numbers change little."""
    ahead, azimuth = _ahead(view), np.radians(view[1])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.cross(ahead, right)
    facing = np.where(normals @ ahead >= 0, 1.0, -1.0)[:, None]
    seen = normals * facing
    key, weak = (v / np.linalg.norm(v) for v in (
        -0.5 * right + 0.75 * up + 0.6 * ahead, 0.9 * right - 0.1 * up + 0.4 * ahead))  # fmt: skip
    light = 0.58 + 0.46 * np.maximum(seen @ key, 0) + 0.12 * np.maximum(seen @ weak, 0)
    if colors.mappable is not None:
        found = colors.rgb * (0.75 + 0.25 * light[:, None])
    else:
        behind = 0.82 * (0.6 * colors.rgb + 0.4 * 0.5)
        found = np.where(facing > 0, colors.rgb, behind) * light[:, None]
    return np.clip(found, 0, 1)


def _frame(ax: Any, mesh: Mesh, view: tuple[float, float]) -> None:
    """A plain box around the surface, few ticks."""
    from matplotlib.ticker import MaxNLocator

    units = picture_units(mesh)
    low, high = mesh.bounds
    drawn = (high - low) / units
    drawn = np.maximum(drawn, 0.02 * float(drawn.max()) or 1.0)  # a flat surface needs some room
    middle, size = low / 2 + high / 2, drawn * units
    ax.set(xlim=(middle[0] - size[0] / 2, middle[0] + size[0] / 2),
           ylim=(middle[1] - size[1] / 2, middle[1] + size[1] / 2),
           zlim=(middle[2] - size[2] / 2, middle[2] + size[2] / 2),
           xlabel="x[0]", ylabel="x[1]", zlabel="x[2]")  # fmt: skip
    ax.margins(0)
    ax.set_box_aspect(drawn / drawn.max(), zoom=0.95)
    ax.view_init(*view)
    ax.grid(False)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.pane.set(facecolor="white", edgecolor="#c3c9d0", alpha=1.0)
        axis.line.set_color("#8a929b")
        axis.set_major_locator(MaxNLocator(4))
        axis.set_tick_params(labelsize=8, color="#8a929b")


def _fit(ax: Any, mappable: Any) -> None:
    """Cut the figure to what is drawn: axes in space leave wide margins."""
    from matplotlib.transforms import Bbox
    from mpl_toolkits.mplot3d import proj3d

    figure = ax.figure
    figure.draw_without_rendering()
    whole, dpi, pad = SIDE * figure.dpi, figure.dpi, 0.12
    parts = [axis.get_tightbbox() for axis in (ax.xaxis, ax.yaxis, ax.zaxis)]
    ends = np.array([ax.get_xlim(), ax.get_ylim(), ax.get_zlim()])
    corners = ends[:, [(0, 0, 0, 0, 1, 1, 1, 1), (0, 0, 1, 1, 0, 0, 1, 1), (0, 1) * 4]]
    x, y, _ = proj3d.proj_transform(*(corners[i, i] for i in range(3)), ax.get_proj())
    at = ax.transData.transform(np.column_stack([x, y]))
    parts.append(Bbox([at.min(axis=0), at.max(axis=0)]))
    box = Bbox.union([part for part in parts if part is not None])
    left, right, top = box.x0 / whole, box.x1 / whole, box.y1 / whole
    # Axes in space multiply y by 0.92.
    ax.set_title(ax.get_title(), fontsize=11, x=(left + right) / 2, y=(top + 0.005) / 0.92)
    width, height = box.width / dpi + 2 * pad, box.height / dpi + 2 * pad + 0.3
    beside = 0.0
    found = ax.get_legend()
    if found is not None:
        found.set_loc("upper left")
        found.set_bbox_to_anchor((right + 0.02, top), transform=ax.transAxes)
        beside = found.get_window_extent().width / dpi + 0.15
    if mappable is not None:
        beside = 0.9
    figure.set_size_inches(width + beside, height)
    x, y = pad - box.x0 / dpi, pad - box.y0 / dpi
    full = width + beside
    ax.set_position((x / full, y / height, SIDE / full, SIDE / height))
    if mappable is not None:
        place = ((width + 0.1) / full, 0.2, 0.15 / full, 0.6)
        figure.colorbar(mappable, cax=figure.add_axes(place)).outline.set_visible(False)
