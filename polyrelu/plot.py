"""Pictures of region graphs: planes (:func:`plot_regions`) and lines (:func:`plot_line`). Those of
boundaries, of folding, of separability and of kernels have modules of their own.

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
from .errors import DomainError, PolyreluError
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

if TYPE_CHECKING:
    from .graph import RegionGraph
    from .limits import Limits
    from .plot_boundary import plot_boundary as plot_boundary
    from .plot_folding import plot_distances as plot_distances
    from .plot_folding import plot_folding as plot_folding
    from .plot_path import plot_folding_table as plot_folding_table
    from .plot_path import plot_path as plot_path
    from .plot_sampling import plot_recall as plot_recall
    from .plot_separability import plot_separability as plot_separability
    from .plot_similarity import plot_similarity as plot_similarity
    from .viewer import save_html as save_html

COLORS = ("class", "gradient", "direction", "pattern", "active", "degree", "index", "none")
# Paul Tol's "light" scheme and one more: pale enough for black lines, told apart when colours
# are not. The lines are dark ones of Okabe and Ito.
FILLS = (
    "#77aadd",
    "#ee8866",
    "#eedd88",
    "#ffaabb",
    "#99ddff",
    "#44bb99",
    "#bbcc33",
    "#aaaa00",
    "#dddddd",
    "#b997c7",
)
WALLS = ("#000000", "#0b5d9c", "#b3401a", "#00694e", "#8c3b6f", "#6b5b00")
BOUNDARY = "#ffffff"
_BARS = {
    "gradient": ("norm of the gradient", "cividis"),
    "direction": ("direction of the gradient (degrees)", "twilight"),
    "active": ("thresholds exceeded", "cividis"),
    "degree": ("neighbours", "cividis"),
    "index": ("index of the region", "cividis"),
}


_ELSEWHERE = {
    "plot_boundary": "plot_boundary",
    "plot_distances": "plot_folding",
    "plot_folding": "plot_folding",
    "plot_folding_table": "plot_path",
    "plot_path": "plot_path",
    "plot_recall": "plot_sampling",
    "plot_separability": "plot_separability",
    "plot_similarity": "plot_similarity",
    "save_html": "viewer",
}
__all__ = ["plot_line", "plot_regions", "plot_slice", *sorted(_ELSEWHERE)]


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
    window: Window | None = None,
    class_names: Sequence[str] | None = None,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Draw the regions of a 2-D graph as coloured polygons, and the walls between them.

    Args:
        color: what fills a region.
            ``"class"``: the largest output, or the sign of a single one; where it changes
            inside a region, the region is divided there, and a white line is drawn.
            ``"gradient"``: the norm of the gradient (of all outputs: Frobenius);
            ``"direction"``: the angle of the gradient of one output;
            ``"pattern"``: an arbitrary colour that depends on nothing but the pattern;
            ``"active"``: how many thresholds are exceeded; ``"degree"``: how many neighbours;
            ``"index"``; ``"none"``; or an array of one number for each region.
        output: for the gradient: of this output only.
        walls: draw the walls, in a colour for each layer that bends there.
        window: ``(x0, x1, y0, y1)``; default the domain's bounds, or where most vertices are.
        class_names: one for each output; for a single output those of ``<= 0`` and ``> 0``.
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
    if isinstance(color, str) and color == "class":
        pieces = _classes(shapes, forms.outputs)
        _draw_classes(ax, pieces, _class_names(graph.network, class_names), window, legend)
    else:
        pieces = [ColoredPolygon(i, shape) for i, shape in enumerate(shapes) if shape]
        _draw_values(ax, graph, forms, pieces, color, output, legend)
    if walls:
        draw_walls(ax, graph, shapes, legend)
    finish(ax, graph, window, legend)
    if own:
        fit_figure(ax)
    return ax


def plot_line(
    graph: RegionGraph,
    *,
    window: tuple[float, float] | None = None,
    outputs: Sequence[int] | None = None,
    walls: bool = True,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Draw the outputs along a 1-D graph, and a tick for every wall, coloured by its layer.

    Args:
        window: what part of the line; default the domain, or where the walls are.
        outputs: which outputs; default all.

    Returns:
        The axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError: the graph is not one-dimensional, or empty.
    """
    require("matplotlib", "plot")
    if graph.dim != 1 or not len(graph):
        raise DomainError(f"plot_line needs a graph with one coordinate, not {graph.dim}")
    forms = affine_forms(graph)
    at, layers = _breaks(graph, forms)
    low, high = _line_window(graph, at) if window is None else window
    chosen = range(graph.network.output_dim) if outputs is None else outputs
    _check_outputs(graph.network, chosen)
    ax = new_axes() if ax is None else ax
    x = np.unique(np.concatenate([[low, high], at[(at > low) & (at < high)]]))
    y = graph.network(x[:, None])
    for k in chosen:
        ax.plot(x, y[:, k], color=_ink(k), linewidth=2, label=f"output {k}")
    if walls:
        for layer in np.unique(layers):
            ax.vlines(
                at[layers == layer],
                0,
                0.04,
                transform=ax.get_xaxis_transform(),
                color=_wall(int(layer)),
                linewidth=1,
                label=f"wall of layer {layer}",
            )
    ax.set(xlim=(low, high), xlabel=_axis_names(graph)[0], ylabel="output")
    if legend:
        add_legend(ax)
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
        return plot_line(graph, walls=walls, ax=ax)
    return plot_regions(graph, color=color, output=output, walls=walls, window=window, ax=ax)


