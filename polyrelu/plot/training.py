"""The regions of a plane while a network trains: an animated GIF, an MP4, or a page with a slider.

Needs ``pip install polyrelu[plot]``; MP4 also ffmpeg.
"""

from __future__ import annotations

import io
import os
import subprocess
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..domain import Domain, Slice
from ..enumeration import regions
from ..errors import DomainError, FileFormatError, MissingExtraError, PolyreluError
from ..io._extras import require
from ..io.mesh import write_whole
from ..limits import Limits
from ..network import Network
from ..pages import data_uri, filled, script_json
from ..polygons import Window, affine_forms, default_window
from ..progress import Progress, reporter
from ..region_colors import COLORS, fill, region_values, scale, wall_color
from ..region_colors import class_names as names_of
from .regions import plot_regions

if TYPE_CHECKING:
    from ..graph import RegionGraph

SUFFIXES = (".gif", ".mp4", ".html")
PLAIN = ("class", "pattern", "none")
SIZE, DPI = (8.0, 6.4), 100
MOST_NAMES = 20


def save_training(
    networks: Iterable[Network],
    path: str | os.PathLike[str],
    domain: Domain | Slice | None = None,
    *,
    color: str = "class",
    output: int | None = None,
    walls: bool = True,
    boundary: bool | None = None,
    window: Window | None = None,
    labels: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    frames_per_second: float = 4.0,
    title: str = "Training",
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> tuple[RegionGraph, ...]:
    """Enumerate a plane of each of several networks, one after the other in training, and write an
    animation of them.

    The window, the colours of classes and the range of numbers are the same in all frames.

    Args:
        networks: of the same numbers of inputs and outputs, in order.
        path: ends in ``.gif``, ``.mp4`` or ``.html``; the last is a page with a slider, that loads
            nothing.
        domain: two-dimensional, or a :class:`Slice` that is; default the first network's box.
        color: as in :func:`polyrelu.plot.plot_regions`, a name.
        output, walls, boundary, class_names: as there.
        window: default the domain's bounds; on an unbounded one, where most vertices of the last
            network are.
        labels: what each frame is called; default "step 0", ...
        frames_per_second: of the animation.
        title: of a page.
        limits: of each enumeration; a frame says if it is incomplete.
        progress: called with the number of frames and the seconds, see :func:`polyrelu.regions`.

    Returns:
        The graphs, one for each network. A tenth of a second a frame, and the enumerations.

    Raises:
        MissingExtraError: matplotlib, or for MP4 ffmpeg, is not installed.
        FileFormatError: another suffix.
        DomainError: not a plane.
        PolyreluError: no networks, networks that differ in shape, another number of labels, an
            unknown colour; ffmpeg failed.
    """
    require("matplotlib", "plot")
    file = _checked_path(path)
    found = list(networks)
    _check(found, color, labels, frames_per_second)
    where = found[0].input_box if domain is None else domain
    graphs = _enumerated(found, where, limits, reporter(progress, "frames"))
    film = _Film(graphs, color, output, walls, boundary, window, class_names)
    names = [f"step {k}" for k in range(len(found))] if labels is None else list(map(str, labels))
    if file.suffix.lower() == ".html":
        text = _page(film, names, frames_per_second, title)
        write_whole(file, text.encode())
    else:
        _write_film(film, names, frames_per_second, file)
    return tuple(graphs)


# --- what is wrong with the request --------------------------------------------------------------


def _checked_path(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.suffix.lower() not in SUFFIXES:
        known = ", ".join(SUFFIXES)
        raise FileFormatError(f"animations are written to {known} files, not {file.suffix!r}")
    if file.suffix.lower() == ".mp4":
        from matplotlib.animation import FFMpegWriter

        if not FFMpegWriter.isAvailable():
            raise MissingExtraError(
                "MP4 needs the program ffmpeg (apt-get install ffmpeg, or https://ffmpeg.org); "
                ".gif and .html do without"
            )
    return file


def _check(
    networks: list[Network], color: str, labels: Sequence[str] | None, per_second: float
) -> None:
    if not networks:
        raise PolyreluError("networks must be at least one")
    for k, network in enumerate(networks):
        if not isinstance(network, Network):
            raise TypeError(f"network {k} must be a polyrelu.Network, not {network!r}")
    shapes = [(network.input_dim, network.output_dim) for network in networks]
    odd = next((k for k, shape in enumerate(shapes) if shape != shapes[0]), None)
    if odd is not None:
        raise PolyreluError(
            f"networks must have the same inputs and outputs: network 0 has {shapes[0]}, "
            f"network {odd} has {shapes[odd]}"
        )
    if not isinstance(color, str) or color not in COLORS:
        raise PolyreluError(f"color must be one of {', '.join(COLORS)}, not {color!r}")
    if labels is not None and len(labels) != len(networks):
        raise PolyreluError(f"labels must be {len(networks)}, one a network, not {len(labels)}")
    if not 0 < per_second <= 60:
        raise PolyreluError(f"frames_per_second must be more than 0, at most 60, not {per_second}")


def _enumerated(
    networks: list[Network],
    domain: Domain | Slice | None,
    limits: Limits | None,
    progress: Progress | None,
) -> list[RegionGraph]:
    import time

    began = time.perf_counter()
    graphs = []
    for network in networks:
        graph = regions(network, domain, limits=limits)
        if graph.dim != 2:
            raise DomainError(f"an animation needs two coordinates, not {graph.dim}: take a Slice")
        graphs.append(graph)
        if progress is not None:
            progress(len(graphs), time.perf_counter() - began)
    close = getattr(progress, "close", None)
    if close is not None:
        close()
    return graphs


# --- frames --------------------------------------------------------------------------------------


class _Film:
    """A figure, and what is the same in all of its frames."""

    def __init__(
        self,
        graphs: list[RegionGraph],
        color: str,
        output: int | None,
        walls: bool,
        boundary: bool | None,
        window: Window | None,
        class_names: Sequence[str] | None,
    ) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.graphs = graphs
        last = graphs[-1]
        if window is None:
            window = default_window(last, affine_forms(last).facets)
        names = names_of(last.network, class_names)
        values = None if color in PLAIN else _all_values(graphs, color, output)
        mappable, label = (None, "") if values is None else scale(color, values, None)
        self.options: dict[str, Any] = {
            "color": color, "output": output, "walls": walls, "boundary": boundary,
            "window": window, "class_names": names, "legend": False,
            "color_range": mappable and mappable.get_clim(),
        }  # fmt: skip
        self.figure = Figure(figsize=SIZE, dpi=DPI)
        FigureCanvasAgg(self.figure)
        self.ax = self.figure.add_axes((0.09, 0.09, 0.7, 0.85))
        if mappable is not None:
            side = self.figure.add_axes((0.81, 0.3, 0.025, 0.6))
            self.figure.colorbar(mappable, cax=side, label=label).outline.set_visible(False)
        self._legend(names if color == "class" else [], walls, low=mappable is not None)

    def _legend(self, names: Sequence[str], walls: bool, low: bool) -> None:
        """Of all classes and layers, also those that not every frame has."""
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], linestyle="none", marker="s", markersize=11, color=fill(c),
                   label=f"class {name}")
            for c, name in enumerate(names[:MOST_NAMES])
        ]  # fmt: skip
        layers = sorted({k for graph in self.graphs for k, _, _ in graph.network.thresholds})
        handles += [
            Line2D([], [], color=wall_color(k), linewidth=1.5, label=f"wall of layer {k}")
            for k in (layers if walls else ())
        ]
        if handles:
            place = ("lower left", (0.79, 0.08)) if low else ("upper left", (0.79, 0.95))
            self.figure.legend(handles=handles, loc=place[0], bbox_to_anchor=place[1],
                               frameon=False, fontsize=9)  # fmt: skip

    def show(self, k: int, label: str) -> str:
        """Draw a frame; its title."""
        graph = self.graphs[k]
        self.ax.clear()
        plot_regions(graph, **self.options, ax=self.ax)
        said = f"{label}: {self.ax.get_title()}"
        self.ax.set_title(said, fontsize=11)
        return said


