"""What a verification found, and how it reads: a table with one line for each claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..errors import PolyreluError
from ..notebook import InNotebook

SHOWN_FAILURES = 10


class VerificationError(PolyreluError, AssertionError):
    """A region graph did not pass; the message is the table of :class:`Verification`."""


@dataclass(frozen=True)
class Failure:
    """What is wrong, in a sentence, and with which region (None: with the whole)."""

    region: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.region is None else f"region {self.region}: {self.message}"


@dataclass(frozen=True)
class Check:
    """One line of a verification.

    Attributes:
        level, name, claim: what was checked.
        checked: how many things (regions, facets, ...) were looked at.
        failed: how many failures there were; ``failures`` holds the first of them.
        note: how it was done, or why it was not.
    """

    level: str
    name: str
    claim: str
    checked: int
    failed: int
    failures: tuple[Failure, ...]
    note: str

    @property
    def ok(self) -> bool:
        return self.failed == 0

    def __str__(self) -> str:
        state = "FAIL" if self.failed else "ok" if self.checked else "-"
        note = f" ({self.note})" if self.note else ""
        line = f"{state:<5}{self.level:<10} {self.name:<12}{self.checked:>9,}  {self.claim}{note}"
        more = self.failed - len(self.failures)
        rest = [f"and {more:,} more"] if more else []
        return "\n".join([line, *(f"       {f}" for f in [*self.failures, *rest])])


@dataclass(frozen=True)
class Verification(InNotebook):
    """The outcome of :func:`verify`: true iff no check failed.

    Attributes:
        level: up to which level.
        regions: how many regions the graph has; ``sample``: how many were looked at one by one.
        seconds: what it took.
        checks: one for each claim.
    """

    level: str
    regions: int
    sample: int
    seconds: float
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        return tuple(f for check in self.checks for f in check.failures)

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        which = "all" if self.sample == self.regions else f"{self.sample:,} of"
        title = (
            f"{'passed' if self.ok else 'FAILED'}: level {self.level}, {which} "
            f"{self.regions:,} regions, {self.seconds:.1f} s"
        )
        return "\n".join([title, *map(str, self.checks)])

    def raise_if_failed(self) -> None:
        """Raises:
        VerificationError: a check failed.
        """
        if not self.ok:
            raise VerificationError(str(self))


@dataclass
class Tally:
    """A check while it runs."""

    level: str
    name: str
    claim: str
    checked: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    note: str = ""

    def fail(self, region: int | None, message: str) -> None:
        self.failed += 1
        if len(self.failures) < SHOWN_FAILURES:
            self.failures.append(Failure(region, message))

    def fail_each(self, regions: Iterable[int], message: Callable[[int], str]) -> None:
        for k, i in enumerate(regions):
            self.fail(int(i), message(k))

    def done(self) -> Check:
        return Check(self.level, self.name, self.claim, self.checked, self.failed,
                     tuple(self.failures), self.note)  # fmt: skip
