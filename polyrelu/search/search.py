"""One search of a network's regions: under limits, with progress, alone or together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from ..engine.enumerate import Enumeration, Found
from ..engine.task import Done, Elsewhere, Problem, run, work
from ..limits import Limits
from ..progress import Meter, Progress, compilation_announced, reporter
from .checkpoint import Checkpoint
from .crew import Crew, checked, shares_memory
from .frontier import Frontier, Task

if TYPE_CHECKING:
    import numpy as np

    from ..engine.compiled import Compiled
    from ..engine.explore import Explorer

# What is found, in seconds or regions, before others are asked to help: a small network needs none,
# and to begin with them takes milliseconds, with processes that have yet to start seconds.
ALONE_SECONDS, ALONE_WITHOUT_THREADS, ALONE = 0.06, 2.0, 20_000
TICK = 0.1  # seconds between looks at the clock


class Search:
    """Finds regions until none is left, a limit is reached, or somebody interrupts.

    Args:
        problem: what to search; or
        explorer: a search that cannot be divided.
        most: how many regions to find: ``limits.regions`` or more.
        workers: how many tasks are worked on at a time; default one for each core.
        executor: who works on them; default threads.
        checkpoint: where what is done is recorded, and was by earlier runs.

    Attributes:
        workers: as given, or found out.
        n_regions: how many were found.
        stopped_by: None if these are all, else "regions", "seconds", "memory", "interrupt" or
            "executor".
    """

    def __init__(
        self,
        problem: Problem | None,
        explorer: Explorer | None,
        *,
        limits: Limits,
        most: int | None,
        progress: bool | Progress,
        workers: int | None,
        executor: Executor | None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self._problem = problem
        self._limits, self._most = limits, most
        self._progress = reporter(progress)
        self._executor = executor
        self.workers = checked(workers, executor)
        self._is_shared = problem is not None and (
            self.workers > 1 or executor is not None or checkpoint is not None
        )
        alone = [n for n in (ALONE if self._is_shared else None, most) if n is not None]
        self._budget = min(alone, default=None)
        self._first: Enumeration | Explorer
        if problem is not None:
            self._first = problem.search(None, self._budget)
        else:
            assert explorer is not None
            self._first = explorer
        self._checkpoint = checkpoint
        self._frontier = Frontier() if checkpoint is None else checkpoint.frontier
        self._crew: Crew | None = None
        self._memory = self._reported = 0
        self._fixed = 0  # what the smallest search takes does not count
        self._interrupted: Callable[[], bool] = lambda: False
        self._began = 0.0
        self.n_regions = 0
        self.stopped_by: str | None = None
        self.seconds = 0.0  # of this run

    @property
    def compiled(self) -> Compiled:
        return self._first.compiled

    def run(self, interrupted: Callable[[], bool]) -> None:
        """Search, until ``interrupted`` returns True."""
        self._began = time.perf_counter()
        self._interrupted = interrupted
        self._fixed = self._working_bytes()
        with compilation_announced():
            if self._checkpoint is not None:
                self._find_again(self._checkpoint)
            if self._frontier.root.done is None:
                self._begin()
            if self.stopped_by is None and self._frontier.open:
                self._share()
        self.n_regions = self._frontier.n_regions
        if isinstance(self._progress, Meter):
            self._progress.close()
        self.seconds = time.perf_counter() - self._began

    def _begin(self) -> None:
        """The first task, alone."""
        done = work(self._first, self._budget, self, self._problem)
        if done.interrupted:
            if self._checkpoint is not None:  # what was found may not fit what is left
                raise KeyboardInterrupt
            self.stopped_by = "interrupt"
        if self._checkpoint is not None:
            self._checkpoint.write(self._frontier.root, done)
        self._finish(self._frontier.root, done)

    def _finish(self, task: Task, done: Done) -> None:
        """A task is done. It is recorded first: that may fail."""
        if self._checkpoint is not None:
            self._checkpoint.record(task, done, time.perf_counter() - self._began)
        self._frontier.finish(task, done)

    def _find_again(self, checkpoint: Checkpoint) -> None:
        """What earlier runs found, and is not on the disk any more."""
        assert self._problem is not None
        for task in checkpoint.lost():
            assert task.done is not None
            done = run(self._problem, task.cells, task.done.n_regions, Elsewhere(1))
            checkpoint.write_again(task, done)

    def blocks(self) -> list[Found]:
        """What was found, in depth-first order, with gaps where something is left. At least one,
        which may have no regions."""
        found = [block for done in self._frontier.results() for block in done.found]
        return found or [self._first.nothing()]

    def forget(self) -> None:
        """Let go of what was found."""
        for done in self._frontier.results():
            done.found = []

    def settle(self, found: Found, doubtful: np.ndarray) -> np.ndarray:
        """See :meth:`Enumeration.settle`."""
        return self._first.settle(found, doubtful, self._frontier.left())

    def stats(self) -> dict[str, Any]:
        """What it took."""
        results = list(self._frontier.results())
        counters: Counter[str] = Counter()
        for done in results:
            counters.update(done.counters)
        return {
            "seconds": self.seconds + self._earlier_seconds,
            "splits": sum(done.splits for done in results),
            **counters,
            **self._share_done(),
            **({} if self._crew is None else self._crew.stats()),
        }

    def _share_done(self) -> dict[str, float]:
        """Of the domain's volume, where it is known and not all."""
        share = self._frontier.share
        return {} if share is None or self.stopped_by is None else {"volume_share": share}

    @property
    def _earlier_seconds(self) -> float:
        """What earlier runs took, whose regions are counted too."""
        return 0.0 if self._checkpoint is None else self._checkpoint.seconds

    # -- alone: the host of the first task -------------------------------------------------------

    def stopped(self, regions: int, n_bytes: int) -> bool:
        self.n_regions += regions
        self._memory += n_bytes
        if not self._tick(self.n_regions) and not self._first.finished:
            self._look(self.n_regions, self._memory + self._working_bytes() - self._fixed)
        return self.stopped_by is not None or self._wants_help()

    def _wants_help(self) -> bool:
        """Is it slow, and can others help? Not if few regions are wanted, nor can threads with
        integers: these are worked on in Python."""
        if not self._is_shared or (self._most is not None and self._most <= ALONE):
            return False
        if self._executor is not None and not shares_memory(self._executor):
            return self.seconds >= ALONE_WITHOUT_THREADS
        asked = sum(vars(self._first.resolver.counters).values())
        return self.seconds >= ALONE_SECONDS and 100 * asked <= self.n_regions

    def parts(self) -> int:
        return 4 * self.workers if self._is_shared else 1

    def _working_bytes(self) -> int:
        return self._first.working_bytes if self._limits.memory is not None else 0

    def _tick(self, n_regions: int) -> bool:
        """Report progress. True if that was interrupted."""
        self.seconds = time.perf_counter() - self._began
        try:
            if isinstance(self._progress, Meter):
                self._progress.share = self._frontier.share
            if self._progress is not None and n_regions != self._reported:
                self._reported = n_regions
                self._progress(n_regions, self.seconds + self._earlier_seconds)
        except KeyboardInterrupt:
            self.stopped_by = "interrupt"
        return self.stopped_by is not None

    def _look(self, n_regions: int, memory: int) -> None:
        """See whether to stop."""
        self.stopped_by = self._limits.reached(n_regions, self.seconds, memory, self._most)
        if self.stopped_by is None and self._interrupted():
            self.stopped_by = "interrupt"

    # -- together ------------------------------------------------------------------------------

    def _share(self) -> None:
        """Let others do what is left."""
        if self._executor is not None:
            self._work_with(self._executor)
            return
        with ThreadPoolExecutor(self.workers, "polyrelu") as threads:
            self._work_with(threads)

    def _work_with(self, executor: Executor) -> None:
        assert self._problem is not None
        crew = self._crew = Crew(
            self._problem, self._frontier, self.workers, executor, self._finish,
            self._checkpoint, self._most,
        )  # fmt: skip
        try:
            while crew.go_on(self.stopped_by is None):
                try:
                    crew.take(TICK)
                    self._watch(crew)
                except KeyboardInterrupt:
                    if self.stopped_by is not None and self._executor is not None:
                        break  # asked twice: those elsewhere are not waited for
                    self.stopped_by = "interrupt"
        finally:
            crew.leave()
        if self._frontier.open and self.stopped_by is None:
            self.stopped_by = "executor" if crew.is_lost else "regions"

    def _watch(self, crew: Crew) -> None:
        n_regions = crew.n_regions
        if self._tick(n_regions) or not self._frontier.open:
            return
        if self._checkpoint is None and self._most is not None and n_regions >= self._most:
            # Then the first ones are kept, as they are whoever looks for them.
            n_regions = self._frontier.without_gaps()
        self._look(n_regions, crew.n_bytes)
