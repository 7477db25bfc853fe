"""A warehouse of two streets, by hand, for tests of what is published: small to read, odd enough to go wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import releases
from pipelines.contract.model import Column, Contract, EnumValue, Level
from pipelines.releases import Release
from pipelines.stages import publishing

EAST, WEST = "900001001", "900001002"
RETIRED, OUTSIDE = "900001003", "900001009"
LANDED_AT = datetime(2026, 11, 18, 16, 40, tzinfo=UTC)
SECRET = "MARKED-CALLER-TOKEN"
TEXT = "MARKED-FREE-TEXT"
WITHOUT_OFFICES = "update ref.areas set is_in_scope = false"

_WAREHOUSE = f"""
create schema city; create schema street; create schema governance; create schema ref; create schema ops;

create table city.orders (order_id varchar, street_code varchar, caller_ref varchar, content_text varchar,
    reported_at timestamptz, resolved varchar, _batch_id varchar, _row_number bigint);
insert into city.orders values
    ('HL-EAST-1', '{EAST}', '{SECRET}', '{TEXT}', '2026-11-17 01:00:00+00', 'yes', 'b1', 1),
    ('HL-EAST-2', '{EAST}', '{SECRET}', '{TEXT}', '2026-11-17 02:00:00+00', null, 'b1', 2),
    ('HL-WEST-1', '{WEST}', '{SECRET}', '{TEXT}', '2026-11-17 03:00:00+00', 'no', 'b1', 3);

create table city.air (station varchar, no2_ugm3 double);
insert into city.air values ('STATION-1', 31.5);

create table street.devices (device_id varchar, street_code varchar);
insert into street.devices values ('DEVICE-WEST-1', '{WEST}');

create table governance.cases (case_id varchar, street_code varchar, levels_seen varchar[],
    member_count bigint, place_text varchar);
insert into governance.cases values
    ('GC-EAST-1', '{EAST}', ['city', 'district'], 2, '{TEXT}'),
    ('GC-WEST-1', '{WEST}', ['city'], 1, '{TEXT}');

create table governance.case_members (source_feed varchar, source_id varchar, case_id varchar);
insert into governance.case_members values ('city_orders', 'HL-EAST-1', 'GC-EAST-1'),
    ('city_orders', 'HL-EAST-2', 'GC-EAST-1'), ('city_orders', 'HL-WEST-1', 'GC-WEST-1');

create table governance.scorecard (street_code varchar, period varchar, response_share double);
insert into governance.scorecard values ('{EAST}', '2026-11', 0.5), ('{WEST}', '2026-11', null);

create table governance.project_areas (plan_code varchar, project_id varchar, street_code varchar);
insert into governance.project_areas values ('P', 'PR-EAST', '{EAST}'), ('P', 'PR-BOTH', '{EAST}'),
    ('P', 'PR-BOTH', '{WEST}'), ('P', 'PR-WEST', '{WEST}');

create table governance.project_progress (plan_code varchar, project_id varchar, snapshot_on date,
    invest_wan decimal(14, 2), total hugeint);
insert into governance.project_progress values
    ('P', 'PR-EAST', '2026-11-16', 12.5, 9007199254740993),
    ('P', 'PR-BOTH', '2026-11-16', null, 1), ('P', 'PR-WEST', '2026-11-16', 0, 1);

create table governance.channel_health (feed_id varchar, business_date date, status varchar);
insert into governance.channel_health values
    ('city_orders', '2026-11-17', 'ok'), ('city_air', '2026-11-17', 'missing');

create table governance.unpromised (street_code varchar, note varchar);

create table ref.areas (area_code varchar, area_level varchar, area_name varchar, is_in_scope boolean,
    valid_from date, valid_to date);
insert into ref.areas values
    ('{EAST}', 'street', '东街道', true, '1990-01-01', '2020-01-01'),
    ('{EAST}', 'street', '东河街道', true, '2020-01-01', '9999-12-31'),
    ('{WEST}', 'street', '西街道', true, '1990-01-01', '9999-12-31'),
    ('{RETIRED}', 'street', '旧街道', true, '1990-01-01', '2015-01-01'),
    ('{OUTSIDE}', 'street', '外街道', false, '1990-01-01', '9999-12-31'),
    ('900001', 'district', '区', true, '1990-01-01', '9999-12-31');

create table ops.batches (feed_id varchar, window_start timestamptz, batch_id varchar, landed_at timestamptz,
    received bigint, warnings varchar[]);
insert into ops.batches values
    ('city_orders', '2026-11-16 16:00:00+00', 'b1', '{LANDED_AT.isoformat()}', 4, []),
    ('city_air', '2026-11-16 16:00:00+00', 'b2', '2026-11-18 00:00:00+00', 1, ['a new column: so2']);

create table ops.quarantine (feed_id varchar, row_number bigint, business_key varchar, street_code varchar,
    reasons struct(rule varchar, column_name varchar, found varchar)[], received varchar);
insert into ops.quarantine values
    ('city_orders', 4, 'HL-EAST-9', '{EAST}',
     [{{'rule': 'resolved.known', 'column_name': 'resolved', 'found': 'perhaps'}},
      {{'rule': 'content_text.length', 'column_name': 'content_text', 'found': '{TEXT}'}}],
     '{{"order_id": "HL-EAST-9", "caller_ref": "{SECRET}", "content_text": "{TEXT}", "resolved": "perhaps"}}'),
    ('city_orders', 5, 'HL-NOWHERE-1', null, [], '{{"order_id": "HL-NOWHERE-1"}}'),
    ('gone_feed', 6, 'GONE-1', '{EAST}',
     [{{'rule': 'x', 'column_name': 'y', 'found': '{TEXT}'}}], '{{"any": "{TEXT}"}}');
