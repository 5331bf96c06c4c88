"""The outputs of a network along a line, and where it bends.

Needs ``pip install polyrelu[plot]``. What is drawn is rounded to float64; the graph is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..io._extras import require
from ..network import Array
from ..polygons import Forms, affine_forms
from ..region_colors import check_outputs, ink, wall_color
from .axes import add_legend, axis_names, new_axes

if TYPE_CHECKING:
    from ..graph import RegionGraph


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
    check_outputs(graph.network, chosen)
    ax = new_axes() if ax is None else ax
    x = np.unique(np.concatenate([[low, high], at[(at > low) & (at < high)]]))
    y = graph.network(x[:, None])
    for k in chosen:
        ax.plot(x, y[:, k], color=ink(k), linewidth=2, label=f"output {k}")
    if walls:
        for layer in np.unique(layers):
            ax.vlines(
                at[layers == layer],
                0,
                0.04,
                transform=ax.get_xaxis_transform(),
                color=wall_color(int(layer)),
                linewidth=1,
                label=f"wall of layer {layer}",
            )
    ax.set(xlim=(low, high), xlabel=axis_names(graph)[0], ylabel="output")
    if legend:
        add_legend(ax)
    return ax


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
