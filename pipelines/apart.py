"""Processes of ours that work apart: they know no secret, and none outlives the one who started it.

Its standard input stays open as long as somebody waits for it. When that ends, however the other side went, it leaves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from pipelines import settings

_PIECE_BYTES = 1 << 16


def started(
    module: str,
    *arguments: str,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Run a module of this package in a process of its own; its standard input is a pipe. It is to call `listen` first."""
    package = str(Path(__file__).resolve().parents[1])
    given = {"PYTHONPATH": package, "PYTHONUTF8": "1", **(environment or {})}
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-P", "-W", "ignore", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=stdout,
        stderr=stderr,
        env=settings.bare_environment(given),
    )


def listen(hear: Callable[[bytes], object] = bytes) -> None:
    """Pass on each line of standard input, on a thread of its own; when there is no more, end this process at once."""
    threading.Thread(target=_listen, args=(hear,), daemon=True).start()


def _listen(hear: Callable[[bytes], object]) -> None:
    line = b""
    # Not through `sys.stdin`: Python locks it while it reads, and cannot end while somebody holds the lock.
    while piece := os.read(0, _PIECE_BYTES):
        *whole, line = (line + piece).split(b"\n")
        for each in whole:
            hear(each)
    os._exit(0)
