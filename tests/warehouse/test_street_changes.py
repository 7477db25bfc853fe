"""Device hours and incidents made anew by the day are those of a build from nothing, after late corrections, too."""

from __future__ import annotations

import pytest
from duckdb import DuckDBPyConnection

from pipelines import settings
from pipelines.stages import governance

DAY = "2026-11-{:02d} {:02d}:00:00+08"
STATUS = "device_id, hour_at, sample_count, online_count, first_sampled_at, last_sampled_at, first_status, last_status, flap_count"
COUNT = (
    "street_code, hour_at, incident_type, incident_count, confirmed_count, to_case_count, source_updated_at"
)
TABLES = (
    "core.device_hours",
    "governance.device_health_daily",
    "governance.devices_offline",
    "governance.incidents_hourly",
)


def sample(connection: DuckDBPyConnection, day: int, hour: int, device: str, online: int) -> None:
    at, state = DAY.format(day, hour), "online" if online else "offline"
    connection.execute(
        f"insert into street.device_status ({STATUS}) values (?, ?, 4, ?, ?, ?, ?, ?, 0)",
        [device, at, online, at, at, state, state],
    )


def count(connection: DuckDBPyConnection, day: int, hour: int, street: str, kind: str, number: int) -> None:
    at = DAY.format(day, hour)
    connection.execute(
        f"insert into street.incidents ({COUNT}) values (?, ?, ?, ?, 0, 0, ?)", [street, at, kind, number, at]
    )


def contents(connection: DuckDBPyConnection) -> dict[str, list[tuple]]:
    return {table: connection.execute(f"from {table} order by all").fetchall() for table in TABLES}


@pytest.fixture
def street(warehouse: DuckDBPyConnection) -> DuckDBPyConnection:
    for number in range(6):
        warehouse.execute(
            "insert into street.video_devices (device_id, street_code, network_class) values (?, '110114010', 'one')",
            [f"D{number}"],
        )
    for day in range(1, 11):
        for number in range(6):
            sample(warehouse, day, 8 + number, f"D{number}", number % 2)
        count(warehouse, day, 9, "110114010", "exposed_waste", day)
    return warehouse


CHANGES = {
    "a day more": lambda it: (sample(it, 11, 9, "D1", 0), count(it, 11, 9, "110114010", "none", 0)),
    "a late hour": lambda it: (sample(it, 3, 20, "D2", 1), count(it, 3, 20, "110114010", "shared_bikes", 2)),
    "a correction": lambda it: it.execute(
        "update street.device_status set online_count = 3 where device_id = 'D1' and hour_at < '2026-11-05'; "
        "update street.incidents set incident_count = 99 where hour_at < '2026-11-03'"
    ),
    "a street more": lambda it: count(it, 5, 9, "110114011", "exposed_waste", 1),
    "an hour before all others": lambda it: count(it, 1, 0, "110114010", "exposed_waste", 1),
    "a silence": lambda it: it.execute("delete from street.incidents where hour_at between '2026-11-04' and '2026-11-06'"),
    "a device more": lambda it: it.execute(
        "insert into street.video_devices (device_id, street_code, network_class) values ('D9', '110114011', 'two')"
    ),
}  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_is_made_anew_as_if_all_were(street: DuckDBPyConnection, change: str) -> None:
    governance.build(street, settings.project())
    CHANGES[change](street)
    done = governance.build(street, settings.project())
    by_parts = contents(street)
    governance.build(street, settings.project(), full=True)

    assert by_parts == contents(street)
    if change == "a late hour":
        assert "extended" == done["core.device_hours"].done
