"""What the reader of a format collects while it goes through the parts of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pipelines.readers.decoding import Text

Parts = Iterable[tuple[str, bytes]]
"""Name and bytes of each part, loaded when it is its turn."""
ROWS = "_landed"
"""The name under which a part lies on the connection while it is read."""


@dataclass(frozen=True)
class Missing:
    """A column that did not arrive: what it should have been called, and the nearest of the names nobody asked for."""

    column: str
    expected: str
    nearest: str = ""
    is_required: bool = False


@dataclass
class Findings:
    """Grows part by part; `read` makes a `Read` of it."""

    rows: int = 0
    encodings: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    absent: frozenset[str] | None = None
    missing: dict[str, Missing] = field(default_factory=dict)
    moved: dict[str, tuple[str, str]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    trailer_rows: int | None = None
    flags: set[str] = field(default_factory=set)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)

    def saw(self, text: Text) -> None:
        self.encodings.add(text.encoding)
        self.flags.update(text.flags)
