"""A search that survives: what was done is on the disk, and the rest is found again from it.

A checkpoint is a directory. ``journal`` has a line of JSON for each task that is done, with its
check: what it found, and which cells it left. Tasks are numbered as they arise: the first is 0, and
those that a line leaves get the next numbers. Blocks of regions are written before the line that
tells of them. So whatever moment the search is killed at, each task is either done, and on the
disk, or will be done again; and as tasks are pure, the result is the same to the last bit.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import IO, Any

from ..engine.open_cells import OpenCells
from ..engine.task import Done, Problem
from ..errors import FileFormatError, StoreError
from ..io._own_format import read_count
from ..store.block import FORMAT as BLOCKS
from ..store.block import BlockInfo, write_block
from ..store.files import storage_errors, sync_directory
from .frontier import Frontier, Task

FORMAT, VERSION = "polyrelu journal", 1
# Of the order in which the engine cuts cells. It must change with that: cells that a search left
# mean nothing to one that cuts in another order.
ORDER = 1
JOURNAL = "journal"
LONGEST_LINE = 1 << 24


class Checkpoint:
    """The record of one search, open for more. Used in a ``with`` block.

    Args:
        path: the directory; made if it is not there.
        problem: what is searched. If it is ``counting``, no regions are written.

    Attributes:
        frontier: the tasks that are done, and those that are left.
        seconds: that earlier runs took.

    Raises:
        FileFormatError: the directory has the record of another search, or a damaged one.
        StoreError: it is a file, another process works on it, or the system refuses to write.
    """

    def __init__(self, path: str | os.PathLike[str], problem: Problem) -> None:
        self.path = Path(path)
        self._problem = problem
        self._n_cones = problem.all_cells.stop
        self._file = self.path / JOURNAL
        self.frontier = Frontier()
        self.seconds = 0.0
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise StoreError(f"{self.path} must be a directory, or nothing yet, for a checkpoint")
        with storage_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            self._stream: IO[bytes] = self._file.open("a+b")
        try:
            self._lock()
            self._replay()
        except BaseException:
            self._stream.close()
            raise

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def block(self, task: Task) -> Path:
        """Where the regions that a task found are."""
        return self.path / f"block-{task.number:08d}.npz"

    def blocks(self) -> list[tuple[Path, BlockInfo]]:
        """All that were written, in the order of the regions."""
        done = ((task, task.done) for task in self.frontier.in_order())
        return [(self.block(task), d.block) for task, d in done if d is not None and d.block]

    def write(self, task: Task, done: Done) -> None:
        """Put what was found on the disk, and let go of it."""
        if done.found:
            done.block = write_block(self.block(task), self._problem.compiled, done.found)
            done.found = []

    def lost(self) -> list[Task]:
        """Tasks that are done, but whose blocks are not there or were cut off."""
        return [
            task
            for task in self.frontier.tasks
            if task.done is not None and task.done.block and not self._has(task, task.done.block)
        ]

    def _has(self, task: Task, info: BlockInfo) -> bool:
        file = self.block(task)
        return file.is_file() and file.stat().st_size == info.bytes

    def write_again(self, task: Task, done: Done) -> None:
        """The same for a task that was done before.

        Raises:
            FileFormatError: something else was found.
        """
        assert task.done is not None
        self.write(task, done)
        if (done.n_regions, done.block) != (task.done.n_regions, task.done.block):
            raise FileFormatError(
                f"{self.path}: task {task.number} now finds {done.n_regions} regions, not those "
                f"that the journal tells of: it is damaged, or of another version"
            )

    def record(self, task: Task, done: Done, seconds: float) -> None:
        """Write down that a task is done, after ``seconds`` of this run."""
        line = {
            "task": task.number,
            "regions": done.n_regions,
            "splits": done.splits,
            "seconds": done.seconds,
            "counters": done.counters,
            "clock": self.seconds + seconds,
            "block": None if done.block is None else asdict(done.block),
            "left": [cells.encode().hex() for cells in done.left],
            "shares": [cells.share for cells in done.left],
        }
        self._append(line)

    def remove(self) -> None:
        """Delete the record, and the directory if nothing else is in it."""
        self._stream.close()
        self._file.unlink(missing_ok=True)
        if not any(self.path.iterdir()):
            self.path.rmdir()

    # -- the file --------------------------------------------------------------------------------

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not on this system: then users take care
            return
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreError(f"{self.path} is in use: another process works on it") from None

    def _append(self, line: dict[str, Any]) -> None:
        data, handle = _checked(json.dumps(line)), self._stream.fileno()
        with storage_errors(self._file):
            while data:  # not by way of the stream, which tries again as it is closed
                data = data[os.write(handle, data) :]
            os.fsync(handle)

    def _replay(self) -> None:
        self._stream.seek(0)
        lines = self._lines()
        first = next(lines, None)
        if first is None:
            self._append(self._header())
            with storage_errors(self.path):
                sync_directory(self.path)
            return
        self._check_header(first)
        for number, line in enumerate(lines, 2):
            try:
                self._take(line)
            except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
                raise FileFormatError(
                    f"{self._file}, line {number}: this cannot be ({error!r})"
                ) from None

    def _lines(self) -> Iterator[dict[str, Any]]:
        """The lines that are whole. A last one that is not, as its writer was killed, is removed;
        one before it is an error."""
        end, number = 0, 0
        while text := self._stream.readline(LONGEST_LINE):
            number += 1
            line = _read(text)
            if line is None:
                if self._stream.read(1) or (number == 1 and not self._begins(text)):
                    raise FileFormatError(
                        f"{self._file}, line {number} is damaged. All before it is whole: cut the "
                        f"file off before this line, and what came after is found again"
                    )
                break
            end += len(text)
            yield line
        with storage_errors(self._file):
            self._stream.truncate(end)

    def _header(self) -> dict[str, Any]:
        from ..store.block import problem

        return {
            "format": FORMAT,
            "version": VERSION,
            "order": ORDER,
            **({} if self._problem.counting else {"blocks": BLOCKS.version}),
            **problem(self._problem.compiled),
            "counting": self._problem.counting,
            "cells": self._problem.cells,
        }

    def _begins(self, text: bytes) -> bool:
        """Is it the beginning of what is written first?"""
        return _checked(json.dumps(self._header())).startswith(text)

    def _check_header(self, line: dict[str, Any]) -> None:
        if line.get("format") != FORMAT:
            raise FileFormatError(f"{self._file} is no journal of a search: choose another place")
        expected = self._header()
        names = {
            "version": "written by another version of polyrelu",
            "order": "written by a version of polyrelu that cuts cells in another order",
            "blocks": "whose blocks are those of another version of polyrelu",
            "network_hash": "of another network",
            "domain": "of another domain",
            "counting": "of a search that keeps regions, where this one counts, or the other way",
            "cells": 'of cells="{}"',
        }
        for name, what in names.items():
            if line.get(name) != expected.get(name):
                told = what.format(line.get(name))
                raise FileFormatError(f"{self.path} holds a search {told}: choose another place")

    def _take(self, line: dict[str, Any]) -> None:
        task = self.frontier.tasks[read_count(line["task"])]
        if task.done is not None:
            raise ValueError("a task that is done twice")
        words = self._problem.words
        n_regions, block = read_count(line["regions"]), _block_info(line["block"])
        in_block = 0 if block is None else block.regions
        if n_regions != in_block and not self._problem.counting:
            raise ValueError(f"{n_regions} regions, but {in_block} in the block")
        left = [OpenCells.decode(bytes.fromhex(text), words) for text in line["left"]]
        if any(cells.stop > self._n_cones for cells in left):
            raise ValueError("cells of cones that are not there")
        self.frontier.finish(
            task,
            Done(
                n_regions=n_regions,
                found=[],
                left=[
                    replace(cells, share=None if share is None else float(share))
                    for cells, share in zip(left, line["shares"], strict=True)
                ],
                splits=read_count(line["splits"]),
                seconds=_seconds(line["seconds"]),
                counters={str(k): read_count(v) for k, v in line["counters"].items()},
                block=block,
            ),
        )
        self.seconds = _seconds(line["clock"])


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 <= seconds < math.inf:
        raise ValueError(f"must be seconds, not {value!r}")
    return seconds


def _block_info(data: Any) -> BlockInfo | None:
    if data is None:
        return None
    numbers = {k: read_count(v) for k, v in data.items() if k != "sha256"}
    return BlockInfo(**numbers, sha256=str(data["sha256"]))


def _checked(text: str) -> bytes:
    """A line, with the check of its text."""
    data = text.encode()
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _read(line: bytes) -> dict[str, Any] | None:
    """What is in a line, or None if it is not whole."""
    check, _, data = line.rstrip(b"\n").partition(b" ")
    if not line.endswith(b"\n") or check != b"%08x" % zlib.crc32(data):
        return None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
