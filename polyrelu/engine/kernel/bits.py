"""Words of bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from ..compilation import CALLED, INLINED


@intrinsic
def popcount(typingctx: Any, word: Any) -> Any:
    """The number of set bits of a uint64."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.uint64(types.uint64), codegen


@intrinsic
def lowest_bit(typingctx: Any, word: Any) -> Any:
    """The index of the lowest set bit of a uint64 that is not 0."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))

    return types.uint64(types.uint64), codegen


ONE = np.uint64(1)
ZERO = np.uint64(0)


@njit(**INLINED)
def test_bit(words, k):
    return (words[k >> 6] >> np.uint64(k & 63)) & ONE != ZERO


@njit(**INLINED)
def first_bits(n):
    """A word with its n lowest bits set."""
    return ~ZERO if n == 64 else (ONE << np.uint64(n)) - ONE


@njit(**CALLED)
def copy_row(row, target):
    for i in range(len(row)):
        target[i] = row[i]
