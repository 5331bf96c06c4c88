"""What broke it once: extreme numbers, odd types, hostile files, big cells, closed pipes."""

from __future__ import annotations

import copy
import io
import os
import pickle
import signal
import subprocess
import sys
import time
import zipfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from networks import doubled, gaussian_network, one_layer
from test_against_oracle import check

import polyrelu as pr
from polyrelu import Affine, Box, Layer, Limits, Network, PiecewiseLinear, Polytope, Space
from polyrelu.activations import identity, relu

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("without", [None, 1])
def test_products_that_overflow_to_nan_prove_nothing(without):
    W = np.array([[0, 1.0], [1, 0], [0, -1], [3e60, 2e-308], [1.7e308, 1.2e-60]])
    b = np.array([0, 0, 1e-150, 0, -5e188])
    keep = [i for i in range(5) if i != without]
    check(one_layer(W[keep], b[keep]), Space(2))


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("last", [-1.0, 0.0])
def test_sums_that_overflow_prove_nothing(last):
    W = [*np.eye(4).tolist(), [1e307, 1e307, -1e307, -1e307]]
    check(one_layer(W, [-15, -15, -15, -15, last]), Space(4))


@pytest.mark.parametrize("kind", [np.int8, np.int32, np.int64, np.float32, np.uint16])
def test_numbers_of_numpy_are_taken_at_their_value(kind):
    unit = PiecewiseLinear((kind(100),), (kind(0), kind(100)))
    assert unit.piece(1) == (100, -10000)
    assert all(isinstance(v, Fraction) for v in unit.piece(1))
    big = PiecewiseLinear((2**40,), (0, np.int64(2**40)))
    G = pr.regions(Network((Layer([Affine([[1.0]], [0.0])], big),)), Space(1))
    assert {G[i].exact_affine_map[1] for i in range(2)} == {(0,), (-(2**80),)}
    pr.regions(Network.from_layers([([[1.0]], [0.0]), ([[1.0]], [1.0])], pr.leaky_relu(kind(3))),
               Space(1))  # fmt: skip


def test_weights_cannot_be_changed():
    net = gaussian_network(0, 2, 4, 3)
    for array in (net.layers[1].weight, net.layers[1].bias, net.layers[0].factors[0].weight):
        with pytest.raises(ValueError, match="read-only"):
            array *= -1


def test_exact_points_count_from_the_end_as_well():
    G = pr.regions(doubled(2, 6, 2), Space(2))
    assert len(G.exact_witnesses) > 5
    for i in range(1, len(G) + 1):
        assert G.exact_point(-i) == G[-i].exact_point() == G.exact_point(len(G) - i)
    with pytest.raises(TypeError):
        G[1.5]
    with pytest.raises(TypeError):
        G.pattern(None)
    with pytest.raises(IndexError):
        G.exact_point(len(G))
    assert [region.index for region in G[1:4]] == [1, 2, 3]
    assert G[0] == G[0]
    assert G[0] in {G[0]}
    assert G[0] != G[1]


SKIPPED = Network(  # the whole first layer passes on: coordinate planes are auxiliary walls
    (
        Layer([Affine(np.eye(2), [0, 0])], identity()),
        Layer([Affine([[1, 1.0], [1, -1]], [0, 0])], relu()),
    )
)


@pytest.mark.parametrize("most", [1, 2, 3, 4, 5, 100])
def test_a_limit_counts_regions_not_their_parts(most):
    G = pr.regions(SKIPPED, Space(2), limits=Limits(regions=most))
    assert len(G) <= most
    assert G.complete == (most >= 4)
    assert (len(G) == 4) == G.complete
    count = pr.count_regions(SKIPPED, Space(2), limits=Limits(regions=most))
    assert count.complete == G.complete


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@pytest.mark.parametrize("d", [63, 64, 65, 100, 130])
def test_a_hundred_inputs(d, cells):
    orthant = Polytope(-np.eye(d), np.zeros(d))
    G = pr.regions(one_layer(np.ones((1, d)), [-1.0]), orthant, cells=cells)
    assert (len(G), G.n_walls) == (2, 1)
    assert sorted(np.diff(G.indptr).tolist()) == [d + 1, d + 1]
    assert sorted(G.unbounded.tolist()) == [False, True]


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_a_cell_whose_work_is_more_than_there_is_between_two_looks_at_the_clock(cells):
    """2,048 vertices, whose square is 2^22, or 120 dimensions, whose cube is 2^20 and more."""
    dim = 11 if cells == "vertices" else 120
    domain = Box(-1, 1, dim=dim) if cells == "vertices" else Polytope(np.eye(dim), np.zeros(dim))
    G = pr.regions(
        one_layer(np.ones((1, dim)), [0.25]), domain, cells=cells, limits=Limits(seconds=60)
    )
    assert (len(G), G.complete) == (2, True)


def test_the_clock_is_looked_at_within_a_cell():
    net = gaussian_network(0, 11, 40)
    began = time.perf_counter()
    part = pr.regions(net, Box(-1, 1, dim=11), limits=Limits(seconds=0.5), cells="vertices")
    assert not part.complete
    assert time.perf_counter() - began < 20
    part = pr.regions(
        net, Box(-1, 1, dim=11), limits=Limits(memory=2**20, seconds=30), cells="vertices"
    )
    assert part.stopped_by == "memory"


