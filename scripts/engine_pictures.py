"""The drawings of docs/engine.md and docs/contract.md, and the picture of docs/index.md.

python scripts/engine_pictures.py --folder docs
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

import polyrelu as pr
from polyrelu.plot import fit_figure, plot_regions

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#555555"  # Okabe and Ito
PALE_BLUE, PALE_ORANGE, PALE_GREY = "#cfe3f1", "#f6dcc9", "#eeeeee"
SQUARE = pr.Box(-1, 1, dim=2)


def panels(count: int, width: float = 9.6, height: float = 3.8) -> tuple[Figure, Any]:
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, count)
    for ax in np.atleast_1d(axes):
        ax.set_aspect("equal")
        ax.set_axis_off()
    return figure, axes


def corners(region: pr.Region) -> np.ndarray:
    """The vertices of a region of the plane, counterclockwise."""
    points = region.vertices()
    angles = np.arctan2(*(points - points.mean(axis=0)).T[::-1])
    return np.asarray(points[np.argsort(angles)])


def fill(ax: Axes, region: pr.Region, color: str) -> None:
    ax.add_patch(Polygon(corners(region), facecolor=color, edgecolor="black", linewidth=1))


def draw_walls(ax: Axes, region: pr.Region, thresholds: tuple[int, ...]) -> None:
    rows, bounds = region.inequalities()
    points = region.vertices()
    for facet, row, bound in zip(region.facets, rows, bounds, strict=True):
        if facet.threshold in thresholds:
            ax.plot(*points[np.isclose(points @ row, bound)].T, color=BLUE, lw=3)


def label(ax: Axes, text: str, at: Any, color: str = "black", size: float = 10) -> None:
    ax.text(*at, text, ha="center", va="center", color=color, fontsize=size)


# --- cells are split --------------------------------------------------------------------------


def draw_split(ax: Axes) -> None:
    """A cell, the signs of a wall at its vertices, and what the split makes."""
    cell = np.array([[-0.9, -0.6], [0.3, -0.95], [0.95, -0.1], [0.45, 0.85], [-0.65, 0.7]])
    normal, offset = np.array([0.55, 1.0]), -0.05
    values = cell @ normal + offset
    above, below, new = [], [], []
    for k, (point, value) in enumerate(zip(cell, values, strict=True)):
        (above if value > 0 else below).append(point)
        after, next_value = cell[(k + 1) % len(cell)], values[(k + 1) % len(cell)]
        if value * next_value < 0:
            cut = point + (after - point) * value / (value - next_value)
            new.append(cut)
            above.append(cut)
            below.append(cut)
    for side, color in ((above, PALE_BLUE), (below, PALE_ORANGE)):
        middle = np.mean(side, axis=0)
        side.sort(key=lambda p: float(np.arctan2(*(p - middle)[::-1])))
        ax.add_patch(Polygon(side, facecolor=color, edgecolor="black"))
    ends = np.array(new)
    along = ends[1] - ends[0]
    ax.plot(
        *np.array([ends[0] - 0.15 * along, ends[1] + 0.15 * along]).T, color=GREY, ls="--", lw=1.2
    )
    ax.plot(*ends.T, color="black", lw=2)
    for point, value in zip(cell, values, strict=True):
        label(ax, "+" if value > 0 else "−", point * 1.16, BLUE if value > 0 else ORANGE, 14)
    ax.plot(*ends.T, "o", color="black", ms=6)
    label(ax, "positive", (-0.05, 0.45), BLUE)
    label(ax, "negative", (-0.1, -0.5), ORANGE)
    ax.set_title("A wall with both signs at the vertices\nsplits the cell in two", fontsize=10)
    ax.set(xlim=(-1.2, 1.2), ylim=(-1.2, 1.1))


def draw_layers(first: Axes, second: Axes) -> None:
    """A layer cuts by lines; the next one by lines that bend on them."""
    W, b = np.array([[1, 0.45], [-0.5, 1], [0.9, -0.8]]), np.array([-0.2, 0.25, -0.05])
    V, c = np.array([[1.0, 1.2, -0.9]]), np.array([-0.7])
    straight = pr.regions(pr.Network.from_layers([(W, b), (V, c)]), SQUARE)
    bent = pr.regions(pr.Network.from_layers([(W, b), (V, c), ([[1]], [0])]), SQUARE)
    for region in straight:
        fill(first, region, PALE_GREY)
        label(first, "".join(map(str, region.pattern)), corners(region).mean(axis=0), GREY, 8)
    for region in bent:
        fill(second, region, PALE_BLUE if region.pattern[3] else PALE_GREY)
        draw_walls(second, region, (3,))
    first.set_title("Layer 1 cuts by lines", fontsize=10)
    title = "On each cell, layer 2 has one affine form:\nits wall bends where the cells meet"
    second.set_title(title, fontsize=10)
    for ax in (first, second):
        ax.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))


def draw_splitting() -> Figure:
    figure, (left, middle, right) = panels(3)
    draw_split(left)
    draw_layers(middle, right)
    return figure


# --- a sign is certified ----------------------------------------------------------------------


STAGES = (
    # float64 value, bound on its error, the true value, what is said
    (0.62, 0.18, 0.66, "a cheap bound, for all vertices of a cell:  +"),
    (-0.42, 0.2, -0.36, "a bound for this vertex:  −"),
    (0.1, 0.055, 0.12, "twice the precision, where the bound held 0:  +"),
    (0.03, 0.12, 0.0, "the bound still holds 0:  integers say 0"),
)


def draw_signs() -> Figure:
    figure = Figure(figsize=(7.6, 2.7), layout="constrained")
    ax = figure.subplots()
    for k, (value, bound, truth, text) in enumerate(STAGES):
        color = GREEN if abs(value) > bound else ORANGE
        ax.plot([value - bound, value + bound], [-k, -k], color=color, lw=7, alpha=0.45,
                solid_capstyle="butt")  # fmt: skip
        ax.plot(value, -k, "o", color=color, ms=6)
        ax.plot(truth, -k, "|", color="black", ms=14, mew=2)
        ax.text(1.0, -k, text, va="center", fontsize=9)
    ax.plot([0, 0], [-3.4, 0.45], color="black", lw=1)
    ax.text(0, 0.55, "0", ha="center", fontsize=9)
    ax.text(1.0, 0.55, "dot: float64, bar: its bound, tick: the truth", fontsize=8, color=GREY)
    ax.set(xlim=(-0.8, 2.45), ylim=(-3.5, 0.9))
    ax.set_axis_off()
    return figure


# --- who touches whom -------------------------------------------------------------------------


def draw_bits() -> Figure:
    figure, (left, right) = panels(2, 8.4, 3.2)
    layers = [([[1, 0.15], [1, -0.2]], [0.5, -0.3]), ([[1, -2]], [-0.25]), ([[1]], [0])]
    graph = pr.regions(pr.Network.from_layers(layers), pr.Box([-1.2, -1], [2, 1]))
    pair = (graph.find([1, 0, 0]), graph.find([1, 1, 0]))
    for region in graph:
        fill(left, region, PALE_ORANGE if region.index in pair else PALE_GREY)
        label(left, "".join(map(str, region.pattern)), corners(region).mean(axis=0))
    x, y = (corners(graph[i]).mean(axis=0) for i in pair)
    left.annotate("", (y[0], 0.3), (x[0], 0.3), arrowprops={"arrowstyle": "<->", "color": ORANGE,
                  "lw": 1.5, "connectionstyle": "arc3,rad=-0.25"})  # fmt: skip
    left.set_title("One bit apart, and no common wall", fontsize=10)

    twins = pr.Network.from_layers([([[1, 0.3], [-2, -0.6], [0.2, -1]], [0, 0, 0.1]),
                                    ([[1, 1, 1]], [0])])  # fmt: skip
    graph = pr.regions(twins, pr.Box([-1.2, -1], [1.2, 1]))
    for region in graph:
        fill(right, region, PALE_GREY)
        label(right, "".join(map(str, region.pattern)), corners(region).mean(axis=0))
        draw_walls(right, region, (0, 1))
    right.set_title("One wall of two neurons: two bits flip", fontsize=10)
    left.set(xlim=(-1.25, 2.05), ylim=(-1.05, 1.05))
    right.set(xlim=(-1.25, 1.25), ylim=(-1.05, 1.05))
    return figure


# --- the landing page -------------------------------------------------------------------------


def draw_plane() -> Figure:
    network = pr.load_network(Path(__file__).parents[1] / "demo" / "network.npz")
    box = network.input_box
    assert box is not None
    plane = pr.Slice(np.zeros(4), np.eye(4)[:2], pr.Box(box.low[:2], box.high[:2]))
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    ax = figure.subplots()
    plot_regions(pr.regions(network, plane), ax=ax)
    fit_figure(ax)
    return figure


PICTURES = {
    "engine_splitting": draw_splitting,
    "engine_signs": draw_signs,
    "engine_bits": draw_bits,
    "plane_of_digits": draw_plane,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("docs"))
    folder = parser.parse_args().folder
    for name, draw in PICTURES.items():
        draw().savefig(folder / f"{name}.png", dpi=110)
        print(folder / f"{name}.png")


if __name__ == "__main__":
    main()
