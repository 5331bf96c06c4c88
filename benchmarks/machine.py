"""On what the benchmarks ran."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    versions = {}
    for name in ("numpy", "numba", "scipy", "python-flint"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    import polyrelu

    return {
        "date": datetime.date.today().isoformat(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "polyrelu": polyrelu.__version__,
        "python": platform.python_version(),
        **versions,
    }


def cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def header(known: dict[str, Any]) -> str:
    return "\n".join(
        [
            f"polyrelu {known['polyrelu']} on {known['cpu']} ({known['cores']} cores, "
            f"{known['system']}), {known['date']}",
            f"python {known['python']}, numpy {known['numpy']}, numba {known['numba']}, "
            f"python-flint {known['python-flint']}",
            "CPU seconds of one thread, unless it says otherwise; medians.",
        ]
    )
