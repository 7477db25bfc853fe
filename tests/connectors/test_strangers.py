"""Every connector against servers that misbehave: no row is lost, none is doubled, or a FeedError says why."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from platforms import SOURCES, City, ckan, keyset, open311, socrata, things

from pipelines.connectors.dialects import DIALECTS
from pipelines.contract.model import Server
from pipelines.errors import FeedError

ROWS = 20
Misbehave = Callable[[City, Any], None]


def new(number: int) -> dict[str, Any]:
    return {"no": f"N{number:04d}", "名称": "new", "at": {"x": 0}}


def lowers_its_cap(city: City, asked: Any) -> None:
    city.cap = 2 if asked.number > 2 else 1000


def reorders(city: City, asked: Any) -> None:
    random.Random(asked.number).shuffle(city.rows)


def reorders_once(city: City, asked: Any) -> None:
    if asked.number == 3:
        city.rows.reverse()


def inserts_in_front(city: City, asked: Any) -> None:
    if asked.number in (2, 3):
        city.rows = [new(asked.number), *city.rows]


def inserts_in_front_all_the_time(city: City, asked: Any) -> None:
    city.rows = [new(asked.number), *city.rows]


def inserts_at_the_end(city: City, asked: Any) -> None:
    if asked.number in (2, 4):
        city.rows = [*city.rows, {**new(asked.number), "no": f"U{asked.number:04d}"}]


def deletes_in_front(city: City, asked: Any) -> None:
    if asked.number in (2, 3):
        city.rows = city.rows[1:]


def deletes_at_the_end(city: City, asked: Any) -> None:
    if asked.number == 3:
        city.rows = city.rows[:-2]


def deletes_and_inserts(city: City, asked: Any) -> None:
    """The total stays, so that only the rows themselves can tell."""
    if asked.number == 2:
        city.rows = [*city.rows[1:], {**new(1), "no": "U0001"}]


def moves_a_changed_row_to_the_end(city: City, asked: Any) -> None:
    if asked.number == 2:
        city.rows = [*city.rows[1:], {**city.rows[0], "名称": "changed"}]


MISBEHAVIOURS = [
    lowers_its_cap,
    reorders,
    reorders_once,
    inserts_in_front,
    inserts_in_front_all_the_time,
    inserts_at_the_end,
    deletes_in_front,
    deletes_at_the_end,
    deletes_and_inserts,
    moves_a_changed_row_to_the_end,
]


@pytest.mark.parametrize("misbehave", MISBEHAVIOURS, ids=lambda each: each.__name__)
def test_no_row_is_lost_and_none_doubled(city: City, misbehave: Misbehave) -> None:
    city.rows = things(ROWS)
    city.before_each = lambda asked: misbehave(city, asked)
    stayed = {row["no"] for row in things(ROWS)}

    try:
        city.pull()
    except FeedError as error:
        assert "city_things: http" in str(error)
        assert error.next_step
        return

    seen = [row["no"] for row in city.received]
    stayed &= {row["no"] for row in city.rows}
    assert set() == stayed - set(seen)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize("number", range(1, 9))
def test_a_page_sent_again_is_noticed_wherever_it_comes(city: City, number: int) -> None:
    city.rows = things(ROWS)
    honest = city.source.answer
    kept: list[Any] = []

    def repeat(asked: Any) -> Any:
        kept.append(honest(asked))
        return kept[-2] if asked.number == number + 1 else kept[-1]

    city.source.answer = repeat
    try:
        city.pull()
    except FeedError:
        return

    assert things(ROWS) == sorted(city.received, key=lambda row: row["no"])


@pytest.mark.parametrize("number", [2, 3, 5])
def test_a_token_that_runs_out_is_renewed_and_the_pull_goes_on_from_there(
    city: City, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    city.rows = things(ROWS)
    monkeypatch.setenv("URBANBRAIN_SECRET_HOTLINE", "first")
    city.server = replace(city.server, secret="hotline")
    honest = city.source.answer
    good = {"token": "Bearer first"}

    def guarded(asked: Any) -> Any:
        if asked.number == number:
            good["token"] = "Bearer second"
            monkeypatch.setenv("URBANBRAIN_SECRET_HOTLINE", "second")
        if asked.headers["Authorization"] != good["token"]:
            return city.source.reply(b"expired", status=401)
        return honest(asked)

    city.source.answer = guarded
    pulled = city.pull()

    assert things(ROWS) == city.received
    assert ["the token ran out on the way and was renewed, 1 time(s)"] == pulled.warnings
    refused, again = city.source.asked[number - 1 : number + 1]
    assert refused.query == again.query


def test_a_token_that_stays_refused_stops_the_pull(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANBRAIN_SECRET_HOTLINE", "first")
    city.server = replace(city.server, secret="hotline")
    honest = city.source.answer
    city.source.answer = lambda asked: honest(asked) if asked.number < 2 else city.source.reply(status=401)

    with pytest.raises(FeedError, match=r"page 2\) answered 401.*ran out on the way") as error:
        city.pull()
    assert not error.value.retry
    assert 3 == len(city.source.asked)


def test_a_total_that_is_only_a_guess_is_none(make: Any) -> None:
    city = make(ckan, things(ROWS))
    honest = city.source.answer

    def guess(asked: Any) -> Any:
        reply = honest(asked)
        body = reply.body.replace(b'"total": 20', b'"total": 17, "total_was_estimated": true')
        return replace(reply, body=body)

    city.source.answer = guess
    pulled = city.pull()

    assert things(ROWS) == city.received
    assert pulled.reported_total is None


def test_socrata_is_always_asked_for_an_order(make: Any) -> None:
    """Without $order its pages are not even in the same order among themselves."""
    city = make(socrata, things(ROWS))

    def unordered(asked: Any) -> None:
        if "$order" not in asked.query:
            random.Random(asked.number).shuffle(city.rows)

    city.before_each = unordered
    city.pull()

    assert things(ROWS) == city.received
    assert {":id"} == {asked.query["$order"] for asked in city.source.asked}


def test_a_keyset_that_starts_anew_does_not_go_round_for_ever(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores the key sends its first page for ever."""
    city = make(keyset, things(ROWS))
    honest = city.source.answer
    first: list[Any] = []

    def deaf(asked: Any) -> Any:
        first.append(honest(asked))
        return first[0]

    city.source.answer = deaf

    with pytest.raises(FeedError, match="very records of one before it"):
        city.pull()
    assert len(city.source.asked) <= 8


