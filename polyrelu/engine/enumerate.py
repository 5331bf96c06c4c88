"""The driver: feeds the kernel root cones, answers what it asks, collects what it finds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..errors import FileFormatError
from ..network import quotient
from . import kernel
from .compilation import address_of
from .compiled import Compiled
from .exact import Resolver
from .measure import Measure
from .open_cells import OpenCells, divided
from .patterns import without_gaps
from .state import Block, Program, Stack, Tables
from .tables import new_tables
from .thin import ThinWitnesses
from .twice import with_low_parts

BLOCK_REGIONS = 4096
NOT_ON_THE_WAY = (
    "these open cells are not on the way of this search: they were changed, or are those of "
    "another network, domain, or version of the engine"
)


@dataclass(frozen=True)
class Found:
    """Some regions, as columns. Wall numbers are global (layer 0 is the domain).

    Attributes:
        pattern: signs of the walls of layers 1, 2, ..., in words, shape (n, words); see
            :func:`.patterns.without_gaps`.
        witness: float64 interior points in the engine's coordinates, shape (n, dim).
        exact_witness: where no float64 point could be certified: index -> exact point.
        n_facets, n_vertices, unbounded: shape (n,).
        facet: walls of the facets, region after region.
        maybe: shape of ``facet``: it is a facet iff the region on its other side is found. What
            is not found after a full search is not there; else see :meth:`Enumeration.settle`.
        attached: rows (region, facet, wall): walls that contain the facet as well.
        zero: rows (region, wall): forms that are identically 0 on the region.
    """

    pattern: np.ndarray
    witness: np.ndarray
    exact_witness: Mapping[int, tuple[Fraction, ...]]
    n_facets: np.ndarray
    n_vertices: np.ndarray
    unbounded: np.ndarray
    facet: np.ndarray
    maybe: np.ndarray
    attached: np.ndarray
    zero: np.ndarray

    def __len__(self) -> int:
        return len(self.n_facets)

    @property
    def nbytes(self) -> int:
        return sum(v.nbytes for v in vars(self).values() if isinstance(v, np.ndarray))


class TooManyVertices(Exception):
    """A cell has more vertices than were asked for."""


@dataclass
class Enumeration:
    """One enumeration: :meth:`blocks` yields what is found, in depth-first order.

    Args:
        counting: count only.
        max_regions: a bound on what is found; reaching it leaves ``finished`` False if there
            are more.
        max_vertices: of a cell; one that has more raises TooManyVertices.
        begin: search these cells only; default all.
    """

    compiled: Compiled
    counting: bool = False
    max_regions: int | None = None
    max_vertices: int | None = None
    begin: OpenCells | None = None
    found: int = 0
    finished: bool = False
    resolver: Resolver = field(init=False)

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.compiled)
        self._stack = self._new_stack()
        self._prepare()

    @property
    def _most_vertices(self) -> float:
        return math.inf if self.max_vertices is None else self.max_vertices

    @property
    def working_bytes(self) -> int:
        """What the search itself takes."""
        return sum(array.nbytes for array in self._stack)

    def _prepare(self) -> None:
        self._roots = self.compiled.roots
        begin = self.begin or OpenCells(0, len(self._roots))
        self._splits = 0  # of the cones that are done with
        self._next_cone, self._last_cone, self._guide = begin.first, begin.stop, begin.guide
        self._share = begin.share
        self._tables = new_tables(self.compiled, 64 * _facet_words(self.compiled.dim))
        self._room = 1
        self._twice = 0  # the address of kernel.answer_twice once float64 has left something open
        self._block = self._new_block(self._next_size())
        self._exact_witness: dict[int, tuple[Fraction, ...]] = {}
        self._begun: Found | int = 0  # what :meth:`blocks` is to tell again

    def resume(self, begun: Found | int, counting: bool, most: int | None) -> None:
        """Go on where :meth:`blocks` was left, as a search that was made so, and begin with what
        it has told. Not between a region that is found and its block."""
        self.counting, self.max_regions, self.max_vertices = counting, most, None
        self._begun = begun
        self._block = self._new_block(self._next_size())

    def blocks(self) -> Iterator[Found | int]:
        """Blocks of regions; with ``counting``, numbers of regions. Some are empty: they let
        the caller look at the clock. Whenever it stops, :meth:`flush` has the rest."""
        begun, self._begun = self._begun, 0
        if begun:
            yield begun
        while self._is_within or self._start():
            while (status := self._run()) != kernel.DONE:
                if status == kernel.BLOCK_FULL:
                    yield self.flush()
                else:
                    self._serve(status)
                    if status == kernel.PAUSE and self._block.count[0] > 0:
                        yield self.flush()
                    elif status not in kernel.GROWING:
                        yield 0 if self.counting else self.nothing()
            self._splits, self._scalar[self._SPLITS] = self.splits, 0
        self.finished = True
        yield self.flush()

    @property
    def _is_within(self) -> bool:
        """Are there cells on the stack?"""
        return bool(self._scalar[self._TOP] >= 0)

    def flush(self) -> Found | int:
        """What was found since the last block; the next block holds what is found from now."""
        block = self._block
        n = int(block.count[0])
        self.found += n
        taken = n if self.counting else self._copy(*map(int, block.count))
        if n == 0 and not self.finished:
            self._room *= 2  # one region did not fit
            self._block = self._new_block(len(block.n_facets))
        elif self._next_size() < len(block.n_facets):
            self._block = self._new_block(self._next_size())
        self._block.count[:] = 0
        self._exact_witness = {}
        return taken

    def nothing(self) -> Found:
        """A block without regions, with columns of the right shapes."""
        return self._copy(0, 0, 0, 0, 0)

    def _next_size(self) -> int:
        if self.max_regions is None:
            return BLOCK_REGIONS
        return min(BLOCK_REGIONS, self.max_regions - self.found)

    def _copy(self, n: int, n_facets: int, n_attached: int, n_zero: int, n_thin: int) -> Found:
        block = self._block
        thin = block.thin[:n_thin].copy()
        return Found(
            pattern=without_gaps(self.compiled.layout, block.pattern[:n]),
            witness=block.witness[:n].copy(),
            exact_witness=ThinWitnesses(
                {i: x for i, x in self._exact_witness.items() if i < n} if n else {},
                thin,
                block.witness[thin],
                block.low[:n_thin].copy(),
            ),
            n_facets=block.n_facets[:n].copy(),
            n_vertices=block.n_vertices[:n].copy(),
            unbounded=block.unbounded[:n].copy(),
            facet=block.facet[:n_facets].copy(),
            maybe=block.maybe[:n_facets].copy(),
            attached=block.attached[:n_attached].copy(),
            zero=block.zero[:n_zero].copy(),
        )

    def settle(self, found: Found, doubtful: np.ndarray, left: Sequence[OpenCells]) -> np.ndarray:
        """After a search that was stopped, with these cells left: which ``doubtful`` facets (a
        mask), maybe there but with no region found across, are facets."""
        assert not doubtful.any()  # cells with vertices know their facets
        return doubtful

    def cells(self) -> Iterator[Stack]:
        """The stack each time that a finished cell is on top of it (max_regions = 0)."""
        while self._start():
            while (status := self._run()) != kernel.DONE:
                if status == kernel.BLOCK_FULL:
                    yield self._stack
                    self._stack.scalar[kernel.TOP] -= 1
                    self._stack.scalar[kernel.PHASE] = kernel.DECIDE
                else:
                    self._serve(status)

    def _start(self) -> bool:
        """Make the next root cones what is to be searched; False if there are no more."""
        cones = self._roots.signs(self._next_cone, self._last_cone)
        most = len(self._stack.layer) if self._guide is None else 1
        n = self._roots.push(cones, most, self._stack, self.resolver.remember)
        self._next_cone += n
        if self._guide is not None:
            self._stack.guide[:] = self._guide
            self._stack.scalar[kernel.GUIDED] = 1
            self._guide = None
        return n > 0

    def left(self, parts: int = 1, measure: Measure | None = None) -> list[OpenCells]:
        """What is still to be searched, in order and in at most so many pieces, where
        :meth:`blocks` stands. Nothing if all is done. With a ``measure`` it is told how much of
        the domain each piece is."""
        if self.finished:
            return []
        if self._guide is not None:
            return [OpenCells(self._next_cone, self._last_cone, self._guide, self._share)]
        layer, positive, negative, guide = self._entries_left()
        waiting = int((layer < 0).sum())  # cones, at the bottom
        first = self._next_cone - waiting - (waiting < len(layer))
        if guide is not None:  # where it is to begin is not reached
            return [OpenCells(first, self._last_cone, guide.copy(), self._share)]
        if first == self._last_cone:
            return []
        positive, negative = positive[waiting:], negative[waiting:]
        shares = None if measure is None else measure.shares(positive, negative)
        return divided(first, self._last_cone, positive, negative, parts, shares)

    def _entries_left(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Layers and signs of the cells on the stack, and its guide if it is still used."""
        stack, n = self._stack, int(self._stack.scalar[kernel.TOP]) + 1
        guide = stack.guide if stack.scalar[kernel.GUIDED] else None
        return stack.layer[:n], stack.positive[:n], stack.negative[:n], guide

    _SPLITS, _TOP = kernel.SPLITS, kernel.TOP

    @property
    def _scalar(self) -> np.ndarray:
        scalar: np.ndarray = self._stack.scalar
        return scalar

    @property
    def splits(self) -> int:
        """How many cells were cut in two."""
        return self._splits + int(self._scalar[self._SPLITS])

    def _run(self) -> int:
        status = int(kernel.run(*self._work(), self._twice, kernel.CONTINUE))
        if self._twice or status not in (kernel.NEED_SIGNS, kernel.NEED_WITNESS):
            return status
        self._use_twice()
        return int(kernel.run(*self._work(), self._twice, status))

    def _use_twice(self) -> None:
        """From now on the kernel tries twice the precision before it asks."""
        self._tables = with_low_parts(self.compiled, self._tables)
        self._twice = address_of(kernel.answer_twice, *self._work()[:4])

    def _work(self) -> tuple[Program, Stack, Tables, Block, bool]:
        return self.compiled.program, self._stack, self._tables, self._block, self.counting

    # -- what the kernel asks for ------------------------------------------------------------

    def _serve(self, status: int) -> None:
        stack, resolver = self._stack, self.resolver
        if status == kernel.NEED_SIGNS:
            resolver.signs(stack)
        elif status == kernel.NEED_ROWS:
            resolver.rows(stack, self._tables)
            stack.scalar[kernel.READY] = 1
        elif status == kernel.NEED_WITNESS:
            self._write_witness(resolver.witness(stack))
            stack.scalar[kernel.READY] = 1
        elif status == kernel.LOST:
            raise FileFormatError(NOT_ON_THE_WAY)
        elif status != kernel.PAUSE:
            self._grow(status)

    def _write_witness(self, point: tuple[Fraction, ...]) -> None:
        i = int(self._block.count[0])
        self._exact_witness[i] = point
        self._block.witness[i] = [quotient(v.numerator, v.denominator) for v in point]

    # -- memory ------------------------------------------------------------------------------

    def _new_stack(self) -> Stack:
        dim = self.compiled.dim
        words = int(self.compiled.program.first_word[-1])
        facet_words = _facet_words(dim)
        entries, vertices, pool = 64, max(64, 2 * dim + 2), max(1024, 4 * dim)
        i64, u64 = np.int64, np.uint64
        # One allocation for several: they take longer than to search a small network. What an entry
        # or a generator has is written when it is made.
        layer, n_vertices, pool_top, n_attached = np.empty((4, entries), i64)
        undecided, positive, negative = np.empty((3, entries, words), u64)
        radius, gap, size = np.empty((3, pool))
        pos, neg, unknown = np.empty((3, pool, words), u64)
        above, below, side = np.empty((3, vertices), u64)
        scalar = np.zeros(kernel.N_SCALARS, i64)
        scalar[kernel.TOP] = -1
        return Stack(
            scalar=scalar,
            layer=layer,
            n_vertices=n_vertices,
            vertex=np.empty((entries, vertices), u64),
            mask=np.empty((entries, vertices, facet_words), u64),
            facet=np.empty((entries, 64 * facet_words), np.int32),
            used=np.empty((entries, facet_words), u64),
            undecided=undecided,
            positive=positive,
            negative=negative,
            pool_top=pool_top,
            n_attached=n_attached,
            attached=np.empty((entries, 16, 2), i64),
            x=np.empty((pool, dim + 1)),
            radius=radius,
            gap=gap,
            size=size,
            ident=np.empty(pool, i64),
            pos=pos,
            neg=neg,
            unknown=unknown,
            new_mask=np.empty((vertices, facet_words), u64),
            above=above,
            below=below,
            side=side,
            guide=np.zeros((3, words), u64),
        )

    _ENTRY = ("layer", "n_vertices", "vertex", "mask", "facet", "used", "undecided", "positive",
              "negative", "pool_top", "n_attached", "attached")  # fmt: skip
    _POOL = ("x", "radius", "gap", "size", "ident", "pos", "neg", "unknown")

    def _grow(self, status: int) -> None:
        """Double what the kernel ran out of; the run goes on where it stopped."""
        axes: dict[int, list[tuple[str, int]]] = {
            kernel.GROW_STACK: [(name, 0) for name in self._ENTRY],
            kernel.GROW_VERTICES: [("vertex", 1), ("mask", 1), ("new_mask", 0), ("above", 0),
                                   ("below", 0), ("side", 0)],
            kernel.GROW_POOL: [(name, 0) for name in self._POOL],
            kernel.GROW_FACETS: [("mask", 2), ("facet", 1), ("used", 1), ("new_mask", 1)],
            kernel.GROW_ATTACHED: [("attached", 1)],
        }  # fmt: skip
        if status == kernel.GROW_VERTICES and self._stack.vertex.shape[1] > self._most_vertices:
            raise TooManyVertices
        changed = {}
        for name, axis in axes[status]:
            array = getattr(self._stack, name)
            changed[name] = np.concatenate([array, np.zeros_like(array)], axis=axis)
        self._stack = self._stack._replace(**changed)
        if status == kernel.GROW_FACETS:
            slots = self._stack.facet.shape[1]
            self._tables = self._tables._replace(picked=np.zeros(slots + 1, dtype=np.int64))

    def _new_block(self, regions: int) -> Block:
        program = self.compiled.program
        words = int(program.first_word[-1] - program.first_word[1])
        n = 0 if self.counting else regions
        slots = n * (4 * program.dim + 2) * self._room
        i64 = np.int64
        return Block(
            count=np.zeros(5, i64),
            pattern=np.empty((n, words), np.uint64),
            witness=np.empty((n, program.dim)),
            n_facets=np.empty(regions, np.int32),
            n_vertices=np.empty(n, np.int32),
            unbounded=np.empty(n, np.bool_),
            facet=np.empty(slots, np.int32),
            maybe=np.empty(slots, np.bool_),
            attached=np.empty((n * self._room, 3), i64),
            zero=np.empty((n * 4 * self._room, 2), i64),
            thin=np.empty(n, i64),
            low=np.empty((n, program.dim)),
        )


def _facet_words(dim: int) -> int:
    """Words for the facet slots of a cell, of which a simplex has dim + 1, and infinity."""
    return (dim + 1) // 64 + 1
