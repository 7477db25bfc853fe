"""One request: how long, how often, how far and how much."""

from __future__ import annotations

import gzip
import io
import logging
import pickle
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from pipelines.connectors import session
from pipelines.connectors.dialects import DIALECTS
from pipelines.contract.model import CONNECTORS, Server
from pipelines.errors import ContractError, FeedError, FeedUnavailable, SettingError

CSV = b"a,b\n1,2\n"


@pytest.fixture
def server(source: Any) -> Server:
    return Server("sample", f"{source.url}/cases.csv", "file", {"from": "secret-value"}, format="csv")


def test_a_file_is_kept_as_it_came(source: Any, server: Server, fetch: Any) -> None:
    headers = {"ETag": '"1"', "Content-Type": "text/csv; charset=GB18030"}
    source.answer = lambda asked: source.reply(CSV, headers=headers)

    contents, pulled = fetch(server)

    assert [CSV] == contents
    assert ('"1"', "gb18030", "text/csv") == (pulled.etag, pulled.charset, pulled.content_type)
    assert f"{source.url}/cases.csv" == pulled.source
    assert pulled.rows is None


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_waiting_may_cure_is_asked_for_four_times(
    source: Any, server: Server, fetch: Any, status: int, pauses: list[float]
) -> None:
    source.answer = lambda asked: source.reply(status=status)

    with pytest.raises(FeedUnavailable, match=f"answered {status}, 4 times in a row"):
        fetch(server)
    assert 4 == len(source.asked)
    assert 3 == len(pauses)
    assert pauses == sorted(pauses)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 501])
def test_what_waiting_does_not_cure_is_asked_for_once(
    source: Any, server: Server, fetch: Any, status: int
) -> None:
    source.answer = lambda asked: source.reply(status=status)

    with pytest.raises(FeedError, match=f"answered {status}") as error:
        fetch(server)
    assert not error.value.retry
    assert 1 == len(source.asked)


def test_retry_after_may_be_a_date_and_is_never_longer_than_a_minute(
    source: Any, server: Server, fetch: Any, pauses: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2026, 11, 18, 0, 40, tzinfo=tz)

    monkeypatch.setattr(session, "datetime", Stopped)
    soon = format_datetime(Stopped.now(UTC) + timedelta(seconds=30), usegmt=True)
    source.faults = {
        1: source.reply(status=503, headers={"Retry-After": soon}),
        2: source.reply(status=429, headers={"Retry-After": "86400"}),
        3: source.reply(status=429, headers={"Retry-After": "soon"}),
    }
    source.answer = lambda asked: source.reply(CSV)

    fetch(server)

    assert [30, 60] == pauses[:2]
    assert pauses[2] <= 4


def test_a_silent_source_is_given_up(
    source: Any, server: Server, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "READ_SECONDS", 0.05)
    source.answer = lambda asked: source.reply(CSV, wait=300)

    with pytest.raises(FeedUnavailable, match="did not answer within"):
        fetch(server)


def test_a_source_that_drips_is_given_up(
    source: Any, server: Server, fetch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "ANSWER_SECONDS", 0.1)
    source.answer = lambda asked: source.reply(b"a" * 1000, drip=0.02)

    with pytest.raises(FeedUnavailable, match="for one answer"):
        fetch(server)


def test_a_dead_source_is_worth_a_retry(server: Server, fetch: Any) -> None:
    with pytest.raises(FeedUnavailable, match="refused or broke the connection"):
        fetch(replace(server, location="http://127.0.0.1:9/cases.csv"))


def test_a_body_cut_short_is_asked_for_again_and_never_kept(source: Any, server: Server, fetch: Any) -> None:
    source.faults = {1: source.reply(CSV[:4], length=len(CSV))}
    source.answer = lambda asked: source.reply(CSV)

    contents, pulled = fetch(server)

    assert [CSV] == contents
    assert 1 == pulled.failures


