"""The command line: what it prints and where, its exit codes, one line for each error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import polyrelu as pr
from polyrelu.cli import main
from polyrelu.cli.options import with_signed_values

ROOT = Path(__file__).parents[1]


@pytest.fixture
def net(tmp_path: Path) -> str:
    """A 3-6-4-2 network whose file gives a box."""
    rng = np.random.default_rng(1)
    layers = [(rng.normal(size=s), rng.normal(size=s[0])) for s in ((6, 3), (4, 6), (2, 4))]
    path = tmp_path / "net.npz"
    pr.save_network(pr.Network.from_layers(layers, input_box=pr.Box(-1, 1, dim=3)), path)
    return str(path)


@pytest.fixture
def boxless(tmp_path: Path) -> str:
    path = tmp_path / "boxless.npz"
    pr.save_network(pr.Network.from_layers([(np.eye(2), [0.0, 0.5]), ([[1.0, 1.0]], [0.0])]), path)
    return str(path)


def output(capsys, *words: str, code: int = 0) -> str:
    assert main(list(words)) == code
    return capsys.readouterr().out


def error(capsys, *words: str) -> str:
    """The one line on stderr of a command that ends with code 2 and prints nothing else."""
    assert main(list(words)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("polyrelu: ")
    assert err.count("\n") == 1
    return err


def count(capsys, *words: str) -> int:
    return int(output(capsys, "regions", *words, "--count", "-q"))


# --- what the commands do ----------------------------------------------------------------------


def test_info_says_what_is_in_the_file(net, capsys) -> None:
    text = output(capsys, "info", net)
    assert "3 inputs, 2 outputs, 10 thresholds" in text
    assert "layer 0: 3 -> 6  ReLU" in text
    assert "Box(-1, 1, dim=3)" in text
    data = json.loads(output(capsys, "info", net, "--json"))
    assert data["widths"] == [3, 6, 4, 2]
    assert data["input_box"] == [[-1] * 3, [1] * 3]
    assert data["hash"] == pr.load_network(net).hash


def test_info_says_what_is_in_a_file_of_regions(net, tmp_path: Path, capsys) -> None:
    graph = pr.regions(pr.load_network(net))
    target = str(tmp_path / "g.npz")
    graph.save(target)
    text = output(capsys, "info", target)
    assert f"{len(graph):,} regions (all of them)" in text
    assert f"{graph.n_walls:,} walls" in text
    assert "3 inputs, 2 outputs, 10 thresholds" in text
    assert "Box(-1, 1, dim=3)" in text
    data = json.loads(output(capsys, "info", target, "--json"))
    assert (data["regions"], data["walls"]) == (len(graph), graph.n_walls)
    assert data["network"]["hash"] == graph.network.hash


def test_info_tells_the_slice_that_regions_are_of(net, tmp_path: Path, capsys) -> None:
    network = pr.load_network(net)
    target = str(tmp_path / "g.npz")
    pr.regions(network, pr.segment([0, 0, 0], [1, 1, 1])).save(target)
    text = output(capsys, "info", target)
    assert "network on the slice: 1 inputs" in text
    assert "Slice(1 of 3 dimensions" in text


def test_regions_counts_saves_and_tells(net, tmp_path: Path, capsys) -> None:
    graph = pr.regions(pr.load_network(net))
    target = tmp_path / "g.npz"
    text = output(capsys, "regions", net, "-o", str(target))
    assert f"{len(graph):,} regions (all of them)" in text
    assert f"{graph.n_walls:,} walls" in text
    assert len(pr.load_graph(target)) == len(graph)
    assert output(capsys, "regions", net, "--quiet") == f"{len(graph)}\n"
    data = json.loads(output(capsys, "regions", net, "--json"))
    assert (data["regions"], data["walls"]) == (len(graph), graph.n_walls)
    assert data["complete"] is True
    counted = json.loads(output(capsys, "regions", net, "--json", "--count"))
    assert counted["regions"] == len(graph)


def test_json_leaves_nothing_else_on_stdout(net, capsys) -> None:
    assert main(["verify", net, "--level", "patterns", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["ok"] is True
    assert err == ""


def test_verify_accepts_a_network_and_a_graph(net, tmp_path: Path, capsys) -> None:
    target = str(tmp_path / "g.npz")
    assert main(["regions", net, "-o", target]) == 0
    assert "passed" in output(capsys, "verify", target)
    assert "passed" in output(capsys, "verify", net, "--level", "adjacency", "--sample", "3")
    assert output(capsys, "verify", target, "--quiet", "--sample", "2") == ""


def test_verify_refutes_a_graph_that_was_tampered_with(net, tmp_path: Path, capsys) -> None:
    target = tmp_path / "g.npz"
    pr.regions(pr.load_network(net)).save(target)
    arrays = dict(np.load(target))
    arrays["witnesses"] = arrays["witnesses"][::-1]
    np.savez(target, **arrays)
    assert "FAILED" in output(capsys, "verify", str(target), code=1)


def test_plot_draws_planes_and_lines(net, tmp_path: Path, capsys) -> None:
    pytest.importorskip("matplotlib")
    graph, picture = str(tmp_path / "g.npz"), tmp_path / "a.png"
    main(["regions", net, "--axes", "0,2", "-o", graph])
    for words in (
        [net, "--axes=0,1"],
        [net, "--axes=2", "--at", "0.5"],
        [net, "--segment=-1:1,1,0", "--window", "0,0.5"],
        [graph, "--color", "gradient", "--window", "-0.5,0.5,-1,1", "--no-walls"],
    ):
        assert "picture:" in output(capsys, "plot", *words, "-o", str(picture))
        assert picture.stat().st_size > 1000
        picture.unlink()


# --- where ---------------------------------------------------------------------------------------


def test_domains_are_those_of_the_options(net, boxless, tmp_path: Path, capsys) -> None:
    network = pr.load_network(net)

    def expected(domain: pr.Domain | pr.Slice) -> int:
        return pr.count_regions(network, domain).count

    points = np.array([[0.5, 0, 0], [0, 1, 0.25], [-1, -1, 1]])
    np.save(tmp_path / "three.npy", points)
    np.savetxt(tmp_path / "two.csv", points[:2], delimiter=",")
    three, two = str(tmp_path / "three.npy"), str(tmp_path / "two.csv")
    box = pr.Box(-2, 0, dim=3)
    plane = pr.Slice([0, 0, 0.5], np.eye(3)[:2], pr.Box(-1, 1, dim=2))
    for words, domain in (
        ([], pr.Box(-1, 1, dim=3)),
        (["--box=-2,0"], box),
        (["--box", "-2:0,-2:0,-2:0"], box),
        (["--space"], pr.Space(3)),
        (["--axes=0,1", "--at=0.5"], plane),
        (["--axes=0,1", "--at", "9,9,0.5"], plane),
        (["--axes=1", "--space", "--at=0"], pr.Slice([0, 0, 0], [[0, 1, 0]])),
        (["--slice", three], pr.Slice.through(*points)),
        (["--slice", three, "--box=-2,1"], pr.Slice.through(*points, within=pr.Box(-2, 1, dim=3))),
        (["--slice", three, "--space"], pr.Slice.through(*points, domain=pr.Space(2))),
        (["--slice", two], pr.segment(*points[:2])),
        (["--segment=0.5,0,0:0,1,0.25"], pr.segment(*points[:2])),
    ):
        assert count(capsys, net, *words) == expected(domain), words
    assert count(capsys, boxless, "--space") == 4


def test_values_may_begin_with_a_minus_sign() -> None:
    assert with_signed_values(["--box", "-1,1", "-o", "-x"]) == ["--box=-1,1", "-o", "-x"]
    assert with_signed_values(["--at", "-.5", "--json"]) == ["--at=-.5", "--json"]


# --- limits --------------------------------------------------------------------------------------


def test_a_limit_keeps_what_was_found_and_says_so(net, tmp_path: Path, capsys) -> None:
    target = str(tmp_path / "part.npz")
    words = ["regions", net, "--limit-regions", "5"]
    assert "INCOMPLETE: stopped by the limit on regions" in output(
        capsys, *words, "-o", target, code=3
    )
    assert not pr.load_graph(target).complete
    assert json.loads(output(capsys, *words, "--json", code=3))["stopped_by"] == "regions"
    output(capsys, "verify", target, "--sample", "2", code=3)
    output(capsys, "regions", net, "--limit-memory", "1", code=0)
    output(capsys, "regions", net, "--limit-memory", "2G", "--limit-seconds", "1e3", code=0)


def test_outward_from_a_point(net, tmp_path: Path, capsys) -> None:
    target = str(tmp_path / "around.npz")
    output(capsys, "regions", net, "--start=0.5,0,0", "--limit-regions=4", "-o", target, code=3)
    around = pr.load_graph(target)
    assert len(around) == 4
    assert around.region_at([0.5, 0, 0]).index == 0
    assert around.stats["start"] == [0.5, 0, 0]
    whole = int(output(capsys, "regions", net, "--start=0", "-q"))
    assert whole == count(capsys, net)


def test_an_interrupt_is_code_3_if_something_was_kept(tmp_path: Path, capsys, monkeypatch) -> None:
    from polyrelu.engine.enumerate import Enumeration

    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=s), rng.normal(size=s[0])) for s in ((60, 3), (1, 60))]
    net = str(tmp_path / "large.npz")  # more than one block of regions
    pr.save_network(pr.Network.from_layers(layers, input_box=pr.Box(-1, 1, dim=3)), net)
    whole = Enumeration.blocks

    def interrupted(self, kept: bool):
        for block in whole(self):
            if kept:
                yield block
            if len(block):
                raise KeyboardInterrupt

    monkeypatch.setattr(Enumeration, "blocks", lambda self: interrupted(self, kept=True))
    assert "stopped by Ctrl-C" in output(capsys, "regions", net, code=3)
    monkeypatch.setattr(Enumeration, "blocks", lambda self: interrupted(self, kept=False))
    assert main(["regions", net]) == 130
    assert "nothing was kept" in capsys.readouterr().err


# --- errors ------------------------------------------------------------------------------------


def test_errors_are_one_line_with_a_hint(net, boxless, tmp_path: Path, capsys) -> None:
    damaged = tmp_path / "damaged.npz"
    damaged.write_bytes(Path(net).read_bytes()[:300])
    graph = str(tmp_path / "g.npz")
    pr.regions(pr.load_network(net)).save(graph)
    nowhere = str(tmp_path / "no" / "a.npz")
    for words, hint in (
        (["info", "none.npz"], "no such file"),
        (["info", str(damaged)], "damaged.npz"),
        (["info", str(ROOT / "Makefile")], "must end in"),
        (["regions", graph, "--space"], "needs a network, and"),
        (["report", graph], "is a file of regions"),
        (["regions", boxless], "--box=-1,1"),
        (["regions", boxless, "--axes=0"], "--box=-1,1"),
        (["regions", net, "--box=1"], "2 numbers, not 1"),
        (["regions", net, "--box=a,b"], "numbers separated by commas"),
        (["regions", net, "--box=0:1,0:1"], "3 sides"),
        (["regions", net, "--box=1,-1"], "low must not exceed high"),
        (["regions", net, "--box=0,inf"], "finite"),
        (["regions", net, "--box=0,1", "--space"], "do not go together"),
        (["regions", net, "--axes=0,1", "--segment=0:1"], "do not go together"),
        (["regions", net, "--axes=0,3"], "from 0 to 2"),
        (["regions", net, "--axes=0,0"], "different"),
        (["regions", net, "--axes=x"], "--axes"),
        (["regions", net, "--at=0"], "give --axes"),
        (["regions", net, "--segment=0"], "P:Q"),
        (["regions", net, "--segment=0:0"], "different points"),
        (["regions", net, "--slice", net], "net.npz"),
        (["regions", net, "--count", "-o", "a.npz"], "--count"),
        (["regions", net, "--start=0", "--count"], "--start and --count"),
        (["regions", net, "--start=0,0"], "must have 1 or 3 numbers"),
        (["regions", net, "--start=2"], "start is outside of the domain"),
        (["regions", net, "-o", "a.txt"], ".npz"),
        (["regions", net, "-o", nowhere], "no folder"),
        (["verify", graph, "--box=0,1"], "for a network"),
        (["verify", graph, "--limit-regions=1"], "for a network"),
    ):
        assert hint in error(capsys, *words), words


def test_plot_refuses_before_it_enumerates(net, tmp_path: Path, capsys) -> None:
    pytest.importorskip("matplotlib")
    four = str(tmp_path / "four.npz")
    pr.save_network(
        pr.Network.from_layers([(np.eye(4), np.zeros(4))], input_box=pr.Box(0, 1, 4)), four
    )
    assert "--axes=0,1" in error(capsys, "plot", four)
    assert "of three coordinates, not 2" in error(capsys, "plot", net, "--axes=0,1", "-o", "a.html")
    assert ".png" in error(capsys, "plot", net, "--axes=0,1", "-o", "a.txt")
    assert "4 numbers, not 2" in error(capsys, "plot", net, "--axes=0,1", "--window=0,1")


@pytest.mark.parametrize(
    "words",
    [[], ["frobnicate"], ["info"], ["regions", "a.npz", "--limit-regions", "0"],
     ["regions", "a.npz", "--limit-memory", "much"], ["regions", "a.npz", "--limit-seconds", "-1"],
     ["verify", "a.npz", "--level", "hope"], ["regions", "a.npz", "--boxx=1,2"]],
)  # fmt: skip
def test_wrong_usage_is_code_2(words, capsys) -> None:
    assert main(words) == 2
    err = capsys.readouterr().err
    assert err.startswith("polyrelu: ")
    assert err.endswith("--help)\n")
    assert err.count("\n") == 1


def test_help_shows_examples_and_exit_codes(capsys) -> None:
    text = output(capsys, "--help")
    assert "polyrelu regions net.onnx --box=-1,1" in text
    assert "exit codes" in text
    for command in ("info", "regions", "verify", "plot"):
        assert "--json" in output(capsys, command, "--help")
    assert output(capsys, "--version") == f"polyrelu {pr.__version__}\n"


# --- the process -------------------------------------------------------------------------------


def test_python_m_polyrelu_is_the_command(net) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "polyrelu", "info", net, "--json"],
        cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["thresholds"] == 10
    assert done.stderr == ""


def test_importing_the_command_line_loads_nothing_heavy() -> None:
    code = "import sys, polyrelu.cli; print(*{'numpy', 'numba', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


# --- query -------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    made = {
        "doubled": pr.Network((pr.doubling_layer(np.eye(2)),)),
        "ends": pr.random_injective_network(2, 2),
        "flat": pr.Network.from_layers([(np.eye(2), [0, 0])], output_activation=pr.relu()),
        "line": pr.Network.from_layers([([[1.0], [-1.0]], [0, 0]), ([[1.0, -1.0]], [0])]),
    }
    for name, network in made.items():
        pr.save_network(network, tmp_path / f"{name}.npz")
    return {name: str(tmp_path / f"{name}.npz") for name in made}


def test_query_proves_and_checks(files, capsys):
    for name in ("doubled", "ends"):
        assert main(["query", "injective", files[name], "--space", "--check"]) == 0
        text = capsys.readouterr().out
        assert "PROVED" in text
        assert "certificate" in text
        assert "checked again" in text


def test_query_refutes_with_exact_points(files, capsys):
    assert main(["query", "injective", files["flat"], "--box=-1,1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["status"] == "refuted"
    network = pr.load_network(files["flat"])
    x, y = ([Fraction(v) for v in found["witness"][p]["exact"]] for p in "xy")
    assert x != y
    assert network.exact(x)[0] == network.exact(y)[0]
    assert main(["query", "injective", files["flat"], "--box=0,1", "-q"]) == 0
    assert capsys.readouterr().out == ""


def test_query_other_questions(files, capsys):
    assert main(["query", "surjective", files["line"], "--space", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["status"] == "proved"
    assert main(["query", "surjective", files["line"], "--box=-1,1"]) == 1
    assert "greatest value is 1" in capsys.readouterr().out
    for question in ("local", "rank"):
        assert main(["query", question, files["doubled"], "--space"]) == 0
    assert main(["query", "oriented", files["flat"], "--box=-1,1"]) == 1
    assert "determinant 0" in capsys.readouterr().out
    assert main(["query", "stability", files["doubled"], "--space", "--json"]) == 0
    low, high = json.loads(capsys.readouterr().out)["frame_bound"]
    assert low <= 1 <= high
    assert main(["query", "stability", files["flat"], "--box=-1,1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inverse_lipschitz"] == [None, None]


def test_query_range(files, capsys):
    assert main(["query", "range", files["line"], "--box=-1,1"]) == 0
    assert "least    -1 at (-1)" in (told := capsys.readouterr().out)
    assert "greatest 1 at (1)" in told
    assert main(["query", "range", files["line"], "--space"]) == 0
    assert "greatest no bound" in capsys.readouterr().out
    assert main(["query", "range", files["ends"], "--box=-1,1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["outputs"]
    network = pr.load_network(files["ends"])
    assert [one["output"] for one in found] == list(range(5))
    for one in found:
        for end in (one["low"], one["high"]):
            x = [Fraction(v) for v in end["point"]["exact"]]
            assert str(network.exact(x)[0][one["output"]]) == end["value"]["exact"][0]
    assert main(["query", "range", files["ends"], "--box=-1,1", "--output=4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"] == found[4:]
    assert main(["query", "range", files["ends"], "--box=-1,1", "--output=5"]) == 2
    assert "output must be 0, ..., 4" in capsys.readouterr().err
    assert main(["query", "range", files["ends"], "--box=-1,1", "--limit-regions=1"]) == 3
    assert "needs all regions" in capsys.readouterr().err
    assert main(["query", "rank", files["ends"], "--box=-1,1", "--output=1"]) == 2
    assert "--output is for `query range`" in capsys.readouterr().err


def test_query_limits_and_usage(files, capsys):
    limit = ["--limit-regions=2"]
    assert main(["query", "injective", files["ends"], "--space", *limit]) == 3
    assert "UNKNOWN" in capsys.readouterr().out
    assert main(["query", "stability", files["ends"], "--space", *limit]) == 3
    assert main(["query", "surjective", files["ends"], "--space"]) == 2
    assert "one output, not 5" in capsys.readouterr().err
    assert main(["query", "local", files["ends"], "--space", "--check"]) == 2
    assert main(["query", "colour", files["ends"], "--space"]) == 2


def test_query_boundary(tmp_path, capsys):
    path = str(tmp_path / "square.npz")
    hidden, output = (np.eye(2), np.zeros(2)), ([[1.0, 1.0]], [-1.0])
    pr.save_network(pr.Network.from_layers([hidden, output], activation=pr.absolute()), path)
    assert main(["query", "boundary", path, "--space", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["pieces"] == 4
    assert shown["betti"] == shown["betti_with_infinity"] == [1, 1, 0]
    assert shown["components"][0]["closed"]
    assert shown["classes"]["1"] == {"betti": [1, 1, 0], "components": 1, "bounded_components": 0}
    assert main(["query", "boundary", path, "--box=0,2"]) == 0
    text = capsys.readouterr().out
    assert "1 pieces" in text
    assert "component 0: 1 pieces, Betti numbers 1 0 0, open: it ends on" in text
    assert main(["query", "boundary", path, "--space", "--limit-regions=2"]) == 3
    assert "incomplete" in capsys.readouterr().out


def test_query_boundary_draws(tmp_path, capsys):
    surfaces = Path(__file__).parents[1] / "demo" / "surfaces"
    ask = ["query", "boundary", str(surfaces / "sphere.npz"), "-q"]
    for suffix, begins in ((".ply", b"ply"), (".html", b"<!DOCTYPE html>"), (".stl", b"")):
        path = tmp_path / f"sphere{suffix}"
        assert main([*ask, "-o", str(path)]) == 0
        assert path.read_bytes().lower().startswith(begins.lower())
    assert main([*ask, "-o", str(tmp_path / "sphere.txt")]) == 2
    assert main(["query", "lipschitz", ask[2], "-o", str(tmp_path / "sphere.ply")]) == 2
    assert "-o (--save) is for" in capsys.readouterr().err
    plane = [*ask, "--axes=0,1", "-o", str(tmp_path / "plane.ply")]
    assert main(plane) == 2
    assert "needs 3 inputs, not 2" in capsys.readouterr().err
    pytest.importorskip("matplotlib")
    assert main([*ask, "--save", str(tmp_path / "sphere.png")]) == 0
    assert (tmp_path / "sphere.png").read_bytes().startswith(b"\x89PNG")


def test_query_radius_and_lipschitz(tmp_path, capsys):
    path = str(tmp_path / "square.npz")
    hidden, output = (np.eye(2), np.zeros(2)), ([[1.0, 1.0]], [-1.0])
    pr.save_network(pr.Network.from_layers([hidden, output], activation=pr.absolute()), path)
    ask = ["query", "radius", path, "--space", "--point", "-0.25,0"]
    assert main([*ask, "--norm=1", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["status"], shown["exact"], shown["label"]) == ("proved", "3/4", 0)
    assert main(ask) == 0
    assert "distance in [0.53033" in capsys.readouterr().out
    assert main([*ask, "--limit-regions=1"]) == 3
    assert "UNKNOWN" in capsys.readouterr().out
    assert main(["query", "lipschitz", path, "--space", "--norm=inf", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exact"] == "2"
    assert main(["query", "lipschitz", path, "--space"]) == 0
    assert "the least L in [1.4142135" in capsys.readouterr().out
    assert main(["query", "radius", path, "--space"]) == 2
    assert main(["query", "boundary", path, "--space", "--point=0"]) == 2
    assert main(["query", "boundary", path, "--space", "--norm=1"]) == 2
    assert main(["query", "radius", path, "--box=0,1", "--point=-1"]) == 2
    assert "x" in capsys.readouterr().err
