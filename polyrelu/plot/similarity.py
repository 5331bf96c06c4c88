"""The kernel matrix of a labelled data set, sorted by label, and the similarity gap beside it.

Needs ``pip install polyrelu[plot]``. What is drawn is float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..boundary_colors import INK, STRONG
from ..errors import PolyreluError
from ..io._extras import require
from ..network import Array
from ..queries.similarity import similarity_gap

if TYPE_CHECKING:
    from ..queries.kernels import LabelledFeatures
    from ..queries.metrics import Metric

MOST_POINTS = 4000  # more than a picture has pixels


def plot_similarity(
    data: LabelledFeatures,
    metric: Metric | None = None,
    *,
    leave_one_out: bool = False,
    gap: bool = True,
    class_names: Sequence[str] | None = None,
    ax: Any = None,
) -> Any:
    """Draw K(x, x') / sup |K| of every two points, classes in blocks, and each point's gap.

    Within a class points are sorted by their gap, the least on top. Where the bars on the right
    point to the left, a point is more similar to the other classes than to its own.

    Args:
        metric: default the tangent kernel's.
        leave_one_out: as of :func:`polyrelu.similarity_gap`.
        gap: draw the gaps too.
        class_names: one for each class; default the labels.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes of the matrix. ``ax.figure.savefig("kernel.png", dpi=300)`` writes a file.

    Raises:
        MissingExtraError: matplotlib is not installed.
        PolyreluError: another number of names; more than 4000 points; and as
            :func:`polyrelu.similarity_gap`.
    """
    plt = require("matplotlib.pyplot", "plot")
    names = [str(c) for c in data.classes] if class_names is None else list(class_names)
    if len(names) != len(data.classes):
        raise PolyreluError(f"class_names must be {len(data.classes)} names, not {len(names)}")
    if len(data) > MOST_POINTS:
        raise PolyreluError(f"a kernel matrix of {MOST_POINTS} points at most can be drawn")
    found = similarity_gap(data, metric, leave_one_out=leave_one_out)
    order = np.lexsort([found.relative.mid, data.label])
    features = data.bounded[order]
    kernel = found.metric.gram(features, features).mid / found.scale.high
    if ax is None:
        ax = plt.subplots(figsize=(7.0, 6.6), layout="constrained")[1]
    _draw_matrix(ax, kernel, names, data.counts)
    if gap:
        _draw_gaps(ax, found.relative.mid[order], data.label[order])
    mean, least = (b.low / 2 + b.high / 2 for b in (found.mean, found.min))
    ax.set_title(f"similarity gap: mean {mean:.3g}, least {least:.3g} of sup |K|", fontsize=11)
    return ax


def _draw_matrix(
    ax: Any, kernel: Array, names: Sequence[str], counts: npt.NDArray[np.int64]
) -> None:
    """Diverging colours around 0, which is white."""
    largest = float(np.abs(kernel).max())
    image = ax.imshow(kernel, cmap="RdBu_r", vmin=-largest, vmax=largest)
    ends = np.cumsum(counts)
    for end in ends[:-1].tolist():
        ax.axhline(end - 0.5, color=INK, linewidth=0.8)
        ax.axvline(end - 0.5, color=INK, linewidth=0.8)
    middles = ends - counts / 2 - 0.5
    ax.set_xticks(middles, names)
    ax.set_yticks(middles, names)
    ax.tick_params(length=0)
    ax.figure.colorbar(
        image, ax=ax, location="bottom", shrink=0.6, aspect=40, label="K(x, x') / sup |K|"
    )


def _draw_gaps(ax: Any, gaps: Array, label: npt.NDArray[np.int64]) -> None:
    side = ax.inset_axes((1.03, 0.0, 0.22, 1.0), sharey=ax)
    colors = [STRONG[c % len(STRONG)] for c in label.tolist()]
    side.barh(np.arange(len(gaps)), gaps, height=1.0, color=colors)
    side.axvline(0, color=INK, linewidth=0.8)
    side.tick_params(axis="y", left=False, labelleft=False)
    side.locator_params(axis="x", nbins=3)
    side.set_xlabel("gap")
    side.spines[["top", "right", "left"]].set_visible(False)
