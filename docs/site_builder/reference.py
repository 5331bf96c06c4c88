"""The API reference: a page for each subject, from the registries of public names."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from .docstrings import ATTRIBUTE
from .results import results
from .subjects import MODULES, names_by_subject, names_of_module

FOLDER = Path(__file__).parents[1] / "reference"  # ignored by git
INTRODUCTION = """\
Every public name of ``polyrelu`` once, by subject, from its docstring. All of it at a glance:
:doc:`the overview </docs/api>`.
"""


def pages() -> dict[str, str]:
    """File name -> reStructuredText."""
    subjects = [(title, "polyrelu", names) for title, names in names_by_subject().items() if names]
    subjects += [(title, module, names_of_module(module)) for title, module in MODULES.items()]
    placed = {
        f"{value.__module__}.{value.__name__}"
        for _, module, names in subjects
        for value in _values(module, names)
        if inspect.isclass(value)
    }
    made = {}
    for title, module, names in subjects:
        others = results(_values(module, names), placed)
        placed.update(others)
        made[_file_name(title)] = _page(title, module, names, others)
    entries = "\n".join(f"   {Path(name).stem}" for name in made)
    tree = f".. toctree::\n   :maxdepth: 1\n\n{entries}\n"
    return made | {"index.rst": f"{_heading('API reference')}\n{INTRODUCTION}\n{tree}"}


def _page(title: str, module: str, names: list[str], others: list[str]) -> str:
    parts = [_heading(title)]
    if module != "polyrelu":
        parts.append(f".. automodule:: {module}\n   :no-members:\n")
    parts.append(f".. currentmodule:: {module}\n")
    # Functions first: they are what a reader looks for, and make the classes.
    values = zip(names, _values(module, names), strict=True)
    parts += [_entry(*pair) for pair in sorted(values, key=lambda pair: inspect.isclass(pair[1]))]
    if others:
        parts.append(".. rubric:: What these return and hold\n")
        parts += [_entry(name, _value(name)) for name in others]
    return "\n".join(parts)


def _value(name: str) -> Any:
    module, _, short = name.rpartition(".")
    return getattr(importlib.import_module(module), short)


def _values(module: str, names: list[str]) -> list[Any]:
    found = importlib.import_module(module)
    return [getattr(found, name) for name in names]


def _entry(name: str, value: Any) -> str:
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, BaseException) else "class"
        listed = ", ".join(_listed_fields(value))
        options = f"   :exclude-members: {listed}\n" if listed else ""
        return f".. auto{kind}:: {name}\n{options}"
    if callable(value):
        return f".. autofunction:: {name}\n"
    return f".. autodata:: {name}\n   :no-value:\n"


def _listed_fields(kind: type) -> list[str]:
    """Fields that the class's own docstring explains; autodoc would list them once more."""
    lines = (inspect.getdoc(kind) or "").splitlines()
    found = (match[1].split(", ") for match in map(ATTRIBUTE.match, lines) if match)
    explained = {name for names in found for name in names}
    return [name for name in inspect.get_annotations(kind) if name in explained]


def _heading(title: str) -> str:
    return f"{title}\n{'=' * len(title)}\n"


def _file_name(title: str) -> str:
    return title.lower().replace(" ", "-") + ".rst"


def _write(app: Sphinx) -> None:
    """Only what has changed, so that Sphinx reads no page again in vain."""
    wanted = pages()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.rst"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = FOLDER / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
