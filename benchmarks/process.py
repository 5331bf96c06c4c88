"""Fresh processes: one Python module each, with a time limit; a JSON value is what it answers."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class Outcome:
    """What became of a process: an answer, or the reason why there is none."""

    answer: Any = None
    failure: str | None = None
    timed_out: bool = False

    @property
    def kind(self) -> str:
        """The failure in a word or three."""
        return "too slow" if self.timed_out else str(self.failure).split(":")[0]


def run_module(
    module: str,
    request: Any,
    *,
    seconds: float,
    python: str = sys.executable,
    environment: dict[str, str] | None = None,
) -> Outcome:
    """``python -m module REQUEST ANSWER``, both names of JSON files.

    The module has its own session, so that its workers end with it. What it prints is thrown
    away (some tools print from compiled code).
    """
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "request.json"), Path(folder, "answer.json")
        asked.write_text(json.dumps(request))
        process = subprocess.Popen(
            [python, "-m", module, str(asked), str(answered)],
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return Outcome(failure=f"more than {seconds:.0f} s", timed_out=True)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        if answered.exists():
            return Outcome(json.loads(answered.read_text()))
        if process.returncode < 0:
            return Outcome(failure=f"crash: {signal.Signals(-process.returncode).name}")
        last = errors.decode(errors="replace").strip().splitlines()[-1:]
        return Outcome(failure=f"crash: {last[0][:80] if last else process.returncode}")


def serve(answer: Any) -> None:
    """The other end of :func:`run_module`: a module's ``__main__`` calls this."""
    asked, answered = sys.argv[1:]
    result = answer(json.loads(Path(asked).read_text()))
    unfinished = Path(answered + ".part")
    unfinished.write_text(json.dumps(result))
    unfinished.rename(answered)
