"""A claim: a statement of a paper, a family of instances, and the exact check of one of them."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from ..errors import ClaimError, IncompleteError, UnknownAnswerError
from ..limits import Limits
from .plain import plain
from .statistics import Estimate


class Verdict(Enum):
    """Of a claim on one instance, or on all of them.

    HOLDS and FAILS are theorems about the instances that were checked. CONSISTENT and INCONSISTENT
    are evidence about an average: a confidence interval meets the number claimed, or does not.
    DOES_NOT_APPLY: a hypothesis is not met. UNKNOWN: a limit was reached.
    """

    HOLDS = "holds"
    FAILS = "fails"
    CONSISTENT = "consistent"
    INCONSISTENT = "inconsistent"
    DOES_NOT_APPLY = "does not apply"
    UNKNOWN = "unknown"

    @property
    def against(self) -> bool:
        """Does it speak against the claim?"""
        return self in (Verdict.FAILS, Verdict.INCONSISTENT)


class Known(Enum):
    """How a statement is known here. None but READ is a quotation."""

    READ = "read in the paper"
    NOTE = "from the abstract or a note about the paper"
    CODE = "from published code"
    MEMORY = "from memory, not read again in the paper"
    DERIVED = "proved for polyrelu"
    MEASURED = "found by computation"


@dataclass(frozen=True)
class Source:
    """Where a claim stands.

    Attributes:
        paper: authors and year, or the name of who says so.
        place: the theorem or section, if it is known.
        known: how the statement is known here; None: not said.
    """

    paper: str
    place: str = ""
    known: Known | None = None

    def __str__(self) -> str:
        text = f"{self.paper}, {self.place}" if self.place else self.paper
        return f"{text} ({self.known.value})" if self.known else text


@dataclass(frozen=True)
class Hypothesis:
    """What a claim supposes of an instance.

    Attributes:
        text: the condition in words.
        test: called with the instance's subject and limits; False: the claim does not apply.
    """

    text: str
    test: Callable[[Any, Limits], bool]


@dataclass(frozen=True)
class Outcome:
    """Of a claim on one instance.

    Attributes:
        instance: its name.
        verdict: HOLDS or FAILS, of averages CONSISTENT or INCONSISTENT; or DOES_NOT_APPLY, UNKNOWN.
        evidence: numbers, as plain data; fractions are text.
        reason: the hypothesis that is not met, or the limit that was reached; else empty.
        subject: the instance itself.
        seconds: wall time.
    """

    instance: str
    verdict: Verdict
    evidence: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    subject: Any = field(default=None, repr=False)
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """For JSON. The subject of an outcome against the claim is written out: it is the
        counterexample."""
        data = {"instance": self.instance, "verdict": self.verdict.value, "reason": self.reason,
                "evidence": self.evidence, "seconds": self.seconds}  # fmt: skip
        return data | ({"subject": plain(self.subject)} if self.verdict.against else {})


Found = tuple[bool, dict[str, Any]] | Estimate
Check = Callable[[Any, Limits], Found]
Instances = Callable[[np.random.Generator, str], Iterable[tuple[str, Any]]]


@dataclass(frozen=True)
class Claim:
    """A statement, and how to check it on one instance.

    Attributes:
        name: unique; lower-case words with hyphens.
        statement: what is claimed, in a sentence.
        source: where it is claimed.
        topic: what it is about, one word or two.
        instances: called with a random generator and a size ("quick" or "full"); yields
            (name, subject), each subject of the kind that ``check`` takes.
        check: called with a subject and limits; gives (does it hold, evidence), or for a claim
            about an average an :class:`Estimate`. ``IncompleteError`` and ``UnknownAnswerError``
            that it raises are the verdict UNKNOWN.
        hypotheses: tested in order before the check.
        refuted: why it is false as stated, if it is known to be; among its instances is then a
            counterexample.
    """

    name: str
    statement: str
    source: Source
    topic: str
    instances: Instances
    check: Check
    hypotheses: tuple[Hypothesis, ...] = ()
    refuted: str = ""

    def draw(self, seed: int = 0, size: str = "quick") -> Iterator[tuple[str, Any]]:
        """Its instances. They depend on the claim's name, the seed and the size alone.

        Raises:
            ClaimError: ``instances`` gave something else than (name, subject).
        """
        rng = np.random.default_rng([seed, zlib.crc32(self.name.encode())])
        for drawn in self.instances(rng, size):
            match drawn:
                case (str() as name, subject):
                    yield name, subject
                case _:
                    raise ClaimError(
                        f"the instances of {self.name!r} must be (name, subject), not {drawn!r}"
                    )

    def to_dict(self) -> dict[str, Any]:
        """What it says, for JSON."""
        source = {"paper": self.source.paper, "place": self.source.place,
                  "known": self.source.known and self.source.known.value}  # fmt: skip
        return {"name": self.name, "topic": self.topic, "statement": self.statement,
                "source": source, "hypotheses": [h.text for h in self.hypotheses],
                "refuted": self.refuted}  # fmt: skip

    def examine(self, subject: Any, name: str = "given", limits: Limits | None = None) -> Outcome:
        """The verdict on one subject, the reader's own for instance.

        Raises:
            ClaimError: the check gave neither (holds, evidence) nor an Estimate.
        """
        bounds = Limits.checked(limits)
        began = time.perf_counter()
        try:
            verdict, evidence, reason = self._judge(subject, bounds)
        except (IncompleteError, UnknownAnswerError) as error:
            verdict, evidence, reason = Verdict.UNKNOWN, {}, str(error)
        seconds = time.perf_counter() - began
        return Outcome(name, verdict, plain(evidence), reason, subject, seconds)

    def _judge(self, subject: Any, limits: Limits) -> tuple[Verdict, dict[str, Any], str]:
        for hypothesis in self.hypotheses:
            if not hypothesis.test(subject, limits):
                return Verdict.DOES_NOT_APPLY, {}, f"not so: {hypothesis.text}"
        found = self.check(subject, limits)
        if isinstance(found, Estimate):
            verdict = Verdict.CONSISTENT if found.consistent else Verdict.INCONSISTENT
            return verdict, found.evidence(), ""
        return *self._exact(found), ""

    def _exact(self, found: Any) -> tuple[Verdict, dict[str, Any]]:
        match found:
            case (bool() | np.bool_() as holds, dict() as evidence):
                return Verdict.HOLDS if holds else Verdict.FAILS, evidence
        raise ClaimError(
            f"the check of {self.name!r} must return (True or False, a dict of evidence) or an "
            f"Estimate, not {found!r}"
        )


@dataclass(frozen=True)
class Report:
    """A claim on all of its instances.

    Attributes:
        outcomes: one for each instance, as far as limits allowed.
        seed, size: what the instances were drawn with.
    """

    claim: Claim
    outcomes: tuple[Outcome, ...]
    seed: int
    size: str

    @property
    def verdict(self) -> Verdict:
        """The gravest of the outcomes' verdicts; a claim none of whose instances met the
        hypotheses does not apply."""
        found = {outcome.verdict for outcome in self.outcomes}
        order = (Verdict.FAILS, Verdict.INCONSISTENT, Verdict.UNKNOWN, Verdict.HOLDS,
                 Verdict.CONSISTENT)  # fmt: skip
        return next((verdict for verdict in order if verdict in found), Verdict.DOES_NOT_APPLY)

    @property
    def counterexample(self) -> Outcome | None:
        """The first outcome against the claim."""
        return next((outcome for outcome in self.outcomes if outcome.verdict.against), None)

    @property
    def expected(self) -> bool:
        """Is the verdict for the claim, or against it if it is known to be false? A verdict that
        says neither is expected, too."""
        if self.verdict in (Verdict.UNKNOWN, Verdict.DOES_NOT_APPLY):
            return True
        return self.verdict.against == bool(self.claim.refuted)

    @property
    def seconds(self) -> float:
        return sum(outcome.seconds for outcome in self.outcomes)

    def count(self, verdict: Verdict) -> int:
        """How many instances have a verdict."""
        return sum(outcome.verdict is verdict for outcome in self.outcomes)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return self.claim.to_dict() | {
            "seed": self.seed, "size": self.size, "verdict": self.verdict.value,
            "expected": self.expected, "seconds": self.seconds,
            "outcomes": [outcome.to_dict() for outcome in self.outcomes],
        }  # fmt: skip
