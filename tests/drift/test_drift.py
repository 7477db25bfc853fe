"""Each kind of drift in each mode: what becomes of the batch, what is said of it, and that the first batch tells it."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import contract, database, drift, lake, run
from pipelines.connectors import Pulled
from pipelines.contract.model import Contract, DriftModes
from pipelines.errors import BatchHeld, DataError
from pipelines.receipt import Receipt
from pipelines.stages import gate, landing, loading, staging

POOLS = """\
apiVersion: v3.2.0
kind: DataContract
id: city_pools
name: Pools
version: 1.0.0
status: active
description: {purpose: Who swims where.}
servers:
  - server: sample
    type: api
    location: http://127.0.0.1:9/pools.csv
    customProperties:
      - {property: connector, value: file}
      - {property: format, value: FORMAT}
schema:
  - name: pools
    logicalType: object
    description: One row per pool.
    properties:
      - {name: pool_id, businessName: 编号, logicalType: string, required: true, primaryKey: true, description: Number.}
      - {name: opened_on, businessName: 开放日期, logicalType: date, required: true, description: Day it opened.}
      - name: pool_kind
        businessName: 类型
        logicalType: string
        description: What kind of pool it is.
        enum:
          - {value: indoor, label: 室内}
          - {value: outdoor, label: 室外}
      - {name: lanes, businessName: 泳道数, logicalType: integer, description: Lanes.}
      - {name: keeper_name, businessName: 负责人, logicalType: string, description: Keeper.}
team: {name: pool-office}
customProperties:
  - {property: level, value: city}
  - {property: schedule, value: "10 * * * *"}
  - {property: timezone, value: Asia/Shanghai}
"""
HEADER = ("编号", "开放日期", "类型", "泳道数", "负责人")
ROWS = [
    {"编号": f"P{n:02}", "开放日期": "2026-11-17", "类型": "室内", "泳道数": "8", "负责人": "甲"}
    for n in range(30)
]
DAY = lake.Window(datetime(2026, 11, 16, 16, tzinfo=UTC), datetime(2026, 11, 17, 16, tzinfo=UTC))


def pools(tmp_path: Path, form: str = "csv", **modes: Any) -> Contract:
    folder = tmp_path / "contracts"
    (folder / "city").mkdir(parents=True, exist_ok=True)
    (folder / "city" / "pools.odcs.yaml").write_text(POOLS.replace("FORMAT", form), encoding="utf-8")
    found = contract.load("city_pools", folder)
    return replace(found, drift=DriftModes(**modes)) if modes else found


def sheet(rows: list[dict[str, str]], header: tuple[str, ...] = HEADER) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, header, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass
class Found:
    """What became of a batch."""

    outcome: str
    receipt: Receipt | None
    validated: list[tuple[Any, ...]]
    quarantined: list[list[str]]
    error: str = ""


def judged(
    feed: Contract,
    patch: pytest.MonkeyPatch,
    content: bytes,
    *,
    window: lake.Window = DAY,
    is_approved: bool = False,
    server: str = "sample",
) -> Found:
    def pull(_: Any, source: Any, __: Any, keep: Any, **___: Any) -> Pulled:
        keep(content, source.format)
        return Pulled(source="made up", request_id="made up")

    patch.setattr(landing, "pull", pull)
    landed = landing.land(feed, window, window.end + timedelta(minutes=40), server)
    try:
        folder = gate.gate(feed, staging.stage(feed, landed), is_approved=is_approved)
    except BatchHeld as held:
        batch = Receipt.read(landed).batch
        return Found("held", Receipt.read(batch.folder("held")), [], [], held.message)
    except DataError as error:
        return Found("failed", None, [], [], error.message)
    receipt = Receipt.read(folder)
    validated = duckdb.sql(
        f"select pool_id, opened_on, pool_kind, lanes from '{folder / lake.ROWS}' order by all"
    )
    reasons = duckdb.sql(
        f"select list_transform(reasons, lambda each: each.rule) from '{receipt.batch.folder('quarantine') / lake.ROWS}'"
    )
    return Found("taken", receipt, validated.fetchall(), [row[0] for row in reasons.fetchall()])


def changed(column: str, *values: str) -> list[dict[str, str]]:
    """The rows, with the first ones' values of a column being others."""
    return [{**row, column: values[place]} if place < len(values) else row for place, row in enumerate(ROWS)]


