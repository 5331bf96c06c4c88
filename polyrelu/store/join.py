"""Which regions of different blocks touch, when not all of them fit in memory.

A facet with nothing across in its own block is written down as the key that both its sides know
(:func:`polyrelu.engine.adjacency.plain_keys`), with its own number and that of its region. Rows go
to files by a hash of the key, so that equal keys meet in one file; each file fits in memory, where
whole keys are compared. What was found goes back to files by block.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import (
    UNEXPLORED,
    hash_rows,
    pair,
    plain_keys,
    special_facets,
    special_keys,
)
from ..engine.assemble import from_layer_1, starts_of
from ..engine.compiled import Compiled
from ..threads import Threads
from .block import Block

Words = npt.NDArray[np.uint64]
OpenFacets = dict[str, tuple[Words, Words]]  # of each kind the rows, and their parts

MEMORY = 1 << 28  # bytes that the join of one file may take
_PER_WORD = 3  # times the bytes of a row that it takes in memory
_FACET_BITS = 32  # of a facet's number within its block


class Spill:
    """Rows of words, each in the file of its part. Of one build: nothing survives a crash."""

    def __init__(self, directory: Path, parts: int, width: int) -> None:
        self.parts, self.width = parts, width
        self._directory = directory
        directory.mkdir(parents=True)

    def _path(self, part: int) -> Path:
        return self._directory / f"{part:05d}"

    def add(self, rows: Words, part: npt.NDArray[np.integer]) -> None:
        """Append rows, shape (n, width), in their order, to the parts that they belong to."""
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part.astype(np.int64), minlength=self.parts)).tolist()
        for k, (start, end) in enumerate(pairwise([0, *ends])):
            if start < end:
                with self._path(k).open("ab") as stream:
                    rows[order[start:end]].tofile(stream)

    def take(self, part: int) -> Words:
        """The rows of a part, which is removed."""
        path = self._path(part)
        if not path.exists():
            return np.zeros((0, self.width), dtype=np.uint64)
        rows = np.fromfile(path, dtype=np.uint64).reshape(-1, self.width)
        path.unlink()
        return rows


class Join:
    """Takes the blocks in their final order; then knows what is across the facets of each.

    Args:
        directory: for files, which must not be there yet.
        open_facets: how many facets there are to be matched, in all.
        memory: bytes that the matching may take, about.
        threads: who match, each a file at a time.
    """

    def __init__(
        self,
        directory: Path,
        compiled: Compiled,
        blocks: int,
        open_facets: int,
        memory: int,
        threads: Threads,
    ) -> None:
        self._compiled, self._threads = compiled, threads
        words = compiled.layout.found_words
        widths = {"plain": words + 3, "special": 2 * words + 2}
        at_once = 1 + 8 * widths["plain"] * _PER_WORD * open_facets // memory
        files = at_once * threads.workers
        self._spills = {k: Spill(directory / k, files, width) for k, width in widths.items()}
        self._answers = Spill(directory / "answers", blocks, 2)

    def open_facets(self, number: int, block: Block, start: int) -> OpenFacets:
        """Those of block ``number``, whose first region is ``start``."""
        own = from_layer_1(block.found, self._compiled.layout)
        indptr = starts_of(own)
        bits = self._compiled.layout.found_bits
        special = special_facets(indptr, own.facet, own.attached, own.zero)
        is_open = block.across == UNEXPLORED
        found = {}
        for kind, chosen in (("plain", is_open & ~special), ("special", is_open & special)):
            facets = np.flatnonzero(chosen)
            owners = np.searchsorted(indptr, facets, side="right") - 1
            if kind == "plain":
                keys = plain_keys(own.pattern, owners, own.facet[facets], bits)
            else:
                keys = special_keys(
                    own.pattern, owners, facets, own.facet, bits, own.attached, own.zero
                )
            names = np.stack([facets | number << _FACET_BITS, owners + start], axis=1)
            part = part_of(keys, self._spills[kind].parts)
            found[kind] = np.hstack([keys, names.astype(np.uint64)]), part
        return found

    def add(self, found: OpenFacets) -> None:
        """Take what :meth:`open_facets` returned."""
        for kind, (rows, part) in found.items():
            self._spills[kind].add(rows, part)

    def match(self) -> None:
        """Find what is across.

        Raises:
            ValueError: three regions share a facet: the blocks are not of one search.
        """
        for spill in self._spills.values():
            for found in self._threads.map(partial(_matched, spill), range(spill.parts)):
                self._answers.add(found, found[:, 0] >> np.uint64(_FACET_BITS))

    def across(self, number: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Facets of block ``number``, and the regions, counted over all blocks, across them."""
        facets, regions = self._answers.take(number).astype(np.int64).T
        return facets & ((1 << _FACET_BITS) - 1), regions


def _matched(spill: Spill, part: int) -> Words:
    """Rows (name of a facet, region across) of the facets of a part that were matched."""
    rows = spill.take(part)
    partner = pair(np.ascontiguousarray(rows[:, :-2]))
    both = np.flatnonzero(partner >= 0)
    return np.stack([rows[both, -2], rows[partner[both], -1]], axis=1)


def part_of(keys: Words, parts: int) -> npt.NDArray[np.uint64]:
    """By high bits of the hash; the table in memory takes the low ones."""
    part: npt.NDArray[np.uint64] = (hash_rows(keys) >> np.uint64(32)) % np.uint64(parts)
    return part


def starts(regions: Sequence[int]) -> npt.NDArray[np.int64]:
    """The number of the first region of each block, and that of all regions."""
    return np.cumsum([0, *regions], dtype=np.int64)
