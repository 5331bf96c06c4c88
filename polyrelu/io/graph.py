"""Region graphs in ``.npz`` files; docs/format.md describes the format.

Nothing is pickled. The header is JSON; the network stands in the file, so that a graph can be
queried and verified years later without anything else.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Slice, domain_from_dict
from ..errors import FileFormatError
from ..graph import DOMAIN_WALL, RegionGraph
from ..limits import STOPPED_BY
from ..network import Network
from ..rational import ExactPoint
from ..suggestion import no_such_file
from ._archive import read_arrays
from ._limits import MAX_BYTES
from ._own_format import Format, damaged, header_array, point_text, read_point
from .npz import network_arrays, network_from_arrays

FORMAT = Format("region graph", 2, {
    "patterns": (np.uint8, 2),
    "witnesses": (np.float64, 2),
    "unbounded": (np.uint8, 1),
    "indptr": (np.int64, 1),
    "facets": (np.int32, 1),
    "neighbors": (np.int64, 1),
    "coincident": (np.int64, 2),
    "vanishing": (np.int64, 2),
})  # fmt: skip
_MEMBER = re.compile(
    rf"(header|{'|'.join(FORMAT.columns)}|(network|slice)_(([Wbd](0|[1-9][0-9]{{0,5}}))|lo|hi|activations))"
    r"\.npy"
)


def save_graph(graph: RegionGraph, path: str | os.PathLike[str]) -> None:
    """Write ``graph`` to ``path``, which ends in ``.npz``.

    The file appears under its name when it is whole: an interrupted save leaves nothing.

    Raises:
        FileFormatError: another suffix.
        OSError: the file cannot be written.
    """
    file = Path(path)
    if file.suffix.lower() != ".npz":
        raise FileFormatError(f"graphs are written to .npz files, not {file.suffix!r} ({file})")
    arrays: dict[str, npt.NDArray[Any]] = {
        "header": header_array(_header(graph)),
        "patterns": graph.packed_patterns,
        "witnesses": graph.local_witnesses,
        "unbounded": graph.unbounded.astype(np.uint8),
        "indptr": graph.indptr,
        "facets": graph.facets,
        "neighbors": graph.neighbor.astype(np.int64),
        "coincident": graph.coincident,
        "vanishing": graph.vanishing,
    }
    arrays |= {f"network_{k}": v for k, v in network_arrays(graph.network).items()}
    if graph.slice is not None:
        embedding = Network((graph.slice.embedding,))
        arrays |= {f"slice_{k}": v for k, v in network_arrays(embedding).items()}
    part = file.with_name(file.name + ".part")
    try:
        with part.open("wb") as stream:
            write = np.savez_compressed if _small(arrays) else np.savez
            write(stream, **arrays)  # type: ignore[arg-type]
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _small(arrays: dict[str, npt.NDArray[Any]]) -> bool:
    """Larger files are not compressed: what unpacks to more than it takes is refused then."""
    return sum(array.nbytes for array in arrays.values()) < MAX_BYTES // 2


def _header(graph: RegionGraph) -> dict[str, Any]:
    return {
        **FORMAT.marks,
        "arithmetic": "float64 with certified bounds, rational where these leave a sign open",
        "network_hash": graph.network.hash,
        "notes": list(graph.network.notes),
        "domain": graph.domain.to_dict(),
        "complete": graph.complete,
        "stopped_by": graph.stopped_by,
        "exact_witnesses": {
            str(i): point_text(point) for i, point in graph.exact_witnesses.items()
        },
        "stats": graph.stats,
    }


def load_graph(path: str | os.PathLike[str]) -> RegionGraph:
    """Read what :func:`save_graph` wrote.

    Raises:
        FileFormatError: not such a file, another version, or its parts do not agree.
    """
    file = Path(path)
    if not file.exists():
        raise no_such_file(file)
    arrays = read_arrays(file, _MEMBER, "as docs/format.md says (this is no region graph)")
    header = FORMAT.read_header_array(file, arrays)
    with damaged(file):
        return _graph(file, header, arrays)


def _graph(file: Path, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> RegionGraph:
    network = _part(file, arrays, "network", tuple(map(str, header["notes"])))
    if network.hash != header["network_hash"]:
        raise FileFormatError(f"{file} is damaged: the network is not the one that was enumerated")
    domain = domain_from_dict(header["domain"])
    if domain.dim != network.input_dim:
        raise FileFormatError(
            f"{file} is damaged: its domain must have dimension {network.input_dim}, "
            f"not {domain.dim}"
        )
    if not isinstance(header["complete"], bool) or header["stopped_by"] not in STOPPED_BY:
        raise FileFormatError(f"{file} is damaged: it must say whether it is complete")
    cut = None
    if any(name.startswith("slice_") for name in arrays):
        cut = Slice.from_embedding(_part(file, arrays, "slice").layers[0], domain)
    columns = FORMAT.checked_columns(file, arrays)
    check_columns(file, columns, len(network.thresholds), len(domain.inequalities()))
    n = len(columns["indptr"]) - 1
    neighbor = columns["neighbors"]
    if n < 2**31:
        neighbor = neighbor.astype(np.int32)
    exact = _exact_witnesses(header["exact_witnesses"], n, columns["witnesses"].shape[1])
    graph = RegionGraph(
        network=network, domain=domain, slice=cut,
        packed_patterns=columns["patterns"], local_witnesses=columns["witnesses"],
        exact_witnesses=exact,
        unbounded=columns["unbounded"].astype(bool), indptr=columns["indptr"],
        facets=columns["facets"], neighbor=neighbor,
        coincident=columns["coincident"], vanishing=columns["vanishing"],
        complete=header["complete"], stopped_by=header["stopped_by"],
        stats=dict(header["stats"]),
    )  # fmt: skip
    if graph.compiled.dim != graph.local_witnesses.shape[1]:
        raise FileFormatError(f"{file}: witnesses must have {graph.compiled.dim} columns")
    for i in np.flatnonzero(~np.isfinite(graph.local_witnesses).all(axis=1)).tolist():
        if i not in graph.exact_witnesses:
            raise FileFormatError(f"{file} is damaged: the witness of region {i} must be finite")
    return graph


def _part(
    file: Path, arrays: dict[str, npt.NDArray[Any]], prefix: str, notes: tuple[str, ...] = ()
) -> Network:
    start = f"{prefix}_"
    named = {k.removeprefix(start): v for k, v in arrays.items() if k.startswith(start)}
    found = network_from_arrays(file, named)
    return Network(found.layers, found.input_box, notes)


def check_columns(
    file: Path | str, columns: dict[str, npt.NDArray[Any]], n_thresholds: int, n_inequalities: int
) -> None:
    indptr, facets, neighbors = (columns[k] for k in ("indptr", "facets", "neighbors"))
    n = len(indptr) - 1
    right = (
        n >= 0
        and columns["patterns"].shape == (n, (n_thresholds + 7) // 8)
        and len(columns["witnesses"]) == len(columns["unbounded"]) == n
        and indptr[0] == 0
        and bool((np.diff(indptr) >= 0).all())
        and indptr[-1] == len(facets) == len(neighbors)
        and bool(((neighbors >= -2) & (neighbors < n)).all())
        and bool(((facets >= -n_inequalities) & (facets < n_thresholds)).all())
        and bool(((facets < 0) == (neighbors == DOMAIN_WALL)).all())
        and _are_pairs(columns["coincident"], len(facets), n_thresholds)
        and _are_pairs(columns["vanishing"], n, n_thresholds)
    )
    if not right:
        raise FileFormatError(f"{file} is damaged: its columns do not fit together")


def _are_pairs(rows: npt.NDArray[Any], n_first: int, n_second: int) -> bool:
    return rows.shape[1] == 2 and bool(((rows >= 0) & (rows < (n_first, n_second))).all())


def _exact_witnesses(data: dict[str, list[str]], n: int, dim: int) -> dict[int, ExactPoint]:
    found = {int(key): read_point(text, dim) for key, text in data.items()}
    if not all(0 <= index < n for index in found):
        raise ValueError("an exact witness of a region that is not there")
    return found