SENT = {
    "new_column": sheet([{**row, "水温": "26"} for row in ROWS], (*HEADER, "水温")),
    "missing_column": sheet(ROWS, ("编号", "开放日期（新）", "类型", "泳道数", "负责人")),
    "retyped_column": sheet(changed("泳道数", *["若干"] * 20)),
    "reordered_column": sheet(ROWS, ("编号", "类型", "开放日期", "泳道数", "负责人")),
    "new_value": sheet(changed("类型", "人工湖", "人工湖")),
}
KEYS = {
    "new_column": "new_columns",
    "missing_column": "missing_columns",
    "retyped_column": "retyped_columns",
    "reordered_column": "reordered_columns",
    "new_value": "new_values",
}
DEFAULTS = {
    "new_column": "warn",
    "missing_column": "hold",
    "retyped_column": "hold",
    "reordered_column": "accept",
    "new_value": "quarantine",
}
SAID = {
    "new_column": ("水温", "new column '水温', left out", "新增列“水温”，未入库"),
    "missing_column": (
        "opened_on",
        "required column opened_on is missing: expected 'opened_on' or '开放日期'; nearest found: '开放日期（新）'",
        "缺少必填列 opened_on：应为 'opened_on' 或 '开放日期'，最接近的列为 '开放日期（新）'",
    ),
    "retyped_column": (
        "lanes",
        "column lanes is no longer whole numbers: 20 of 30 values cannot be read, most are text",
        "列 lanes 不再是整数：30 个值中有 20 个无法读取，多为文字",
    ),
    "reordered_column": (
        "pool_kind",
        "column pool_kind stands behind pool_id, expected behind opened_on; columns are found by name",
        "列 pool_kind 位于 pool_id 之后，应在 opened_on 之后；按列名识别，不影响取值",
    ),
    "new_value": (
        "pool_kind",
        "column pool_kind has the value '人工湖' in 2 row(s), expected one of 室内, 室外",
        "列 pool_kind 出现新值“人工湖”（2 行），取值应为 室内、室外 之一",
    ),
}
QUARANTINED = {"missing_column": 30, "retyped_column": 20, "new_value": 2}
BROKEN = {
    "missing_column": "required:opened_on",
    "retyped_column": "type:lanes",
    "new_value": "enum:pool_kind",
}
CASES = [
    *(("new_column", mode) for mode in ("accept", "warn", "hold", "fail")),
    *(("missing_column", mode) for mode in ("accept", "warn", "hold", "fail")),
    *(("retyped_column", mode) for mode in ("quarantine", "hold", "fail")),
    *(("reordered_column", mode) for mode in ("accept", "warn", "hold", "fail")),
    *(("new_value", mode) for mode in ("warn", "quarantine", "hold", "fail")),
]


@pytest.mark.parametrize(("kind", "mode"), CASES)
def test_each_kind_of_drift_is_treated_as_its_mode_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, mode: str
) -> None:
    feed = with_mode(tmp_path, kind, mode)
    found = judged(feed, monkeypatch, SENT[kind])

    column, english, chinese = SAID[kind]
    if mode == "fail":
        assert "failed" == found.outcome
        assert english.removeprefix("required column opened_on is missing: ") in found.error
        return
    kept = drift.kept(found.receipt) if found.receipt else []
    if kind == "missing_column":  # renamed: the new name is told, too
        assert "new_column" == kept.pop(0).kind
    if mode == "accept":
        assert [] == kept
    else:
        assert [(kind, column, mode, english, chinese)] == [
            (each.kind, each.column, each.mode, each.said_en, each.said_zh) for each in kept
        ]
    if mode == "hold":
        assert ("held", [kind]) == (found.outcome, [hold.kind for hold in found.receipt.holds])
        found = judged(feed, monkeypatch, SENT[kind], is_approved=True)
    assert "taken" == found.outcome
    bad = 0 if (kind, mode) == ("new_value", "warn") else QUARANTINED.get(kind, 0)
    assert (30 - bad, bad) == (len(found.validated), len(found.quarantined))
    assert all(BROKEN[kind] in rules for rules in found.quarantined)


