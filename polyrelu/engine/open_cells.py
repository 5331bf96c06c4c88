"""What a search has still to do, small enough to be written down, sent, and divided.

The search goes depth first, so what it has to do is: the cell that it is in, the other sides of
some walls that were cut on the way to this cell, and root cones that it has not begun. A cell is
told by the signs that are decided on it. Whoever is to go on starts from the same cone, takes the
same sides of the same walls (the wall that is cut next depends on the cell alone), leaves out the
other sides but for those still to search, and is where the other stopped: with the same stack, to
the last bit, after as many splits as the path has. So tasks take some hundred bytes, and results
do not depend on how the work was divided.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..errors import FileFormatError

WORD = np.dtype("<u8")


@dataclass(frozen=True, eq=False)
class OpenCells:
    """Some cells that are to be searched, which follow each other in depth-first order.

    Attributes:
        first, stop: the root cones ``first``, ..., ``stop - 1``, in the order of
            :meth:`.roots.Roots.signs`.
        guide: None if all of the first cone is to be searched. Else the words, shape (3, words),
            of the cell to begin with: the walls that it is above, those that it is below, and
            the walls on the way to it whose other sides are to be searched after it.
        share: of the domain's volume, about; None if it is not known.
    """

    first: int
    stop: int
    guide: np.ndarray | None = None
    share: float | None = None

    def encode(self) -> bytes:
        """As bytes, for :meth:`decode`."""
        head = np.array([self.first, self.stop], dtype=WORD).tobytes()
        return head if self.guide is None else head + self.guide.astype(WORD).tobytes()

    @classmethod
    def decode(cls, data: bytes, words: int) -> OpenCells:
        """What was encoded, for a network with so many words.

        Raises:
            FileFormatError: the bytes are nothing of the kind.
        """
        if len(data) not in (16, 16 + 24 * words):
            raise FileFormatError(f"open cells must have {16 + 24 * words} bytes, not {len(data)}")
        first, stop = np.frombuffer(data[:16], dtype=WORD).tolist()
        if not first < stop:
            raise FileFormatError(f"open cells must begin before they end, not {first} .. {stop}")
        if len(data) == 16:
            return cls(first, stop)
        guide = np.frombuffer(data[16:], dtype=WORD).astype(np.uint64).reshape(3, words)
        if (guide[0] & guide[1]).any() or (guide[2] & ~(guide[0] | guide[1])).any():
            raise FileFormatError("open cells must be on one side of each wall")
        return cls(first, stop, guide)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpenCells) and self.encode() == other.encode()

    def __hash__(self) -> int:
        return hash(self.encode())

    def cells(self, layer_words: slice) -> list[tuple[np.ndarray, np.ndarray]]:
        """Signs (positive, negative) that hold on the cells of the first cone, one pair for each:
        all that are decided on the one to begin with; on the others those of earlier layers than
        ``layer_words`` are the words of, and the one of the wall that they are beyond, if that is
        in this layer. Others are left out."""
        if self.guide is None:
            return []
        positive, negative, also = self.guide
        found = [(positive, negative)]
        for k in range(layer_words.start, layer_words.stop):
            bits = int(also[k])
            while bits:
                bit = np.uint64(bits & -bits)
                bits &= bits - 1
                above, below = positive.copy(), negative.copy()
                above[layer_words], below[layer_words] = 0, 0
                above[k], below[k] = negative[k] & bit, positive[k] & bit
                found.append((above, below))
        return found


def stack_of(positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    """The guide of a stack: its cells' signs, shape (cells, words), the one on top last.

    Each of the others is beyond one wall that the top one is on this side of.
    """
    top_positive, top_negative = positive[-1], negative[-1]
    crossed = (positive[:-1] & top_negative) | (negative[:-1] & top_positive)
    also = np.bitwise_or.reduce(crossed, axis=0, initial=0).astype(np.uint64)
    return np.stack([top_positive, top_negative, also])


def divided(
    first: int,
    stop: int,
    positive: np.ndarray,
    negative: np.ndarray,
    parts: int,
    shares: np.ndarray | None,
) -> list[OpenCells]:
    """What is left of a search, in order, in at most ``parts`` pieces.

    Args:
        first, stop: the cones that are not finished; the first is begun if there are ``positive``
            and ``negative``, the signs of the cells of its stack, shape (cells, words).
        shares: of the cells of the stack.

    The lowest cells of a stack are the largest, so they become pieces first.
    """
    begun = int(len(positive) > 0)
    whole = stop - first - begun

    def piece(last: int, cells: slice) -> OpenCells:
        share = None if shares is None or last - first > 1 else float(shares[cells].sum())
        return OpenCells(first, last, stack_of(positive[cells], negative[cells]), share)

    if parts == 1 or len(positive) + whole == 1:
        return [piece(stop, slice(None)) if begun else OpenCells(first, stop)]
    of_cones = min(whole, parts - min(len(positive), parts // 2))
    of_stack = min(len(positive), parts - of_cones)
    pieces = []
    if begun:
        group = len(positive) - (of_stack - 1)
        top = slice(len(positive) - group, None)
        starts: Sequence[slice] = [top, *(slice(i, i + 1) for i in range(of_stack - 2, -1, -1))]
        pieces += [piece(first + 1, cells) for cells in starts]
    if of_cones:
        ends = [first + begun + whole * k // of_cones for k in range(of_cones + 1)]
        pieces += [OpenCells(a, b) for a, b in pairwise(ends)]
    return pieces
