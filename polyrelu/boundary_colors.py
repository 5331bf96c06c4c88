"""What colours the pieces of a decision boundary, and what pictures of it are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .mesh import Indices
from .network import Array
from .queries.where import stopped

if TYPE_CHECKING:
    from .queries.boundary import DecisionBoundary

INK = "#16191d"
MOST_NAMES = 20  # in a legend
# Stronger than the fills of regions: a surface is shaded, a curve is thin. Every two are told apart
# by those who see less of red, green or blue (a test simulates it).
STRONG = (
    "#5b96d2",
    "#e07a52",
    "#4cb391",
    "#d9cd5b",
    "#8c507d",
    "#a7d1e0",
    "#ba3652",
    "#525ebe",
    "#b7ca90",
    "#988faa",
)


class Colors:
    """What colours the pieces that are drawn.

    Attributes:
        rgb: shape (drawn, 3).
        names: colours and what they mean.
        mappable: for a colour bar, if numbers are drawn.
    """

    def __init__(
        self,
        color: str | npt.ArrayLike,
        piece_of: Indices,
        classes: Indices,
        components: Indices,
        normals: Array,
        called: dict[int, str],
    ) -> None:
        from matplotlib.colors import to_rgb

        strong = np.array([to_rgb(c) for c in STRONG])
        self.names: list[tuple[Any, str]] = []
        self.mappable: Any = None
        if not isinstance(color, str):
            self._numbers(np.asarray(color, dtype=np.float64)[piece_of])
        elif color == "class":
            pairs, which = _by_frequency(classes)
            self.rgb = strong[which % len(strong)]
            self.names = [(STRONG[k % len(STRONG)], between(p, called))
                          for k, p in enumerate(pairs)]  # fmt: skip
        elif color == "component":
            self.rgb = strong[components % len(strong)]
            n = int(components.max(initial=-1)) + 1
            self.names = [(STRONG[k % len(STRONG)], f"component {k}") for k in range(n)]
        elif color == "piece":
            mixed = (piece_of * 0.6180339887) % 1.0  # neighbours get colours that are far apart
            self.rgb = strong[(mixed * len(strong)).astype(np.int64)]
        elif normals.shape[1] == 2:
            from matplotlib import colormaps

            angle = np.arctan2(normals[:, 1], normals[:, 0]) / (2 * np.pi)
            self.rgb = colormaps["twilight_shifted"](angle % 1.0)[:, :3]
        else:
            self.rgb = 0.55 + 0.37 * normals

    def _numbers(self, values: Array) -> None:
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        ends = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        self.mappable = ScalarMappable(Normalize(*ends), colormaps["cividis"])
        self.rgb = self.mappable.to_rgba(values)[:, :3]


def _by_frequency(classes: Indices) -> tuple[list[tuple[int, int]], Indices]:
    """The pairs of classes, the most frequent first, and which one each piece has."""
    pairs, which = np.unique(classes, axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(which.ravel(), minlength=len(pairs)), kind="stable")
    return [(a, b) for a, b in pairs[order].tolist()], np.argsort(order)[which.ravel()]


def between(pair: tuple[int, int], called: dict[int, str]) -> str:
    first, second = (called[c] for c in pair)
    return f"{first} on both sides" if first == second else f"{first} | {second}"


def title(boundary: DecisionBoundary, n: int) -> str:
    tied = f", {len(boundary.tied):,} regions tied" if len(boundary.tied) else ""
    state = "" if boundary.complete else f" (incomplete: {stopped(boundary.graph)})"
    return f"{n:,} pieces{tied}{state}"


def rgb(color: str) -> Array:
    from matplotlib.colors import to_rgb

    return np.array(to_rgb(color))
