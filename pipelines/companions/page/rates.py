"""The three rates of every street: how high, and whether they rise or fall from period to period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pipelines.companions.page import marks
from pipelines.companions.page.drawing import WIDTH, Picture, extent, shortened
from pipelines.companions.page.figures import Figures, Row
from pipelines.companions.page.notable import drawn, note
from pipelines.companions.page.periods import shown, upto
from pipelines.companions.page.published import is_known, of_those
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.palette import BAR, INK, MUTED, RULE

TABLE = "governance.street_scorecard"
RATES = ("response_rate", "resolution_rate", "satisfaction_rate")
BASES = ("assessed_count", "callback_count")
_ROW, _TOP, _VALUE, _CHANGE = 24.0, 8.0, 50.0, 42.0
_PERIODS = 12
_LABEL = 96.0


@dataclass(frozen=True)
class Trend:
    """One street's values of one rate, a value a period; None and WITHHELD have no point."""

    name: str
    values: tuple[Any, ...]
    is_small: bool

    @property
    def newest(self) -> Any:
        return self.values[-1]

    @property
    def change(self) -> Any:
        """Percentage points since the period before; None where one of the two is not known."""
        if len(self.values) < 2 or any(not is_known(value) for value in self.values[-2:]):
            return None
        return (Decimal(self.values[-1]) - Decimal(self.values[-2])) * 100


def section(figures: Figures, say: Speech) -> Section | None:
    """The last periods, twelve at most."""
    needed = (
        "street_code",
        "street_name",
        "period",
        "is_latest",
        "is_small_base",
        "frozen_at",
        "is_example_rule",
    )
    if not figures.has(TABLE, (*needed, *RATES, *BASES)):
        return None
    rows = figures.rows(TABLE, (*needed, *RATES, *BASES), "is_latest", "street_code, period")
    periods, later = upto({row["period"] for row in rows}, shown(figures))
    periods = periods[-_PERIODS:]
    if not periods:
        return None
    found = {(row["street_code"], row["period"]): row for row in rows}
    names = {row["street_code"]: row["street_name"] for row in rows}
    panels, lowest = [], []
    for rate in RATES:
        trends = [_trend(found, code, names[code], periods, rate) for code in sorted(names)]
        called = say.column(TABLE, rate)
        said = _said(say, called, periods[-1], trends)
        some = drawn(trends, lambda trend: _less(trend.newest))
        panels.append(Panel(rate, called, _picture(say, some, len(periods)).svg(said)))
        if known := _known(trends):
            least = min(known, key=lambda trend: (trend.newest, trend.name))
            is_same = all(trend.newest == least.newest for trend in known)
            word = "rates_same" if is_same else "rates_one"
            sentence = say(word, rate=called, street=least.name, low=say.percent(least.newest))
            lowest.append(of_those(say, [trend.newest for trend in trends], sentence))
    is_first = len(periods) == 1
    notes = [
        say("rates_note_first" if is_first else "rates_note"),
        say("rates_provisional"),
        *note(say, len(names)),
    ]
    if any(row["is_example_rule"] for row in rows if row["period"] == periods[-1]):
        notes.append(say("rates_example"))
    if later:
        notes.append(say("rates_later", periods=say.listed(later)))
    if any(row["is_small_base"] for row in rows):
        notes.insert(1, say("small_base_note"))
    return Section(
        "rates",
        say("rates"),
        say("rates_finding", period=periods[-1], rates=say.listed(lowest)),
        tuple(panels),
        (_table(say, [row for row in rows if row["period"] >= periods[0]]),),
        notes=tuple(notes),
        defines=tuple((TABLE, name) for name in (*RATES, *BASES)),
        reads=(TABLE,),
    )


def _trend(
    found: dict[tuple[str, str], Row], code: str, name: str, periods: Sequence[str], rate: str
) -> Trend:
    values = tuple(found[code, period][rate] if (code, period) in found else None for period in periods)
    newest = found.get((code, periods[-1]))
    return Trend(name, values, bool(newest and newest["is_small_base"]))


def _less(rate: Any) -> Any:
    """The lower a rate, the greater the worry."""
    return -rate if is_known(rate) else None


