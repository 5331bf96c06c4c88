"""Stores: what is on disk is the graph in memory, however the work was cut into blocks."""

from __future__ import annotations

from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import doubled, problem

from polyrelu import Network, RegionGraph, RegionStore, Space, open_store
from polyrelu.activations import identity, relu
from polyrelu.engine import enumerate as enumeration
from polyrelu.engine.assemble import assemble
from polyrelu.engine.enumerate import Enumeration, Found
from polyrelu.engine.lp_enumerate import LpEnumeration
from polyrelu.engine.program import Compiled, compile_network
from polyrelu.enumeration import resolve_domain
from polyrelu.network import Affine, Layer
from polyrelu.store import parts
from polyrelu.store.block import write_block
from polyrelu.store.build import build_store

pytest.importorskip("pyarrow")

SKIPPED = Network(  # the whole first layer passes on: coordinate planes are auxiliary walls
    (
        Layer([Affine(np.eye(2), [0, 0])], identity()),
        Layer([Affine([[1, 1.0], [1, -1], [2, 1]], [0, 0, 1])], relu()),
    )
)


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
        columns = assemble(search, list(self.found), search.finished)
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
        options = {"memory": 2000, "part_regions": 7} | options
        self.build(directory, blocks, **options)
        return open_store(directory)

    def build(self, directory: Path, blocks: list[Path], **options) -> None:
        build_store(
            directory, self.compiled, blocks, complete=self.complete, cut=self.cut,
            stopped_by=None if self.complete else "regions", stats={"seconds": 1.5}, **options,
        )  # fmt: skip


@pytest.fixture(autouse=True)
def _tiny(monkeypatch):
    """Blocks of three regions, row groups of two, and no waiting for the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)
    monkeypatch.setattr(enumeration, "BLOCK_REGIONS", 3)
    monkeypatch.setattr(parts, "ROW_GROUP", 2)


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


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@given(seed=st.integers(0, 2**32), per_block=st.sampled_from([1, 2, 5]))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_store_is_the_graph_in_memory(tmp_path_factory, cells, seed, per_block):
    network, domain = problem(Random(seed), max_inputs=4)
    trial = Trial(network, domain, cells=cells)
    check_store(trial, trial.store(tmp_path_factory.mktemp("store"), per_block))


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@given(seed=st.integers(0, 2**32), most=st.integers(1, 40))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_search_that_was_stopped(tmp_path_factory, cells, seed, most):
    network, domain = problem(Random(seed), max_inputs=4)
    trial = Trial(network, domain, most=most, cells=cells)
    check_store(trial, trial.store(tmp_path_factory.mktemp("store")))


@pytest.mark.parametrize("most", [None, 3, 6, 9])
def test_cells_cut_by_auxiliary_walls_are_merged(tmp_path, most):
    trial = Trial(SKIPPED, Space(2), most=most)
    check_store(trial, trial.store(tmp_path, 1))


def test_thin_regions(tmp_path):
    trial = Trial(doubled(1, 4, 2), Space(2))
    assert trial.graph.exact_witnesses
    check_store(trial, trial.store(tmp_path))
