"""What a shell remembers of earlier questions: in a file only its owner reads, without anybody's number, plate or name."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History

from pipelines import database, privacy, settings

_KEPT = 1000


class QuestionHistory(History):
    """Questions of all sessions, one JSON text a line. Within a session they are remembered as they were typed.

    A place that cannot be written to is no reason not to ask: then nothing outlives the session.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._masks = database.memory()
        privacy.install(self._masks)
        with contextlib.suppress(OSError):
            self._trim()

    def load_history_strings(self) -> Iterable[str]:
        """Earlier questions, the newest first."""
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return
        for line in reversed(lines):
            with contextlib.suppress(ValueError):  # a line that a full disk cut short
                yield str(json.loads(line))

    def store_string(self, string: str) -> None:
        """Keep a question for the next session, masked as free text of the channel is."""
        row = self._masks.execute("select mask_text(?)", [string]).fetchone()
        line = json.dumps(row[0] if row else "", ensure_ascii=False)
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with os.fdopen(file, "a", encoding="utf-8") as history:
                os.fchmod(history.fileno(), 0o600)
                history.write(f"{line}\n")

    def _trim(self) -> None:
        lines = self._path.read_bytes().splitlines(keepends=True)
        if len(lines) > 2 * _KEPT:
            beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as history:
                history.writelines(lines[-_KEPT:])
            beside.replace(self._path)


def history_file() -> Path:
    """Where this person's questions are kept; not among the data, which many may read."""
    return settings.state_folder() / "questions.jsonl"
