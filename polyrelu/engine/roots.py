"""The cones that the search starts from: one for each choice of sides of some walls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from ..rational import IntegerRow, dot, null_space
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
        self.n_free = int((self.walls >= program.n_domain).sum())
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
        self.rounded: list[np.ndarray] = []
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

    def push(self, stack: Stack, resolver: Resolver, signs: tuple[int, ...]) -> None:
        """Put a cone on the (empty) stack."""
        n = self.dim + 1
        if not self.rounded:
            for i, generator in enumerate(self.generators):
                write_generator(stack, i, generator)
            columns = (stack.x, stack.radius, stack.size, stack.gap)
            self.rounded = [column[:n].copy() for column in columns]
        ident = int(stack.scalar[kernel.NEXT_ID])
        stack.scalar[:] = 0
        stack.scalar[kernel.PHASE] = kernel.ENTER_LAYER
        stack.scalar[kernel.NEXT_ID] = ident + n
        stack.layer[0] = -1
        stack.n_attached[0] = 0
        for words in (stack.undecided, stack.positive, stack.negative, stack.used, stack.mask):
            words[0] = 0
        stack.n_vertices[0] = stack.pool_top[0] = n
        turned = np.array((1, *signs))
        stack.x[:n], stack.radius[:n], stack.size[:n], stack.gap[:n] = self.rounded
        stack.x[:n] *= turned[:, None]
        stack.vertex[0, :n] = np.arange(n)
        stack.ident[:n] = ident + np.arange(n)
        stack.mask[0, :n, : self.mask.shape[1]] = self.mask
        stack.used[0, : len(self.used)] = self.used
        stack.facet[0, 1:n] = 2 * self.walls + (turned[1:] < 0)
        self.mark(stack.positive[0], stack.negative[0], turned[1:])
        resolver.start()
        for i, (generator, sign) in enumerate(zip(self.generators, turned.tolist(), strict=True)):
            resolver.remember(ident + i, generator if sign > 0 else [-v for v in generator])

    def mark(self, positive: np.ndarray, negative: np.ndarray, signs: np.ndarray) -> None:
        """Set the root walls' bits in the words of a cell on their given sides."""
        # An auxiliary wall has no bad side: in layer 0 the bit only says that it is done.
        above = ~self.in_network | (signs > 0)
        np.bitwise_or.at(positive, self.word[above], self.bit[above])
        np.bitwise_or.at(negative, self.word[~above], self.bit[~above])


def _words(bits: np.ndarray) -> np.ndarray:
    """Rows of booleans (a multiple of 64 of them) as words."""
    packed: np.ndarray = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    return packed.astype(np.uint64)


def _cone(rows: list[IntegerRow], dim: int) -> list[IntegerRow]:
    """Apex and directions of the cone ``{row_i >= 0}``; direction i is off wall i."""
    if dim == 0:
        return [[1]]
    apex = null_space(rows, dim + 1)[0]
    generators = [apex if apex[-1] > 0 else [-v for v in apex]]
    infinity = [0] * dim + [1]
    for i in range(dim):
        others = [row for j, row in enumerate(rows) if j != i] + [infinity]
        direction = null_space(others, dim + 1)[0]
        generators.append(direction if dot(rows[i], direction) > 0 else [-v for v in direction])
    return generators
