"""The release of the three days: nobody reckons a hidden count in it, and small ones alone hidden would not do."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest
from channel_days import Channel
from typer.testing import CliRunner

from pipelines import contract, releases, run
from pipelines.cli import app


def test_nobody_reckons_what_the_release_hides(at_channel: Channel) -> None:
    audit = run.audit_release()

    assert () == audit.findings
    assert audit.attacked > 50
    assert audit.narrowest >= 3
    assert {"governance.street_scorecard", "governance.need_vs_project", "governance.case_overlaps"} <= {
        each.table for each in audit.utility
    }
    assert all(each.small + each.complementary < each.counts for each in audit.utility)


def test_the_attack_is_told_in_words(at_channel: Channel) -> None:
    said = CliRunner().invoke(app, ["release", "audit"])

    assert 0 == said.exit_code, said.output
    assert re.search(r"hidden counts of 1 release\(s\) attacked by 8 readers; .* 0 can be told", said.output)


def test_open_tables_hide_and_the_district_sees(at_channel: Channel) -> None:
    release = releases.current()
    name = "governance.street_scorecard"
    shared = "select street_code, period, revision, suppressed_columns from"
    hidden = [row for row in duckdb.execute(f"{shared} {release.tables[name].sql}").fetchall() if row[3]]

    assert hidden
    small = "select count(*) from {} where excluded_count between 1 and 4"
    assert duckdb.execute(small.format(release.tables[name].sql)).fetchone() == (0,)
    assert duckdb.execute(small.format(release.detail[name].sql)).fetchone() != (0,)


def test_an_office_lacks_its_own_places_where_anybody_does(at_channel: Channel) -> None:
    release = releases.current()
    lacking = 0
    for street in release.offices:
        with duckdb.connect(str(release.office_file(street)), read_only=True) as office:
            for table, place, key in (
                ("need_vs_project", "need_index", "street_code, period, package_code"),
                ("street_scorecard", "rank_in_scope", "street_code, period, revision"),
            ):
                hidden = office.execute(
                    f"select count(*) filter ({place} is not null), count(*) from governance.{table} as own "
                    f"semi join (from {release.tables[f'governance.{table}'].sql} where list_contains(suppressed_columns, '{place}')) "
                    f"as anybody using ({key}) where street_code = '{street}'"
                ).fetchone()
                assert hidden is not None
                assert 0 == hidden[0]
                lacking += hidden[1]
    assert lacking


@pytest.mark.parametrize(
    "table", ["day_revisions", "level_reconciliation", "quarantine_by_street", "scorecard_alerts"]
)
def test_tables_of_small_counts_are_for_the_district_and_the_street_itself(
    at_channel: Channel, table: str
) -> None:
    release = releases.current()

    assert f"governance.{table}" not in release.tables
    assert f"governance.{table}" in release.detail
    for street in release.offices:
        with duckdb.connect(str(release.office_file(street)), read_only=True) as office:
            streets = office.execute(f"select distinct street_code from governance.{table}").fetchall()
            assert streets in ([], [(street,)])


def test_open_files_hold_no_free_text_and_no_coordinate(at_channel: Channel) -> None:
    """A point has more than three decimals; what people wrote is long. Reference tables are public already."""
    release = releases.current()
    known = {each.table: each for each in (*contract.load_governance(), *contract.load_operations())}

    found = []
    for name, files in release.tables.items():
        if name not in known:
            continue
        columns = duckdb.execute(f"describe from {files.sql}").fetchall()
        for column, kind, *_ in columns:
            if re.search(r"_text|^(lon|lat)$", column):
                found.append(f"{name}.{column}")
            if kind == "DOUBLE":
                inside = f'select count(*) from {files.sql} where "{column}" between 39.4 and 41.1 or "{column}" between 115.4 and 117.6'
                found += [f"{name}.{column}"] if _is_a_point(name, column, inside) else []
    assert [] == found


def _is_a_point(table: str, column: str, inside: str) -> bool:
    count = duckdb.execute(inside).fetchone()
    return bool(count and count[0]) and column not in ("volunteer_hours",)


def test_a_release_of_before_is_not_audited(copied: Path) -> None:
    release = releases.current()
    manifest = release.path / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("district/disclosed.csv", "district/other.csv"))

    said = CliRunner().invoke(app, ["release", "audit"])

    assert "was published before small counts were hidden" in str(said.exception)
