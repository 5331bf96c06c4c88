"""How objects look in a notebook: a small table in the notebook's own colours."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

Rows = list[tuple[str, str]]
LONGEST = 200  # characters of a value
STATES = {"PROVED": "#1b8a5a", "REFUTED": "#c2502e", "UNKNOWN": "#b8860b"}  # on light and dark


class InNotebook:
    """What notebooks ask an object for. Only what is known already is shown."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        for kind in type(self).__mro__:
            if kind.__name__ in _ROWS:
                return table(kind.__name__, *_ROWS[kind.__name__](self))
        return table(type(self).__name__, [("", repr(self))])


def table(title: str, rows: Rows, state: str = "") -> str:
    """A title and rows of names and values; a state has a colour, and its name beside it."""
    edge = STATES.get(state, "currentColor")
    said = f" <strong>{escape(state)}</strong>" if state else ""
    lines = "".join(
        f'<tr><th scope="row" style="text-align:left;font-weight:normal;opacity:.7;'
        f'vertical-align:top">{escape(name)}</th>'
        f'<td style="text-align:left;overflow-wrap:anywhere">{escape(_short(value))}</td></tr>'
        for name, value in rows
    )
    return (
        f'<div style="border-left:3px solid {edge};padding-left:.7em">'
        f"<div><strong>{escape(title)}</strong>{said}</div><table>{lines}</table></div>"
    )


def _short(value: str) -> str:
    return value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"


def _found(complete: bool, stopped_by: str | None) -> tuple[str, str]:
    return "found", "all" if complete else f"INCOMPLETE: stopped by {stopped_by}"


def _network(net: Any) -> tuple[Rows]:
    box = [] if net.input_box is None else [("input box", repr(net.input_box))]
    notes = [("note", note) for note in net.notes]
    return ([
        ("widths", "-".join(map(str, net.widths))),
        ("thresholds", f"{len(net.thresholds):,}"),
        *box, *notes,
    ],)  # fmt: skip


def _region_graph(graph: Any) -> tuple[Rows]:
    where = graph.domain if graph.slice is None else graph.slice
    return ([
        ("regions", f"{len(graph):,}"),
        ("walls", f"{graph.n_walls:,}"),
        _found(graph.complete, graph.stopped_by),
        ("network", repr(graph.network)),
        ("domain", repr(where)),
    ],)  # fmt: skip


def _region(region: Any) -> tuple[Rows]:
    facets = region.facets
    inside = sum(f.neighbor is not None for f in facets)
    return ([
        ("index", f"{region.index:,}"),
        ("pattern", "".join(map(str, region.pattern.tolist()))),
        ("facets", f"{len(facets):,}, {inside:,} with a neighbour"),
        ("bounded", "yes" if region.bounded else "no"),
        ("a point inside", str(region.witness.tolist())),
    ],)  # fmt: skip


def _count(count: Any) -> tuple[Rows]:
    kind = "" if count.complete else "at least "
    return ([("regions", f"{kind}{count.count:,}"), _found(count.complete, count.stopped_by)],)


def _answer(answer: Any) -> tuple[Rows, str]:
    rows = [("reason", answer.reason)]
    for name in ("value", "witness", "certificate"):
        if getattr(answer, name) is not None:
            rows.append((name, repr(getattr(answer, name))))
    rows += [(name, str(value)) for name, value in answer.stats.items()]
    return rows, answer.status.name


def _robust_radius(found: Any) -> tuple[Rows, str]:
    return [
        ("reason", found.reason),
        ("decision", str(found.label)),
        ("distance", f"from {found.radius!r} to {found.upper!r}, norm {found.norm:g}"),
        ("rival", str(found.rival)),
    ], found.status.name  # fmt: skip


def _boundary(found: Any) -> tuple[Rows]:
    return ([
        ("pieces", f"{len(found):,}"),
        ("regions that tie", f"{len(found.tied):,}"),
        ("classes", ", ".join(map(str, found.decision.classes))),
        _found(found.complete, found.graph.stopped_by),
    ],)  # fmt: skip


def _lipschitz(found: Any) -> tuple[Rows]:
    exact = [] if found.exact is None else [("exact", str(found.exact))]
    return ([("norm", f"{found.norm:g}"), ("between", repr(found.value)), *exact,
             ("attained on region", f"{found.region:,}")],)  # fmt: skip


def _stability(found: Any) -> tuple[Rows]:
    return ([
        ("regions", f"{len(found.graph):,}"),
        ("lower Lipschitz constant", str(found.lower)),
        ("upper Lipschitz constant", str(found.upper)),
        ("condition number", str(found.condition_number)),
    ],)  # fmt: skip


def _path(path: Any) -> tuple[Rows]:
    found = path.folding()
    return ([
        ("pieces", f"{len(path):,}"),
        ("folding χ", f"{float(found.chi):.4g} = {found.chi}"),
        ("range, length", f"{found.range:,}, {found.length:,}"),
    ],)  # fmt: skip


def _output_range(found: Any) -> tuple[Rows]:
    ends = [(name, getattr(found, name).value) for name in ("low", "high")]
    return ([(name, "none" if v is None else f"{float(v)!r}") for name, v in ends],)


def _verification(found: Any) -> tuple[Rows]:
    rows = [
        ("passed" if found.ok else "FAILED", f"{found.sample:,} of {found.regions:,} regions"),
        ("level", found.level),
    ]
    return ([*rows, *(("failure", str(failure)) for failure in found.failures[:5])],)


def _report(found: Any) -> tuple[Rows]:
    cut = [(s.title, f"{s.state}: {s.reason}") for s in found.sections if s.state != "done"]
    return ([*found.subject.headline, *cut],)


_ROWS: dict[str, Callable[[Any], tuple[Rows] | tuple[Rows, str]]] = {
    "Network": _network,
    "RegionGraph": _region_graph,
    "Region": _region,
    "Count": _count,
    "Answer": _answer,
    "RobustRadius": _robust_radius,
    "DecisionBoundary": _boundary,
    "Lipschitz": _lipschitz,
    "Stability": _stability,
    "ActivationPath": _path,
    "OutputRange": _output_range,
    "Verification": _verification,
    "Report": _report,
}
