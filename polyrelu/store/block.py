"""Blocks: what a task of a search has found, in one file, until the store is built of them.

A block is an ``.npz`` file without compression. It has the columns of
:class:`polyrelu.engine.enumerate.Found` and, for each facet, the region across as far as it is in
the same block (``across``, numbers within the block).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import UNEXPLORED
from ..engine.assemble import concatenate, from_layer_1, join_found
from ..engine.compiled import Compiled
from ..engine.enumerate import Found
from ..engine.thin import Point, ThinWitnesses
from ..errors import FileFormatError
from ..io._archive import read_arrays
from ..io._own_format import Arrays, Format, damaged, header_array, point_text, read_point
from .files import checksum, write_whole

FORMAT = Format("block of regions", 2, {
    "pattern": (np.uint64, 2), "witness": (np.float64, 2), "n_facets": (np.int32, 1),
    "unbounded": (np.uint8, 1), "facet": (np.int32, 1), "maybe": (np.uint8, 1),
    "attached": (np.int64, 2), "zero": (np.int64, 2), "thin": (np.int64, 1),
    "low": (np.float64, 2), "across": (np.int32, 1),
})  # fmt: skip
_AS_THEY_ARE = ("pattern", "witness", "n_facets", "facet", "attached", "zero")
_MEMBER = re.compile(rf"(header|{'|'.join(FORMAT.columns)})\.npy")


@dataclass(frozen=True)
class BlockInfo:
    """What is in a block: plain numbers and text, for a journal.

    Attributes:
        regions, facets: how many; before cells that auxiliary walls cut are merged.
        open_facets: of them, facets with nothing across within the block.
        bytes, sha256: of the file.
    """

    regions: int
    facets: int
    open_facets: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Block:
    """The regions of a block, and for each facet the region across: a number within the block,
    ``DOMAIN_WALL`` or ``UNEXPLORED``."""

    found: Found
    across: npt.NDArray[np.int32]


def write_block(
    path: str | os.PathLike[str], compiled: Compiled, found: Sequence[Found]
) -> BlockInfo:
    """Write what a task has found, in the order of ``found``; durable when it returns.

    Walls between two of these regions are joined here, in memory, unless the cells of other blocks
    may be parts of the same regions (:func:`needs_merging`).

    Raises:
        StoreError: the system refuses, for example as the disk is full; no half of a file is left.
        ValueError: ``found`` is empty: even an empty block has columns.
    """
    return _write(path, compiled, found, join=not needs_merging(compiled))


def write_merged(
    path: str | os.PathLike[str], compiled: Compiled, found: Sequence[Found]
) -> BlockInfo:
    """As :func:`write_block`, of whole regions whatever cut them."""
    return _write(path, compiled, found, join=True)


def _write(
    path: str | os.PathLike[str], compiled: Compiled, found: Sequence[Found], join: bool
) -> BlockInfo:
    if not found:
        raise ValueError("a block must be made of at least one Found, which may have no regions")
    joined = concatenate(list(found))
    across = np.full(len(joined.facet), UNEXPLORED, dtype=np.int32)
    if join:
        across = join_found(compiled, from_layer_1(joined, compiled.layout))
    file, block = Path(path), Block(joined, across)
    arrays = _arrays(compiled, block)
    write_whole(file, lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]
    return _info(file, block)


def inspect_block(path: str | os.PathLike[str], compiled: Compiled) -> BlockInfo:
    """What :func:`write_block` returned, of a file that was written before; it is read and checked.

    Raises:
        FileNotFoundError, FileFormatError: as :func:`read_block`.
    """
    return _info(Path(path), read_block(path, compiled))


def _info(file: Path, block: Block, sha256: str | None = None) -> BlockInfo:
    return BlockInfo(
        regions=len(block.found),
        facets=len(block.found.facet),
        open_facets=int(np.count_nonzero(block.across == UNEXPLORED)),
        bytes=file.stat().st_size,
        sha256=sha256 or checksum(file),
    )


def needs_merging(compiled: Compiled) -> bool:
    """Do auxiliary walls cut regions into several cells?"""
    return len(compiled.root_rows) > compiled.program.n_domain


def _arrays(compiled: Compiled, block: Block) -> Arrays:
    found = block.found
    thin = ThinWitnesses.joined([found.exact_witness], [0])
    header = {
        **FORMAT.marks, **problem(compiled),
        "exact_witnesses": {str(i): point_text(point) for i, point in thin.exact.items()},
    }  # fmt: skip
    columns = vars(found) | {
        "maybe": found.maybe if found.maybe.any() else np.zeros(0),
        "thin": thin.index, "low": thin.low, "across": block.across,
    }  # fmt: skip
    kinds = FORMAT.columns.items()
    arrays = {name: columns[name].astype(kind, copy=False) for name, (kind, _) in kinds}
    return {"header": header_array(header)} | arrays


def problem(compiled: Compiled) -> dict[str, Any]:
    """What was searched, in plain data: it must be the same for all blocks of a store."""
    return {"network_hash": compiled.network.hash, "domain": compiled.domain.to_dict()}


def read_block(
    path: str | os.PathLike[str], compiled: Compiled, info: BlockInfo | None = None
) -> Block:
    """Read what :func:`write_block` wrote; with ``info``, only if it is that very file.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is torn, changed, no block, or one of another network or domain.
    """
    file = Path(path)
    if not file.exists():
        raise FileNotFoundError(f"no such file: {file}")
    if info is not None and (file.stat().st_size != info.bytes or checksum(file) != info.sha256):
        raise FileFormatError(f"{file} is damaged: it is not the file that was written")
    arrays = read_arrays(file, _MEMBER, "as in a block of regions")
    with damaged(file):
        block = _block(file, compiled, arrays)
    if info is not None and _info(file, block, info.sha256) != info:
        raise FileFormatError(f"{file} does not hold as many regions and facets as is said")
    return block


def _block(file: Path, compiled: Compiled, arrays: Arrays) -> Block:
    header = _header(file, compiled, arrays)
    FORMAT.checked_columns(file, arrays)
    exact = _exact_points(header, compiled.dim)
    if not len(arrays["maybe"]):
        arrays["maybe"] = np.zeros(len(arrays["facet"]), dtype=np.uint8)
    _check(file, compiled, arrays, exact)
    thin = arrays["thin"]
    witness = arrays["witness"]
    return Block(
        Found(
            exact_witness=ThinWitnesses(exact, thin, witness[thin], arrays["low"]),
            n_vertices=np.zeros(len(witness), dtype=np.int32),
            unbounded=arrays["unbounded"].astype(bool),
            maybe=arrays["maybe"].astype(bool),
            **{k: arrays[k] for k in _AS_THEY_ARE},
        ),
        arrays["across"],
    )


def _header(file: Path, compiled: Compiled, arrays: Arrays) -> dict[str, Any]:
    header = FORMAT.read_header_array(file, arrays)
    for name, value in problem(compiled).items():
        if header.get(name) != value:
            what = name.removesuffix("_hash")
            raise FileFormatError(f"{file} must be of the {what} that is searched, not of another")
    return header


def _exact_points(header: Mapping[str, Any], dim: int) -> dict[int, Point]:
    return {int(i): read_point(text, dim) for i, text in header["exact_witnesses"].items()}


def _check(file: Path, compiled: Compiled, arrays: Arrays, exact: Mapping[int, Point]) -> None:
    program = compiled.program
    n, n_facets, n_walls = len(arrays["pattern"]), len(arrays["facet"]), int(program.first_wall[-1])
    first, across, thin = int(program.first_wall[1]), arrays["across"], arrays["thin"]
    right = (
        arrays["pattern"].shape == (n, compiled.layout.found_words)
        and arrays["witness"].shape == (n, compiled.dim)
        and len(arrays["n_facets"]) == len(arrays["unbounded"]) == n
        and bool((arrays["n_facets"] >= 0).all())
        and int(arrays["n_facets"].sum(dtype=np.int64)) == n_facets
        and len(across) == len(arrays["maybe"]) == n_facets
        and _within(arrays["facet"], 0, n_walls)
        and _within(across, UNEXPLORED, n)
        and bool((across[arrays["facet"] < program.n_domain] < 0).all())
        and _rows_within(arrays["attached"], [(0, n), (0, n_facets), (0, n_walls)])
        and _rows_within(arrays["zero"], [(0, n), (first, n_walls)])
        and _within(thin, 0, n)
        and arrays["low"].shape == (len(thin), arrays["low"].shape[1])
        and (not len(thin) or arrays["low"].shape[1] == compiled.dim)
        and all(0 <= i < n for i in exact)
        and bool(np.isfinite(np.delete(arrays["witness"], [*exact], axis=0)).all())
    )
    if not right:
        raise FileFormatError(f"{file} is damaged: its columns do not fit together")


def _within(values: npt.NDArray[Any], low: int, high: int) -> bool:
    return bool(((values >= low) & (values < high)).all())


def _rows_within(rows: npt.NDArray[Any], bounds: list[tuple[int, int]]) -> bool:
    return rows.shape[1] == len(bounds) and all(
        _within(column, *bound) for column, bound in zip(rows.T, bounds, strict=True)
    )
