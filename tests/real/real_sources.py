"""The real files read a second time, by Python's csv module and openpyxl: what a careful person finds in them.

Nothing here comes from the pipeline. A rule is written down again in Python, a column as what its cell says.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl

Row = dict[str, str]
Broken = Callable[[Row], bool]
Says = Callable[[Row], object]
BEIJING, BOSTON, LOS_ANGELES = map(ZoneInfo, ("Asia/Shanghai", "America/New_York", "America/Los_Angeles"))


@dataclass(frozen=True)
class Pull:
    """One file, the feed it is pulled for, and the window."""

    feed_id: str
    path: str
    first: str
    last: str | None = None
    server: str = "sample"

    def __str__(self) -> str:
        return f"{self.feed_id}-{self.first}-{self.server}"


@dataclass(frozen=True)
class Promise:
    """What a careful person expects of a feed's rows.

    `errors` and `flags` say when a row breaks a rule; `columns` are SQL over the warehouse's table and what the
    file's row says there. The first is the key.
    """

    errors: dict[str, Broken]
    columns: dict[str, Says]
    flags: dict[str, Broken]


EDITIONS = (
    "2016-07-31", "2017-10-31", "2018-10-31", "2019-10-31", "2020-06-30", "2021-10-31", "2022-10-31", "2023-06-30",
)  # fmt: skip
CODES, AIR = "city_street_codes", "district_changping_air"
BOSTON_311, LA_311, HOTLINE = "city_boston_requests", "city_la_requests", "district_fangshan_orders"
HOTLINE_CSV = Pull(
    HOTLINE, "hotline/bj12345_fangshan_synthetic_500_batch1_utf8bom.csv", "2025-01-01", "2025-06-30"
)
HOTLINE_XLSX = Pull(
    HOTLINE, "hotline/bj12345_fangshan_synthetic_1000.xlsx", "2025-07-01", "2025-12-31", "workbook"
)
PULLS = (
    *(Pull(CODES, f"areas/modood_streets_beijing_asof_{day}.csv", day) for day in EDITIONS),
    Pull(AIR, "air_quality/PRSA_Data_Changping_20130301-20170228.csv", "2013-03-01", "2017-02-28"),
    Pull(BOSTON_311, "requests_311/boston_311_2011.csv.gz", "2011-07-01", "2011-12-31"),
    Pull(LA_311, "requests_311/la_311_2017-12.csv", "2017-12-27", "2017-12-31"),
    HOTLINE_CSV,
    HOTLINE_XLSX,
)


@cache
def rows(path: Path) -> list[Row]:
    """The rows of a file, as texts."""
    if path.suffix == ".xlsx":
        header, *body = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
        return [
            {str(name): "" if cell is None else str(cell) for name, cell in zip(header, cells, strict=True)}
            for cells in body
        ]
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


def text(name: str) -> Says:
    return lambda row: row[name].strip() or None


def number(name: str) -> Says:
    return lambda row: float(row[name]) if row[name] not in ("", "NA") else None


def instant(name: str, zone: ZoneInfo, form: str = "") -> Callable[[Row], int | None]:
    """Seconds since 1970. Of an hour that comes twice in autumn the second is meant: standard time."""

    def read(row: Row) -> int | None:
        cell = row[name].strip()
        return _seconds(cell, zone, form) if cell else None

    return read


@cache
def _seconds(cell: str, zone: ZoneInfo, form: str) -> int:
    moment = datetime.strptime(cell, form) if form else datetime.fromisoformat(cell)
    return int(moment.replace(tzinfo=zone, fold=1).timestamp())


def before(one: Callable[[Row], Any], other: Callable[[Row], Any]) -> Broken:
    """Whether both are known and the first comes before the second."""

    def judge(row: Row) -> bool:
        first, second = one(row), other(row)
        return first is not None and second is not None and first < second

    return judge


def word(name: str, words: dict[str, str]) -> Says:
    return lambda row: words.get(row[name].strip())


# --- street codes

_CODES = Promise(
    errors={"rule:street_lies_in_its_district": lambda row: row["code"][:6] != row["areaCode"]},
    flags={"rule:named_as_an_office": lambda row: row["name"].endswith("办事处")},
    columns={
        "street_code": text("code"),
        "street_name": text("name"),
        "district_code": text("areaCode"),
        "city_code": text("cityCode"),
        "province_code": text("provinceCode"),
    },
)

# --- air

_POLLUTANTS = ("PM2.5", "PM10", "SO2", "NO2", "CO", "O3")


def _hour(row: Row) -> int:
    day = datetime(*(int(row[name]) for name in ("year", "month", "day", "hour")), tzinfo=BEIJING)
    return int(day.timestamp())


_AIR = Promise(
    errors={
        "rule:measures_something": lambda row: all(row[name] == "NA" for name in _POLLUTANTS),
        "rule:dew_point_below_temperature": before(number("TEMP"), number("DEWP")),
    },
    flags={"rule:fine_within_coarse": before(number("PM10"), number("PM2.5"))},
    columns={
        "epoch(observed_at)::bigint": _hour,
        "source_no": lambda row: int(row["No"]),
        "station_name": text("station"),
        "pm25_ugm3": number("PM2.5"),
        "pm10_ugm3": number("PM10"),
        "so2_ugm3": number("SO2"),
        "no2_ugm3": number("NO2"),
        "co_ugm3": number("CO"),
        "o3_ugm3": number("O3"),
        "temperature_celsius": number("TEMP"),
        "pressure_hpa": number("PRES"),
        "dew_point_celsius": number("DEWP"),
        "rain_mm": number("RAIN"),
        "wind_speed_ms": number("WSPM"),
        "wind_from": lambda row: None if row["wd"] == "NA" else row["wd"],
    },
)

# --- requests

_TEST = re.compile(r"\btest(ing|[0-9])?\b", re.IGNORECASE)
_OPENED, _TARGET, _CLOSED = (instant(name, BOSTON) for name in ("open_dt", "target_dt", "closed_dt"))


def _is_far(row: Row) -> bool:
    if not row["target_dt"]:
        return False
    opened = datetime.fromisoformat(row["open_dt"])
    return datetime.fromisoformat(row["target_dt"]) > opened.replace(year=opened.year + 10)


_BOSTON = Promise(
    errors={
        "required:target_result": lambda row: not row["ontime"],
        "rule:closed_not_before_open": before(_CLOSED, _OPENED),
        "rule:closed_has_its_time": lambda row: (row["case_status"] == "Closed") != bool(row["closed_dt"]),
        "rule:target_not_before_open": before(_TARGET, _OPENED),
        "rule:target_within_ten_years": _is_far,
        "rule:not_a_test_record": lambda row: bool(_TEST.search(row["case_title"])),
    },
    flags={
        "rule:not_the_city_hall_point": lambda row: (
            (row["latitude"], row["longitude"]) == ("42.3594", "-71.0587")
        )
    },
    columns={
        "request_id": text("case_enquiry_id"),
        "epoch(opened_at)::bigint": _OPENED,
        "epoch(target_at)::bigint": _TARGET,
        "epoch(closed_at)::bigint": _CLOSED,
        "target_result": lambda row: row["ontime"].lower(),
        "request_status": lambda row: row["case_status"].lower(),
        "closure_text": text("closure_reason"),
        "title_text": text("case_title"),
        "place_text": text("location"),
        "precinct_code": text("precinct"),
        "postal_code": text("location_zipcode"),
        "queue_name": text("queue"),
        "lat": number("latitude"),
        "lon": number("longitude"),
    },
)

_US = "%m/%d/%Y %I:%M:%S %p"
_LA = Promise(
    errors={
        "rule:closed_not_before_open": before(
            instant("ClosedDate", LOS_ANGELES, _US), instant("CreatedDate", LOS_ANGELES, _US)
        ),
        "rule:point_is_whole": lambda row: bool(row["Latitude"]) != bool(row["Longitude"]),
    },
    flags={
        "rule:service_not_before_open": before(
            instant("ServiceDate", LOS_ANGELES, _US), instant("CreatedDate", LOS_ANGELES, _US)
        )
    },
    columns={
        "request_id": text("SRNumber"),
        "epoch(opened_at)::bigint": instant("CreatedDate", LOS_ANGELES, _US),
        "epoch(source_updated_at)::bigint": instant("UpdatedDate", LOS_ANGELES, _US),
        "epoch(service_at)::bigint": instant("ServiceDate", LOS_ANGELES, _US),
        "epoch(closed_at)::bigint": instant("ClosedDate", LOS_ANGELES, _US),
        "request_status": word(
            "Status",
            {"Open": "open", "Closed": "closed", "Cancelled": "cancelled", "Referred Out": "referred"},
        ),
        "is_anonymous": lambda row: row["Anonymous"] == "Y",
        "place_text": text("Address"),
        "house_no": text("HouseNumber"),
        "postal_code": text("ZipCode"),
        "council_member_name": text("CDMember"),
        "lat": number("Latitude"),
        "lon": number("Longitude"),
    },
)

# --- hotline


def _level(number: int) -> Says:
    def read(row: Row) -> str | None:
        pieces = row["问题分类"].split("->")
        return pieces[number - 1] or None if len(pieces) >= number else None

    return read


_HOTLINE = Promise(
    errors={
        "required:order_status": lambda row: not row["工单状态"],
        "rule:category_unless_smoking": lambda row: row["工单类型"] != "控烟" and not row["问题分类"],
        "rule:answered_has_its_time": lambda row: row["工单状态"] == "回复完成" and not row["办结时间"],
    },
    flags={},
    columns={
        "work_order_id": text("工单编号"),
        "order_kind": word(
            "工单类型",
            {
                "诉求": "demand", "投诉": "complaint", "求助": "help", "建议": "suggestion", "咨询": "enquiry",
                "控烟": "smoking",
            },
        ),
        "category_l1": _level(1),
        "category_l2": _level(2),
        "category_l3": _level(3),
        "tags": lambda row: row["标签"].split(",") if row["标签"] else None,
        "street_name": text("被反映街乡镇"),
        "content_text": text("主要内容"),
        "order_status": word("工单状态", {"办理中": "handling", "已转派": "forwarded", "回复完成": "answered"}),
        "epoch(closed_at)::bigint": instant("办结时间", BEIJING),
        "resolved": word("是否解决", {"解决": "yes", "未解决": "no", "部分解决": "partly"}),
        "satisfied": word(
            "是否满意",
            {"满意": "satisfied", "基本满意": "basically", "不满意": "dissatisfied", "未评价": "not_rated"},
        ),
        "community_name": lambda row: row["村/社区"] if row["村/社区"] not in ("", "不详") else None,
        # Numbers come masked (150××××): many callers share one, so none of them may become a caller of ours.
        "caller_ref": lambda row: "withheld",
    },
)  # fmt: skip

PROMISES = {CODES: _CODES, AIR: _AIR, BOSTON_311: _BOSTON, LA_311: _LA, HOTLINE: _HOTLINE}


@cache
def broken(feed_id: str, path: Path) -> list[tuple[str, ...]]:
    """For each row of a file the rules it breaks, errors and flags alike."""
    promise = PROMISES[feed_id]
    rules = {**promise.errors, **promise.flags}
    return [tuple(name for name, judge in rules.items() if judge(row)) for row in rows(path)]


def good_rows(feed_id: str, path: Path) -> list[Row]:
    """The rows that break no error."""
    errors = PROMISES[feed_id].errors
    judged = zip(rows(path), broken(feed_id, path), strict=True)
    return [row for row, rules in judged if not any(rule in errors for rule in rules)]
