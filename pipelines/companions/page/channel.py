"""How the channel does: which feeds are late or missing, how they score, and why rows are set aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from pipelines.companions.page import marks
from pipelines.companions.page.drawing import WIDTH, Picture, shortened
from pipelines.companions.page.figures import Figures, Row
from pipelines.companions.page.levels import rank
from pipelines.companions.page.section import DataTable, Mark, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.page.sums import total
from pipelines.companions.palette import BAR, BAR_SOFT, INK, MUTED, RULE, STATUS

TABLE = "governance.channel_health"
REASONS = "governance.quarantine_reasons"
SCORES = ("completeness_score", "content_score", "timeliness_score", "stability_score", "total_score")
_GOOD = ("ok", "learning")
_ROW, _HEAD, _SCORE, _CELL, _CELLS, _DAYS = 21.0, 20.0, 40.0, 24.0, 120.0, 8
_REASON_ROW, _SHOWN = 58.0, 10


def section(figures: Figures, say: Speech) -> Section | None:
    """The last business days, and the reasons of all rows in quarantine."""
    needed = ("feed_id", "level", "business_date", "status", "delay_minutes", "open_count", "owner", *SCORES)
    panels: list[Panel] = []
    tables: list[DataTable] = []
    reads: list[str] = []
    defines: list[tuple[str, str]] = []
    notes: list[str] = []
    finding = ""
    legend: tuple[Mark, ...] = ()
    if figures.has(TABLE, needed):
        rows = figures.rows(TABLE, needed, order="feed_id, business_date")
        if rows:
            newest = _newest(rows)
            finding = _finding(say, rows, newest)
            panels.append(_feeds(say, rows))
            tables.append(_feed_table(say, newest))
            legend = tuple(
                marks.status_entry(say.value(TABLE, "status", state), state)
                for state in STATUS
                if any(row["status"] == state for row in rows)
            )
            reads.append(TABLE)
            defines += [(TABLE, name) for name in ("status", *SCORES)]
            notes.append(say("channel_status"))
            if any(row["status"] == "learning" for row in rows):
                notes.append(say("channel_learning"))
    if figures.has(REASONS, _REASON_COLUMNS):
        reasons = figures.rows(REASONS, _REASON_COLUMNS)
        reasons.sort(
            key=lambda row: (-total([row["quarantined_count"]]).known, row["source_feed"], row["broken_rule"])
        )
        if reasons:
            panels.append(_reasons(figures, say, reasons))
            tables.append(_reason_table(figures, say, reasons))
            notes.append(say("channel_reasons_note"))
            reads.append(REASONS)
            defines += [(REASONS, name) for name in ("quarantined_count", "open_count")]
            finding = finding or _reason_said(figures, say, reasons)
    if not panels:
        return None
    return Section(
        "channel",
        say("channel"),
        finding,
        tuple(panels),
        tuple(tables),
        legend=legend,
        notes=tuple(notes),
        defines=tuple(defines),
        reads=tuple(reads),
    )


_REASON_COLUMNS = (
    "source_feed",
    "broken_rule",
    "level",
    "column_name",
    "severity",
    "quarantined_count",
    "open_count",
)


def _newest(rows: Sequence[Row]) -> list[Row]:
    """Each feed's newest day."""
    return list({row["feed_id"]: row for row in rows}.values())


def _who(say: Speech, rows: Sequence[Row]) -> str:
    odd = [row for row in rows if row["status"] not in _GOOD]
    if not odd:
        return say("channel_all_well")
    named = (
        f"{say.feed(row['feed_id'])} {say.value(TABLE, 'status', row['status'])} {say.day(row['business_date'])}"
        for row in odd
    )
    return say("channel_who", feeds=say.listed(named))


def _finding(say: Speech, rows: Sequence[Row], newest: Sequence[Row]) -> str:
    day = max(row["business_date"] for row in rows)
    today = [row for row in rows if row["business_date"] == day]
    return say(
        "channel_finding",
        day=say.day(day),
        count=len(today),
        late=sum(row["status"] == "late" for row in today),
        missing=sum(row["status"] == "missing" for row in today),
        who=_who(say, newest),
    )


