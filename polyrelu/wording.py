"""Answers in words: for people, and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import Answer
    from .queries.boundary import DecisionBoundary
    from .queries.ends import End
    from .queries.lipschitz import Lipschitz
    from .queries.robustness import RobustRadius
    from .queries.stability import Stability
    from .queries.surjectivity import OutputRange


@dataclass(frozen=True)
class Wording:
    """An answer, written.

    Attributes:
        json: for programs.
        lines: for people.
        outcome: "done", "refuted" or "limit".
    """

    json: dict[str, Any]
    lines: list[str]
    outcome: str


def wording_of(found: Any) -> Wording:
    """Of whatever a question of the command line has for an answer."""
    from .queries.boundary import DecisionBoundary
    from .queries.lipschitz import Lipschitz
    from .queries.robustness import RobustRadius
    from .queries.stability import Stability

    if isinstance(found, Stability):
        return Wording(stability_json(found), stability_lines(found), "done")
    if isinstance(found, DecisionBoundary):
        shown = boundary_json(found)
        return Wording(shown, boundary_lines(shown), "done" if found.complete else "limit")
    if isinstance(found, RobustRadius):
        return Wording(radius_json(found), radius_lines(found), _OUTCOMES[found.status.value])
    if isinstance(found, Lipschitz):
        return Wording(lipschitz_json(found), lipschitz_lines(found), "done")
    return Wording(answer_json(found), answer_lines(found), _OUTCOMES[found.status.value])


_OUTCOMES = {"proved": "done", "refuted": "refuted", "unknown": "limit"}


def answer_lines(answer: Answer) -> list[str]:
    """For people."""
    lines = [f"{answer.status.name}: {answer.reason}"]
    if answer.witness is not None:
        lines += [f"  {line}" for line in _witness_lines(answer.witness)]
    if answer.certificate is not None:
        lines.append(f"  certificate: {certificate_text(answer.certificate)}")
    if answer.stats:
        lines.append("  " + ", ".join(f"{k} {_number(v)}" for k, v in answer.stats.items()))
    return lines


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _witness_lines(witness: Any) -> list[str]:
    from .queries.ends import End
    from .queries.witness import Collision

    if isinstance(witness, Collision):
        names = (("x", witness.x), ("y", witness.y), ("output", witness.output))
        return [f"{name:<7} {_floats(point)}" for name, point in names]
    if isinstance(witness, End):
        return [f"at      {_floats(witness.point)}"]
    return [f"regions {', '.join(map(str, witness))}"]


def _floats(point: tuple[Fraction, ...]) -> str:
    return "(" + ", ".join(f"{v:.17g}" for v in _rounded(point)) + ")"


def certificate_text(certificate: Any) -> str:
    """What kind of proof, and how large."""
    from .graph import RegionGraph

    if isinstance(certificate, RegionGraph):
        return f"{len(certificate):,} regions"
    return str(certificate)


def answer_json(answer: Answer) -> dict[str, Any]:
    """Exact numbers are strings "p/q", with their float64 beside them."""
    from .queries.ends import End
    from .queries.witness import Collision

    witness = answer.witness
    shown: Any = None
    if isinstance(witness, Collision):
        shown = {name: _point(getattr(witness, name)) for name in ("x", "y", "output")}
    elif isinstance(witness, End):
        shown = {"point": _point(witness.point), "value": None}
        if witness.value is not None:
            shown["value"] = _point((witness.value,))
    elif witness is not None:
        shown = {"regions": list(witness)}
    return {
        "status": answer.status.value,
        "reason": answer.reason,
        "witness": shown,
        "certificate": answer.certificate and certificate_text(answer.certificate),
        "stats": answer.stats,
    }


def _point(point: tuple[Fraction, ...]) -> dict[str, Any]:
    return {"exact": [str(v) for v in point], "rounded": list(map(_finite, _rounded(point)))}


def _rounded(point: tuple[Fraction, ...]) -> list[float]:
    from .network import quotient

    return [quotient(v.numerator, v.denominator) for v in point]


def _finite(value: float) -> float | None:
    """JSON knows no infinity."""
    return value if abs(value) != float("inf") else None


def stability_json(found: Stability) -> dict[str, Any]:
    names = ("lower", "upper", "frame_bound", "inverse_lipschitz", "condition_number")
    bounds = {name: _bounds(getattr(found, name)) for name in names}
    return {"regions": len(found.graph), "weakest": found.weakest,
            "strongest": found.strongest, **bounds}  # fmt: skip


def _bounds(bounds: Any) -> list[float | None]:
    return [_finite(bounds.low), _finite(bounds.high)]


def stability_lines(found: Stability) -> list[str]:
    """For people."""
    return [
        f"{len(found.graph):,} regions",
        f"  |F(x) - F(y)| >= kappa_L |x - y|, kappa_L in {found.lower}",
        f"  |F(x) - F(y)| <= kappa_U |x - y|, kappa_U in {found.upper}",
        f"  A, the least squared singular value: {found.frame_bound} (region {found.weakest})",
        f"  condition number kappa_U / kappa_L in {found.condition_number}",
    ]


def radius_json(found: RobustRadius) -> dict[str, Any]:
    return {
        "status": found.status.value,
        "reason": found.reason,
        "norm": str(found.norm),
        "label": found.label,
        "radius": _finite(found.radius),
        "upper": _finite(found.upper),
        "exact": _text(found.exact),
        "exact_squared": _text(found.exact_squared),
        "rival": found.rival,
        "point": None if found.point is None else _point(found.point),
        "regions_visited": found.regions_visited,
    }


def _text(value: Fraction | None) -> str | None:
    return None if value is None else str(value)


def radius_lines(found: RobustRadius) -> list[str]:
    lines = [
        f"{found.status.name}: {found.reason}",
        f"  decision {found.label}, distance in [{found.radius!r}, {found.upper!r}], "
        f"norm {found.norm:g}",
    ]
    if found.point is not None:
        lines.append(f"  rival {found.rival} at {_floats(found.point)}")
    return [*lines, f"  {found.regions_visited:,} regions visited"]


def lipschitz_json(found: Lipschitz) -> dict[str, Any]:
    return {
        "regions": len(found.graph), "norm": str(found.norm), "value": _bounds(found.value),
        "exact": _text(found.exact),
        "exact_squared": _text(found.exact_squared),
        "region": found.region,
    }  # fmt: skip


def lipschitz_lines(found: Lipschitz) -> list[str]:
    return [
        f"{len(found.graph):,} regions",
        f"  |F(x) - F(y)| <= L |x - y| in the norm {found.norm:g}, the least L in {found.value}",
        f"  attained on region {found.region}",
    ]


def range_json(found: Mapping[int, OutputRange]) -> dict[str, Any]:
    """Of some outputs."""

    def end(at: End) -> dict[str, Any]:
        value = None if at.value is None else _point((at.value,))
        direction = None if at.direction is None else _point(at.direction)
        return {"value": value, "point": _point(at.point), "direction": direction}

    outputs = [{"output": k, "low": end(r.low), "high": end(r.high)} for k, r in found.items()]
    return {"outputs": outputs}


def range_lines(found: Mapping[int, OutputRange]) -> list[str]:
    """For people."""

    def line(name: str, end: End) -> str:
        if end.value is None:
            assert end.direction is not None
            way = f"from {_floats(end.point)} along {_floats(end.direction)}"
            return f"  {name:<9}no bound, {way}"
        return f"  {name:<9}{_rounded((end.value,))[0]:.17g} at {_floats(end.point)}"

    return [
        text
        for k, r in found.items()
        for text in (f"output {k}:", line("least", r.low), line("greatest", r.high))
    ]


def boundary_json(found: DecisionBoundary) -> dict[str, Any]:
    """What there is to say in numbers; of an incomplete one, how many pieces were found."""
    shown: dict[str, Any] = {"complete": found.complete, "regions": len(found.graph),
                             "pieces": len(found), "tied_regions": len(found.tied)}  # fmt: skip
    if not found.complete:
        return shown
    classes = {}
    for c in found.decision.classes:
        region = found.decision_region(c)
        classes[str(c)] = {
            "betti": found.region_betti(c), "components": len(region.components),
            "bounded_components": sum(region.bounded),
        }  # fmt: skip
    components = [
        {"pieces": len(c.pieces), "tied_regions": len(c.tied), "bounded": c.bounded,
         "closed": c.closed, "betti": c.betti}
        for c in found.components
    ]  # fmt: skip
    return shown | {
        "f_vector": found.f_vector, "betti": found.betti(),
        "betti_with_infinity": found.betti("infinity"), "components": components,
        "classes": classes,
    }  # fmt: skip


def boundary_lines(shown: dict[str, Any]) -> list[str]:
    """For people, of :func:`boundary_json`."""
    tied = shown["tied_regions"]
    lines = [
        f"{shown['pieces']:,} pieces; with them as walls {shown['regions']:,} regions"
        + (f"; of these {tied:,} tied everywhere" if tied else "")
    ]
    if not shown["complete"]:
        return [*lines, "  incomplete: topology needs all regions"]
    ends = _list(shown["betti_with_infinity"])
    lines.append(f"  Betti numbers over Z/2: {_list(shown['betti'])}")
    lines.append(f"  with one point for infinity and the domain's boundary: {ends}")
    for k, c in enumerate(shown["components"]):
        kind = "closed" if c["closed"] else "unbounded"
        if c["bounded"] and not c["closed"]:
            kind = "open: it ends on the domain's boundary"
        betti = _list(c["betti"])
        lines.append(f"  component {k}: {c['pieces']:,} pieces, Betti numbers {betti}, {kind}")
    for name, c in shown["classes"].items():
        where = f"{c['components']} components, {c['bounded_components']} bounded"
        lines.append(f"  class {name} wins on {where}, Betti numbers {_list(c['betti'])}")
    return lines


def _list(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))
