"""Which regions touch: every facet looks for the region on its other side.

A wall of general position flips one bit: the neighbour's pattern is known and is looked up.
Where several forms vanish on a facet (coincident walls, forms that are identically 0), the
facet is named by its sign vector, with 0 for these forms; both sides name it alike, and a sign
vector of dimension d - 1 has exactly two sides (docs/engine.md).
"""

from __future__ import annotations

from collections import deque
from itertools import repeat
from typing import Any

import numpy as np
from numba import njit

from ..threads import ALONE, Threads
from .compilation import CALLED, ENTRY

DOMAIN_WALL, UNEXPLORED = -1, -2

STRETCH = 1 << 16  # regions whose patterns and hash table nearly fit in a cache


@njit(**CALLED)
def _mix(word, k):  # type: ignore[no-untyped-def]
    """A hash of word k of a pattern; those of a pattern are combined by exclusive or."""
    h = word ^ (np.uint64(k + 1) * np.uint64(0x9E3779B97F4A7C15))
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return h ^ (h >> np.uint64(31))


@njit(**CALLED)
def _hash(row):  # type: ignore[no-untyped-def]
    h = np.uint64(0)
    for k in range(len(row)):
        h ^= _mix(row[k], k)
    return h


@njit(**ENTRY)
def _hash_rows(rows, hashes):  # type: ignore[no-untyped-def]
    for i in range(len(rows)):
        hashes[i] = _hash(rows[i])


@njit(**ENTRY)
def _pair(keys, table, partner):  # type: ignore[no-untyped-def]
    """Equal rows, two by two. Returns a row that is there for the third time, or -1."""
    for i in range(len(table)):
        table[i] = -1
    last = np.uint64(len(table) - 1)
    for i in range(len(keys)):
        partner[i] = -1
        at = _hash(keys[i]) & last
        while table[at] >= 0:
            j = table[at]
            same = True
            for k in range(keys.shape[1]):
                same &= keys[i, k] == keys[j, k]
            if same:
                if partner[j] >= 0:
                    return i
                partner[i], partner[j] = j, i
                break
            at = (at + np.uint64(1)) & last
        if partner[i] < 0:
            table[at] = i
    return -1


@njit(**ENTRY)
def _begin(pattern, rows, indptr, facet, hashes, neighbor):  # type: ignore[no-untyped-def]
    """Hash the patterns of some regions; behind their facets nothing was found yet."""
    for i in rows:
        hashes[i] = _hash(pattern[i])
        for f in range(indptr[i], indptr[i + 1]):
            neighbor[f] = DOMAIN_WALL if facet[f] < 0 else UNEXPLORED


@njit(**ENTRY)
def _still_open(rows, indptr, neighbor, special, left):  # type: ignore[no-untyped-def]
    """Which regions have a facet on one wall behind which nothing was found yet: they are written
    to ``left``. Returns how many there are."""
    n = 0
    for i in rows:
        for f in range(indptr[i], indptr[i + 1]):
            if neighbor[f] == UNEXPLORED and not special[f]:
                left[n] = i
                n += 1
                break
    return n


@njit(**ENTRY)
def _insert(hashes, rows, table):  # type: ignore[no-untyped-def]
    """The table gets the numbers of some regions by their hashes, and -1 where there is none."""
    for i in range(len(table)):
        table[i] = -1
    last = np.uint64(len(table) - 1)
    for i in rows:
        at = hashes[i] & last
        while table[at] >= 0:
            at = (at + np.uint64(1)) & last
        table[at] = i