def _feeds(say: Speech, rows: Sequence[Row]) -> Panel:
    """A row a feed, a mark a day, the newest day's score at the right; feeds stand level by level."""
    days = sorted({row["business_date"] for row in rows})[-_DAYS:]
    marks_of: dict[tuple[str, date], str] = {
        (row["feed_id"], row["business_date"]): row["status"] for row in rows
    }
    newest = sorted(_newest(rows), key=lambda row: (rank(row["level"]), row["feed_id"]))
    levels = list(dict.fromkeys(row["level"] for row in newest))
    picture = Picture(_HEAD + _ROW * (len(newest) + len(levels)))
    cell = min(_CELLS / len(days), _CELL)
    left = WIDTH - _SCORE - cell * len(days)
    picture.text(WIDTH, 14, say("channel_score"), anchor="end", size=11, fill=MUTED)
    picture.text(left - 6, 14, f"{days[0]:%Y-%m}", anchor="end", size=11, fill=MUTED)
    for place, day in enumerate(days):
        picture.text(left + cell * (place + 0.5), 14, f"{day:%d}", anchor="middle", size=11, fill=MUTED)
    for number, row in enumerate(newest):
        above = levels.index(row["level"]) + 1
        y = _HEAD + _ROW * (number + above + 0.5)
        if number == 0 or newest[number - 1]["level"] != row["level"]:
            name = say.value(TABLE, "level", row["level"])
            picture.text(0, y - _ROW + 6, name, fill=INK, weight=600)
        picture.line(0, y + _ROW / 2, WIDTH, y + _ROW / 2, RULE, width=0.6)
        picture.text(0, y + 4, shortened(say.feed(row["feed_id"]), left - 6), fill=INK)
        for place, day in enumerate(days):
            if state := marks_of.get((row["feed_id"], day)):
                marks.status(picture, left + cell * (place + 0.5), y, state)
        picture.text(WIDTH, y + 4, say.number(row["total_score"], 1), anchor="end", fill=INK, weight=600)
    said = say("channel_feeds_picture", count=len(newest), days=len(days), who=_who(say, newest))
    return Panel("feeds", say("channel_feeds"), picture.svg(said))


def _expected(figures: Figures, say: Speech, row: Row) -> str:
    """What the broken rule expects, in the words of the feed's contract."""
    feed = figures.feed(row["source_feed"])
    rule = next((each for each in feed.rules if each.rule_id == row["broken_rule"]), None) if feed else None
    if rule is None:
        return str(row["broken_rule"])
    return rule.expected_zh if say.language == "zh" else rule.expected_en


def _column(figures: Figures, say: Speech, row: Row) -> str:
    """The column a rule is about, as people call it."""
    if not row["column_name"]:
        return say("whole_row")
    feed = figures.feed(row["source_feed"])
    return say.column(feed.table, row["column_name"]) if feed else str(row["column_name"])


def _reason_said(figures: Figures, say: Speech, rows: Sequence[Row]) -> str:
    first = rows[0]
    reason = (
        f"{say.feed(first['source_feed'])} {_column(figures, say, first)} {_expected(figures, say, first)}"
    )
    return say(
        "channel_reasons_picture",
        reason=reason,
        count=total([first["quarantined_count"]]).said(say),
        shown=min(len(rows), _SHOWN),
    )


def _reasons(figures: Figures, say: Speech, rows: Sequence[Row]) -> Panel:
    """The commonest reasons: what is expected above, rows that wait and rows that are settled as a bar below."""
    shown = rows[:_SHOWN]
    picture = Picture(_REASON_ROW * len(shown))
    most = max((total([row["quarantined_count"]]).known for row in shown), default=1) or 1
    width = WIDTH - 50
    for number, row in enumerate(shown):
        y = number * _REASON_ROW
        head = f"{say.feed(row['source_feed'])} · {_column(figures, say, row)}"
        picture.text(0, y + 12, shortened(head, WIDTH), fill=INK)
        picture.text(0, y + 27, shortened(_expected(figures, say, row), WIDTH, 11), size=11, fill=MUTED)
        bad, open_rows = total([row["quarantined_count"]]), total([row["open_count"]])
        picture.rect(0, y + 33, bad.known / most * width, 12, BAR_SOFT)
        picture.rect(0, y + 33, open_rows.known / most * width, 12, BAR)
        text = say.short(row["quarantined_count"])
        picture.text(bad.known / most * width + 6, y + 43, text, fill=INK, weight=600)
    return Panel("reasons", say("channel_reasons"), picture.svg(_reason_said(figures, say, rows)))


def _feed_table(say: Speech, rows: Sequence[Row]) -> DataTable:
    names = ("business_date", "status", "delay_minutes", "open_count", *SCORES)
    return DataTable(
        "feeds",
        say("channel"),
        (say("feed"), say("level"), *(say.column(TABLE, name) for name in (*names, "owner"))),
        tuple(
            (
                say.words(say.feed(row["feed_id"])),
                say.words(say.value(TABLE, "level", row["level"])),
                say.words(say.day(row["business_date"])),
                say.words(say.value(TABLE, "status", row["status"])),
                say.count(row["delay_minutes"]),
                say.count(row["open_count"]),
                *(say.count(row[name], 2) for name in SCORES),
                say.words(row["owner"]),
            )
            for row in rows
        ),
    )


def _reason_table(figures: Figures, say: Speech, rows: Sequence[Row]) -> DataTable:
    return DataTable(
        "reasons",
        say("channel_reasons"),
        (
            say("feed"),
            *(say.column(REASONS, name) for name in ("column_name",)),
            say("expected"),
            *(say.column(REASONS, name) for name in ("quarantined_count", "open_count")),
        ),
        tuple(
            (
                say.words(say.feed(row["source_feed"])),
                say.words(_column(figures, say, row)),
                say.words(_expected(figures, say, row)),
                say.count(row["quarantined_count"]),
                say.count(row["open_count"]),
            )
            for row in rows
        ),
    )
