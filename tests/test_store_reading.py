"""Reading stores: queries part by part are those of the graph in memory; hostile directories."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from networks import gaussian_network, problem
from stores import PROBLEMS, Trial, tiny

import polyrelu as pr
from polyrelu import Box, RegionStore, Space, decision, decision_boundary, open_store, output_range
from polyrelu.cli import main
from polyrelu.errors import (
    DomainError,
    FileFormatError,
    IncompleteError,
    LimitsError,
    MissingExtraError,
    NetworkError,
)
from polyrelu.store.build import build_store

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.usefixtures(tiny.__name__)


@pytest.fixture
def trial() -> Trial:
    return Trial(gaussian_network(1, 2, 7, 5), Box(-1, 1, dim=2))


@pytest.fixture
def store(trial, tmp_path) -> RegionStore:
    return trial.store(tmp_path / "store")


# ---------------------------------------------------------------- queries


def test_points_are_located_as_in_memory(trial, store):
    rng = np.random.default_rng(0)
    layer = trial.graph.network.layers[0]
    on_wall = -layer.bias[0] * layer.weight[0] / (layer.weight[0] @ layer.weight[0])
    x = np.vstack([rng.uniform(-1.2, 1.2, size=(200, 2)), on_wall, [1.0, 1.0], [0.0, 0.0]])
    found = store.locate(x)
    assert found.tolist() == trial.graph.locate(x).tolist()
    assert -1 in found
    assert len(set(found.tolist())) > 20
    assert store.locate(np.zeros((0, 2))).tolist() == []
    with pytest.raises(DomainError, match=r"shape \(m, 2\)"):
        store.locate([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("seed", range(12))
def test_points_on_walls_and_where_forms_vanish(tmp_path, seed):
    trial = Trial(*problem(Random(seed), max_inputs=2))
    store = trial.store(tmp_path / "s")
    dim = trial.graph.dim
    points = np.array(np.meshgrid(*[np.linspace(-1, 1, 9)] * dim)).reshape(dim, -1).T
    assert store.locate(points).tolist() == trial.graph.locate(points).tolist()


def test_a_hash_that_all_share_leads_to_the_right_region(trial, tmp_path, monkeypatch):
    def same(rows):
        return np.full(len(rows), 7 << 60, np.uint64)

    monkeypatch.setattr("polyrelu.store.parts.hash_rows", same)
    monkeypatch.setattr("polyrelu.store.store.hash_rows", same)
    store = trial.store(tmp_path / "s")
    for i in range(0, len(store), 5):
        assert store.find(trial.graph.pattern(i)) == i
    bits = 1 - trial.graph.pattern(0)
    assert store.find(bits) == trial.graph.find(bits)


def test_parts_are_graphs_that_can_be_asked(trial, store):
    graph, first = trial.graph, 0
    for part in store.parts():
        assert part.first == first
        here = slice(*graph.indptr[[first, first + len(part)]])
        assert part.neighbors.tolist() == graph.neighbor[here].tolist()
        inside = (part.neighbors >= first) & (part.neighbors < first + len(part))
        assert (part.graph.neighbor[inside] == part.neighbors[inside] - first).all()
        assert (part.graph.neighbor[~inside] < 0).all()
        assert not part.graph.complete
        assert part.graph.verify().ok
        for i, region in enumerate(part.graph):
            assert region.exact_vertices() == graph[first + i].exact_vertices()
        first += len(part)
    assert first == len(graph)
    with pytest.raises(IndexError, match="part 99 of"):
        store.part(99)
    with pytest.raises(IndexError, match="region 99999 of"):
        store[99999]
    assert store[-1].exact_point() == graph.exact_point(len(graph) - 1)


def test_some_regions_in_memory(trial, store):
    chosen = [40, 3, 4, 3, 17]
    some = store.subgraph(chosen)
    assert len(some) == 4
    for i, j in enumerate(sorted(set(chosen))):
        assert some.exact_point(i) == trial.graph.exact_point(j)
        known = [sorted(set(chosen)).index(k) for k in trial.graph.neighbors(j) if k in chosen]
        assert some.neighbors(i).tolist() == known
    assert some.verify().ok
    assert len(store.subgraph([])) == 0
    with pytest.raises(IndexError, match="regions must be numbers from 0 to"):
        store.subgraph([len(store)])
    with pytest.raises(LimitsError, match="more than memory=1000"):
        store.to_graph(memory=1000)


def test_ranges(trial, store, tmp_path):
    assert store.output_range() == output_range(trial.graph.network, trial.graph.domain)
    with pytest.raises(NetworkError, match="output must be 0"):
        store.output_range(3)
    part = Trial(trial.graph.network, trial.graph.domain, most=9).store(tmp_path / "part")
    with pytest.raises(IncompleteError, match="the limit on regions"):
        part.output_range()


def deciding(outputs: int) -> pr.Network:
    """A network of two inputs with a decision boundary."""
    rng = np.random.default_rng(2)
    shapes = [(6, 2), (4, 6), (outputs, 4)]
    return pr.Network.from_layers([(rng.normal(size=s), rng.normal(size=s[0]) / 2) for s in shapes])


@pytest.mark.parametrize("outputs", [1, 2, 3])
def test_decision_boundaries(tmp_path, outputs):
    net = deciding(outputs)
    domain = Box(-2, 2, dim=2)
    truth = decision_boundary(net, domain)
    store = Trial(decision(net).extended, domain).store(tmp_path / "s")
    found = store.boundary(net)
    assert found.complete
    assert found.labels.tolist() == truth.labels.tolist()
    rows = np.concatenate(list(found.walls()))
    assert rows[:, :2].tolist() == truth.parts[:, :2].tolist()
    assert rows[:, 2].tolist() == truth.graph.facets[truth.parts[:, 2]].tolist()
    assert sum(found.counts.values()) == len(truth.parts) > 0
    if outputs < 3:
        assert list(found.counts) == [(0, 1)]
        assert sum(found.counts.values()) == len(truth)
    with pytest.raises(NetworkError, match=r"--decision.*the store of another network"):
        store.boundary(gaussian_network(0, 2, 3))


def test_ties_and_touching_classes(tmp_path):
    net = pr.Network.from_layers([(np.eye(2), [0, 0]), ([[1.0, 0], [0, 1.0]], [0, 0])])
    truth = decision_boundary(net, Space(2))
    found = Trial(decision(net).extended, Space(2)).store(tmp_path / "s", part_regions=1)
    boundary = found.boundary(net)
    assert boundary.tied.tolist() == truth.tied.tolist()
    assert len(truth.tied) == 1
    walls = np.concatenate(list(boundary.walls()))
    assert walls[:, :2].tolist() == truth.parts[:, :2].tolist()


def test_verification(store):
    report = store.verify("geometry", sample=None)
    assert report.ok
    assert report.sample == report.regions == len(store)
    assert store.verify("adjacency", sample=0).ok
    with pytest.raises(ValueError, match="level must be"):
        store.verify("everything")


def test_an_empty_store(tmp_path):
    trial = Trial(PROBLEMS["auxiliary"]()[0], Space(2), most=1)
    store = trial.store(tmp_path / "s")
    assert len(store) == len(trial.graph) == 0
    assert store.locate([[0.3, 0.1]]).tolist() == [-1]
    assert list(store.parts()) == []
    assert store.verify().ok


# ---------------------------------------------------------------- damage


def test_every_flipped_bit_is_noticed(store):
    rng = np.random.default_rng(0)
    files = [p for p in store.directory.rglob("*") if p.suffix in (".parquet", ".npz")]
    assert len(files) > 5
    for path in files:
        content = path.read_bytes()
        changed = bytearray(content)
        changed[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        for bad in (bytes(changed), content[:-1], content + b"x", b""):
            path.write_bytes(bad)
            with pytest.raises(FileFormatError, match=path.name):
                read_all(store.directory)
        path.unlink()
        with pytest.raises(FileFormatError, match=f"{path.name} is missing"):
            read_all(store.directory)
        path.write_bytes(content)
    read_all(store.directory)


def read_all(directory: Path) -> None:
    for check in open_store(directory).file_checks():
        check()


def test_verification_names_a_damaged_file(store):
    path = store.directory / "regions" / "part-00001.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    report = open_store(store.directory).verify()
    assert not report.ok
    assert "part-00001.parquet is damaged" in str(report)


def edited(store: RegionStore, change: Callable[[dict[str, Any]], object]) -> Path:
    path = store.directory / "manifest.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return store.directory


BAD_MANIFESTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "format": lambda d: d.update(format="zip"),
    "version": lambda d: d.update(version=2),
    "hash": lambda d: d.update(network_hash="0" * 64),
    "domain": lambda d: d.update(domain={"kind": "space", "dim": 3}),
    "no domain": lambda d: d.pop("domain"),
    "chart": lambda d: d.update(chart=[["1", "0"], ["0", "1"]]),
    "complete": lambda d: d.update(complete=1),
    "reason": lambda d: d.update(stopped_by="boredom"),
    "regions": lambda d: d.update(regions=d["regions"] + 1),
    "part size": lambda d: d.update(part_regions=0),
    "a part less": lambda d: d["parts"].pop(),
    "rows": lambda d: d["parts"][0].update(rows=-7),
    "huge": lambda d: d["parts"][0].update(rows=1 << 80),
    "no index": lambda d: d.update(index=[]),
    "degrees": lambda d: d["counts"].update(degrees=[1]),
    "walls": lambda d: d["counts"].update(walls=d["counts"]["walls"] + 1),
    "text": lambda d: d["counts"].update(walls="many"),
    "list": lambda d: d.update(files=[]),
    "network": lambda d: d["files"]["network.npz"].update(bytes=1 << 40),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_a_hostile_manifest(store, name):
    directory = edited(store, BAD_MANIFESTS[name])
    with pytest.raises(FileFormatError, match=r"manifest\.json|network\.npz|coordinates"):
        open_store(directory)


def test_a_directory_that_is_no_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such directory"):
        open_store(tmp_path / "nowhere")
    with pytest.raises(FileFormatError, match="no store of regions, or one that is not finished"):
        open_store(tmp_path)
    for text in ("", "{", "[" * 10**5, "[]", "\xff"):
        (tmp_path / "manifest.json").write_text(text, encoding="latin-1")
        with pytest.raises(FileFormatError, match=r"manifest\.json"):
            open_store(tmp_path)


def with_part(store: RegionStore, change: Callable[[Any], Any]) -> RegionStore:
    """The second part changed by somebody who knows how to make checksums."""
    import pyarrow.parquet as pq

    path = store.directory / "regions" / "part-00001.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    content = path.read_bytes()
    about = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    return open_store(edited(store, lambda d: d["parts"][1].update(about)))


def column(table: Any, name: str, change: Callable[[list[Any]], object]) -> Any:
    import pyarrow as pa

    values = table[name].to_pylist()
    change(values)
    k = table.column_names.index(name)
    return table.set_column(k, table.schema.field(k), pa.array(values, table.schema.field(k).type))


BAD_PARTS: dict[str, Callable[[Any], Any]] = {
    "rows": lambda t: t.slice(1),
    "columns": lambda t: t.drop_columns(["unbounded"]),
    "numbers": lambda t: column(t, "region", lambda v: v.reverse()),
    "neighbor": lambda t: column(t, "neighbors", lambda v: v[0].__setitem__(0, 10**6)),
    "negative": lambda t: column(t, "neighbors", lambda v: v[0].__setitem__(0, -3)),
    "lengths": lambda t: column(t, "neighbors", lambda v: v[0].append(-1)),
    "facet": lambda t: column(t, "facets", lambda v: v[0].__setitem__(0, 10**6)),
    "place": lambda t: column(
        t, "coincident", lambda v: v[0].append({"place": 99, "threshold": 0})
    ),
    "below": lambda t: column(
        t, "coincident", lambda v: v[0].append({"place": -1, "threshold": 0})
    ),
    "vanishing": lambda t: column(t, "vanishing", lambda v: v[0].append(-1)),
    "witness": lambda t: column(t, "witness_0", lambda v: v.__setitem__(0, float("nan"))),
    "exact": lambda t: column(t, "exact_witness", lambda v: v[0].append("1/1")),
    "no number": lambda t: column(t, "exact_witness", lambda v: v[0].extend(["1/0", "1/1"])),
}


@pytest.mark.parametrize("name", BAD_PARTS)
def test_a_hostile_part(store, name):
    with pytest.raises(FileFormatError, match="store"):
        read_all(with_part(store, BAD_PARTS[name]).directory)


def test_a_neighbour_that_does_not_name_back(store):
    def lie(rows: list[list[int]]) -> None:
        row = next(row for row in rows if sum(v >= 0 for v in row) > 0)
        k = next(k for k, v in enumerate(row) if v >= 0)
        row[k] = next(v for v in range(len(store)) if v not in row)

    report = with_part(store, lambda t: column(t, "neighbors", lie)).verify("adjacency", sample=0)
    assert not report.ok
    assert "which does not name it" in str(report)


def test_a_wrong_region_is_found_by_verification(store):
    def flip(values: list[int]) -> None:
        values[0] ^= 1

    report = with_part(store, lambda t: column(t, "pattern_0", flip)).verify(sample=None)
    failed = {check.name for check in report.checks if not check.ok}
    assert {"index", "witnesses"} <= failed


# ---------------------------------------------------------------- around it


def test_another_store_is_not_overwritten(store, tmp_path):
    other = Trial(*PROBLEMS["thin"]())
    blocks = other.write(tmp_path / "blocks", 2)
    with pytest.raises(FileFormatError, match="regions of another network or domain"):
        other.build(store.directory, blocks)
    assert all(path.exists() for path in blocks)
    (tmp_path / "mine" / "regions").mkdir(parents=True)
    (tmp_path / "mine" / "regions" / "thesis.tex").write_text("x")
    with pytest.raises(FileFormatError, match=r"not 'thesis\.tex'"):
        other.build(tmp_path / "mine", blocks)
    assert (tmp_path / "mine" / "regions" / "thesis.tex").exists()


def test_arguments_that_contradict_each_other(trial, tmp_path):
    with pytest.raises(ValueError, match="does not fit stopped_by"):
        build_store(tmp_path / "s", trial.compiled, [], complete=False)
    with pytest.raises(ValueError, match="does not fit stopped_by"):
        build_store(tmp_path / "s", trial.compiled, [], stopped_by="seconds")
    with pytest.raises(ValueError, match="must be positive"):
        build_store(tmp_path / "s", trial.compiled, [], part_regions=0)
    with pytest.raises(ValueError, match="must be positive"):
        build_store(tmp_path / "s", trial.compiled, [], workers=0)


def test_without_pyarrow(trial, store, tmp_path, monkeypatch):
    blocks = trial.write(tmp_path / "blocks", 2)  # a search does not need it
    for name in [n for n in sys.modules if n.split(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    for work in (
        lambda: open_store(store.directory),
        lambda: build_store(tmp_path / "s", trial.compiled, blocks),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install polyrelu\[arrow\]"):
            work()


def test_the_command_line(store, capsys):
    directory = str(store.directory)
    assert main(["info", directory]) == 0
    out = capsys.readouterr().out
    assert f"{len(store):,} regions (all of them)" in out
    assert f"{store.n_walls:,} walls" in out
    assert main(["info", directory, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["walls"] == store.n_walls
    assert main(["verify", directory, "--sample=5"]) == 0
    assert "5 of" in capsys.readouterr().out
    assert main(["verify", directory, "--box=-1,1"]) == 2
    assert "--box is for a network" in capsys.readouterr().err
    edited(store, lambda d: d.update(version=9))
    assert main(["info", directory]) == 2
    assert "version 9" in capsys.readouterr().err


# ---------------------------------------------------------------- questions on the command line


def answer(capsys, *words: str, code: int = 0) -> dict[str, Any]:
    """What a query says, but for its network, which may have no input box."""
    assert main(["query", *words, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    return {k: v for k, v in told.items() if k not in ("file", "network")}


@pytest.fixture
def kept(tmp_path) -> tuple[str, str, str]:
    """A network with one output and two inputs, its store and its graph."""
    net, directory, graph = (str(tmp_path / name) for name in ("net.npz", "store", "graph.npz"))
    pr.save_network(gaussian_network(3, 2, 6, 1), net)
    assert main(["regions", net, "--box=-1,1", "--store", directory, "-q"]) == 0
    assert main(["regions", net, "--box=-1,1", "-o", graph, "-q"]) == 0
    return net, directory, graph


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["rank"], 1),
        (["lipschitz", "--norm=1"], 0),
        (["lipschitz"], 0),
        (["surjective"], 1),
        (["range"], 0),
    ],
)
def test_a_store_and_a_graph_answer_as_the_network_does(kept, capsys, words, code) -> None:
    net, directory, graph = kept
    capsys.readouterr()
    question, *options = words
    truth = answer(capsys, question, net, "--box=-1,1", *options, code=code)
    for file in (directory, graph):
        assert answer(capsys, question, file, *options, code=code) == truth


def test_orientations_in_a_store(tmp_path, capsys) -> None:
    net, directory = str(tmp_path / "net.npz"), str(tmp_path / "store")
    layers = [([[1.0, 2], [0, 1]], [0, 1]), (np.eye(2), [0, 0])]
    pr.save_network(pr.Network.from_layers(layers, pr.leaky_relu(0.5)), net)
    assert main(["regions", net, "--space", "--store", directory, "-q"]) == 0
    capsys.readouterr()
    truth = answer(capsys, "oriented", net, "--space")
    assert truth["status"] == "proved"
    assert answer(capsys, "oriented", directory) == truth


def test_what_an_incomplete_store_leaves_open(kept, tmp_path, capsys) -> None:
    part = str(tmp_path / "part")
    limit = ["--limit-regions=3", "-q"]
    assert main(["regions", kept[0], "--box=-1,1", "--store", part, *limit]) == 3
    capsys.readouterr()
    told = answer(capsys, "surjective", part, code=3)
    assert (told["status"], told["stats"]) == ("unknown", {"regions": 3})
    assert main(["query", "lipschitz", part]) == 3
    assert "the limit on regions was reached" in capsys.readouterr().err


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_boundary_in_a_store(tmp_path, capsys, outputs) -> None:
    net, directory = str(tmp_path / "net.npz"), str(tmp_path / "store")
    network = deciding(outputs)
    pr.save_network(network, net)
    kept = ["--decision", "--store", directory]
    assert main(["regions", net, "--box=-2,2", *kept, "-q"]) == 0
    truth = decision_boundary(network, Box(-2, 2, dim=2))
    capsys.readouterr()
    told = answer(capsys, "boundary", directory, "--network", net)
    assert told["complete"]
    assert told["walls"] == sum(one["walls"] for one in told["between"]) == len(truth.parts) > 0
    assert told["regions"] == len(truth.graph)
    assert main(["query", "boundary", directory, "--network", net]) == 0
    assert "walls between classes" in capsys.readouterr().out
    other = str(tmp_path / "other.npz")
    pr.save_network(gaussian_network(0, 2, 3), other)
    for words, told in (
        ([directory], "give --network=NET"),
        ([directory, "--network", other], "the store of another network"),
        ([directory, "--network", net, "-o", "a.png"], "-o (--save) needs a network"),
        ([net, "--network", net, "--box=0,1"], "--network is for a store"),
    ):
        assert main(["query", "boundary", *words]) == 2
        assert told in capsys.readouterr().err


def test_the_boundary_in_a_store_of_a_slice_is_refused(tmp_path, capsys) -> None:
    net, directory = str(tmp_path / "net.npz"), str(tmp_path / "store")
    pr.save_network(gaussian_network(2, 3, 6, 3), net)
    words = ["--axes=0,1", "--box=-1,1", "--decision", "--store", directory, "-q"]
    assert main(["regions", net, *words]) == 0
    capsys.readouterr()
    assert main(["query", "boundary", directory, "--network", net]) == 2
    assert "is of a slice: ask" in capsys.readouterr().err
    assert main(["query", "lipschitz", directory]) == 0


def test_what_needs_a_network_says_where_it_is(kept, tmp_path, capsys) -> None:
    _, directory, graph = kept
    own = str(Path(directory) / "network.npz")
    for words in (
        ["query", "injective", directory], ["query", "radius", directory, "--point=0"],
        ["query", "stability", directory], ["query", "local", directory],
        ["query", "similarity", directory, "--data=x.npz"], ["report", directory],
        ["compare", directory], ["recover", directory], ["regions", directory],
    ):  # fmt: skip
        assert main(words) == 2
        out, err = capsys.readouterr()
        assert not out
        assert f"needs a network: give {own}" in err or f"is a store of regions: give {own}" in err
    assert main(["query", "stability", own, "--box=-1,1"]) == 0
    capsys.readouterr()
    for words, told in (
        (["query", "boundary", graph], "which answer rank, oriented, surjective, range, lipschitz"),
        (["query", "rank", directory, "--box=0,1"], "--box is for a network"),
        (["query", "rank", directory, "--limit-regions=1"], "limits are for a network"),
        (["query", "rank", str(tmp_path)], "is no store of regions"),
        (["report", str(tmp_path)], "is a directory: give the file of the network"),
    ):
        assert main(words) == 2
        assert told in capsys.readouterr().err
