"""Arrays one after the other, as ``np.concatenate`` has them, in memory of one kind or another."""

from __future__ import annotations

import mmap
from collections import deque
from contextlib import suppress
from itertools import pairwise
from math import prod

import numpy as np

from ..threads import Threads

SMALL = 1 << 16  # bytes that are not worth a call of the system, nor threads
PIECE = 1 << 22  # bytes that a thread takes at a time
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def in_pages(parts: list[np.ndarray]) -> np.ndarray:
    """In pages of their own, which the system has back as soon as they are freed. Memory that a
    thread took from the allocator and somebody else frees is of use to that thread alone."""
    shape = _shape(parts)
    size = prod(shape) * parts[0].dtype.itemsize
    if size < SMALL:
        return np.concatenate(parts)
    pages = mmap.mmap(-1, size, **_PRIVATE)
    with suppress(AttributeError, OSError):  # not on every system: huge ones are mapped sooner
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.concatenate(parts, out=np.frombuffer(pages, parts[0].dtype).reshape(shape))


def by_threads(parts: list[np.ndarray], threads: Threads) -> np.ndarray:
    """By threads, some parts each at a time: memory that the system first has to find takes twenty
    times as long to write to, and two threads half of that."""
    if threads.workers == 1 or sum(part.nbytes for part in parts) < SMALL:
        return np.concatenate(parts)
    joined = np.empty(_shape(parts), parts[0].dtype)
    starts = np.cumsum([0, *map(len, parts)])
    pieces = max(threads.workers, joined.nbytes // PIECE)
    cuts = np.searchsorted(starts, np.linspace(0, len(joined), pieces + 1)).tolist()

    def write(piece: tuple[int, int]) -> None:
        first, last = piece
        if first < last:
            np.concatenate(parts[first:last], out=joined[starts[first] : starts[last]])

    deque(threads.map(write, pairwise(cuts)), maxlen=0)
    return joined


def _shape(parts: list[np.ndarray]) -> tuple[int, ...]:
    return sum(map(len, parts)), *parts[0].shape[1:]
