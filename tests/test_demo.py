"""`make demo`, in a copy of its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_demo_finds_all_checks_a_sample_and_leaves_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("cdd")
    for name in ("run.py", "network.npz"):
        shutil.copy(ROOT / "demo" / name, tmp_path)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "run.py")],
        env=os.environ | {"PYTHONPATH": str(ROOT), "MPLBACKEND": "Agg"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "48,283 regions (all of them)" in done.stdout
    assert "passed: level judge, 20 of 48,283 regions" in done.stdout
    assert (tmp_path / "regions.png").read_bytes().startswith(b"\x89PNG")