# --- what is wrong with the request --------------------------------------------------------------


def _check(
    graph: RegionGraph, color: str | npt.ArrayLike, output: int | None, window: Window | None
) -> None:
    if graph.dim != 2:
        hint = "use plot_line" if graph.dim == 1 else "enumerate on a Slice with two directions"
        raise DomainError(
            f"plot_regions needs a graph with two coordinates, not {graph.dim}: {hint}"
        )
    if graph.equalities():
        raise DomainError("plot_regions needs a domain with an interior in the plane")
    if not len(graph):
        raise DomainError("plot_regions needs at least one region")
    if isinstance(color, str) and color not in COLORS:
        raise PolyreluError(f"color must be one of {', '.join(COLORS)}, not {color!r}")
    if not isinstance(color, str) and np.shape(color) != (len(graph),):
        raise PolyreluError(f"color must be a name or {len(graph)} numbers, not {np.shape(color)}")
    if output is not None:
        _check_outputs(graph.network, [output])
    if window is not None and not (window[0] < window[1] and window[2] < window[3]):
        raise DomainError(f"window must be (x0, x1, y0, y1) with x0 < x1 and y0 < y1, not {window}")


def _check_outputs(network: Network, outputs: Sequence[int]) -> None:
    for k in outputs:
        if not 0 <= k < network.output_dim:
            raise PolyreluError(f"output must be 0 to {network.output_dim - 1}, not {k}")


# --- fills -------------------------------------------------------------------------------------


def fill(k: int) -> str:
    return FILLS[k % len(FILLS)]


