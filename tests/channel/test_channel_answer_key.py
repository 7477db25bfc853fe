"""Every planted defect is found with the right rule, and no clean row is quarantined."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
from channel_days import CITY, DAYS, FEEDS, Channel, feeds_by_id, owed, pulled_at
from histories import NEWEST_ONLY
from odd_spellings import odd_spellings

from pipelines import flags, lake
from pipelines.receipt import Receipt
from pipelines.samplecity import answerkey
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.source import Source

PLANTS = [source for source in SOURCES if source.defects]
UNTOLD = (":filled_down", ":community_moved", ":community_elsewhere", ":before_operating", ":centroid")
Fate = tuple[str, tuple[str, ...]]


def receipts(channel: Channel, feed_id: str) -> dict[date, Receipt]:
    """The receipt of each day of a feed."""
    found = [Receipt.read(folder) for folder in channel.folders]
    return {
        receipt.landed_at.astimezone(pulled_at(DAYS[0]).tzinfo).date(): receipt
        for receipt in found
        if receipt.feed_id == feed_id
    }


def labelled(feed_id: str, receipt: Receipt) -> dict[int, Fate]:
    """What the answer key says becomes of each row that is not simply valid."""
    window = receipt.window
    key = answerkey.answer_key(CITY, feed_id, window.start, window.end, receipt.landed_at).to_pylist()
    return {
        row["row_number"]: (row["outcome"], tuple(sorted(row["rules"])))
        for row in key
        if row["outcome"] != "flagged"
    }


def labelled_flags(feed_id: str, receipt: Receipt) -> dict[int, set[str]]:
    """What the answer key says must stand in `_dq_flags` of each row that is taken."""
    window = receipt.window
    key = answerkey.answer_key(CITY, feed_id, window.start, window.end, receipt.landed_at).to_pylist()
    return {row["row_number"]: set(row["flags"]) for row in key if row["outcome"] == "flagged"}


def found_flags(receipt: Receipt) -> dict[int, set[str]]:
    """What stands in `_dq_flags` of each validated row that has any."""
    found = rows(receipt.batch.folder("validated"), lake.ROWS, "_row_number, _dq_flags")
    return {number: set(words) for number, words in found if words}


def rows(folder: Path, name: str, columns: str) -> list[tuple]:
    return duckdb.sql(f"select {columns} from read_parquet('{folder / name}')").fetchall()


def found(receipt: Receipt) -> dict[int, Fate]:
    """What became of each row that is not validated."""
    quarantine = rows(
        receipt.batch.folder("quarantine"), lake.ROWS, "_row_number, [reason.rule for reason in reasons]"
    )
    aside = rows(receipt.batch.folder("validated"), lake.SET_ASIDE, "_row_number, outcome")
    fates: dict[int, Fate] = {number: ("quarantined", tuple(sorted(rules))) for number, rules in quarantine}
    return fates | {number: (outcome, ()) for number, outcome in aside}


@pytest.mark.parametrize("feed_id", FEEDS)
def test_quarantine_equals_the_answer_key(at_channel: Channel, feed_id: str) -> None:
    days = receipts(at_channel, feed_id)

    assert [day for day in DAYS if owed(day, [feed_id])] == [day - timedelta(days=1) for day in sorted(days)]
    assert days
    for receipt in days.values():
        assert labelled(feed_id, receipt) == found(receipt)


@pytest.mark.parametrize("feed_id", FEEDS)
def test_flags_equal_the_answer_key(at_channel: Channel, feed_id: str) -> None:
    """Every row that was mended says so, and no other; a planted warning is among those that were raised."""
    feed = feeds_by_id()[feed_id]
    for receipt in receipts(at_channel, feed_id).values():
        window = receipt.window
        labelled, found = labelled_flags(feed_id, receipt), found_flags(receipt)
        wire = answerkey.served(CITY, feed_id, window.start, window.end, receipt.landed_at)
        numbers = {number for (number,) in rows(receipt.batch.folder("validated"), lake.ROWS, "_row_number")}
        expected = {number: set(words) for number, words in labelled.items()}
        for number, words in odd_spellings(feed, wire).items():
            if number in numbers:
                expected.setdefault(number, set()).update(words)

        assert _mended(expected) == _mended(found)
        for number, planted in labelled.items():
            assert planted <= found[number]


def _mended(found: dict[int, set[str]]) -> dict[int, set[str]]:
    """Without what the writer of a sheet does to runs of equal values, and without what areas are found by."""
    mended = {
        number: {word for word in words if flags.is_mended(word) and not word.endswith(UNTOLD)}
        for number, words in found.items()
    }
    return {number: words for number, words in mended.items() if words}


@pytest.mark.parametrize("source", PLANTS, ids=lambda source: source.feed_id)
def test_every_kind_of_defect_the_city_plants_was_met(at_channel: Channel, source: Source) -> None:
    planted = {word for kind in source.defects for word in (*kind.rules, *kind.flags)}
    fired = {
        word
        for receipt in receipts(at_channel, source.feed_id).values()
        for words in (*(rules for _, rules in found(receipt).values()), *found_flags(receipt).values())
        for word in words
    }

    assert planted
    assert set() == planted - fired


def kept(receipt: Receipt, feed_id: str) -> list[int]:
    """Numbers of the rows that were validated, those that were summed up included."""
    numbers = "unnest(_row_numbers)" if feeds_by_id()[feed_id].is_reduced else "_row_number"
    return [number for (number,) in rows(receipt.batch.folder("validated"), lake.ROWS, numbers)]


@pytest.mark.parametrize("feed_id", FEEDS)
def test_each_row_received_is_in_exactly_one_place(at_channel: Channel, feed_id: str) -> None:
    for receipt in receipts(at_channel, feed_id).values():
        validated, quarantine = receipt.batch.folder("validated"), receipt.batch.folder("quarantine")
        places = kept(receipt, feed_id) + [
            number
            for folder, name in ((validated, lake.SET_ASIDE), (quarantine, lake.ROWS))
            for (number,) in rows(folder, name, "_row_number")
        ]

        assert list(range(1, receipt.received + 1)) == sorted(places)


@pytest.mark.parametrize("feed_id", FEEDS)
def test_receipts_count_what_is_in_the_files(at_channel: Channel, feed_id: str) -> None:
    for receipt in receipts(at_channel, feed_id).values():
        fates = [outcome for outcome, _ in found(receipt).values()]
        validated = len(kept(receipt, feed_id))

        assert (receipt.validated, receipt.quarantined, receipt.duplicate, receipt.refused) == (
            validated,
            fates.count("quarantined"),
            fates.count("duplicate"),
            fates.count("refused"),
        )
        assert receipt == Receipt.read(receipt.batch.folder("validated"))


def test_the_row_equation_holds_for_every_batch(at_channel: Channel) -> None:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        differences = connection.execute(
            "select * from ops.batches where received <> validated + quarantined + duplicate + refused "
            "or validated <> inserted + updated + unchanged + stale"
        ).fetchall()
        batches = connection.execute("select count(*), sum(quarantined), sum(received) from ops.batches")
        count, quarantined, received = batches.fetchone() or ()
        kept = connection.execute("select count(*) from ops.quarantine").fetchone() or ()

        assert [] == differences
        assert sum(len(owed(day)) for day in DAYS) == count
        assert (quarantined,) == kept
        assert received > quarantined > 0
        for feed in feeds_by_id().values():
            inserted = connection.execute(
                "select sum(inserted)::bigint from ops.batches where feed_id = ?", [feed.feed_id]
            ).fetchone()
            counted = "sum(sample_count)::bigint" if feed.is_reduced else "count(*)"
            assert inserted == connection.execute(f"select {counted} from {feed.table}").fetchone()


@pytest.mark.parametrize("feed_id", FEEDS)
def test_the_table_holds_the_newest_valid_version_of_every_key(at_channel: Channel, feed_id: str) -> None:
    """The same answer from all validated files at once, without batches and their order."""
    feed = feeds_by_id()[feed_id]
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        parts = [
            f"select *, '{receipt.batch_id}' as _batch_id, timestamptz '{receipt.window.end}' as _window_end, "
            f"timestamptz '{receipt.landed_at}' as _landed_at from "
            f"read_parquet('{receipt.batch.folder('validated') / lake.ROWS}')"
            for receipt in receipts(at_channel, feed_id).values()
        ]
        # Of snapshots the later is the truth, whatever its rows say of themselves. What they mark as gone is
        # looked at elsewhere.
        versions = ("_window_end",) if feed.is_snapshot else (*feed.version_columns, "_window_end")
        newest = ", ".join(f"{name} desc" for name in (*versions, "_row_number"))
        names = ", ".join(
            name
            for (name,) in connection.execute(f"select column_name from (describe {feed.table})").fetchall()
            if name not in NEWEST_ONLY
        )
        expected = (
            f"select {names} from (select *, min(_landed_at) over (partition by {', '.join(feed.key)}) "
            f"as _first_landed_at from ({' union all by name '.join(parts)})) "
            f"qualify row_number() over (partition by {', '.join(feed.key)} order by {newest}) = 1"
        )
        found = f"select {names} from {feed.table}"
        for one, other in ((expected, found), (found, expected)):
            assert [] == connection.execute(f"({one}) except ({other})").fetchall()
