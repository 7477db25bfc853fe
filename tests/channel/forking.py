"""A writer that can be killed at once: everything is imported beforehand, so that a kill lands inside the work.

    python forking.py <file for what children say>     then one job a line on standard input

A job is `{"environment": …, "calls": [[function of run, arguments…]…], "seconds": when to kill, or null}`.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

Call = Sequence[str | None]


@dataclass(frozen=True)
class Attempt:
    """How one child ended."""

    is_killed: bool
    code: int
    seconds: float


class Forks:
    """The process on the other side of a pipe."""

    def __init__(self, said: Path) -> None:
        self.said = said
        # A forked child may not wait for threads its parent had.
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(said)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def run(self, calls: Sequence[Call], seconds: float | None = None) -> Attempt:
        """Make the calls in a new process with this process's settings; kill it after `seconds` with SIGKILL."""
        environment = {name: value for name, value in os.environ.items() if name.startswith("URBANBRAIN_")}
        job = {"environment": environment, "calls": calls, "seconds": seconds}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Attempt(**json.loads(self._process.stdout.readline()))


def _attempt(job: dict[str, Any], said: Path) -> Attempt:
    started = time.monotonic()
    child = os.fork()
    if not child:
        _work(job, said)
    watched = os.pidfd_open(child)
    select.select([watched], [], [], job["seconds"])
    os.close(watched)
    if job["seconds"] is not None:
        os.kill(child, signal.SIGKILL)  # without effect on a child that has ended: nobody has waited for it yet
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if os.WIFSIGNALED(status):
        return Attempt(os.WTERMSIG(status) == signal.SIGKILL, -os.WTERMSIG(status), seconds)
    return Attempt(False, os.WEXITSTATUS(status), seconds)


def _work(job: dict[str, Any], said: Path) -> None:
    """The child: never returns."""
    code = 1
    try:
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(job["environment"])
        from pipelines import run

        for name, *arguments in job["calls"]:
            if name == "land_and_gate":
                run.gate(run.land(*arguments))
            else:
                getattr(run, name)(*arguments)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def main() -> None:
    import croniter  # noqa: F401
    import python_calamine  # noqa: F401

    import pipelines.connectors
    import pipelines.expectations
    import pipelines.run
    import pipelines.stages.gate
    import pipelines.stages.governance
    import pipelines.stages.landing
    import pipelines.stages.loading
    import pipelines.stages.publishing
    import pipelines.stages.staging  # noqa: F401

    said = Path(sys.argv[1])
    for line in sys.stdin:
        attempt = _attempt(json.loads(line), said)
        print(json.dumps(vars(attempt)), flush=True)


if __name__ == "__main__":
    main()
