"""What a section of a report consists of, and how each part is written in HTML. All text that comes
from outside is escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Protocol

from ..pages import data_uri

BAR_WIDTH, BAR_HEIGHT, BAR_ROOM = 400, 110, 20
MOST_LABELS = 15  # below a histogram


class Block(Protocol):
    """A part of a section."""

    def html(self) -> str: ...


@dataclass(frozen=True)
class Text:
    """A paragraph; ``state`` may be "proved", "refuted", "unknown" or "warning"."""

    text: str
    state: str = ""

    def html(self) -> str:
        kind = f' class="state {escape(self.state)}"' if self.state else ""
        return f"<p{kind}>{escape(self.text)}</p>"


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    text: str

    def html(self) -> str:
        return f'<pre tabindex="0"><code>{escape(self.text)}</code></pre>'


@dataclass(frozen=True)
class Facts:
    """Names and values, one pair a line; folded away under a summary, if there is one."""

    rows: Sequence[tuple[str, str]]
    summary: str = ""

    def html(self) -> str:
        rows = "".join(
            f'<tr><th scope="row">{escape(k)}</th><td>{escape(v)}</td></tr>' for k, v in self.rows
        )
        table = f'<table class="facts"><tbody>{rows}</tbody></table>'
        if not self.summary:
            return table
        return f"<details><summary>{escape(self.summary)}</summary>{table}</details>"


@dataclass(frozen=True)
class Table:
    """A table with a head; what is called numeric stands on the right."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: bool = True

    def html(self) -> str:
        kind = ' class="n"' if self.numeric else ""
        head = "".join(
            f'<th scope="col"{kind if k else ""}>{escape(v)}</th>' for k, v in enumerate(self.head)
        )
        rows = []
        for first, *rest in self.rows:
            cells = "".join(f"<td{kind}>{escape(v)}</td>" for v in rest)
            rows.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
        return (
            f'<div class="wide" tabindex="0" role="region" aria-label="{escape(self.caption)}">'
            f"<table><caption>{escape(self.caption)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )


@dataclass(frozen=True)
class Bars:
    """A histogram in the colours of the page."""

    caption: str
    values: Sequence[tuple[str, int]]

    def html(self) -> str:
        n, most = len(self.values), max((v for _, v in self.values), default=0) or 1
        step = BAR_WIDTH / max(n, 1)
        every = -(-n // MOST_LABELS)
        parts = []
        for k, (label, value) in enumerate(self.values):
            height = BAR_HEIGHT * value / most
            x, width = k * step + 0.1 * step, 0.8 * step
            parts.append(
                f'<rect x="{x:.2f}" y="{BAR_HEIGHT - height:.2f}" width="{width:.2f}" '
                f'height="{height:.2f}"><title>{escape(label)}: {value:,}</title></rect>'
            )
            if k % every == 0:
                parts.append(
                    f'<text x="{(k + 0.5) * step:.2f}" y="{BAR_HEIGHT + 15}">{escape(label)}</text>'
                )
        said = "; ".join(f"{label}: {value:,}" for label, value in self.values)
        return (
            f'<figure><svg class="bars" viewBox="0 0 {BAR_WIDTH} {BAR_HEIGHT + BAR_ROOM}" '
            f'role="img" aria-label="{escape(self.caption)}: {escape(said)}">{"".join(parts)}</svg>'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass(frozen=True)
class Picture:
    """A picture, for a light page and for a dark one; PNG."""

    caption: str
    alt: str
    light: bytes = field(repr=False)
    dark: bytes = field(repr=False)

    def html(self) -> str:
        light, dark = (data_uri(data, "image/png") for data in (self.light, self.dark))
        return (
            f'<figure><picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
            f'<img src="{light}" alt="{escape(self.alt)}"></picture>'
            f"<figcaption>{escape(self.caption)}</figcaption></figure>"
        )


@dataclass
class Section:
    """A part of the report.

    Attributes:
        name: for links, letters only.
        title, what: the heading, and a sentence that says what it is.
        page: of the documentation, that says more.
        blocks: what was found.
        state: "done"; "cut short", if a limit was reached; or "left out", with the reason.
        reason: why it is not done.
        seconds: what it took.
    """

    name: str
    title: str
    what: str
    page: str
    blocks: list[Block] = field(default_factory=list)
    state: str = "done"
    reason: str = ""
    seconds: float = 0.0

    def html(self) -> str:
        note = ""
        if self.state != "done":
            said = escape(f"{self.state.capitalize()}: {self.reason}")
            note = f'<p class="state unknown">{said}</p>'
        body = "\n".join(block.html() for block in self.blocks)
        return (
            f'<section aria-labelledby="{self.name}"><h2 id="{self.name}">{escape(self.title)}</h2>'
            f'<p class="what">{escape(self.what)} <span class="page">More: docs/{escape(self.page)}'
            f"</span></p>\n{note}\n{body}\n"
            f'<p class="took">{self.seconds:.1f} s</p></section>'
        )
