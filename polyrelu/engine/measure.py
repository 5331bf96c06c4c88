"""How much of a domain, by volume, some cells are: an estimate from points drawn at random.

It tells how far a search is, and decides nothing: signs are those of a forward pass in float64.
"""

from __future__ import annotations

import numpy as np

from ..domain import Box
from ..forward import Forward
from .compiled import Compiled

POINTS = 2048  # a share of 10 % is then known to 0.7 %


class Measure:
    """Points drawn uniformly from a box, and their signs.

    Attributes:
        words: the signs of the walls at each point as the engine has them, shape (points, words):
            positive, or not.
    """

    def __init__(self, compiled: Compiled, box: Box, points: int = POINTS) -> None:
        rng = np.random.default_rng(0)
        x = rng.uniform(box.low, box.high, (points, box.dim))
        with np.errstate(all="ignore"):
            exceeded = Forward(compiled.network).bits(x)
        walls, thresholds = np.unique(compiled.threshold_wall, return_index=True)
        above = exceeded[:, thresholds] == (compiled.threshold_side[thresholds] > 0)
        first = int(compiled.program.first_word[1])
        n_words = int(compiled.program.first_word[-1])
        bits = np.zeros((points, 64 * n_words), dtype=bool)
        bits[:, 64 * first + compiled.layout.bits[walls]] = above
        self.words = np.packbits(bits, axis=1, bitorder="little").view("<u8").astype(np.uint64)
        self._first = first

    def shares(self, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """On which share of the points these signs, shape (cells, words), hold."""
        held = np.ones((len(positive), len(self.words)), dtype=bool)
        for k in range(self._first, self.words.shape[1]):
            word, above, below = self.words[:, k], positive[:, k, None], negative[:, k, None]
            held &= (word ^ above) & (above | below) == 0
        shares: np.ndarray = held.mean(axis=1)
        return shares


def measure_of(compiled: Compiled) -> Measure | None:
    """For a box of finite size; None for other domains, and where nothing is cut."""
    box = compiled.domain
    if not isinstance(box, Box) or len(compiled.threshold_wall) == 0:
        return None
    with np.errstate(over="ignore"):
        return Measure(compiled, box) if np.isfinite(box.high - box.low).all() else None
