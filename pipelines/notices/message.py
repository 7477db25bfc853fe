"""The words of a message: a line per change in each language. Figures and days only, nothing of any row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from pipelines.freshness.words import LEVELS, STATES
from pipelines.notices.memory import Change

_SHOWN = 60


@dataclass(frozen=True)
class Message:
    """What one addressee is told by one run."""

    subject: str
    text: str
    changes: tuple[Change, ...]
    zone: ZoneInfo


def write(changes: Sequence[Change], zone: ZoneInfo) -> Message:
    """One message about these changes, the newest of each feed last; a very long one is cut, and says so."""
    counted = Counter(change.after for change in changes)
    how_many = ", ".join(f"{number} {state} {STATES[state]}" for state, number in counted.most_common())
    shown = changes[:_SHOWN]
    lines = [line for change in shown for line in (_zh(change, zone), _en(change, zone), "")]
    if more := len(changes) - len(shown):
        lines.append(f"… 另有 {more} 项 / and {more} more")
    lines.append("查看全部：urbanbrain status / See everything: urbanbrain status")
    return Message(
        f"urbanbrain 数据到达通知 / feeds: {how_many}", "\n".join(lines) + "\n", tuple(changes), zone
    )


def _zh(change: Change, zone: ZoneInfo) -> str:
    parts = [f"业务日期 {change.business_date}"] if change.business_date else []
    parts += [f"应到 {_at(change.due, zone)}"] if change.due and change.after in ("late", "missing") else []
    parts += [f"到达 {_at(change.arrived, zone)}"] if change.arrived and change.after == "ok" else []
    parts += [f"{change.rows} 行{_band(change, '，通常 ')}"] if change.rows is not None else []
    return (
        f"{LEVELS[change.level]} {_line(change.business_name)}（{change.feed_id}）："
        f"{STATES[change.before]} → {STATES[change.after]}；{'，'.join(parts)}"
    )


def _en(change: Change, zone: ZoneInfo) -> str:
    parts = [f"business day {change.business_date}"] if change.business_date else []
    parts += [f"due {_at(change.due, zone)}"] if change.due and change.after in ("late", "missing") else []
    parts += [f"arrived {_at(change.arrived, zone)}"] if change.arrived and change.after == "ok" else []
    parts += [f"{change.rows} rows{_band(change, ', usual ')}"] if change.rows is not None else []
    return f"{change.level} {change.feed_id}: {change.before} → {change.after}; {', '.join(parts)}"


def _band(change: Change, words: str) -> str:
    return "" if change.expected_lo is None else f"{words}{change.expected_lo}–{change.expected_hi}"


def _at(instant: datetime, zone: ZoneInfo) -> str:
    return f"{instant.astimezone(zone):%Y-%m-%d %H:%M}"


def _line(text: str) -> str:
    """Words of a contract on one line, whatever is in them."""
    return " ".join(text.split())
