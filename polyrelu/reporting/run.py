"""The one way in: from a network, a domain and some seconds to a page."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from .. import __version__
from ..domain import Domain, Slice
from ..enumeration import resolve_domain
from ..errors import FileFormatError, LimitsError, PolyreluError
from ..io.mesh import write_whole
from ..limits import Limits
from ..network import Network
from ..notebook import InNotebook
from ..pages import filled
from ..progress import Progress
from ..region_colors import class_names as names_of
from . import answers, overview
from .blocks import Section
from .subject import Subject, plane_through

# What each takes of the time that is left when it begins: its weight, over those still to come.
PARTS: tuple[tuple[Callable[[Subject, Section], None], float, Section], ...] = (
    (overview.subject_section, 1, Section(
        "subject", "Network and domain", "What was looked at, and where.", "tour.md")),
    (overview.regions_section, 30, Section(
        "regions", "Regions",
        "The activation regions: the sets of inputs on which the network is one affine map.",
        "tour.md")),
    (overview.certificate_section, 12, Section(
        "certificate", "Certificate", "Why these numbers can be trusted.", "engine.md")),
    (overview.pictures_section, 15, Section(
        "pictures", "Pictures", "The regions, drawn; what is drawn is rounded.", "pictures.md")),
    (answers.boundary_section, 20, Section(
        "boundary", "Decision boundary", "Where the decision of the network changes.",
        "boundary.md")),
    (answers.injectivity_section, 15, Section(
        "injectivity", "Injectivity", "Do different inputs give different outputs?",
        "injectivity.md")),
    (answers.folding_section, 7, Section(
        "folding", "Space folding",
        "How far a straight walk gets from its first activation pattern, and how long it is: "
        "χ = 1 − range / length.", "folding.md")),
    (answers.sizes_section, 10, Section(
        "sizes", "Lipschitz constants and ranges",
        "By how much outputs can differ, exactly, or between certified bounds.",
        "robustness.md")),
)  # fmt: skip


@dataclass(frozen=True)
class Report(InNotebook):
    """A report that was made.

    Attributes:
        title: of the page.
        subject: what it is about: ``subject.graph`` are the regions.
        sections: what was found, each with its state.
        seconds: what it took.
        interrupted: whether Ctrl-C stopped it; later sections are left out.
    """

    title: str
    subject: Subject
    sections: tuple[Section, ...]
    seconds: float
    interrupted: bool = False

    def __repr__(self) -> str:
        return f"Report({self.title!r}, {len(self.sections)} sections, {self.seconds:.1f} s)"

    @property
    def complete(self) -> bool:
        """Whether all regions were found. Other sections may still be cut short."""
        return self.subject.graph is not None and self.subject.graph.complete

    def lines(self) -> list[str]:
        """The main numbers, for people, and what is not whole."""
        lines = [f"{name}: {value}" for name, value in self.subject.headline]
        return lines + [
            f"  {s.title}: {s.state} ({s.reason})" for s in self.sections if s.state != "done"
        ]

    def summary(self) -> dict[str, Any]:
        """The main numbers as text, and the state of each section."""
        states = {s.name: {"state": s.state, "reason": s.reason, "seconds": s.seconds}
                  for s in self.sections}  # fmt: skip
        return {"complete": self.complete, "interrupted": self.interrupted,
                "headline": dict(self.subject.headline), "sections": states,
                "seconds": self.seconds}  # fmt: skip

    def html(self) -> str:
        """The page: one file that loads nothing and runs no script."""
        links = "".join(
            f'<li><a href="#{s.name}">{escape(s.title)}</a></li>' for s in self.sections
        )
        headline = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
            for name, value in self.subject.headline
        )
        return filled("report.html", {
            "TITLE": escape(self.title),
            "LEAD": escape(f"{self.subject.given!r} on {self.subject.where!r}"),
            "BANNER": self._banner(),
            "HEADLINE": headline,
            "LINKS": links,
            "SECTIONS": "\n".join(section.html() for section in self.sections),
            "VERSION": __version__,
            "SECONDS": f"{self.seconds:.1f}",
        })  # fmt: skip

    def _banner(self) -> str:
        said = []
        if not self.complete:
            why = next((s.reason for s in self.sections if s.name == "regions"), "")
            said.append(f"{why}. What follows is about the regions that were found.")
        if self.interrupted:
            said.append("Ctrl-C stopped this report: sections are cut short or left out.")
        return "".join(
            f'<p class="state warning" role="alert"><strong>Incomplete:</strong> {escape(text)}</p>'
            for text in said
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page. It appears under its name when it is whole.

        Raises:
            FileFormatError: the path does not end in ``.html``.
        """
        write_whole(_checked(path), self.html().encode())


