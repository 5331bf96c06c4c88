"""``polyrelu query``: questions about a network, and how the answers are written."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .answer import Answer
    from .domain import Domain, Slice
    from .limits import Limits
    from .network import Network
    from .queries.boundary import DecisionBoundary
    from .queries.stability import Stability

    Found = Answer | Stability | DecisionBoundary

QUESTIONS = {
    "injective": "do different inputs give different outputs? a proof, or two inputs that collide",
    "local": "is it injective near every point?",
    "rank": "is every region's map injective on it, that is, of full column rank?",
    "oriented": "as many outputs as inputs: do all regions' determinants have one sign?",
    "surjective": "one output: does it take every real value?",
    "stability": "bounds on how much distances shrink and grow (both Lipschitz constants)",
    "boundary": "the decision boundary: pieces, components, topology, also of its two sides",
}


def ask(
    question: str,
    network: Network,
    where: Domain | Slice,
    limits: Limits,
    progress: Any,
) -> Found:
    """The answer to a question of :data:`QUESTIONS`."""
    from .queries import injectivity
    from .queries.boundary import decision_boundary
    from .queries.stability import stability
    from .queries.surjectivity import is_surjective

    tasks: dict[str, Callable[..., Any]] = {
        "injective": injectivity.is_injective,
        "local": injectivity.is_locally_injective,
        "rank": injectivity.is_injective_on_regions,
        "oriented": injectivity.is_coherently_oriented,
        "surjective": is_surjective,
        "stability": stability,
        "boundary": decision_boundary,
    }
    found: Found = tasks[question](network, where, limits=limits, progress=progress)
    return found


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
    from .queries.surjectivity import End
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
    from .queries.surjectivity import End
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
        f"{shown['pieces']:,} pieces, {shown['regions']:,} regions"
        + (f", of which {tied:,} tied everywhere" if tied else "")
    ]
    if not shown["complete"]:
        return [*lines, "  incomplete: topology needs all regions"]
    ends = _list(shown["betti_with_infinity"])
    lines.append(f"  Betti numbers over Z/2: {_list(shown['betti'])}")
    lines.append(f"  with one point for infinity and the domain's boundary: {ends}")
    for k, c in enumerate(shown["components"]):
        kind = "closed" if c["closed"] else "bounded" if c["bounded"] else "unbounded"
        betti = _list(c["betti"])
        lines.append(f"  component {k}: {c['pieces']:,} pieces, {kind}, Betti numbers {betti}")
    for name, c in shown["classes"].items():
        where = f"{c['components']} components, {c['bounded_components']} bounded"
        lines.append(f"  class {name} wins on {where}, Betti numbers {_list(c['betti'])}")
    return lines


def _list(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def add_query(parser: argparse.ArgumentParser) -> None:
    """The question comes before the file."""
    parser.add_argument("question", choices=list(QUESTIONS), metavar="QUESTION",
                        help="; ".join(f"{k}: {v}" for k, v in QUESTIONS.items()))  # fmt: skip
