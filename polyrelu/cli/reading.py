"""Files that a command reads: a network, a region graph, or a store of regions."""

from __future__ import annotations

import argparse
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..suggestion import no_such_file
from .searching import enumerated, limits_of
from .where import UsageError

if TYPE_CHECKING:
    from ..graph import RegionGraph
    from ..store.store import RegionStore


def is_graph(path: Path) -> bool:
    """Is it a file of regions? (A network may have the same suffix.)"""
    if path.suffix.lower() != ".npz":
        return False
    if not path.exists():
        raise no_such_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return "header.npy" in archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def regions_in(
    args: argparse.Namespace, accept: Callable[[int], object] | None = None
) -> RegionGraph | RegionStore:
    """The graph in the file, or that of the network in it; or the store, if it is a directory."""
    if args.file.is_dir() or is_graph(args.file):
        for option in ("box", "axes", "at", "slice", "segment"):
            if getattr(args, option) is not None:
                raise UsageError(f"--{option} is for a network; {args.file} holds regions")
        if args.space or limits_of(args) != type(limits_of(args))():
            raise UsageError(f"--space and limits are for a network; {args.file} holds regions")
        from ..io import load_graph
        from ..store.store import open_store

        return open_store(args.file) if args.file.is_dir() else load_graph(args.file)
    from ..enumeration import regions
    from ..io import load_network

    graph: RegionGraph = enumerated(args, load_network(args.file), regions, accept)
    return graph


def graph_of(
    args: argparse.Namespace, accept: Callable[[int], object] | None = None
) -> RegionGraph:
    """The graph in the file, or that of the network in it, in memory."""
    found = regions_in(args, accept)
    return found.to_graph() if hasattr(found, "to_graph") else found
