"""Ends our sessions when the process that started them is gone, however it went.

It is told the sessions over its standard input, one process id a line. When that pipe closes, its other end
has died or is done; either way whatever still lives in those sessions is ended. It lives in a session of its
own and ignores Ctrl-C, so that it outlives what it watches for.
"""

from __future__ import annotations

import signal
import subprocess
import sys

from pipelines.embedded import processes


class Watchdog:
    """The near end of the pipe. Start it before the first component."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pipelines.embedded.watchdog"],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def watch(self, session: int) -> None:
        """Have this session ended when we are gone."""
        if self._process.stdin is None:
            raise RuntimeError("the watchdog was started without a pipe")
        self._process.stdin.write(f"{session}\n".encode())
        self._process.stdin.flush()

    def dismiss(self) -> None:
        """Close the pipe and wait; by then no watched session has a living member."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()


def main() -> None:
    """Read sessions until the pipe closes, then end them."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions = [int(line) for line in sys.stdin]
    processes.end(sessions)


if __name__ == "__main__":
    main()
