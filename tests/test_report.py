"""The report: its numbers are those of the queries, it says what it lacks, a browser shows it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from browser import look, needs_browser
from test_plot import network
from test_viewer import read

import polyrelu as pr
from polyrelu.cli import main
from polyrelu.engine.enumerate import Enumeration
from polyrelu.interrupt import deferred_interrupt
from polyrelu.reporting.blocks import Bars, Code, Facts, Picture, Section, Table, Text
from polyrelu.reporting.subject import plane_through

pytest.importorskip("matplotlib")
BAD = "</title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{SECTIONS}} $\\frac$"


@pytest.fixture(scope="module")
def plane(tmp_path_factory) -> tuple[pr.Report, Path]:
    file = tmp_path_factory.mktemp("report") / "plane.html"
    net = network(2, 7, 5, 3)
    made = pr.report(net, pr.Box(-1, 1, dim=2), file, seconds=60, class_names=["ant", "bee", "cow"])
    return made, file


@pytest.fixture(autouse=True)
def coarse(monkeypatch) -> None:
    monkeypatch.setattr("polyrelu.reporting.pictures.DPI", 30)


def facts(file: Path) -> dict[str, str]:
    """The rows of two cells of all tables."""
    found: dict[str, str] = {}

    class Rows(HTMLParser):
        cells: list[str] = []  # noqa: RUF012

        def handle_starttag(self, tag, attrs):
            if tag == "tr":
                self.cells = []
            elif tag in ("td", "th"):
                self.cells.append("")

        def handle_data(self, data):
            if self.cells:
                self.cells[-1] += data

        def handle_endtag(self, tag):
            if tag == "tr" and len(self.cells) == 2:
                found.setdefault(*self.cells)

    Rows().feed(file.read_text(encoding="utf-8"))
    return found


# --- what it says --------------------------------------------------------------------------------


def test_its_numbers_are_those_of_the_queries(plane) -> None:
    made, file = plane
    net, box = made.subject.given, pr.Box(-1, 1, dim=2)
    graph, boundary = pr.regions(net, box), pr.decision_boundary(net, box)
    shown = facts(file)
    assert shown["regions"] == str(len(graph))
    assert shown["walls between regions"] == str(graph.n_walls)
    assert shown["linear regions"] == str(len(np.unique(graph.linear_regions())))
    assert shown["SHA-256 of the function"] == net.hash
    assert shown["pieces"] == str(len(boundary))
    assert shown["Betti numbers over Z/2"] == " ".join(map(str, boundary.betti()))
    assert shown["components"] == str(len(boundary.components))
    assert shown["Lipschitz constant, norm 2"] == str(pr.lipschitz_constant(net, box).value)
    ends = pr.output_range(net, box, output=1)
    assert shown["range of output 1"] == (
        f"{float(ends.low.value):.10g} to {float(ends.high.value):.10g}"
    )
    text = file.read_text(encoding="utf-8")
    assert f"Layer 0, on the domain: {pr.is_injective(net.layers[0], box).status.name}" in text
    assert f"The whole network: {pr.is_injective(net, box).status.name}" in text
    diagonal = pr.activation_path(net, [[-1, -1], [1, 1]])
    assert str(diagonal.folding().chi) in text
    assert [s.state for s in made.sections] == ["done"] * 8
    assert made.complete


def test_the_page_is_well_formed_and_loads_nothing(plane) -> None:
    _, file = plane
    page = read(file)
    tags = [tag for tag, _ in page.elements]
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(tags)
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset", "href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;base64,")), tag
    (policy,) = (a["content"] for t, a in page.elements if a.get("http-equiv"))
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    images = [attributes for tag, attributes in page.elements if tag == "img"]
    assert len(images) >= 5
    assert all(attributes["alt"] for attributes in images)
    assert [tag for tag in tags if re.fullmatch("h[1-6]", tag)] == ["h1"] + ["h2"] * 8
    linked = {a["href"][1:] for t, a in page.elements if t == "a"}
    assert linked == {a["id"] for _, a in page.elements if "id" in a}


def test_strangers_text_is_text(tmp_path: Path) -> None:
    net = pr.Network(network(2, 2, 2).layers, notes=(BAD,))
    made = pr.report(net, pr.Box(-1, 1, dim=2), title=BAD, class_names=[BAD, "b"], command=BAD)
    made.save(tmp_path / "a.html")
    page = read(tmp_path / "a.html")
    assert page.of("title")[0] == page.of("h1")[0] == BAD
    assert BAD in page.of("code")
    assert BAD in page.of("td")
    assert "script" not in [tag for tag, _ in page.elements]
    for block in (Text(BAD, BAD), Code(BAD), Facts([(BAD, BAD)], BAD), Bars(BAD, [(BAD, 1)]),
                  Table(BAD, [BAD, BAD], [[BAD, BAD]]), Picture(BAD, BAD, b"", b""),
                  Section("a", BAD, BAD, BAD, state=BAD, reason=BAD)):  # fmt: skip
        text = block.html()
        assert "<script" not in text
        assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", text)


def test_an_incomplete_report_says_so(tmp_path: Path) -> None:
    file = tmp_path / "a.html"
    limits = pr.Limits(regions=20)
    made = pr.report(network(3, 6, 6, 2), pr.Box(-1, 1, dim=3), file, limits=limits, seconds=20)
    assert not made.complete
    states = {s.name: s.state for s in made.sections}
    assert states["regions"] == "cut short"
    assert states["sizes"] == "left out"
    page = read(file)
    assert any("limit on regions" in text for text in page.of("p", role="alert"))
    shown = facts(file)
    assert shown["regions"] == "at least 20"
    assert shown["linear regions"] == "not known: not all regions were found"
    assert ("regions", "at least 20") in made.subject.headline


def test_sections_share_the_time() -> None:
    made = pr.report(network(5, 40, 40, 3), pr.Box(-1, 1, dim=5), seconds=2)
    assert not made.complete
    assert {s.state for s in made.sections} > {"done", "cut short"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "domain"),
    [
        (network(1, 4, 1), pr.Box(-1, 1, dim=1)),
        (network(2, 4, 1), pr.Space(2)),
        (network(2, 4, 2), pr.Box([0, 0], [1, 0])),  # flat
        (network(3, 4, 2), pr.Space(3)),
        (network(4, 4, 2), pr.Polytope(np.vstack([np.eye(4), -np.eye(4)]), np.ones(8))),
        (network(4, 4, 2), pr.Slice(np.zeros(4), np.eye(4)[:3], pr.Box(-1, 1, dim=3))),
        (network(3, 4, 2), pr.segment([0, 0, 0], [1, 1, 1])),
        (pr.Network.from_layers([([[1.0, 2.0]], [0.5])]), pr.Box(-1, 1, dim=2)),  # no wall
        (network(2, 3, 2, activation=pr.hard_tanh()), pr.Box([-1, -1], [1, 1e-9])),
    ],
)
def test_any_domain(net: pr.Network, domain) -> None:
    made = pr.report(net, domain, seconds=20)
    assert made.complete
    assert len(made.sections) == 8
    assert {s.name for s in made.sections if s.state == "left out"} <= {"pictures"}
    assert "nan" not in made.html().lower().replace("base64", "").split("data:image")[0]


def test_the_plane_of_the_pictures() -> None:
    net = network(4, 5, 2)
    box = pr.Box([0, -1, 2, 0], [0, 1, 4, 1])
    assert plane_through(box, None).to_input([0.5, 3]).tolist() == [0, 0.5, 3, 0.5]
    assert plane_through(box, (3, 1)).to_input([1, 0.5]).tolist() == [0, 0.5, 3, 1]
    assert plane_through(pr.Space(3), None).to_input([1, 1]).tolist() == [1, 1, 0]
    flat = pr.Box(-1, 1, dim=2)
    assert plane_through(flat, (5, 5)) is flat
    with pytest.raises(pr.DomainError, match="two different inputs from 0 to 3"):
        pr.report(net, box, plane=(1, 1))


def test_bad_requests(tmp_path: Path) -> None:
    net, box = network(2, 3, 2), pr.Box(-1, 1, dim=2)
    with pytest.raises(pr.FileFormatError, match=r"\.html files, not '\.pdf'"):
        pr.report(net, box, tmp_path / "a.pdf")
    with pytest.raises(pr.LimitsError, match="seconds must be a positive"):
        pr.report(net, box, seconds=0)
    with pytest.raises(pr.PolyreluError, match="2 names, not 1"):
        pr.report(net, box, class_names=["a"])
    with pytest.raises(pr.DomainError, match="no input box"):
        pr.report(net)
    assert not list(tmp_path.iterdir())


# --- the command ---------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command(tmp_path: Path, capsys, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    pr.save_network(network(3, 4, 2), "net.npz")
    assert main(["report", "net.npz", "--box", "-1,1", "--plane=0,2", "--seconds=20",
                 "--title", "T", "--json"]) == 0  # fmt: skip
    told = json.loads(capsys.readouterr().out)
    assert told["complete"]
    page = read(tmp_path / "report.html")
    assert page.of("h1") == ["T"]
    assert any("polyrelu report net.npz --box -1,1" in text for text in page.of("code"))
    assert main(["report", "net.npz", "--box=-1,1", "--limit-regions=3", "-o", "b.html"]) == 3
    assert "regions: at least 3" in capsys.readouterr().out
    for wrong in (["-o", "a.pdf"], ["--plane=0"], ["--plane=0,9"], ["--plane=0,0.5"]):
        assert main(["report", "net.npz", "--box=-1,1", *wrong]) == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.html", "net.npz", "report.html"]


# --- Ctrl-C --------------------------------------------------------------------------------------


def ctrl_c(*_: object, **__: object) -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.fixture
def ask(tmp_path: Path, monkeypatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    pr.save_network(network(2, 7, 5, 3), "net.npz")
    return ["report", "net.npz", "--box=-1,1"]


def states_after_ctrl_c(ask: list[str], capsys) -> dict[str, str]:
    """The state of each section; the page and the command must say that it is incomplete."""
    assert main([*ask, "--json"]) == 3
    out, err = capsys.readouterr()
    assert "INCOMPLETE: stopped by Ctrl-C; report.html has what was found before" in err
    told = json.loads(out)
    assert told["interrupted"]
    page = read(Path("report.html"))
    assert any("Ctrl-C stopped this report" in text for text in page.of("p", role="alert"))
    assert facts(Path("report.html"))["regions"] == told["headline"]["regions"]
    return {name: section["state"] for name, section in told["sections"].items()}


def test_ctrl_c_in_a_section_keeps_those_before_it(ask, capsys, monkeypatch) -> None:
    monkeypatch.setattr(pr.RegionGraph, "verify", ctrl_c)
    assert states_after_ctrl_c(ask, capsys) == {
        "subject": "done", "regions": "done", "certificate": "cut short", "pictures": "left out",
        "boundary": "left out", "injectivity": "left out", "folding": "left out",
        "sizes": "left out",
    }  # fmt: skip


def test_ctrl_c_that_an_enumeration_kept_to_itself_stops_the_report(
    ask, capsys, monkeypatch
) -> None:
    from polyrelu.reporting import answers

    def stopped(*given: object, **options: object) -> pr.DecisionBoundary:
        with deferred_interrupt() as interrupted:
            ctrl_c()
            assert interrupted()
        return pr.decision_boundary(*given, **options)

    monkeypatch.setattr(answers, "decision_boundary", stopped)
    states = states_after_ctrl_c(ask, capsys)
    assert states["pictures"] == "done"
    assert states["boundary"] == "cut short"
    assert {states[name] for name in ("injectivity", "folding", "sizes")} == {"left out"}


def test_ctrl_c_among_the_regions_keeps_them(ask, capsys, monkeypatch) -> None:
    whole = Enumeration.blocks

    def interrupted(self: Enumeration) -> Iterator[object]:
        for block in whole(self):
            yield block
            ctrl_c()

    monkeypatch.setattr(Enumeration, "blocks", interrupted)
    pr.save_network(network(3, 60, 1), "net.npz")  # more than one block of regions
    states = states_after_ctrl_c(ask, capsys)
    assert states["regions"] == "cut short"
    assert {states[name] for name in states if name not in ("subject", "regions")} == {"left out"}


def test_ctrl_c_before_a_region_is_found_writes_nothing(ask, capsys, monkeypatch) -> None:
    from polyrelu.reporting import overview

    monkeypatch.setattr(overview, "regions", ctrl_c)
    assert main(ask) == 130
    assert "nothing was kept" in capsys.readouterr().err
    assert not Path("report.html").exists()
    with pytest.raises(KeyboardInterrupt):
        pr.report(network(2, 3, 2), pr.Box(-1, 1, dim=2))


# --- in a browser --------------------------------------------------------------------------------


@needs_browser
@pytest.mark.parametrize(("width", "dark"), [(1000, False), (360, True)])
def test_a_browser_shows_it(plane, width: int, dark: bool) -> None:
    made, file = plane
    seen = look(file, width, dark=dark)
    assert seen["complaints"] == []
    assert seen["title"] == made.title
    assert seen["overflow"] <= 0
    assert seen["drawn"] == seen["images"] >= 5
    assert not [name for name in seen["inside"] if not name.startswith("data:")]
    assert seen["background"] == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
    assert "Decision boundary" in seen["text"]
    assert len(seen["screenshot"]) > 15_000


@needs_browser
def test_a_browser_shows_solids_and_training(tmp_path: Path) -> None:
    solids = pr.regions(network(3, 4, 4, 2), pr.Box(-1, 1, dim=3))
    pr.plot.save_html(solids, tmp_path / "solids.html")
    seen = look(tmp_path / "solids.html", 800)
    assert seen["complaints"] == []
    assert "class 0" in seen["text"] or "class 1" in seen["text"]
    assert seen["overflow"] <= 0
    nets = [network(2, 3, 2, seed=k) for k in range(2)]
    pr.plot.save_training(nets, tmp_path / "film.html", pr.Box(-1, 1, dim=2))
    seen = look(tmp_path / "film.html", 360)
    assert seen["complaints"] == []
    assert seen["drawn"] == 1
    assert "1 of 2" in seen["text"]
    assert seen["overflow"] <= 0
