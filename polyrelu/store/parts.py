"""Writing: tables of any lengths in, Parquet files of a fixed number of rows out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import hash_rows
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


class PartWriter:
    """Cuts what it is given into parts of ``size`` regions, but for the last: what is written
    depends on the regions, not on the lengths of the tables that brought them."""

    def __init__(self, directory: Path, size: int) -> None:
        self._directory, self._size = directory, size
        self._waiting: list[pyarrow.Table] = []
        self._n_waiting = 0
        self.written: list[PartInfo] = []

    def add(self, table: pyarrow.Table) -> None:
        while len(table):
            taken = table.slice(0, self._size - self._n_waiting)
            self._waiting.append(taken)
            self._n_waiting += len(taken)
            table = table.slice(len(taken))
            if self._n_waiting == self._size:
                self._write()

    def close(self) -> None:
        """Write what is left."""
        if self._n_waiting:
            self._write()

    def _write(self) -> None:
        whole = arrow().concat_tables(self._waiting).combine_chunks()
        self._waiting, self._n_waiting = [], 0
        path = self._directory / part_name(len(self.written))
        self.written.append(write_table(path, whole))


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

    def close(self) -> None:
        pa = arrow()
        for k in range(self._spill.parts):
            hashes, regions = self._spill.take(k).T
            order = np.lexsort((regions, hashes))
            regions = regions[order].astype(np.int64)
            table = pa.table({"hash": hashes[order], "region": regions}, schema=index_schema())
            self.written.append(write_table(self._directory / bucket_name(k), table))


def bucket_of(hashes: npt.NDArray[np.uint64], buckets: int) -> npt.NDArray[np.int64]:
    """By the highest bits, so that hashes ascend from bucket to bucket."""
    return ((hashes >> np.uint64(32)) * np.uint64(buckets) >> np.uint64(32)).astype(np.int64)
