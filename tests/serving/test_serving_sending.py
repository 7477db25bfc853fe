"""Rows go to PostgreSQL in small pieces, read ahead: none is lost, none comes twice, and what fails is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import duckdb
import pyarrow
import pytest
from postgres_server import Server

from pipelines import serving
from pipelines.errors import WarehouseError
from pipelines.serving import sending


def reader(*batches: pyarrow.RecordBatch) -> pyarrow.RecordBatchReader:
    return pyarrow.RecordBatchReader.from_batches(batches[0].schema, batches)


def batch_of(*texts: str | None) -> pyarrow.RecordBatch:
    return pyarrow.record_batch({"text": pyarrow.array(texts, pyarrow.string())})


@pytest.mark.parametrize("length", [0, 1, 1_000, 100_000])
def test_pieces_hold_the_same_rows_in_the_same_order_and_little_each(length: int) -> None:
    batches = [batch_of(*(f"{number}{'x' * length}" for number in range(200))), batch_of(), batch_of(None)]
    with sending.side_by_side(reader(*batches)) as sent:
        pieces = list(sent)

    assert pyarrow.Table.from_batches(batches) == pyarrow.Table.from_batches(pieces)
    assert all(piece.num_rows <= 16 or len(piece.column(0)) * length <= 128 * 1024 for piece in pieces)


def test_a_table_without_rows_has_its_columns() -> None:
    with sending.side_by_side(reader(batch_of())) as sent:
        assert batch_of().schema == sent.schema
        assert [] == list(sent)


def test_nobody_goes_on_reading_for_who_stopped_listening() -> None:
    read = []

    def batches() -> Iterator[pyarrow.RecordBatch]:
        for number in range(100):
            read.append(number)
            yield batch_of(str(number))

    before = set(threading.enumerate())
    with sending.side_by_side(pyarrow.RecordBatchReader.from_batches(batch_of().schema, batches())) as sent:
        sent.read_next_batch()

    assert len(read) <= 3
    assert set() == set(threading.enumerate()) - before


def test_many_rows_arrive_as_they_were(server: Server, empty: str) -> None:
    rows = "select i, hash(i) % 1000 / 7.0 as share, repeat('字', (i % 50)::int) as text, if(i % 3 = 0, null, i) as odd from range(50000) as rows(i)"
    with duckdb.connect() as connection, serving.connected(server.dsn(database=empty)) as session:
        session.run(
            "create schema many",
            "create table many.many (i bigint, share double precision, text text, odd bigint)",
        )
        assert 50_000 == session.fill("many", "many", connection.execute(rows).to_arrow_reader(10_000))
        found = session.rows("select sum(i), sum(length(text)), sum(odd), sum(share::numeric) from many.many")
        expected = connection.execute(
            f"select sum(i), sum(length(text)), sum(odd), sum(share::decimal(30, 12)) from ({rows})"
        ).fetchone()

        assert expected is not None
        assert [str(each) for each in expected[:3]] == [str(each) for each in found[0][:3]]
        assert float(expected[3]) == pytest.approx(float(found[0][3]))


def test_rows_that_cannot_be_read_leave_the_table_empty(server: Server, empty: str) -> None:
    rows = "select if(i = 600000, error('the file broke off at 13912345678'), i) as i from range(700000) as rows(i)"
    # Of several threads one breaks off and interrupts the others, and now and then DuckDB tells of the interruption.
    with (
        duckdb.connect(config={"threads": 1}) as connection,
        serving.connected(server.dsn(database=empty)) as session,
    ):
        session.run("create schema broken", "create table broken.broken (i bigint)")
        session.commit()
        with pytest.raises(
            WarehouseError, match=r"rows of broken cannot be read: .*the file broke off"
        ) as told:
            session.fill("broken", "broken", connection.execute(rows).to_arrow_reader(10_000))

        assert [(0,)] == session.rows("select count(*) from broken.broken")
    assert "13912345678" not in str(told.value)
