"""What a column is made of is read off the SQL, and what cannot be read is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import contract, lineage, settings
from pipelines.lineage import ROWS, Field, Lineage, Unseen, queries

TABLES = {
    "city.orders": ("order_id", "street", "closed_at", "resolved", "tags", "place"),
    "city.streets": ("street", "name", "valid_from"),
}


@pytest.fixture(scope="module")
def project() -> Lineage:
    return lineage.of_project(settings.project())


def read(query: str) -> queries.Relation:
    return queries.read(query, TABLES.get)


def told(uses: queries.Uses) -> set[str]:
    return {f"{field.column} {use.subtype}" for field, use in uses}


COLUMNS = {
    "a value handed through": ("select street as x from city.orders", {"street IDENTITY"}),
    "a value computed with": ("select closed_at + 1 as x from city.orders", {"closed_at TRANSFORMATION"}),
    "a sum": ("select max(closed_at) as x from city.orders", {"closed_at AGGREGATION"}),
    "a number of rows": ("select count(*) as x from city.orders", {"* AGGREGATION"}),
    "a sum of ones counts rows": ("select sum(1) as x from city.orders", {"* AGGREGATION"}),
    "a filtered count": (
        "select count(*) filter (where resolved) as x from city.orders",
        {"* AGGREGATION", "resolved CONDITIONAL"},
    ),
    "a branch": (
        "select case when resolved then street else 'none' end as x from city.orders",
        {"street TRANSFORMATION", "resolved CONDITIONAL"},
    ),
    "a window": (
        "select first_value(street) over (partition by place order by closed_at) as x from city.orders",
        {"street AGGREGATION", "place WINDOW", "closed_at WINDOW"},
    ),
    "a named window": (
        "select row_number() over w as x from city.orders window w as (order by closed_at)",
        {"* AGGREGATION", "closed_at WINDOW"},
    ),
    "a step": (
        "with late as (select closed_at::date as day from city.orders) select day as x from late",
        {"closed_at TRANSFORMATION"},
    ),
    "an alias beside": ("select street as y, y || '1' as x from city.orders", {"street TRANSFORMATION"}),
    "a column before an alias": (
        "select place as street, street || '1' as x from city.orders",
        {"street TRANSFORMATION"},
    ),
    "a replaced column": (
        "select x from (select * exclude (street) replace (place as closed_at) rename (closed_at as x) from city.orders)",
        {"place IDENTITY"},
    ),
    "columns united by place": (
        "select street as x from city.orders union all select name from city.streets",
        {"street IDENTITY", "name IDENTITY"},
    ),
    "columns united by name": (
        "select street as x, place as y from city.orders union all by name select name as x from city.streets",
        {"street IDENTITY", "name IDENTITY"},
    ),
    "a field of a struct": ("select place.lon as x from city.orders", {"place TRANSFORMATION"}),
    "a whole row": (
        "select streets as x from city.streets as streets",
        {"street TRANSFORMATION", "name TRANSFORMATION", "valid_from TRANSFORMATION"},
    ),
    "elements of a list": (
        "select list_filter(tags, lambda one: one <> street) as x from city.orders",
        {"tags TRANSFORMATION", "street TRANSFORMATION"},
    ),
    "a list of a list": (
        "select [one || '1' for one in tags if one <> street] as x from city.orders",
        {"tags TRANSFORMATION", "street CONDITIONAL"},
    ),
    "an unnested list": (
        "select tag as x from city.orders, unnest(tags) as each(tag)",
        {"tags TRANSFORMATION"},
    ),
    "an unnested list by DuckDB's name for it": (
        "select unnest as x from city.orders, unnest(tags) as each",
        {"tags TRANSFORMATION"},
    ),
    "a query as a value": (
        "select (select max(name) from city.streets as s where s.street = o.street) as x from city.orders as o",
        {"name AGGREGATION", "street FILTER", "* FILTER"},
    ),
    "a shared column": (
        "select street as x from city.orders inner join city.streets using (street)",
        {"street IDENTITY"},
    ),
    "a recursive step": (
        "with recursive near(a, b) as (select street, place from city.orders union "
        "select near.b, near.a from near) select a as x from near",
        {"street IDENTITY", "place IDENTITY"},
    ),
    "a constant": ("select 'city' as x from city.orders", set()),
    "a name without regard to case": ("select STREET as X from CITY.ORDERS as O", {"street IDENTITY"}),
}


@pytest.mark.parametrize("what", COLUMNS)
def test_a_column_is_made_of(what: str) -> None:
    query, expected = COLUMNS[what]

    assert expected == told(read(query).columns["x"])


ROW_USES = {
    "select 1 from city.orders where resolved": {"* IDENTITY", "resolved FILTER"},
    "select 1 from city.orders as o semi join city.streets as s on o.place = s.name": {
        "* IDENTITY", "place JOIN", "name JOIN",
    },
    "select street from city.orders group by all having max(closed_at) > now()": {
        "* IDENTITY", "street GROUP_BY", "closed_at FILTER",
    },
    "select distinct place from city.orders order by place": {"* IDENTITY", "place GROUP_BY", "place SORT"},
    "select 1 from city.orders qualify row_number() over (order by closed_at) = 1": {
        "* IDENTITY", "* FILTER", "closed_at FILTER",
    },
    "select 1 from city.orders limit (select max(valid_from) from city.streets)": {
        "* IDENTITY", "* FILTER", "valid_from FILTER",
    },
    "select order_id from city.orders where street in (select name from city.streets)": {
        "* IDENTITY", "* FILTER", "street FILTER", "name FILTER",
    },
    "select 1 from city.orders as o asof join city.streets as s on o.closed_at >= s.valid_from": {
        "* IDENTITY", "closed_at JOIN", "valid_from JOIN",
    },
}  # fmt: skip


@pytest.mark.parametrize("query", ROW_USES)
def test_which_rows_there_are_depends_on(query: str) -> None:
    assert ROW_USES[query] == told(read(query).rows)


HOSTILE = {
    "select * from read_csv('/etc/passwd')": "it reads what `READ_CSV(?)` gives",
    "select * from query_table('city.orders')": "it reads what `QUERY_TABLE(?)` gives",
    "select * from 'orders.parquet'": "it reads orders.parquet, whose columns nobody promises",
    "select columns('.*_at') from city.orders": "does not say which columns it means",
    "select max(columns(*)) from city.orders": "does not say which columns it means",
    "pivot city.orders on street using count(*)": "is no select",
    "select * from city.orders pivot (count(*) for street in ('a'))": "it pivots",
    "select * from city.nobody": "it reads city.nobody, whose columns nobody promises",
    "select nobody from city.orders": "nobody tells what nobody is",
    "select street from city.orders, city.streets": "street may be a column of orders or streets",
    "select x.* from city.orders": "names no source",
    "select street from other.city.orders": "of another database",
    "select #1 from city.orders": "does not say which columns it means",
    "select from where": "cannot be parsed",
    "delete from city.orders": "is no select",
    "select 1 from city.orders; drop table city.orders": "it is 2 statements, not one",
    "": "it is 0 statements, not one",
    "select unnest(place, recursive := true) from city.orders": "does not say which columns it means",
    "select $1 from city.orders": "does not say which columns it means",
    "describe city.orders": "is no select",
    "summarize city.orders": "is no select",
    "select street as x, x.* from city.orders": "names no source",
    "select street from city.orders union all select street, name from city.streets": "unites 1 columns with 2",
    "select " + "(" * 5000 + "1" + ")" * 5000: "",
}


@pytest.mark.parametrize("query", HOSTILE, ids=lambda query: query[:50])
def test_what_cannot_be_told_is_said(query: str) -> None:
    with pytest.raises(Unseen) as unseen:
        read(query)

    assert HOSTILE[query] in str(unseen.value)


def test_constants_of_a_query_are_in_no_message() -> None:
    with pytest.raises(Unseen) as unseen:
        read("select * from read_csv('13800001111')")

    assert "13800001111" not in str(unseen.value)


def test_everything_in_the_project_is_seen(project: Lineage) -> None:
    assert {} == project.unseen


def test_every_governance_column_begins_in_a_source_or_is_a_constant(project: Lineage) -> None:
    promised = contract.load_all(contract.LEVELS)
    feeds = [each for each in promised if each.level != "governance"]
    beginnings = {each.table for each in feeds} | {each.history_table for each in feeds if each.keep_versions}
    stray = []
    for table in (each.table for each in promised if each.level == "governance"):
        for column in project.columns[table]:
            steps = project.sources(table, column)
            if (
                not (steps or project.is_constant(table, column))
                or {s.field.table for s in steps} - beginnings
            ):
                stray.append(f"{table}.{column}")

    assert [] == stray


def test_columns_are_called_as_the_contracts_promise(project: Lineage) -> None:
    promised = {each.table: [c.name for c in each.columns] for each in contract.load_governance()}
    found = {
        table: list(
            queries.read(
                (settings.project() / project.origins[table]).read_text(encoding="utf-8").strip().rstrip(";"),
                project.columns.get,
            ).columns
        )
        for table in promised
    }

    assert promised == found


@pytest.mark.parametrize(
    ("reader", "is_direct"),
    [
        (Field("city.hotline_orders_history", "resolved"), True),
        (Field("core.score_versions", "is_callback"), True),
        (Field("governance.street_scorecard", "resolution_rate"), False),
        (Field("governance.scorecard_orders", "resolved"), True),
        (Field("office.q01_rates_so_far", "resolution_rate"), False),
    ],
    ids=str,
)
def test_readers_of_whether_an_order_was_resolved(
    project: Lineage, reader: Field, *, is_direct: bool
) -> None:
    found = {step.field: step for step in project.readers("city.hotline_orders", "resolved")}

    assert reader in found
    assert is_direct == found[reader].is_direct


def test_a_reduced_feed_reads_what_arrives(project: Lineage) -> None:
    reduced = next(each for each in contract.load_all() if each.is_reduced)
    measures = [column.name for column in reduced.columns if column.role == "measure"]

    assert all(project.sources(reduced.table, name) for name in measures)


def test_a_model_nobody_can_see_through_may_read_all_it_names(tmp_path: Path) -> None:
    feed = next(each for each in contract.load_all() if each.table == "city.hotline_orders")
    for name, query in (
        ("dark", "select columns('.*_at') from city.hotline_orders"),
        ("behind", "select count(*) as n from core.dark"),
    ):
        path = tmp_path / "warehouse" / "core" / f"{name}.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(query, encoding="utf-8")
    found = lineage.of([feed], tmp_path)
    readers = {step.field: step.is_seen for step in found.readers("city.hotline_orders", "resolved")}

    assert {"core.dark", "core.behind"} == found.unseen.keys()
    assert {Field("core.dark", ROWS): False, Field("core.behind", ROWS): False}.items() <= readers.items()


def test_tables_and_columns_that_are_not_there_are_refused(project: Lineage) -> None:
    for table, column in (("city.nobody", ROWS), ("governance.cases", "nobody")):
        with pytest.raises(KeyError, match="nobody"):
            project.readers(table, column)
