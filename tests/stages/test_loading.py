"""What loading keeps: the newest version of every row, every version, and when each was known."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection
from validated_by_hand import validate_by_hand

from pipelines import contract, database, lake, operations
from pipelines.contract.model import Column, Contract
from pipelines.stages import loading

MONDAY = date(2026, 11, 16)
FIRST = datetime(2026, 11, 20, tzinfo=UTC)


def column(name: str, kind: str, **more: Any) -> Column:
    return Column(name, "", f"The {name}.", "string", kind, (name,), **more)


PUMPS = Contract(
    contract_id="street_pumps",
    level="street",
    name="pumps",
    title="Pumps",
    business_name="水泵",
    description="Pumps and how they are.",
    grain="pump",
    version="1.0.0",
    status="active",
    path="contracts/street/pumps.odcs.yaml",
    sha256="a" * 64,
    columns=(
        column("pump_id", "VARCHAR", required=True, is_key=True),
        column("version_no", "BIGINT", required=True),
        column("state", "VARCHAR"),
    ),
    rules=(),
    schedule="0 0 * * *",
    version_columns=("version_no",),
    keep_versions=True,
)


@pytest.fixture
def connection(home: Path) -> DuckDBPyConnection:
    return database.memory()


def load(connection: DuckDBPyConnection, feed: Contract = PUMPS) -> dict[str, int]:
    loaded = loading.load(connection, [feed])
    return {
        name: sum(getattr(batch, name) for batch in loaded)
        for name in ("inserted", "updated", "unchanged", "stale")
        if any(getattr(batch, name) for batch in loaded)
    }


def bring(number: int, *rows: tuple[str, int, str | None], day: int = 0, feed: Contract = PUMPS) -> Path:
    """A batch of the given day, landed as the number says."""
    return validate_by_hand(
        feed,
        MONDAY + timedelta(days=day),
        [{"pump_id": pump, "version_no": version, "state": state} for pump, version, state in rows],
        landed(number),
    )


def landed(number: int) -> datetime:
    return FIRST + timedelta(hours=number)


def history(connection: DuckDBPyConnection) -> list[tuple[Any, ...]]:
    """Every version, with the numbers of the landings from and to which it was the newest."""
    hours = ", ".join(
        f"date_diff('hour', timestamptz '{FIRST}', {name})" for name in ("_known_from", "_known_to")
    )
    return connection.execute(
        f"select pump_id, version_no, state, {hours} from street.pumps_history order by all"
    ).fetchall()


def contents(connection: DuckDBPyConnection) -> dict[str, list[tuple[Any, ...]]]:
    names = ("street.pumps", "street.pumps_history", "ops.batches", "ops.quarantine")
    return {name: connection.execute(f"from {name} order by all").fetchall() for name in names}


def test_every_version_is_kept_with_the_time_in_which_it_was_the_newest(
    connection: DuckDBPyConnection,
) -> None:
    bring(1, ("a", 1, "wet"), ("b", 1, "wet"))
    bring(2, ("a", 2, "dry"))
    load(connection)
    bring(3, ("a", 2, "dry"), ("b", 1, "dry"))
    bring(4, ("a", 4, "wet"), ("a", 3, "dry"))
    bring(5, ("a", 2, "rust"), ("a", 1, "wet"))
    counts = load(connection)

    assert {"updated": 2, "unchanged": 1, "stale": 3} == counts
    assert [
        ("a", 1, "wet", 1, 2),
        ("a", 2, "dry", 2, 4),
        ("a", 2, "rust", 5, 5),
        ("a", 3, "dry", 4, 4),
        ("a", 4, "wet", 4, None),
        ("b", 1, "dry", 3, None),
        ("b", 1, "wet", 1, 3),
    ] == history(connection)


def test_a_row_that_goes_back_to_what_it_was_is_another_version(connection: DuckDBPyConnection) -> None:
    feed = replace(PUMPS, version_columns=())
    for number, state in enumerate(("wet", "dry", "wet", "wet"), start=1):
        bring(number, ("a", 1, state), day=number, feed=feed)
        load(connection, feed)

    assert [("a", 1, "dry", 2, 3), ("a", 1, "wet", 1, 2), ("a", 1, "wet", 3, None)] == history(connection)


def some_batches(dice: random.Random, count: int) -> list[dict[str, tuple[int, str]]]:
    """Few pumps with few versions, so that all that can meet does."""
    return [
        {
            f"p{dice.randint(1, 4)}": (dice.randint(1, 3), dice.choice("xyz"))
            for _ in range(dice.randint(0, 4))
        }
        for _ in range(count)
    ]


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("versions", [("version_no",), ()])
def test_the_history_tells_what_was_known_at_any_instant_in_whatever_order_batches_come(
    connection: DuckDBPyConnection, seed: int, versions: tuple[str, ...]
) -> None:
    dice = random.Random(seed)
    feed = replace(PUMPS, version_columns=versions)
    batches = [(rows, dice.randint(0, 2)) for rows in some_batches(dice, 8)]
    for number, (rows, day) in enumerate(batches):
        bring(number, *((pump, *row) for pump, row in rows.items()), day=day, feed=feed)
    load(connection, feed)

    for now in range(len(batches)):
        newest: dict[str, tuple[Any, ...]] = {}
        for number, (rows, day) in enumerate(batches[: now + 1]):
            for pump, (version, state) in rows.items():
                place = (version if versions else 0, day, number)
                if pump not in newest or place >= newest[pump][0]:
                    newest[pump] = (place, version, state)
        known = connection.execute(
            "select pump_id, version_no, state from street.pumps_history where _known_from <= $now "
            "and (_known_to > $now or _known_to is null) order by all",
            {"now": landed(now)},
        ).fetchall()

        assert [(pump, *row[1:]) for pump, row in sorted(newest.items())] == known

    expected = contents(connection)
    load(connection, feed)

    assert expected == contents(connection)

    folders = lake.batches("validated")
    dice.shuffle(folders)
    for folder in folders:
        folder.rename(folder.with_name(f"later-{folder.name}"))
    other = database.memory()
    while folders:
        for folder in (folders.pop() for _ in range(min(2, len(folders)))):
            folder.with_name(f"later-{folder.name}").rename(folder)
        load(other, feed)

    assert expected == contents(other)


def test_versions_asked_for_later_are_found_in_the_lake(connection: DuckDBPyConnection) -> None:
    plain = replace(PUMPS, keep_versions=False)
    bring(1, ("a", 1, "wet"))
    bring(2, ("a", 2, "dry"))
    load(connection, plain)
    before = connection.execute("from street.pumps").fetchall()
    load(connection, PUMPS)

    assert [("a", 1, "wet", 1, 2), ("a", 2, "dry", 2, None)] == history(connection)
    assert before == connection.execute("from street.pumps").fetchall()

    load(connection, plain)

    assert [("pumps",)] == connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'street'"
    ).fetchall()


def test_a_key_keeps_the_instant_of_its_first_landing(connection: DuckDBPyConnection) -> None:
    plain = replace(PUMPS, keep_versions=False)
    for number in (3, 5, 2, 1, 4):
        bring(number, ("a", number, "wet"))
        load(connection, plain)

    assert [(5, landed(1), landed(5))] == connection.execute(
        "select version_no, _first_landed_at, _landed_at from street.pumps"
    ).fetchall()


def gone(connection: DuckDBPyConnection) -> dict[str, int | None]:
    """Each pump, with the number of the landing that no longer had it."""
    found = connection.execute(
        f"select pump_id, _is_deleted_upstream, date_diff('hour', timestamptz '{FIRST}', _deleted_upstream_at) "
        "from street.pumps order by all"
    ).fetchall()
    assert all(is_gone == (hour is not None) for _, is_gone, hour in found)
    return {pump: hour for pump, _, hour in found}


def bring_snapshots(*snapshots: str, feed: Contract) -> None:
    """A snapshot a day: a letter is a pump, a capital one a pump whose row was bad."""
    for number, pumps in enumerate(snapshots):
        validate_by_hand(
            feed,
            MONDAY + timedelta(days=number),
            [{"pump_id": pump, "version_no": 1, "state": "wet"} for pump in pumps if pump.islower()],
            landed(number),
            [pump.lower() for pump in pumps if pump.isupper()],
        )


SNAPSHOTS = replace(PUMPS, delivery="snapshot", keep_versions=False)


@pytest.mark.parametrize(
    ("snapshots", "expected"),
    [
        (("abcd", "abc", "abc"), {"a": None, "b": None, "c": None, "d": 1}),
        (("abcd", "abc", "abcd"), {"a": None, "b": None, "c": None, "d": None}),
        (("abcd", "", "abcd"), {"a": None, "b": None, "c": None, "d": None}),
        (("abcd", "a", "abc"), {"a": None, "b": None, "c": None, "d": 2}),
        (("abcd", "a"), {"a": None, "b": None, "c": None, "d": None}),
        (("abcd", "abcD", "abcd"), {"a": None, "b": None, "c": None, "d": None}),
        (("abcd", "abc", "abcd", "abc"), {"a": None, "b": None, "c": None, "d": 3}),
        (("abcd", "", "ABCD", ""), {"a": None, "b": None, "c": None, "d": None}),
    ],
)
def test_what_a_later_snapshot_lacks_is_gone_unless_it_lacks_too_much(
    connection: DuckDBPyConnection, snapshots: tuple[str, ...], expected: dict[str, int | None]
) -> None:
    bring_snapshots(*snapshots, feed=SNAPSHOTS)
    load(connection, SNAPSHOTS)

    assert expected == gone(connection)


def test_snapshots_tell_the_same_in_whatever_order_they_are_loaded(connection: DuckDBPyConnection) -> None:
    bring_snapshots("abcd", "abc", "", "bcd", "b", "bcde", feed=SNAPSHOTS)
    folders = lake.batches("validated")
    for folder in folders:
        folder.rename(folder.with_name(f"later-{folder.name}"))
    for folder in (folders[3], folders[5], folders[0], folders[4], folders[2], folders[1]):
        folder.with_name(f"later-{folder.name}").rename(folder)
        load(connection, SNAPSHOTS)

    assert {"a": 3, "b": None, "c": None, "d": None, "e": None} == gone(connection)


def test_a_floor_of_its_own_decides_what_is_too_small(connection: DuckDBPyConnection) -> None:
    bring_snapshots("abcd", "abc", feed=SNAPSHOTS)
    load(connection, replace(SNAPSHOTS, snapshot_floor=0.8))

    assert {"a": None, "b": None, "c": None, "d": None} == gone(connection)


def test_of_what_has_a_row_a_snapshot_all_rows_are_gone_once_it_is(connection: DuckDBPyConnection) -> None:
    day = column("snapshot_on", "DATE", required=True, is_key=True, constant="window_last_day")
    feed = replace(SNAPSHOTS, columns=(SNAPSHOTS.columns[0], day, *SNAPSHOTS.columns[1:]))
    for number, pumps in enumerate(("abc", "ab", "a")):
        on = MONDAY + timedelta(days=number)
        bad = [f"b/{on}"] if number == 2 else []
        rows = [{"pump_id": pump, "snapshot_on": on, "version_no": 1} for pump in pumps]
        validate_by_hand(feed, on, rows, landed(number), bad)
    load(connection, feed)

    assert [("a", 3, 0), ("b", 2, 0), ("c", 1, 1)] == connection.execute(
        "select pump_id, count(*), count(*) filter (_is_deleted_upstream) from street.pumps group by all order by all"
    ).fetchall()


def test_an_empty_table_of_an_older_contract_gets_the_columns_of_todays(
    connection: DuckDBPyConnection,
) -> None:
    load(connection, replace(PUMPS, columns=PUMPS.columns[:2]))
    load(connection)
    names = [name for name, *_ in connection.execute("describe street.pumps").fetchall()]

    assert "state" in names


def test_what_the_channel_keeps_of_itself_is_what_its_contracts_say() -> None:
    connection = database.memory()
    operations.prepare(connection)
    for promised in contract.load_operations():
        kept = connection.execute(f"describe {promised.table}").fetchall()
        assert [(column.name, column.required) for column in promised.columns] == [
            (name, null == "NO") for name, _, null, *_ in kept
        ]
