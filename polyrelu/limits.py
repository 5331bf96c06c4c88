"""How much an enumeration may take before it stops and keeps what it has."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from numbers import Integral, Real

from .errors import LimitsError

#: What may have stopped a search; None: nothing, all is found.
STOPPED_BY = (None, "regions", "seconds", "memory", "interrupt", "executor")


@dataclass(frozen=True)
class Limits:
    """Bounds on an enumeration; None is no bound.

    Args:
        regions: keep at most this many regions; stop if there are more.
        seconds: stop after this much wall time.
        memory: stop when the regions found, and what cells with very many vertices make the
            search take, are this many bytes.

    Raises:
        LimitsError: a bound that is not positive, or not a number.
    """

    regions: int | None = None
    seconds: float | None = None
    memory: int | None = None

    def __post_init__(self) -> None:
        for name in ("regions", "seconds", "memory"):
            value = getattr(self, name)
            kinds = Real if name == "seconds" else Integral
            if value is not None and not (isinstance(value, kinds) and float(value) > 0):
                kind = "number" if name == "seconds" else "integer"
                raise LimitsError(f"limits: {name} must be a positive {kind}, not {value!r}")

    @classmethod
    def checked(cls, limits: Limits | None) -> Limits:
        """The limits given, or none; a TypeError if they are something else."""
        if limits is not None and not isinstance(limits, Limits):
            raise TypeError(f"limits must be a polyrelu.Limits, not {limits!r}")
        return limits or cls()

    def after(self, seconds: float) -> Limits:
        """What is left of them so many seconds later; if nothing is, hardly any time, as 0 is no
        limit."""
        if self.seconds is None:
            return self
        return replace(self, seconds=max(self.seconds - seconds, sys.float_info.min))

    def reached(self, regions: int, seconds: float, memory: int, most: int | None) -> str | None:
        """The name of a bound that is reached, or None; ``most`` stands for that on regions."""
        if most is not None and regions >= most:
            return "regions"
        if self.seconds is not None and seconds >= self.seconds:
            return "seconds"
        if self.memory is not None and memory >= self.memory:
            return "memory"
        return None
