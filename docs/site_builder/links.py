"""Public names in the pages' inline code link to the reference: `regions(net, box)` to regions."""

from __future__ import annotations

import inspect
import re
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

import polyrelu

from .subjects import MODULES

_CODE = re.compile(r"(?:pr\.|polyrelu\.)?([A-Za-z_][\w.]*)")
LINKS = nodes.reference | nodes.title | addnodes.pending_xref
_SHORT = {f"{module.rpartition('.')[2]}.": f"{module}." for module in MODULES.values()}


def target(code: str) -> str | None:
    """The full name that a piece of inline code begins with, if it is public."""
    match = _CODE.match(code)
    if match is None:
        return None
    name = match[1].rstrip(".")
    for short, full in _SHORT.items():
        if name.startswith(short):
            return f"{full}{name.removeprefix(short)}"
    first, _, rest = name.partition(".")
    if first not in polyrelu._WHERE or (rest and not inspect.isclass(getattr(polyrelu, first))):
        return None  # such as `decision.classes`, of a variable that is called as a function is
    return f"polyrelu.{name}"


class LinkNames(SphinxTransform):
    default_priority = 400

    def apply(self, **kwargs: Any) -> None:
        if self.env.docname.startswith("docs/reference/"):
            return
        for literal in list(self.document.findall(nodes.literal)):
            parent = literal.parent
            name = target(literal.astext())
            if name is None or isinstance(parent, LINKS):
                continue
            link = addnodes.pending_xref(
                "",
                literal.deepcopy(),
                refdomain="py",
                reftype="obj",
                reftarget=name,
                refexplicit=True,
                refwarn=False,
                refdoc=self.env.docname,
            )
            parent.replace(literal, link)


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
