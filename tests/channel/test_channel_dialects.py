"""The same devices told in two dialects, NGSI-LD and GB/T 28181 XML in GB2312, end as the same rows."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from channel_days import CITY, DAYS, land, set_clock

from pipelines import lake, run
from pipelines.receipt import Receipt
from pipelines.samplecity import answerkey

FEED = "street_video_devices"


def judged(address: str, server: str, monkeypatch: pytest.MonkeyPatch) -> Receipt:
    monkeypatch.setenv("URBANBRAIN_SERVER", server)
    set_clock(address, DAYS[0])
    return Receipt.read(Path(run.gate(land(FEED))))


def kept(receipt: Receipt) -> list[tuple]:
    rows = receipt.batch.folder("validated") / lake.ROWS
    return duckdb.sql(
        f"from read_parquet('{rows}', hive_partitioning = false) order by _row_number"
    ).fetchall()


def test_a_catalogue_in_xml_ends_as_the_same_rows(
    address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker, catalogue = (judged(address, server, monkeypatch) for server in ("sample", "catalogue"))
    window = catalogue.window
    key = answerkey.answer_key(CITY, FEED, window.start, window.end, catalogue.landed_at).to_pylist()

    assert kept(broker) == kept(catalogue)
    assert broker.rules == catalogue.rules
    assert catalogue.quarantined == sum(row["outcome"] == "quarantined" for row in key)
    assert catalogue.refused == sum(row["outcome"] == "refused" for row in key) > 0
