"""Verdicts as a page of documentation: Markdown, the same for the same seed and size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import ClaimError
from .claim import Outcome, Report, Verdict

BEGIN, END = "<!-- theorems: begin -->", "<!-- theorems: end -->"
LONGEST = 120  # characters of evidence
SUMMED: dict[Verdict | None, str] = {
    Verdict.HOLDS: "hold",
    Verdict.CONSISTENT: "consistent with a sample",
    Verdict.FAILS: "false, as is known",
    Verdict.INCONSISTENT: "inconsistent with a sample, as is known",
    Verdict.DOES_NOT_APPLY: "apply to no instance",
    Verdict.UNKNOWN: "unknown",
    None: "UNEXPECTED",
}


def markdown(reports: Sequence[Report]) -> str:
    """A table for each topic, and below it what speaks against a claim. Made with which seed and
    size stands at the top; nothing depends on the machine."""
    if not reports:
        raise ClaimError("there are no reports to make a page of")
    seed, size = reports[0].seed, reports[0].size
    lines = [f"`polyrelu theorems --size {size} --seed {seed}`: {summary(reports)}.", ""]
    for topic in dict.fromkeys(report.claim.topic for report in reports):
        chosen = [report for report in reports if report.claim.topic == topic]
        lines += [f"### {topic.capitalize()}", "", *_table(chosen), ""]
        for report in chosen:
            lines += _objection(report)
    return "\n".join(lines).rstrip() + "\n"


def insert(page: str, table: str) -> str:
    """The page with what stands between the two markers replaced.

    Raises:
        ClaimError: the page has not both markers, once each.
    """
    if page.count(BEGIN) != 1 or page.count(END) != 1 or page.index(END) < page.index(BEGIN):
        raise ClaimError(f"the page must have the lines {BEGIN} and {END}, once, in this order")
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{table}\n{END}{rest.split(END)[1]}"


def summary(reports: Sequence[Report]) -> str:
    """How many claims have which verdict."""
    found = [r.verdict if r.expected else None for r in reports]
    counts = [f"{text}: {found.count(verdict)}" for verdict, text in SUMMED.items()
              if verdict in found]  # fmt: skip
    return "; ".join([f"{len(reports)} claims", *counts])


def _table(reports: Sequence[Report]) -> list[str]:
    rows = ["| claim | source | verdict | the last instance |", "|---|---|---|---|"]
    for report in reports:
        claim = report.claim
        text = f"`{claim.name}`: {_escaped(claim.statement)}"
        rows.append(
            f"| {text} | {_escaped(str(claim.source))} | {verdict_of(report)} | {_last(report)} |"
        )
    return rows


def verdict_of(report: Report) -> str:
    """The verdict, and on how many instances."""
    text = report.verdict.value + ("" if report.expected else " (UNEXPECTED)")
    n, silent = len(report.outcomes), report.count(Verdict.DOES_NOT_APPLY)
    if report.verdict.against:
        return f"{text} ({sum(o.verdict.against for o in report.outcomes)} of {n - silent})"
    return f"{text} ({n - silent})"


def _last(report: Report) -> str:
    told = [o for o in report.outcomes if o.evidence]
    return _escaped(f"{told[-1].instance}: {brief(told[-1])}") if told else ""


def _objection(report: Report) -> list[str]:
    outcome = report.counterexample
    if outcome is None:
        return []
    text = (
        f"**`{report.claim.name}` is false as stated.** "
        if report.claim.refuted
        else (f"**`{report.claim.name}` fails.** ")
    )
    found = f"{_sentence(report.claim.refuted)}Instance {outcome.instance}: {brief(outcome)}."
    return [_escaped(text + found), ""]


def _sentence(text: str) -> str:
    return f"{text} " if text else ""


def brief(outcome: Outcome) -> str:
    """Its evidence, in a line."""
    if "estimate" in outcome.evidence:
        return _estimate(outcome.evidence)
    text = ", ".join(f"{key} {_value(value)}" for key, value in outcome.evidence.items())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _estimate(found: dict[str, Any]) -> str:
    low, high = found["interval"]
    claimed = found["claimed"]
    if isinstance(claimed, list):
        claimed = f">= {_value(claimed[0])}" if claimed[1] == "inf" else f"<= {_value(claimed[1])}"
    interval = f"[{_value(low)}, {_value(high)}]"
    return f"{_value(found['estimate'])} in {interval}, claimed {_value(claimed)}"


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_value(entry)}" for key, entry in value.items())
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _escaped(text: str) -> str:
    """Bars end a cell, stars and underscores change the type."""
    for character in "\\|*_<":
        text = text.replace(character, f"\\{character}")
    return text.replace("\\*\\*", "**")
