"""The sections that answer questions: boundary, injectivity, folding, how far outputs go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from ..answer import Answer
from ..domain import Domain, Slice
from ..errors import DomainError, PolyreluError
from ..queries.boundary import DecisionBoundary, decision_boundary
from ..queries.enclosure import enclosures
from ..queries.injectivity import is_injective
from ..queries.lipschitz import lipschitz_constant
from ..queries.path import activation_path
from ..queries.surjectivity import output_range
from ..queries.where import stopped
from ..region_colors import class_names as names_of
from ..wording import answer_lines, boundary_json
from .blocks import Block, Facts, Section, Table, Text
from .pictures import Draw, picture
from .subject import Subject

if TYPE_CHECKING:
    from ..network import Array
    from ..queries.path import ActivationPath

# Seconds a region, on a slow machine; faces by the number of coordinates.
FACES, LENGTHS, VERTICES, DRAWN = (0.0, 2e-4, 1e-3, 6e-3), 4e-5, 6e-3, 1.5e-3
MOST_COMPONENTS, MOST_SEGMENTS, MOST_OUTPUTS = 20, 6, 10


def boundary_section(subject: Subject, section: Section) -> None:
    """Of the domain, if that can be done in time; else of the plane of the pictures."""
    if subject.network.output_dim == 1:
        section.blocks.append(Text("One output: the boundary is where it is 0."))
    where: Domain | Slice = subject.domain
    dim, graph = subject.domain.dim, subject.graph
    if dim > 3 or graph is None or not subject.affords(3 * FACES[dim] * len(graph)):
        where = subject.plane
    found = decision_boundary(subject.network, where, limits=subject.within(0.4))
    if where is not subject.domain:
        text = f"In the plane of the pictures, not in all {subject.domain.dim} dimensions."
        section.blocks.append(Text(text))
    if not found.complete:
        section.state = "cut short"
        section.reason = f"{stopped(found.graph)}: topology needs all regions"
    section.blocks += _boundary_blocks(subject, found, section)
    if len(found) and found.graph.dim in (2, 3) and not found.graph.equalities():
        _draw_boundary(subject, found, section)


def _boundary_blocks(subject: Subject, found: DecisionBoundary, section: Section) -> list[Block]:
    rows = [
        ("pieces", f"{len(found):,}"),
        ("regions that tie on all of it", f"{len(found.tied):,}"),
    ]
    if not found.complete:
        return [Facts(rows)]
    if not subject.affords(FACES[found.graph.dim] * len(found.graph)):
        section.state, section.reason = "cut short", "no time for faces of all dimensions"
        return [Facts(rows)]
    shown = boundary_json(found)
    inside = "" if found.graph.dim == subject.domain.dim else ", in a plane"
    subject.headline.append(("boundary pieces" + inside, f"{len(found):,}"))
    rows += [
        ("components", f"{len(shown['components']):,}"),
        ("Betti numbers over Z/2", _listed(shown["betti"])),
        ("the same with one point for infinity and the domain's boundary",
         _listed(shown["betti_with_infinity"])),
        ("faces of dimension 0, 1, ...", _listed(shown["f_vector"])),
    ]  # fmt: skip
    components = [
        [str(k), f"{c['pieces']:,}", _listed(c["betti"]), _kind(c)]
        for k, c in enumerate(shown["components"][:MOST_COMPONENTS])
    ]
    classes = [
        [_called(subject, label), f"{c['components']:,}", f"{c['bounded_components']:,}",
         _listed(c["betti"])]
        for label, c in shown["classes"].items()
    ]  # fmt: skip
    blocks: list[Block] = [Facts(rows)]
    if components:
        blocks.append(Table("Components", ("", "pieces", "Betti", "kind"), components))
    head = ("class", "components", "bounded", "Betti")
    blocks.append(Table("Where each class wins", head, classes))
    return blocks


def _called(subject: Subject, label: str) -> str:
    return names_of(subject.network, subject.names)[int(label)]


def _listed(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _kind(component: dict[str, bool]) -> str:
    if component["closed"]:
        return "closed"
    return "ends on the domain's boundary" if component["bounded"] else "unbounded"


def _draw_boundary(subject: Subject, found: DecisionBoundary, section: Section) -> None:
    from ..plot import plot_boundary

    space = found.graph.dim == 3
    if (space and not found.complete) or not subject.affords(2 * DRAWN * len(found.graph)):
        return
    section.blocks.append(picture(
        lambda ax: plot_boundary(found, class_names=subject.names, ax=ax),
        "The boundary on the walls; dashed where it only touches." if not space else
        "The boundary, a piece for each affine part.",
        f"The decision boundary, {len(found):,} pieces.", space=space))  # fmt: skip


def injectivity_section(subject: Subject, section: Section) -> None:
    """Of each layer on what comes in, and of the whole network."""
    n = len(subject.network.layers)
    for k, (layer, where) in enumerate(
        zip(subject.network.layers, enclosures(subject.network, subject.domain), strict=True)
    ):
        on = "the domain" if k == 0 else "a box that holds what comes in"
        answer = is_injective(layer, where, limits=subject.within(0.5 / (n - k)))
        section.blocks += _answer_blocks(f"Layer {k}, on {on}", answer)
    if n > 1:
        answer = is_injective(subject.network, subject.domain, limits=subject.within(0.8))
        section.blocks += _answer_blocks("The whole network", answer)
    subject.headline.append(("injective", answer.status.value))


def _answer_blocks(title: str, answer: Answer) -> list[Block]:
    first, *rest = answer_lines(answer)
    blocks: list[Block] = [Text(f"{title}: {first}", answer.status.value)]
    if answer.refuted:
        rows = [line.strip().partition(" ") for line in rest if line.strip()[:5] != "nodes"]
        blocks.append(Facts([(name, value.strip()) for name, _, value in rows], "the witness"))
    return blocks


def folding_section(subject: Subject, section: Section) -> None:
    """Along the diagonal of the domain's bounds, and through its middle along some axes."""
    paths: list[tuple[str, ActivationPath]] = []
    for name, ends in _segments(subject):
        if paths and not subject.left:
            section.state, section.reason = "cut short", "no time for more segments"
            break
        paths.append((name, activation_path(subject.network, ends)))
    rows = []
    for name, path in paths:
        found, best = path.folding(), path.greatest_folding()
        rows.append([name, f"{len(path):,}", f"{found.range:,}", f"{found.length:,}",
                     _chi(found.chi), _chi(best.folding.chi)])  # fmt: skip
    head = ("segment", "pieces", "range", "length", "χ", "greatest χ of a part")
    section.blocks.append(Table("Folding of segments", head, rows))
    name, path = max(paths, key=lambda item: item[1].folding().chi)
    section.blocks.append(picture(_walk(path), f"The most folded of them: {name}.",
                                  f"Distance and length of {len(path):,} patterns.",
                                  size=(6.2, 3.4)))  # fmt: skip


