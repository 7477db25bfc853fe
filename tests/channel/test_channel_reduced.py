"""Rows that are summed up: each is judged by itself, none is lost, and a part of an hour never replaces the whole."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import DAYS, pulled_at
from landed_by_hand import changed_contract, land_by_hand
from let_in import let_in

from pipelines import checking, lake, run
from pipelines.errors import ContractError
from pipelines.receipt import Receipt

FEED = "street_device_status"
DEVICE = "11011400001320000001"
EQUATION = "received = validated + quarantined + duplicate + refused and validated = inserted + updated + unchanged + stale"


def sample(minute: int, status: str, device: str = DEVICE) -> dict[str, Any]:
    at = f"2026-11-17T0{1 + minute // 60}:{minute % 60:02d}:30Z"
    return {"@iot.id": minute, "phenomenonTime": at, "result": status, "Datastream": {"name": device}}


def gated(*samples: dict[str, Any], landed_at: datetime | None = None) -> Receipt:
    return Receipt.read(Path(let_in(str(land_by_hand(FEED, samples, landed_at=landed_at)))))


def loaded(columns: str) -> list[tuple[Any, ...]]:
    run.load()
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        assert connection.execute(f"select bool_and({EQUATION}) from ops.batches").fetchone() == (True,)
        return connection.execute(f"select {columns} from street.device_status order by all").fetchall()


def test_an_hour_of_samples_becomes_one_row(home: Path) -> None:
    gated(sample(0, "ON"), sample(5, "ON"), sample(10, "OFF"), sample(40, "ON"), sample(64, "OFF"))

    assert [(1, 4, 3, 0b1_0000_0111, 0b1_0000_0011, 2), (2, 1, 0, 1, 0, 0)] == loaded(
        "hour(hour_at), sample_count, online_count, sampled_slots, online_slots, flap_count"
    )
    assert [("online", "online"), ("offline", "offline")] == loaded("first_status, last_status")[::-1]


def test_each_sample_is_judged_by_itself_and_stays_accounted_for(home: Path) -> None:
    receipt = gated(
        sample(0, "ON"),
        sample(5, "FAULT"),
        sample(5, "FAULT"),
        sample(10, "OFF"),
        sample(15, "ON"),
        sample(15, "OFF"),
        sample(20, "ON", DEVICE[:10] + "216" + DEVICE[13:]),
    )
    validated = receipt.batch.folder("validated") / lake.ROWS

    assert (7, 2, 4, 1) == (receipt.received, receipt.validated, receipt.quarantined, receipt.duplicate)
    assert [(1, [1, 4])] == duckdb.sql(f"select _row_number, _row_numbers from '{validated}'").fetchall()
    assert {"enum:device_status": 1, "pattern:device_id": 1, "unique": 2} == receipt.rules
    assert [(2, 1)] == loaded("sample_count, online_count")


@pytest.mark.long
@pytest.mark.parametrize("is_part_first", [True, False])
def test_a_part_of_an_hour_never_replaces_the_whole(home: Path, is_part_first: bool) -> None:
    whole = [sample(minute, "ON") for minute in range(0, 60, 5)]
    for number, samples in enumerate((whole[6:], whole) if is_part_first else (whole, whole[6:])):
        gated(*samples, landed_at=pulled_at(DAYS[0]) + timedelta(minutes=number))

    assert [(12, 0xFFF)] == loaded("sample_count, online_slots")


@pytest.mark.long
def test_a_single_late_sample_does_not_stand_for_its_hour(home: Path) -> None:
    gated(*(sample(minute, "ON") for minute in range(0, 55, 5)))
    gated(sample(55, "OFF"), landed_at=pulled_at(DAYS[0]) + timedelta(hours=1))

    assert [(11, 11)] == loaded("sample_count, online_count")


def test_a_batch_without_a_sound_sample_leaves_nothing(home: Path) -> None:
    empty, bad = gated(), gated(sample(0, "FAULT"))

    assert (0, 0, 1) == (empty.received, bad.validated, bad.quarantined)
    assert [] == loaded("device_id")


def test_a_sample_that_was_corrected_changes_its_hour(home: Path) -> None:
    gated(sample(0, "ON"), sample(5, "ON"))
    gated(sample(0, "ON"), sample(5, "OFF"), landed_at=pulled_at(DAYS[0]) + timedelta(hours=1))

    assert [(2, 1)] == loaded("sample_count, online_count")


def test_logic_that_is_no_sql_is_told_with_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = changed_contract(
        tmp_path / "project", monkeypatch, "street/device_status", ("max(sampled_at)", "max(sampeld_at)")
    )
    with pytest.raises(ContractError, match="property 'last_sampled_at' has a transformLogic") as raised:
        list(checking.check_all())

    assert path.name in raised.value.message
