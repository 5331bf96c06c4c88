"""The cones that the search starts from: one for each choice of sides of some walls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

import numpy as np
from flint import fmpz_mat

from ..rational import IntegerRow, primitive, rows_of
from . import kernel
from .exact import Resolver, write_generator
from .program import Compiled
from .state import Stack


class Roots:
    """Simplicial cones of the root walls. Those of the domain keep their positive side, the
    others take either. Changing the side of a wall turns the direction that is off it."""

    def __init__(self, compiled: Compiled) -> None:
        program = compiled.program
        self.dim = compiled.dim
        self.walls = np.array(compiled.root, dtype=np.int64)
        self.n_free = sum(wall >= program.n_domain for wall in compiled.root)
        first = int(program.first_wall[1])
        self.in_network = self.walls >= first
        at = np.where(self.in_network, 64 * int(program.first_word[1]) + self.walls - first,
                      self.walls)  # fmt: skip
        self.word, self.bit = at >> 6, np.uint64(1) << (at & 63).astype(np.uint64)
        rows = [
            compiled.form(1, wall - first, compiled.first_forms)
            if wall >= first
            else compiled.root_rows[wall]
            for wall in compiled.root
        ]
        self.generators = _cone(rows, self.dim)
        n = self.dim + 1
        # Walls are in slots 1, ..., dim; slot 0 is INFINITY. Generator i is off slot i: the apex
        # off infinity, each direction off its wall.
        on = np.zeros((n + 1, -(-n // 64) * 64), dtype=bool)
        on[:n, :n] = ~np.eye(n, dtype=bool)
        on[n, 1:n] = True
        *mask, self.used = _words(on)
        self.mask = np.array(mask)

    def signs(self) -> Iterator[tuple[int, ...]]:
        """Sides of the root walls, for one cone after the other."""
        fixed = (1,) * (len(self.walls) - self.n_free)
        return (fixed + free for free in product((1, -1), repeat=self.n_free))

    def push(self, cones: Iterator[tuple[int, ...]], stack: Stack, resolver: Resolver) -> bool:
        """Put the next cones, as many as half of the (empty) stack holds, on it: one alone
        costs more than its search if there are thousands. False if none is left."""
        n = self.dim + 1
        most = max(1, min(len(stack.layer), len(stack.x) // n) // 2)
        signs = list(islice(cones, most))[::-1]  # the first is on top
        if not signs:
            return False
        self._remember(stack, resolver)
        count = len(signs)
        turned = np.ones((count, n), dtype=np.int64)
        turned[:, 1:] = signs
        stack.scalar[[kernel.TOP, kernel.PHASE]] = count - 1, kernel.ENTER_LAYER
        stack.scalar[[kernel.SPLITS, kernel.READY, kernel.WORK]] = 0
        entries = np.arange(count)
        stack.layer[:count] = -1
        stack.n_attached[:count] = 0
        for words in (stack.undecided, stack.positive, stack.negative, stack.used, stack.mask):
            words[:count] = 0
        stack.n_vertices[:count] = n
        stack.pool_top[:count] = n * (entries + 1)
        places = slice(0, count * n)
        for column, values in zip((stack.radius, stack.size, stack.gap), self.about, strict=True):
            column[places] = np.tile(values, count)
        stack.x[places] = (turned[:, :, None] * self.rounded).reshape(count * n, n)
        stack.ident[places] = (1 + 2 * np.arange(n) + (turned < 0)).ravel()
        stack.vertex[:count, :n] = np.arange(count * n).reshape(count, n)
        stack.mask[:count, :n, : self.mask.shape[1]] = self.mask
        stack.used[:count, : len(self.used)] = self.used
        stack.facet[:count, 1:n] = 2 * self.walls + (turned[:, 1:] < 0)
        self.mark(stack.positive[:count], stack.negative[:count], turned[:, 1:])
        return True

    def _remember(self, stack: Stack, resolver: Resolver) -> None:
        """Once: round the generators, and name each and what it is when turned."""
        n = self.dim + 1
        if stack.scalar[kernel.NEXT_ID] > 2 * n:
            return
        for i, generator in enumerate(self.generators):
            write_generator(stack, i, generator)
            resolver.remember(1 + 2 * i, generator)
            resolver.remember(2 + 2 * i, [-v for v in generator])
        self.rounded = stack.x[:n].copy()
        self.about = [column[:n].copy() for column in (stack.radius, stack.size, stack.gap)]
        stack.scalar[kernel.NEXT_ID] = 1 + 2 * n  # 0 marks an empty slot of the cache

    def mark(self, positive: np.ndarray, negative: np.ndarray, signs: np.ndarray) -> None:
        """Set the root walls' bits in the words of cells on their given sides (one row each)."""
        # An auxiliary wall has no bad side: in layer 0 the bit only says that it is done.
        above = ~self.in_network | (signs > 0)
        at = np.arange(len(signs))[:, None], self.word
        np.bitwise_or.at(positive, at, np.where(above, self.bit, 0))
        np.bitwise_or.at(negative, at, np.where(above, 0, self.bit))


def _words(bits: np.ndarray) -> np.ndarray:
    """Rows of booleans (a multiple of 64 of them) as words."""
    packed: np.ndarray = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    return packed.astype(np.uint64)


def _cone(rows: list[IntegerRow], dim: int) -> list[IntegerRow]:
    """Apex and directions of the cone ``{row_i >= 0}``; direction i is off wall i.

    The columns of the inverse of rows and infinity: each is on all of these but one, and above it.
    """
    inverse, _ = fmpz_mat([*rows, [0] * dim + [1]]).inv().numer_denom()
    *directions, apex = (primitive(column) for column in rows_of(inverse.transpose()))
    return [apex, *directions]