def _all_values(graphs: list[RegionGraph], color: str, output: int | None) -> Any:
    return np.concatenate(
        [region_values(graph, affine_forms(graph), color, output) for graph in graphs]
    )


def _write_film(film: _Film, names: Sequence[str], per_second: float, file: Path) -> None:
    """The file appears under its name when it is whole."""
    from matplotlib.animation import FFMpegWriter, PillowWriter

    suffix = file.suffix.lower()
    part = file.with_name(f"{file.stem}.part{suffix}")
    writer = (PillowWriter if suffix == ".gif" else FFMpegWriter)(fps=per_second)  # type: ignore[arg-type]
    try:
        with writer.saving(film.figure, part, DPI):
            for k, name in enumerate(names):
                film.show(k, name)
                writer.grab_frame()
        part.replace(file)
    except (BrokenPipeError, subprocess.CalledProcessError) as error:  # it has gone, or failed
        why = (getattr(error, "stderr", None) or str(error)).strip().splitlines()[-1]
        raise PolyreluError(
            f"ffmpeg could not write {file} ({why}); .gif and .html do without it"
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _page(film: _Film, names: Sequence[str], per_second: float, title: str) -> str:
    frames, said = [], []
    for k, name in enumerate(names):
        said.append(film.show(k, name))
        buffer = io.BytesIO()
        film.figure.savefig(buffer, format="png")
        frames.append(data_uri(buffer.getvalue(), "image/png"))
    data = {"frames": frames, "labels": said, "milliseconds": 1000 / per_second}
    return filled(
        "frames.html",
        {"TITLE": escape(title), "ALT": escape(said[0]), "FIRST": frames[0],
         "LAST": str(len(frames) - 1), "DATA": script_json(data)},
    )  # fmt: skip
