"""Those who work on the tasks of a search: threads, or any ``concurrent.futures.Executor``."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, wait
from functools import cache, partial
from math import inf
from numbers import Integral
from queue import Empty, SimpleQueue
from typing import Any

from ..engine.assemble import concatenate
from ..engine.joined import in_pages
from ..engine.open_cells import OpenCells
from ..engine.task import Done, Elsewhere, Problem, run
from .checkpoint import Checkpoint
from .frontier import Frontier, Task

FEWEST = 8192  # regions of a task: fewer are not worth its set-up, a millisecond or so
SHORTEST = 0.005  # seconds that one must have searched to be handed back with fewer than half
FEWEST_ON_DISK = 1 << 16  # fewer are not worth a file of their own
MOST_ON_DISK = 1 << 18  # of which those who build the store have some in memory
LONGEST = 2.0  # seconds that a task may take: who else waits, or loses it, does so no longer
SLOWEST = 60.0  # seconds that one may have taken: more was spent in sleep, or is not true
TRIES = 3  # of a task that fails elsewhere
PIECES = 4  # that a task hands back if somebody waits for one


class Crew:
    """Gives out the tasks of a frontier, in depth-first order, and takes them back.

    A task that proves large is handed back, and what is left of it divided, after so many regions
    that nobody waits long; threads hand back what they have when one of them has nothing, unless
    they have only just come there.
    Tasks that fail elsewhere, or are lost with their machine, are given out again.

    Args:
        finish: called with each task that is done.
        checkpoint: where they write what they find.
        most: how many regions are wanted; they write no more than so many.

    Attributes:
        stop: set it, and threads hand back what they have.
        is_lost: the executor takes no more tasks.
    """

    def __init__(
        self,
        problem: Problem,
        frontier: Frontier,
        workers: int,
        executor: Executor,
        finish: Callable[[Task, Done], None],
        checkpoint: Checkpoint | None,
        most: int | None,
    ) -> None:
        self._problem, self._frontier, self._executor = problem, frontier, executor
        self._workers, self._finish, self._checkpoint = workers, finish, checkpoint
        self._most = most
        self._fewest = FEWEST if checkpoint is None else FEWEST_ON_DISK
        self._largest = None if checkpoint is None or problem.counting else MOST_ON_DISK
        self._are_threads = shares_memory(executor)
        self._width = workers + 1 if self._are_threads else 2 * workers  # tasks given out
        self._running: dict[Task, Future[Done]] = {}
        self._done: SimpleQueue[tuple[Task, Future[Done]]] = SimpleQueue()
        self._n_tasks = self._repeated = 0
        self._bytes_given = self._bytes_taken = self._bytes_kept = 0
        self._bytes_of_problem = 0 if self._are_threads else len(pickle.dumps(problem))
        self._regions, self._seconds = 0, 1e-3
        for done in frontier.results():
            self._tally(done)
        self.stop = False
        self.is_lost = False

    @property
    def n_regions(self) -> int:
        """What was found, with what is not handed in yet."""
        return self._frontier.n_regions + sum(task.so_far for task in self._running)

    @property
    def n_bytes(self) -> int:
        """What that takes."""
        return self._bytes_kept + sum(task.bytes_so_far for task in self._running)

    def stats(self) -> dict[str, Any]:
        """How the work was divided."""
        told = {"workers": self._workers, "tasks": self._n_tasks}
        if self._are_threads:
            return told
        return told | {
            "repeated_tasks": self._repeated,
            "bytes_sent": self._bytes_given,
            "bytes_received": self._bytes_taken,
        }

    def go_on(self, more: bool) -> bool:
        """Give out tasks, if ``more`` is to be done. False if none is worked on."""
        self.stop = not more
        while more and not self.is_lost and len(self._running) < self._width:
            task, budget = self._frontier.next(), self._budget()
            if task is None or budget < 1:
                break
            self._give(task, budget)
        return bool(self._running)

    def take(self, seconds: float) -> None:
        """Wait so long for a task to come back, and take all that do.

        Raises:
            Exception: what a task failed with, if it did so again and again.
        """
        try:
            came = self._done.get(timeout=seconds)
            while True:
                self._take(*came)
                came = self._done.get_nowait()
        except Empty:
            return

    def leave(self) -> None:
        """Take nothing more. Who has not begun need not; threads are waited for, which stop soon:
        they must not write what another search may write by then."""
        self.stop = True
        running = list(self._running.values())
        for future in running:
            future.cancel()
        if self._are_threads:
            wait(running)

    # -- giving ----------------------------------------------------------------------------------

    def _give(self, task: Task, budget: int) -> None:
        try:
            asked = self._problem, task.cells, budget
            if not self._are_threads:
                future = self._executor.submit(run, *asked, Elsewhere(self.n_pieces))
            elif self._checkpoint is not None:
                host = _Thread(self, task)
                future = self._executor.submit(_run_and_write, self._checkpoint, task, *asked, host)
            else:
                future = self._executor.submit(_run_and_join, *asked, _Thread(self, task))
        except (BrokenExecutor, RuntimeError):
            self.is_lost = True
            return
        task.is_running, task.budget = True, budget
        self._running[task] = future
        self._n_tasks += 1
        self._bytes_given += self._bytes_of_problem + len(
            task.cells.encode() if task.cells else b""
        )
        future.add_done_callback(partial(self._put, task))

    def _put(self, task: Task, future: Future[Done]) -> None:
        self._done.put((task, future))

    def _budget(self) -> int:
        """How many regions a task is to find: a small share of all, in a short time."""
        share = max(self._fewest, self._frontier.n_regions // (8 * self._workers))
        budget = max(1, min(share, int(LONGEST * self._regions / self._seconds)))
        if self._largest is not None:
            budget = min(budget, self._largest)
        if self._most is None:
            return budget
        if self._checkpoint is None:  # the first ones are kept, whoever finds others meanwhile
            return min(budget, self._most - self._frontier.without_gaps())
        promised = sum(task.budget for task in self._running)
        return min(budget, self._most - self._frontier.n_regions - promised)

    @property
    def n_pieces(self) -> int:
        """In how many pieces what is left of a task is wanted."""
        return PIECES if self._frontier.n_waiting <= self._workers else 1

    @property
    def somebody_waits(self) -> bool:
        return len(self._running) < self._workers

    # -- taking ----------------------------------------------------------------------------------

    def _take(self, task: Task, future: Future[Done]) -> None:
        if self._running.get(task) is not future:
            return  # it came before
        del self._running[task]
        task.is_running = False
        task.so_far = task.bytes_so_far = 0
        try:
            done = future.result()
        except BrokenExecutor:
            self.is_lost = True
        except (Exception, CancelledError):
            task.failures += 1
            self._repeated += 1
            if self._are_threads or task.failures == TRIES:
                raise
        else:
            self._bytes_taken += sum(block.nbytes for block in done.found)
            if self._checkpoint is not None:
                self._checkpoint.write(task, done)
            self._tally(done)
            self._finish(task, done)

    def _tally(self, done: Done) -> None:
        self._regions += done.n_regions
        self._seconds += min(done.seconds, SLOWEST)
        self._bytes_kept += sum(block.nbytes for block in done.found)


def _run_and_write(checkpoint: Checkpoint, task: Task, *asked: Any) -> Done:
    done = run(*asked)
    checkpoint.write(task, done)
    return done


def _run_and_join(problem: Problem, cells: OpenCells | None, budget: int, host: _Thread) -> Done:
    host.start()
    done = run(problem, cells, budget, host)
    if len(done.found) > 1:
        # A thread's small arrays, freed by somebody else, would be of use to that thread alone.
        done.found = [concatenate(done.found, in_pages)]
    return done


class _Thread:
    """The host of a task in a thread, which sees what happens around it."""

    def __init__(self, crew: Crew, task: Task) -> None:
        self._crew, self._task = crew, task
        self._started, self._arrived = -inf, inf

    def start(self) -> None:
        """A thread has taken the task, which may be handed back by time."""
        self._started = time.perf_counter()

    def stopped(self, regions: int, n_bytes: int) -> bool:
        task = self._task
        task.so_far += regions
        task.bytes_so_far += n_bytes
        if regions and self._arrived == inf:
            self._arrived = time.perf_counter()
        return self._crew.stop or (self._crew.somebody_waits and self._did_enough())

    def _did_enough(self) -> bool:
        """To be worth the time that whoever goes on needs to come here."""
        way = self._arrived - self._started
        searched = time.perf_counter() - self._arrived
        return self._task.so_far >= FEWEST // 2 or searched > max(SHORTEST, way)

    def parts(self) -> int:
        return self._crew.n_pieces


def shares_memory(executor: Executor) -> bool:
    """Does it work in threads of this process?"""
    from concurrent.futures import ThreadPoolExecutor

    return isinstance(executor, ThreadPoolExecutor)


def checked(workers: Any, executor: Any) -> int:
    """How many tasks to work on at a time: ``workers``, or as many as the executor does.

    Raises:
        TypeError, ValueError: they are something else.
    """
    if executor is not None and not isinstance(executor, Executor):
        raise TypeError(f"executor must be a concurrent.futures.Executor, not {executor!r}")
    if workers is None:
        return _workers_of(executor)
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers < 1:
        raise ValueError(f"workers must be a positive integer, not {workers!r}")
    return int(workers)


def _workers_of(executor: Executor | None) -> int:
    """As far as it tells; None: one for each core that this process may use."""
    for name in ("_max_workers", "num_workers") if executor is not None else ():
        told = getattr(executor, name, None)
        if isinstance(told, int) and told > 0:
            return told
    return usable_cores()


@cache
def usable_cores() -> int:
    """How many of this machine's this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(usable(0)) if usable is not None else os.cpu_count() or 1
