"""A second, plain reading of what a source writes oddly by habit, so that `_dq_flags` can be held to every row.

Planted defects are labelled by the city itself; here are the spellings it uses everywhere.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from pipelines.contract.model import Column, Contract
from pipelines.samplecity.wire import Wire

WIDE = {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {"\u3000": " "}
NARROWED = ("integer", "number", "boolean", "date", "timestamp")


def odd_spellings(feed: Contract, wire: Wire) -> dict[int, set[str]]:
    """Row number → flags its texts must raise."""
    found: dict[int, set[str]] = {}
    for column in feed.stored_columns:
        names = [known for name in column.wire for known in (name, name.rpartition("/")[2])]
        sent = next((wire.columns[name] for name in names if name in wire.columns), None)
        if sent is None or column.constant or column.join:
            continue
        for number, value in enumerate(sent, 1):
            for flag in _flags(column, value):
                found.setdefault(number, set()).add(f"{column.name}:{flag}")
        for skew in column.clock_skew:
            if not skew.not_before:
                continue  # nobody's clock here is ahead of the pull's
            for number, (value, bound) in enumerate(
                zip(sent, wire.columns[_wire(feed, skew.not_before, wire)], strict=True), 1
            ):
                here, there = _moment(value), _moment(bound)
                if here and there and there - skew.within <= here < there:
                    found.setdefault(number, set()).add(f"{column.name}:clamped")
    return found


def _wire(feed: Contract, name: str, wire: Wire) -> str:
    return next(each for each in feed.column(name).wire if each in wire.columns)


def _moment(value: Any) -> datetime | None:
    for form in ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M", "%Y年%m月%d日 %H:%M"):
        try:
            return datetime.strptime(str(value), form)
        except ValueError:
            continue
    return None


def _flags(column: Column, value: Any) -> list[str]:
    text = value.strip(" \t\r\n\u3000") if isinstance(value, str) else str(value)
    if value is None or text in ("", *column.missing_values):
        return []
    narrow = "".join(WIDE.get(letter, letter) for letter in text)
    if narrow in column.missing_values:
        return []
    flags = []
    if narrow != text and (column.logical_type in NARROWED or column.normalise == "code"):
        flags.append("half_width")
    if column.normalise == "code" and re.search("[‐‑‒–—―−]", text):
        flags.append("look_alike")
    if column.is_numeric and re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", narrow):
        flags.append("thousands")
    if column.logical_type in ("date", "timestamp") and not column.formats:
        if re.search(r"[ T]24:00(:00)?$", narrow):
            flags.append("24_hours")
        if re.fullmatch(r"[2-5]\d{4}(\.\d+)?", narrow):
            flags.append("excel_serial")
    return flags
