"""The tasks of a divided search, in depth-first order, whoever did them and whenever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine.open_cells import OpenCells
    from .engine.task import Done


@dataclass(eq=False)
class Task:
    """Some cells to search; when that is done, what was found, and tasks for the rest.

    Attributes:
        cells: None: all.
        so_far, bytes_so_far: what was found by the one who is working on it.
        failures: how often it had to be given out again.
    """

    cells: OpenCells | None
    done: Done | None = None
    rest: list[Task] = field(default_factory=list)
    is_running: bool = False
    so_far: int = 0
    bytes_so_far: int = 0
    failures: int = 0


class Frontier:
    """The tasks of one search. What a task has found comes first, then what its rest finds: so
    results stand in the order in which one search of everything finds them.

    Attributes:
        open: the tasks that are not done, in order.
        n_regions: found by those that are.
    """

    def __init__(self) -> None:
        self.root = Task(None)
        self.open = [self.root]
        self.n_regions = 0

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
        task.rest = [Task(cells) for cells in done.left]
        at = self.open.index(task)
        self.open[at : at + 1] = task.rest
        self.n_regions += done.n_regions

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
