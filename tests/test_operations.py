"""What the channel keeps of itself is promised, described and nothing else."""

from __future__ import annotations

from pathlib import Path

from pipelines import contract, database, operations

PROJECT = Path(__file__).resolve().parent.parent
PROMISED = {each.table: each for each in contract.load_operations()}


def tables(connection: object) -> set[str]:
    found = connection.execute(  # type: ignore[attr-defined]
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name = 'ops'"
    )
    return {name for (name,) in found.fetchall()}


def test_every_promised_table_is_made_with_comments_and_no_other_stays() -> None:
    connection = database.memory()
    connection.execute("create schema ops; create table ops.stray as select 1 as one")
    operations.prepare(connection)
    silent = connection.execute(
        "select table_name || '.' || column_name from duckdb_columns() where schema_name = 'ops' and comment is null"
    ).fetchall()

    assert PROMISED.keys() == tables(connection)
    assert [] == silent
    connection.close()


def test_no_code_makes_a_table_of_ops_that_nobody_promises() -> None:
    import re

    named = {
        (path.relative_to(PROJECT).as_posix(), table)
        for path in sorted((PROJECT / "pipelines").rglob("*.py"))
        for table in re.findall(
            r"(?:table(?: if not exists)?|insert into) (ops\.\w+)", path.read_text(encoding="utf-8")
        )
        if table not in PROMISED
    }

    assert set() == named


def test_the_list_of_them_says_what_each_contract_says() -> None:
    text = (PROJECT / "contracts" / "README.md").read_text(encoding="utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| `ops.")]
    expected = [
        f"| `{each.table}` | {each.description.split('. ')[0].rstrip('.')} | {each.audience} |"
        for each in PROMISED.values()
    ]

    assert expected == listed