def _ink(k: int) -> tuple[float, float, float]:
    """The fill's colour, dark enough for a line on white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.75 * v for v in to_rgb(fill(k)))
    return red, green, blue


def _wall(layer: int) -> str:
    return WALLS[layer % len(WALLS)]


def _classes(shapes: list[Polygon], outputs: Array) -> list[ColoredPolygon]:
    return [
        ColoredPolygon(i, part, c)
        for i, shape in enumerate(shapes)
        if shape
        for c, part in by_largest_output(shape, outputs[i])
    ]


def _class_names(network: Network, names: Sequence[str] | None) -> Sequence[str]:
    wanted = max(network.output_dim, 2)
    if names is None:
        return ["≤ 0", "> 0"] if network.output_dim == 1 else [str(k) for k in range(wanted)]
    if len(names) != wanted:
        raise PolyreluError(f"class_names must be {wanted} names, not {len(names)}")
    return names


def _draw_classes(
    ax: Any, pieces: list[ColoredPolygon], names: Sequence[str], window: Window, legend: bool
) -> None:
    from matplotlib.collections import LineCollection

    add_polygons(ax, pieces, [fill(p.kind) for p in pieces])
    line = LineCollection(list(_decision_lines(pieces)), colors=BOUNDARY, linewidths=2.2, zorder=3)
    line.set_capstyle("round")
    ax.add_collection(line, autolim=False)
    write_names(ax, pieces, names, window)
    if legend:
        for c in sorted({p.kind for p in pieces})[:20]:
            ax.plot([], [], "s", markersize=11, color=fill(c), label=f"class {names[c]}")


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
    legend: bool,
) -> None:
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    if isinstance(color, str) and color in ("none", "pattern"):
        add_polygons(ax, pieces, [_plain(graph, p.region, color) for p in pieces])
        return
    values = _values(graph, forms, color, output)
    label, name = _BARS[color] if isinstance(color, str) else ("", "cividis")
    norm = Normalize(-180, 180) if name == "twilight" else Normalize(values.min(), values.max())
    colormap = _pale(matplotlib.colormaps[name])
    add_polygons(ax, pieces, colormap(norm(values[[p.region for p in pieces]])))
    if legend:
        bar = ax.figure.colorbar(ScalarMappable(norm, colormap), ax=ax, shrink=0.8, pad=0.02)
        bar.set_label(label)
        bar.outline.set_visible(False)


def _pale(colormap: Any) -> Any:
    """A colormap on which dark lines can be seen."""
    from matplotlib.colors import ListedColormap

    table = colormap(np.linspace(0, 1, 256))
    return ListedColormap(0.35 + 0.65 * table)


def _plain(graph: RegionGraph, region: int, color: str) -> str:
    if color == "none":
        return "#ffffff"
    import zlib

    return fill(zlib.crc32(graph.packed_patterns[region].tobytes()))


def _values(
    graph: RegionGraph, forms: Forms, color: str | npt.ArrayLike, output: int | None
) -> Array:
    """The number that colours each region."""
    if not isinstance(color, str):
        return np.asarray(color, dtype=np.float64)
    if color == "degree":
        return np.asarray(graph.degrees, dtype=np.float64)
    if color == "index":
        return np.arange(len(graph), dtype=np.float64)
    if color == "active":
        bits = np.bitwise_count(graph.packed_patterns)
        return np.asarray(bits.sum(axis=1), dtype=np.float64)
    jacobian = forms.outputs[..., :-1]
    if color == "direction":
        gradient = jacobian[:, _single(graph.network, output)]
        return np.asarray(np.degrees(np.arctan2(gradient[:, 1], gradient[:, 0])))
    chosen = jacobian if output is None else jacobian[:, [output]]
    return np.asarray(np.sqrt((chosen**2).sum(axis=(1, 2))))


def _single(network: Network, output: int | None) -> int:
    if output is None and network.output_dim > 1:
        raise PolyreluError("color='direction' needs output=, as the network has several")
    return output or 0


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
    thick = float(np.clip(24.0 / np.sqrt(len(graph)), 0.12, 1.4))
    for layer in sorted(lines):
        width = max(thick * 0.8**layer, 0.1)
        above = 2 + 1 / (2 + layer)  # earlier layers over later ones, all below zorder 3
        drawn = LineCollection(
            lines[layer], colors=_wall(layer), linewidths=width, zorder=above, alpha=alpha
        )
        ax.add_collection(drawn, autolim=False)
        if legend:
            ax.plot(
                [],
                [],
                color=_wall(layer),
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


def finish(ax: Any, graph: RegionGraph, window: Window, legend: bool) -> None:
    names = _axis_names(graph)
    ax.set(xlim=window[:2], ylim=window[2:], xlabel=names[0], ylabel=names[1])
    ratio = (window[1] - window[0]) / (window[3] - window[2])
    ax.set_aspect("equal" if 0.05 < ratio < 20 else "auto")
    state = "" if graph.complete else f" (incomplete: {graph.stopped_by})"
    ax.set_title(f"{len(graph):,} regions, {graph.n_walls:,} walls{state}", fontsize=11)
    if legend:
        add_legend(ax)


def _axis_names(graph: RegionGraph) -> list[str]:
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


# --- lines -------------------------------------------------------------------------------------


def _breaks(graph: RegionGraph, forms: Forms) -> tuple[Array, npt.NDArray[np.int64]]:
    """Where the walls of a 1-D graph are, and the layer of each."""
    walls = np.flatnonzero(graph.facets >= 0)
    slope, offset = forms.facets[walls].T
    layer_of = np.array([layer for layer, _, _ in graph.network.thresholds], dtype=np.int64)
    at, first = np.unique(-offset / slope, return_index=True)
    return at, layer_of[graph.facets[walls[first]]]


def _line_window(graph: RegionGraph, at: Array) -> tuple[float, float]:
    rows = [(g[0], -g[1] / g[0]) for g in graph.domain.inequalities() if g[0]]
    points = np.concatenate([at, [v for _, v in rows], graph.witnesses.ravel()])
    low, high = float(points.min()), float(points.max())
    pad = 0.0 if {s > 0 for s, _ in rows} == {True, False} else 0.1 * (high - low) or 1.0
    lows, highs = [v for s, v in rows if s > 0], [v for s, v in rows if s < 0]
    return max([low - pad, *lows]), min([high + pad, *highs])
