"""Rows of `contracts/reference/calendar_days.csv` for a year, as the library chinesecalendar has them, to be pasted there.

Usage: python tests/freshness/calendar_rows.py 2028

Pull the release of chinesecalendar that knows the State Council's notice first. The library is for tests and for
this: what the channel goes by are the rows.
"""

from __future__ import annotations

import csv
import importlib.metadata
import sys
from collections.abc import Iterator
from datetime import date

from chinese_calendar import constants

FESTIVALS = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
}


def rows(year: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Day, kind, festival, whether it is estimated, source; raises KeyError for a festival without a Chinese name."""
    source = (
        f"State Council notice on the holidays of {year}, as packaged by chinesecalendar "
        f"{importlib.metadata.version('chinesecalendar')}"
    )
    for day, kind, festival in sorted(_days()):
        if day.year == year:
            yield day.isoformat(), kind, FESTIVALS[festival], "false", source


def _days() -> Iterator[tuple[date, str, str]]:
    yield from ((day, "holiday", str(name)) for day, name in constants.holidays.items())
    yield from ((day, "workday", str(name)) for day, name in constants.workdays.items())


if __name__ == "__main__":
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows(int(sys.argv[1])))