@njit(**ENTRY)
def _look_up(pattern, hashes, rows, table, indptr, facet, bit_of_wall, special, neighbor):  # type: ignore[no-untyped-def]
    """Across the open facets of some regions that flip one bit, seen from the side where it is 1:
    nobody else writes there."""
    last = np.uint64(len(table) - 1)
    one = np.uint64(1)
    words = pattern.shape[1]
    for i in rows:
        for f in range(indptr[i], indptr[i + 1]):
            wall = facet[f]
            if neighbor[f] != UNEXPLORED or special[f]:
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
    threads: Threads = ALONE,
) -> np.ndarray:
    """The region on the other side of every facet.

    Most regions touch such as were found shortly before or after. So those of a stretch that fits
    in the cache are joined first, stretches by several ``threads``, and what is open then after.

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
    special = special_facets(indptr, facet, attached, zero)
    neighbor = np.empty(len(facet), dtype=_number(n))
    hashes = np.empty(n, dtype=np.uint64)

    def table_of(rows: np.ndarray) -> np.ndarray:
        table = _new_table(len(rows), n)
        _insert(hashes, rows, table)
        return table

    def look_up(rows: np.ndarray, table: np.ndarray) -> None:
        _look_up(pattern, hashes, rows, table, indptr, facet, bit_of_wall, special, neighbor)

    def join_stretch(first: int) -> np.ndarray:
        rows = np.arange(first, min(first + STRETCH, n), dtype=_number(n))
        _begin(pattern, rows, indptr, facet, hashes, neighbor)
        look_up(rows, table_of(rows))
        left = np.empty_like(rows)
        return left[: _still_open(rows, indptr, neighbor, special, left)]

    opened = list(threads.map(join_stretch, range(0, n, STRETCH)))
    if len(opened) > 1:
        table = table_of(np.concatenate(opened))
        deque(threads.map(look_up, opened, repeat(table)), maxlen=0)
    facets = np.flatnonzero(special)
    if len(facets):
        owners = np.searchsorted(indptr, facets, side="right") - 1
        keys = special_keys(pattern, owners, facets, facet, bit_of_wall, attached, zero)
        partner = pair(keys)
        both = partner >= 0
        neighbor[facets[both]] = owners[partner[both]]
    return neighbor


def special_facets(
    indptr: np.ndarray, facet: np.ndarray, attached: np.ndarray, zero: np.ndarray
) -> np.ndarray:
    """A mask of the facets inside the domain on which several forms vanish; arguments as of
    :func:`join`."""
    special = np.zeros(len(facet), dtype=np.bool_)
    if len(attached) + len(zero):
        special[attached[:, 1]] = True
        for i in set(zero[:, 0].tolist()):
            special[indptr[i] : indptr[i + 1]] = True
        special &= facet >= 0
    return special


def plain_keys(
    pattern: np.ndarray, owners: np.ndarray, walls: np.ndarray, bit_of_wall: np.ndarray
) -> np.ndarray:
    """What the two regions at a facet on one wall, and no others, agree on: the pattern without
    the wall's bit, and the wall. Shape (facets, words + 1)."""
    words = pattern.shape[1]
    keys = np.empty((len(owners), words + 1), dtype=np.uint64)
    keys[:, :words] = pattern[owners]
    keys[:, words] = walls
    bit = bit_of_wall[walls]
    keys[np.arange(len(owners)), bit >> 6] &= ~_bit(bit)
    return keys


def special_keys(
    pattern: np.ndarray, owners: np.ndarray, facets: np.ndarray, facet: np.ndarray,
    bit_of_wall: np.ndarray, attached: np.ndarray, zero: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """The sign vectors of ``facets`` (numbers, ascending) on which several forms vanish: the
    signs, 0 for these forms, and then which these are. Shape (facets, 2 * words)."""
    n = np.arange(len(facets))
    on = np.isin(attached[:, 1], facets)
    zero = zero[np.argsort(zero[:, 0], kind="stable")]
    first = np.searchsorted(zero[:, 0], owners)
    count = np.searchsorted(zero[:, 0], owners, side="right") - first
    which = np.repeat(n, count)
    of_region = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + first[which]
    rows = np.concatenate([n, np.searchsorted(facets, attached[on, 1]), which])
    walls = np.concatenate([facet[facets], attached[on, 2], zero[of_region, 1]])
    bit = bit_of_wall[walls]
    vanish = np.zeros((len(facets), pattern.shape[1]), dtype=np.uint64)
    np.bitwise_or.at(vanish, (rows, bit >> 6), _bit(bit))
    return np.concatenate([pattern[owners] & ~vanish, vanish], axis=1)


def _bit(bit: np.ndarray) -> np.ndarray:
    return np.uint64(1) << (bit & 63).astype(np.uint64)


def pair(keys: np.ndarray) -> np.ndarray:
    """For each row the other one that equals it, or -1. Shapes (n, words) of uint64, (n,).

    Raises:
        ValueError: three rows are equal.
    """
    table = _new_table(len(keys), len(keys))
    partner = np.empty(len(keys), dtype=table.dtype)
    if _pair(keys, table, partner) >= 0:
        raise ValueError("three regions cannot share a facet")
    return partner


def hash_rows(rows: np.ndarray) -> np.ndarray:
    """A 64-bit hash of each row of words, shape (n, words) of uint64."""
    hashes = np.empty(len(rows), dtype=np.uint64)
    _hash_rows(rows, hashes)
    return hashes


def _number(n: int) -> type[np.signedinteger[Any]]:
    """The type of numbers below n, and -1."""
    return np.int32 if n < 2**31 else np.int64


def _new_table(entries: int, n: int) -> np.ndarray:
    """For so many numbers below n, at most half full."""
    return np.empty(1 << max(4, int(2 * entries - 1).bit_length()), dtype=_number(n))
