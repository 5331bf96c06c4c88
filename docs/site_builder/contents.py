"""The tree of contents, from the lists of links of docs/index.md: each page stands there once."""

from __future__ import annotations

import posixpath
import re
from typing import Any

from sphinx.application import Sphinx

_HEADING = re.compile(r"^## (.+)$")
_LINK = re.compile(r"^- \[[^\]]+\]\(([^)#:]+)\.md\)")
TREE = """
```{{toctree}}
:hidden:
:caption: {caption}

{entries}
```
"""


def sections(index: str) -> dict[str, list[str]]:
    """Heading -> the pages, relative to docs/ and without .md, that its list's items begin with."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in index.splitlines():
        if match := _HEADING.match(line):
            heading = match[1]
        elif match := _LINK.match(line):
            found.setdefault(heading, []).append(match[1])
    return found


def _add_trees(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname != app.config.root_doc:
        return
    for caption, pages in sections(source[0]).items():
        entries = [posixpath.normpath(f"/docs/{page}") for page in pages]
        if "/docs/api" in entries:
            entries.insert(entries.index("/docs/api") + 1, "/docs/reference/index")
        source[0] += TREE.format(caption=caption, entries="\n".join(entries))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", _add_trees)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
