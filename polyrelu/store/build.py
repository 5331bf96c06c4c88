"""From the blocks of a search to a store: a region graph on disk."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..domain import Slice
from ..engine.adjacency import DOMAIN_WALL, UNEXPLORED
from ..engine.assemble import (
    Columns,
    Settle,
    columns,
    from_layer_1,
    without_absent,
)
from ..engine.compiled import Compiled
from ..errors import FileFormatError
from ..limits import STOPPED_BY
from ..progress import Meter, Progress, reporter
from ..threads import Threads
from .block import Block, BlockInfo, inspect_block, needs_merging, problem, read_block
from .files import storage_errors, sync_directory
from .join import MEMORY, Join, OpenFacets, starts
from .manifest import NAME, Counts, Manifest, chart_rows, read_manifest, write_manifest
from .merge import merge_blocks
from .parts import IndexWriter, cut_to, pattern_of, write_part
from .settle import settle_exactly
from .table import arrow, as_words, table_of

if TYPE_CHECKING:
    from pyarrow import Table

PART_REGIONS, PART_BYTES = 1 << 17, 1 << 26  # of a part, at most; in memory
BUCKET_REGIONS = 1 << 20
MOST_THREADS = 4  # each has a block or two in memory
WORK = ".building"  # all that a build needs for itself; it is removed
_OURS = re.compile(r"(part|bucket)-\d{5,}\.parquet(\.part)?")


def build_store(
    directory: str | os.PathLike[str],
    compiled: Compiled,
    blocks: Sequence[str | os.PathLike[str]],
    *,
    infos: Sequence[BlockInfo] | None = None,
    complete: bool = True,
    stopped_by: str | None = None,
    stats: Mapping[str, Any] | None = None,
    cut: Slice | None = None,
    settle: Settle | None = None,
    progress: bool | Progress = False,
    keep_blocks: bool = False,
    memory: int = MEMORY,
    part_regions: int | None = None,
    workers: int = 1,
) -> None:
    """Build the store of the regions in some blocks: find out which of them touch, and write them.

    Killed at any moment and called again it makes the same files; the blocks are removed when all
    is on the disk. The files of regions depend on the regions and their order alone, not on how
    they were cut into blocks. Where the store is there already, with all regions, only what a build
    that was killed has left is removed; one of a search that was stopped is built anew.

    It takes some 2 microseconds of CPU a region, and memory for a few times the largest block and
    for each thread.

    Args:
        directory: of the store; made if it is not there. It may hold the blocks as well.
        compiled: what was searched.
        blocks: files that :func:`.block.write_block` wrote, in the order of the regions.
        infos: what it returned for each: it must be these very files.
        complete: False if the search was stopped, by ``stopped_by``.
        cut: the slice, if the network is restricted to one.
        settle: after a search of linear-programming cells that was stopped: called with the
            regions of a block and a mask of facets that may be there, and behind which no region
            was found; says which are there. Default: decided by rational programs, milliseconds
            each.
        progress: called with the number of regions that were read, which is twice as many as there
            are in the end, and the seconds.
        keep_blocks: do not remove them.
        memory: bytes, about, for the part of the join that is in memory.
        part_regions: regions in each file; default: 2^17, or fewer if they are large.
        workers: threads that read, join and write, of which it takes four at most; the files are
            the same.

    Raises:
        MissingExtraError: pyarrow is not installed.
        FileFormatError: a block is damaged, or of another network or domain; or ``directory``
            holds another store.
        StoreError: the system refuses to write. Blocks are kept.
        ValueError: ``complete`` and ``stopped_by`` contradict each other.
    """
    arrow()
    if stopped_by not in STOPPED_BY or complete != (stopped_by is None):
        raise ValueError(f"complete={complete} does not fit stopped_by={stopped_by!r}")
    if min(memory, workers) < 1 or (part_regions is not None and part_regions < 1):
        raise ValueError("part_regions, memory and workers must be positive")
    target, files = Path(directory), [Path(path) for path in blocks]
    with storage_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target / WORK, ignore_errors=True)
    if not _is_there(target, compiled, files):
        if infos is None:
            infos = [inspect_block(path, compiled) for path in files]
        build = _Build(target, compiled, list(zip(files, infos, strict=True)), stopped_by, memory)
        build.settle = settle or settle_exactly(compiled)
        build.report = reporter(progress)
        with Threads(min(workers, MOST_THREADS)) as threads:
            build.run(threads, part_regions, cut, dict(stats or {}))
    with storage_errors(target):
        shutil.rmtree(target / WORK, ignore_errors=True)
        for path in () if keep_blocks else files:
            path.unlink(missing_ok=True)


def _is_there(directory: Path, compiled: Compiled, blocks: Sequence[Path]) -> bool:
    """Is the store there, so that its blocks are not needed? That of a search that was stopped is
    only if its blocks are gone: these may be of one that went further."""
    if not (directory / NAME).exists():
        return False
    there = read_manifest(directory)
    if problem(compiled) != {
        "network_hash": there.network.hash,
        "domain": there.domain.to_dict(),
    }:
        raise FileFormatError(
            f"{directory} holds the regions of another network or domain: choose an empty directory"
        )
    return there.complete or not blocks or not all(path.exists() for path in blocks)


class _Build:
    """One run over blocks that are all there."""

    settle: Settle
    report: Progress | None

    def __init__(
        self,
        directory: Path,
        compiled: Compiled,
        blocks: list[tuple[Path, BlockInfo]],
        stopped_by: str | None,
        memory: int,
    ) -> None:
        self._directory, self._work = directory, directory / WORK
        self._compiled, self._memory = compiled, memory
        self._blocks, self._stopped_by = blocks, stopped_by
        self._counts = _Tally()
        self._settling = Lock()  # it uses the tables of the search
        self._read, self._began = 0, time.perf_counter()

    def run(
        self, threads: Threads, part_regions: int | None, cut: Slice | None, stats: dict[str, Any]
    ) -> None:
        with storage_errors(self._directory):
            (self._directory / NAME).unlink(missing_ok=True)  # of a search that was stopped
            for name in ("regions", "index"):
                _clear(self._directory / name)
            self._work.mkdir()
            if needs_merging(self._compiled):
                merged = self._work / "merged"
                finished = self._stopped_by is None
                self._blocks = merge_blocks(
                    merged, self._compiled, self._blocks, finished, self._memory
                )
            self._first = starts([info.regions for _, info in self._blocks])
            part_regions = part_regions or self._part_regions()
            join = self._join(threads)
            buckets = 1 + int(self._first[-1]) // BUCKET_REGIONS
            index = IndexWriter(self._directory, self._work / "index", buckets)
            tables = enumerate(cut_to(part_regions, self._tables(threads, join, index)))
            parts = tuple(threads.map(partial(write_part, self._directory), tables))
            for i, j in index.close(threads):
                self._check_distinct(i, j, part_regions)
            sync_directory(self._directory)
            write_manifest(
                self._directory,
                Manifest(
                    network=self._compiled.network,
                    domain=self._compiled.domain,
                    slice=cut,
                    chart=chart_rows(self._compiled.chart),
                    complete=self._stopped_by is None,
                    stopped_by=self._stopped_by,
                    part_regions=part_regions,
                    counts=self._counts.done(),
                    parts=parts,
                    index=tuple(index.written),
                    stats=stats,
                ),
            )
        if isinstance(self.report, Meter):
            self.report.close()

    def _part_regions(self) -> int:
        """How many regions, a power of two, take at most so many bytes, about."""
        regions = sum(info.regions for _, info in self._blocks)
        facets = sum(info.facets for _, info in self._blocks)
        compiled = self._compiled
        each = len(compiled.network.thresholds) // 8 + 8 * compiled.dim + 20
        most = PART_BYTES // (each + 12 * facets // max(regions, 1))
        return min(PART_REGIONS, 1 << max(most.bit_length() - 1, 0))

    def _check_distinct(self, i: int, j: int, part_regions: int) -> None:
        """Regions whose patterns have one hash must not have one pattern."""
        one, other = (pattern_of(self._directory, part_regions, k) for k in (i, j))
        if one == other:
            raise FileFormatError(
                f"the blocks are not those of one search: regions {i} and {j} are the same"
            )

    def _join(self, threads: Threads) -> Join:
        """Who touches whom across blocks."""
        opened = sum(info.open_facets for _, info in self._blocks)
        join = Join(
            self._work / "join", self._compiled, len(self._blocks), opened, self._memory, threads
        )

        def rows(number: int) -> OpenFacets:
            return join.open_facets(number, self._block(number), int(self._first[number]))

        for b, found in enumerate(threads.map(rows, range(len(self._blocks)))):
            join.add(found)
            self._tell(b)
        try:
            join.match()
        except ValueError as error:
            raise FileFormatError(f"the blocks are not those of one search: {error}") from None
        return join

    def _tables(self, threads: Threads, join: Join, index: IndexWriter) -> Iterator[Table]:
        """The table of each block, of which the index and the sums are told as well."""

        def finished(number: int) -> tuple[Columns, Table]:
            found = self._finished(number, join)
            return found, table_of(found, int(self._first[number]))

        for b, (found, table) in enumerate(threads.map(finished, range(len(self._blocks)))):
            self._counts.add(found)
            index.add(as_words(found.patterns), int(self._first[b]))
            self._tell(b)
            yield table

    def _tell(self, number: int) -> None:
        """A block was read."""
        self._read += self._blocks[number][1].regions
        if self.report is not None:
            self.report(self._read, time.perf_counter() - self._began)

    def _block(self, number: int) -> Block:
        path, info = self._blocks[number]
        return read_block(path, self._compiled, info)

    def _finished(self, number: int, join: Join) -> Columns:
        """The columns of a block, with neighbours numbered over all blocks."""
        block = self._block(number)
        across = block.across.astype(np.int64)
        across[across >= 0] += self._first[number]
        facets, regions = join.across(number)
        across[facets] = regions
        finished = self._stopped_by is None
        if finished and not block.found.maybe[across == UNEXPLORED].all():
            raise FileFormatError(
                f"the blocks are not all those of a complete search: a facet of a region in "
                f"{self._blocks[number][0]} has nothing on its other side"
            )
        own = from_layer_1(block.found, self._compiled.layout)
        with self._settling:
            own, across = without_absent(self.settle, block.found, own, across, finished)
        found = columns(self._compiled, own, across)
        return replace(found, unbounded=found.unbounded | (self._compiled.n_lines > 0))


def _clear(directory: Path) -> None:
    """Make the directory, or remove what a build that was killed has left in it."""
    directory.mkdir(exist_ok=True)
    for path in directory.iterdir():
        if not _OURS.fullmatch(path.name):
            raise FileFormatError(
                f"{directory} must hold no files but those of a store, not {path.name!r}"
            )
        path.unlink()


class _Tally:
    """Sums over all regions."""

    def __init__(self) -> None:
        self._degrees: npt.NDArray[np.int64] = np.zeros(1, dtype=np.int64)
        self._sums = np.zeros(4, dtype=np.int64)

    def add(self, found: Columns) -> None:
        ends = np.concatenate([[0], np.cumsum(found.neighbors >= 0)])
        degrees = np.bincount(np.diff(ends[found.indptr]), minlength=len(self._degrees))
        degrees[: len(self._degrees)] += self._degrees
        self._degrees = degrees
        self._sums += [
            np.count_nonzero(found.neighbors == DOMAIN_WALL),
            np.count_nonzero(found.neighbors == UNEXPLORED),
            found.unbounded.sum(),
            len(found.exact_witnesses),
        ]

    def done(self) -> Counts:
        degrees = np.trim_zeros(self._degrees, "b").tolist()
        walls = sum(k * n for k, n in enumerate(degrees)) // 2
        domain, unexplored, unbounded, thin = self._sums.tolist()
        return Counts(walls, domain, unexplored, unbounded, thin, tuple(degrees))
