"""Docstrings for autodoc: with annotations as they are written, and the types of attributes."""

from __future__ import annotations

import inspect
import re
from typing import Any, cast

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.domains.python import ObjectEntry
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon import GoogleDocstring
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

from .annotations import has_no_page, meaning_of, page_of, qualified

LONGEST = 5  # parameters of a constructor that is shown; classes with more are made by functions
PROPERTIES = ("attribute", "data", "property")
ATTRIBUTE = re.compile(r" {4}(\w+(?:, \w+)*): +(.*)", re.DOTALL)
_kept: dict[str, list[str]] = {}


def _signature(
    app: Sphinx,
    what: str,
    name: str,
    value: Any,
    options: Any,
    given: str | None,
    returns: str | None,
) -> tuple[str, str | None] | None:
    """With annotations as they are written: Array, not the array of numpy that it stands for."""
    if given is None or what not in ("class", "function", "method"):
        return None
    try:
        found = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    parameters = [
        p.replace(annotation=qualified(p.annotation, value.__module__))
        if isinstance(p.annotation, str)
        else p
        for p in found.parameters.values()
    ]
    if what == "class" and len(parameters) > LONGEST:
        return "", None
    if what == "method" and parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    returned = found.return_annotation
    text = stringify_signature(found.replace(parameters=parameters), show_return_annotation=False)
    if what == "class" or not isinstance(returned, str) or returned == "None":
        return text, None
    return text, qualified(returned, value.__module__)


def _attributes(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """A class's list of attributes as directives, with types, before napoleon reads it."""
    if what not in ("class", "exception") or "Attributes:" not in lines:
        return
    begin = lines.index("Attributes:") + 1
    rest = (at for at in range(begin, len(lines)) if lines[at] and not lines[at].startswith("    "))
    end = next(rest, len(lines))
    types = {
        field: qualified(text, value.__module__)
        for field, text in inspect.get_annotations(value).items()
    }
    directives: list[str] = []
    for line in lines[begin:end]:
        if match := ATTRIBUTE.match(line):
            directives += ["", *_directive(match[1].split(", "), types), f"   {match[2]}"]
        else:
            directives.append("   " + line[8:])
    lines[begin - 1 : end] = [*directives, ""]


def _directive(names: list[str], types: dict[str, str]) -> list[str]:
    opening = ".. attribute:: "
    found = {types.get(name) for name in names}
    kind = found.pop() if len(found) == 1 else None
    return [
        opening + names[0],
        *(" " * len(opening) + name for name in names[1:]),
        *([f"   :type: {kind}"] if kind else []),
        "",
    ]


def _escape_bars(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """|x| is a length here, and not what reStructuredText takes it for."""
    for at, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
        lines[at] = "``".join(parts)


def _keep(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    if what in PROPERTIES:
        _kept[name] = list(lines)


def _read_again(
    app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]
) -> None:
    """Napoleon takes what is before the first colon of a property's docstring for its type; ours
    are docstrings as all others, and the type is in the annotation.
    """
    if what not in PROPERTIES:
        return
    kept = _kept.pop(name)
    if what == "data" and inspect.getdoc(type(value)) == inspect.cleandoc("\n".join(kept)):
        kept = []  # that of int or dict
    lines[:] = GoogleDocstring(kept, app.config, app, "method", name, value, options).lines()
    getter = getattr(value, "fget", None) or getattr(value, "func", None)
    returned = getattr(getter, "__annotations__", {}).get("return")
    if isinstance(returned, str):
        kind = re.sub(r"_\b", r"\\_", qualified(returned, getter.__module__))
        lines += ["", f":type: {kind}"]


def _missing(app: Sphinx, env: BuildEnvironment, node: Any, content: Any) -> nodes.Element | None:
    """Types of other libraries; aliases of types, which say what they stand for; and names that a
    docstring writes as its own module knows them.
    """
    if node.get("refdomain") != "py":
        return None
    name = node["reftarget"]
    if (page := page_of(name)) is not None:
        return nodes.reference("", "", content, refuri=page)
    if (meaning := meaning_of(name)) is not None:
        return nodes.abbreviation("", "", content, explanation=meaning)
    place = _place(name, env.domains["py"])
    if place is not None:
        return make_refnode(app.builder, node["refdoc"], place.docname, place.node_id, content)
    return content if has_no_page(name) else None


def _place(name: str, domain: Any) -> ObjectEntry | None:
    """Of an object whose module is written otherwise, or not at all."""
    parts = name.split(".")
    for at in range(len(parts)):
        if at and parts[at - 1][0].isupper():
            break  # a class's members are not another's
        suffix = "." + ".".join(parts[at:])
        found = [entry for full, entry in domain.objects.items() if full.endswith(suffix)]
        if len({entry.node_id for entry in found}) == 1:
            return cast("ObjectEntry", found[0])
    return None


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-process-docstring", _escape_bars, priority=300)
    app.connect("autodoc-process-docstring", _attributes, priority=400)
    app.connect("autodoc-process-docstring", _keep, priority=400)
    app.connect("autodoc-process-docstring", _read_again, priority=600)
    app.connect("missing-reference", _missing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
