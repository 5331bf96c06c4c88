"""The region graph, drawn: a dot for each region, a line for each wall.

Needs ``pip install polyrelu[plot]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, PolyreluError
from ..io._extras import require
from ..network import Array, finite_array
from ..polygons import Polygon, affine_forms, centre_and_area, default_window, polygons
from ..region_colors import (
    FILLS,
    check_color,
    color_bar,
    fill,
    legend_names,
    plain_color,
    region_values,
    scale,
    wall_color,
    witness_classes,
)
from .axes import CASING, finish, fit_figure, new_axes

if TYPE_CHECKING:
    from ..graph import RegionGraph

LAYOUTS = ("plane", "spring", "spectral")
MOST_FOR_SPRINGS = 1000  # beyond, springs take minutes


def plot_graph(
    graph: RegionGraph,
    *,
    layout: str | npt.ArrayLike | None = None,
    color: str | npt.ArrayLike = "class",
    output: int | None = None,
    class_names: Sequence[str] | None = None,
    legend: bool = True,
    ax: Any = None,
) -> Any:
    """Draw the region graph: a dot for each region, a line for each wall, coloured by its layer.

    Args:
        layout: ``"plane"``: in the middle of the region, over its walls (two coordinates only, and
            the default there); ``"spring"``: walls as springs; ``"spectral"``: by the two slowest
            oscillations of the graph, which thousands of regions allow as well; or an array of
            shape (n, 2). Default in other dimensions springs up to 1000 regions.
        color: what colours a dot, as in :func:`polyrelu.plot.plot_regions`; ``"class"`` is that at
            the region's witness.
        output: for the gradient: of this output only.
        class_names: one for each output; for a single output those of ``<= 0`` and ``> 0``.
        legend: for classes and walls, or the colour bar.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes. Distances mean nothing, except in the plane.

    The cost of springs grows with the square of the number of regions (1000: some seconds).

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError: no regions; a layout in the plane of something else.
        PolyreluError: an unknown layout or colour, positions of another shape.
    """
    require("matplotlib", "plot")
    if not len(graph):
        raise DomainError("plot_graph needs at least one region")
    check_color(graph, color, output)
    chosen = _default_layout(graph) if layout is None else layout
    own = ax is None
    ax = new_axes() if own else ax
    plane = isinstance(chosen, str) and chosen == "plane"
    at = _in_plane(ax, graph) if plane else _positions(graph, chosen)
    _draw_edges(ax, graph, at, legend)
    _draw_nodes(ax, graph, at, color, output, class_names, legend)
    if plane:
        window = (*ax.get_xlim(), *ax.get_ylim())
    else:
        ax.set_axis_off()
        low, high = at.min(axis=0), at.max(axis=0)
        pad = 0.05 * float((high - low).max()) or 1.0
        window = (low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad)
    finish(ax, graph, window, legend, named=plane)
    if own:
        fit_figure(ax)
    return ax


# --- where the dots are --------------------------------------------------------------------------


def _default_layout(graph: RegionGraph) -> str:
    if graph.dim == 2 and not graph.equalities():
        return "plane"
    return "spring" if len(graph) <= MOST_FOR_SPRINGS else "spectral"


def _in_plane(ax: Any, graph: RegionGraph) -> Array:
    """The middles of the regions; draws these pale."""
    from matplotlib.collections import PolyCollection

    if graph.dim != 2 or graph.equalities():
        raise DomainError(
            f"a layout in the plane needs two coordinates and an interior, not {graph.dim}: "
            f"layout must be 'spring' or 'spectral'"
        )
    forms = affine_forms(graph)
    window = default_window(graph, forms.facets)
    shapes = polygons(graph, forms.facets, window)
    corners = [[(x, y) for x, y, _ in shape] for shape in shapes if shape]
    ax.add_collection(
        PolyCollection(corners, facecolors="none", edgecolors="#d5dae0", linewidths=0.8, zorder=0),
        autolim=False,
    )
    ax.set(xlim=window[:2], ylim=window[2:])
    return np.array(
        [_middle(shape, point) for shape, point in zip(shapes, graph.witnesses, strict=True)]
    )


def _middle(shape: Polygon, witness: Array) -> tuple[float, float]:
    """The witness of a region that is out of sight; else the mean of the corners."""
    if not shape:
        return float(witness[0]), float(witness[1])
    x, y, _ = centre_and_area(shape)
    return x, y


def _positions(graph: RegionGraph, layout: str | npt.ArrayLike) -> Array:
    if not isinstance(layout, str):
        at = finite_array("layout", layout, 2)
        if at.shape != (len(graph), 2):
            raise PolyreluError(f"layout must have shape ({len(graph)}, 2), not {at.shape}")
        return at
    if layout not in LAYOUTS:
        raise PolyreluError(f"layout must be one of {', '.join(LAYOUTS)}, not {layout!r}")
    start = _spectral(graph)
    return start if layout == "spectral" else _springs(graph, start)


def _spectral(graph: RegionGraph) -> Array:
    """The eigenvectors of the walk on the graph with the second and third largest eigenvalues."""
    from scipy.sparse import dia_array
    from scipy.sparse.linalg import eigsh

    n = len(graph)
    if n < 5:  # too few for the solver
        angle = 2 * np.pi * np.arange(n) / n
        return np.column_stack([np.cos(angle), np.sin(angle)])
    root = 1 / np.sqrt(np.maximum(graph.degrees, 1))
    half = dia_array((root[None], [0]), shape=(n, n))
    walk = half @ graph.to_scipy().astype(np.float64) @ half
    start = np.random.default_rng(0).normal(size=n)
    _, vectors = eigsh(walk, k=3, which="LA", v0=start, tol=1e-4)
    at: Array = vectors[:, 1::-1] * root[:, None]
    at /= np.abs(at).max()
    return at


def _springs(graph: RegionGraph, start: Array) -> Array:
    import networkx as nx

    rng = np.random.default_rng(0)
    rough = start + rng.normal(scale=1e-3, size=start.shape)  # regions that coincide must part
    found = nx.spring_layout(graph.to_networkx(), pos=dict(enumerate(rough)), seed=0,
                             iterations=50)  # fmt: skip
    return np.array([found[i] for i in range(len(graph))])


# --- drawing -------------------------------------------------------------------------------------


def _draw_edges(ax: Any, graph: RegionGraph, at: Array, legend: bool) -> None:
    from matplotlib.collections import LineCollection

    edges, thresholds = graph.walls()
    layer_of = np.array([layer for layer, _, _ in graph.network.thresholds], dtype=np.int64)
    layers = layer_of[thresholds]
    width = float(np.clip(16 / np.sqrt(len(graph)), 0.2, 1.4))
    for layer in np.unique(layers).tolist():
        lines = at[edges[layers == layer]]
        color = wall_color(layer)
        ax.add_collection(LineCollection(lines, colors=color, linewidths=width, zorder=1))
        if legend:
            ax.plot([], [], color=color, linewidth=max(width, 1.2), label=f"wall of layer {layer}")


def _draw_nodes(
    ax: Any,
    graph: RegionGraph,
    at: Array,
    color: str | npt.ArrayLike,
    output: int | None,
    names: Sequence[str] | None,
    legend: bool,
) -> None:
    size = float(np.clip(14000 / len(graph), 4, 90))
    look = {"s": size, "edgecolors": CASING, "linewidths": min(0.7, size / 20), "zorder": 2}
    if isinstance(color, str) and color == "class":
        called, classes = legend_names(graph.network, names), witness_classes(graph)
        ax.scatter(*at.T, color=[fill(c) for c in classes.tolist()], **look)
        for c in np.unique(classes).tolist()[: 2 * len(FILLS)] if legend else ():
            ax.plot([], [], "o", color=fill(c), markeredgecolor=CASING, label=called[c])
    elif isinstance(color, str) and color in ("none", "pattern"):
        ax.scatter(*at.T, color=[plain_color(graph, i, color) for i in range(len(graph))], **look)
    else:
        by_gradient = isinstance(color, str) and color in ("gradient", "direction")
        values = region_values(graph, affine_forms(graph) if by_gradient else None, color, output)
        mappable, label = scale(color, values, None)
        ax.scatter(*at.T, color=mappable.to_rgba(values), **look)
        if legend:
            color_bar(ax, mappable, label)
