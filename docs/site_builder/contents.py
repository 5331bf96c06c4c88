"""The tree of contents, from the lists of links in docs/index.md."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the tests use what is here without Sphinx
    from sphinx.application import Sphinx

_LINK = re.compile(r"^- \[([^\]]+)\]\(([^)#:]+)\.(?:md|ipynb)\)", re.MULTILINE)
TREE = """
```{{toctree}}
:hidden:
:caption: {caption}

{entries}
```
"""


def sections(index: str) -> dict[str, list[tuple[str, str]]]:
    """Heading -> (words, page) of the links with which its list's items begin.

    Pages are relative to docs/, without their endings. Headings without such a list are left out.
    """
    parts = re.split(r"^## (.+)$", index, flags=re.MULTILINE)[1:]
    texts = zip(parts[::2], parts[1::2], strict=True)
    return {heading: links for heading, text in texts if (links := _LINK.findall(text))}


def _add_trees(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname != app.config.root_doc:
        return
    for caption, links in sections(source[0]).items():
        entries = []
        for words, page in links:
            entries.append(f"{words} <{posixpath.normpath(f'/docs/{page}')}>")
            if page == "api":
                entries.append("/docs/reference/index")
        source[0] += TREE.format(caption=caption, entries="\n".join(entries))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("source-read", _add_trees)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
