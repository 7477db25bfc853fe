"""One language of the page: its words, its numbers, and what contracts say in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pipelines.companions.page.figures import WITHHELD, Figures, Row
from pipelines.companions.page.words import WORDS, ZH

_WAN = 10_000


@dataclass(frozen=True)
class Cell:
    """One cell of a table: what is read, and the exact value behind it where it is a number."""

    text: str
    value: Any = None
    kind: str = "text"
    """`text`, `number`, `withheld` or `unknown`."""


class Speech:
    """How one language says things. Words are those of `words.WORDS`."""

    def __init__(self, language: str, figures: Figures) -> None:
        self.language = language
        self.figures = figures
        self.timezone = figures.publication.timezone

    def __call__(self, word: str, **values: Any) -> str:
        pair = WORDS[word]
        return pair[0 if self.language == ZH else 1].format(**values)

    def listed(self, texts: Iterable[str]) -> str:
        return self("and").join(texts)

    # Numbers

    def number(self, value: Any, places: int = 0) -> str:
        """A number in full, with groups of three; `–` and `•` where there is none."""
        if value is None or value is WITHHELD:
            return "–" if value is None else "•"
        return f"{_rounded(value, places):,.{places}f}"

    def short(self, value: Any, places: int = 0) -> str:
        """A number for a picture: from ten thousand on in 万, or in k."""
        if value is None or value is WITHHELD or abs(value) < _WAN:
            return self.number(value, places)
        if self.language == ZH:
            return f"{_rounded(Decimal(value) / _WAN, 1):,.1f}万"
        return f"{_rounded(Decimal(value) / 1000, 1):,.1f}k"

    def percent(self, share: Any) -> str:
        """A share between 0 and 1 as a percentage with one decimal."""
        if share is None or share is WITHHELD:
            return self.number(share)
        return f"{_rounded(Decimal(share) * 100, 1):.1f}%"

    def signed(self, value: Any, places: int = 2) -> str:
        """A number with its sign; a true minus, and none for zero."""
        if value is None or value is WITHHELD:
            return self.number(value)
        rounded = _rounded(value, places)
        return f"{'+' if rounded > 0 else '−' if rounded < 0 else ''}{abs(rounded):,.{places}f}"

    def size(self, count: int) -> str:
        """The size of a file."""
        return f"{_rounded(Decimal(count) / 1024, 0):,.0f} KB" if count >= 1024 else f"{count} B"

    def day(self, value: date | None) -> str:
        return value.isoformat() if value else "–"

    def instant(self, value: datetime | None) -> str:
        """An instant in the city's time."""
        return f"{value.astimezone(ZoneInfo(self.timezone)):%Y-%m-%d %H:%M}" if value else "–"

    # Cells

    def cell(self, value: Any, text: str) -> Cell:
        """A cell of a number; what is kept back and what is not known are told apart."""
        if value is WITHHELD:
            return Cell(self("withheld"), kind="withheld")
        return Cell(self("unknown"), kind="unknown") if value is None else Cell(text, value, "number")

    def count(self, value: Any, places: int = 0) -> Cell:
        return self.cell(value, self.number(value, places))

    def share(self, value: Any) -> Cell:
        return self.cell(value, self.percent(value))

    def difference(self, value: Any, places: int = 2) -> Cell:
        return self.cell(value, self.signed(value, places))

    def words(self, text: Any) -> Cell:
        return Cell(str(text)) if text not in (None, "") else Cell(self("unknown"), kind="unknown")

    # What contracts say

    def column(self, table: str, name: str) -> str:
        """What a column is called."""
        column = self.figures.column(table, name)
        plain = _plain(name)
        plain = plain[:1].upper() + plain[1:]
        return (column.business_name or plain) if column and self.language == ZH else plain

    def meaning(self, table: str, name: str) -> str:
        """What a column means; empty where the contract does not say in this language."""
        column = self.figures.column(table, name)
        if column is None:
            return ""
        return column.description_zh if self.language == ZH else column.description

    def value(self, table: str, column: str, value: Any) -> str:
        """A value of a closed list, as people read it."""
        if value is None or value is WITHHELD:
            return self("unknown" if value is None else "withheld")
        found = self.figures.column(table, column)
        labels = {each.value: each.label for each in found.enum} if found and self.language == ZH else {}
        return labels.get(str(value), _plain(str(value)))

    def either(self, row: Row, name: str) -> str:
        """A name that a table has in both languages: `…_name` and `…_name_en`."""
        english = row.get(f"{name}_en")
        return str((english if self.language != ZH and english else row.get(name)) or "–")

    def feed(self, feed_id: str) -> str:
        """What a feed is called."""
        contract = self.figures.feed(feed_id)
        if contract is None:
            return feed_id
        return (contract.business_name if self.language == ZH else contract.title) or feed_id


def _plain(name: str) -> str:
    """A name or code as words: `residents_60_plus` is `residents 60+`, `residents_3_5` is `residents 3–5`."""
    ranged = re.sub(r"(\d)_(\d)", r"\1–\2", re.sub(r"(\d)_plus\b", r"\1+", name))
    return ranged.replace("_", " ")


def _rounded(value: Any, places: int) -> Decimal:
    """Half away from zero, as people round; floats by the digits they show."""
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
