"""A writer that can be killed at once: everything is imported beforehand, so that a kill lands inside the work.

    python forking.py <file for what children say>     then one job a line on standard input

A job is `{"environment": …, "together": [[[function of run, arguments…]…]…], "seconds": when to kill, or null}`:
a child for each list of calls, all at once. Its answer is how each child ended.
"""

from __future__ import annotations

import json
import logging
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
        return self.run_together([calls], seconds)[0]

    def run_together(self, together: Sequence[Sequence[Call]], seconds: float | None = None) -> list[Attempt]:
        """The same with several processes at once."""
        environment = {name: value for name, value in os.environ.items() if name.startswith("URBANBRAIN_")}
        job = {"environment": environment, "together": together, "seconds": seconds}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return [Attempt(**attempt) for attempt in json.loads(self._process.stdout.readline())]


def _attempts(job: dict[str, Any], said: Path) -> list[Attempt]:
    started = time.monotonic()
    children = []
    for calls in job["together"]:
        children.append(os.fork())
        if not children[-1]:
            _work(job["environment"], calls, said)
    return [_end(child, job["seconds"], started) for child in children]


def _end(child: int, seconds: float | None, started: float) -> Attempt:
    watched = os.pidfd_open(child)
    select.select([watched], [], [], seconds)
    os.close(watched)
    if seconds is not None:
        os.kill(
            child, signal.SIGKILL
        )  # without effect on a child that has ended: nobody has waited for it yet
    _, status = os.waitpid(child, 0)
    lasted = time.monotonic() - started
    if os.WIFSIGNALED(status):
        return Attempt(os.WTERMSIG(status) == signal.SIGKILL, -os.WTERMSIG(status), lasted)
    return Attempt(False, os.WEXITSTATUS(status), lasted)


def _work(environment: dict[str, str], calls: Sequence[Call], said: Path) -> None:
    """The child: never returns."""
    code = 1
    try:
        output = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.environ.update(environment)
        from pipelines import run

        logging.basicConfig(level=logging.INFO)
        for name, *arguments in calls:
            if name == "land_and_gate":
                run.gate(run.land(*arguments))
            elif name == "backfill":
                *asked, order, as_of = arguments
                plan = run.backfill_plan(*asked, newest_first=order == "newest first", as_of=as_of)
                run.backfill(plan, pause=0, as_of=as_of)
            else:
                getattr(run, name)(*arguments)
        code = 0
    except BaseException:  # noqa: BLE001 - whatever it was, the parent has to be told
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
        attempts = _attempts(json.loads(line), said)
        print(json.dumps([vars(attempt) for attempt in attempts]), flush=True)


if __name__ == "__main__":
    main()
