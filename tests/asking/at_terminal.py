"""The command line at a real terminal: keys go in, what the screen was sent comes out."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_=>])|\r")
_REPORT = "\x1b[6n"  # a program asks where the cursor is, and waits for the answer


_RUN = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from pipelines.cli import main
main()
"""


class AtTerminal:
    """One run of `urbanbrain` whose keyboard and screen are a pseudo terminal."""

    def __init__(self, *words: str, home: Path, state: Path, rows: int = 40, columns: int = 120) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._terminal = ours
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={
                **os.environ,
                "URBANBRAIN_HOME": str(home),
                "XDG_STATE_HOME": str(state),
                "TERM": "xterm-256color",
                "PYTHONPATH": str(PROJECT),
                "PYTHONUTF8": "1",
            },
            start_new_session=True,
        )
        os.close(theirs)
        self._raw = ""
        self._seen = 0

    def __enter__(self) -> AtTerminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def wait_for(self, text: str, seconds: float = 300) -> str:
        """What was shown since the last wait, up to this text, without what steers the terminal."""
        until = time.monotonic() + seconds
        while True:
            shown = _STEERING.sub("", self._raw)
            at = shown.find(text, self._seen)
            if at >= 0:
                told, self._seen = shown[self._seen : at + len(text)], at + len(text)
                return told
            if time.monotonic() > until or not self._more(until - time.monotonic()):
                raise AssertionError(f"{text!r} did not appear; since then: {shown[self._seen :]!r}")

    def press_until(self, key: str, text: str, seconds: float = 300) -> None:
        """Press a key until this text is shown: one pressed while the line editor is just leaving is nobody's."""
        until = time.monotonic() + seconds
        while text not in _STEERING.sub("", self._raw)[self._seen :]:
            assert time.monotonic() < until, f"{text!r} did not appear"
            self.type(key)
            pause = time.monotonic() + 2
            while time.monotonic() < pause and text not in _STEERING.sub("", self._raw)[self._seen :]:
                self._more(0.1)
        self.wait_for(text)

    def leave(self, key: str = "", seconds: float = 300) -> int:
        """The exit code, once it has left; until then a key is pressed, which may be nobody's as in `press_until`."""
        until = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < until:
            if key:
                self.type(key)
            pause = time.monotonic() + 2
            while self.process.poll() is None and time.monotonic() < pause:
                self._more(0.1)
        return self.process.wait(timeout=1)

    def wait_until_it_works(self, seconds: float = 300) -> None:
        """Until keys make signals again: while a line is edited, Ctrl-C is a key like any other."""
        until = time.monotonic() + seconds
        while not termios.tcgetattr(self._terminal)[3] & termios.ISIG:
            assert time.monotonic() < until, "it still waits for keys"
            self._more(0.05)

    def _more(self, seconds: float) -> bool:
        if not select.select([self._terminal], [], [], max(0.0, seconds))[0]:
            return self.process.poll() is None
        try:
            piece = os.read(self._terminal, 1 << 16)
        except OSError:  # Linux says so when the last one at the terminal has left
            return False
        self._raw += piece.decode(errors="replace")
        if _REPORT in piece.decode(errors="replace"):
            self.type("\x1b[1;1R")
        return bool(piece)
