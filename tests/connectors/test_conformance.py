"""What every paged connector keeps, whatever it calls its parameters."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from platforms import (
    BY_POSITION,
    SOURCES,
    WITH_TOTALS,
    City,
    ckan,
    keyset,
    next_link,
    open311,
    page,
    paged_json,
    sensor_things,
    socrata,
    things,
)  # fmt: skip

from pipelines.connectors import walking
from pipelines.errors import FeedError, FeedUnavailable


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 6, 7, 31])
def test_every_row_arrives_once_and_in_order(city: City, count: int) -> None:
    city.rows = things(count)

    pulled = city.pull()

    assert things(count) == city.received
    assert count == pulled.rows
    dialect = pulled_by(city)
    by_link = dialect in (next_link, sensor_things) and count > city.server.page_size
    is_proven = (dialect in WITH_TOTALS and not by_link) or dialect is keyset or count == 0
    assert (1 if is_proven else 2) == pulled.passes


def pulled_by(city: City) -> Any:
    return next(dialect for dialect in SOURCES if dialect.__name__ == city.server.connector)


def test_an_empty_source_leaves_one_part(city: City) -> None:
    city.rows = []

    city.pull()

    assert 1 == len(city.contents)


@pytest.mark.parametrize("cap", [1, 2])
def test_a_server_that_lowers_the_page_size_loses_no_row(city: City, cap: int) -> None:
    city.cap = cap

    city.pull()

    assert things(8) == city.received


def test_a_server_that_lowers_the_page_size_but_counts_pages_as_asked_loses_no_row(
    source: Any, make: Any
) -> None:
    rows = things(8)
    city = make(open311, rows)

    def answer(asked: Any) -> Any:
        size, number = int(asked.query["page_size"]), int(asked.query["page"])
        return source.reply.of(rows[(number - 1) * size :][: min(size, 2)])

    source.answer = answer
    city.pull()

    assert rows == city.received


def test_rows_inserted_while_paging_are_neither_missed_nor_doubled(city: City) -> None:
    def insert(asked: Any) -> None:
        if asked.number == 3:
            city.rows = [{"no": "T0000a", "名称": "new", "at": {"x": 0}}, *city.rows]

    city.before_each = insert
    city.pull()

    seen = [row["no"] for row in city.received]
    assert {row["no"] for row in things(8)} <= set(seen)
    assert len(seen) == len(set(seen))


def test_rows_deleted_while_paging_leave_no_gap(city: City) -> None:
    def delete(asked: Any) -> None:
        if asked.number == 2:
            city.rows = city.rows[1:]

    city.before_each = delete
    city.pull()

    assert {row["no"] for row in things(8)[1:]} <= {row["no"] for row in city.received}


@pytest.mark.parametrize("dialect", [*BY_POSITION, next_link], ids=lambda dialect: dialect.__name__)
def test_duplicates_of_the_source_itself_are_kept(make: Any, dialect: Any) -> None:
    city = make(dialect, [*things(4), things(1)[0], *things(6)[4:]])

    pulled = city.pull()

    assert city.rows == city.received
    assert 2 == pulled.passes
    assert ["records that come on two pages: 1; two passes agree"] == pulled.warnings


@pytest.mark.parametrize("dialect", BY_POSITION, ids=lambda dialect: dialect.__name__)
def test_a_page_sent_twice_is_recognised(make: Any, dialect: Any) -> None:
    city = make(dialect, things(8))
    held: list[Any] = []
    honest = city.source.answer

    def repeat(asked: Any) -> Any:
        if asked.number == 2:
            return held[0]
        held.append(honest(asked))
        return held[-1]

    city.source.answer = repeat
    pulled = city.pull()

    assert things(8) == city.received
    assert 2 <= pulled.passes <= 3


def test_a_source_that_ignores_the_position_is_refused(city: City) -> None:
    honest = city.source.answer
    held: list[Any] = []

    def stuck(asked: Any) -> Any:
        held.append(honest(asked))
        return held[0]

    city.source.answer = stuck

    with pytest.raises(FeedError, match=r"very records|a page already read"):
        city.pull()
    assert city.source.asked[-1].number <= 8


@pytest.mark.parametrize("lie", [-5, -3, -1, 1, 40])
@pytest.mark.parametrize("dialect", WITH_TOTALS, ids=lambda dialect: dialect.__name__)
def test_a_wrong_total_names_both_numbers(source: Any, make: Any, dialect: Any, lie: int) -> None:
    city = make(dialect, things(8))
    city.lie = lie

    with pytest.raises(FeedError, match=rf"reports {8 + lie} rows and sent \d") as error:
        city.pull()
    assert not isinstance(error.value, FeedUnavailable)


def test_a_source_that_never_holds_still_is_worth_another_try_later(source: Any, make: Any) -> None:
    city = make(ckan, things(8))

    def grow(asked: Any) -> None:
        city.rows = [{"no": f"N{asked.number}"}, *city.rows]

    city.before_each = grow

    with pytest.raises(FeedUnavailable, match="changes while it is read, 3 times"):
        city.pull()


def test_an_estimated_total_is_no_promise(source: Any, make: Any) -> None:
    rows = things(8)
    city = make(ckan, rows)

    def answer(asked: Any) -> Any:
        records = page(rows, asked, "limit", "offset", 3, by_page=False)
        result = {"records": records, "total": 900, "total_was_estimated": True}
        return source.reply.of({"success": True, "result": result})

    source.answer = answer
    pulled = city.pull()

    assert rows == city.received
    assert pulled.reported_total is None


# CKAN and NGSI-LD order by a number of their own, which an update does not move.
@pytest.mark.parametrize("dialect", [socrata, paged_json, open311], ids=lambda dialect: dialect.__name__)
def test_a_key_met_on_two_pages_in_two_versions_is_read_again(source: Any, make: Any, dialect: Any) -> None:
    """The row moved to the end while we paged: same total, one row missed, one met twice."""
    city = make(dialect, things(9))

    def move(asked: Any) -> None:
        if asked.number == 2:
            city.rows = [*city.rows[1:], {**city.rows[0], "名称": "changed"}]

    city.before_each = move
    pulled = city.pull()

    assert 9 == len({row["no"] for row in city.received}) == pulled.rows


def test_a_source_without_end_is_stopped(source: Any, make: Any) -> None:
    city = make(socrata, [])
    city.server = replace(city.server, max_bytes=1000)
    source.answer = lambda asked: source.reply.of([{"no": f"T{asked.number}-{n}"} for n in range(3)])

    with pytest.raises(FeedError, match="sent more than"):
        city.pull()


def test_pages_without_end_are_stopped(source: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "MAX_PAGES", 5)
    city = make(socrata, [])
    source.answer = lambda asked: source.reply.of([{"no": f"T{asked.number}-{n}"} for n in range(3)])

    with pytest.raises(FeedError, match="did not end after 5 pages"):
        city.pull()


def test_one_bad_answer_is_asked_for_again(city: City, pauses: list[float]) -> None:
    city.source.faults = {
        1: city.source.reply(status=500),
        2: city.source.reply(status=429, headers={"Retry-After": "7"}),
        4: city.source.reply(b'{"cut": ', headers={"Content-Type": "application/json"}),
    }

    pulled = city.pull()

    assert things(8) == city.received
    assert 3 == pulled.failures
    assert 7.0 in pauses


def test_a_log_in_page_is_named_and_not_asked_for_again(city: City) -> None:
    city.source.faults = {
        2: city.source.reply(b"<!DOCTYPE html><html>Log in</html>", headers={"Content-Type": "text/html"})
    }

    with pytest.raises(FeedError, match=r"page 2\) sent a web page .* probably to log in") as error:
        city.pull()
    assert not error.value.retry
    assert 2 == len(city.source.asked)


def test_a_token_that_expires_half_way_stops_the_pull(city: City, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANBRAIN_SECRET_HOTLINE", "s3cr3t-token")
    city.server = replace(city.server, secret="hotline")
    expired = city.source.reply(b"s3cr3t-token is no longer good", status=401)
    city.source.faults = {2: expired, 3: expired}

    with pytest.raises(FeedError, match=r"page 2\) answered 401") as error:
        city.pull()
    assert "s3cr3t" not in str(error.value)
    assert "Bearer s3cr3t-token" == city.source.asked[0].headers["Authorization"]


def test_the_window_is_told_on_the_feeds_own_clock(source: Any, make: Any) -> None:
    city = make(ckan, things(2))
    query = {"filters": '{"改": {"gte": "{start:%Y-%m-%d %H:%M:%S}", "lt": "{end:%Y-%m-%d %H:%M:%S}"}}'}
    city.server = replace(city.server, query=query)

    city.pull(look_back=timedelta(hours=72))

    expected = {"改": {"gte": "2026-11-15 00:00:00", "lt": "2026-11-19 00:00:00"}}
    assert expected == json.loads(source.asked[0].query["filters"])
    assert "_id" == source.asked[0].query["sort"]


def test_open311_windows_longer_than_ninety_days_are_split(source: Any, make: Any) -> None:
    city = make(open311, things(2))
    city.server = replace(city.server, query={"start_date": "{start:%Y-%m-%d}", "end_date": "{end:%Y-%m-%d}"})

    pulled = city.pull(look_back=timedelta(days=199))

    spans = {(asked.query["start_date"], asked.query["end_date"]) for asked in source.asked}
    expected = {
        ("2026-05-03", "2026-08-01"),
        ("2026-08-01", "2026-10-30"),
        ("2026-10-30", "2026-11-19"),
    }
    assert expected == spans
    assert 6 == pulled.rows


@pytest.mark.parametrize(
    ("body", "message", "retry"),
    [
        (
            {"success": False, "error": {"__type": "Validation Error", "message": "张三"}},
            "Validation Error",
            False,
        ),
        ({"success": False, "error": {"__type": "张三 13900000000 " * 9}}, "too long to be a code", False),
        ({"result": {}}, "its success is None", False),
        ({"success": True, "result": {"rows": []}}, "no list at 'result.records'", False),
        ([], "its success is None", False),
    ],
)
def test_an_envelope_that_says_no_is_an_error(
    source: Any, make: Any, body: Any, message: str, retry: bool
) -> None:
    city = make(ckan, [])
    source.answer = lambda asked: source.reply.of(body)

    with pytest.raises(FeedError, match=message) as error:
        city.pull()
    assert retry == error.value.retry
    assert "张三" not in str(error.value)


def test_a_server_error_inside_a_good_answer_is_worth_a_retry(source: Any, make: Any) -> None:
    city = make(paged_json, [])
    source.answer = lambda asked: source.reply.of({"code": 500, "message": "系统繁忙"})

    with pytest.raises(FeedUnavailable, match="its code is 500, 4 times in a row"):
        city.pull()


def test_a_next_link_to_a_stranger_is_not_followed(source: Any, make: Any) -> None:
    city = make(next_link, [])
    source.answer = lambda asked: source.reply.of(
        {"value": [{"no": "1"}], "next": "http://localhost:9/steal"}
    )

    with pytest.raises(FeedError, match="another origin for page 2"):
        city.pull()


def test_a_link_header_is_followed(source: Any, make: Any) -> None:
    city = make(next_link, [])
    more = {"Link": '</more>; rel="next"'}
    source.answer = lambda asked: source.reply.of(
        [{"no": asked.path}], **({} if asked.path == "/more" else more)
    )

    city.pull()

    assert [{"no": "/things"}, {"no": "/more"}] == city.received


def test_a_keyset_without_its_field_says_what_to_write(source: Any, make: Any) -> None:
    city = make(keyset, things(2))
    city.server = replace(city.server, query={})

    with pytest.raises(FeedError, match=r"city_things: http\S+ cannot be paged by key"):
        city.pull()


def test_a_keyset_without_a_value_to_go_on_from_says_so(make: Any) -> None:
    city = make(keyset, [{"no": "T1"}])
    city.server = replace(city.server, query={"after": "{last:number}"})

    with pytest.raises(FeedError, match="a last record without 'number', from which page 2 starts"):
        city.pull()


@pytest.mark.parametrize("encoding", ["gb18030", "utf-8-sig"])
def test_json_in_another_encoding_is_counted_and_kept_as_it_came(
    source: Any, make: Any, encoding: str
) -> None:
    city = make(socrata, [])
    text = json.dumps([{"编号": "乂乗亅", "名称": "{}[]乗"}], ensure_ascii=False).encode(encoding)
    source.answer = lambda asked: source.reply(text if asked.query["$offset"] == "0" else b"[]")

    pulled = city.pull()

    assert [text] == city.contents
    assert 1 == pulled.rows
