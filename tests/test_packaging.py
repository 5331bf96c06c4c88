"""What a user gets beside the code: types, and how to cite it."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import polyrelu as pr

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
USER = ROOT / "tests" / "typed_user.py"


def test_a_users_program_passes_strict_mypy(tmp_path: Path) -> None:
    """As a user runs it, without a configuration; and a second program, with a wrong type in it."""
    pytest.importorskip("mypy")
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import polyrelu as pr\nnumber: int = pr.load_network('net.npz')\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", USER, wrong]
    environment = os.environ | {"MYPYPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    (error,) = [line for line in done.stdout.splitlines() if "error:" in line]
    assert error.startswith("wrong.py:2:")
    assert 'expression has type "Network", variable has type "int"' in error


def test_the_users_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = [(np.eye(2), [0.25, -0.5]), ([[1.0, -1.0]], [0.125])]
    network = pr.Network.from_layers(pairs, input_box=pr.Box(-1, 1, dim=2))
    pr.save_network(network, "net.npz")
    assert runpy.run_path(str(USER))["ok"]


def test_the_wheel_takes_what_is_not_python() -> None:
    data = PYPROJECT["tool"]["setuptools"]["package-data"]["polyrelu"]
    taken = {path for pattern in data for path in (ROOT / "polyrelu").glob(pattern)}
    files = [path for path in (ROOT / "polyrelu").rglob("*") if path.is_file()]
    others = {f for f in files if f.suffix != ".py" and "__pycache__" not in f.parts}
    assert others == taken


def test_the_citation_is_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    fields = dict(re.findall(r"^([a-z-]+): *(.*)$", text, re.MULTILINE))
    assert {"cff-version", "message", "title", "authors", "type"} <= fields.keys()
    assert fields["version"] == PYPROJECT["project"]["version"]
    assert fields["license"] == PYPROJECT["project"]["license"]
