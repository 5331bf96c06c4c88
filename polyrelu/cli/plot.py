"""``polyrelu plot``: a picture of regions."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DomainError
from .options import add_limits, add_quiet, add_where, dpi
from .output import DONE, LIMIT, print_json, say, state_of
from .reading import graph_of
from .targets import check_target
from .where import UsageError, numbers

if TYPE_CHECKING:
    from ..graph import RegionGraph

COLORS = ("class", "gradient", "direction", "pattern", "active", "degree", "index", "none")
LARGEST_COORDINATE = 1e300  # matplotlib overflows beyond


def add_options(parser: Any) -> None:
    """Of the command."""
    group = parser.add_argument_group("picture")
    group.add_argument(
        "-o",
        "--save",
        metavar="FILE",
        type=Path,
        default=Path("regions.png"),
        help=".png, .pdf or .svg; of three inputs also .html, to turn it in (default: %(default)s)",
    )
    group.add_argument(
        "--color",
        choices=COLORS,
        default="class",
        help="what colours a region (default: %(default)s)",
    )
    group.add_argument("--output", type=int, metavar="K", help="gradient of output K only")
    group.add_argument("--no-walls", action="store_true", help="do not draw the walls")
    group.add_argument("--window", metavar="X0,X1,Y0,Y1", help="what part to show")
    group.add_argument("--dpi", type=dpi, default=150, help="(default: %(default)s)")
    add_quiet(parser, "print nothing")
    add_where(parser)
    add_limits(parser)


def run(args: argparse.Namespace) -> int:
    """The command; its exit code."""
    from ..io._extras import require

    require("matplotlib", "plot")
    check_target(args.save, (".png", ".pdf", ".svg", ".html"))
    window = None if args.window is None else numbers("--window", args.window, (2, 4))
    if window is not None and not all(abs(v) <= LARGEST_COORDINATE for v in window):
        raise UsageError(f"--window must be numbers up to {LARGEST_COORDINATE:g} in size")
    graph = graph_of(args, partial(_check_drawable, args.save))
    _check_drawable(args.save, graph.dim)
    if graph.dim == 3:
        _draw_solids(args, graph, window)
    else:
        _draw(args, graph, window)
    if args.json:
        print_json(
            {
                "command": "plot",
                "file": str(args.file),
                "saved": str(args.save),
                **graph.statistics(),
            }
        )
    else:
        state = state_of(graph.complete, graph.stopped_by)
        say(args, f"{len(graph):,} regions ({state})", f"picture: {args.save}")
    return DONE if graph.complete else LIMIT


def _check_drawable(path: Path, dim: int) -> None:
    if dim not in (1, 2, 3):
        raise DomainError(
            f"a picture needs a line, a plane or space, not {dim} coordinates: cut the network by "
            f"--axes=0,1, --slice or --segment"
        )
    if path.suffix.lower() == ".html" and dim != 3:
        raise UsageError(
            f"an .html page is of three coordinates, not {dim}: use .png, .pdf or .svg"
        )


def _draw_solids(args: argparse.Namespace, graph: RegionGraph, window: list[float] | None) -> None:
    """The regions of space as solids: a picture, or a page to turn them in."""
    if window is not None or args.no_walls:
        raise UsageError("--window and --no-walls are for a plane or a line")
    if args.save.suffix.lower() == ".html":
        from ..viewer import save_html

        save_html(graph, args.save, title=args.file.name)
        return
    from ..io._extras import require
    from ..plot import plot_solids

    require("matplotlib", "plot").use("Agg")
    ax = plot_solids(graph, color=args.color, output=args.output)
    ax.figure.savefig(args.save, dpi=args.dpi)


def _draw(args: argparse.Namespace, graph: RegionGraph, window: list[float] | None) -> None:
    from matplotlib.figure import Figure

    from ..plot import plot_line, plot_regions
    from ..plot.axes import fit_figure

    if window is not None and len(window) != 2 * graph.dim:
        raise UsageError(f"--window must have {2 * graph.dim} numbers, not {len(window)}")
    figure = Figure(figsize=(8, 6.5), layout="constrained")
    ax = figure.subplots()
    if graph.dim == 1:
        line = None if window is None else (window[0], window[1])
        plot_line(
            graph,
            window=line,
            outputs=None if args.output is None else [args.output],
            walls=not args.no_walls,
            ax=ax,
        )
    else:
        plane = None if window is None else (window[0], window[1], window[2], window[3])
        plot_regions(
            graph,
            color=args.color,
            output=args.output,
            walls=not args.no_walls,
            window=plane,
            ax=ax,
        )
        fit_figure(ax)
    figure.savefig(args.save, dpi=args.dpi)
