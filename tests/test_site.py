"""The documentation site without building it: links, contents, and a place for each public name.

``make docs`` builds it, with warnings as errors.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

import pytest

import polyrelu

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))
from site_builder.contents import sections  # noqa: E402
from site_builder.subjects import MODULES, names_by_subject, names_of_module  # noqa: E402

PAGES = [*(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
         *sorted((ROOT / "docs").glob("*.md"))]  # fmt: skip


def without_code(text: str) -> str:
    """A page without fenced blocks and inline code: what looks like a link there is none."""
    text = re.sub(r"^ *(`{3,}).*?^ *\1`*$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "code", text)


def anchor(heading: str) -> str:
    """As code hosts make them, and myst: lower case, no punctuation, hyphens for spaces."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    kept = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return kept.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = re.sub(r"^ *(`{3,}).*?^ *\1`*$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {anchor(title) for title in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


def broken_links(page: Path) -> list[str]:
    found = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page.read_text())):
        if re.match(r"https?://|mailto:", target):
            continue
        path, _, place = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (place and place not in anchors(file)):
            found.append(target)
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, *here*\n[a](#a-title-here) [b](#none) [c](page.md#a-title-here) "
        "[d](gone.md) `[e](code.md)` ![f](gone.png)\n```\n[g](code.md)\n```\n"
    )
    assert broken_links(page) == ["#none", "gone.md", "gone.png"]


def test_the_contents_have_each_page_once() -> None:
    index = ROOT / "docs" / "index.md"
    listed = [page for links in sections(index.read_text()).values() for _, page in links]
    pages = [Path(*([".."] if page.parent == ROOT else []), page.name)
             for page in PAGES if page != index]  # fmt: skip
    pages += [path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/notebooks/*.ipynb")]
    assert Counter(listed) == Counter(page.with_suffix("").as_posix() for page in pages)


def test_the_reference_has_each_public_name_once() -> None:
    """A new module has no subject yet: the error says where to give it one."""
    names = [name for found in names_by_subject().values() for name in found]
    modules = {module.removeprefix("polyrelu.") for module in MODULES.values()}
    public = set(polyrelu.__all__) - {"__version__"}
    assert Counter(names) == Counter(public - modules)
    assert public - set(names) <= modules


@pytest.mark.parametrize("module", MODULES.values())
def test_public_modules_have_their_names(module: str) -> None:
    names = names_of_module(module)
    assert len(names) == len(set(names)) > 0
    found = sys.modules[module]
    assert all(getattr(found, name) is not None for name in names)