def test_a_body_always_cut_short_is_an_error(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(CSV[:4], length=len(CSV))

    with pytest.raises(FeedUnavailable, match=r"4 times in a row"):
        fetch(server)


def test_a_file_without_its_trailer_was_cut_short(source: Any, server: Server, fetch: Any) -> None:
    server = replace(server, trailer="#rows=", encoding="gb18030")
    source.faults = {1: source.reply("编号\n1\n".encode("gb18030"))}
    source.answer = lambda asked: source.reply("编号\n1\n#rows=1\r\n".encode("gb18030"))

    contents, pulled = fetch(server)

    assert 1 == pulled.failures
    assert 1 == pulled.reported_total
    assert 1 == len(contents)


def test_half_a_workbook_is_not_kept(source: Any, server: Server, fetch: Any) -> None:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>" * 100)
    whole = memory.getvalue()
    source.faults = {1: source.reply(whole[: len(whole) // 2])}
    source.answer = lambda asked: source.reply(whole)

    contents, _ = fetch(replace(server, format="xlsx"))

    assert [whole] == contents


def test_a_body_larger_than_allowed_is_refused_while_it_arrives(
    source: Any, server: Server, fetch: Any
) -> None:
    source.answer = lambda asked: source.reply(b"x" * 2_000_000)

    with pytest.raises(FeedError, match="sent more than 1,000 bytes"):
        fetch(replace(server, max_bytes=1000))


def test_a_decompression_bomb_is_refused(source: Any, server: Server, fetch: Any) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    source.answer = lambda asked: source.reply(bomb, headers={"Content-Encoding": "gzip"})

    with pytest.raises(FeedError, match="sent more than 1,000,000 bytes"):
        fetch(replace(server, max_bytes=1_000_000))


def test_compressed_transfer_is_undone(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(gzip.compress(CSV), headers={"Content-Encoding": "gzip"})

    contents, _ = fetch(server)

    assert [CSV] == contents


def test_redirects_stay_with_the_source(source: Any, server: Server, fetch: Any) -> None:
    source.faults = {1: source.reply(status=302, headers={"Location": "/moved.csv"})}
    source.answer = lambda asked: source.reply(CSV)

    contents, _ = fetch(server)

    assert [CSV] == contents
    assert "/moved.csv" == source.asked[1].path


@pytest.mark.parametrize("target", ["http://localhost:9/x", "https://127.0.0.1/x", "//evil.example/x"])
def test_redirects_to_a_stranger_are_refused(source: Any, server: Server, fetch: Any, target: str) -> None:
    source.answer = lambda asked: source.reply(status=302, headers={"Location": target})

    with pytest.raises(FeedError, match="redirects to another origin"):
        fetch(server)


def test_redirects_in_a_circle_end(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(status=302, headers={"Location": "/cases.csv"})

    with pytest.raises(FeedError, match="redirects more than 5 times"):
        fetch(server)


def test_a_log_in_page_in_place_of_a_file_is_named(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(b"\n <html><body>Please log in</body></html>")

    with pytest.raises(FeedError, match="sent a web page where csv was expected"):
        fetch(server)


def test_an_empty_body_is_not_an_empty_file(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(b"")

    with pytest.raises(FeedUnavailable, match="nothing in it"):
        fetch(server)


def test_no_content_is_an_empty_file(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(status=204)

    contents, pulled = fetch(server)

    assert [b""] == contents
    assert 0 == pulled.rows


def test_json_files_are_counted_where_their_records_are_known(
    source: Any, server: Server, fetch: Any
) -> None:
    source.answer = lambda asked: source.reply.of({"features": [{}, {}]})
    _, geojson = fetch(replace(server, format="geojson"))
    _, json = fetch(replace(server, format="json"))
    _, named = fetch(replace(server, format="json", records="features"))

    assert [2, None, 2] == [geojson.rows, json.rows, named.rows]


def test_no_message_and_no_log_shows_a_query_or_a_secret(
    source: Any,
    server: Server,
    fetch: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("URBANBRAIN_SECRET_HOTLINE", "secret-token")
    with_secrets = replace(
        server, secret="hotline", location=source.url.replace("http://", "http://user:secret-word@") + "/x"
    )
    answers = [
        source.reply(status=500),
        source.reply(status=404),
        source.reply(b"secret-body", length=900),
        source.reply(status=302, headers={"Location": "http://secret-host/"}),
    ]
    for answer in answers:
        source.answer = lambda asked, answer=answer: answer
        with pytest.raises(FeedError) as error:
            fetch(with_secrets)
        assert "secret" not in str(error.value)
        assert error.value.__cause__ is None
        assert str(error.value) == str(pickle.loads(pickle.dumps(error.value)))  # noqa: S301
    with pytest.raises(FeedUnavailable) as refused:
        fetch(replace(with_secrets, location="http://127.0.0.1:9/x"))
    assert "secret" not in str(refused.value) + caplog.text


def test_a_netrc_file_does_not_override_the_contract(
    source: Any, server: Server, fetch: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    source.answer = lambda asked: source.reply(CSV)

    fetch(server)

    assert "Authorization" not in source.asked[0].headers


def test_a_missing_secret_stops_before_the_first_request(
    source: Any, server: Server, fetch: Any, tmp_path: Any
) -> None:
    with pytest.raises(SettingError, match="no_such_key"):
        fetch(replace(server, secret="no_such_key"))
    assert [] == source.asked


@pytest.mark.parametrize("location", ["ftp://host/x", "/etc/passwd", "file:///etc/passwd", "http:///x"])
def test_a_location_that_is_no_web_address_is_a_broken_contract(
    server: Server, fetch: Any, location: str
) -> None:
    with pytest.raises(ContractError, match="expected an http or https address"):
        fetch(replace(server, location=location))


def test_an_unknown_connector_is_a_broken_contract(server: Server, fetch: Any) -> None:
    with pytest.raises(ContractError, match="expected one of ckan, daily_file"):
        fetch(replace(server, connector="gopher"))


# One file for each local day.


@pytest.fixture
def daily(source: Any) -> Server:
    return Server("sample", source.url + "/air_{start:%Y%m%d}.csv", "daily_file", format="csv")


def test_each_local_day_the_window_touches_has_its_file(source: Any, daily: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(asked.path.encode())

    one, _ = fetch(daily)
    four, _ = fetch(daily, look_back=timedelta(hours=60))

    assert [b"/air_20261118.csv"] == one
    assert [f"/air_202611{day}.csv".encode() for day in (15, 16, 17, 18)] == four


def test_a_hole_between_days_is_a_warning(source: Any, daily: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(status=404) if "17" in asked.path else source.reply(CSV)

    contents, pulled = fetch(daily, look_back=timedelta(days=2))

    assert 2 == len(contents)
    assert ["the source has no file for 2026-11-17 (404)"] == pulled.warnings


def test_a_last_day_without_its_file_is_worth_another_try(source: Any, daily: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply(status=404)

    with pytest.raises(FeedUnavailable, match="no file yet for 2026-11-18"):
        fetch(daily)


def test_every_connector_a_contract_may_name_is_spoken() -> None:
    assert set(CONNECTORS) <= set(DIALECTS)


@pytest.mark.parametrize("body", [b"<r><i>1</i></r>", b"<r/>\n", b"<r></r><!-- end -->"])
def test_xml_that_ends_is_kept_and_xml_that_breaks_off_is_asked_for_again(
    source: Any, server: Server, fetch: Any, body: bytes
) -> None:
    source.faults = {1: source.reply(body[:-2])}
    source.answer = lambda asked: source.reply(body)

    contents, pulled = fetch(replace(server, format="xml", records="r.i"))

    assert [body] == contents
    assert 1 == pulled.failures


def test_a_file_that_says_how_much_it_holds_is_held_to_it(source: Any, server: Server, fetch: Any) -> None:
    source.answer = lambda asked: source.reply.of({"total": 3, "rows": [{"a": 1}, {"a": 2}]})

    with pytest.raises(FeedUnavailable, match="reports 3 rows and sent 2, 4 times in a row"):
        fetch(replace(server, format="json", records="rows", total="total"))
