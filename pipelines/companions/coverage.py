"""What a release covers, as describing files say it: time and places of its tables, and who may have them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import database
from pipelines.database import literal, quoted

if TYPE_CHECKING:
    from pipelines.companions.publication import PublishedTable

OPEN, RESTRICTED = "open", "restricted"
SHARING = {
    OPEN: (
        "Figures anybody may read; small counts are suppressed.",
        "可公开使用的统计数据，小数值已作隐私保护处理。",
    ),
    RESTRICTED: (
        "In full, for the district centre only; not to be passed on.",
        "完整明细，仅供区级中心内部使用，不得转交。",
    ),
}
"""What each kind of sharing means, in both languages."""
_AREAS = "ref.areas"


@dataclass(frozen=True)
class Area:
    """An area in scope on the day of the release."""

    code: str
    name: str
    level: str


def times(tables: Sequence[PublishedTable], folder: Path, timezone: str) -> dict[str, tuple[str, str]]:
    """First and last day each table has rows of, by name: of its column of time, where its contract has one in the key
    or splits it by one. `folder` is the release's; days are in its time zone."""
    queries = []
    for table in tables:
        if column := _time(table):
            day = quoted(column)
            if dict(table.columns)[column] != "DATE":
                day = f"timezone({literal(timezone)}, {day})::date"
            queries.append(
                f"select {literal(table.table)}, min({day}), max({day}) from {table.on_disk(folder).sql}"
            )
    if not queries:
        return {}
    with database.memory() as connection:
        rows = connection.execute(" union all ".join(queries)).fetchall()
    return {table: (first.isoformat(), last.isoformat()) for table, first, last in sorted(rows) if first}


def _time(table: PublishedTable) -> str:
    """The column that says which day a row is about; reference tables have days of validity, which are none."""
    contract, kinds = table.contract, dict(table.columns)
    if contract is None or contract.level == "ref":
        return ""
    names = (contract.partition_by, *contract.key)
    return next((name for name in names if kinds.get(name) in ("DATE", "TIMESTAMP WITH TIME ZONE")), "")


def areas(tables: Sequence[PublishedTable], folder: Path, as_of: datetime, timezone: str) -> list[Area]:
    """The areas in scope on the day of a release, larger ones first; none where it has no register."""
    table = next((table for table in tables if table.table == _AREAS), None)
    if table is None:
        return []
    day = _day(as_of, timezone)
    with database.memory() as connection:
        rows = connection.execute(
            f"select area_code, area_name, area_level from {table.on_disk(folder).sql} "
            "where is_in_scope and valid_from <= $day and valid_to > $day "
            "order by list_position(['city', 'district', 'street', 'community'], area_level), area_code",
            {"day": day},
        ).fetchall()
    return [Area(*row) for row in rows]


def _day(instant: datetime, timezone: str) -> date:
    return instant.astimezone(ZoneInfo(timezone)).date()
