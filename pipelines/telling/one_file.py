"""The default transport of OpenLineage events: one file, a line an event, that any number of processes append to.

    <home>/lineage/events.jsonl                  written now
    <home>/lineage/events-<instant>.jsonl        full ones; `urbanbrain upkeep` deletes the oldest

The client's own file transport writes long events in pieces, which mix when two processes write at once.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from openlineage.client.serde import Serde
from openlineage.client.transport.transport import Config, Transport

from pipelines import lake

KIND = "pipelines.telling.one_file.OneFile"
_FULL = 16_000_000
_LOCK = ".lock"


class OneFileConfig(Config):
    """Where to: `path`, by default the home's own."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def from_dict(cls, params: Mapping[str, Any]) -> Self:
        return cls(Path(params["path"]) if params.get("path") else lake.lineage_events())


class OneFile(Transport):
    kind = "one_file"
    config_class = OneFileConfig

    def __init__(self, config: OneFileConfig) -> None:
        self._path = config.path

    def emit(self, event: Any) -> None:
        """Append one event. Raises OSError when the file cannot be written."""
        line = (Serde.to_json(event) + "\n").encode()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with (self._path.parent / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if self._path.exists() and self._path.stat().st_size + len(line) > _FULL:
                stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
                self._path.rename(self._path.with_name(f"{self._path.stem}-{stamp}{self._path.suffix}"))
            handle = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                _end_line(handle)
                while line:
                    line = line[os.write(handle, line) :]
            finally:
                os.close(handle)


def _end_line(handle: int) -> None:
    """Start a line of one's own behind what a killed writer left half written."""
    size = os.fstat(handle).st_size
    if size and os.pread(handle, 1, size - 1) != b"\n":
        os.write(handle, b"\n")
