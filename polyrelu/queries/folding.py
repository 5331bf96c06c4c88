"""Space folding: how far a walk through activation patterns gets, and how long it is.

Lewandowski, Eghbal-zadeh, Heinzl, Pisoni and Moser, "On Space Folds of ReLU Neural Networks",
TMLR 2025: for patterns pi_1, ..., pi_n along a path, with r1 the greatest Hamming distance from
pi_1 and r2 the sum of those from each to the next, chi = 1 - r1 / r2. It is 0 iff no bit flips
twice, as on every segment through one hidden layer.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..network import Network


@dataclass(frozen=True)
class Folding:
    """The folding of a walk through patterns.

    Attributes:
        range: r1, the greatest Hamming distance from the first pattern.
        length: r2, the sum of the Hamming distances between successive patterns.
    """

    range: int
    length: int

    @property
    def chi(self) -> Fraction:
        """1 - r1 / r2, in [0, 1); 0 if nothing flips."""
        return 1 - Fraction(self.range, self.length) if self.length else Fraction(0)

    def __str__(self) -> str:
        return f"{float(self.chi):.4g} (range {self.range}, length {self.length})"


def folding_of_patterns(patterns: npt.ArrayLike) -> Folding:
    """The folding of any sequence of patterns, such as samples along a path.

    Args:
        patterns: shape (n, bits), of 0 and 1, n >= 1.

    Raises:
        NetworkError: another shape, or other entries.
    """
    table = np.asarray(patterns)
    if table.ndim != 2 or not len(table):
        raise NetworkError(f"patterns must have shape (n, bits), n >= 1, not {table.shape}")
    bits = table.astype(bool)
    if not np.array_equal(bits, table):
        raise NetworkError("patterns must hold 0 and 1")
    reach = (bits != bits[0]).sum(axis=1).max()
    return Folding(int(reach), int(np.count_nonzero(bits[1:] != bits[:-1])))


def counted_bits(network: Network, layers: Sequence[int] | None) -> npt.NDArray[np.bool_]:
    """Which thresholds of a network belong to given layers; None for all.

    Raises:
        NetworkError: a layer that is not there, or twice.
    """
    of = np.array([k for k, _, _ in network.thresholds], dtype=np.int64)
    if layers is None:
        return np.ones(len(of), dtype=bool)
    chosen, n = [int(k) for k in layers], len(network.layers)
    if len(set(chosen)) != len(chosen) or not all(0 <= k < n for k in chosen):
        raise NetworkError(f"layers must be different numbers from 0 to {n - 1}, not {layers!r}")
    return np.isin(of, chosen)
