"""Claims on their instances, within limits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from numbers import Integral
from typing import Any

from ..errors import ClaimError
from ..limits import Limits
from ..progress import Meter, Progress, reporter
from .claim import Claim, Outcome, Report, Verdict
from .registry import claims

SIZES = ("quick", "full")


def run(
    *names: str,
    topic: str | None = None,
    paper: str | None = None,
    seed: int = 0,
    size: str = "quick",
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> tuple[Report, ...]:
    """The verdicts of the claims with these names, of this topic, of this paper; default all.

    Args:
        seed: of the instances.
        size: "quick", half a minute for all claims, or "full", minutes: more and larger instances.
        limits: ``seconds`` for all claims together, the others for each enumeration. Instances
            that a limit cut off are UNKNOWN, and those before it are kept; so does Ctrl-C.
        progress: told (instances, seconds); True: on stderr.

    Raises:
        ClaimError: a name, topic or paper that no claim has; a seed or size that is none.
    """
    chosen = claims(*names, topic=topic, paper=paper)
    return tuple(reports(chosen, seed=seed, size=size, limits=limits, progress=progress))


def reports(
    chosen: Iterable[Claim],
    *,
    seed: Any = 0,
    size: str = "quick",
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Iterator[Report]:
    """The same, one after the other as they are found, of claims that need not be on the list.

    Raises:
        ClaimError: a seed or size that is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ClaimError(f"seed must be an integer of at least 0, not {seed!r}")
    if size not in SIZES:
        raise ClaimError(f"size must be {' or '.join(map(repr, SIZES))}, not {size!r}")
    return _reports(tuple(chosen), int(seed), size, _Budget(Limits.checked(limits), progress))


def _reports(chosen: tuple[Claim, ...], seed: int, size: str, budget: _Budget) -> Iterator[Report]:
    for claim in chosen:
        outcomes: list[Outcome] = []
        try:
            for outcome in _outcomes(claim, seed, size, budget):
                outcomes.append(outcome)
                budget.count()
                if _interrupted(outcome):
                    break
        except KeyboardInterrupt:
            outcomes.append(Outcome("not reached", Verdict.UNKNOWN, reason="Ctrl-C stopped it"))
        budget.quieten()
        yield Report(claim, tuple(outcomes), seed, size)
        if outcomes and _interrupted(outcomes[-1]):
            return


def _interrupted(outcome: Outcome) -> bool:
    """Queries that Ctrl-C stops say so as the reason of an unknown answer."""
    return outcome.verdict is Verdict.UNKNOWN and "Ctrl-C" in outcome.reason


def _outcomes(claim: Claim, seed: int, size: str, budget: _Budget) -> Iterator[Outcome]:
    for name, subject in claim.draw(seed, size):
        left = budget.left()
        if left is None:
            reason = "the limit on seconds was reached before it"
            yield Outcome(name, Verdict.UNKNOWN, reason=reason)
            return
        yield claim.examine(subject, name, left)


class _Budget:
    """What is left of the limits, and who is told."""

    def __init__(self, limits: Limits, progress: bool | Progress) -> None:
        self._limits = limits
        self._report = reporter(progress, "instances")
        self._began = time.perf_counter()
        self._done = 0

    def left(self) -> Limits | None:
        """Limits for the next instance; None if there is no time for it."""
        if self._limits.seconds is None:
            return self._limits
        seconds = self._limits.seconds - (time.perf_counter() - self._began)
        return replace(self._limits, seconds=seconds) if seconds > 0 else None

    def quieten(self) -> None:
        """Wipe the line on stderr, so that a report can be printed."""
        if isinstance(self._report, Meter):
            self._report.close()

    def count(self) -> None:
        self._done += 1
        if self._report is not None:
            self._report(self._done, time.perf_counter() - self._began)
