"""Batches that no source sent: rows written straight into landing, as a pull would have left them."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from channel_days import DAYS, PROJECT, pulled_at

from pipelines import contract, lake
from pipelines.connectors.dialects import records_path
from pipelines.parts import PartWriter, landing_key
from pipelines.receipt import Receipt

GOOD_ORDER = {
    "工单编号": "HL-20261117-000001",
    "版本号": 1,
    "最后修改时间": "2026-11-17 10:00:00",
    "工单类型": "诉求",
    "问题分类": "市政设施->道路破损->坑洼",
    "标题": "路面坑洼",
    "主要内容": "路面有坑",
    "办理结果": "已修",
    "来电人": "王先生",
    "来电人电话/账号": "12345@某平台",
    "被反映区": "昌平区",
    "被反映街乡镇": "霍营街道",
    "村/社区": "霍营小区社区",
    "小区点位": "东门",
    "受理时间": "2026-11-17 08:00:00",
    "派单时间": "2026-11-17 08:30:00",
    "首次联系时间": "2026-11-17 09:00:00",
    "办结时间": "2026-11-17 09:30:00",
    "回访时间": "2026-11-17 09:45:00",
    "工单状态": "已办结",
    "是否解决": "解决",
    "是否满意": "满意",
    "工单性质": "主办",
    "是否剔除": "否",
}
"""A row that breaks no rule."""


def window_of(day: Any) -> lake.Window:
    end = pulled_at(day).astimezone(UTC) - timedelta(minutes=40)
    return lake.Window(end - timedelta(days=1), end)


def land_by_hand(
    feed_id: str,
    records: Sequence[dict[str, Any]] = (),
    content: bytes | None = None,
    landed_at: datetime | None = None,
    day: date = DAYS[0],
) -> Path:
    """A landed batch of one part: these JSON records in the feed's own envelope, or these bytes."""
    feed = contract.load(feed_id)
    server = feed.server("sample")
    if content is None:
        body: Any = list(records)
        for name in reversed(records_path(server).split(".")) if records_path(server) else ():
            body = {name: body}
        content = json.dumps(body, ensure_ascii=False).encode()
    batch = lake.Batch(feed_id, window_of(day), hashlib.sha256(content).hexdigest()[:16])
    with lake.new_folder(batch.folder("landing")) as folder:
        writer = PartWriter(folder, landing_key(feed))
        writer(content, server.format)
        Receipt(
            stage="landing",
            feed_id=feed_id,
            window=batch.window,
            batch_id=batch.batch_id,
            landed_at=(landed_at or pulled_at(day)).astimezone(UTC),
            contract_version=feed.version,
            contract_sha256=feed.sha256,
            parts=tuple(writer.parts),
            received=len(records),
            details={"server": "sample"},
        ).write(folder)
    return batch.folder("landing")


def changed_contract(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str, *changes: tuple[str, str]
) -> Path:
    """Work in a copy of the project whose contract `<level>/<name>` has some text replaced; returns its file."""
    if not project.exists():
        for room in ("contracts", "warehouse"):
            shutil.copytree(PROJECT / room, project / room)
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    path = project / "contracts" / f"{name}.odcs.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, f"{old!r} is not in {name}"
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    return path
