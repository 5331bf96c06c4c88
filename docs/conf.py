"""The documentation site: ``make docs``. CONTRIBUTING.md says how it is made.

The sources are the files of the repository as they are (README.md, docs/*.md, ...), with their
links; so what Sphinx calls the source directory is the repository, and this folder configures it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
from site_builder import cells  # noqa: E402

import polyrelu  # noqa: E402

project = "polyrelu"
author = "The polyrelu developers"
copyright = "The polyrelu developers"
version = release = polyrelu.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "site_builder.cells",
    "site_builder.reference",
    "site_builder.docstrings",
    "site_builder.contents",
    "site_builder.links",
]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/*.md", "docs/notebooks/*.ipynb", "docs/reference/*.rst"]

# --- pages ------------------------------------------------------------------------------------

myst_enable_extensions = ["dollarmath"]  # of the notebooks
myst_heading_anchors = 4
myst_links_external_new_tab = False
nb_custom_formats = {".md": ["site_builder.cells.read", {}, False]}
nb_execution_mode = "cache"
nb_execution_cache_path = str(HERE.parent / "build" / "cells")
nb_execution_in_temp = True
nb_execution_timeout = 300
nb_execution_show_tb = True
nb_merge_streams = True
nb_number_source_lines = False
suppress_warnings = ["mystnb.unknown_mime_type"]
os.environ[cells.DEMO] = str(HERE.parent / "demo")
os.environ["PYTHONPATH"] = os.pathsep.join(
    [str(HERE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
)

# --- the reference ----------------------------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # site_builder.docstrings has them
autodoc_default_options = {"members": True, "undoc-members": True}
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
nitpicky = True  # names that polyrelu does not have at all; site_builder.docstrings has the others

# --- how it looks -----------------------------------------------------------------------------

html_theme = "furo"
html_title = f"polyrelu {release}"
html_static_path = ["static"]
html_extra_path = ["static/index.html"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}
