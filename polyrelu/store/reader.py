"""Reading the files of a store, as if a stranger had written them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..engine.compiled import Compiled
from ..errors import FileFormatError
from ..graph import DOMAIN_WALL, UNEXPLORED, RegionGraph
from ..io._limits import check_bytes
from ..io._own_format import read_point
from ..io.graph import check_columns
from .files import read_checked
from .manifest import Manifest
from .parts import PartInfo, bucket_name, part_name
from .table import arrow, index_schema, parquet, schema

if TYPE_CHECKING:
    import pyarrow

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """Some consecutive regions of a store.

    Attributes:
        number: of the part: 0, 1, ...
        first: the number of its first region in the store.
        graph: the graph of these regions, numbered from 0; what is behind a facet that leads to
            another part is unexplored in it.
        neighbors: for each facet of ``graph`` the region behind it, numbered as in the store; -1
            (domain) or -2 (unexplored).
    """

    number: int
    first: int
    graph: RegionGraph
    neighbors: Numbers

    def __len__(self) -> int:
        return len(self.graph)

    def __repr__(self) -> str:
        return f"Part({self.number}: regions {self.first} to {self.first + len(self) - 1})"


class Reader:
    """The tables of a store. A file is compared with its checksum when it is first read."""

    def __init__(self, directory: Path, manifest: Manifest, compiled: Compiled) -> None:
        self._directory, self._manifest, self._compiled = directory, manifest, compiled
        words = (len(manifest.network.thresholds) + 63) // 64
        self._schema = schema(words, compiled.dim)
        self._checked: set[Path] = set()
        self.bucket = lru_cache(4)(self._bucket)
        self.part = lru_cache(2)(self._part)

    def table(self, number: int, columns: list[str] | None = None) -> pyarrow.Table:
        """Part ``number`` of the graph, or some columns of it.

        Raises:
            FileFormatError: the file is damaged.
        """
        path = self._directory / part_name(number)
        info = self._manifest.parts[number]
        table = self._read(path, info, self._schema, columns)
        first = number * self._manifest.part_regions
        if columns is None or "region" in columns:
            region = table["region"].to_numpy()
            if (region != np.arange(first, first + info.rows)).any():
                raise FileFormatError(f"{path} is damaged: its regions must be numbered on")
        return table

    def empty(self) -> pyarrow.Table:
        """A table of no regions."""
        return self._schema.empty_table()

    def _bucket(self, number: int) -> tuple[npt.NDArray[np.uint64], Numbers]:
        """Hashes, ascending, and the regions that have them."""
        path = self._directory / bucket_name(number)
        table = self._read(path, self._manifest.index[number], index_schema(), None)
        hashes, regions = (table[name].to_numpy() for name in ("hash", "region"))
        if (hashes[1:] < hashes[:-1]).any() or not _are_regions(regions, self._manifest.regions):
            raise FileFormatError(f"{path} is damaged: it must lead from hashes to regions")
        return hashes, regions

    def _read(
        self, path: Path, info: PartInfo, shape: pyarrow.Schema, columns: list[str] | None
    ) -> pyarrow.Table:
        pa = arrow()
        if path not in self._checked:
            read_checked(path, info.bytes, info.sha256)
        try:
            file = parquet().ParquetFile(path, page_checksum_verification=True)
            self._check_claims(path, info, file, shape)
            table = file.read(columns=columns, use_threads=False)
            table.validate(full=True)
        except (pa.ArrowException, OSError, ValueError) as error:
            raise FileFormatError(f"{path} is no readable Parquet file: {error}") from None
        self._checked.add(path)
        return table.combine_chunks()

    def _check_claims(self, path: Path, info: PartInfo, file: Any, shape: pyarrow.Schema) -> None:
        """Before memory is taken: what the file says of itself."""
        if not file.schema_arrow.equals(shape):
            raise FileFormatError(f"{path} must have the columns that docs/stores.md describes")
        meta = file.metadata
        claimed = sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))
        if meta.num_rows != info.rows:
            raise FileFormatError(
                f"{path} is damaged: it must have {info.rows} rows, not {meta.num_rows}"
            )
        if claimed > info.bytes:  # a file may always take as much memory as it takes disk
            check_bytes(path, claimed)

    def _part(self, number: int) -> Part:
        """A part as a graph.

        Raises:
            FileFormatError: the file is damaged.
        """
        graph, neighbors = self.graph(self.table(number))
        return Part(number, number * self._manifest.part_regions, graph, neighbors)

    def graph(self, table: pyarrow.Table) -> tuple[RegionGraph, Numbers]:
        """The regions of a table in their order, which ascends, as a graph of these alone; and for
        each facet the region behind it, numbered as in the store.

        Raises:
            FileFormatError: the columns do not fit together.
        """
        manifest = self._manifest
        region = table["region"].to_numpy()
        where = f"{self._directory}, regions {region.min(initial=0)} and on"
        columns, neighbors, exact = self._columns(where, table, region)
        everything = len(region) == manifest.regions
        graph = RegionGraph(
            network=manifest.network,
            domain=manifest.domain,
            slice=manifest.slice,
            packed_patterns=columns["patterns"],
            local_witnesses=columns["witnesses"],
            exact_witnesses=exact,
            unbounded=columns["unbounded"],
            indptr=columns["indptr"],
            facets=columns["facets"],
            neighbor=columns["neighbors"].astype(np.int32),
            coincident=columns["coincident"],
            vanishing=columns["vanishing"],
            complete=manifest.complete and everything,
            stopped_by=manifest.stopped_by if everything else manifest.stopped_by or "regions",
            stats=manifest.stats,
        )
        vars(graph)["compiled"] = self._compiled  # instead of compiling once more
        neighbors.flags.writeable = False
        return graph, neighbors

    def _columns(
        self, where: str, table: pyarrow.Table, region: Numbers
    ) -> tuple[dict[str, Any], Numbers, dict[int, Any]]:
        """The columns of a graph of these regions; neighbours as in the store; exact witnesses."""
        manifest, n = self._manifest, len(region)
        n_thresholds, dim = len(manifest.network.thresholds), self._compiled.dim
        words = [table[f"pattern_{k}"].to_numpy() for k in range((n_thresholds + 63) // 64)]
        octets = np.array(words, dtype="<u8").reshape(len(words), n).T.copy().view(np.uint8)
        indptr, facets = _flat(table["facets"])
        starts, neighbors = _flat(table["neighbors"])
        also, pairs = _lists(table["coincident"])
        place, threshold = (pairs.field(k).to_numpy().astype(np.int64) for k in (0, 1))
        of_vanishing, vanishing = _flat(table["vanishing"])
        owner = np.repeat(np.arange(n), np.diff(also))
        fits = bool((starts == indptr).all() and (place >= 0).all())
        fits &= bool((place < np.diff(indptr)[owner]).all())
        fits &= bool(((neighbors >= UNEXPLORED) & (neighbors < manifest.regions)).all())
        if not fits:
            raise FileFormatError(f"{where}: damaged, its lists do not fit together")
        columns = {
            "patterns": octets[:, : (n_thresholds + 7) // 8].copy(),
            "witnesses": np.array([table[f"witness_{k}"].to_numpy() for k in range(dim)])
            .reshape(dim, n)
            .T.copy(),
            "unbounded": table["unbounded"].to_numpy(),
            "indptr": indptr,
            "facets": facets.astype(np.int32),
            "neighbors": _numbered(neighbors, region),
            "coincident": np.stack([indptr[owner] + place, threshold], axis=1),
            "vanishing": np.stack(
                [np.repeat(np.arange(n), np.diff(of_vanishing)), vanishing], axis=1
            ).astype(np.int64),
        }
        check_columns(where, columns, n_thresholds, len(manifest.domain.inequalities()))
        exact = _exact(where, table["exact_witness"], dim)
        finite = np.isfinite(columns["witnesses"]).all(axis=1)
        if not all(i in exact for i in np.flatnonzero(~finite).tolist()):
            raise FileFormatError(f"{where}: damaged, witnesses must be finite")
        return columns, neighbors.astype(np.int64), exact


def _are_regions(numbers: Numbers, n: int) -> bool:
    return bool(((numbers >= 0) & (numbers < n)).all())


def _lists(column: Any) -> tuple[Numbers, Any]:
    """Where the lists start in all their values, and these."""
    lengths = arrow().compute.list_value_length(column).to_numpy()
    values = column.combine_chunks().flatten()
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]), values


def _flat(column: Any) -> tuple[Numbers, npt.NDArray[Any]]:
    starts, values = _lists(column)
    return starts, values.to_numpy()


def _numbered(neighbors: npt.NDArray[Any], region: Numbers) -> Numbers:
    """Numbers of regions as places in ``region``, which ascends; others are unexplored."""
    if not len(region):
        return np.zeros(0, dtype=np.int64)
    if region[-1] - region[0] == len(region) - 1:
        place = neighbors - region[0]
        there = (place >= 0) & (place < len(region))
    else:
        place = np.minimum(np.searchsorted(region, neighbors), len(region) - 1)
        there = region[place] == neighbors
    there &= neighbors >= 0
    return np.where(there, place, np.where(neighbors == DOMAIN_WALL, DOMAIN_WALL, UNEXPLORED))


def _exact(where: str, column: Any, dim: int) -> dict[int, Any]:
    starts, text = _lists(column)
    try:
        return {
            i: read_point(text[starts[i] : starts[i + 1]].to_pylist(), dim)
            for i in np.flatnonzero(np.diff(starts)).tolist()
        }
    except (ValueError, ZeroDivisionError) as error:
        raise FileFormatError(f"{where}: damaged, {error}") from None
