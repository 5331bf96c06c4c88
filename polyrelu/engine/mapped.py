"""Arrays in pages of their own, which the system has back as soon as they are freed."""

from __future__ import annotations

import mmap
from contextlib import suppress
from math import prod

import numpy as np

SMALL = 1 << 16  # bytes that are not worth a call of the system
_PRIVATE = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}


def joined(parts: list[np.ndarray]) -> np.ndarray:
    """As ``np.concatenate(parts)``. Memory that a thread took from the allocator and somebody
    else frees is of use to that thread alone, but not these pages."""
    shape = sum(map(len, parts)), *parts[0].shape[1:]
    dtype = parts[0].dtype
    size = prod(shape) * dtype.itemsize
    if size < SMALL:
        return np.concatenate(parts)
    pages = mmap.mmap(-1, size, **_PRIVATE)
    with suppress(AttributeError, OSError):  # not on every system: huge ones are mapped sooner
        pages.madvise(mmap.MADV_HUGEPAGE)
    return np.concatenate(parts, out=np.frombuffer(pages, dtype).reshape(shape))
