"""What offices delete without a word: a census finds all of it and nothing else, and the figures follow, told as such."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest
import requests

from pipelines import lake, run
from pipelines.samplecity import City, answerkey, server
from pipelines.samplecity.world import BEIJING

SMALL = City(scale=0.3)
FEED = "street_steward_requests"
DAYS = [SMALL.first_day + timedelta(days=number) for number in range(3)]


def at(day: date) -> str:
    return f"{day + timedelta(days=1)}T00:40:00+08:00"


def gone_here() -> set[str]:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        found = connection.execute(
            "select request_id from street.steward_requests where _is_deleted_upstream"
        )
        return {name for (name,) in found.fetchall()}


def known_here() -> set[str]:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        return {
            name
            for (name,) in connection.execute("select request_id from street.steward_requests").fetchall()
        }


@pytest.mark.long
def test_a_census_finds_what_the_office_deleted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with server.running(SMALL) as address:
        monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", address)

        def set_clock(instant: str) -> None:
            assert requests.put(f"{address}/clock", json={"now": instant}, timeout=300).ok

        set_clock(at(DAYS[2]))
        run.run(FEED, DAYS[2], as_of=at(DAYS[2]))
        later = SMALL.cleaned_at.replace(tzinfo=BEIJING) + timedelta(hours=3)
        set_clock(later.isoformat())
        census = run.gate(run.ask_again(FEED, "census", later.isoformat()))
        run.load()
        truth = set(answerkey.gone(SMALL, FEED, later).column("record_id").to_pylist())

        assert truth & known_here()
        assert truth & known_here() == gone_here()
        assert census == run.gate(run.ask_again(FEED, "census", later.isoformat()))
        # Asked for its last days only, the source tells nothing of what is gone, and of what is there nothing else.
        run.gate(run.ask_again(FEED, "re_pull", later.isoformat()))
        run.load()
        assert truth & known_here() == gone_here()
        run.check()
