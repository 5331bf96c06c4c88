"""Cells that auxiliary walls have cut become regions again, when not all of them fit in memory.

Cells of one pattern are one region. They go to files by a hash of the pattern, are merged there,
and each region goes back to the block of its first cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import hash_rows
from ..engine.assemble import concatenate, merge, take
from ..engine.compiled import Compiled
from ..engine.enumerate import Found
from .block import BlockInfo, read_block, write_block, write_merged

_TIMES = 20  # merging takes as many times the bytes of the files


def merge_blocks(
    directory: Path,
    compiled: Compiled,
    blocks: Sequence[tuple[Path, BlockInfo]],
    finished: bool,
    memory: int,
) -> list[tuple[Path, BlockInfo]]:
    """Blocks of whole regions, in ``directory``, which must not be there yet.

    As :func:`polyrelu.engine.assemble.merge`: in the order of the regions' first cells; unless
    ``finished``, without regions of which a cell may be missing.
    """
    pieces = _Pieces(directory, compiled)
    parts = 1 + sum(info.bytes for _, info in blocks) * _TIMES // memory
    for b, (path, info) in enumerate(blocks):
        found = read_block(path, compiled, info).found
        part = (hash_rows(found.pattern) >> np.uint64(32)) % np.uint64(parts)
        for k in range(parts):
            rows = np.flatnonzero(part == k)
            pieces.put(f"cells-{k}-{b}", take(found, rows), rows)
    for k in range(parts):
        some = [pieces.take(f"cells-{k}-{b}") for b in range(len(blocks))]
        block = np.repeat(np.arange(len(some)), [len(found) for found, _ in some])
        cell = np.concatenate([cells for _, cells in some])
        merged, first = merge(compiled, concatenate([found for found, _ in some]), finished)
        for b in range(len(blocks)):
            rows = np.flatnonzero(block[first] == b)
            pieces.put(f"regions-{k}-{b}", take(merged, rows), cell[first[rows]])
    written = []
    for b in range(len(blocks)):
        some = [pieces.take(f"regions-{k}-{b}") for k in range(parts)]
        order = np.argsort(np.concatenate([cells for _, cells in some]))
        path = directory / f"block-{b}.npz"
        whole = take(concatenate([found for found, _ in some]), order)
        written.append((path, write_merged(path, compiled, [whole])))
    return written


class _Pieces:
    """Some regions, or cells, and the numbers of their (first) cells in their block, in files."""

    def __init__(self, directory: Path, compiled: Compiled) -> None:
        self._directory, self._compiled = directory, compiled
        directory.mkdir(parents=True)

    def put(self, name: str, found: Found, cells: npt.NDArray[np.int64]) -> None:
        write_block(self._directory / f"{name}.npz", self._compiled, [found])
        np.save(self._directory / f"{name}.npy", cells)

    def take(self, name: str) -> tuple[Found, npt.NDArray[np.int64]]:
        """What was put there; its files are removed."""
        file, numbers = self._directory / f"{name}.npz", self._directory / f"{name}.npy"
        found, cells = read_block(file, self._compiled).found, np.load(numbers)
        file.unlink()
        numbers.unlink()
        return found, cells
