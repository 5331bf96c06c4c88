"""The tasks of a divided search, in depth-first order, whoever did them and whenever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..engine.open_cells import OpenCells
    from ..engine.task import Done


@dataclass(eq=False)
class Task:
    """Some cells to search; when that is done, what was found, and tasks for the rest.

    Attributes:
        number: in the order in which tasks arose.
        cells: None: all.
        budget: how many regions the one who works on it is to find.
        so_far, bytes_so_far: what that one has found.
        failures: how often it had to be given out again.
    """

    number: int
    cells: OpenCells | None
    done: Done | None = None
    rest: list[Task] = field(default_factory=list)
    is_running: bool = False
    budget: int = 0
    so_far: int = 0
    bytes_so_far: int = 0
    failures: int = 0


class Frontier:
    """The tasks of one search. What a task has found comes first, then what its rest finds: so
    results stand in the order in which one search of everything finds them.

    Attributes:
        tasks: all, by their numbers.
        open: those that are not done, in order.
        n_regions: found by those that are.
        share: of the domain's volume that is done, about; None if it is not known.
    """

    def __init__(self) -> None:
        self.root = Task(0, None)
        self.tasks = [self.root]
        self.open = [self.root]
        self.n_regions = 0
        self.share: float | None = 0.0

    def next(self) -> Task | None:
        """The first task that nobody works on."""
        return next((task for task in self.open if not task.is_running), None)

    @property
    def n_waiting(self) -> int:
        """How many tasks nobody works on."""
        return sum(not task.is_running for task in self.open)

    def finish(self, task: Task, done: Done) -> None:
        """A task is done; its rest takes its place."""
        task.done = done
        task.rest = [Task(len(self.tasks) + k, cells) for k, cells in enumerate(done.left)]
        self.tasks += task.rest
        at = self.open.index(task)
        self.open[at : at + 1] = task.rest
        self.n_regions += done.n_regions
        self._measure(task)

    def _measure(self, task: Task) -> None:
        shares = [1.0 if part.cells is None else part.cells.share for part in [task, *task.rest]]
        known = [share for share in shares if share is not None]
        if self.share is None or len(known) < len(shares):
            self.share = None
        else:
            self.share += known[0] - sum(known[1:])

    def in_order(self) -> Iterator[Task]:
        """All tasks."""
        stack = [self.root]
        while stack:
            task = stack.pop()
            yield task
            stack += reversed(task.rest)

    def results(self) -> Iterator[Done]:
        """Of the tasks that are done."""
        return (task.done for task in self.in_order() if task.done is not None)

    def left(self) -> list[OpenCells]:
        """What is not done."""
        return [task.cells for task in self.open if task.cells is not None]

    def without_gaps(self) -> int:
        """How many regions were found before the first task that is not done."""
        n = 0
        for task in self.in_order():
            if task.done is None:
                break
            n += task.done.n_regions
        return n