def test_ctrl_c_while_neighbours_are_joined_loses_nothing(monkeypatch):
    from polyrelu.engine import assemble

    join = assemble.join

    def interrupted(*columns):
        signal.raise_signal(signal.SIGINT)
        return join(*columns)

    monkeypatch.setattr(assemble, "join", interrupted)
    G = pr.regions(gaussian_network(0, 2, 8), Space(2))
    assert G.complete
    assert len(G) == 37


def test_what_was_used_can_be_copied():
    net = gaussian_network(0, 2, 5, 3)
    G = pr.regions(net, Box(-1, 1, dim=2))
    G[0].exact_vertices()
    for made in (copy.deepcopy(G), pickle.loads(pickle.dumps(G))):  # noqa: S301
        assert made.network.hash == net.hash
        assert np.array_equal(made.patterns, G.patterns)
        assert made[0].exact_vertices() == G[0].exact_vertices()
    assert copy.deepcopy(G[3]).exact_affine_map == G[3].exact_affine_map
    assert pickle.loads(pickle.dumps(net)).hash == net.hash  # noqa: S301


def _npz(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data


HEADERS = {
    "an open expression": "{'descr': (",
    "a shape of truths": "{'descr': '<f8', 'fortran_order': False, 'shape': (True, True)}",
    "a shape beyond int64": "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 10**21)}",
    "a huge shape": f"{{'descr': '<f8', 'fortran_order': False, 'shape': (0, {10**21})}}",
    "many lines": "{'descr':\n" * 30,
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers_of_arrays(name, tmp_path, capsys):
    from polyrelu.cli import main

    bad = _npy(HEADERS[name], np.ones(1).tobytes())
    path = _npz(tmp_path / "net.npz", {"W0.npy": bad, "b0.npy": bad})
    with pytest.raises(pr.FileFormatError):
        pr.load_network(path)
    points = tmp_path / "points.npy"
    points.write_bytes(bad)
    pr.save_network(gaussian_network(0, 2, 3), tmp_path / "good.npz")
    for words in (["info", str(path)], ["regions", str(tmp_path / "good.npz"), "--space",
                                        "--slice", str(points)]):  # fmt: skip
        assert main(words) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_text_that_is_not_unicode(tmp_path):
    def saved(array) -> bytes:
        stream = io.BytesIO()
        np.save(stream, array)
        return stream.getvalue()

    names = np.array(["r"], dtype="<U1")
    wrong = saved(names).replace("r".encode("utf-32-le"), b"\xff\xff\xff\x7f")
    members = {"W0.npy": saved(np.eye(1)), "b0.npy": saved(np.zeros(1)), "activations.npy": wrong}
    with pytest.raises(pr.FileFormatError):
        pr.load_network(_npz(tmp_path / "net.npz", members))


def test_a_small_onnx_file_cannot_ask_for_much_memory(tmp_path):
    onnx = pytest.importorskip("onnx")
    for width, depth in ((50_000_000, 1), (7000, 60)):
        nodes = [onnx.helper.make_node("Relu", [f"x{k}"], [f"x{k + 1}"]) for k in range(depth)]
        ends = [
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, width])
            for name in ("x0", f"x{depth}")
        ]
        graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:])
        path = tmp_path / "net.onnx"
        onnx.save(onnx.helper.make_model(graph), path)
        with pytest.raises(pr.NetworkError, match="entries"):
            pr.load_network(path)


@pytest.fixture
def net(tmp_path) -> str:
    path = tmp_path / "net.npz"
    pr.save_network(gaussian_network(0, 2, 3), path)
    return str(path)


def run(words: list[str], **streams) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "polyrelu", *words]
    return subprocess.run(command, env=environment, check=False, **streams)


def test_exit_codes_without_anybody_listening(net):
    quiet = subprocess.DEVNULL
    with open("/dev/full", "w") as full:
        assert run(["info", "none.npz"], stdout=quiet, stderr=full).returncode == 2
    words = f"{sys.executable} -m polyrelu regions {net} --space"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for redirect, code in (("2>&-", 0), (">&-", 0)):
        done = subprocess.run(f"{words} {redirect}", shell=True, env=environment, check=False,
                              stdout=quiet, stderr=quiet)  # fmt: skip
        assert done.returncode == code, redirect


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["regions", "NET", "--space", "-o", "NET"], "would replace"),
        (["regions", "NET", "--space", "-o", "FOLDER.npz"], "is a folder"),
        (["regions", "NET", "--segment=0:1", "--box=5,6"], "do not go with it"),
        (["regions", "NET", "--segment=" + "0," * 200 + "0:1"], "2 numbers"),
        (["verify", "NET", "--space", "--seed", "-1"], "at least 0"),
        (["regions", "NET", "--space", "--limit-memory", "9" * 400], "must be a size"),
        (["plot", "NET", "--box=-1,1", "--dpi", "100000"], "from 10 to 9999"),
        (["plot", "NET", "--box=-1,1", "--window=-inf,inf,-inf,inf"], "--window"),
    ],
)
def test_options_are_refused_before_the_work(net, tmp_path, options, hint, capsys):
    from polyrelu.cli import main

    (tmp_path / "FOLDER.npz").mkdir()
    words = [w.replace("NET", net).replace("FOLDER", str(tmp_path / "FOLDER")) for w in options]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert hint in err
    assert err.count("\n") == 1


def test_names_that_the_terminal_cannot_show(net, tmp_path):
    odd = tmp_path / "n\u00e9t.npz"
    Path(net).rename(odd)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-m", "polyrelu", "info", str(odd)], env=environment,
                          capture_output=True, check=False)  # fmt: skip
    assert done.returncode == 0
    assert b"n\\xe9t.npz" in done.stdout