def _known(trends: Sequence[Trend]) -> list[Trend]:
    return [trend for trend in trends if is_known(trend.newest)]


def _said(say: Speech, rate: str, period: str, trends: Sequence[Trend]) -> str:
    known = _known(trends)
    if not known:
        return f"{rate}{say('colon')}{say('unknown')}"
    low = min(known, key=lambda trend: (trend.newest, trend.name))
    high = max(known, key=lambda trend: (trend.newest, trend.name))
    changes = [trend.change for trend in trends if trend.change is not None]
    moved = say("rates_trend", count=sum(change > 0 for change in changes)) if changes else say("rates_first")
    sentence = say(
        "rates_picture",
        rate=rate,
        period=period,
        high_street=high.name,
        high=say.percent(high.newest),
        low_street=low.name,
        low=say.percent(low.newest),
        trend=moved,
    )
    return of_those(say, [trend.newest for trend in trends], sentence)


def _picture(say: Speech, trends: Sequence[Trend], periods: int) -> Picture:
    """A row a street: its line through the periods, or with one period a dot on a common scale."""
    picture = Picture(_TOP + _ROW * len(trends) + 18)
    label = min(max(extent(trend.name) for trend in trends), _LABEL) + 8
    right = WIDTH - _VALUE - (_CHANGE if periods > 1 else 0)
    shown = [float(v) for t in trends for v in t.values if is_known(v)]
    low, high = (min(shown), max(shown)) if shown else (0.0, 1.0)
    low, high = (low, high) if high - low >= 0.02 else (max(0.0, high - 0.02), min(1.0, low + 0.02))
    for number, trend in enumerate(trends):
        y = _TOP + _ROW * (number + 0.5)
        picture.line(0, y + _ROW / 2, WIDTH, y + _ROW / 2, RULE, width=0.6)
        picture.text(0, y + 4, shortened(trend.name, label - 6), fill=INK)
        picture.text(WIDTH - (_CHANGE if periods > 1 else 0), y + 4, say.percent(trend.newest), anchor="end",
                     fill=INK, weight=600)  # fmt: skip
        if periods > 1:
            picture.text(WIDTH, y + 4, say.signed(trend.change, 1), anchor="end", size=11, fill=MUTED)
        _draw(picture, trend, label + 6, right - 8, y, low, high)
    foot = picture.height - 4
    if periods == 1:
        picture.text(label + 6, foot, say.percent(low), size=11, fill=MUTED, anchor="middle")
        picture.text(right - 8, foot, say.percent(high), size=11, fill=MUTED, anchor="middle")
    return picture


def _draw(
    picture: Picture, trend: Trend, left: float, right: float, y: float, low: float, high: float
) -> None:
    span = high - low or 1.0
    if len(trend.values) == 1:
        picture.line(left, y, right, y, RULE, width=1)
        if is_known(trend.newest):
            x = left + (float(trend.newest) - low) / span * (right - left)
            marks.dot(picture, x, y, trend.is_small)
        return
    step = (right - left) / (len(trend.values) - 1)
    points = [
        (left + place * step, y + 8 - (float(value) - low) / span * 16)
        for place, value in enumerate(trend.values)
        if is_known(value)
    ]
    if len(points) > 1:
        picture.polyline(points, BAR)
    if points and is_known(trend.newest):
        marks.dot(picture, *points[-1], trend.is_small)


def _table(say: Speech, rows: Sequence[Row]) -> DataTable:
    def base(row: Row) -> str:
        frozen = say("period_frozen" if row["frozen_at"] else "period_open")
        return say.listed([frozen, say("small_base")]) if row["is_small_base"] else frozen

    return DataTable(
        "rates",
        say("rates"),
        (
            say("street"),
            *(say.column(TABLE, name) for name in ("period", *RATES, *BASES)),
            say("note"),
        ),
        tuple(
            (
                say.words(row["street_name"]),
                say.words(row["period"]),
                *(say.share(row[rate]) for rate in RATES),
                *(say.count(row[name]) for name in BASES),
                say.words(base(row)),
            )
            for row in rows
        ),
    )
