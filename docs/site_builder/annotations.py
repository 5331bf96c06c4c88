"""Names in annotations, as they are written: what they stand for, and where that is documented."""

from __future__ import annotations

import ast
import builtins
import importlib.util
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"(?<![\w.\"'])([A-Za-z_]\w*)((?:\.\w+)*)")

PYTHON = "https://docs.python.org/3/library/"
NUMPY = "https://numpy.org/doc/stable/reference/"
# Pages of types of other libraries, by module; {} is the full name. (The inventories of intersphinx
# would have to be fetched in each build.)
PAGES = {
    "numpy.typing": NUMPY + "typing.html#{}",
    "numpy.random": NUMPY + "random/generator.html#{}",
    "numpy": NUMPY + "arrays.scalars.html#{}",
    "flint": "https://python-flint.readthedocs.io/en/latest/",
    "networkx": "https://networkx.org/documentation/stable/reference/classes/graph.html#{}",
    "scipy.sparse": "https://docs.scipy.org/doc/scipy/reference/generated/{}.html",
}


def qualified(annotation: str, module: str) -> str:
    """An annotation with the full names of what is written in it."""
    scope = _scope(module)

    def full(match: re.Match[str]) -> str:
        return scope.get(match[1], match[1]) + match[2]

    return _NAME.sub(full, annotation)


def page_of(name: str) -> str | None:
    """The address of the page on a type of another library, if it is known."""
    module = name.rpartition(".")[0]
    if name == "numpy.ndarray":
        return NUMPY + "generated/numpy.ndarray.html"
    if name in dir(builtins):
        return f"{PYTHON}functions.html#{name}"
    if module in PAGES:
        return PAGES[module].format(name)
    if module.split(".")[0] in sys.stdlib_module_names:
        return f"{PYTHON}{module}.html#{name}"
    return None


def has_no_page(name: str) -> bool:
    """Whether something in polyrelu has this name, whatever stands before its last point; or the
    name is of another library, whose page is not known here.
    """
    first, _, rest = name.partition(".")
    if rest and first != "polyrelu" and importlib.util.find_spec(first) is not None:
        return True
    return name.rpartition(".")[2] in _defined()


@cache
def _defined() -> set[str]:
    """All modules, functions, classes and methods."""
    found = set()
    for path in (ROOT / "polyrelu").rglob("*.py"):
        found |= {path.stem, path.parent.name}
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found.add(node.name)
    return found


def meaning_of(name: str) -> str | None:
    """What an alias such as polyrelu.rational.ExactPoint stands for."""
    module, _, short = name.rpartition(".")
    if not module.startswith("polyrelu") or module not in sys.modules:
        return None
    return _aliases(module).get(short)


@cache
def _tree(module: str) -> ast.Module:
    __import__(module)
    file = sys.modules[module].__file__
    assert file is not None
    return ast.parse(Path(file).read_text(encoding="utf-8"))


@cache
def _aliases(module: str) -> dict[str, str]:
    return {
        node.targets[0].id: ast.unparse(node.value)
        for node in _tree(module).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name | ast.Attribute)
    }


@cache
def _scope(module: str) -> dict[str, str]:
    """Name in a module, also if only a type checker imports it -> full name."""
    found = {}
    package = module if hasattr(sys.modules[module], "__path__") else module.rpartition(".")[0]
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) + 1 - node.level or None]
            origin = ".".join([*(parts if node.level else []), *filter(None, [node.module])])
            found |= {alias.asname or alias.name: f"{origin}.{alias.name}" for alias in node.names}
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef):
            found[node.name] = f"{module}.{node.name}"
    return found | {name: f"{module}.{name}" for name in _aliases(module)}
