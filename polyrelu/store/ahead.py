"""Threads that work ahead of who takes the results, in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

MOST = 4  # threads: each holds a block or two in memory

Item = TypeVar("Item")
Result = TypeVar("Result")


class Threads:
    """Some threads; with one worker it is the caller's own.

    Use it as a context: who leaves waits for what is being worked on.
    """

    def __init__(self, workers: int) -> None:
        self.workers = min(workers, MOST)
        self._pool = ThreadPoolExecutor(self.workers, "polyrelu") if self.workers > 1 else None

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """As the built-in: the results in order, one at a time. Threads are ahead by as many items
        as there are of them, and not by more, which would fill the memory."""
        if self._pool is None:
            yield from map(function, items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(self._pool.submit(function, item))
                if len(waiting) > self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()

    def __enter__(self) -> Threads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
