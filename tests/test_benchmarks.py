"""The benchmarks run, and judge others as they should. Their figures are not tested."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

import polyrelu
from benchmarks import machine, nets, page
from benchmarks.__main__ import main
from benchmarks.degenerate import judged
from benchmarks.peers import COLUMNS, compared, result
from benchmarks.process import Outcome
from benchmarks.table import Table, three_digits
from benchmarks.tools import POLYRELU, TOOLS, Peers
from benchmarks.truth import Truth, truth_of

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
    assert written["complete"]
    rows = written["results"]["growth"][0]["rows"]
    assert all(row["regions"] > row["walls"] / 3 > 0 for row in rows)
    assert str(ROOT) not in done.stdout + json.dumps(written)


def test_degenerate_is_right_and_takes_missing_tools_as_such(tmp_path: Path) -> None:
    done = benchmarks("degenerate", "--quick", "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    written = json.loads((tmp_path / "out.json").read_text())
    table, summary = written["results"]["degenerate"]
    assert [row["polyrelu"] for row in table["rows"]] == ["right", "right"]
    ours = summary["rows"][0]
    assert ours["tool"] == "polyrelu"
    assert (ours["taken"], ours["right"], ours["wrong"]) == (2, 2, 0)
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


def test_a_network_is_judged_and_measured() -> None:
    alone = Peers(seconds=120.0)
    row = compared(nets.he_random(2, 8, 8), alone, None)[0]
    assert (row["tool"], row["verdict"], row["note"]) == ("polyrelu", "right", "oracle")
    assert row["cpu_s"] > 0
    assert row["start_s"] > row["cpu_s"]
    assert 0 < row["baseline_mb"] <= row["peak_mb"]


@pytest.mark.parametrize(
    ("case", "published", "judge"),
    [
        (nets.arrangement("braid", 4), 24, "published, verify()"),
        (nets.he_random(2, 9, radius=inf), None, "Zaslavsky, verify()"),
        (nets.he_random(2, 4, 4), None, "oracle"),
        (nets.he_random(2, 16, 16), None, "verify() of 300"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_who_judges(case: nets.Case, published: int | None, judge: str) -> None:
    truth = truth_of(case, polyrelu.regions(case.network(), case.domain()), published)
    assert truth.agrees
    assert truth.judge == judge


def test_a_count_that_is_not_the_published_one_is_wrong() -> None:
    case = nets.arrangement("braid", 4)
    row = compared(case, Peers(seconds=120.0), 25)[0]
    assert row["verdict"] == "WRONG regions"
    assert row["note"].startswith("WRONG")


def test_polyrelu_is_wrong_if_its_judge_says_so() -> None:
    found = Outcome({"regions": 5, "walls": 4, "cpu": 1.0, "start": 1.0, "baseline_mb": 1.0,
                     "peak_mb": 1.0})  # fmt: skip
    verdicts = [
        result(found, Truth(5, 4, agrees=agrees), tool)["verdict"]
        for agrees in (True, False)
        for tool in (POLYRELU, TOOLS[0])
    ]
    assert verdicts == ["right", "right", "WRONG regions", "right"]


def test_a_region_that_is_missing_is_noticed() -> None:
    case = nets.he_random(2, 16, 16)
    some = polyrelu.regions(case.network(), polyrelu.Box(-0.5, 0.5, dim=2))
    assert not truth_of(replace(case, radius=inf), some).agrees


def test_tools_get_what_they_take() -> None:
    tools = {tool.name: tool for tool in TOOLS}
    central, general = nets.arrangement("braid", 4), nets.he_random(2, 5, radius=inf)
    assert tools["polypart"].suited(central).radius == 1.0
    assert tools["passagemath"].suited(central).radius == inf
    assert not tools["polypart"].takes(tools["polypart"].suited(general))
    assert not tools["regioncam"].takes(nets.he_random(3, 5))
    assert not tools["passagemath"].takes(nets.he_random(2, 5))
    assert tools["relucent"].takes(general)


def a_run() -> dict[str, Any]:
    """As --json writes it: two networks, one right answer, one wrong, one refused, one too slow."""
    one = {"net": "3-6-6 on R^3", "regions": 193, "walls": 496, "baseline_mb": 100.0}
    other = {"net": "2-99", "regions": 4321, "walls": 8000, "baseline_mb": 100.0}
    rows = [
        one | {"tool": "polyrelu", "verdict": "right", "note": "oracle", "cpu_s": 0.00125,
               "peak_mb": 101.0},
        one | {"tool": "relucent", "verdict": "WRONG walls", "walls": 503, "cpu_s": 2.0225,
               "peak_mb": 107.4},
        {"net": one["net"], "tool": "regioncam", "verdict": "not taken"},
        other | {"tool": "polyrelu", "verdict": "right", "note": "verify()", "cpu_s": 0.0121,
                 "peak_mb": 123.0},
        {"net": other["net"], "tool": "relucent", "verdict": "too slow", "note": "more than 20 s"},
        {"net": other["net"], "tool": "regioncam", "verdict": "refuses", "note": "refuses: X (y)"},
    ]  # fmt: skip
    tables = [
        Peers().table(),
        Table("peers", COLUMNS, rows),
        Table("ratios", [("tool", "tool", "")], [{"tool": "relucent"}]),
        Table("starts", [("tool", "tool", "")], [{"tool": "polyrelu"}], ["a note"]),
    ]
    known = machine.facts() | {"quick": True, "time_limit": 20.0}
    results = {"peers": [asdict(table) for table in tables]}
    written = {"machine": known, "complete": True, "results": results}
    read: dict[str, Any] = json.loads(json.dumps(written))
    return read


def test_the_page_says_what_the_run_found() -> None:
    text = page.page([a_run()])
    time, memory = (text.split(f"## {title}\n")[1] for title in ("Time", "Memory"))
    assert "| 3-6-6 on R^3 | 193 | 496 | oracle | 1.25 | 2,022 (**503 walls**) | – |" in time
    assert "| 2-99 | 4,321 | 8,000 | verify() | 12.1 | > 20 s | refuses |" in time
    assert "| 2-99 | 4,321 | 8,000 | verify() | 123 (+23) | – | – |" in memory
    assert f"**polyrelu** {polyrelu.__version__}" in text
    assert 'make bench ARGS="peers --quick --time-limit 20 ' in text
    assert "its figures mean nothing" in text


def test_the_page_and_its_picture_are_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "run.json").write_text(json.dumps(a_run()))
    assert page.main([str(tmp_path / "run.json"), "--folder", str(tmp_path)]) == 0
    assert page.PICTURE in (tmp_path / page.PAGE).read_text()
    assert (tmp_path / page.PICTURE).stat().st_size > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "No such file"),
        ("{", "is not what python -m benchmarks --json writes"),
        ("[1]", "is not what python -m benchmarks --json writes"),
        (json.dumps(a_run() | {"complete": False}), "did not come to its end"),
    ],
)
def test_no_page_of_half_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    with pytest.raises(SystemExit):
        page.main([str(tmp_path / "run.json"), "--folder", str(tmp_path)])
    assert message in capsys.readouterr().err
    assert not (tmp_path / page.PAGE).exists()


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


@pytest.mark.parametrize(
    ("value", "text"), [(0.0866, "0.0866"), (1.234, "1.23"), (2814.6, "2,815"), (0.0, "0")]
)
def test_three_digits(value: float, text: str) -> None:
    assert three_digits(value) == text
