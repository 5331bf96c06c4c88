"""The benchmarks run, and judge others as they should. Their figures are not tested."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import nets
from benchmarks.__main__ import main
from benchmarks.degenerate import judged
from benchmarks.process import Outcome
from benchmarks.table import Table
from benchmarks.tools import TOOLS, Peers
from benchmarks.truth import Truth

ROOT = Path(__file__).parents[1]


def benchmarks(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_growth_prints_and_writes_tables(tmp_path: Path) -> None:
    done = benchmarks("growth", "--quick", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    assert "growth with depth" in done.stdout
    written = json.loads((tmp_path / "out.json").read_text())
    rows = written["results"]["growth"][0]["rows"]
    assert all(row["regions"] > row["walls"] / 3 > 0 for row in rows)
    assert str(ROOT) not in done.stdout + json.dumps(written)


def test_degenerate_is_right_and_takes_missing_tools_as_such(tmp_path: Path) -> None:
    done = benchmarks("degenerate", "--quick", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    (table,) = json.loads((tmp_path / "out.json").read_text())["results"]["degenerate"]
    assert [row["polyrelu"] for row in table["rows"]] == ["right", "right", "2 of 2"]
    for tool in TOOLS:
        if importlib.util.find_spec(tool.name) is None:
            package = tool.package or tool.name
            assert f"{tool.name} not installed (pip install {package})" in done.stdout


def test_unknown_subject_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["spead"])
    assert "SUBJECT must be among speed, peers" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome({"regions": 5, "walls": 4}), "right"),
        (Outcome({"regions": 5, "walls": None}), "right"),
        (Outcome({"regions": 5, "walls": 3}), "WRONG 5/3"),
        (Outcome({"regions": 6, "walls": None}), "WRONG 6"),
        (Outcome(failure="refuses: SomeError (why)"), "refuses: SomeError"),
    ],
)
def test_verdicts(outcome: Outcome, verdict: str) -> None:
    assert judged(outcome, Truth(regions=5, walls=4, agrees=True)) == verdict


def test_networks_are_the_same_in_every_run() -> None:
    one, two = nets.he_random(2, 8, 8), nets.he_random(2, 8, 8)
    assert one.to_json() == two.to_json()
    assert [c.to_json() for c in nets.degenerate()] == [c.to_json() for c in nets.degenerate()]
    assert nets.short_name((3, 25, 25, 25, 25, 25)) == "3-25x5"


def test_a_tool_that_hangs_is_ended() -> None:
    slow = Peers(seconds=0.01)
    outcome = slow.run(TOOLS[0], nets.he_random(2, 4))
    assert outcome.timed_out
    assert outcome.failure is not None


def test_tables_align() -> None:
    row: dict[str, Any] = {"net": "a", "n": 1234, "x": None}
    columns = [("net", "net", ""), ("n", "n", ",d"), ("x", "x", ".1f")]
    table = Table("title", columns, [row], ["note"])
    assert table.text().splitlines() == [
        "== title",
        "net      n  x",
        "---  -----  -",
        "a    1,234  -",
        "   note",
    ]