def with_mode(tmp_path: Path, kind: str, mode: str) -> Contract:
    """The feed read from a file that says so, as people write it; its other modes are those unless told."""
    key = {value: name for name, value in KEYS.items()}
    assert key[KEYS[kind]] == kind
    camel = "".join(part.capitalize() if place else part for place, part in enumerate(KEYS[kind].split("_")))
    folder = tmp_path / "contracts"
    (folder / "city").mkdir(parents=True, exist_ok=True)
    text = POOLS.replace("FORMAT", "csv") + f"  - {{property: drift, value: {{{camel}: {mode}}}}}\n"
    (folder / "city" / "pools.odcs.yaml").write_text(text, encoding="utf-8")
    return contract.load("city_pools", folder)


@pytest.mark.parametrize("kind", DEFAULTS)
def test_without_a_word_the_strict_mode_counts(tmp_path: Path, kind: str) -> None:
    assert DEFAULTS[kind] == getattr(pools(tmp_path).drift, KEYS[kind])


def test_new_values_that_are_kept_are_flagged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(with_mode(tmp_path, "new_value", "warn"), monkeypatch, SENT["new_value"])

    assert ("P00", "人工湖") == (found.validated[0][0], found.validated[0][2])
    flags = duckdb.sql(
        f"select _dq_flags from '{found.receipt.batch.folder('validated') / lake.ROWS}' order by pool_id limit 3"
    ).fetchall()
    assert [(["enum:pool_kind"],), (["enum:pool_kind"],), ([],)] == flags


def test_an_optional_column_that_is_missing_is_empty_once_a_person_approves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sheet(ROWS, ("编号", "开放日期", "类型", "负责人"))
    feed = pools(tmp_path)
    assert "column lanes is missing" in judged(feed, monkeypatch, content).error
    found = judged(feed, monkeypatch, content, is_approved=True)

    assert ({None}, []) == ({row[3] for row in found.validated}, found.quarantined)


def test_fields_that_json_records_may_leave_out_are_no_reason_to_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b'[{"pool_id": "P1", "opened_on": "2026-11-17", "lanes": 8, "keeper_name": "A"}]'
    found = judged(pools(tmp_path, "json"), monkeypatch, content)
    without_date = judged(pools(tmp_path, "json"), monkeypatch, b'[{"pool_id": "P1"}]', window=day(1))

    assert [("missing_column", "pool_kind", "warn")] == [
        (each.kind, each.column, each.mode) for each in drift.kept(found.receipt)
    ]
    assert ("held", True) == (without_date.outcome, "required column opened_on" in without_date.error)


@pytest.mark.parametrize("mode", ["accept", "hold"])
def test_another_table_is_never_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    found = judged(pools(tmp_path, missing_columns=mode), monkeypatch, b"a,b\n1,2\n")

    assert ("failed", True) == (found.outcome, "5 columns are missing among 2 found" in found.error)


def test_few_values_are_no_sign_of_another_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = sheet(changed("泳道数", *["若干"] * 19)[:19])
    half = sheet(changed("泳道数", *["若干"] * 15))
    strict = pools(tmp_path, retyped_share=0.2)

    assert "taken" == judged(pools(tmp_path), monkeypatch, few).outcome
    assert "taken" == judged(pools(tmp_path), monkeypatch, half, window=day(1)).outcome
    assert "held" == judged(strict, monkeypatch, half, window=day(2)).outcome


def test_a_value_that_is_somebodys_is_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(pools(tmp_path), monkeypatch, sheet(changed("类型", "王伟 13800138000", "13800138000")))

    said = " ".join(
        f"{each.found} {each.said_en} {each.said_zh}" for each in drift.kept(found.receipt)
    ) + " ".join(found.receipt.warnings)
    assert "13800138000" not in said
    assert ["drift: column pool_kind has a value nobody knows in 2 row(s)"] == list(found.receipt.warnings)


def day(later: int) -> lake.Window:
    return lake.Window(DAY.start + timedelta(days=later), DAY.end + timedelta(days=later))


