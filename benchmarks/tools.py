"""polyrelu and other tools: which there are, what they take, and how to ask them."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from functools import cache
from math import isinf
from typing import Any

import polyrelu

from .nets import Case
from .process import Outcome, run_module
from .table import Table


@dataclass(frozen=True)
class Tool:
    """A tool that pip installs.

    Attributes:
        arithmetic: what decides its signs.
        licence: its licence, and that of what it cannot do without.
        subject: what it is for.
        fair: what it is fair to expect of it here.
        walls: it says which regions touch.
        dims: the most inputs that it takes, None for any.
        layers: the most layers, None for any.
        space: it takes the whole space, not only a box.
        box: it takes a box.
        package: what to tell pip, if that is not the name.
        needs: other packages whose versions matter.
    """

    name: str
    arithmetic: str
    licence: str
    subject: str
    fair: str
    walls: bool = False
    dims: int | None = None
    layers: int | None = None
    space: bool = False
    box: bool = True
    package: str | None = None
    needs: tuple[str, ...] = ()

    @property
    def distribution(self) -> str:
        return self.package or self.name

    def takes(self, case: Case) -> bool:
        return (
            (self.dims is None or case.dim <= self.dims)
            and (self.layers is None or len(case.layers) <= self.layers)
            and (self.space if isinf(case.radius) else self.box)
        )

    def suited(self, case: Case) -> Case:
        """The network on a box instead of R^d, if the tool wants one and each region meets it."""
        central = not any(b.any() for _, b in case.layers)
        return (
            replace(case, radius=1.0) if isinf(case.radius) and central and not self.space else case
        )


POLYRELU = Tool(
    "polyrelu",
    "float64 with bounds, then rational",
    "MIT",
    "regions and which touch, exactly",
    "right counts and walls; it wrote this page and chose the networks",
    walls=True,
    space=True,
    needs=("numba", "python-flint"),
)

TOOLS = (
    Tool(
        "regioncam",
        "float32",
        "MIT or Apache-2.0",
        "a half-edge mesh of a square of the plane, for pictures and animations of training",
        "right counts and walls, unless they are nearer than float32 can tell",
        walls=True,
        dims=2,
    ),
    Tool(
        "affinitree",
        "float64 LP",
        "Apache-2.0",
        "distils a network into a decision tree, which can be evaluated and compared",
        "right counts in general position; elsewhere it has leaves without interior too",
        space=True,
    ),
    Tool(
        "relucent",
        "float64 with bounds, then rational, or it refuses",
        "AGPL-3.0; Gurobi is proprietary",
        "the complex of a network: search by linear programs, dual graph, homology, volumes",
        "right counts or a refusal; its search has one worker process here (nworkers=1)",
        walls=True,
        space=True,
        needs=("gurobipy", "torch"),
    ),
    Tool(
        "polypart",
        "rational",
        "MIT",
        "a tree that parts a polytope by hyperplanes, for finding the part of a point",
        "right counts",
        layers=1,
    ),
    Tool(
        "passagemath",
        "rational",
        "GPL-2.0 or later",
        "hyperplane arrangements as in SageMath: posets, polynomials, regions as polyhedra",
        "right counts; it makes a polyhedron of each region",
        package="passagemath-polyhedra",
        layers=1,
        space=True,
        box=False,
        needs=("passagemath-ppl",),
    ),
)

NOT_RUN = (
    "not run: parx (pip brings it, but it wants Julia), polymake (passagemath-polymake),",
    "relu_edge_subdivision, canonicalpoly, SplineCam, nnenum, torchays (not on PyPI).",
)


@dataclass(frozen=True)
class Peers:
    """The tools as installed for one Python, and how long each may take.

    Args:
        python: the interpreter that has them; this one by default.
        seconds: wall time for one tool on one network, imports included.
    """

    python: str = sys.executable
    seconds: float = 20.0

    @cache  # noqa: B019 (lives as long as the program)
    def versions(self, tool: Tool) -> dict[str, str | None]:
        """Of its Python, of it and of what it needs; None: not installed."""
        request = {"packages": [tool.distribution, *tool.needs]}
        found = dict(self._ask(tool, request, 60.0).answer or {})
        if tool is POLYRELU:  # which need not be installed to be measured
            found[tool.distribution] = polyrelu.__version__
        return found

    def version(self, tool: Tool) -> str | None:
        return self.versions(tool).get(tool.distribution)

    def run(self, tool: Tool, case: Case, environment: dict[str, str] | None = None) -> Outcome:
        """Answer: what :func:`benchmarks.peer_worker.measure` returns; or the failure."""
        request = {"tool": tool.name, **case.to_json()}
        outcome = self._ask(tool, request, self.seconds, environment)
        if outcome.answer and "error" in outcome.answer:
            error = outcome.answer
            return Outcome(failure=f"refuses: {error['error']} ({error['message']})")
        return outcome

    def _ask(
        self,
        tool: Tool,
        request: dict[str, Any],
        seconds: float,
        environment: dict[str, str] | None = None,
    ) -> Outcome:
        return run_module(
            "benchmarks.peer_worker",
            request,
            seconds=seconds,
            python=sys.executable if tool is POLYRELU else self.python,
            environment=environment,
        )

    def installed(self) -> list[Tool]:
        return [tool for tool in TOOLS if self.version(tool) is not None]

    def notes(self) -> list[str]:
        """Which version of each tool there is, or how to get it."""
        lines = []
        for tool in TOOLS:
            state = self.version(tool) or f"not installed (pip install {tool.distribution})"
            lines.append(f"{tool.name} {state}: {tool.arithmetic}")
        return [*lines, *NOT_RUN]

    def table(self) -> Table:
        """What each tool is, as installed; its rows say more than its columns show."""
        columns = [
            ("tool", "tool", ""),
            ("version", "version", ""),
            ("licence", "licence", ""),
            ("arithmetic", "signs by", ""),
            ("takes", "takes", ""),
            ("walls", "who touches whom", ""),
        ]
        table = Table("peers: the tools", columns)
        for tool in (POLYRELU, *TOOLS):
            beside = {n: v for n, v in self.versions(tool).items() if n != tool.distribution}
            table.rows.append(
                {
                    "tool": tool.name,
                    "version": self.version(tool) or "not installed",
                    "licence": tool.licence,
                    "with": ", ".join(f"{n} {v}" if v else f"no {n}" for n, v in beside.items()),
                    "arithmetic": tool.arithmetic,
                    "takes": _taken(tool),
                    "walls": "yes" if tool.walls else "no",
                    "subject": tool.subject,
                    "fair": tool.fair,
                }
            )
        table.notes = list(NOT_RUN)
        return table


def _taken(tool: Tool) -> str:
    inputs = f"at most {tool.dims} inputs" if tool.dims else "any inputs"
    layers = "one layer" if tool.layers == 1 else "any depth"
    where = {(True, True): "R^d or a box", (True, False): "R^d"}.get(
        (tool.space, tool.box), "a box"
    )
    return f"{inputs}, {layers}, {where}"
