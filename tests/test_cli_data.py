"""The command line's questions about data."""

from __future__ import annotations

import json

import numpy as np
import pytest
from networks import cantor_net, gaussian_network

from polyrelu import (
    Affine,
    EulerMetric,
    LabelledFeatures,
    Layer,
    Network,
    folding_table,
    identity,
    layer_separability,
    save_network,
    similarity_classifier,
    similarity_gap,
)
from polyrelu.cli import main


@pytest.fixture
def files(tmp_path):
    net = gaussian_network(7, 3, 8, 8)
    save_network(net, tmp_path / "net.npz")
    save_network(cantor_net(3), tmp_path / "cantor.npz")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 3)) * 2, np.repeat([0, 1, 2], 10)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    np.savetxt(tmp_path / "data.csv", np.column_stack([x, y]), delimiter=",", fmt="%.17g")
    return tmp_path, net, x, y


def ask(capsys, *argv):
    code = main(["query", *map(str, argv)])
    return code, capsys.readouterr()


@pytest.mark.parametrize("name", ["data.npz", "data.csv"])
def test_folding_of_a_data_set(files, capsys, name):
    folder, net, x, y = files
    code, out = ask(capsys, "folding", folder / "net.npz", "--data", folder / name, "--pairs", 4,
                    "--seed", 3, "--json")  # fmt: skip
    shown = json.loads(out.out)
    table = folding_table(net, x, y, pairs=4, seed=3)
    assert code == 0
    assert shown["pairs"] == len(table) == 24
    assert shown["rows"][0]["mean"] == pytest.approx(table.between().mean)
    assert shown["most_folded"] == list(table.most_folded)
    code, out = ask(capsys, "folding", folder / "net.npz", "--data", folder / name)
    assert code == 0
    assert "between" in out.out


def test_folding_of_a_segment(files, capsys):
    folder = files[0]
    segment = "--segment=0,0.25:1,0.25"
    code, out = ask(capsys, "folding", folder / "cantor.npz", segment, "--json")
    shown = json.loads(out.out)
    assert code == 0
    assert (shown["pieces"], shown["range"], shown["length"], shown["chi"]) == (15, 6, 28, "11/14")
    code, out = ask(capsys, "folding", folder / "cantor.npz", segment)
    assert "15 pieces" in out.out


def test_pictures(files, capsys):
    pytest.importorskip("matplotlib")
    folder = files[0]
    for k, where in enumerate([["--data", folder / "data.npz"], ["--segment=0:1"]]):
        target = folder / f"{k}.png"
        code, _ = ask(capsys, "folding", folder / "net.npz", *where, "-o", target)
        assert code == 0
        assert target.read_bytes().startswith(b"\x89PNG")


def test_separability(files, capsys):
    folder, net, x, y = files
    ask_for = ["separability", folder / "net.npz", "--data", folder / "data.npz"]
    code, out = ask(capsys, *ask_for, "--measures=separable,LS1,ball", "--json")
    shown = json.loads(out.out)
    table = layer_separability(net, x, y, measures=["separable", "LS1", "ball"])
    assert code == 0
    assert len(shown["rows"]) == len(table) == 4 * 3  # input, two layers, output; three pairs
    for row, record in zip(shown["rows"], table.records(), strict=True):
        assert row["separable"] == record["separable"]
        assert row["LS1_low"] == pytest.approx(record["LS1_low"], abs=1e-6)
    code, out = ask(capsys, *ask_for, "--measures=LS1", "--against=rest")
    assert code == 0
    assert "2 / rest" in out.out


def test_similarity(files, capsys):
    folder, net, x, y = files
    last = Affine(np.ones((3, 8)) * [[1], [2], [-1]], np.zeros(3))
    one = Network([*net.layers[:-1], Layer([last], identity())])
    save_network(one, folder / "three.npz")
    code, out = ask(capsys, "similarity", folder / "three.npz", "--data", folder / "data.npz",
                    "--json")  # fmt: skip
    rows = {row["metric"]: row for row in json.loads(out.out)["metrics"]}
    data = LabelledFeatures(one, x, y)
    assert code == 0
    assert list(rows) == ["tangent", "last", "euler", "squared", "sparse"]
    assert rows["tangent"]["errors"] == similarity_classifier(data).errors
    assert rows["euler"]["errors"] == similarity_classifier(data, EulerMetric()).errors
    assert rows["tangent"]["mean gap"] == pytest.approx(similarity_gap(data).mean.low)
    wrong = int((one(x).argmax(axis=1) != y).sum())
    assert {row["network"] for row in rows.values()} == {wrong}


def test_pictures_of_classes(files, capsys):
    pytest.importorskip("matplotlib")
    folder = files[0]
    for question, option in (("separability", "--measures=LS1"), ("similarity", "--metric=last")):
        target = folder / f"{question}.png"
        code, _ = ask(capsys, question, folder / "net.npz", "--data", folder / "data.npz", option,
                      "-o", target)  # fmt: skip
        assert code == 0
        assert target.read_bytes().startswith(b"\x89PNG")


def test_a_limit(files, capsys):
    folder = files[0]
    code, out = ask(capsys, "folding", folder / "net.npz", "--data", folder / "data.npz",
                    "--limit-seconds", "1e-9")  # fmt: skip
    assert code == 3
    assert out.out.startswith("0 pairs")


def test_usage(files, capsys):
    folder = files[0]
    net, data = folder / "net.npz", folder / "data.npz"
    np.savez(folder / "bare.npz", x=files[2])
    for argv, message in (
        (["folding", net], "--data=FILE"),
        (["folding", net, "--data", folder / "none.npz"], "no such file"),
        (["folding", folder / "cantor.npz", "--data", data], "takes 2 inputs"),
        (["folding", net, "--data", data, "--segment=0:1"], "--segment"),
        (["folding", net, "--data", data, "--pairs=0"], "positive integer"),
        (["folding", net, "--data", data, "-o", "x.ply"], "must end in"),
        (["lipschitz", net, "--box=0,1", "--data", data], "--data"),
        (["folding", net, "--data", data, "--norm=1"], "--norm"),
        (["folding", net, "--data", data, "--metric=last"], "query similarity"),
        (["similarity", net, "--data", data, "--measures=LS1"], "query separability"),
        (["separability", net, "--data", data, "--measures=LS7"], "LS7"),
        (["separability", net, "--data", data, "--measures=separable", "-o", "x.png"], "a picture"),
        (["separability", net, "--data", folder / "bare.npz"], "labels"),
        (["similarity", net, "--data", folder / "bare.npz"], "labels"),
    ):
        code, out = ask(capsys, *argv)
        assert code == 2
        assert message in out.err
