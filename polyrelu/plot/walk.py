"""A path over the regions that it goes through, and where it folds.

Needs ``pip install polyrelu[plot]``. What is drawn is rounded to float64; the path is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DomainError
from ..io._extras import require
from ..network import Array
from .axes import CASING, add_legend
from .regions import plot_regions

if TYPE_CHECKING:
    from ..graph import RegionGraph
    from ..queries.path import ActivationPath

PATH, FOLDED = "#e69f00", "#882255"  # unlike the walls, light and dark
OUT_OF_PLANE = 1e-9  # of the largest coordinate: that is less than a line's width


def plot_walk(graph: RegionGraph, path: ActivationPath, **options: Any) -> Any:
    """Draw a path over the regions of a plane: orange, and dark red where it is folded back, nearer
    to its first pattern than it was before.

    Args:
        graph: of two coordinates; of a slice, one that the path lies in.
        path: of :func:`polyrelu.activation_path`, in the inputs of the network.
        options: those of :func:`polyrelu.plot.plot_regions`; ``color="none"`` if not given.

    Returns:
        The axes. Dots are where bits flip, the square is where the path starts.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError: the path does not lie in the plane, or as ``plot_regions``.
    """
    require("matplotlib", "plot")
    corners = _in_plane(graph, path)
    ax = plot_regions(graph, **{"color": "none", **options})
    whole = np.arange(len(corners))
    u = np.unique(np.concatenate([path.times, whole]))
    at, bends = (_along(corners, times) for times in (u, path.times))
    _draw_lines(ax, at, path.folded[path.piece_at((u[:-1] + u[1:]) / 2)])
    look = {"color": "white", "markeredgecolor": CASING, "linestyle": "none", "zorder": 7,
            "clip_on": False}  # fmt: skip
    ax.plot(*bends.T, marker="o", markersize=3.5, label="bits flip", **look)
    ax.plot(*corners[:1].T, marker="s", markersize=8, label="start", **look)
    chi = float(path.folding().chi)
    ax.set_title(f"a path of {len(path):,} pieces, folding χ = {chi:.3g}", fontsize=11)
    if options.get("legend", True):
        add_legend(ax)
    return ax


def _in_plane(graph: RegionGraph, path: ActivationPath) -> Array:
    """The corners in the coordinates of the graph."""
    corners = np.array([[float(v) for v in corner] for corner in path.corners])
    if graph.slice is None:
        if corners.shape[1] != graph.dim:
            raise DomainError(
                f"the path has {corners.shape[1]} coordinates, the graph {graph.dim}: "
                f"a graph of a Slice that holds the path is needed"
            )
        return corners
    embedding = graph.slice.embedding
    weight, bias = embedding.weight, embedding.bias
    if corners.shape[1] != len(bias):
        raise DomainError(f"the path has {corners.shape[1]} coordinates, inputs have {len(bias)}")
    local = np.asarray(np.linalg.lstsq(weight, (corners - bias).T, rcond=None)[0].T)
    away = np.abs(local @ weight.T + bias - corners).max()
    if away > OUT_OF_PLANE * max(1.0, np.abs(corners).max()):
        raise DomainError(f"the path must lie in the plane of the graph, but is {away:.3g} off")
    return local


def _along(corners: Array, times: Array) -> Array:
    whole = np.arange(len(corners))
    return np.column_stack([np.interp(times, whole, values) for values in corners.T])


def _draw_lines(ax: Any, at: Array, folded: Any) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import Normal, Stroke

    lines = np.stack([at[:-1], at[1:]], axis=1)
    rim = [Stroke(linewidth=6.0, foreground="white"), Normal()]
    for color, chosen, label in ((PATH, ~folded, "path"), (FOLDED, folded, "folded back")):
        drawn = LineCollection(lines[chosen], colors=color, linewidths=3.6, zorder=6)
        drawn.set_path_effects(rim)
        ax.add_collection(drawn, autolim=False)
        if chosen.any():
            ax.plot([], [], color=color, linewidth=3.6, label=label)
