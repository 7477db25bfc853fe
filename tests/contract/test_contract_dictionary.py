"""What others read of a contract: DuckDB's tables and comments, Frictionless schemas, our own handbook."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

from pipelines import contract, flags
from pipelines.contract import dictionary
from pipelines.contract.keys import KEYS

README = Path(__file__).resolve().parents[2] / "contracts" / "README.md"
EVERYTHING = contract.load_all(contract.LEVELS)


@pytest.mark.parametrize("found", EVERYTHING, ids=lambda found: found.contract_id)
def test_duckdb_makes_the_table_with_a_comment_on_each_column(found):
    connection = duckdb.connect()
    connection.execute(f"create schema {found.level}")
    connection.execute(dictionary.create_table(found))
    connection.execute(dictionary.create_table(found))
    for statement in dictionary.comments(found):
        connection.execute(statement)

    columns = connection.execute(
        "select column_name, comment from duckdb_columns() where not internal"
    ).fetchall()
    assert [c.name for c in found.stored_columns] + [name for name, *_ in dictionary.lineage(found)] == [
        name for name, _ in columns
    ]
    assert [] == [name for name, comment in columns if not comment]
    assert connection.execute("select comment from duckdb_tables()").fetchone()[0]


def test_the_table_of_a_feed_with_an_area_says_how_it_was_found(contracts, right):
    (contracts / "district" / "pool_visits.odcs.yaml").write_text(right, encoding="utf-8")
    pools = contract.load("district_pool_visits", contracts)

    assert """create table if not exists district.pool_visits (
    visit_id VARCHAR,
    changed_at TIMESTAMPTZ,
    visited_on DATE,
    street_code VARCHAR,
    pool_kind VARCHAR,
    lanes BIGINT,
    remark_text VARCHAR,
    _batch_id VARCHAR,
    _row_number BIGINT,
    _window_end TIMESTAMPTZ,
    _landed_at TIMESTAMPTZ,
    _first_landed_at TIMESTAMPTZ,
    _dq_flags VARCHAR[],
    _area_method VARCHAR,
    _area_confidence DOUBLE
)""" == dictionary.create_table(pools)
    assert (
        "comment on column district.pool_visits.pool_kind is 'What kind of pool it is. 类型'"
        in dictionary.comments(pools)
    )


def test_a_quote_in_a_description_stays_in_it(contracts, right):
    text = right.replace("description: Remark.", "description: The office's remark.")
    (contracts / "district" / "pool_visits.odcs.yaml").write_text(text, encoding="utf-8")

    said = dictionary.comments(contract.load("district_pool_visits", contracts))

    assert "comment on column district.pool_visits.remark_text is 'The office''s remark.'" in said


def test_the_table_schema_carries_the_promises(contracts, right):
    (contracts / "district" / "pool_visits.odcs.yaml").write_text(right, encoding="utf-8")
    schema = dictionary.table_schema(contract.load("district_pool_visits", contracts))
    fields = {field["name"]: field for field in schema["fields"]}

    assert ["visit_id"] == schema["primaryKey"]
    assert {
        "name": "pool_kind",
        "type": "string",
        "title": "类型",
        "description": "What kind of pool it is.",
        "constraints": {"enum": ["indoor", "outdoor"]},
    } == fields["pool_kind"]
    assert {"minimum": 0, "maximum": 99} == fields["lanes"]["constraints"]
    assert "datetime" == fields["changed_at"]["type"]


@pytest.mark.filterwarnings("default")
def test_frictionless_takes_every_table_schema():
    import frictionless

    for found in EVERYTHING:
        assert [] == list(frictionless.Schema.metadata_validate(dictionary.table_schema(found)))


def test_each_key_is_explained_once():
    rows = re.findall(r"^\| `([^`]+)` \|", README.read_text(encoding="utf-8"), flags=re.MULTILINE)

    assert [key.name for key in KEYS] == [row for row in rows if row in {key.name for key in KEYS}]
    assert sorted(set(rows)) == sorted(rows)


def test_each_key_stands_under_the_heading_of_its_place():
    places = {
        "contract": "the contract",
        "server": "a server",
        "property": "a property",
        "enum value": "an allowed value",
    }
    sections = README.read_text(encoding="utf-8").split("\n## ")

    for key in KEYS:
        section = next(
            text for text in sections if text.startswith(f"Custom properties of {places[key.place]}\n")
        )

        assert f"\n| `{key.name}` | " in section


def test_the_readme_explains_every_flag() -> None:
    section = README.read_text(encoding="utf-8").split("\n## Flags\n")[1]
    explained = re.findall(r"^\| `(\w+)` \| (\w+) \| (.*) \|$", section, flags=re.MULTILINE)

    assert [(flag.name, flag.identifier, flag.english) for flag in flags.FLAGS] == explained
