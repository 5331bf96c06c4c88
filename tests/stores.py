"""Searches that are kept in memory and in stores, in tiny blocks, and what must be the same."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import doubled, gaussian_network, problem

from polyrelu import Box, Network, RegionGraph, RegionStore, Space, open_store
from polyrelu.activations import identity, relu
from polyrelu.engine import enumerate as enumeration
from polyrelu.engine.assemble import assemble
from polyrelu.engine.compiled import Compiled
from polyrelu.engine.enumerate import Enumeration, Found
from polyrelu.engine.lp_enumerate import LpEnumeration
from polyrelu.engine.program import compile_network
from polyrelu.enumeration import resolve_domain
from polyrelu.network import Affine, Layer
from polyrelu.store import parts
from polyrelu.store.block import needs_merging, write_block
from polyrelu.store.build import build_store

SKIPPED = Network(  # the whole first layer passes on: coordinate planes are auxiliary walls
    (
        Layer([Affine(np.eye(2), [0, 0])], identity()),
        Layer([Affine([[1, 1.0], [1, -1], [2, 1]], [0, 0, 1])], relu()),
    )
)

PROBLEMS = {
    "deep": lambda: (gaussian_network(1, 2, 5, 4), Box(-1, 1, dim=2)),
    "auxiliary": lambda: (SKIPPED, Space(2)),
    "thin": lambda: (doubled(1, 3, 2), Space(2)),
    "degenerate": lambda: problem(Random(11), max_inputs=3),
}


class Trial:
    """A network and domain, searched once in small blocks: in memory, and as a store."""

    def __init__(self, network, domain, most=None, cells="vertices"):
        self.cut, net, where = resolve_domain(network, domain)
        self.compiled: Compiled = compile_network(net, where)
        kind = LpEnumeration if cells == "lp" and self.compiled.dim > 0 else Enumeration
        search = kind(self.compiled, max_regions=most)
        self.found: list[Found] = []
        for block in search.blocks():
            self.found.append(block)
            if search.finished or (most is not None and search.found >= most):
                break
        self.complete = search.finished
        if not self.found:
            self.found.append(search.nothing())
        left = [] if search.finished else search.left()
        self.settle = lambda found, doubtful: search.settle(found, doubtful, left)
        columns = assemble(self.compiled, self.settle, deepcopy(self.found), search.finished)
        self.graph = RegionGraph(
            network=net, domain=where, slice=self.cut, packed_patterns=columns.patterns,
            local_witnesses=columns.witnesses, exact_witnesses=columns.exact_witnesses,
            unbounded=columns.unbounded | (self.compiled.n_lines > 0), indptr=columns.indptr,
            facets=columns.facets, neighbor=columns.neighbors, coincident=columns.coincident,
            vanishing=columns.vanishing, complete=search.finished,
            stopped_by=None if search.finished else "regions",
        )  # fmt: skip

    def write(self, directory: Path, per_block: int) -> list[Path]:
        """So many of the search's blocks in each of the store's."""
        directory.mkdir(parents=True)
        paths = []
        for at in range(0, len(self.found), per_block):
            paths.append(directory / f"{at:06d}.npz")
            write_block(paths[-1], self.compiled, self.found[at : at + per_block])
        return paths

    def store(self, directory: Path, per_block: int = 2, **options) -> RegionStore:
        blocks = self.write(directory / "blocks", per_block)
        memory = 30_000 if needs_merging(self.compiled) else 2000  # several files in either case
        options = {"memory": memory, "part_regions": 7} | options
        self.build(directory, blocks, **options)
        return open_store(directory)

    def build(self, directory: Path, blocks: list[Path], **options) -> None:
        build_store(
            directory, self.compiled, blocks, complete=self.complete, cut=self.cut,
            stopped_by=None if self.complete else "regions", stats={"seconds": 1.5}, **options,
        )  # fmt: skip


@pytest.fixture
def tiny(monkeypatch):
    """Blocks of eight regions, row groups of two, and no waiting for the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
    monkeypatch.setattr(enumeration, "BLOCK_REGIONS", 8)
    monkeypatch.setattr(parts, "ROW_GROUP", 2)


def files_of(store: Path) -> dict[str, bytes]:
    """All files of a finished store but for blocks, by their names."""
    found = {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("*") if p.is_file()}
    return {name: content for name, content in found.items() if not name.startswith("blocks")}


def check_same(graph: RegionGraph, other: RegionGraph) -> None:
    for name in ("packed_patterns", "local_witnesses", "unbounded", "indptr", "facets", "neighbor"):
        mine, its = getattr(graph, name), getattr(other, name)
        assert mine.shape == its.shape, name
        assert (mine == its).all(), name
    assert dict(graph.exact_witnesses) == dict(other.exact_witnesses)
    for name in ("coincident", "vanishing"):
        assert sorted(getattr(graph, name).tolist()) == sorted(getattr(other, name).tolist())
    assert (graph.complete, graph.stopped_by) == (other.complete, other.stopped_by)
    assert graph.network.hash == other.network.hash
    assert graph.domain.to_dict() == other.domain.to_dict()
    assert (graph.slice is None) == (other.slice is None)


def check_store(trial: Trial, store: RegionStore) -> None:
    graph = trial.graph
    check_same(store.to_graph(), graph)
    assert len(store) == len(graph)
    assert (store.complete, store.stopped_by) == (graph.complete, graph.stopped_by)
    assert store.n_walls == graph.n_walls
    assert store.statistics() == graph.statistics() | {"seconds": 1.5}
    for i in range(0, len(graph), 3):
        assert store.neighbors(i).tolist() == graph.neighbors(i).tolist()
        assert store[i].exact_point() == graph.exact_point(i)
        assert store.find(graph.pattern(i)) == i
