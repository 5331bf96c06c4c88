"""Pictures of space folding: a walk through activation patterns, and a table of classes.

Needs ``pip install polyrelu[plot]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import DomainError
from ..io._extras import require
from .axes import new_axes

if TYPE_CHECKING:
    from ..queries.folding_data import FoldingTable
    from ..queries.path import ActivationPath

DISTANCE, LENGTH, FOLDED = "#0b5d9c", "#b3401a", "#eedd88"
MOST_CLASSES_WITH_NUMBERS = 12


def plot_path(path: ActivationPath, *, ax: Any = None) -> Any:
    """How far from its first pattern a walk is, and how long it was: they part where it folds.

    Args:
        path: of :func:`polyrelu.activation_path`.
        ax: matplotlib axes; new ones by default.

    Returns:
        The axes. Pieces that are folded back, nearer to the first pattern than an earlier one, are
        shaded; corners of the path are dotted lines.
    """
    require("matplotlib", "plot")
    ax = new_axes() if ax is None else ax
    end = len(path.corners) - 1
    at = np.concatenate([[0.0], path.times, [float(end)]])
    length = np.append(path.indptr, path.indptr[-1])
    distance = np.append(path.distances, path.distances[-1])
    _shade(ax, at, path.folded)
    ax.step(at, length, where="post", color=LENGTH, linestyle="--", linewidth=1.4,
            label="length: bits flipped so far")  # fmt: skip
    ax.step(at, distance, where="post", color=DISTANCE, linewidth=1.8,
            label="distance: bits unlike the first pattern")  # fmt: skip
    for corner in range(1, end):
        ax.axvline(corner, color="0.5", linestyle=":", linewidth=0.8)
    found = path.folding()
    ax.set(xlim=(0, end), ylim=(0, None), ylabel="bits",
           xlabel="along the path" + (" (corners are whole numbers)" if end > 1 else ""),
           title=f"folding χ = {float(found.chi):.3g}   ({len(path):,} pieces, "
                 f"range {found.range}, length {found.length})")  # fmt: skip
    ax.legend(loc="upper left", frameon=False)
    return ax


def _shade(ax: Any, at: Any, folded: Any) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], folded, [False]])))
    for k, (a, b) in enumerate(edges.reshape(-1, 2)):
        ax.axvspan(at[a], at[b], color=FOLDED, linewidth=0, alpha=0.6,
                   label=None if k else "folded back")  # fmt: skip


def plot_folding_table(table: FoldingTable, *, layer: int | None = None, ax: Any = None) -> Any:
    """The mean folding between the points of each two classes, and within each.

    Args:
        table: of :func:`polyrelu.folding_table`.
        layer: count the bits of this layer only.
        ax: matplotlib axes; new ones by default.

    Raises:
        DomainError: no pairs.
    """
    if not len(table):
        raise DomainError("a picture needs pairs of points, but the table has none")
    require("matplotlib", "plot")
    ax = new_axes() if ax is None else ax
    means = table.by_class(layer)
    image = ax.imshow(means, cmap="cividis", vmin=0.0)
    ax.figure.colorbar(image, ax=ax, label="mean χ", shrink=0.85)
    names = list(map(str, table.classes))
    ax.set_xticks(range(len(names)), names)
    ax.set_yticks(range(len(names)), names)
    bits = "" if layer is None else f", bits of layer {layer}"
    between = table.between(layer)
    ax.set(xlabel="class", ylabel="class",
           title=f"folding of segments between points{bits}\nbetween classes: mean "
                 f"{between.mean:.3g}, greatest {between.greatest:.3g}")  # fmt: skip
    if len(names) <= MOST_CLASSES_WITH_NUMBERS:
        _write_numbers(ax, means)
    return ax


def _write_numbers(ax: Any, means: Any) -> None:
    middle = np.nanmax(means) / 2
    for i, j in np.argwhere(~np.isnan(means)).tolist():
        ax.text(j, i, f"{means[i, j]:.3f}".lstrip("0"), ha="center", va="center", fontsize=7,
                color="white" if means[i, j] < middle else "black")  # fmt: skip