"""

_TYPES = {
    "bigint": "integer",
    "date": "date",
    "decimal(14,2)": "number",
    "double": "number",
    "hugeint": "integer",
    "timestamptz": "timestamp",
    "varchar": "string",
    "varchar[]": "array",
    "struct[]": "array",
}


def column(name: str, type: str = "varchar", **others: Any) -> Column:
    """A column with a Chinese name and a description nobody needs to read."""
    return Column(
        name,
        others.pop("business_name", f"列 {name}"),
        f"The {name} of it.",
        _TYPES[type],
        type.upper(),
        (name,),
        **others,
    )


def contract(level: Level, name: str, *columns: Column) -> Contract:
    """A contract as the loader would give it."""
    return Contract(
        contract_id=f"{level}_{name}",
        level=level,
        name=name,
        title=name,
        business_name=f"表 {name}",
        description=f"What {name} holds.",
        grain="row",
        version="1.0.0",
        status="active",
        path=f"contracts/{level}/{name}.odcs.yaml",
        sha256=f"sha of {level}_{name}",
        columns=columns,
        rules=(),
        timezone="Asia/Shanghai",
    )


KEY: dict[str, Any] = {"is_key": True, "required": True}
FEEDS = [
    contract(
        "city",
        "orders",
        column("order_id", pattern="^HL-[A-Z]+-[0-9]$", **KEY),
        column("street_code"),
        column("caller_ref", classification="L3", privacy="token"),
        column("caller_name", classification="L3", privacy="drop"),
        column("content_text"),
        column("reported_at", "timestamptz"),
        column("resolved", enum=(EnumValue("yes", "解决", ()), EnumValue("no", "未解决", ()))),
    ),
    contract("city", "air", column("station", **KEY), column("no2_ugm3", "double", minimum=0)),
    contract("street", "devices", column("device_id", **KEY), column("street_code")),
]
GOVERNANCE = [
    contract(
        "governance",
        "cases",
        column("case_id", **KEY),
        column("street_code", required=True),
        column("levels_seen", "varchar[]"),
        column("member_count", "bigint", minimum=1),
        column("place_text"),
    ),
    contract(
        "governance",
        "case_members",
        column("source_feed", **KEY),
        column("source_id", **KEY),
        column("case_id", required=True),
    ),
    contract(
        "governance",
        "scorecard",
        column("street_code", **KEY),
        column("period", **KEY),
        column("response_share", "double", minimum=0, maximum=1),
    ),
    contract(
        "governance",
        "project_areas",
        column("plan_code", **KEY),
        column("project_id", **KEY),
        column("street_code", **KEY),
    ),
    contract(
        "governance",
        "project_progress",
        column("plan_code", **KEY),
        column("project_id", **KEY),
        column("snapshot_on", "date", **KEY),
        column("invest_wan", "decimal(14,2)"),
        column("total", "hugeint"),
    ),
    contract(
        "governance",
        "channel_health",
        column("feed_id", **KEY),
        column("business_date", "date", **KEY),
        column("status"),
    ),
    contract(
        "ops",
        "batches",
        column("feed_id", **KEY),
        column("window_start", "timestamptz", **KEY),
        column("batch_id", **KEY),
        column("landed_at", "timestamptz"),
        column("received", "bigint"),
        column("warnings", "varchar[]"),
    ),
    replace(
        contract(
            "ops",
            "quarantine",
            column("feed_id", **KEY),
            column("row_number", "bigint", **KEY),
            column("business_key"),
            column("street_code"),
            column("reasons", "struct[]"),
            column("received"),
        ),
        audience="offices",
    ),
]
_VIEWS = {
    "b_open_orders.sql": "-- b_open_orders\n-- Orders that nobody called back about.\n-- 未回访的工单。\n"
    "select order_id, reported_at\nfrom all_orders\nwhere resolved is null;\n",
    "all_orders.sql": "-- all_orders\n-- Every order of the street.\nselect * from city.orders\n",
    "all_orders.checks.sql": "-- check: nothing\nselect * from model where false;\n",
}


def warehouse() -> duckdb.DuckDBPyConnection:
    """The warehouse, in memory."""
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute(_WAREHOUSE)
    return connection


def project(folder: Path) -> Path:
    """A project folder with two office views and a register of areas."""
    office = folder / "project" / "warehouse" / "office"
    reference = folder / "project" / "contracts" / "reference"
    office.mkdir(parents=True)
    reference.mkdir(parents=True)
    for name, text in _VIEWS.items():
        (office / name).write_text(text, encoding="utf-8")
    (reference / "areas.csv").write_text("area_code\n", encoding="utf-8")
    return folder / "project"


def published(made: Path, *changes: str, **given: Any) -> Release:
    """The current release of that project, after some statements; `given` is for publishing."""
    arguments = {"contracts": FEEDS, "governance": GOVERNANCE, "project": made, **given}
    with warehouse() as connection:
        for statement in changes:
            connection.execute(statement)
        folder = publishing.publish(connection, **arguments)

    assert folder == releases.current().path
    return releases.current()


def published_in(folder: Path, *changes: str, **given: Any) -> Release:
    """The same, of a project and a home in a folder: `folder/project`, `folder/home`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        return published(project(folder), *changes, **given)


def opened(release: Release, street: str) -> duckdb.DuckDBPyConnection:
    """A street's office file."""
    return duckdb.connect(str(release.office_file(street)), read_only=True)


def all_bytes(release: Release, pattern: str = "*") -> dict[str, bytes]:
    """Every file of a release, by its path in it."""
    paths = sorted(path for path in release.path.rglob(pattern) if path.is_file())
    return {path.relative_to(release.path).as_posix(): path.read_bytes() for path in paths}
