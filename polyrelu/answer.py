"""What a query answers: proved, refuted with a witness, or unknown."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .errors import UnknownAnswerError
from .notebook import InNotebook


class Status(Enum):
    """PROVED and REFUTED are theorems; UNKNOWN: a limit was reached, or the test that was asked
    for is only sufficient."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answer(InNotebook):
    """The answer to a question.

    ``bool(answer)`` is True if it is proved and False if it is refuted.

    Attributes:
        status: PROVED, REFUTED or UNKNOWN.
        reason: one sentence: by which argument, or why it is not known.
        witness: of a refutation: what a reader can check by hand.
        certificate: of a proof: what independent code can check again.
        value: a number that goes with the answer, if there is one.
        stats: what it took.
    """

    status: Status
    reason: str
    witness: Any = None
    certificate: Any = None
    value: Any = None
    stats: dict[str, Any] = field(default_factory=dict)

    @property
    def proved(self) -> bool:
        return self.status is Status.PROVED

    @property
    def refuted(self) -> bool:
        return self.status is Status.REFUTED

    def __bool__(self) -> bool:
        if self.status is Status.UNKNOWN:
            raise UnknownAnswerError(
                f"the answer is unknown ({self.reason}); ask for .status, .proved or .refuted"
            )
        return self.proved

    def __repr__(self) -> str:
        return f"Answer({self.status.name}: {self.reason})"
