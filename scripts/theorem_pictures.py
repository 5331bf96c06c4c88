"""The pictures of docs/theorems.md, from claims and the functions behind them.

python scripts/theorem_pictures.py --folder docs
"""

from __future__ import annotations

import argparse
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from polyrelu import Arrangement, Space, count_regions, region_bounds, regions, theorems, zaslavsky
from polyrelu.theorems import gaussian_network
from polyrelu.theorems.degrees import average

COLORS = ("#0072b2", "#d55e00", "#009e73")  # Okabe and Ito: for the colour-blind, too
ABOVE: dict[str, Any] = {"frameon": False, "fontsize": 8, "ncols": 3, "loc": "lower center",
                         "bbox_to_anchor": (0.5, 1.0)}  # fmt: skip


def new_axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw_counts(axes: Axes, seed: int) -> None:
    """How many regions random networks of 16 neurons have, beside what is proved."""
    rng = np.random.default_rng(seed)
    bins = np.geomspace(20, 300, 28)
    for widths, color in zip(((2, 16), (2, 8, 8), (2, 4, 4, 4, 4)), COLORS, strict=True):
        networks = [gaussian_network(rng, widths) for _ in range(300)]
        counts = [count_regions(network, Space(2)).count for network in networks]
        label = "-".join(map(str, widths))
        if widths == (2, 16):  # always the same
            axes.axvline(counts[0], color=color, label=f"{label}: always {counts[0]}")
        else:
            axes.hist(counts, bins, color=color, alpha=0.6, label=label)
            bound = region_bounds(widths).serra_2018
            axes.axvline(bound, color=color, linestyle="--", label=f"bound, {label}: {bound:,}")
    axes.axvline(16**2, color="0.5", linestyle=":", label="N²: 256")
    axes.set(xscale="log", xlabel="regions in the plane", ylabel="of 300 networks")
    axes.legend(**ABOVE)


def draw_degrees(axes: Axes, seed: int) -> None:
    """Average degrees rise to 2d."""
    rng = np.random.default_rng(seed)
    for d, color in zip((2, 3, 4), COLORS, strict=True):
        widths = list(range(d, 41 if d < 4 else 21))
        shallow = [2 * zaslavsky(n, d, d - 1) / zaslavsky(n, d) for n in widths]
        axes.plot(widths, shallow, color=color, label=f"d = {d}, one layer")
        found = [
            regions(Arrangement(rng.normal(size=(n, d)), rng.normal(size=n)).network, Space(d))
            for n in widths[::6]
        ]
        axes.plot(widths[::6], [float(average(g)) for g in found], "o", color=color, markersize=4)
        halves = range(d, 15 if d < 4 else 8)
        deep = [regions(gaussian_network(rng, (d, n, n)), Space(d)) for n in halves]
        style: dict[str, Any] = {"color": color, "markersize": 5, "label": "two layers"}
        axes.plot([2 * n for n in halves], [float(average(g)) for g in deep], "x", **style)
        axes.axhline(2 * d, color=color, linestyle=":", linewidth=1)
    axes.set(xlabel="neurons", ylabel="neighbours on average", xlim=(2, 40))
    axes.legend(**ABOVE)


def draw_injective(axes: Axes, seed: int) -> None:
    """How often Gaussian layers on the plane are injective: the law, and the claim's estimates."""
    (report,) = theorems.run("gaussian-layers-of-the-plane", seed=seed)
    for place, outcome in enumerate(report.outcomes):
        found = outcome.evidence
        estimate, (low, high) = float(Fraction(found["estimate"])), found["interval"]
        error = [[estimate - low], [high - estimate]]
        style = {"color": COLORS[0], "markersize": 4, "capsize": 3}
        label = f"{found['sample']} layers, {theorems.LEVEL:.2%} intervals" if not place else None
        axes.errorbar(4 + place, estimate, error, fmt="o", label=label, **style)
        label = "the law" if not place else None
        axes.plot(4 + place, float(Fraction(found["claimed"])), "x", color=COLORS[1], label=label)
    axes.set(xlabel="rows m of the layer on R²", ylabel="share of injective layers",
             xticks=range(4, 9), ylim=(-0.02, 1))  # fmt: skip
    axes.legend(frameon=False, fontsize=8)


PICTURES = {"counts": draw_counts, "degrees": draw_degrees, "injective": draw_injective}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path("docs"))
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    for name, draw in PICTURES.items():
        figure, axes = new_axes()
        draw(axes, options.seed)
        path = options.folder / f"theorems_{name}.png"
        figure.savefig(path, dpi=110)
        print(path)


if __name__ == "__main__":
    main()
