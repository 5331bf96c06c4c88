"""Plain ```python fences, run when the site is built.

A code host shows a ```python fence with its colours, and a {code-cell} of MyST without; so the
pages have the former, and are read here as notebooks whose cells they are. Each page is one
session, from top to bottom, in a scratch folder in which ``demo/`` lies, as in the tests.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
from jupyter_cache import get_cache
from myst_nb.core.read import read_myst_markdown_notebook
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
DEMO = "POLYRELU_DEMO"  # the environment variable that tells a page's session where the demo is
KERNEL = {"name": "python3", "display_name": "Python", "language": "python"}

_NEEDS = re.compile(r"^```python needs=(\S+)$", re.MULTILINE)
# The cache of cells knows a page by its code alone, hence the digest of the library's.
_SETUP = f"""\
# polyrelu {{digest}}
import os, shutil
shutil.copytree(os.environ["{DEMO}"], "demo", ignore=shutil.ignore_patterns("*.py", "*.png"))
%matplotlib inline
"""


def read(text: str) -> nbformat.NotebookNode:
    """The page as a notebook: what myst-nb calls a custom format."""
    page = read_myst_markdown_notebook(
        _NEEDS.sub(_plain_if_missing, text), code_directive="python", add_source_map=True
    )
    if any(cell.cell_type == "code" for cell in page.cells):
        setup = nbformat.v4.new_code_cell(_SETUP.format(digest=_digest()))
        setup.metadata["tags"] = ["remove-cell"]
        page.cells.insert(0, setup)
        page.metadata["source_map"].insert(0, 0)
    page.metadata["kernelspec"] = KERNEL
    return page


def _plain_if_missing(fence: re.Match[str]) -> str:
    """The opening of a fence: of code to run, or only to show if what it needs is not installed."""
    modules = fence[1].split(",")
    return "```python" if all(map(importlib.util.find_spec, modules)) else "```py"


@cache
def _digest() -> str:
    found = hashlib.sha256()
    for path in sorted([*ROOT.glob("polyrelu/**/*.py"), *ROOT.glob("demo/**/*.npz")]):
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _prepare(app: Sphinx) -> None:
    """Once, before pages are read in parallel."""
    # The first process to come would make the cache's tables, and so would the second.
    get_cache(app.config.nb_execution_cache_path).change_cache_limit(10_000)
    # Nobody's own configuration of IPython changes what pages show.
    profile = ROOT / "build" / "ipython" / "profile_default"
    profile.mkdir(parents=True, exist_ok=True)
    quiet = "c.IPKernelApp.log_level = 40\n"
    (profile / "ipython_kernel_config.py").write_text(quiet, encoding="utf-8")
    os.environ["IPYTHONDIR"] = str(profile.parent)
    logging.getLogger("traitlets").setLevel(logging.WARNING)


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("builder-inited", _prepare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
