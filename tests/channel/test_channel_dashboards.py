"""Every tool of `docs/dashboards.md` gives the same answers, from the snippets as they stand there."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas
import pytest
import sqlalchemy
from channel_days import PROJECT, Channel
from sqlalchemy.pool import NullPool
from starlette.testclient import TestClient

from pipelines import releases
from pipelines.outlets import page_server

DOCUMENT = (PROJECT / "docs" / "dashboards.md").read_text(encoding="utf-8")
SCORECARD, INCIDENTS = "governance.street_scorecard", "governance.incidents_hourly"
Answers = tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]


def blocks(heading: str, language: str) -> list[str]:
    """Code of a language under a heading; before the first heading for ""."""
    part = (
        DOCUMENT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
        if heading
        else DOCUMENT.partition("\n## ")[0]
    )
    found = re.findall(rf"^```{language}\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    assert found, f"{heading!r} has no {language}"
    return found


def answered(heading: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(blocks("", "python")[0], names)
    exec(blocks(heading, "python")[0], names)
    return names


def rows(table: Any) -> list[tuple[Any, ...]]:
    """A table of any tool, as Python's own values."""
    if hasattr(table, "to_pydict"):
        return list(zip(*table.to_pydict().values(), strict=True))
    if hasattr(table, "itertuples"):
        return [tuple(row) for row in table.itertuples(index=False, name=None)]
    if hasattr(table, "rows"):
        return list(table.rows())
    if hasattr(table, "fetchall"):
        return [tuple(row) for row in table.fetchall()]
    return [tuple(row) for row in table.collect()]


def by_dataframe(heading: str) -> Answers:
    names = answered(heading)
    return rows(names["received"]), rows(names["incidents"])


def by_duckdb_sql() -> Answers:
    resolve, received, incidents = re.split(r";\n\n?", blocks("DuckDB, SQL", "sql")[0].strip().rstrip(";"))
    with duckdb.connect() as connection:
        connection.execute(resolve)
        return connection.execute(received).fetchall(), connection.execute(incidents).fetchall()


def by_superset() -> Answers:
    answered("Superset")
    (uri,) = re.findall(r"`(duckdb:///[^`]+)`", DOCUMENT)
    (parameters,) = blocks("Superset", "json")
    engine = sqlalchemy.create_engine(uri, poolclass=NullPool, **json.loads(parameters))
    received, incidents = blocks("Superset", "sql")[0].strip().rstrip(";").split(";")
    with engine.connect() as connection:
        found = [
            [tuple(row) for row in connection.execute(sqlalchemy.text(each))]
            for each in (received, incidents)
        ]
    engine.dispose()
    return found[0], found[1]


def by_spark() -> Answers:
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("pyspark is not installed, so the snippet for Spark was not run")
    return by_dataframe("Spark")


TOOLS: dict[str, Callable[[], Answers]] = {
    "pandas": lambda: by_dataframe("pandas"),
    "polars": lambda: by_dataframe("polars"),
    "PyArrow": lambda: by_dataframe("PyArrow"),
    "DuckDB, Python": lambda: by_dataframe("DuckDB, Python"),
    "DuckDB, SQL": by_duckdb_sql,
    "Superset": by_superset,
    "Spark": by_spark,
}


@pytest.fixture
def where(at_channel: Channel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which `var` is the channel's home, as the snippets have it."""
    (tmp_path / "var").symlink_to(at_channel.home)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def expected(folder: str = "tables") -> Answers:
    """By hand, from the files."""
    release = releases.current().path / folder
    with duckdb.connect() as connection:
        received = connection.execute(
            f"select street_code, period, received_count from '{release / SCORECARD}.parquet' where is_latest order by all"
        ).fetchall()
        incidents = connection.execute(
            f"select incident_type, sum(incident_count)::bigint from '{release / INCIDENTS}.parquet' group by all order by all"
        ).fetchall()
    assert received
    assert incidents
    return received, incidents


def same(one: Answers, other: Answers) -> None:
    for told, by_hand in zip(one, other, strict=True):
        assert by_hand == [tuple(map(plain, row)) for row in told]


def plain(value: Any) -> Any:
    """Counts are whole numbers whatever a tool calls them; nothing is nothing."""
    if pandas.isna(value):
        return None
    return value.item() if hasattr(value, "item") else value


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_gives_the_same_figures(where: Path, tool: str) -> None:
    same(TOOLS[tool](), expected())


@pytest.mark.parametrize("tool", [name for name in TOOLS if name not in ("DuckDB, SQL",)])
def test_a_table_in_months_reads_the_same(where: Path, tool: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `publish` writes a table of more than a million rows."""
    by_hand = expected()
    copy = where / "copied"
    shutil.copytree(releases.current().path / "tables", copy / releases.current().release_id / "tables")
    shutil.copy(releases.current().path.parent / "CURRENT", copy)
    (where / "var").unlink()
    (where / "var").mkdir()
    (where / "var" / "releases").symlink_to(copy)
    tables = copy / releases.current().release_id / "tables"
    source = tables / f"{INCIDENTS}.parquet"
    for number, period in enumerate(("2026-10", "2026-11")):
        target = tables / INCIDENTS / f"period={period}" / "part-0.parquet"
        target.parent.mkdir(parents=True)
        duckdb.sql(f"copy (from '{source}' where hash(hour_at) % 2 = {number}) to '{target}'")
    source.unlink()

    same(TOOLS[tool](), by_hand)


def test_power_query_asks_for_what_the_page_serves(where: Path) -> None:
    """Power Query runs nowhere here: its text is held against the address, the tables and the columns that exist."""
    client = TestClient(page_server.app(), base_url="http://127.0.0.1:8610")
    for text in blocks("Power BI, Excel", "powerquery"):
        lines = [line.strip() for line in text.splitlines()]
        assert ("let", "in") == (lines[0], lines[-2])
        assert lines[-1] == lines[-3].split(" = ")[0]
        for one, other in ("()", "[]", "{}"):
            assert text.count(one) == text.count(other)
        (base,) = re.findall(r'Base = "http://127\.0\.0\.1:8610(/[^"]*)"', text)
        (table,) = re.findall(r'Release & "/(tables/([a-z_.]+)\.parquet)"', text)
        pointer = client.get(f"{base}CURRENT")
        assert releases.current().release_id == pointer.text.strip()
        assert 200 == client.get(f"{base}{pointer.text.strip()}/{table[0]}").status_code
        columns = {
            name
            for (name, *_) in duckdb.sql(f"describe from '{releases.current().path / table[0]}'").fetchall()
        }
        quoted = {
            name for names in re.findall(r"\{([^{}]*)\}", text) for name in re.findall(r'"(\w+)"', names)
        }
        assert quoted <= columns
        assert set(re.findall(r"\[(\w+)\]", text)) <= columns
        assert quoted


def test_every_table_and_column_of_the_document_is_published() -> None:
    contracts = (PROJECT / "contracts" / "governance").glob("*.odcs.yaml")
    known = {path.name.removesuffix(".odcs.yaml") for path in contracts}

    assert set(re.findall(r"governance\.([a-z_]+)", DOCUMENT)) <= known
