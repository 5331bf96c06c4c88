"""The conformance suite: its numbers are right, whoever computes them, and so are ours."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import oracle
import pytest

from polyrelu import Box, Network, Polytope, Space, conformance, families, regions
from polyrelu.arrangement import Arrangement
from polyrelu.cli import main

QUICK = {instance.name: instance for instance in conformance.instances(quick=True)}
ALL = {instance.name: instance for instance in conformance.instances()}


@pytest.mark.parametrize("name", QUICK)
def test_conforms(name):
    assert conformance.run(QUICK[name]).wrong == ()


@pytest.mark.parametrize(
    "name", [name for name, i in ALL.items() if isinstance(i.domain, Space) and len(i.layers) == 1]
)
def test_the_numbers_agree_with_deletion_restriction(name):
    instance = ALL[name]
    arrangement = Arrangement.from_layer(instance.network.layers[0])
    assert arrangement.n_chambers() == instance.cells
    assert instance.bounded in (None, arrangement.n_bounded())


@pytest.mark.parametrize(
    "name",
    [name for name, i in QUICK.items() if not isinstance(i.domain, Space) and i.cells <= 64],
)
def test_the_numbers_agree_with_the_oracle(name):
    instance = QUICK[name]
    truth = oracle.solve(instance.network, instance.domain)
    assert len(truth.patterns) == instance.cells
    assert instance.walls in (None, len(truth.edges))


def test_exported_instances_are_the_same_problems(tmp_path):
    assert conformance.export(tmp_path, quick=True) == len(QUICK)
    data = json.loads((tmp_path / "braid-3-in-the-simplex.json").read_text())
    (layer,) = data["layers"]
    network = Network.from_layers([(layer["weight"], layer["bias"]), (np.ones((1, 3)), [0])])
    domain = Polytope(data["domain"]["A"], data["domain"]["b"])
    assert len(regions(network, domain)) == data["cells"] == 6
    whole = json.loads((tmp_path / "braid-3.json").read_text())
    assert whole["domain"] == {"A": [], "b": []}


def test_the_command(capsys, tmp_path, monkeypatch):
    few = [QUICK["braid 3"], QUICK["folding 2"], QUICK["shi 3"]]
    monkeypatch.setattr(conformance, "instances", lambda quick=False: iter(few))
    assert main(["conformance"]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 conform" in out
    assert "Humphreys" in out
    assert "(21)" in out  # walls of shi 3: found, not published
    assert main(["conformance", "--export", str(tmp_path / "new")]) == 0
    assert len(list((tmp_path / "new").iterdir())) == 3
    capsys.readouterr()
    few[0] = replace(few[0], walls=7)
    assert main(["conformance", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert [o["conforms"] for o in data["instances"]] == [False, True, True]
    assert main(["conformance"]) == 1
    assert "WRONG: 7 walls" in capsys.readouterr().out


def test_families_by_name():
    A, b = families.family("type b", 2)
    assert A.tolist() == [[1, 0], [0, 1], [1, -1], [1, 1]]
    assert not b.any()
    with pytest.raises(ValueError, match="no family 'brade'; there are: alcoved, boolean, braid"):
        families.family("brade", 3)


def test_alcoves_have_equal_volume():
    cells = Arrangement(*families.alcoved(3)).cells(Box(0, 1, dim=3))
    assert {cell.exact_volume() for cell in cells} == {Fraction(1, 6)}
