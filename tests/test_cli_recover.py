"""The command recover."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from networks import he_network

import polyrelu as pr
from polyrelu.cli import main
from polyrelu.cli.comparison import greatest_difference


@pytest.fixture
def model(tmp_path):
    pr.save_network(he_network(0, 4, 6, 2), tmp_path / "net.npz")
    return tmp_path / "net.npz"


def recovered(capsys, *argv):
    code = main(["recover", *map(str, argv)])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_it_saves_a_network_with_the_same_neurons(model, tmp_path, capsys) -> None:
    target = tmp_path / "found.npz"
    code, out, _ = recovered(capsys, model, "-o", target, "--json")
    data = json.loads(out)
    assert code == 0
    assert data["verdict"] == "equivalent"
    assert data["widths"] == [6]
    assert data["saved"] == str(target)
    assert data["greatest_difference"] is None
    assert "--box" in data["remarks"][0]
    aligned = data["aligned"][0]
    assert aligned["matched"] == aligned["neurons"] == 6
    assert aligned["flipped"] == aligned["extra"] == 0
    assert aligned["weight_error"] < 1e-12
    network = pr.load_network(target)
    x = np.random.default_rng(1).normal(size=(200, 4))
    assert np.abs(network(x) - he_network(0, 4, 6, 2)(x)).max() < 1e-12


def test_the_table_is_for_people(model, capsys) -> None:
    code, out, err = recovered(capsys, model)
    assert code == 0
    assert not err
    assert out.startswith("equivalent on the domain (checked)")
    assert "open_signs" in out
    assert "beside the model" in out


def test_on_a_box_the_greatest_difference_is_exact(tmp_path, capsys) -> None:
    pr.save_network(he_network(0, 2, 3, 1), tmp_path / "net.npz")
    code, out, _ = recovered(capsys, tmp_path / "net.npz", "--box=-2,2", "--json")
    found = json.loads(out)["greatest_difference"]
    assert code == 0
    assert 0 <= found["rounded"] < 1e-13
    assert float(Fraction(found["exact"])) == found["rounded"]


def test_the_greatest_difference_of_any_output_is_found() -> None:
    # |x + y| - (|x + y| + relu(x - 1/2) / 4): greatest where x is, and of the second output only.
    absolute = pr.Network.from_layers([([[1, 1], [-1, -1]], [0, 0]), ([[1, 1], [1, 1]], [0, 0])])
    other = pr.Network.from_layers(
        [([[1, 1], [-1, -1], [1, 0]], [0, 0, -0.5]), ([[1, 1, 0], [1, 1, 0.25]], [0, 0])]
    )
    exact, rounded = greatest_difference(absolute, other, pr.Box(-1, 1, dim=2), 60)
    x = np.array(list(product(np.linspace(-1, 1, 9), repeat=2)))
    assert rounded == np.abs(absolute(x) - other(x)).max()
    assert Fraction(exact) == Fraction(1, 8)


def test_too_many_regions_are_said_not_hidden(tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr("polyrelu.cli.comparison.MOST_REGIONS", 2)
    pr.save_network(he_network(0, 2, 3, 1), tmp_path / "net.npz")
    code, out, _ = recovered(capsys, tmp_path / "net.npz", "--box=-2,2", "--json")
    data = json.loads(out)
    assert code == 0
    assert data["greatest_difference"] is None
    assert "regions" in data["remarks"][-1]


@pytest.mark.parametrize("budget", ["--queries=1000", "--seconds=1e-9"])
def test_a_budget_leaves_code_3_and_no_file(model, tmp_path, capsys, budget) -> None:
    target = tmp_path / "found.npz"
    code, out, err = recovered(capsys, model, budget, "-o", target)
    assert code == 3
    assert "budget" in out
    assert "nothing saved" in err
    assert not target.exists()


def test_quiet_says_nothing(model, capsys) -> None:
    code, out, err = recovered(capsys, model, "-q")
    assert (code, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--box=-1,1", "--space"], "do not go together"),
        (["--box=-1,1", "--scale=2"], "--scale"),
        (["--box=-1:1"], "4 sides"),
        (["--layers=0"], "positive integer"),
        (["-o", "found.txt"], ".npz"),
    ],
)
def test_wrong_usage_is_code_2(model, capsys, options, said) -> None:
    code, out, err = recovered(capsys, model, *options)
    assert code == 2
    assert said in err
    assert not out


def test_the_model_is_not_overwritten(model, capsys) -> None:
    before = model.read_bytes()
    code, _, err = recovered(capsys, model, "-o", model)
    assert code == 2
    assert "replace" in err
    assert model.read_bytes() == before


def test_another_depth_is_not_compared(tmp_path, capsys) -> None:
    # the second layer is always on: an affine function of the first
    network = pr.Network.from_layers(
        [(np.eye(3, 2) + 0.5, [0.1, 0.2, 0.3]), (np.ones((1, 3)), [1.0]), ([[2.0]], [0.0])]
    )
    pr.save_network(network, tmp_path / "net.npz")
    code, out, _ = recovered(capsys, tmp_path / "net.npz")
    assert code == 0
    assert "neurons not compared: the model has 2 hidden layers" in out
