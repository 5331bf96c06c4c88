"""Regions to disk: a search that survives, and the store that is built of what it finds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from .domain import Domain, Slice
from .enumeration import Cells, Prepared
from .errors import FileFormatError, StoreError
from .interrupt import deferred_interrupt
from .limits import Limits
from .network import Network
from .progress import Progress
from .search import Checkpoint, usable_cores
from .store.block import problem
from .store.build import WORK, build_store
from .store.manifest import NAME, NETWORK, SLICE, read_manifest
from .store.store import RegionStore, open_store
from .store.table import arrow

if TYPE_CHECKING:
    from concurrent.futures import Executor

SEARCH = ".search"  # the checkpoint, within the directory of the store; it is removed at the end


def store_regions(
    network: Network,
    domain: Domain | Slice | None,
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    progress: bool | Progress = False,
    cells: Cells = "auto",
    workers: int | None = None,
    executor: Executor | None = None,
) -> RegionStore:
    """Every activation region of a network on a domain, and which of them touch, on disk: as
    :func:`polyrelu.regions`, for graphs that are larger than memory.

    What is found is on the disk at once. A call that was killed, at whatever moment, goes on when
    it is made again, and the store is the same to the last bit; so it is whoever did the work. If
    a limit or Ctrl-C stopped it, what was found is a store with ``complete == False``, and a call
    with other limits goes on from there.

    Args:
        path: the directory, which is made; or one that an earlier call has left.
        limits: ``seconds`` are those of this call; ``memory`` is of no use here.
        progress, cells, workers, executor: as of :func:`polyrelu.regions`.

    Returns:
        The store, open; see :func:`polyrelu.open_store`.

    Raises:
        MissingExtraError: pyarrow is not installed.
        FileFormatError: the directory is of something else, has what a store would overwrite, or
            is damaged.
        StoreError: it is a file, another process works on it, or the system refuses to write.
    """
    arrow()
    made = Prepared.of(network, domain, limits, cells, counting=False, is_measured=True)
    assert made.problem is not None
    target = Path(path)
    _check_place(target)
    if _is_there(target, made):
        shutil.rmtree(target / SEARCH, ignore_errors=True)  # what a killed call may have left
        return open_store(target)
    with Checkpoint(target / SEARCH, made.problem) as checkpoint:
        with deferred_interrupt() as interrupted:
            search = made.search(progress, workers, executor, checkpoint)
            search.run(interrupted)
        written = checkpoint.blocks()
        is_all = search.stopped_by is None
        (target / NAME).unlink(missing_ok=True)  # of what was found before
        build_store(
            target, search.compiled, [path for path, _ in written],
            infos=[info for _, info in written], complete=is_all,
            settle=search.settle, stopped_by=search.stopped_by, stats=made.stats(search),
            cut=made.slice, progress=progress, keep_blocks=not is_all,
            workers=search.workers if executor is None else usable_cores(),
        )  # fmt: skip
        if is_all:
            checkpoint.remove()
    return open_store(target)


def _check_place(target: Path) -> None:
    """What is not of a store must not be in the way: it would be overwritten.

    Raises:
        FileFormatError: a file or directory has the name of one of a store.
        StoreError: ``target`` is no directory.
    """
    if not os.path.lexists(target):
        return
    if not target.is_dir():
        raise StoreError(f"{target} must be a directory, or nothing yet, to hold a store")
    for name in ("regions", "index"):
        if (target / name).is_symlink():
            raise FileFormatError(
                f"{target / name} leads elsewhere, so it is not of a store: choose a new directory"
            )
    if (target / NAME).exists() or (target / SEARCH).is_dir():
        return
    for name in (NETWORK, SLICE, "regions", "index", SEARCH, WORK):
        if os.path.lexists(target / name):
            raise FileFormatError(
                f"{target} is no store, but has a {name}, which one would overwrite: choose a new "
                f"directory"
            )


def _is_there(target: Path, made: Prepared) -> bool:
    """Is the store there, with all regions?"""
    assert made.problem is not None
    if not (target / NAME).exists():
        return False
    there = read_manifest(target)
    asked = problem(made.problem.compiled)
    if asked != {"network_hash": there.network.hash, "domain": there.domain.to_dict()}:
        raise FileFormatError(
            f"{target} holds the regions of another network or domain: choose another directory"
        )
    return there.complete
