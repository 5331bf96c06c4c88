"""Notebooks run from top to bottom; objects and progress look as they should in them."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from test_plot import network

import polyrelu as pr
from polyrelu.notebook import LONGEST
from polyrelu.progress import Meter, NotebookMeter, in_notebook, reporter

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def outputs(path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict]:
    """Execute a notebook; all of its outputs."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("matplotlib")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")
    notebook = nbformat.read(path, as_version=4)
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": path.parent}}
                            ).execute()  # fmt: skip
    return [out for cell in notebook.cells for out in cell.get("outputs", [])]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = outputs(path, monkeypatch)
    kinds = [kind for out in found for kind in out.get("data", {})]
    assert kinds.count("image/png") >= 2
    assert kinds.count("text/html") >= 1
    assert not any(out.get("name") == "stderr" for out in found)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs_and_listed(path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert f"notebooks/{path.name}" in (ROOT / "docs" / "index.md").read_text()


@pytest.mark.slow
def test_progress_in_a_kernel_is_one_line_that_changes(tmp_path: Path, monkeypatch) -> None:
    nbformat = pytest.importorskip("nbformat")
    code = """
import numpy as np, time
import polyrelu as pr
from polyrelu.progress import reporter
rng = np.random.default_rng(0)
report = reporter(True, "steps")
for k in (1, 2, 3):
    report(k, 0.1)
    time.sleep(0.25)
"""
    path = tmp_path / "a.ipynb"
    for end, expected in (("", "3 steps, 0.1 s, 30/s"), ("report.close()", "")):
        cell = nbformat.v4.new_code_cell(code + end)
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
        (shown,) = outputs(path, monkeypatch)
        assert shown["data"] == {"text/plain": expected}


# --- progress ------------------------------------------------------------------------------------


def test_progress_knows_a_notebook_without_loading_ipython(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "IPython", None)
    assert not in_notebook()
    for shell, expected in [(None, False), (SimpleNamespace(), False),
                            (SimpleNamespace(kernel=object()), True)]:  # fmt: skip
        module = SimpleNamespace(get_ipython=lambda shell=shell: shell)
        monkeypatch.setitem(sys.modules, "IPython", module)
        assert in_notebook() is expected
    assert isinstance(reporter(True), NotebookMeter)
    assert isinstance(reporter(True), Meter)  # searches close those
    assert reporter(False) is None
    given = print
    assert reporter(given) is given


# --- objects -------------------------------------------------------------------------------------

BAD = "<script>alert(1)</script>&\"'"


class Balanced(HTMLParser):
    """Fails where tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        assert tag in ("div", "strong", "table", "tr", "th", "td")
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data + "\n"


def objects() -> dict[str, object]:
    net, box = network(2, 6, 4, 2), pr.Box(-1, 1, dim=2)
    graph = pr.regions(net, box)
    return {
        "Network": net,
        "RegionGraph": graph,
        "Region": graph[3],
        "Count": pr.count_regions(net, box),
        "Answer": pr.is_injective(net, box),
        "RobustRadius": pr.robust_radius(net, [0.1, 0.2], box),
        "DecisionBoundary": pr.decision_boundary(net, box),
        "Lipschitz": pr.lipschitz_constant(graph),
        "Stability": pr.stability(net, box),
        "ActivationPath": pr.activation_path(net, [[-1, -1], [1, 1]]),
        "OutputRange": pr.output_range(net, box, output=0),
        "Verification": graph.verify("patterns"),
    }


def test_objects_in_a_notebook() -> None:
    for name, thing in objects().items():
        seen = Balanced(thing._repr_html_())
        assert seen.text.startswith(name)
        assert "color" not in re.sub(r"currentColor|border-left", "", seen.text)


def test_what_the_tables_say() -> None:
    found = objects()
    graph = found["RegionGraph"]
    assert f"\n{len(graph):,}\n" in Balanced(graph._repr_html_()).text
    part = pr.regions(graph.network, graph.domain, limits=pr.Limits(regions=3))
    assert "INCOMPLETE: stopped by regions" in part._repr_html_()
    count = pr.count_regions(graph.network, graph.domain, limits=pr.Limits(regions=3))
    assert "at least 3" in count._repr_html_()
    answer = found["Answer"]
    assert answer.status.name in Balanced(answer._repr_html_()).text
    assert answer.reason in Balanced(answer._repr_html_()).text
    path = found["ActivationPath"]
    assert str(path.folding().chi) in Balanced(path._repr_html_()).text


def test_strangers_text_is_text_and_short() -> None:
    net = pr.Network(network(1, 2, 1).layers, notes=(BAD, "long " * 500))
    text = net._repr_html_()
    assert "<script" not in text
    seen = Balanced(text).text
    assert BAD in seen
    assert max(map(len, seen.splitlines())) <= LONGEST
    answer = pr.Answer(pr.Status.UNKNOWN, BAD, stats={BAD: BAD})
    assert "<script" not in answer._repr_html_()


def test_a_large_network_is_shown_at_once() -> None:
    wide = pr.Network.from_layers([(np.ones((2000, 784)), np.zeros(2000)),
                                   (np.ones((10, 2000)), np.zeros(10))])  # fmt: skip
    assert len(wide._repr_html_()) < 2000
