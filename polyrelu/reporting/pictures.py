"""The pictures of a report: each drawn twice, for a light page and for a dark one."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from ..graph import RegionGraph
from ..io._extras import require
from .blocks import Picture

DPI = 140
LIGHT, DARK = "#1b1f24", "#e8ecf0"  # as the page's ink
PLATE = "#f5f7f9"
Draw = Callable[[Any], Any]


def picture(
    draw: Draw,
    caption: str,
    alt: str,
    *,
    size: tuple[float, float] = (6.2, 4.7),
    space: bool = False,
) -> Picture:
    """Of what ``draw(ax)`` draws; in ``space`` the axes are three-dimensional."""
    require("matplotlib", "plot")
    return Picture(caption, alt, *(_png(draw, ink, size, space) for ink in (LIGHT, DARK)))


def _png(draw: Draw, ink: str, size: tuple[float, float], space: bool) -> bytes:
    """Transparent around the axes, that the page's colour shows."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color",
             "ytick.color")  # fmt: skip
    # Names of classes are text, whatever signs of TeX they hold.
    with rc_context(dict.fromkeys(names, ink) | {"text.parse_math": False}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot(projection="3d" if space else None))
        _plates(figure)
        buffer = io.BytesIO()
        figure.patch.set_alpha(0.0)
        figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight")
    return _smaller(buffer)


def _plates(figure: Any) -> None:
    """Legends lie on a light ground, as the lines and letters in them are dark."""
    for legend in (*figure.legends, *(ax.get_legend() for ax in figure.axes)):
        if legend is not None:
            legend.set_frame_on(True)
            legend.get_frame().set(facecolor=PLATE, edgecolor="none", alpha=0.95)
            for text in (*legend.get_texts(), legend.get_title()):
                text.set_color(LIGHT)


def _smaller(png: io.BytesIO) -> bytes:
    """With a palette of 256 colours: a third of the bytes, and no difference to be seen."""
    from PIL import Image  # matplotlib needs it as well

    found = io.BytesIO()
    with Image.open(png) as image:
        image.convert("RGBA").quantize(256).save(found, format="png", optimize=True)
    return found.getvalue()


def region_pictures(graph: RegionGraph, names: list[str] | None) -> list[tuple[str, Draw, str]]:
    """(caption, what draws it, alternative text) of a graph of a line or plane."""
    from ..plot import plot_line

    counted = f"{len(graph):,} regions and {graph.n_walls:,} walls"
    if graph.dim == 1:
        text = "The outputs along the line; ticks are walls, coloured by their layer."
        return [(text, lambda ax: plot_line(graph, ax=ax), f"Graphs of the outputs: {counted}.")]
    return [
        ("Which output is the largest (of a single one: its sign), and the walls of each layer.",
         _plane(graph, color="class", class_names=names), f"A plane by class: {counted}."),
        ("The norm of the gradient on each region, with the decision boundary.",
         _plane(graph, color="gradient", boundary=True), f"A plane by gradient norm: {counted}."),
        ("The walls alone, a colour for each layer that bends there.",
         _plane(graph, color="none"), f"The walls of a plane: {counted}."),
    ]  # fmt: skip


def _plane(graph: RegionGraph, **options: Any) -> Draw:
    from ..plot import plot_regions

    return lambda ax: plot_regions(graph, **options, ax=ax)
