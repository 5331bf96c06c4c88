"""The cones that the search starts from: one for each choice of sides of some walls."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from flint import fmpz_mat

from ..rational import IntegerRow, primitive, rows_of
from . import kernel
from .rounding import round_generator
from .state import Stack


@dataclass(frozen=True)
class Cone:
    """A simplicial cone ``{row_i >= 0}`` of n - 1 rows: its apex and its directions.

    Direction i is off row i. Rows are in facet slots 1, ..., n - 1; slot 0 is INFINITY.

    Attributes:
        generators: the apex, then the directions.
        x, radius, size, gap: the same as the kernel holds them.
        mask: the facets that each is on, shape (n, words).
        used: the slots of the facets, shape (words,).
        ident: names the generators, 1 + 2 i; turned, each has the next number.
        named: each generator, and what it is when turned, by these names.
    """

    generators: list[IntegerRow]
    x: np.ndarray
    radius: np.ndarray
    size: np.ndarray
    gap: np.ndarray
    mask: np.ndarray
    used: np.ndarray
    ident: np.ndarray
    named: dict[int, IntegerRow]


class Roots:
    """Simplicial cones of the root walls. Those of the domain keep their positive side, the
    others take either. Changing the side of a wall turns the direction that is off it.

    Args:
        cone: on the positive sides of all.
        walls: the root walls.
        n_domain: walls of the domain.
        first: the number of the first wall of layer 1; those between are auxiliary ones.
    """

    def __init__(self, cone: Cone, walls: Sequence[int], n_domain: int, first: int) -> None:
        self.cone, self.dim = cone, len(walls)
        self.walls = np.array(walls, dtype=np.int64)
        self.n_free = int((self.walls >= n_domain).sum())
        # What is true of all cones: their sides of the domain's walls, which they are within. An
        # auxiliary wall has no bad side: in layer 0 the bit only says that it is done.
        marked, n_words = sum([1 << wall for wall in walls if wall < first]), (first + 63) // 64
        self.marked = np.frombuffer(marked.to_bytes(8 * n_words, "little"), dtype="<u8")
        self.in_network = np.flatnonzero(self.walls >= first)
        at = 64 * n_words + self.walls[self.in_network] - first
        self.word, self.bit = at >> 6, np.uint64(1) << (at & 63).astype(np.uint64)

    def __len__(self) -> int:
        return 1 << self.n_free

    def signs(self, first: int = 0, stop: int | None = None) -> Iterator[tuple[int, ...]]:
        """Sides of the root walls, for cones ``first``, ..., ``stop - 1``."""
        fixed = (1,) * (len(self.walls) - self.n_free)
        places = range(self.n_free - 1, -1, -1)
        for cone in range(first, len(self) if stop is None else stop):
            yield fixed + tuple(-1 if cone >> place & 1 else 1 for place in places)

    def push(
        self,
        cones: Iterator[tuple[int, ...]],
        most: int,
        stack: Stack,
        remember: Callable[[Mapping[int, IntegerRow]], None],
    ) -> int:
        """Put the next cones on the (empty) stack: at most so many, or as half of it holds, as
        one alone costs more than its search if there are thousands. Returns how many. Who answers
        in integers is to ``remember`` their generators by name."""
        n, cone = self.dim + 1, self.cone
        most = max(1, min(most, len(stack.layer) // 2, len(stack.x) // (2 * n)))
        signs = list(islice(cones, most))[::-1]  # the first is on top
        if not signs:
            return 0
        if not stack.scalar[kernel.NEXT_ID]:
            remember(cone.named)
            stack.scalar[kernel.NEXT_ID] = 1 + 2 * n  # 0 marks an empty slot of the cache
        count = len(signs)
        scalar = stack.scalar
        scalar[kernel.TOP], scalar[kernel.PHASE] = count - 1, kernel.ENTER_LAYER
        scalar[kernel.SPLITS] = scalar[kernel.READY] = scalar[kernel.WORK] = 0
        scalar[kernel.GUIDED] = 0
        stack.layer[:count] = -1
        stack.n_attached[:count] = 0
        for words in (stack.undecided, stack.positive, stack.negative, stack.used, stack.mask):
            words[:count] = 0
        stack.n_vertices[:count] = n
        vertex = stack.vertex[:count, :n]
        vertex[:] = np.arange(count * n).reshape(count, n)
        stack.pool_top[:count] = vertex[:, -1] + 1
        stack.mask[:count, :n, : cone.mask.shape[1]] = cone.mask
        stack.used[:count, : len(cone.used)] = cone.used
        for column, of_cone in zip(
            (stack.x, stack.radius, stack.size, stack.gap, stack.ident),
            (cone.x, cone.radius, cone.size, cone.gap, cone.ident),
            strict=True,
        ):
            _of_cells(column, count, n)[:] = of_cone
        stack.facet[:count, 1:n] = 2 * self.walls
        turned = np.array(signs, dtype=np.int64)
        if self.n_free:
            _of_cells(stack.x, count, n)[:, 1:] *= turned[:, :, None]
            _of_cells(stack.ident, count, n)[:, 1:] += turned < 0
            stack.facet[:count, 1:n] += turned < 0
        self.mark(stack.positive[:count], stack.negative[:count], turned)
        return count

    def mark(self, positive: np.ndarray, negative: np.ndarray, signs: np.ndarray) -> None:
        """Set the root walls' bits in the words of cells on their given sides (one row each)."""
        positive[:, : len(self.marked)] |= self.marked
        if len(self.word):
            above = signs[:, self.in_network] > 0
            at = np.arange(len(signs))[:, None], self.word
            np.bitwise_or.at(positive, at, np.where(above, self.bit, 0))
            np.bitwise_or.at(negative, at, np.where(above, 0, self.bit))


def _of_cells(column: np.ndarray, count: int, n: int) -> np.ndarray:
    """The first rows of a column of the pool, n for each cell."""
    return column[: count * n].reshape(count, n, *column.shape[1:])


def simplicial_cone(rows: list[IntegerRow], dim: int) -> Cone:
    """Of independent rows.

    The columns of the inverse of rows and infinity: each is on all of these but one, and above it.
    """
    inverse, _ = fmpz_mat([*rows, [0] * dim + [1]]).inv().numer_denom()
    *directions, apex = (primitive(column) for column in rows_of(inverse.transpose()))
    generators = [apex, *directions]
    columns = zip(*map(round_generator, generators), strict=True)
    x, radius, size, gap = (np.array(column) for column in columns)
    n = dim + 1
    on = np.zeros((n + 1, -(-n // 64) * 64), dtype=bool)
    on[:n, :n] = ~np.eye(n, dtype=bool)
    on[n, 1:n] = True
    *mask, used = _words(on)
    ident = 1 + 2 * np.arange(n)
    named = {}
    for i, generator in zip(ident.tolist(), generators, strict=True):
        named[i], named[i + 1] = generator, [-v for v in generator]
    return Cone(generators, x, radius, size, gap, np.array(mask), used, ident, named)


def _words(bits: np.ndarray) -> np.ndarray:
    """Rows of booleans (a multiple of 64 of them) as words."""
    packed: np.ndarray = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    return packed.astype(np.uint64)
