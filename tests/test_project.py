"""The project's promises about itself: files agree, importing is light, documentation runs."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import polyrelu

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
FOR_DEVELOPERS = {"test", "docs", "dev"}
DOCUMENTS = [
    path for path in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))] if path.exists()
]


# --- pyproject, Makefile and documents agree ---------------------------------------------------


def test_all_takes_every_extra() -> None:
    (requirement,) = EXTRAS["all"]
    taken = re.fullmatch(r"polyrelu\[(.*)\]", requirement)
    assert taken
    assert set(taken[1].split(",")) == set(EXTRAS) - FOR_DEVELOPERS - {"all"}


def test_every_requirement_has_a_lower_bound() -> None:
    requirements = [*PROJECT["dependencies"], *(r for extra in EXTRAS.values() for r in extra)]
    for requirement in requirements:
        assert requirement.startswith("polyrelu[") or re.search(r"[>=]=\d", requirement)


def test_version_is_the_same_everywhere() -> None:
    import polyrelu

    version = PROJECT["version"]
    assert polyrelu.__version__ == version
    try:
        installed = importlib.metadata.version("polyrelu")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("polyrelu runs from its folder, it is not installed")
    assert installed == version


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_makefile_targets_are_phony_and_listed() -> None:
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == make_targets()
    assert set(re.findall(r"^([a-z]+):.*## ", text, re.MULTILINE)) == make_targets()


def test_makefile_asks_for_extras_that_exist() -> None:
    text = (ROOT / "Makefile").read_text()
    asked = re.findall(r"^\t@\$\(SETUP\) (.*)$", text, re.MULTILINE)
    asked += re.findall(r"^TEST_EXTRAS := (.*)$", text, re.MULTILINE)
    names = {word for words in asked for word in words.split()} - {"$(TEST_EXTRAS)"}
    assert names
    assert names <= set(EXTRAS)
    assert "torch" not in names, "make must not pull gigabytes"


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_make_commands_and_extras_in_documents_exist(path: Path) -> None:
    text = path.read_text()
    inline = re.findall(r"`(?:[A-Z]+=\S+ )*make ([a-z]+)", text)
    in_blocks = re.findall(r"^\s*(?:\$ )?make ([a-z]+)\b", text, re.MULTILINE)
    assert {*inline, *in_blocks} <= make_targets()
    for names in re.findall(r"polyrelu\[([a-z, ]+)\]", text):
        assert {name.strip() for name in names.split(",")} <= set(EXTRAS)


def identifiers(folder: str) -> set[str]:
    return {
        word
        for path in (ROOT / folder).rglob("*.py")
        for word in re.findall(r"\w+", path.read_text())
    }


@pytest.mark.parametrize("path", [*DOCUMENTS, ROOT / "CONTRIBUTING.md"], ids=lambda p: p.name)
def test_what_documents_name_of_the_inside_exists(path: Path) -> None:
    """Private names, and files: nothing else notices when they move."""
    code = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL))
    private = {name for name in code if re.fullmatch(r"_[a-z]\w+", name)}
    assert private <= identifiers("polyrelu")
    for name in (name for name in code if re.fullmatch(r"[a-z_/]+(\.py|/)", name)):
        places = [ROOT, ROOT / "polyrelu", ROOT / "tests"]
        found = any((place / name).exists() for place in places)
        assert found or [*(ROOT / "polyrelu").rglob(name.strip("/"))], name


def test_every_module_of_the_engine_is_in_its_table() -> None:
    inside = (ROOT / "polyrelu" / "engine").iterdir()
    names = {p.name for p in inside if p.suffix == ".py"} | {"kernel/", "lp/"}
    table = set(re.findall(r"`engine/([^`]+)`", (ROOT / "docs" / "engine.md").read_text()))
    assert names - table == {"__init__.py"}


def test_readme_names_the_two_commands_and_every_extra() -> None:
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("there is no README.md")
    text = readme.read_text()
    assert "make demo" in text
    assert "make test" in text
    for extra in set(EXTRAS) - FOR_DEVELOPERS:
        assert re.search(rf"\b{extra}\b", text), f"README.md does not name the extra {extra}"


@pytest.mark.parametrize("script", ["scripts/setup.sh", ".ci/run"])
def test_shell_scripts_parse_and_can_be_run(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(path)], check=True)


# --- importing is light ------------------------------------------------------------------------


def test_import_leaves_heavy_libraries_alone() -> None:
    heavy = ["numba", "networkx", "matplotlib", "torch", "onnx", "sklearn", "cdd"]
    code = f"import sys, polyrelu; print(*[m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


# --- the demo's network ------------------------------------------------------------------------


def test_demo_network_is_plain_arrays_that_fit() -> None:
    with np.load(ROOT / "demo" / "network.npz", allow_pickle=False) as file:
        arrays = dict(file)
    lo, hi = arrays.pop("lo"), arrays.pop("hi")
    assert np.all(lo < hi)
    assert len(lo) in (3, 4)
    width = len(lo)
    depth = len(arrays) // 2
    for k in range(depth):
        weight, bias = arrays.pop(f"W{k}"), arrays.pop(f"b{k}")
        assert weight.dtype == bias.dtype == np.float64
        assert weight.shape == (len(bias), width)
        assert np.isfinite(weight).all()
        assert np.isfinite(bias).all()
        width = len(bias)
    assert depth >= 2
    assert not arrays, "nothing else may lie in the file"


# --- the documentation runs --------------------------------------------------------------------


@dataclass(frozen=True)
class Block:
    """A ```python block of a document: its code, the number of its first line, what it needs."""

    code: str
    line: int
    needs: tuple[str, ...]


def python_blocks(text: str) -> Iterator[Block]:
    """The blocks fenced as ```python or ```python needs=module,module, in order.

    A fence may be indented (in a list) and may be longer than three backticks; it is closed
    by as many. Blocks of other languages are passed over, with all that stands in them.
    """
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        opening = re.fullmatch(r"( *)(`{3,})([^`]*)", lines[at])
        at += 1
        if not opening:
            continue
        indent, fence, info = opening.groups()
        start = at
        while at < len(lines) and not re.fullmatch(rf" *{fence}`* *", lines[at]):
            at += 1
        assert at < len(lines), f"the block that begins at line {start} is never closed"
        words = info.split()
        if words[:1] == ["python"]:
            needs = [w.removeprefix("needs=") for w in words[1:] if w.startswith("needs=")]
            assert len(needs) == len(words) - 1, f"line {start}: unknown word in ```{info}"
            code = "\n".join(line.removeprefix(indent) for line in lines[start:at])
            yield Block(code, start + 1, tuple(n for need in needs for n in need.split(",")))
        at += 1


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_documentation_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each document, from top to bottom in one namespace, in a folder with the demo's networks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    shutil.copytree(ROOT / "demo" / "surfaces", tmp_path / "demo" / "surfaces")
    shutil.copy(ROOT / "demo" / "network.npz", tmp_path / "demo")
    namespace: dict[str, object] = {"__name__": "__main__"}
    for block in python_blocks(path.read_text()):
        if all(importlib.util.find_spec(module) for module in block.needs):
            padding = "\n" * (block.line - 1)  # so that a traceback shows the document's line
            exec(compile(padding + block.code, str(path), "exec"), namespace)


def test_python_blocks_are_found() -> None:
    text = """
```python
x = 1
```
- in a list

  ```python needs=torch,onnx
  if x:
      y = 2
  ```

```sh
make test
```
````markdown
```python
not_run
```
````
"""
    assert list(python_blocks(text)) == [
        Block("x = 1", 3, ()),
        Block("if x:\n    y = 2", 8, ("torch", "onnx")),
    ]


def test_an_unclosed_or_misspelt_block_is_an_error() -> None:
    with pytest.raises(AssertionError, match="never closed"):
        list(python_blocks("```python\nx = 1\n"))
    with pytest.raises(AssertionError, match="unknown word"):
        list(python_blocks("```python need=torch\n```\n"))


def test_the_page_of_public_names_is_complete() -> None:
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name in polyrelu.__all__:
        assert re.search(rf"\b{re.escape(name)}\b", text) or name == "__version__", name
    internal = {"compiled", "local_witnesses", "packed_patterns", "exact_witnesses", "equalities",
                "lines", "slice", "stats", "network", "domain", "dim", "n_walls", "form", "index",
                "complete", "stopped_by"}  # fmt: skip
    for kind in (polyrelu.RegionGraph, polyrelu.Region):
        public = {n for n in [*dir(kind), *getattr(kind, "__annotations__", {})] if n[0] != "_"}
        for name in sorted(public - internal):
            assert re.search(rf"\.{name}\b", text), f"{kind.__name__}.{name}"
