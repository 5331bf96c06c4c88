"""Patterns, a row of bits each: in words of the kernel, where each layer begins with one of its
own; of what is found, where walls have no such gaps; and of a graph, by threshold."""

from __future__ import annotations

import numpy as np
from numba import njit

from .compilation import ENTRY
from .compiled import Compiled
from .layout import Layout, Runs


@njit(**ENTRY)
def _pack(words, source, target, length, flip, packed):  # type: ignore[no-untyped-def]
    """Copy runs of bits, complemented where ``flip``, from each row of words to one of packed."""
    one = np.uint64(1)
    for i in range(len(words)):
        for r in range(len(source)):
            s, t, left = source[r], target[r], length[r]
            while left > 0:
                n = min(left, 64 - (s & 63), 64 - (t & 63))
                bits = words[i, s >> 6] >> np.uint64(s & 63)
                if flip[r]:
                    bits = ~bits
                if n < 64:
                    bits &= (one << np.uint64(n)) - one
                packed[i, t >> 6] |= bits << np.uint64(t & 63)
                s, t, left = s + n, t + n, left - n


def without_gaps(layout: Layout, words: np.ndarray) -> np.ndarray:
    """As found, of the kernel's words from layer 1 on: a new array, with wall w's sign in bit
    ``layout.found_bits[w]``. Narrow layers would else cost as much as wide ones."""
    return _packed(words, layout.wall_runs) if layout.is_narrow else words.copy()


def in_kernel_words(layout: Layout, patterns: np.ndarray) -> np.ndarray:
    """The inverse of :func:`without_gaps`."""
    if not layout.is_narrow:
        return patterns.copy()
    words = np.zeros((len(patterns), layout.kernel_words), dtype=np.uint64)
    runs = layout.wall_runs
    _pack(patterns, runs.target, runs.source, runs.length, runs.flip, words)
    return words


def threshold_bits(compiled: Compiled, patterns: np.ndarray, zero: np.ndarray) -> np.ndarray:
    """Those of a graph, packed eight thresholds to a byte, the first in the lowest bit, of found
    ones; ``zero`` has rows (region, wall) of forms that are identically 0."""
    runs = compiled.layout.threshold_runs
    words = patterns if runs.are_in_place else _packed(patterns, runs)
    octets = words.astype("<u8", copy=False).view(np.uint8)[:, : (runs.n + 7) // 8]
    packed = np.array(octets, order="C")
    wall, side = compiled.threshold_wall, compiled.threshold_side
    opposite: dict[int, list[int]] = {}
    for t in np.flatnonzero(side < 0).tolist() if len(zero) else ():
        opposite.setdefault(int(wall[t]), []).append(t)
    for i, w in zero.tolist():  # a form that is identically 0 is inactive, seen from either side
        for t in opposite.get(w, ()):
            packed[i, t >> 3] &= np.uint8(255 ^ (1 << (t & 7)))
    return packed


def _packed(words: np.ndarray, runs: Runs) -> np.ndarray:
    """The bits of each row that the runs take, one after the other."""
    packed = np.zeros((len(words), (runs.n + 63) // 64), dtype=np.uint64)
    if len(words):
        _pack(words, runs.source, runs.target, runs.length, runs.flip, packed)
    return packed
