"""Averages over random networks: estimates with confidence intervals. Evidence, never proof."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf, sqrt
from typing import Any

from ..errors import ClaimError

LEVEL = 0.9999  # that some honest claim of a long list falls outside must be rare

Number = float | Fraction


@dataclass(frozen=True)
class Estimate:
    """An average over a sample, against what is claimed of it.

    Attributes:
        value: the sample's average.
        low, high: a confidence interval.
        claimed: (least, greatest) of what the claim allows; equal for a number.
        sample: how many were drawn.
        interval: which interval it is.
        details: further evidence.
    """

    value: Number
    low: float
    high: float
    claimed: tuple[Number, Number]
    sample: int
    interval: str
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def consistent(self) -> bool:
        """Does the interval meet what is claimed?"""
        least, greatest = self.claimed
        return self.low <= greatest and least <= self.high

    def evidence(self) -> dict[str, Any]:
        least, greatest = self.claimed
        claimed = least if least == greatest else [least, greatest]
        return {"claimed": claimed, "estimate": self.value, "interval": [self.low, self.high],
                "sample": self.sample, "kind": self.interval, **self.details}  # fmt: skip


def _claimed(claimed: Number | tuple[Number, Number]) -> tuple[Number, Number]:
    return claimed if isinstance(claimed, tuple) else (claimed, claimed)


def proportion(
    successes: int, sample: int, claimed: Number | tuple[Number, Number], **details: Any
) -> Estimate:
    """Of a probability: the interval of Clopper and Pearson (1934), which covers it with
    probability ``LEVEL`` at least, whatever it is.

    Raises:
        ClaimError: an empty sample, or more successes than were drawn.
    """
    if not 0 <= successes <= sample or sample < 1:
        raise ClaimError(f"successes must be from 0 to the sample, not {successes} of {sample}")
    from scipy.stats import beta

    tail = (1 - LEVEL) / 2
    failures = sample - successes
    low = float(beta.ppf(tail, successes, failures + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, failures)) if failures else 1.0
    kind = f"Clopper-Pearson, {LEVEL:.2%}"
    share = Fraction(successes, sample)
    return Estimate(share, low, high, _claimed(claimed), sample, kind, details)


def mean(
    values: Sequence[float], claimed: Number | tuple[Number, Number], **details: Any
) -> Estimate:
    """Of an expectation: Student's interval, which supposes that the mean of the sample is
    nearly normal: approximate.

    Raises:
        ClaimError: fewer than two values.
    """
    n = len(values)
    if n < 2:
        raise ClaimError(f"a mean needs at least two values, not {n}")
    from scipy.stats import t

    average = sum(values) / n
    deviation = sqrt(sum((v - average) ** 2 for v in values) / (n - 1))
    half = float(t.ppf((1 + LEVEL) / 2, n - 1)) * deviation / sqrt(n)
    kind = f"Student, approximate, {LEVEL:.2%}"
    return Estimate(average, average - half, average + half, _claimed(claimed), n, kind, details)


def at_most(bound: Number) -> tuple[Number, Number]:
    """What is claimed of an average that is bounded from above."""
    return (-inf, bound)


def at_least(bound: Number) -> tuple[Number, Number]:
    """What is claimed of an average that is bounded from below."""
    return (bound, inf)
