"""Pictures of how a network folds its domain. Needs ``pip install polyrelu[plot]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import PolyreluError
from ..io._extras import require
from .axes import new_axes

if TYPE_CHECKING:
    from ..queries.graph_folding import Distribution, GraphFolding

DISTANCES = ("hops", "flips")


def plot_distances(found: GraphFolding, *, against: str = "hops", ax: Any = None) -> Any:
    """Draw how many pairs of regions have which Hamming distance and which distance in the graph.

    On the diagonal, drawn in grey, walks flip no bit twice (where each wall flips one bit).

    Args:
        against: ``"hops"``, walls on a shortest walk, or ``"flips"``, the least number of bits
            that a walk flips.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        PolyreluError: an unknown distance, or no pairs.
    """
    require("matplotlib", "plot")
    from matplotlib.colors import LogNorm

    if against not in DISTANCES:
        raise PolyreluError(f"against must be one of {', '.join(DISTANCES)}, not {against!r}")
    counts = found.hop_hamming if against == "hops" else found.flip_hamming
    if not counts.any():
        raise PolyreluError("there are no pairs of regions to draw")
    rows, columns = np.nonzero(counts)
    counts = counts[: rows.max() + 1, : columns.max() + 1]
    ax = new_axes() if ax is None else ax
    height, width = counts.shape
    mesh = ax.pcolormesh(
        np.arange(width + 1) - 0.5,
        np.arange(height + 1) - 0.5,
        np.ma.masked_equal(counts, 0),
        norm=LogNorm(1, max(2, counts.max())),
        cmap="cividis",
    )
    longest = min(height, width) - 1
    ax.plot([0, longest], [0, longest], color="0.6", linewidth=1, zorder=0)
    ax.figure.colorbar(mesh, ax=ax, label="ordered pairs of regions")
    ax.set(xlabel="Hamming distance of patterns",
           ylabel="hops" if against == "hops" else "bits flipped on the way")  # fmt: skip
    return ax


def plot_folding(
    distribution: Distribution, *, bins: int | Sequence[float] = 20, ax: Any = None
) -> Any:
    """Draw a distribution of chi as a histogram over [0, 1]; a dashed line is its mean.

    Args:
        distribution: such as ``found.segment_folding`` or ``found.geodesic_folding``.
        bins: their number, or their edges.
        ax: matplotlib axes to draw on; default new ones.

    Returns:
        The axes.

    Raises:
        MissingExtraError: matplotlib is not installed.
        PolyreluError: there are no values.
    """
    require("matplotlib", "plot")
    if not distribution.values:
        raise PolyreluError("there are no values to draw")
    ax = new_axes() if ax is None else ax
    edges = np.linspace(0, 1, bins + 1) if isinstance(bins, int) else np.asarray(bins, dtype=float)
    values = np.array([float(v) for v in distribution.values])
    shares = distribution.counts / distribution.size
    ax.hist(values, bins=edges, weights=shares, color="#77aadd", edgecolor="white", linewidth=0.5)
    ax.axvline(float(distribution.mean), color="#000000", linestyle=(0, (3, 2)), linewidth=1)
    ax.set(xlim=(edges[0], edges[-1]), xlabel="chi", ylabel="share of pairs")
    return ax
