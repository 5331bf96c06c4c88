"""The cones that the search starts from: one for each choice of sides of some walls."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

import numpy as np

from . import kernel
from .exact import Resolver
from .frame import simplicial_cone
from .program import Compiled
from .state import Stack


class Roots:
    """Simplicial cones of the root walls. Those of the domain keep their positive side, the
    others take either. Changing the side of a wall turns the direction that is off it."""

    def __init__(self, compiled: Compiled) -> None:
        program, first = compiled.program, compiled.layout.first_wall[1]
        self.dim = compiled.dim
        self.walls = np.array(compiled.root, dtype=np.int64)
        self.n_free = sum(wall >= program.n_domain for wall in compiled.root)
        # What is true of all cones: their sides of the domain's walls, which they are within. An
        # auxiliary wall has no bad side: in layer 0 the bit only says that it is done.
        self.marked = np.zeros(program.first_word[1], dtype=np.uint64)
        for wall in compiled.root:
            if wall < first:
                self.marked[wall >> 6] |= np.uint64(1 << (wall & 63))
        self.in_network = np.flatnonzero(self.walls >= first) if self.n_free else self.walls[:0]
        at = 64 * int(program.first_word[1]) + self.walls[self.in_network] - first
        self.word, self.bit = at >> 6, np.uint64(1) << (at & 63).astype(np.uint64)
        self.cone = compiled.frame.cone or simplicial_cone(
            [
                compiled.form(1, wall - first, compiled.first_forms)
                if wall >= first
                else compiled.root_rows[wall]
                for wall in compiled.root
            ],
            self.dim,
        )

    def signs(self) -> Iterator[tuple[int, ...]]:
        """Sides of the root walls, for one cone after the other."""
        fixed = (1,) * (len(self.walls) - self.n_free)
        return (fixed + free for free in product((1, -1), repeat=self.n_free))

    def push(self, cones: Iterator[tuple[int, ...]], stack: Stack, resolver: Resolver) -> bool:
        """Put the next cones, as many as half of the (empty) stack holds, on it: one alone
        costs more than its search if there are thousands. False if none is left."""
        n, cone = self.dim + 1, self.cone
        most = max(1, min(len(stack.layer), len(stack.x) // n) // 2)
        signs = list(islice(cones, most))[::-1]  # the first is on top
        if not signs:
            return False
        if not stack.scalar[kernel.NEXT_ID]:
            resolver.remember(cone.named)
            stack.scalar[kernel.NEXT_ID] = 1 + 2 * n  # 0 marks an empty slot of the cache
        count = len(signs)
        turned = np.ones((count, n), dtype=np.int64)
        turned[:, 1:] = signs
        negative = turned < 0
        scalar = stack.scalar
        scalar[kernel.TOP], scalar[kernel.PHASE] = count - 1, kernel.ENTER_LAYER
        scalar[kernel.SPLITS] = scalar[kernel.READY] = scalar[kernel.WORK] = 0
        stack.layer[:count] = -1
        stack.n_attached[:count] = 0
        for words in (stack.undecided, stack.positive, stack.negative, stack.used, stack.mask):
            words[:count] = 0
        stack.n_vertices[:count] = n
        places = np.arange(count * n).reshape(count, n)
        stack.vertex[:count, :n] = places
        stack.pool_top[:count] = places[:, -1] + 1
        of_cone = slice(0, count * n)
        stack.radius[of_cone].reshape(count, n)[:] = cone.radius
        stack.size[of_cone].reshape(count, n)[:] = cone.size
        stack.gap[of_cone].reshape(count, n)[:] = cone.gap
        stack.x[of_cone].reshape(count, n, n)[:] = turned[:, :, None] * cone.x
        stack.ident[of_cone].reshape(count, n)[:] = 1 + 2 * np.arange(n) + negative
        stack.mask[:count, :n, : cone.mask.shape[1]] = cone.mask
        stack.used[:count, : len(cone.used)] = cone.used
        stack.facet[:count, 1:n] = 2 * self.walls + negative[:, 1:]
        self.mark(stack.positive[:count], stack.negative[:count], turned[:, 1:])
        return True

    def mark(self, positive: np.ndarray, negative: np.ndarray, signs: np.ndarray) -> None:
        """Set the root walls' bits in the words of cells on their given sides (one row each)."""
        positive[:, : len(self.marked)] |= self.marked
        if len(self.word):
            above = signs[:, self.in_network] > 0
            at = np.arange(len(signs))[:, None], self.word
            np.bitwise_or.at(positive, at, np.where(above, self.bit, 0))
            np.bitwise_or.at(negative, at, np.where(above, 0, self.bit))
