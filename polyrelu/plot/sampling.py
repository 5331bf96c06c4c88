"""Recall against budget: what sampling finds, and where exact enumeration has found everything.

Needs ``pip install polyrelu[plot]``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..boundary_colors import INK
from ..io._extras import require
from ..network import Array
from .axes import new_axes

if TYPE_CHECKING:
    from ..sampling.study import Study

# Okabe and Ito: told apart by all, and by their dashes in grey.
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b5b00", "#332288")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))
POINTS = 200


def plot_recall(study: Study, *, ax: Any = None) -> Any:
    """Draw the share of the regions that each method has found after so many forward passes.

    A curve is the mean of a method's repetitions, a band its least and greatest. A thin grey curve
    is what uniform points find in expectation, if volumes are known. The vertical line is the exact
    enumeration: the forward passes that take as long.

    Args:
        study: of :func:`polyrelu.sampling.study`.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require("matplotlib", "plot")
    ax = new_axes() if ax is None else ax
    most = max(c.sample.passes for runs in study.comparisons.values() for c in runs)
    most = max(most, 2 * study.cost.passes)
    for k, (name, runs) in enumerate(study.comparisons.items()):
        color, dash = COLORS[k % len(COLORS)], DASHES[k % len(DASHES)]
        x = np.geomspace(1, max(c.sample.passes for c in runs), POINTS)
        curves: Array = np.array([c.recall_after(x) for c in runs])
        false = max(c.false_patterns for c in runs)
        label = name + (f" ({false:,} false patterns)" if false else "")
        ax.plot(x, curves.mean(axis=0), color=color, linestyle=dash, linewidth=1.8, label=label)
        if len(runs) > 1:
            ax.fill_between(x, curves.min(axis=0), curves.max(axis=0), color=color, alpha=0.2,
                            linewidth=0)  # fmt: skip
    x = np.geomspace(1, most, POINTS)
    expected = study.expected_recall(x)
    if expected is not None:
        ax.plot(x, expected, color="0.5", linewidth=1, zorder=1, label="uniform, expected")
    ax.axvline(study.cost.passes, color=INK, linewidth=1.5,
               label=f"exact: all {len(study.graph):,} regions")  # fmt: skip
    ax.set(xscale="log", xlim=(1, most), ylim=(0, 1.02), xlabel="forward passes",
           ylabel="share of the regions found")  # fmt: skip
    ax.grid(color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(frameon=False, fontsize=9, loc="best")
    return ax
