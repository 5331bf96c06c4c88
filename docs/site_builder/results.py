"""Classes that public functions take or return, or public classes hold, and that are no names of
polyrelu itself.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from typing import Any

from .annotations import qualified

_OURS = re.compile(r"polyrelu(?:\.\w+)+")
_CLASS = re.compile(r":class:`(\w+)`")
# What a reader of the reference does not need: how it is made, not what it means.
INTERNAL = ("polyrelu.engine.", "polyrelu.network.FieldsOnly")


def results(values: Iterable[Any], public: set[str]) -> list[str]:
    """Full names, in the order in which they are met; ``public`` are those with a place already."""
    found: list[str] = []
    waiting = list(values)
    while waiting:
        for name in _mentioned(waiting.pop(0)):
            module, _, short = name.rpartition(".")
            kind = getattr(importlib.import_module(module), short)
            if not inspect.isclass(kind):
                continue
            defined = f"{kind.__module__}.{kind.__name__}"  # not where it was imported
            if defined.startswith("typing.") or defined.startswith(INTERNAL):
                continue
            if defined not in {*public, *found}:
                found.append(defined)
                waiting.append(kind)
    return found


def _mentioned(value: Any) -> Iterator[str]:
    """Names of ours in the annotations and docstring of a function, or of a class's fields and
    public members.
    """
    if inspect.isclass(value):
        shown = [name for name in vars(value) if name[0] != "_" or name == "__init__"]
        members = [vars(value)[name] for name in shown]
        annotations = [*inspect.get_annotations(value).values()]
    else:
        members, annotations = [value], []
    for member in members:
        function = getattr(member, "fget", None) or getattr(member, "func", None) or member
        function = getattr(function, "__func__", function)
        annotations += getattr(function, "__annotations__", {}).values()
        annotations += _CLASS.findall(inspect.getdoc(function) or "")
    for text in annotations:
        if isinstance(text, str):
            yield from _OURS.findall(qualified(text, value.__module__))