def report(
    network: Network,
    domain: Domain | Slice | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    seconds: float = 60.0,
    limits: Limits | None = None,
    plane: tuple[int, int] | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    seed: int = 0,
    command: str | None = None,
    progress: bool | Progress = False,
) -> Report:
    """What can be said of a network in a given time, on one page: counts, certificate, pictures,
    decision boundary, injectivity, folding, Lipschitz constants and ranges.

    A section for which there is no time, or that does not apply, says so. What is cut short says
    that its numbers are bounds.

    Ctrl-C stops it: the section that it met is cut short, those after it are left out, and the rest
    is returned and written. Before a region is found there is nothing to keep: KeyboardInterrupt.

    Args:
        domain: default the network's ``input_box``.
        path: ends in ``.html``; None writes nothing (:meth:`Report.save` does).
        seconds: for all sections together; a section that cannot be stopped may exceed it by a bit.
        limits: of the enumerations, on top of that.
        plane: of more than two inputs: which two the pictures show. The others are held in the
            middle of the domain's bounds. Default the first two that vary.
        class_names: one for each output; for a single output those of ``<= 0`` and ``> 0``.
        title: of the page; plain text.
        seed: of the regions that are checked again.
        command: shown as what makes the report again; default a line of Python.
        progress: as of :func:`polyrelu.regions`, for the first enumeration.

    Raises:
        DomainError: the domain is empty or does not fit.
        FileFormatError: another suffix.
        LimitsError: seconds that are not positive.
        PolyreluError: another number of names.
    """
    began = time.perf_counter()
    if path is not None:
        _checked(path)
    bounds = Limits.checked(limits)
    if not (isinstance(seconds, int | float) and 0 < seconds < float("inf")):
        raise LimitsError(f"seconds must be a positive number, not {seconds!r}")
    cut, restricted, where = resolve_domain(network, domain)
    subject = Subject(
        given=network, where=where if cut is None else cut, network=restricted, domain=where,
        plane=plane_through(where, plane), limits=bounds,
        names=None if class_names is None else names_of(network, class_names), seed=seed,
        command=command or f"polyrelu.report(network, {cut or where!r}, seconds={seconds:g})",
        progress=progress,
    )  # fmt: skip
    sections, interrupted = _sections(subject, began + float(seconds))
    if interrupted and not subject.graph:
        raise KeyboardInterrupt
    widths = "-".join(map(str, network.widths))
    took = time.perf_counter() - began
    found = Report(title or f"Network {widths}", subject, tuple(sections), took, interrupted)
    if path is not None:
        found.save(path)
    return found


def _checked(path: str | os.PathLike[str]) -> Path:
    file = Path(path)
    if file.suffix.lower() != ".html":
        raise FileFormatError(f"reports are written to .html files, not {file.suffix!r} ({file})")
    return file


def _sections(subject: Subject, until: float) -> tuple[list[Section], bool]:
    """All of them, and whether Ctrl-C stopped one; those after it are left out."""
    made, interrupted = [], False
    weights = [weight for _, weight, _ in PARTS]
    for k, (fill, weight, form) in enumerate(PARTS):
        section = Section(form.name, form.title, form.what, form.page)
        made.append(section)
        if interrupted:
            section.state, section.reason = "left out", "Ctrl-C stopped the report before it"
            continue
        left = max(until - time.perf_counter(), 0.0)
        subject.begin(left * weight / sum(weights[k:]))
        interrupted = _fill(fill, subject, section)
    return made, interrupted


def _fill(fill: Callable[[Subject, Section], None], subject: Subject, section: Section) -> bool:
    """Fill one section; whether Ctrl-C stopped it."""
    began = time.perf_counter()
    interrupted = False
    try:
        fill(subject, section)
    except PolyreluError as error:
        section.state, section.reason = "left out", str(error)
    except KeyboardInterrupt:
        interrupted = True
    interrupted |= subject.interrupted
    if interrupted and section.state == "done":
        section.state, section.reason = "cut short", "Ctrl-C stopped it"
    section.seconds = time.perf_counter() - began
    return interrupted