# --- Open311: the first 1,000 requests of at most 90 days, without a word about the rest

END = datetime(2026, 11, 18, 16, tzinfo=UTC)
"""When the window of these tests ends; it opens a day, and what is looked back, before."""
LOOK_BACK = timedelta(days=180)
START = END - timedelta(days=1) - LOOK_BACK


class Requests:
    """An Open311 server with a request every so often; what it does about pages is up to the test."""

    def __init__(self, source: Any, every: timedelta, pages: str) -> None:
        self.pages = pages
        self.longest = timedelta()
        self.rows = [
            {"service_request_id": f"R{number:06d}", "at": (START + every * number).isoformat()}
            for number in range(int((END - START) / every) + 50)
        ]
        self._reply = source.reply
        source.answer = self.answer

    def answer(self, asked: Any) -> Any:
        start, end = (datetime.fromisoformat(asked.query[name]) for name in ("start_date", "end_date"))
        self.longest = max(self.longest, end - start)
        found = [row for row in self.rows if start <= datetime.fromisoformat(row["at"]) <= end]
        size, number = int(asked.query["page_size"]), int(asked.query["page"])
        if self.pages == "unknown":
            return self._reply.of(found[:1000])
        if self.pages == "within the cap":
            found = found[:1000]
        return self._reply.of(found[(number - 1) * size :][:size])


def ask(source: Any, **more: Any) -> Server:
    form = "%Y-%m-%dT%H:%M:%S+00:00"
    query = {"start_date": f"{{start:{form}}}", "end_date": f"{{end:{form}}}"}
    return Server("sample", f"{source.url}/requests.json", "open311", query=query, **more)


@pytest.mark.parametrize("pages", ["unknown", "within the cap", "honest"])
@pytest.mark.parametrize("page_size", [400, 1000])
@pytest.mark.parametrize("minutes", [240, 60])
def test_an_answer_filled_to_the_brim_is_asked_for_in_halves(
    source: Any, fetch: Any, pages: str, page_size: int, minutes: int
) -> None:
    city = Requests(source, timedelta(minutes=minutes), pages)

    contents, pulled = fetch(ask(source, page_size=page_size), timezone="UTC", look_back=LOOK_BACK)

    seen = [row["service_request_id"] for content in contents for row in json.loads(content)]
    expected = [row["service_request_id"] for row in city.rows if row["at"] <= END.isoformat()]
    assert expected == sorted(set(seen))
    seams = len(seen) - len(set(seen))
    assert seams <= 16  # a request on a seam comes twice, byte for byte; staging sets it aside
    assert city.longest <= timedelta(days=90)
    assert pulled.rows == len(seen)


def test_an_answer_that_cannot_be_asked_for_in_halves_is_refused(source: Any, fetch: Any) -> None:
    Requests(source, timedelta(seconds=40), "unknown")
    server = ask(source, page_size=1000)
    coarse = {name: value.replace("%H:%M:%S", "00:00:00") for name, value in server.query.items()}

    with pytest.raises(FeedError, match="sent exactly 1,000 rows, all it ever sends at once") as error:
        fetch(replace(server, query=coarse), timezone="UTC")
    assert not error.value.retry


def test_a_server_without_pages_is_read_as_it_is(make: Any) -> None:
    city = make(open311, things(7))
    city.source.answer = lambda asked: city.source.reply.of(city.rows)

    pulled = city.pull()

    assert (7, 2) == (pulled.rows, pulled.passes)
    assert things(7) == city.received


def test_every_connector_is_met_here() -> None:
    whole = {name for name, dialect in DIALECTS.items() if dialect.paging in ("single", "daily")}
    assert set(DIALECTS) - whole == {dialect.__name__ for dialect in SOURCES}
