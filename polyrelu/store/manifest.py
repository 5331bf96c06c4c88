"""``manifest.json``: what a store holds. It is written last: without it there is no store."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from flint import fmpz_mat

from ..domain import Domain, Slice, domain_from_dict
from ..errors import FileFormatError
from ..io._own_format import Format, damaged, read_count
from ..io.npz import load_npz, network_arrays
from ..limits import STOPPED_BY
from ..network import Network
from ..rational import rows_of
from .files import read_checked, write_whole
from .parts import PartInfo

FORMAT = Format("region store", 1)
NAME, NETWORK, SLICE = "manifest.json", "network.npz", "slice.npz"
MOST_BYTES = 1 << 27  # of the manifest, and of the network in it


@dataclass(frozen=True)
class Counts:
    """Sums over all regions.

    Attributes:
        walls: pairs of regions that touch.
        degrees: how many regions have 0, 1, 2, ... neighbours.
        thin_regions: those with an exact witness.
    """

    walls: int
    domain_facets: int
    unexplored_facets: int
    unbounded_regions: int
    thin_regions: int
    degrees: tuple[int, ...]


@dataclass(frozen=True)
class Manifest:
    """See docs/stores.md.

    Attributes:
        chart: takes homogeneous witnesses to points of the domain: rows of integers.
        part_regions: regions in each part but the last.
        files: of the network, and of the slice if there is one.
    """

    network: Network
    domain: Domain
    slice: Slice | None
    chart: tuple[tuple[int, ...], ...]
    complete: bool
    stopped_by: str | None
    part_regions: int
    counts: Counts
    parts: tuple[PartInfo, ...]
    index: tuple[PartInfo, ...]
    stats: dict[str, Any]

    @property
    def regions(self) -> int:
        return sum(part.rows for part in self.parts)


def chart_rows(chart: fmpz_mat) -> tuple[tuple[int, ...], ...]:
    """The chart of a compiled network, as in a manifest."""
    return tuple(tuple(row) for row in rows_of(chart))


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Write the network, and then the manifest, with which the store begins to exist."""
    files = {NETWORK: _write_network(directory / NETWORK, manifest.network)}
    if manifest.slice is not None:
        files[SLICE] = _write_network(directory / SLICE, Network((manifest.slice.embedding,)))
    data = {
        **FORMAT.marks,
        "arithmetic": "float64 with certified bounds, rational where these leave a sign open",
        "network_hash": manifest.network.hash,
        "notes": list(manifest.network.notes),
        "domain": manifest.domain.to_dict(),
        "chart": [[f"{v:x}" for v in row] for row in manifest.chart],
        "complete": manifest.complete,
        "stopped_by": manifest.stopped_by,
        "regions": manifest.regions,
        "part_regions": manifest.part_regions,
        "counts": asdict(manifest.counts),
        "files": {name: asdict(info) for name, info in files.items()},
        "parts": [asdict(info) for info in manifest.parts],
        "index": [asdict(info) for info in manifest.index],
        "stats": manifest.stats,
    }
    text = json.dumps(data, indent=1)
    write_whole(directory / NAME, lambda stream: stream.write(text.encode()))


def _write_network(path: Path, network: Network) -> PartInfo:
    buffer = io.BytesIO()
    np.savez(buffer, **network_arrays(network))  # type: ignore[arg-type]
    content = buffer.getvalue()
    write_whole(path, lambda stream: stream.write(content))
    return PartInfo(1, len(content), hashlib.sha256(content).hexdigest())


def read_manifest(directory: Path) -> Manifest:
    """Read what :func:`write_manifest` wrote, and the network.

    Raises:
        FileNotFoundError: there is no such directory.
        FileFormatError: it holds no store, or one that is not finished, of another version, or
            damaged.
    """
    if not directory.exists():
        raise FileNotFoundError(f"no such directory: {directory}")
    file = directory / NAME
    if not file.is_file():
        raise FileFormatError(
            f"{directory} is no store of regions, or one that is not finished: it has no {NAME}"
        )
    if file.stat().st_size > MOST_BYTES:
        raise FileFormatError(f"{file} must have at most {MOST_BYTES} bytes")
    data = FORMAT.read_header(file, file.read_bytes())
    with damaged(file):
        return _manifest(directory, data)


def _manifest(directory: Path, data: dict[str, Any]) -> Manifest:
    file = directory / NAME
    notes = tuple(map(str, data["notes"]))
    network = _read_network(directory / NETWORK, data["files"][NETWORK])
    network = Network(network.layers, network.input_box, notes)
    if network.hash != data["network_hash"]:
        raise FileFormatError(f"{file} is damaged: its network is not the one that was enumerated")
    domain = domain_from_dict(data["domain"])
    if domain.dim != network.input_dim:
        raise FileFormatError(f"{file} is damaged: its domain does not fit its network")
    cut = None
    if SLICE in data["files"]:
        embedding = _read_network(directory / SLICE, data["files"][SLICE])
        cut = Slice.from_embedding(embedding.layers[0], domain)
    if not isinstance(data["complete"], bool) or data["stopped_by"] not in STOPPED_BY:
        raise FileFormatError(f"{file} is damaged: it must say whether the store is complete")
    manifest = Manifest(
        network=network,
        domain=domain,
        slice=cut,
        chart=tuple(tuple(int(v, 16) for v in row) for row in data["chart"]),
        complete=data["complete"],
        stopped_by=data["stopped_by"],
        part_regions=read_count(data["part_regions"]),
        counts=_counts(data["counts"]),
        parts=tuple(_info(part) for part in data["parts"]),
        index=tuple(_info(bucket) for bucket in data["index"]),
        stats=dict(data["stats"]),
    )
    _check(file, manifest, data["regions"])
    return manifest


def _read_network(path: Path, data: dict[str, Any]) -> Network:
    info = _info(data)
    if info.bytes > MOST_BYTES:
        raise FileFormatError(f"{path} must have at most {MOST_BYTES} bytes")
    read_checked(path, info.bytes, info.sha256)
    return load_npz(path)


def _check(file: Path, manifest: Manifest, regions: Any) -> None:
    """Only the last part is shorter; sums agree."""
    rows = [part.rows for part in manifest.parts]
    size, counts = manifest.part_regions, manifest.counts
    right = (
        size > 0
        and all(n == size for n in rows[:-1])
        and all(0 < n <= size for n in rows[-1:])
        and regions == sum(rows) == sum(bucket.rows for bucket in manifest.index)
        and sum(counts.degrees) == sum(rows)
        and sum(k * n for k, n in enumerate(counts.degrees)) == 2 * counts.walls
        and len(manifest.index) > 0
    )
    if not right:
        raise FileFormatError(f"{file} is damaged: its numbers do not fit together")


def _info(data: dict[str, Any]) -> PartInfo:
    return PartInfo(read_count(data["rows"]), read_count(data["bytes"]), str(data["sha256"]))


def _counts(data: dict[str, Any]) -> Counts:
    degrees = tuple(read_count(n) for n in data["degrees"])
    names = [field.name for field in fields(Counts) if field.name != "degrees"]
    return Counts(**{name: read_count(data[name]) for name in names}, degrees=degrees)
