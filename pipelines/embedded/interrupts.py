"""Ctrl-C and its like, noticed at safe points only.

A handler that raises can strike between starting a process and remembering it, and then nobody ends that
process. So the signal only sets a mark; whoever waits asks for it. A second signal means: do not wait.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Self

from pipelines.errors import UrbanBrainError

_WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_POLL_SECONDS = 0.1


class Interrupted(UrbanBrainError):
    """Somebody asked us to stop. The exit code is the shell's own: 128 and the signal's number."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.signal_number = int(message.rpartition(" ")[2])


class Interrupts:
    """Within this block, signals are counted instead of raised."""

    def __init__(self) -> None:
        self._count = 0
        self._number = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        for number in _WATCHED:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)  # type: ignore[arg-type]  # what signal.signal gave us

    @property
    def hurry(self) -> bool:
        """Whether the second signal has come."""
        return self._count > 1

    def check(self) -> None:
        """Raise Interrupted when a signal has come."""
        if self._count:
            raise Interrupted(f"stopped by signal {self._number}")

    def wait(self, until: Callable[[], bool], *, seconds: float, poll: float = _POLL_SECONDS) -> bool:
        """Ask until the answer is yes; False when the time is over. Raises Interrupted."""
        deadline = time.monotonic() + seconds
        while not until():
            self.check()
            if time.monotonic() > deadline:
                return False
            time.sleep(poll)
        return True

    def _note(self, number: int, _: FrameType | None) -> None:
        self._count += 1
        self._number = number
