"""Processes of our own: each component starts in its own session, and a session is ended as a whole.

Airflow's tasks leave the process group of the scheduler, so a signal to the group misses them. They cannot
leave the session without `setsid`, which nothing here calls; so the session is what gets ended. The order
matters: a SIGTERM to a whole group kills the scheduler's fork server first and leaves orphan workers behind.
So the leader alone is asked, and only what remains is killed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 5.0
"""Enough for an idle Airflow. A task in flight may be killed: every stage survives that by design."""
_PROC = Path("/proc")
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Component:
    """One started process: a session leader whose output goes to a file."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def session(self) -> int:
        return self.process.pid

    def tail(self, lines: int = 25) -> str:
        """The last lines it wrote."""
        return tail(self.log, lines)


def start(name: str, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Component:
    """Start a command as the leader of a new session, its output appended to `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 – the commands are written in supervisor.py
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Component(name, process, log)


def end(sessions: Iterable[int], *, grace: float = GRACE_SECONDS, hurry: Callable[[], bool] = bool) -> None:
    """End sessions for good: ask every leader, wait for all members, kill what is left.

    `hurry` is asked while waiting; once it is true nothing is waited for any more. A session that is
    already over is no error.
    """
    wanted = list(sessions)
    for session in wanted:
        _send(session, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while _leaders_alive(wanted) and time.monotonic() < deadline and not hurry():
        time.sleep(_POLL_SECONDS)
    for _ in range(100):  # a member may fork while it is being killed, so look again until none is left
        _reap(wanted)
        left = members(wanted)
        for pid in left:
            _send(pid, signal.SIGKILL)
        if not left:
            return
        time.sleep(_POLL_SECONDS)


def members(sessions: Iterable[int]) -> list[int]:
    """Process ids that live in one of the sessions; without `/proc`, only the leaders are known."""
    wanted = set(sessions)
    if not _PROC.is_dir():
        return [pid for pid in wanted if _is_alive(pid)]
    return sorted(
        int(entry.name)
        for entry in _PROC.iterdir()
        if entry.name.isdigit() and int(entry.name) != os.getpid() and _session(entry) in wanted
    )


def tail(path: Path, lines: int) -> str:
    """The last lines of a text file, or "" when there is none."""
    if not path.is_file():
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def _session(entry: Path) -> int:
    """The session a process lives in; 0 for one that is gone or only waits to be reaped."""
    try:
        status = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    state, _, _, session = status.rpartition(")")[2].split()[:4]  # a name may hold spaces and brackets
    return 0 if state in "ZX" else int(session)


def _leaders_alive(sessions: Iterable[int]) -> bool:
    _reap(sessions)
    return any(_is_alive(session) for session in sessions)


def _is_alive(pid: int) -> bool:
    if _PROC.is_dir():
        return _session(_PROC / str(pid)) != 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def _reap(pids: Iterable[int]) -> None:
    """Collect children that ended, so that they are not taken for living ones."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
