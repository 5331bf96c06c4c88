"""Optional packages: imported late, and asked for by the name of their extra."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from polyrelu.errors import MissingExtraError
from polyrelu.io import load_network
from polyrelu.network import Network


def test_importing_polyrelu_imports_no_optional_package() -> None:
    code = (
        "import sys, polyrelu, polyrelu.io, polyrelu.io.torch, polyrelu.io.onnx\n"
        "import polyrelu.io.sklearn\n"
        "sys.exit(bool({'torch', 'onnx', 'sklearn'} & sys.modules.keys()))"
    )
    root = Path(__file__).parents[1]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("torch", lambda path: Network.from_torch(None)),
        ("sklearn", lambda path: Network.from_sklearn(None)),
        ("onnx", load_network),
    ],
)
def test_missing_package_names_its_extra(
    package: str,
    call: Callable[[Path], Network],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "net.onnx"
    path.touch()
    for name in [n for n in sys.modules if n.split(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # import raises ModuleNotFoundError
    with pytest.raises(MissingExtraError, match=rf"pip install polyrelu\[{package}\]"):
        call(path)
