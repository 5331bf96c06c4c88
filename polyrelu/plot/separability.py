"""A picture of separability by layer, and by epoch.

Needs ``pip install polyrelu[plot]``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PolyreluError
from ..io._extras import require
from .axes import new_axes

if TYPE_CHECKING:
    from ..separability.table import SeparabilityRow, SeparabilityTable

MARKERS = "osD^v"
MOST_LINES = 12  # in a legend


def plot_separability(
    table: SeparabilityTable, measure: str = "LS1", *, by: str | None = None, ax: Any = None
) -> Any:
    """Draw a measure of separability, a line for each two classes.

    What a direction attains, and where that may not be the value the interval that is left. Where
    the classes are strictly separable, if that was asked, the marker is filled.

    Args:
        table: of :func:`polyrelu.layer_separability`.
        measure: one of the table's.
        by: "layer": layers run to the right, and the last epoch is drawn; "epoch": epochs do, with
            a line for each layer (the mean over classes) and the accuracy, dashed. Default "epoch"
            if the table has several.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        PolyreluError: a measure that the table does not have; another ``by``.
    """
    require("matplotlib", "plot")
    if measure not in table.names:
        raise PolyreluError(f"measure must be one of {', '.join(table.names)}, not {measure!r}")
    by = by or ("epoch" if len(table.accuracies) > 1 else "layer")
    if by not in ("layer", "epoch"):
        raise PolyreluError(f"by must be 'layer' or 'epoch', not {by!r}")
    ax = new_axes() if ax is None else ax
    if by == "layer":
        _by_layer(ax, table, measure)
    else:
        _by_epoch(ax, table, measure)
    ax.set_ylabel(measure)
    ax.set_ylim(-0.03, 1.03)
    ax.grid(axis="y", alpha=0.3)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def _by_layer(ax: Any, table: SeparabilityTable, measure: str) -> None:
    last = len(table.accuracies) - 1
    rows = [row for row in table if row.epoch == last]
    classes = list(dict.fromkeys(row.classes for row in rows))
    names = list(dict.fromkeys(row.name for row in rows))
    for k, pair in enumerate(classes):
        own = [row for row in rows if row.classes == pair]
        # Side by side, so that intervals of several classes can be told apart.
        shift = 0.0 if len(classes) == 1 else 0.16 * (k / (len(classes) - 1) - 0.5)
        at = np.arange(len(own)) + shift
        _line(ax, at, [[row] for row in own], measure, k, pair if k < MOST_LINES else None)
    ax.set_xticks(range(len(names)), names)
    ax.set_title(f"{measure} by layer" + (f", epoch {last}" if last else ""), fontsize=11)
    if len(classes) <= MOST_LINES:
        ax.legend(title="classes", frameon=False, fontsize=9)


def _by_epoch(ax: Any, table: SeparabilityTable, measure: str) -> None:
    epochs = np.arange(len(table.accuracies))
    names = list(dict.fromkeys(row.name for row in table))
    for k, name in enumerate(names):
        own = [[row for row in table if row.name == name and row.epoch == e] for e in epochs]
        kept = [(e, rows) for e, rows in zip(epochs, own, strict=True) if rows]
        _line(ax, np.array([e for e, _ in kept]), [rows for _, rows in kept], measure, k, name)
    if all(v is not None for v in table.accuracies):
        ax.plot(epochs, table.accuracies, color="black", linestyle="--", label="accuracy")
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.set_title(f"{measure} by epoch", fontsize=11)
    ax.legend(frameon=False, fontsize=9)


def _line(
    ax: Any, at: Any, rows: Sequence[Sequence[SeparabilityRow]], measure: str, k: int,
    label: str | None,
) -> None:  # fmt: skip
    """The means over some rows at each place, and their bounds."""
    found = [[row.measures[measure] for row in group] for group in rows]
    low, middle, high = (
        np.array([np.mean([getattr(m, name) for m in group]) for group in found])
        for name in ("low", "value", "high")
    )
    color = f"C{k % 10}"
    ax.plot(at, middle, color=color, linewidth=1.6, label=label)
    wide = high - low > 1e-3
    if wide.any():
        ax.vlines(at[wide], low[wide], high[wide], color=color, linewidth=1.4, alpha=0.7)
    filled = [all(row.separable for row in group) for group in rows]
    for x, y, full in zip(at, middle, filled, strict=True):
        ax.plot(x, y, MARKERS[k % len(MARKERS)], markersize=6, markeredgecolor=color,
                markerfacecolor=color if full else "white")  # fmt: skip
