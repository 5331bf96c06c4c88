"""Re-checking a store: its files, who names whom, and a sample of its regions."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..engine.adjacency import pair
from ..errors import FileFormatError
from ..progress import Progress
from ..verify.levels import LEVELS, check_arguments, checks_of, choose
from ..verify.report import Check, Tally, Verification
from .join import MEMORY, Spill, Words, part_of

if TYPE_CHECKING:
    from .reader import Numbers, Part
    from .store import RegionStore

_ROW = 3  # words: the lower region, the higher one, whose facet it is


def verify_store(
    store: RegionStore,
    level: str = "geometry",
    *,
    sample: int | None = 1000,
    seed: int = 0,
    progress: bool | Progress = False,
) -> Verification:
    """Re-check a store by code that shares nothing with the engine; see :mod:`polyrelu.verify`.

    All files are read and compared with their checksums; from level "adjacency" on, all facets are
    looked at: neighbours name each other, once. What a level says of
    regions one by one is checked of ``sample`` of them, drawn by ``seed``, and their neighbours are
    brought into memory for it; and that their patterns lead to them.

    It takes some microseconds a region, and what :func:`polyrelu.verify.verify` takes for the
    sample. The system's temporary directory takes 24 bytes for each facet between two parts.

    Args:
        sample: None takes all regions, as many as there may be.
        progress: called with the number of regions of the sample checked, and the seconds.

    Raises:
        ValueError: there is no such level, or ``sample`` is negative.
        MissingExtraError: level "judge" without pycddlib.
    """
    check_arguments(level, sample)
    began = time.perf_counter()
    checks, chosen = [_check_files(store)], choose(len(store), sample, seed)
    if checks[0].ok and LEVELS.index(level) >= 1:
        checks.append(_check_mutual(store))
    if checks[0].ok and len(store):
        around = np.unique(np.concatenate([chosen, *(store.neighbors(i) for i in chosen)]))
        places = np.searchsorted(around, np.asarray(chosen, dtype=np.int64)).tolist()
        graph = store.subgraph(around)
        checks.append(_check_index(store, chosen, graph.packed_patterns[places]))
        found = checks_of(graph, level, places, progress)
        checks += [_renumbered(check, around) for check in found]
    n = len(chosen) if checks[0].ok else 0
    return Verification(level, len(store), n, time.perf_counter() - began, tuple(checks))


def _renumbered(check: Check, numbers: Numbers) -> Check:
    """With the store's numbers for those of a part of it in memory."""
    failures = tuple(
        failure if failure.region is None else replace(failure, region=int(numbers[failure.region]))
        for failure in check.failures
    )
    return replace(check, failures=failures)


def _check_files(store: RegionStore) -> Check:
    tally = Tally("patterns", "files", "all files are as they were written")
    for check in store.file_checks():
        tally.checked += 1
        try:
            check()
        except FileFormatError as error:
            tally.fail(None, str(error))
    return tally.done()


def _check_mutual(store: RegionStore) -> Check:
    claim = "neighbours name each other, once, over all parts"
    tally = Tally("adjacency", "mutual", claim, 2 * store.n_walls)
    named = 0
    with tempfile.TemporaryDirectory() as folder:
        files = 1 + 8 * _ROW * 4 * 2 * store.n_walls // MEMORY
        between = Spill(Path(folder) / "facets", files, _ROW)
        for part in store.parts():
            rows, inside = _rows(part)
            named += len(rows)
            _check_pairs(tally, rows[inside])
            between.add(rows[~inside], part_of(rows[~inside, :2].copy(), files))
        for k in range(files):
            _check_pairs(tally, between.take(k))
    if named != 2 * store.n_walls:
        tally.fail(
            None, f"{named} facets have a neighbour, but the manifest has {store.n_walls} walls"
        )
    return tally.done()


def _rows(part: Part) -> tuple[Words, np.ndarray]:
    """A row for each facet with a neighbour, and which neighbours are in the part."""
    owner = np.repeat(np.arange(len(part)), np.diff(part.graph.indptr)) + part.first
    facets = np.flatnonzero(part.neighbors >= 0)
    here, there = owner[facets], part.neighbors[facets]
    low, high = np.minimum(here, there), np.maximum(here, there)
    rows = np.stack([low, high, here], axis=1).astype(np.uint64)
    return rows, part.graph.neighbor[facets] >= 0


def _check_pairs(tally: Tally, rows: Words) -> None:
    """Of each two rows that agree but for whose facet they are: one for either side."""
    try:
        partner = pair(rows[:, :2].copy())
    except ValueError:
        tally.fail(None, "a wall between two regions is named more than twice")
        return
    alone = (partner < 0) | (rows[partner, 2] == rows[:, 2])
    for low, high, owner in rows[alone].tolist():
        other = high if owner == low else low
        tally.fail(owner, f"names region {other}, which does not name it")


def _check_index(store: RegionStore, chosen: Sequence[int], packed: npt.NDArray[np.uint8]) -> Check:
    tally = Tally("patterns", "index", "the pattern of each region leads to it", len(chosen))
    for i, found in zip(chosen, store.lookup(packed).tolist(), strict=True):
        if found != i:
            tally.fail(i, f"its pattern leads to {found}")
    return tally.done()
