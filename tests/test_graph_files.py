"""Graph files: everything comes back; what is no such file is refused with a reason."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from fractions import Fraction
from random import Random

import numpy as np
import pytest
from networks import cantor_net, doubled, gaussian_network, problem

from polyrelu import Box, Limits, Network, Polytope, RegionGraph, Slice, Space, regions, segment
from polyrelu.errors import FileFormatError

COLUMNS = ("packed_patterns", "local_witnesses", "unbounded", "indptr", "facets", "neighbor")


def noted(net: Network) -> Network:
    return Network(net.layers, notes=("a softmax was left off", "über ∞"))


GRAPHS = {
    "box": lambda: regions(noted(gaussian_network(0, 2, 9, 6)), Box(-1, 1, dim=2)),
    "thin": lambda: regions(doubled(1, 4, 2), Space(2)),
    "slice": lambda: regions(gaussian_network(0, 5, 6), segment(np.zeros(5), np.ones(5) / 3)),
    "within": lambda: regions(
        gaussian_network(0, 4, 6), Slice(np.zeros(4), np.eye(4)[:2], within=Box(-1, 1, dim=4))
    ),
    "flat": lambda: regions(cantor_net(1), Polytope([[1, 1], [-1, -1]], [1, -1])),
    "incomplete": lambda: regions(
        gaussian_network(0, 3, 9), Space(3), limits=Limits(regions=11)
    ),
    "no bits": lambda: regions(Network.from_layers([([[1.0, 2.0]], [0.0])]), Space(2)),
}  # fmt: skip


def check_same(G: RegionGraph, again: RegionGraph):
    for name in COLUMNS:
        column, other = getattr(G, name), getattr(again, name)
        assert column.dtype == other.dtype
        assert column.shape == other.shape
        assert column.tobytes() == other.tobytes()
        assert not other.flags.writeable
    assert again.exact_witnesses == G.exact_witnesses
    assert again.network.hash == G.network.hash
    assert again.network.notes == G.network.notes
    assert again.network.input_box == G.network.input_box or (
        again.network.input_box.to_dict() == G.network.input_box.to_dict()
    )
    assert again.domain.to_dict() == G.domain.to_dict()
    assert (again.complete, again.stopped_by) == (G.complete, G.stopped_by)
    assert again.stats == G.stats
    assert again.statistics() == G.statistics()
    assert (again.slice is None) == (G.slice is None)
    if G.slice is not None:
        assert again.slice.embedding.integer_matrix == G.slice.embedding.integer_matrix
        assert (again.to_input(G.witnesses) == G.to_input(G.witnesses)).all()
    for i in range(0, len(G), 5):
        assert again.exact_point(i) == G.exact_point(i)
        assert again[i].exact_vertices() == G[i].exact_vertices()


@pytest.mark.parametrize("name", GRAPHS)
def test_round_trip(tmp_path, name):
    G = GRAPHS[name]()
    assert (name == "thin") == bool(G.exact_witnesses)
    G.save(tmp_path / "a.npz")
    again = RegionGraph.load(tmp_path / "a.npz")
    check_same(G, again)
    again.save(str(tmp_path / "b.NPZ"))
    check_same(G, RegionGraph.load(str(tmp_path / "b.NPZ")))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.NPZ"]


@pytest.mark.parametrize("seed", range(15))
def test_round_trip_of_nasty_networks(tmp_path, seed):
    G = regions(*problem(Random(seed), max_inputs=3))
    G.save(tmp_path / "g.npz")
    check_same(G, RegionGraph.load(tmp_path / "g.npz"))


def test_the_input_box_comes_back(tmp_path):
    net = Network(gaussian_network(0, 2, 4).layers, input_box=Box([-1, 0.1], [1, 0.3]))
    G = regions(net)
    G.save(tmp_path / "g.npz")
    check_same(G, RegionGraph.load(tmp_path / "g.npz"))


# ---------------------------------------------------------------- saving


def test_another_suffix_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"written to \.npz files, not '\.txt'"):
        GRAPHS["box"]().save(tmp_path / "graph.txt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_save_leaves_nothing_and_harms_nothing(tmp_path, monkeypatch, error):
    G = GRAPHS["box"]()
    G.save(tmp_path / "old.npz")
    before = (tmp_path / "old.npz").read_bytes()

    def half(stream, **arrays):
        stream.write(b"PK half a file")
        raise error

    monkeypatch.setattr(np, "savez_compressed", half)
    for name in ("old.npz", "new.npz"):
        with pytest.raises(error):
            G.save(tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == ["old.npz"]
    assert (tmp_path / "old.npz").read_bytes() == before


def test_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no such file: .*none\.npz"):
        RegionGraph.load(tmp_path / "none.npz")


# ---------------------------------------------------------------- hostile files


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """The members of a good file with a slice and an exact witness."""
    path = tmp_path_factory.mktemp("good") / "good.npz"
    net = doubled(0, 3, 2)
    regions(net, Slice([0.0, 0.0], np.eye(2), Box(-9, 9, dim=2))).save(path)
    with np.load(path) as file:
        return dict(file)


def write(path, arrays):
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
    return path


def refused(path, message):
    with pytest.raises(FileFormatError, match=message) as caught:
        RegionGraph.load(path)
    assert str(path) in str(caught.value)


def header_of(arrays):
    return json.loads(arrays["header"].tobytes())


def with_header(arrays, **changes):
    return with_text(arrays, json.dumps(header_of(arrays) | changes))


def with_text(arrays, text: str):
    return arrays | {"header": np.frombuffer(text.encode(), dtype=np.uint8)}


def test_the_good_file_is_good(tmp_path, arrays):
    G = RegionGraph.load(write(tmp_path / "g.npz", arrays))
    assert G.exact_witnesses
    assert G.verify("geometry").ok


def test_no_zip_file(tmp_path):
    path = tmp_path / "g.npz"
    for content in (b"", b"PK", b"hello", bytes(1000), pickle.dumps({"a": 1})):
        path.write_bytes(content)
        refused(path, "is not a readable .npz file")


def test_truncated_anywhere(tmp_path, arrays):
    whole = write(tmp_path / "whole.npz", arrays).read_bytes()
    path = tmp_path / "g.npz"
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:size])
        refused(path, "is not a readable .npz file")


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_byte_is_harmless_or_refused(tmp_path, arrays, seed):
    choose = Random(seed)
    content = bytearray(write(tmp_path / "g.npz", arrays).read_bytes())
    for _ in range(choose.choice([1, 1, 4])):
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
    (tmp_path / "g.npz").write_bytes(content)
    try:
        G = RegionGraph.load(tmp_path / "g.npz")
    except FileFormatError:
        return
    assert len(G) == len(arrays["patterns"])


MISSING = ("header", "patterns", "witnesses", "unbounded", "indptr", "facets", "neighbors")


@pytest.mark.parametrize("name", MISSING)
def test_a_missing_column(tmp_path, arrays, name):
    rest = {k: v for k, v in arrays.items() if k != name}
    refused(write(tmp_path / "g.npz", rest), f"is no region graph: it lacks {name}")


@pytest.mark.parametrize("name", ["network_W0", "network_b0", "network_activations", "slice_W0"])
def test_a_missing_part_of_the_network(tmp_path, arrays, name):
    rest = {k: v for k, v in arrays.items() if k != name}
    refused(write(tmp_path / "g.npz", rest), "lacks|must have shape|not the one|damaged")


def test_a_foreign_member(tmp_path, arrays):
    path = write(tmp_path / "g.npz", arrays | {"extra": np.zeros(2)})
    refused(path, "must be named as docs/format.md says .* not 'extra.npy'")


def test_a_network_file_is_no_graph(tmp_path):
    path = write(tmp_path / "net.npz", {"W0": np.eye(2), "b0": np.zeros(2)})
    refused(path, "this is no region graph")


CHANGES = {
    "patterns": lambda a: a[:-1],
    "patterns dtype": lambda a: a.astype(np.int16),
    "patterns width": lambda a: np.hstack([a, a]),
    "witnesses": lambda a: a[:, :1],
    "witnesses dtype": lambda a: a.astype(np.float32),
    "witnesses shape": lambda a: a.ravel(),
    "witnesses nan": lambda a: np.where(np.arange(len(a))[:, None] >= 0, np.nan, a),
    "unbounded": lambda a: np.append(a, a[0]),
    "unbounded dtype": lambda a: a.astype(np.int64),
    "indptr empty": lambda a: a[:0],
    "indptr short": lambda a: a[:-1],
    "indptr start": lambda a: a + 1,
    "indptr end": lambda a: np.append(a[:-1], 10**15),
    "indptr order": lambda a: np.concatenate([a[:1], a[2:3], a[1:2], a[3:]]),
    "indptr dtype": lambda a: a.astype(np.float64),
    "facets": lambda a: np.full_like(a, 10**6),
    "facets negative": lambda a: np.full_like(a, -(10**6)),
    "facets short": lambda a: a[:-1],
    "facets dtype": lambda a: a.astype(np.int64),
    "facets kind": lambda a: np.abs(a) % 3,  # walls of the domain that are none
    "neighbors": lambda a: np.where(a >= 0, 10**6, a),
    "neighbors wrap": lambda a: np.where(a >= 0, 2**32, a),
    "neighbors negative": lambda a: np.where(a >= 0, -3, a),
    "neighbors dtype": lambda a: a.astype(np.uint64),
    "neighbors kind": lambda a: np.full_like(a, -1),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_column_that_does_not_fit(tmp_path, arrays, change):
    name = change.split()[0]
    changed = arrays | {name: CHANGES[change](arrays[name])}
    refused(write(tmp_path / "g.npz", changed), "do not fit|must be|must have|damaged")


def test_a_pickled_member(tmp_path, arrays):
    class Trap:
        def __reduce__(self):
            return pytest.fail, ("a pickle was run",)

    for name in ("header", "patterns", "network_W0"):
        changed = arrays | {name: np.array([Trap()], dtype=object)}
        refused(write(tmp_path / "g.npz", changed), "float64 or narrower numbers, not object")


def test_a_member_that_claims_more_than_it_holds(tmp_path, arrays):
    """Headers are read before any memory is asked for."""
    lie = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        lie, {"descr": "<f8", "fortran_order": False, "shape": (10**9, 10**9)}
    )
    path = tmp_path / "g.npz"
    write(path, {k: v for k, v in arrays.items() if k != "witnesses"})
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("witnesses.npy", lie.getvalue())
    refused(path, "claims shape")


def test_an_archive_that_unpacks_to_gigabytes(tmp_path, arrays):
    path = write(tmp_path / "g.npz", arrays)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("witnesses.npy").file_size
    at = content.rindex(b"witnesses.npy") - 46 + 24  # the size, in the archive's directory
    assert content[at : at + 4] == size.to_bytes(4, "little")
    path.write_bytes(content[:at] + (0xFFFFFFF0).to_bytes(4, "little") + content[at + 4 :])
    refused(path, "but at most .* are read")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the header must be JSON"),
        ("{", "the header must be JSON"),
        ("[" * 100_000, "the header must be JSON"),
        ("\udc80", "the header must be JSON"),
        ("1" * 10_000, "the header must be JSON"),
        ("[]", "its header does not say so"),
        ("3", "its header does not say so"),
        ("{}", "its header does not say so"),
        ('{"format": "polyrelu region graph"}', "has format version None; this polyrelu reads 2"),
        ('{"format": "polyrelu region graph", "version": 1}', "has format version 1"),
        ('{"format": "polyrelu region graph", "version": 2}', "damaged"),
    ],
)
def test_headers_that_are_refused(tmp_path, arrays, text, message):
    header = np.frombuffer(text.encode(errors="surrogateescape"), dtype=np.uint8)
    refused(write(tmp_path / "g.npz", arrays | {"header": header}), message)


HEADERS = [
    {"network_hash": "0" * 64},
    {"network_hash": None},
    {"notes": None},
    {"notes": 3},
    {"complete": 1},
    {"complete": "yes"},
    {"stopped_by": "boredom"},
    {"stopped_by": ["regions"]},
    {"stats": None},
    {"stats": 3},
    {"stats": "abc"},
    {"domain": None},
    {"domain": {"kind": "ball"}},
    {"domain": {"kind": "space", "dim": 10**9}},
    {"domain": {"kind": "space", "dim": 3}},
    {"domain": {"kind": "polytope", "dim": 10**9, "rows": []}},
    {"domain": {"kind": "polytope", "dim": 2, "rows": [["0", "0", "-1"]]}},  # empty
    {"domain": {"kind": "box", "low": ["0x1p99999"] * 2, "high": ["0x1p0"] * 2}},
    {"domain": {"kind": "box", "low": ["0x0p0"] * 2, "high": ["0x0p0", "0x1p0"]}},  # flat
    {"exact_witnesses": None},
    {"exact_witnesses": []},
    {"exact_witnesses": {"0": ["1/0", "1/1"]}},
    {"exact_witnesses": {"0": ["1/1"]}},
    {"exact_witnesses": {"0": [1, 2]}},
    {"exact_witnesses": {"0": None}},
    {"exact_witnesses": {"0": ["1/1", "0.5"]}},
    {"exact_witnesses": {"x": ["1/1", "1/1"]}},
    {"exact_witnesses": {"-1": ["1/1", "1/1"]}},
    {"exact_witnesses": {"1000000": ["1/1", "1/1"]}},
]


@pytest.mark.parametrize("change", HEADERS, ids=lambda c: str(c)[:60])
def test_header_entries_that_are_refused(tmp_path, arrays, change):
    refused(write(tmp_path / "g.npz", with_header(arrays, **change)), "damaged|must|description")


@pytest.mark.parametrize("dim", [1, 3, 10**9])
def test_a_domain_of_another_dimension(tmp_path, dim):
    """Refused before anything of that size is made."""
    GRAPHS["box"]().save(tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz") as file:
        changed = with_header(dict(file), domain={"kind": "space", "dim": dim})
    path = write(tmp_path / "g.npz", changed)
    refused(path, f"its domain must have dimension 2, not {dim}")


def test_a_changed_network(tmp_path, arrays):
    W = arrays["network_W0"].copy()
    W[0, 0] = np.nextafter(W[0, 0], 2)
    path = write(tmp_path / "g.npz", arrays | {"network_W0": W})
    refused(path, "the network is not the one that was enumerated")


def test_the_file_is_what_the_documentation_says(tmp_path):
    """Plain arrays and JSON: another program can read it with numpy alone."""
    G = GRAPHS["thin"]()
    G.save(tmp_path / "g.npz")
    with np.load(tmp_path / "g.npz", allow_pickle=False) as file:
        header = json.loads(file["header"].tobytes())
        assert (file["patterns"] == G.packed_patterns).all()
        assert (file["neighbors"] == G.neighbor).all()
    assert (header["format"], header["version"]) == ("polyrelu region graph", 2)
    assert header["network_hash"] == G.network.hash
    assert header["stats"]["versions"]["polyrelu"]
    assert header["arithmetic"].startswith("float64 with certified bounds, rational where")
    assert G.exact_witnesses == {
        int(i): tuple(fraction(v) for v in p) for i, p in header["exact_witnesses"].items()
    }


def fraction(text: str) -> Fraction:
    p, q = text.split("/")
    return Fraction(int(p, 16), int(q, 16))
