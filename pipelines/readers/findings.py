"""What the reader of a format collects while it goes through the parts of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.readers.decoding import Text

Parts = Iterable[tuple[str, bytes]]
"""Name and bytes of each part, loaded when it is its turn."""
ROWS = "_landed"
"""The name under which a part lies on the connection while it is read."""


@dataclass
class Findings:
    """Grows part by part; `read` makes a `Read` of it."""

    rows: int = 0
    encodings: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    absent: tuple[str, ...] = ()
    warnings: list[str] = field(default_factory=list)
    trailer_rows: int | None = None
    flags: set[str] = field(default_factory=set)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def saw(self, text: Text) -> None:
        self.encodings.add(text.encoding)
        self.flags.update(text.flags)