def _chi(value: Fraction) -> str:
    return f"{float(value):.4g} = {value}" if value else "0"


def _walk(path: ActivationPath) -> Draw:
    from ..plot import plot_path

    return lambda ax: plot_path(path, ax=ax)


def _segments(subject: Subject) -> Iterator[tuple[str, list[Array]]]:
    low, high = subject.sight
    middle = low / 2 + high / 2
    if len(low) > 1:
        yield "the diagonal", [low, high]
    for k in range(min(len(low), MOST_SEGMENTS)):
        if low[k] < high[k]:
            ends = [middle.copy(), middle.copy()]
            ends[0][k], ends[1][k] = low[k], high[k]
            yield f"along x[{k}]", ends


def sizes_section(subject: Subject, section: Section) -> None:
    """Lipschitz constants, and ranges of outputs, where they take no long time."""
    graph = subject.graph
    if graph is None or not graph.complete:
        raise PolyreluError("these need all regions, and not all were found")
    rows = []
    for norm, called in ((2, "2"), (1, "1"), (np.inf, "∞")):
        if not subject.affords(LENGTHS * len(graph)):
            break
        found = lipschitz_constant(graph, norm=norm)
        exact = "" if found.exact is None else " (a rational number)"
        rows.append((f"Lipschitz constant, norm {called}", f"{found.value}{exact}"))
        if norm == 2:
            subject.headline.append(("Lipschitz constant", f"{found.value.high:.6g}"))
    for k in range(min(subject.network.output_dim, MOST_OUTPUTS)):
        if not subject.affords(VERTICES * len(graph)):
            section.state, section.reason = "cut short", "no time for the ranges of all outputs"
            break
        ends = output_range(subject.network, subject.domain, output=k)
        low, high = (
            None if e.value is None else f"{float(e.value):.10g}" for e in (ends.low, ends.high)
        )
        rows.append((f"range of output {k}", f"{low or '−∞'} to {high or '∞'}"))
    if not rows:
        raise DomainError("no time was left")
    section.blocks.append(Facts(rows))
