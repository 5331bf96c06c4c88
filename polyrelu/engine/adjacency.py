"""Which regions touch: every facet looks for the region on its other side.

A wall of general position flips one bit: the neighbour's pattern is known and is looked up.
Where several forms vanish on a facet (coincident walls, forms that are identically 0), the
facet is named by its sign vector, with 0 for these forms; both sides name it alike, and a sign
vector of dimension d - 1 has exactly two sides (docs/engine.md).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from .compilation import CALLED, ENTRY

DOMAIN_WALL, UNEXPLORED = -1, -2


@njit(**CALLED)
def _mix(word, k):  # type: ignore[no-untyped-def]
    """A hash of word k of a pattern; those of a pattern are combined by exclusive or."""
    h = word ^ (np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15))
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(**CALLED)
def _insert_all(pattern, hashes, table):  # type: ignore[no-untyped-def]
    """Hash all patterns; the table gets their numbers, and -1 where there is none."""
    for i in range(len(table)):
        table[i] = -1
    last = np.uint64(len(table) - 1)
    for i in range(len(pattern)):
        h = np.uint64(0)
        for k in range(pattern.shape[1]):
            h ^= _mix(pattern[i, k], k)
        hashes[i] = h
        at = h & last
        while table[at] >= 0:
            at = (at + np.uint64(1)) & last
        table[at] = i


@njit(**ENTRY)
def _join(pattern, hashes, table, indptr, facet, bit_of_wall, special, neighbor):  # type: ignore[no-untyped-def]
    """For facets that flip one bit, seen from the side where it is 1."""
    for f in range(len(facet)):
        neighbor[f] = DOMAIN_WALL if facet[f] < 0 else UNEXPLORED
    _insert_all(pattern, hashes, table)
    last = np.uint64(len(table) - 1)
    one = np.uint64(1)
    words = pattern.shape[1]
    for i in range(len(pattern)):
        for f in range(indptr[i], indptr[i + 1]):
            wall = facet[f]
            if wall < 0 or special[f]:
                continue
            k = bit_of_wall[wall] >> 6
            bit = one << np.uint64(bit_of_wall[wall] & 63)
            if not pattern[i, k] & bit:
                continue
            word = pattern[i, k] ^ bit
            h = hashes[i] ^ _mix(pattern[i, k], k) ^ _mix(word, k)
            at = h & last
            while table[at] >= 0:
                j = table[at]
                at = (at + one) & last
                if hashes[j] != h or pattern[j, k] != word:
                    continue
                same = True
                for w in range(words):
                    same &= w == k or pattern[j, w] == pattern[i, w]
                if not same:
                    continue
                for g in range(indptr[j], indptr[j + 1]):
                    if facet[g] == wall and not special[g]:
                        neighbor[f] = j
                        neighbor[g] = i
                break


def join(
    pattern: np.ndarray,
    indptr: np.ndarray,
    facet: np.ndarray,
    bit_of_wall: np.ndarray,
    attached: np.ndarray,
    zero: np.ndarray,
) -> np.ndarray:
    """The region on the other side of every facet.

    Args:
        pattern: shape (n, words), the signs of the walls.
        indptr, facet: the facets of the regions: facet f is on wall ``facet[f]``, negative for
            walls of the domain.
        bit_of_wall: position of each wall's sign in a pattern.
        attached: rows (region, facet, wall) of further walls that contain a facet.
        zero: rows (region, wall) of forms that are identically 0 on a region.

    Returns:
        For each facet a region, ``DOMAIN_WALL``, or ``UNEXPLORED``.
    """
    n = len(pattern)
    size = 1 << max(4, int(2 * n - 1).bit_length())
    table = np.empty(size, dtype=np.int32 if n < 2**31 else np.int64)
    hashes = np.empty(n, dtype=np.uint64)
    special = np.zeros(len(facet), dtype=np.bool_)
    is_special = len(attached) + len(zero) > 0
    if is_special:
        special[attached[:, 1]] = True
        for i in set(zero[:, 0].tolist()):
            special[indptr[i] : indptr[i + 1]] = True
        special &= facet >= 0
    neighbor = np.empty(len(facet), dtype=table.dtype)
    _join(pattern, hashes, table, indptr, facet, bit_of_wall, special, neighbor)
    if is_special:
        _join_special(pattern, indptr, facet, bit_of_wall, attached, zero, special, neighbor)
    return neighbor


def _join_special(
    pattern: np.ndarray, indptr: np.ndarray, facet: np.ndarray, bit_of_wall: np.ndarray,
    attached: np.ndarray, zero: np.ndarray, special: np.ndarray, neighbor: np.ndarray,
) -> None:  # fmt: skip
    """Facets on which several forms vanish, matched by their sign vectors."""
    vanishing: dict[int, list[int]] = {}
    for _, f, wall in attached.tolist():
        vanishing.setdefault(f, []).append(wall)
    identically: dict[int, list[int]] = {}
    for i, wall in zip(*zero.T.tolist(), strict=True):
        identically.setdefault(i, []).append(wall)
    facets = np.flatnonzero(special)
    owners = np.searchsorted(indptr, facets, side="right") - 1
    waiting: dict[Any, tuple[int, int]] = {}
    for f, i in zip(facets.tolist(), owners.tolist(), strict=True):
        walls = {int(facet[f]), *vanishing.get(f, ()), *identically.get(i, ())}
        signs = pattern[i].copy()
        for wall in walls:
            bit = int(bit_of_wall[wall])
            signs[bit >> 6] &= ~(np.uint64(1) << np.uint64(bit & 63))
        name = (signs.tobytes(), tuple(sorted(walls)))
        if name in waiting:
            j, g = waiting.pop(name)
            neighbor[f], neighbor[g] = j, i
        else:
            waiting[name] = (i, f)
