"""Axes, legends and frames: what all pictures share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..io._extras import require
from ..polygons import (
    Window,
)

if TYPE_CHECKING:
    from ..graph import RegionGraph

CASING = "#16191d"


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
