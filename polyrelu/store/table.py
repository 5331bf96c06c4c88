"""The columns of a store, as Arrow tables: docs/stores.md describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..engine.assemble import Columns
from ..io._extras import require
from ..io._own_format import point_text

if TYPE_CHECKING:
    import pyarrow

Words = npt.NDArray[np.uint64]


def arrow() -> Any:
    """The package pyarrow.

    Raises:
        MissingExtraError: it is not installed.
    """
    return require("pyarrow", "arrow")


def parquet() -> Any:
    """Its module for Parquet files."""
    return require("pyarrow.parquet", "arrow")


def schema(words: int, dim: int) -> pyarrow.Schema:
    """Of the tables of regions of a network with ``words`` words of thresholds, in the engine's
    ``dim`` coordinates."""
    pa = arrow()

    def many(kind: Any) -> Any:
        return pa.list_(pa.field("element", kind, nullable=False))

    also = pa.struct([pa.field(k, pa.int32(), nullable=False) for k in ("place", "threshold")])
    kinds = {
        "region": pa.int64(),
        **{f"pattern_{k}": pa.uint64() for k in range(words)},
        **{f"witness_{k}": pa.float64() for k in range(dim)},
        "unbounded": pa.bool_(),
        "facets": many(pa.int32()),
        "neighbors": many(pa.int64()),
        "coincident": many(also),
        "vanishing": many(pa.int32()),
        "exact_witness": many(pa.string()),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def index_schema() -> pyarrow.Schema:
    """Of the tables of the index of patterns."""
    pa = arrow()
    kinds = {"hash": pa.uint64(), "region": pa.int64()}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def as_words(packed: npt.NDArray[np.uint8]) -> Words:
    """Packed patterns in words: bit t is bit t % 64 of word t // 64."""
    words = np.zeros((len(packed), (packed.shape[1] + 7) // 8 * 8), dtype=np.uint8)
    words[:, : packed.shape[1]] = packed
    return words.view("<u8").astype(np.uint64, copy=False)


def table_of(columns: Columns, first: int) -> pyarrow.Table:
    """The table of some regions, the first of which has the number ``first``; neighbours are
    numbered alike."""
    pa = arrow()
    n, dim = columns.witnesses.shape
    words = as_words(columns.patterns)
    shape = schema(words.shape[1], dim)
    kind = {name: shape.field(name).type for name in shape.names}
    owner = np.searchsorted(columns.indptr, columns.coincident[:, 0], side="right") - 1
    place = columns.coincident[:, 0] - columns.indptr[owner]
    values = [pa.array(v.astype(np.int32)) for v in (place, columns.coincident[:, 1])]
    also = pa.StructArray.from_arrays(values, fields=list(kind["coincident"].value_type))
    order = np.argsort(columns.vanishing[:, 0], kind="stable")
    vanishing = columns.vanishing[order]
    arrays = {
        "region": pa.array(np.arange(first, first + n, dtype=np.int64)),
        **{f"pattern_{k}": pa.array(np.ascontiguousarray(w)) for k, w in enumerate(words.T)},
        **{
            f"witness_{k}": pa.array(np.ascontiguousarray(x))
            for k, x in enumerate(columns.witnesses.T)
        },
        "unbounded": pa.array(columns.unbounded),
        "facets": _lists(kind["facets"], columns.indptr, pa.array(columns.facets)),
        "neighbors": _lists(
            kind["neighbors"], columns.indptr, pa.array(columns.neighbors.astype(np.int64))
        ),
        "coincident": _lists(kind["coincident"], _starts(owner, n), also),
        "vanishing": _lists(
            kind["vanishing"],
            _starts(vanishing[:, 0], n),
            pa.array(vanishing[:, 1].astype(np.int32)),
        ),
        "exact_witness": _exact(kind["exact_witness"], columns, n, dim),
    }
    return pa.table(arrays, schema=shape)


def _lists(kind: Any, starts: npt.NDArray[np.int64], values: Any) -> Any:
    offsets = arrow().array(starts.astype(np.int32))
    return arrow().ListArray.from_arrays(offsets, values, type=kind)


def _starts(owner: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.int64]:
    """Where the rows of each of n owners start; ``owner`` ascends."""
    return np.searchsorted(owner, np.arange(n + 1))


def _exact(kind: Any, columns: Columns, n: int, dim: int) -> Any:
    """Exact witnesses where there are some, else empty lists."""
    points = columns.exact_witnesses
    owner = np.array(sorted(points), dtype=np.int64)
    text = [v for i in owner.tolist() for v in point_text(points[i])]
    return _lists(kind, _starts(np.repeat(owner, dim), n), arrow().array(text, arrow().string()))
