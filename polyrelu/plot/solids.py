"""The regions of a network with three inputs, drawn by matplotlib.

Needs ``pip install polyrelu[plot]``; :func:`polyrelu.plot.save_html` writes a page to turn them in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..boundary_colors import MOST_NAMES, STRONG, rgb
from ..errors import PolyreluError
from ..io._extras import require
from ..mesh import Indices, picture_units
from ..network import Array
from ..polygons import affine_forms
from ..region_colors import check_color, color_bar, plain_color, region_values, scale
from ..solids import region_mesh
from .axes import add_legend
from .surface import add_solid, fit, frame, new_space, shaded

if TYPE_CHECKING:
    from ..graph import RegionGraph

VIEW = (24.0, -56.0)


def plot_solids(
    graph: RegionGraph,
    *,
    color: str | npt.ArrayLike = "class",
    output: int | None = None,
    gap: float = 0.08,
    class_names: Sequence[str] | None = None,
    legend: bool = True,
    view: tuple[float, float] = VIEW,
    ax: Any = None,
) -> Any:
    """Draw the regions of a bounded domain in space as solids, apart from each other.

    Args:
        color: of a region, as in :func:`polyrelu.plot.plot_regions`; ``"class"`` is that at its
            witness.
        output: for the gradient: of this output only.
        gap: how much each solid is shrunk, 0 to 1.
        class_names: one for each output; for a single output those of ``<= 0`` and ``> 0``.
        legend: for classes, or the colour bar.
        view: elevation and azimuth in degrees. The light comes over the left shoulder; so give
            them here rather than to ``ax.view_init``.
        ax: matplotlib axes made with ``projection="3d"``; default new ones.

    Returns:
        The axes. ``ax.figure.savefig("solids.png", dpi=300)`` writes a file. What is inside is
        hidden: :func:`polyrelu.plot.save_html` makes a page in which it can be cut open.

    Raises:
        MissingExtraError: matplotlib is not installed.
        DomainError, PolyreluError: see :func:`polyrelu.solids.region_mesh`; an unknown colour,
            axes that do not fit.
    """
    require("matplotlib", "plot")
    check_color(graph, color, output)
    mesh = region_mesh(graph, gap=gap, names=class_names)
    own = ax is None
    if own:
        ax = new_space()
    elif not hasattr(ax, "get_zlim"):
        raise PolyreluError('solids need axes made with projection="3d"')
    colors, bar = _colors(graph, mesh.classes[:, 0], mesh.piece_of, color, output)
    normals = mesh.normals * picture_units(mesh)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    add_solid(ax, mesh, shaded(colors, normals, view, plain=bar is not None), view)
    frame(ax, mesh, view, mesh.frame)
    state = "" if graph.complete else f" (incomplete: {graph.stopped_by})"
    ax.set_title(f"{len(graph):,} regions, {graph.n_walls:,} walls{state}", fontsize=11)
    if legend and isinstance(color, str) and color == "class":
        for c in np.unique(mesh.classes).tolist()[:MOST_NAMES]:
            ax.plot([], [], [], "s", markersize=11, color=STRONG[c % len(STRONG)],
                    label=mesh.class_names[c])  # fmt: skip
        add_legend(ax)
    if own:
        fit(ax, bar[0] if bar and legend else None, bar[1] if bar else "")
    elif bar and legend:
        color_bar(ax, *bar, shrink=0.7)
    return ax


def _colors(
    graph: RegionGraph,
    classes: Indices,
    piece_of: Indices,
    color: str | npt.ArrayLike,
    output: int | None,
) -> tuple[Array, tuple[Any, str] | None]:
    """Of each polygon; and what a colour bar needs, if colours are numbers."""
    if isinstance(color, str) and color == "class":
        return np.array([rgb(c) for c in STRONG])[classes % len(STRONG)], None
    if isinstance(color, str) and color in ("none", "pattern"):
        plain = np.array([rgb(plain_color(graph, i, color)) for i in range(len(graph))])
        return plain[piece_of], None
    by_gradient = isinstance(color, str) and color in ("gradient", "direction")
    values = region_values(graph, affine_forms(graph) if by_gradient else None, color, output)
    mappable, label = scale(color, values, None)
    return mappable.to_rgba(values[piece_of])[:, :3], (mappable, label)
