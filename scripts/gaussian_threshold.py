"""How many Gaussian ReLU layers are injective, by their expansivity m / n: exact, reproducible.

Writes a table (Markdown, to stdout) and a figure. Every layer is decided by
``polyrelu.is_injective`` on R^n: no sampling of inputs, no tolerance.

    python scripts/gaussian_threshold.py --samples 400 --figure docs/gaussian_threshold.png
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

import polyrelu
from polyrelu.network import Affine, Layer

DIMENSIONS = (2, 3, 4, 5, 6, 7, 8)
EXPANSIVITIES = (2, 2.5, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 7.5, 8, 9, 10, 12)

# Of the limit n -> infinity; docs/injectivity.md says whose they are.
CONSTANTS = (3.40, 6.70, 7.65, 8.34, 9.09, 10.5)


LARGEST_LAW = 18  # rows, of which all 2**m choices of signs are looked at


def is_injective(m: int, n: int, seed: int) -> bool:
    weight = np.random.default_rng([m, n, seed]).normal(size=(m, n))
    layer = Layer((Affine(weight, np.zeros(m)),), polyrelu.relu())
    return polyrelu.is_injective(layer, polyrelu.Space(n)).proved


def share(m: int, n: int, samples: int) -> float:
    return sum(is_injective(m, n, seed) for seed in range(samples)) / samples


def law_in_the_plane(m: int) -> float:
    """The exact probability for n = 2, by all choices of signs.

    Only the order of the m lines matters, which is the same for all, and to which side each row
    looks, which is fair. Where the number of active rows starts with a, it is
    ``a - s_1 - ... - s_k`` after k lines, and m minus that on the opposite side: the layer is
    injective iff at least 2 are active everywhere.
    """
    sign = 1 - 2 * ((np.arange(1 << m)[:, None] >> np.arange(m)) & 1)
    walk = (sign > 0).sum(axis=1)[:, None] - np.cumsum(sign, axis=1)
    return float(((walk >= 2) & (walk <= m - 2)).all(axis=1).mean())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=400)
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    found: dict[int, list[tuple[float, float]]] = {}
    for n in DIMENSIONS:
        found[n] = []
        for c in EXPANSIVITIES:
            m = round(c * n)
            found[n].append((m / n, share(m, n, options.samples)))
            print(f"n = {n}, m = {m}: {found[n][-1][1]:.3f}", file=sys.stderr)
    print(table(found))
    if options.figure:
        draw(found, options)
    return 0


def table(found: dict[int, list[tuple[float, float]]]) -> str:
    lines = ["| m / n | n = 2, law | " + " | ".join(f"n = {n}" for n in found) + " |"]
    lines.append("|---:" * (len(found) + 2) + "|")
    for k, c in enumerate(EXPANSIVITIES):
        m = round(2 * c)
        cells = [f"{law_in_the_plane(m):.3f}" if m <= LARGEST_LAW else "-"]
        for rows in found.values():
            ratio, p = rows[k]
            cells.append(f"{p:.3f}" if ratio == c else f"{p:.3f} ({ratio:.3g})")
        lines.append(f"| {c:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(found: dict[int, list[tuple[float, float]]], options: argparse.Namespace) -> None:
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    ax = figure.subplots()
    for c in CONSTANTS:
        ax.axvline(c, color="0.75", linewidth=0.8, zorder=0)
        ax.text(c, 1.02, f"{c:g}", ha="center", va="bottom", fontsize=8, color="0.35")
    colors = colormaps["viridis"](np.linspace(0, 0.9, len(found)))
    for color, (n, rows) in zip(colors, found.items(), strict=True):
        x, p = np.array(rows).T
        error = 2 * np.sqrt(p * (1 - p) / options.samples)
        style = {"marker": "o", "markersize": 3, "linewidth": 1}
        ax.errorbar(x, p, error, color=color, label=f"n = {n}", **style)
    exact = [(m / 2, law_in_the_plane(m)) for m in range(4, LARGEST_LAW + 1)]
    ax.plot(*zip(*exact, strict=True), "kx", markersize=6, label="n = 2, exact law")
    ax.set(xlabel="expansivity m / n", ylabel="share of injective layers", ylim=(-0.02, 1.1),
           xlim=(1.8, 12.3))  # fmt: skip
    ax.legend(frameon=False, fontsize=8, loc="center right")
    ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(options.figure, dpi=130)


if __name__ == "__main__":
    sys.exit(main())
