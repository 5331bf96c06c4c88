"""Other tools: which there are, what they take, and how to ask them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cache
from math import isinf
from typing import Any

from .nets import Case
from .process import Outcome, run_module


@dataclass(frozen=True)
class Tool:
    """A tool that pip installs.

    Attributes:
        arithmetic: what decides its signs.
        package: what to tell pip, if that is not the name.
        dims: the most inputs that it takes, None for any.
        layers: the most layers, None for any.
        space: it takes the whole space, not only a box.
        box: it takes a box.
        regions: above so many regions it is left out: it would take longer than the limit.
    """

    name: str
    arithmetic: str
    dims: int | None = None
    layers: int | None = None
    package: str | None = None
    space: bool = False
    box: bool = True
    regions: int | None = None

    def refusal(self, case: Case, regions: int) -> str | None:
        """Why it is not asked about a network."""
        if self.dims is not None and case.dim > self.dims:
            return f"at most {self.dims} inputs"
        if isinf(case.radius) and not self.space:
            return "on a box only"
        if not isinf(case.radius) and not self.box:
            return "on the whole space only"
        if self.layers is not None and len(case.layers) > self.layers:
            return "one layer only"
        if self.regions is not None and regions > self.regions:
            return f"left out above {self.regions:,} regions: slow"
        return None


TOOLS = (
    Tool("regioncam", "float32", dims=2),
    Tool("affinitree", "float64 LP", space=True),
    Tool("relucent", "float64 with bounds, then rational or refusal", space=True, regions=1500),
    Tool("polypart", "rational", layers=1, regions=8000),
    Tool(
        "passagemath",
        "rational",
        package="passagemath-polyhedra",
        layers=1,
        space=True,
        box=False,
        regions=3000,
    ),
)

NOT_BY_PIP = (
    "not run: parx (pip brings it, but it wants Julia), relu_edge_subdivision, canonicalpoly,",
    "SplineCam, nnenum, torchays (not on PyPI).",
)


@dataclass(frozen=True)
class Peers:
    """The tools as installed for one Python, and how long each may take.

    Args:
        python: the interpreter that has them; this one by default.
        seconds: wall time for one tool on one network.
    """

    python: str = sys.executable
    seconds: float = 120.0

    @cache  # noqa: B019 (lives as long as the program)
    def version(self, tool: Tool) -> str | None:
        asked = self._ask({"tool": tool.name}, 60.0)
        return None if asked.answer is None else asked.answer["version"]

    def run(self, tool: Tool, case: Case) -> Outcome:
        """Answer: regions, walls, cpu; or the failure."""
        outcome = self._ask({"tool": tool.name, **case.to_json()}, self.seconds)
        if outcome.answer and "error" in outcome.answer:
            error = outcome.answer
            return Outcome(failure=f"refuses: {error['error']} ({error['message']})")
        return outcome

    def _ask(self, request: dict[str, Any], seconds: float) -> Outcome:
        return run_module("benchmarks.peer_worker", request, seconds=seconds, python=self.python)

    def installed(self) -> list[Tool]:
        return [tool for tool in TOOLS if self.version(tool) is not None]

    def notes(self) -> list[str]:
        """Which version of each tool there is, or how to get it."""
        lines = []
        for tool in TOOLS:
            version = self.version(tool)
            state = (
                f"not installed (pip install {tool.package or tool.name})"
                if version is None
                else version
            )
            lines.append(f"{tool.name} {state}: {tool.arithmetic}")
        return [*lines, *NOT_BY_PIP]
