"""Threads that work ahead of who takes the results, which come in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Any, TypeVar

Result = TypeVar("Result")


class Threads:
    """Some threads; with one worker it is the caller's own.

    Use it as a context: who leaves waits for what is being worked on.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, "polyrelu") if workers > 1 else None

    def map(self, function: Callable[..., Result], *items: Iterable[Any]) -> Iterator[Result]:
        """As the built-in: the results in order, one at a time. Threads are ahead by as many items
        as there are of them, and not by more, which would fill the memory."""
        if self._pool is None:
            yield from map(function, *items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for arguments in zip(*items, strict=False):
                waiting.append(self._pool.submit(function, *arguments))
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


ALONE = Threads(1)
