"""A table that changes is served in both versions for a while; the old one goes without a trace in the new one."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines import checking, contract, promises, releases, run, settings
from pipelines.cli import app
from pipelines.errors import ContractError

OLD, NEW = "governance.street_day", "governance.street_day_2"


@pytest.fixture
def project(clarim: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second city after its day, with a successor of its table; what was promised before is agreed on."""
    shutil.copytree(clarim.home, tmp_path / "clarim")
    project = tmp_path / "project"
    shutil.copytree(clarim.project, project)
    monkeypatch.setenv("URBANBRAIN_HOME", str(tmp_path / "clarim"))
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    run.contract_lock()
    copy(project / "contracts" / "governance" / "street_day.odcs.yaml")
    copy(project / "warehouse" / "governance" / "street_day.sql")
    change(project, "_2", ("version: 1.0.0", "version: 2.0.0"), ("noise_db_max", "loudest_db"))
    change(
        project,
        "",
        ("version: 1.0.0", "version: 1.1.0"),
        ("status: active", "status: deprecated"),
        ("team:", 'slaProperties:\n  - {property: endOfSupport, value: "2027-03-31"}\nteam:'),
        (
            "customProperties:\n  - property: level",
            f"customProperties:\n  - {{property: supersededBy, value: {NEW}}}\n  - property: level",
        ),
    )
    path = project / "warehouse" / "governance" / "street_day_2.sql"
    path.write_text(
        path.read_text(encoding="utf-8").replace("noise.noise_db_max", "noise.noise_db_max as loudest_db"),
        encoding="utf-8",
    )
    return project


def copy(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("street_day", "street_day_2")
    path.with_name(path.name.replace("street_day", "street_day_2")).write_text(text, encoding="utf-8")


def change(project: Path, which: str, *changes: tuple[str, str]) -> None:
    path = project / "contracts" / "governance" / f"street_day{which}.odcs.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")


def published() -> releases.Release:
    run.build()
    run.check()
    run.publish()
    return releases.current()


def offered(release: releases.Release) -> set[str]:
    """Tables and views of every office file together."""
    found: set[str] = set()
    for file in sorted(release.path.rglob("*.duckdb")):
        with duckdb.connect(str(file), read_only=True) as connection:
            rows = connection.execute(
                "select schema_name || '.' || view_name from duckdb_views() where not internal"
            )
            found.update(name for (name,) in rows.fetchall())
            rows = connection.execute("select schema_name || '.' || table_name from duckdb_tables()")
            found.update(name for (name,) in rows.fetchall())
    return found


@pytest.mark.long
def test_both_versions_are_served_until_the_old_one_is_taken_away(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [("governance_street_day", "compatible"), ("governance_street_day_2", "compatible")] == [
        (each.contract_id, each.klass) for each in run.contract_lock()
    ]
    both = published()

    assert {OLD, NEW} <= both.detail.keys()
    assert {OLD, NEW} <= offered(both)
    with duckdb.connect() as connection:
        [(same, rows)] = connection.execute(
            "select count(*) filter (noise_db_max is not distinct from loudest_db), count(*) "
            f"from {both.detail[OLD].sql} join {both.tables[NEW].sql} using (street_code, day)"
        ).fetchall()
    assert same == rows > 0
    said = {each["name"]: each for each in both.data_package()["resources"]}
    warning = f"Deprecated, served until 2027-03-31; use {NEW}."
    assert said[OLD]["description"].startswith(warning)
    assert ("2027-03-31", NEW) == (said[OLD]["endOfSupport"], said[OLD]["supersededBy"])
    assert "Deprecated" not in json.dumps(said[NEW])
    listed = CliRunner().invoke(app, ["tables"]).output
    assert warning in " ".join(listed.split())

    # The day has passed: `urbanbrain check` says so, and the old version may go.
    monkeypatch.setattr(settings, "now", lambda: datetime(2027, 4, 1, tzinfo=UTC))
    assert (
        f"{OLD} is served beyond 2027-03-31, the last day it was promised for; {NEW} takes its place"
        in checking.check_all()
    )
    for path in project.rglob("street_day.*"):
        path.unlink()
    run.contract_lock()
    after = published()

    assert OLD not in after.detail
    assert OLD not in offered(after)
    assert both.detail[NEW].has_bytes_of(after.detail[NEW])


def test_the_old_version_stays_until_its_day(project: Path) -> None:
    run.contract_lock()
    (project / "contracts" / "governance" / "street_day.odcs.yaml").unlink()
    with pytest.raises(ContractError, match="was promised until 2027-03-31") as raised:
        run.contract_lock()

    assert "tables/governance.street_day.parquet" in raised.value.message


def test_nothing_is_said_before_the_day_has_passed(project: Path) -> None:
    found = contract.load_all(contract.LEVELS)

    assert [] == promises.ended(found, date(2027, 3, 31))
    assert 1 == len(promises.ended(found, date(2027, 4, 1)))
