"""The surface of a decision boundary in space, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..boundary_colors import INK, MOST_NAMES, Colors, rgb, title
from ..errors import PolyreluError
from ..io._extras import require
from ..mesh import (
    Indices,
    Mesh,
    boundary_mesh,
    class_names,
    picture_units,
    picture_window,
)
from ..network import Array
from ..region_colors import color_bar
from .axes import add_legend

if TYPE_CHECKING:
    from ..queries.boundary import DecisionBoundary

SIDE = 7.0  # inches
FINENESS = 48
MOST_BITS = 40_000


def draw_surface(
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
        ax = new_space()
    elif not hasattr(ax, "get_zlim"):
        raise PolyreluError('a surface needs axes made with projection="3d"')
    colors = Colors(color, mesh.piece_of, mesh.classes, mesh.components(), mesh.normals, called)
    normals = mesh.normals * picture_units(mesh)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    light = shaded(colors.rgb, normals, view, plain=colors.mappable is not None)
    _add_surface(ax, mesh, light, walls, view)
    frame(ax, mesh, view)
    ax.set_title(title(boundary, len(mesh)), fontsize=11)
    if legend and len(colors.names) > 1:
        for shade, name in colors.names[:MOST_NAMES]:
            ax.plot([], [], [], "s", markersize=11, color=shade, label=name)
        add_legend(ax)
    bar = colors.mappable if legend else None
    if own:
        fit(ax, bar)
    elif bar is not None:
        color_bar(ax, bar, shrink=0.7)
    return ax


def new_space() -> Any:
    """Axes in space that fill a figure of their own."""
    plt = require("matplotlib.pyplot", "plot")
    return plt.figure(figsize=(SIDE, SIDE)).add_axes((0.0, 0.0, 1.0, 1.0), projection="3d")


def add_solid(ax: Any, mesh: Mesh, light: Array, view: tuple[float, float]) -> None:
    """Closed solids with outward normals: of their polygons those that face the viewer."""
    units = picture_units(mesh)
    seen = np.flatnonzero((mesh.normals * units) @ _ahead(view) > 0)
    _add_surface(ax, mesh.part(seen), light[seen], True, view)


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
    bodies = bits * units
    faces = np.column_stack([shaded[owner], np.ones(len(owner))])
    rims = faces
    if walls:
        lines = _divided(at[mesh.edges()], longest) + 0.6 * longest * _ahead(view)
        # With a corner twice: of bodies of several sizes matplotlib reads what it has not written.
        bodies = np.concatenate([bodies, (lines * units)[:, [0, 1, 1]]])
        faces = np.vstack([faces, np.zeros((len(lines), 4))])
        ink = [*rgb(INK), float(np.clip(25 / np.sqrt(len(mesh) + 1), 0.3, 0.85))]
        rims = np.vstack([rims, np.tile(ink, (len(lines), 1))])
    width = float(np.clip(10 / np.sqrt(len(mesh) + 1), 0.25, 0.7))
    if not len(bodies):
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


def shaded(colors: Array, normals: Array, view: tuple[float, float], *, plain: bool) -> Array:
    """The colours, shape (polygons, 3), in the light of a lamp over the viewer's left shoulder, and
    a weak one from the right; sides that face the first class are darker. Plain ones, that stand
    for numbers, change little."""
    ahead, azimuth = _ahead(view), np.radians(view[1])
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    up = np.cross(ahead, right)
    facing = np.where(normals @ ahead >= 0, 1.0, -1.0)[:, None]
    seen = normals * facing
    key, weak = (v / np.linalg.norm(v) for v in (
        -0.5 * right + 0.75 * up + 0.6 * ahead, 0.9 * right - 0.1 * up + 0.4 * ahead))  # fmt: skip
    light = 0.58 + 0.46 * np.maximum(seen @ key, 0) + 0.12 * np.maximum(seen @ weak, 0)
    if plain:
        found = colors * (0.75 + 0.25 * light[:, None])
    else:
        behind = 0.82 * (0.6 * colors + 0.4 * 0.5)
        found = np.where(facing > 0, colors, behind) * light[:, None]
    return np.clip(found, 0, 1)


def frame(ax: Any, mesh: Mesh, view: tuple[float, float], bounds: Array | None = None) -> None:
    """A plain box around the surface, few ticks."""
    from matplotlib.ticker import MaxNLocator

    units = picture_units(mesh)
    low, high = mesh.bounds if bounds is None else bounds
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


def fit(ax: Any, mappable: Any, label: str = "") -> None:
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
        bar = figure.colorbar(mappable, cax=figure.add_axes(place), label=label)
        bar.outline.set_visible(False)