@pytest.mark.parametrize("order", [(0, 1, 2), pytest.param((2, 0, 1), marks=pytest.mark.long)])
def test_the_first_batch_tells_it_and_later_ones_say_since_when(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[int, ...]
) -> None:
    """In whatever order the batches are judged and loaded."""
    feed = pools(tmp_path)
    contents = (sheet(ROWS), SENT["new_column"], SENT["new_column"])
    for place in order:
        judged(feed, monkeypatch, contents[place], window=day(place))
        with database.writer(lake.warehouse_file()) as connection:
            loading.load(connection, [feed])
    with database.writer(lake.warehouse_file()) as connection:
        rows = connection.execute(
            "select kind, column_name, mode, said_en, said_zh, first_seen_at = landed_at from ops.drift order by landed_at"
        ).fetchall()
    [told] = run.drifts("city_pools")

    english, chinese = SAID["new_column"][1:]
    assert [
        ("new_column", "水温", "warn", english, chinese, True),
        (
            "new_column",
            "水温",
            "warn",
            f"since 2026-11-19: {english}",
            f"自2026-11-19起：{chinese}",
            False,
        ),
    ] == rows
    assert [] == run.drifts("city_things")
    assert ("水温", 2, True, english) == (
        told["column_name"], told["batch_count"], told["is_still_so"], told["said_en"],
    )  # fmt: skip


def test_new_values_can_be_kept_only_where_they_are_texts(tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    (folder / "city").mkdir(parents=True)
    text = POOLS.replace("FORMAT", "csv").replace(
        "logicalType: integer, description: Lanes.",
        "logicalType: integer, enum: [{value: 8}], description: Lanes.",
    )
    text += "  - {property: drift, value: {newValues: warn}}\n"
    (folder / "city" / "pools.odcs.yaml").write_text(text, encoding="utf-8")
    _, problems = contract.read_all(folder)

    assert ["'lanes' is of type integer" in each.message for each in problems] == [True]


def test_a_mode_that_makes_no_sense_is_no_mode(tmp_path: Path) -> None:
    with pytest.raises(
        Exception, match=r"newColumns.*'quarantine', expected one of accept, warn, hold, fail"
    ):
        with_mode(tmp_path, "new_column", "quarantine")


def test_old_and_new_names_are_both_taken_while_a_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pools(tmp_path)
    path = tmp_path / "contracts" / "city" / "pools.odcs.yaml"
    text = path.read_text(encoding="utf-8").replace(
        "businessName: 泳道数,", "businessName: 泳道数, synonyms: [{synonym: 泳道数量}],"
    )
    path.write_text(text, encoding="utf-8")
    feed = contract.load("city_pools", tmp_path / "contracts")
    new = sheet(
        [{**row, "泳道数量": row["泳道数"]} for row in ROWS],
        ("编号", "开放日期", "类型", "泳道数量", "负责人"),
    )
    before, after = judged(feed, monkeypatch, sheet(ROWS)), judged(feed, monkeypatch, new, window=day(1))

    assert ("taken", []) == (after.outcome, drift.kept(after.receipt))
    assert before.validated == after.validated


def test_a_batch_is_read_as_the_server_says_that_it_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A source that switches to another format gets a second server; what landed from the first is judged again."""
    folder = tmp_path / "contracts" / "city"
    folder.mkdir(parents=True)
    text = POOLS.replace("FORMAT", "csv")
    entry = text[text.index("  - server: sample") : text.index("schema:")]
    later = entry.replace("server: sample", "server: gateway").replace("csv", "json")
    (folder / "pools.odcs.yaml").write_text(text.replace("schema:", f"{later}schema:"), encoding="utf-8")
    feed = contract.load("city_pools", tmp_path / "contracts")
    names = {column.business_name: column.name for column in feed.columns}
    records = [{names[name]: value for name, value in row.items()} for row in ROWS]
    old = judged(feed, monkeypatch, sheet(ROWS))
    new = judged(feed, monkeypatch, json.dumps(records).encode(), window=day(1), server="gateway")
    again = judged(feed, monkeypatch, sheet(ROWS))

    assert ("taken", "taken", "taken") == (old.outcome, new.outcome, again.outcome)
    assert old.validated == new.validated == again.validated
