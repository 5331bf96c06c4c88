"""Writing: tables of any lengths in, Parquet files of a fixed number of rows out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import hash_rows
from ..threads import Threads
from .files import checksum, write_whole
from .join import Spill
from .table import arrow, index_schema, parquet

if TYPE_CHECKING:
    import pyarrow

ROW_GROUP = 1 << 15

# What makes the files small; the others are plain.
_LISTS = ("facets", "neighbors", "vanishing", "exact_witness")
_ENCODINGS = {
    "neighbors": "DELTA_BINARY_PACKED", "hash": "DELTA_BINARY_PACKED",
    "region": "DELTA_BINARY_PACKED", "witness_": "BYTE_STREAM_SPLIT",
}  # fmt: skip
_REPEATED = ("pattern_", "facets")  # values that occur again and again


@dataclass(frozen=True)
class PartInfo:
    """A file of a store.

    Attributes:
        rows: how many: of a part of the graph, its regions.
        bytes, sha256: of the file.
    """

    rows: int
    bytes: int
    sha256: str


def part_name(number: int) -> str:
    """Of a part of the graph, within the store."""
    return f"regions/part-{number:05d}.parquet"


def bucket_name(number: int) -> str:
    """Of a bucket of the index of patterns, within the store."""
    return f"index/bucket-{number:05d}.parquet"


def cut_to(size: int, tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """The rows of all tables in tables of ``size`` rows, but for the last: what these are depends
    on the rows, not on the lengths of the tables that brought them."""
    waiting: list[pyarrow.Table] = []
    n_waiting = 0
    for table in tables:
        while len(table):
            taken = table.slice(0, size - n_waiting)
            waiting.append(taken)
            n_waiting += len(taken)
            table = table.slice(len(taken))
            if n_waiting == size:
                yield arrow().concat_tables(waiting)
                waiting, n_waiting = [], 0
    if n_waiting:
        yield arrow().concat_tables(waiting)


def write_part(directory: Path, numbered: tuple[int, pyarrow.Table]) -> PartInfo:
    """A part of the graph, into the store: its number, and what is in it."""
    number, table = numbered
    return write_table(directory / part_name(number), table.combine_chunks())


def pattern_of(directory: Path, size: int, region: int) -> list[int]:
    """The words of the pattern of a region, in the store's parts of so many regions."""
    number, place = divmod(region, size)
    file = parquet().ParquetFile(directory / part_name(number))
    names = [name for name in file.schema_arrow.names if name.startswith("pattern_")]
    row = file.read(columns=names).slice(place, 1)
    return [row[name][0].as_py() for name in names]


def write_table(path: Path, table: pyarrow.Table) -> PartInfo:
    """A Parquet file; its bytes depend on the table and the version of pyarrow alone."""
    leaves = [f"{k}.list.element" if k in _LISTS else k for k in table.column_names]
    encoding = {k: v for k in leaves for start, v in _ENCODINGS.items() if k.startswith(start)}
    write_whole(
        path,
        lambda stream: parquet().write_table(
            table, stream, row_group_size=ROW_GROUP, compression="zstd", column_encoding=encoding,
            use_dictionary=[k for k in leaves if k.startswith(_REPEATED)],
            write_page_checksum=True,
        ),
    )  # fmt: skip
    return PartInfo(len(table), path.stat().st_size, checksum(path))


class IndexWriter:
    """Where to find a pattern: files of (hash, region), one for each range of hashes."""

    def __init__(self, directory: Path, work: Path, buckets: int) -> None:
        self._directory = directory
        self._spill = Spill(work, buckets, 2)
        self.written: list[PartInfo] = []

    def add(self, words: npt.NDArray[np.uint64], first: int) -> None:
        """Patterns of the regions from number ``first`` on."""
        hashes = hash_rows(words)
        regions = np.arange(first, first + len(words), dtype=np.uint64)
        self._spill.add(np.stack([hashes, regions], axis=1), bucket_of(hashes, self._spill.parts))

    def close(self, threads: Threads) -> list[tuple[int, int]]:
        """Write them. Returns pairs of regions whose hashes agree."""
        pairs: list[tuple[int, int]] = []
        for written, agreeing in threads.map(self._write, range(self._spill.parts)):
            self.written.append(written)
            pairs += agreeing
        return pairs

    def _write(self, bucket: int) -> tuple[PartInfo, list[tuple[int, int]]]:
        hashes, regions = self._spill.take(bucket).T
        order = np.argsort(hashes, kind="stable")  # the regions ascend already
        hashes, regions = hashes[order], regions[order].astype(np.int64)
        pairs: list[tuple[int, int]] = []
        apart = 1
        while len(same := np.flatnonzero(hashes[apart:] == hashes[:-apart])):
            pairs += zip(regions[same].tolist(), regions[same + apart].tolist(), strict=True)
            apart += 1
        table = arrow().table({"hash": hashes, "region": regions}, schema=index_schema())
        return write_table(self._directory / bucket_name(bucket), table), pairs


def bucket_of(hashes: npt.NDArray[np.uint64], buckets: int) -> npt.NDArray[np.int64]:
    """By the highest bits, so that hashes ascend from bucket to bucket."""
    return ((hashes >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)).astype(np.int64)
