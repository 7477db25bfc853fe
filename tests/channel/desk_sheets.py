"""A city of one feed's bad rows by hand, and a sheet of them that tests write into."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
from landed_by_hand import GOOD_ORDER, land_by_hand

from pipelines import lake, run
from pipelines.desk.sheets import CORRECTION, ROW_ID
from pipelines.errors import BatchHeld
from pipelines.samplecity import words

HUOYING = "110114010"
FEED = "city_hotline_orders"
BAD_ORDERS = (
    {"工单编号": "HL-20261117-000001"},
    {"工单编号": "HL-20261117-000002", "工单性质": "主管"},
    {"工单编号": "HL-20261117-000003", "首次联系时间": "昨天下午"},
    {"工单编号": "HL-20261117-4"},
    {"工单编号": "HL-20261117-000005", "是否满意": "=HYPERLINK(1)", "来电人电话/账号": "13800138000"},
    {"工单编号": "HL-20261117-000006", "工单类型": "", "被反映街乡镇": "天上街道"},
)
"""A good row first; of the last one no street can be read."""
KEYS = [order["工单编号"] for order in BAD_ORDERS]
BY, WHY = "霍营街道热线岗", "核对原单"
PHONE = words.mobile(20_261_117)


@dataclass
class Sheet:
    """A correction sheet on disk, to write into by business key and column."""

    path: Path

    def __post_init__(self) -> None:
        self.book = openpyxl.load_workbook(self.path)

    def cell(self, key: str, column: str, feed: str = FEED) -> Any:
        """The cell beside a column, open or not, of the row with that key."""
        page = self.book[feed]
        places = {str(cell.value): cell.column for cell in page[1]}
        place = next(
            place
            for head, place in places.items()
            if head.startswith(CORRECTION) and head.endswith(f"\n{column}")
        )
        row = next(row for row in range(2, page.max_row + 1) if page.cell(row, 3).value == key)
        return page.cell(row, place)

    def write(self, key: str, column: str, value: Any, feed: str = FEED) -> Sheet:
        self.cell(key, column, feed).value = value
        return self

    def row_id(self, key: str, feed: str = FEED) -> Any:
        page = self.book[feed]
        assert str(page.cell(1, 1).value).endswith(ROW_ID)
        row = next(row for row in range(2, page.max_row + 1) if page.cell(row, 3).value == key)
        return page.cell(row, 1)

    def save(self) -> Path:
        self.book.save(self.path)
        return self.path


def export(folder: Path, office: str = HUOYING, feed: str = "", name: str = "sheet.xlsx") -> Sheet:
    content, _ = run.correction_sheet(office, feed)
    path = folder / name
    path.write_bytes(content)
    return Sheet(path)


def corrected(folder: Path) -> Sheet:
    """Three rows put right, one wrongly."""
    sheet = export(folder)
    sheet.write(KEYS[1], "handling_role", "主办")
    sheet.write(KEYS[2], "contacted_at", datetime(2026, 11, 17, 8, 55))
    sheet.write(KEYS[3], "work_order_id", "HL-20261117-000004")
    sheet.write(KEYS[4], "satisfied", "很满意").write(KEYS[4], "caller_ref", PHONE)
    return sheet


def outcomes(told: list[run.RowOutcome]) -> dict[str, str]:
    return {each.business_key or each.where: each.outcome for each in told if each.outcome != "untouched"}


def judge_orders(*changes: dict[str, Any]) -> str:
    """A judged and loaded batch of orders that each differ from a good one; its batch id."""
    landed = land_by_hand(FEED, [GOOD_ORDER | change for change in changes])
    batch_id = landed.name.removeprefix("batch=")
    with contextlib.suppress(BatchHeld):
        run.gate(str(landed))
    if lake.batches("held", FEED):
        run.decide(batch_id, "approved", "test desk", "a test")
    run.load()
    return batch_id


def asked(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(query).fetchall()
