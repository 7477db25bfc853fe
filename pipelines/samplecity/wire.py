"""A feed at one instant, column by column under its wire names, with the truth about each row beside it.

The columns are what is sent; `outcome`, `rules`, `defect`, `flags` and `problem` never are. Values are text or JSON
scalars, None where the source says nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pipelines.samplecity.world import Bools, Instants, Ints, Objects

MIDNIGHT = 4
CLEAN, QUARANTINED, DUPLICATE, REFUSED = "", "quarantined", "duplicate", "refused"
FLAGGED = "flagged"
"""What the answer key calls a clean row that is mended or raises a warning."""


def only_where(mask: Bools, values: Objects) -> Objects:
    """The values where `mask` holds, None elsewhere."""
    kept = values.copy()
    kept[~mask] = None
    return kept


def empty_objects(count: int, value: object = None) -> Objects:
    """A column of `count` times the same value."""
    column = np.empty(count, dtype=object)
    column.fill(value)
    return column


@dataclass
class Wire:
    """Rows of one feed in the order they are served.

    `updated` is the instant an incremental source filters by; `salt` a number that stays with the row,
    so that its spellings and its defect are the same at every clock. `evidence` says what in the records
    ties a row to the record its problem began with: first, order_id, remark, component or caller. `flags` is
    what `_dq_flags` must say of a row that is taken.
    """

    id_column: str
    columns: dict[str, Objects]
    updated: Instants
    salt: Ints
    problem: Objects
    true_id: Objects
    order: Instants | Ints
    outcome: Objects = field(default_factory=lambda: empty_objects(0))
    rules: Objects = field(default_factory=lambda: empty_objects(0))
    defect: Objects = field(default_factory=lambda: empty_objects(0))
    evidence: Objects = field(default_factory=lambda: empty_objects(0))
    flags: Objects = field(default_factory=lambda: empty_objects(0))

    def __post_init__(self) -> None:
        if len(self.outcome) != len(self.salt):
            count = len(self.salt)
            self.outcome, self.rules = empty_objects(count, CLEAN), empty_objects(count, ())
            self.defect = empty_objects(count, "")
        if len(self.evidence) != len(self.salt):
            self.evidence = empty_objects(len(self.salt), "")
        if len(self.flags) != len(self.salt):
            self.flags = empty_objects(len(self.salt), ())

    def __len__(self) -> int:
        return len(self.salt)

    def take(self, rows: Ints | Bools) -> Wire:
        """Those rows, in that order."""
        columns = {name: column[rows] for name, column in self.columns.items()}
        return Wire(self.id_column, columns, *(getattr(self, name)[rows] for name in _BESIDE))

    def label(self, rows: Ints, outcome: str, rules: Sequence[str], defect: str) -> None:
        """Write down what is wrong with those rows."""
        self.outcome[rows] = outcome
        self.defect[rows] = defect
        labels = tuple(sorted(rules))
        for row in rows:
            self.rules[row] = labels

    def flag(self, rows: Ints | Bools, *flags: str, defect: str = "") -> None:
        """Write down what will be mended in those rows, or warned of; they stay what they are otherwise."""
        for row in np.arange(len(self))[rows]:
            self.flags[row] = tuple(sorted({*self.flags[row], *flags}))
            self.defect[row] = self.defect[row] or defect

    def with_copies(self, originals: Ints, copies: Wire) -> Wire:
        """The rows with `copies` inserted right behind their originals."""
        places = np.concatenate([np.arange(len(self), dtype=float), originals + 0.5])
        return join([self, copies]).take(np.argsort(places, kind="stable"))


_BESIDE = (
    "updated", "salt", "problem", "true_id", "order", "outcome", "rules", "defect", "evidence", "flags",
)  # fmt: skip


def join(parts: Sequence[Wire]) -> Wire:
    """Several pieces of one feed as one."""
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    beside = (np.concatenate([getattr(part, name) for part in parts]) for name in _BESIDE)
    return Wire(parts[0].id_column, columns, *beside)


def text_of_times(instants: Instants, style: Ints | None = None) -> Objects:
    """Local times as the sources write them; NaT becomes None.

    Style 0 is `2026-11-17 09:03:45`, 1 `20261117090345`; 2 and 3 drop the seconds: `2026/11/17 9:03` and
    `2026年11月17日 09:03`; 4 writes midnight as 24:00:00 of the day before. Without styles all are style 0.
    """
    known = ~np.isnat(instants)
    filled = np.where(known, instants, np.datetime64("2000-01-01", "s"))
    letters = np.datetime_as_string(filled, unit="s").astype("U19")
    cells = letters.view("U1").reshape(len(letters), 19) if len(letters) else letters.reshape(0, 19)
    cells = cells.copy()
    if len(letters):
        cells[:, 10] = " "
    written = np.ascontiguousarray(cells).view("U19").reshape(-1).astype(object)
    if style is not None:
        at_midnight = instants == instants.astype("M8[D]")
        for row in np.flatnonzero((style > 0) & known & ((style != MIDNIGHT) | at_midnight)):
            written[row] = _styled(written[row], int(style[row]))
    written[~known] = None
    return written


def _styled(plain: str, style: int) -> str:
    day, clock = plain.split(" ")
    year, month, date = day.split("-")
    if style == 1:
        return f"{year}{month}{date}{clock.replace(':', '')}"
    if style == 2:
        return f"{year}/{int(month)}/{int(date)} {int(clock[:2])}:{clock[3:5]}"
    if style == 3:
        return f"{year}年{month}月{date}日 {clock[:5]}"
    if style == MIDNIGHT and clock == "00:00:00":
        before = np.datetime64(day) - np.timedelta64(1, "D")
        return f"{before} 24:00:00"
    return plain


def text_of_instants(instants: Instants) -> Objects:
    """Local times as UTC ISO text with `Z`; NaT becomes None."""
    written = text_of_times(instants - np.timedelta64(8, "h"))
    known = ~np.isnat(instants)
    written[known] = [text.replace(" ", "T") + "Z" for text in written[known]]
    return written


def numbered(prefix: str, numbers: Ints, width: int) -> Objects:
    """`prefix` and each number with leading zeros."""
    if not len(numbers):
        return empty_objects(0)
    digits = np.char.zfill(numbers.astype("U20"), width).astype(object)
    return np.asarray(prefix + digits, dtype=object)
