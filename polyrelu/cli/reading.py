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
    from ..network import Network
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


def holds_regions(path: Path) -> bool:
    """Is it a graph or a directory, which should be a store?"""
    return path.is_dir() or is_graph(path)


def network_of(path: Path) -> str:
    """Where the network of some regions is, for messages."""
    return str(path / "network.npz") if _is_store(path) else "the file of the network"


def _is_store(path: Path) -> bool:
    return (path / "manifest.json").is_file()


def network_in(args: argparse.Namespace) -> Network:
    """The network in the file.

    Raises:
        UsageError: it is a directory, or holds regions.
    """
    from ..io import load_network

    if holds_regions(args.file):
        kind = "a directory" if args.file.is_dir() else "a file of regions"
        if _is_store(args.file):
            kind = "a store of regions"
        raise UsageError(
            f"`polyrelu {args.command}` needs a network, and {args.file} is {kind}: give "
            f"{network_of(args.file)}"
        )
    return load_network(args.file)


def kept_regions(args: argparse.Namespace) -> RegionGraph | RegionStore:
    """The graph in the file, or the store.

    Raises:
        UsageError: options that only a network takes.
    """
    for option in ("box", "axes", "at", "slice", "segment"):
        if getattr(args, option) is not None:
            raise UsageError(f"--{option} is for a network; {args.file} holds regions")
    if args.space or limits_of(args) != type(limits_of(args))():
        raise UsageError(f"--space and limits are for a network; {args.file} holds regions")
    return load_regions(args.file)


def load_regions(path: Path) -> RegionGraph | RegionStore:
    """The graph in a file, or the store, if it is a directory."""
    from ..io import load_graph
    from ..store.store import open_store

    return open_store(path) if path.is_dir() else load_graph(path)


def regions_in(
    args: argparse.Namespace, accept: Callable[[int], object] | None = None
) -> RegionGraph | RegionStore:
    """The graph in the file, or that of the network in it; or the store, if it is a directory."""
    if holds_regions(args.file):
        return kept_regions(args)
    from ..enumeration import regions
    from ..io import load_network

    graph: RegionGraph = enumerated(args, load_network(args.file), regions, accept)
    return graph


def graph_of(
    args: argparse.Namespace, accept: Callable[[int], object] | None = None
) -> RegionGraph:
    """The graph in the file, or that of the network in it, in memory."""
    return in_memory(regions_in(args, accept))


def in_memory(regions: RegionGraph | RegionStore) -> RegionGraph:
    """All of a store; a graph as it is."""
    from ..graph import RegionGraph

    return regions if isinstance(regions, RegionGraph) else regions.to_graph()
