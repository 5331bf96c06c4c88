"""Arrays one after the other: as ``np.concatenate``, which lets no other thread of Python's run."""

from __future__ import annotations

import mmap
from collections import deque
from contextlib import suppress
from itertools import pairwise
from math import prod

import numpy as np
from numba import njit

from ..threads import Threads
from .compilation import ENTRY

SMALL = 1 << 16  # bytes that nobody waits for, and that are not worth a call of the system
PIECE = 1 << 22  # bytes that a thread takes at a time
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


@njit(**ENTRY)
def _copy(source, target):  # type: ignore[no-untyped-def]
    for i in range(len(source)):
        target[i] = source[i]


def in_pages(parts: list[np.ndarray]) -> np.ndarray:
    """In pages of their own, which the system has back as soon as they are freed. Memory that a
    thread took from the allocator and somebody else frees is of use to that thread alone."""
    n, row = _shape(parts)
    size = prod((n, *row)) * parts[0].dtype.itemsize
    if size < SMALL:
        return np.concatenate(parts)
    pages = mmap.mmap(-1, size, **_PRIVATE)
    with suppress(AttributeError, OSError):  # not on every system: huge ones are mapped sooner
        pages.madvise(mmap.MADV_HUGEPAGE)
    joined = np.frombuffer(pages, parts[0].dtype).reshape(n, *row)
    _write(parts, joined)
    return joined


def by_threads(parts: list[np.ndarray], threads: Threads) -> np.ndarray:
    """By threads, piece by piece: fresh memory takes twenty times as long as other."""
    if threads.workers == 1 or sum(part.nbytes for part in parts) < SMALL:
        return np.concatenate(parts)
    n, row = _shape(parts)
    joined = np.empty((n, *row), parts[0].dtype)
    starts = np.cumsum([0, *map(len, parts)])
    pieces = max(threads.workers, joined.nbytes // PIECE)
    cuts = np.searchsorted(starts, np.linspace(0, n, pieces + 1)).tolist()

    def write(share: tuple[int, int]) -> None:
        first, last = share
        _write(parts[first:last], joined[starts[first] : starts[last]])

    deque(threads.map(write, pairwise(cuts)), maxlen=0)
    return joined


def _shape(parts: list[np.ndarray]) -> tuple[int, tuple[int, ...]]:
    return sum(map(len, parts)), parts[0].shape[1:]


def _write(parts: list[np.ndarray], joined: np.ndarray) -> None:
    """One after the other into an array that has room for them."""
    target, first = joined.reshape(-1).view(np.uint8), 0
    for part in parts:
        _copy(part.reshape(-1).view(np.uint8), target[first : first + part.nbytes])
        first += part.nbytes
