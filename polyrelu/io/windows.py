"""Where a sliding kernel touches its input: shared by convolutions and pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import NetworkError
from ..network import Array
from ._limits import check_entries

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """The windows of a kernel that slides over a spatial shape.

    Attributes:
        shape: spatial shape of the result.
        source: shape (places, taps): the flat input position under each tap of the kernel at
            each place, or -1 in the padding.
    """

    shape: tuple[int, ...]
    source: Index

    @property
    def places(self) -> int:
        return math.prod(self.shape)

    def inside(self) -> Array:
        """Shape ``self.shape``: how many taps lie on the input itself."""
        count: Array = (self.source >= 0).sum(axis=1).astype(np.float64)
        return count.reshape(self.shape)


def sliding_windows(
    spatial: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilations: Sequence[int],
) -> Windows:
    """The windows of ``kernel`` over ``spatial``, padded in front and behind.

    Raises:
        NetworkError: numbers of dimensions differ, a size is not positive, or the kernel does
            not fit.
    """
    rank = len(spatial)
    if not len(kernel) == len(strides) == len(padding) == len(dilations) == rank:
        raise NetworkError(f"a kernel over {rank} spatial dimension(s) must have as many")
    if min((*kernel, *strides, *dilations), default=1) < 1 or any(min(p) < 0 for p in padding):
        raise NetworkError("kernel, strides and dilations must be positive, padding not negative")
    reach = [d * (k - 1) + 1 for k, d in zip(kernel, dilations, strict=True)]
    room = [n + a + b - r for n, (a, b), r in zip(spatial, padding, reach, strict=True)]
    if min(room, default=0) < 0:
        raise NetworkError(f"a kernel of {tuple(kernel)} does not fit into {tuple(spatial)}")
    shape = tuple(r // s + 1 for r, s in zip(room, strides, strict=True))
    check_entries(math.prod(shape), math.prod(kernel), "a table of windows")
    source = np.zeros((1, 1), dtype=np.int64)
    for axis in range(rank):  # grow (places, taps) by one dimension at a time
        start = np.arange(shape[axis]) * strides[axis] - padding[axis][0]
        at = start[:, None] + np.arange(kernel[axis]) * dilations[axis]
        outside = (at < 0) | (at >= spatial[axis])
        grown = source[:, None, :, None] * spatial[axis] + at[None, :, None, :]
        lost = (source < 0)[:, None, :, None] | outside[None, :, None, :]
        grown = np.where(lost, -1, grown)
        source = grown.reshape(source.shape[0] * len(start), -1)
    return Windows(shape, source)
