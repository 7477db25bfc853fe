"""Who is told what, how often: once a change, by a real mail server and a real webhook; and what a crash may do."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import multiprocessing
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import sinks
from arriving import arrive, arrive_daily, daily, here

from pipelines import database, notices, run, settings
from pipelines.contract.model import Contract
from pipelines.errors import SettingError, UrbanBrainError
from pipelines.notices import memory, sending
from pipelines.notices.addresses import Addressee
from pipelines.notices.message import Message
from pipelines.run import freshness as watching

FEED = daily(contract_id="street_silent", business_name="无声数据集")
SECRET_PATH = "/hooks/very-secret-token"


@pytest.fixture(autouse=True)
def one_feed(monkeypatch: pytest.MonkeyPatch) -> list[Contract]:
    """The channel has one feed; settings of the machine are nobody's."""
    feeds = [FEED]
    monkeypatch.setattr(watching, "_feeds", lambda: (feeds, []))
    monkeypatch.setenv("URBANBRAIN_NOTIFY_FROM", "brain@example.org")
    return feeds


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[tuple[sinks.Mailbox, str], tuple[sinks.Hook, str]]]:
    with sinks.mail() as mail, sinks.web() as web:
        yield mail, web


@pytest.fixture
def mailbox(servers: Any, monkeypatch: pytest.MonkeyPatch) -> sinks.Mailbox:
    (box, url), _ = servers
    monkeypatch.setenv("URBANBRAIN_SMTP", url)
    box.forget()
    return box


@pytest.fixture
def hook(servers: Any, mailbox: sinks.Mailbox, monkeypatch: pytest.MonkeyPatch) -> sinks.Hook:
    """The street's desk is told by mail and by webhook."""
    _, (found, url) = servers
    monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", f"mailto:desk@example.org, {url}{SECRET_PATH}")
    found.forget()
    return found


def changes(hook: sinks.Hook) -> list[list[str]]:
    return [[change["before"], change["after"]] for body in hook.bodies() for change in body["changes"]]


def monitor(*instants: str) -> None:
    for at in instants:
        run.notify(here(at))


def test_a_silent_feed_is_told_late_then_missing_then_well_once_each(
    home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook
) -> None:
    arrive_daily(FEED, "2026-11-16", "2026-11-17")
    monitor("2026-11-18T01:00", "2026-11-18T23:50", "2026-11-19T05:50")
    assert [] == changes(hook)
    monitor(
        "2026-11-19T06:10", "2026-11-19T06:20", "2026-11-19T23:50", "2026-11-20T00:10", "2026-11-20T12:00"
    )

    assert [["ok", "late"], ["late", "missing"]] == changes(hook)
    assert 2 == len(mailbox.mails)

    arrive_daily(FEED, "2026-11-18", "2026-11-19")
    monitor("2026-11-20T23:30", "2026-11-20T23:40", "2026-11-21T01:00")

    assert [["ok", "late"], ["late", "missing"], ["missing", "ok"]] == changes(hook)
    assert 3 == len(mailbox.mails)
    assert [["desk@example.org"]] * 3 == mailbox.recipients
    first = mailbox.mails[0]
    assert "brain@example.org" == first["From"]
    assert "urbanbrain 数据到达通知 / feeds: 1 late 迟到" == first["Subject"]
    for words in (
        "无声数据集",
        "正常 → 迟到",
        "应到 2026-11-19 06:00",
        "ok → late",
        "due 2026-11-19 06:00",
        "street_silent",
    ):
        assert words in first.get_content()
    assert {SECRET_PATH} == {path for path, _, _ in hook.posts}


@pytest.mark.parametrize(
    ("days", "before", "at", "told"),
    [
        ("working_days", ["2026-09-29", "2026-09-30"], ["2026-10-02T12:00", "2026-10-07T23:59", "2026-10-08T23:59"], 0),
        ("every_day", ["2026-09-29", "2026-09-30"], ["2026-10-02T12:00"], 1),
        ("working_days", ["2026-10-08", "2026-10-09"], ["2026-10-11T12:00"], 0),
        ("working_days", ["2026-10-08", "2026-10-09"], ["2026-10-12T06:30"], 1),  # Saturday the 10th was worked
        ("working_days", ["2026-11-19", "2026-11-20"], ["2026-11-22T12:00", "2026-11-23T23:59"], 0),
    ],
)  # fmt: skip
def test_a_day_off_alarms_nobody_and_one_worked_in_exchange_does(
    home: Path,
    hook: sinks.Hook,
    one_feed: list[Contract],
    days: str,
    before: list[str],
    at: list[str],
    told: int,
) -> None:
    one_feed[:] = [daily(contract_id="street_silent", delivery_days=days)]
    arrive_daily(FEED, *before)
    monitor(*at)

    assert told == len(hook.posts)


def test_several_changes_are_one_message(home: Path, hook: sinks.Hook, one_feed: list[Contract]) -> None:
    one_feed.append(daily(contract_id="street_other"))
    for feed in one_feed:
        arrive_daily(feed, "2026-11-16")
    monitor("2026-11-18T07:00")

    assert [2] == [len(body["changes"]) for body in hook.bodies()]


def test_held_refused_and_odd_feeds_are_told(home: Path, hook: sinks.Hook) -> None:
    arrive_daily(FEED, "2026-11-16")
    arrive(FEED, "2026-11-17", "2026-11-18", "2026-11-18T00:40", stage="held")
    monitor("2026-11-18T00:50")
    arrive(FEED, "2026-11-17", "2026-11-18", "2026-11-18T00:40")  # approved: the same batch is validated now
    monitor("2026-11-18T01:00")
    arrive(FEED, "2026-11-18", "2026-11-19", "2026-11-19T00:40", stage="refused")
    monitor("2026-11-19T01:00")

    assert [["ok", "held"], ["held", "ok"], ["ok", "refused"]] == changes(hook)


def test_a_crash_between_sending_and_remembering_tells_twice_and_never_loses(
    home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive_daily(FEED, "2026-11-16")
    keep = memory.keep

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    # Before anything is written down.
    monkeypatch.setattr(memory, "keep", dies)
    with pytest.raises(KeyboardInterrupt):
        monitor("2026-11-18T07:00")
    assert [] == hook.posts
    # After the change is written down, before how the feed stands is.
    monkeypatch.setattr(memory, "keep", lambda change: (keep(change), dies()))
    with pytest.raises(KeyboardInterrupt):
        monitor("2026-11-18T07:10")
    # After the mail was taken, before that is written down.
    kept: list[int] = []

    def keeps_once(change: memory.Change) -> None:
        if not change.tellings or not any(telling.attempts for telling in change.tellings.values()):
            keep(change)
        else:
            kept.append(1)
            dies()

    monkeypatch.setattr(memory, "keep", keeps_once)
    with pytest.raises(KeyboardInterrupt):
        monitor("2026-11-18T07:20")
    assert (1, 0) == (len(mailbox.mails), len(hook.posts))
    monkeypatch.setattr(memory, "keep", keep)
    monitor("2026-11-18T07:30", "2026-11-18T07:40")

    assert (2, 1) == (len(mailbox.mails), len(hook.posts))
    assert [["ok", "late"]] == changes(hook)


def test_who_cannot_be_reached_keeps_nobody_waiting_and_is_told_later_of_everything(
    home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrive_daily(FEED, "2026-11-16")
    mailbox.answer = "451 later"
    for at in ("2026-11-18T07:00", "2026-11-18T07:10", "2026-11-19T07:00"):
        with pytest.raises(UrbanBrainError, match=r"mail at example\.org: the mail server answered 451"):
            monitor(at)
    arrive_daily(FEED, "2026-11-17", "2026-11-18")
    with pytest.raises(UrbanBrainError):
        monitor("2026-11-19T07:30")
    mailbox.answer = "250 OK"
    monitor("2026-11-19T07:40", "2026-11-19T07:50")

    assert [["ok", "late"], ["late", "missing"], ["missing", "ok"]] == changes(hook)
    (text,) = mailbox.texts()
    assert text.index("ok → late") < text.index("late → missing") < text.index("missing → ok")


@pytest.mark.parametrize("status", [302, 403, 500])
def test_a_webhook_that_does_not_take_it_is_tried_again(
    home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook, status: int
) -> None:
    arrive_daily(FEED, "2026-11-16")
    hook.status = status
    with pytest.raises(UrbanBrainError, match=rf"webhook at 127\.0\.0\.1: it answered {status}"):
        monitor("2026-11-18T07:00")
    hook.status = 200
    monitor("2026-11-18T07:10")

    assert (1, 1) == (len(mailbox.mails), len(hook.posts))


def test_nothing_listens_and_the_wait_is_bounded(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("URBANBRAIN_SMTP", "smtp://127.0.0.1:9")
    monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", f"http://127.0.0.1:9{SECRET_PATH},mailto:desk@example.org")
    arrive_daily(FEED, "2026-11-16")
    with caplog.at_level(logging.DEBUG), pytest.raises(UrbanBrainError) as caught:
        monitor("2026-11-18T07:00")

    assert 2 == str(caught.value).count("cannot be reached")
    for hidden in (SECRET_PATH, "desk@"):
        assert hidden not in str(caught.value) + caplog.text
    assert sending.CONNECT_SECONDS + sending.ANSWER_SECONDS <= 15


def test_a_server_that_lets_us_wait_is_given_up(
    home: Path, mailbox: sinks.Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = sending.send

    def impatiently(message: Message, to: Addressee, at: datetime) -> str:
        """Wait for the webhook a moment only; mail may come from a busy machine."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sending, "WHOLE_SECONDS", 300.0 if to.channel == "mail" else 0.5)
            return send(message, to, at)

    monkeypatch.setattr(sending, "send", impatiently)
    arrive_daily(FEED, "2026-11-16")
    with sinks.web() as (slow, url):  # one of its own: what it takes in the end is nobody else's
        slow.may_go_on.clear()
        monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", f"{url}/slow,mailto:desk@example.org")
        with pytest.raises(UrbanBrainError, match=r"did not take it within 0\.5 s"):
            monitor("2026-11-18T07:00")
        taken = len(slow.posts)
        slow.may_go_on.set()

    assert (0, 1) == (taken, len(mailbox.mails))


def _run(home: str, smtp: str, told: str) -> None:
    import os

    os.environ.update(URBANBRAIN_HOME=home, URBANBRAIN_SMTP=smtp, URBANBRAIN_NOTIFY_STREET=told)
    watching._feeds = lambda: ([FEED], [])
    watching.notify(here("2026-11-18T07:00"))


def test_two_monitors_at_once_tell_once(home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook) -> None:
    arrive_daily(FEED, "2026-11-16")
    ((variable, listed), _) = settings.notify("street")
    assert "URBANBRAIN_NOTIFY_STREET" == variable
    context = multiprocessing.get_context("fork")
    both = [
        context.Process(target=_run, args=(str(home), settings.mail_server(), ",".join(listed)))
        for _ in range(2)
    ]
    for process in both:
        process.start()
    for process in both:
        process.join(300)

    assert [0, 0] == [process.exitcode for process in both]
    assert (1, 1) == (len(mailbox.mails), len(hook.posts))


@pytest.mark.parametrize(
    "entry",
    [
        "desk@example.org", "mailto:", "mailto:desk", "mailto:desk@", "mailto:a@b@c", "mailto:desk@example.org?bcc=x@y.z",
        "mailto:desk@example.org\nBcc: other@example.org", "mailto:desk@example..org", "mailto:桌@example.org",
        "ftp://example.org/x", "http://", "https://user:word@example.org/x", "http://[::1/x", "http://host:99999/x",
        "file:///etc/passwd", "javascript:alert(1)", "https://exa mple.org/",
    ],
)  # fmt: skip
def test_a_garbled_addressee_is_named_without_its_value_and_harms_nobody(
    home: Path, mailbox: sinks.Mailbox, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", f"{entry},mailto:desk@example.org")
    arrive_daily(FEED, "2026-11-16")
    with pytest.raises(SettingError, match="URBANBRAIN_NOTIFY_STREET, entry 1: ") as caught:
        monitor("2026-11-18T07:00")

    assert [["desk@example.org"]] == mailbox.recipients
    if entry not in "mailto:desk@example.org":  # which is what the message asks for
        assert entry not in str(caught.value)


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ("", "URBANBRAIN_SMTP is not set"),
        ("mail.example.org", "cannot be used"),
        ("smtp://user:word@mail.example.org", "no password"),
        ("smtp://user@mail.example.org", "without TLS"),
        ("smtp://[::1", "cannot be used"),
        ("smtp://127.0.0.1:99999", "cannot be used"),
    ],
)
def test_a_garbled_mail_server_is_told_and_never_asked(
    home: Path, monkeypatch: pytest.MonkeyPatch, server: str, said: str
) -> None:
    monkeypatch.setenv("URBANBRAIN_SMTP", server)
    monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", "mailto:desk@example.org")
    arrive_daily(FEED, "2026-11-16")
    with pytest.raises(UrbanBrainError, match=said) as caught:
        monitor("2026-11-18T07:00")

    assert "word" not in str(caught.value).replace("password", "")


def test_what_a_webhook_gets_is_signed_and_the_secret_stays(
    home: Path, hook: sinks.Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("URBANBRAIN_SECRET_WEBHOOK", "our-secret")
    arrive_daily(FEED, "2026-11-16")
    monitor("2026-11-18T07:00")
    ((_, headers, body),) = hook.posts

    expected = hmac.new(b"our-secret", body, hashlib.sha256).hexdigest()
    assert f"sha256={expected}" == headers["X-Urbanbrain-Signature"]
    assert b"our-secret" not in body
    assert "our-secret" not in json.dumps(headers)


def test_nobody_listed_is_noticed_all_the_same_and_who_comes_later_hears_of_what_comes_later(
    home: Path, hook: sinks.Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = ",".join(settings.notify("street")[0][1])
    monkeypatch.delenv("URBANBRAIN_NOTIFY_STREET")
    arrive_daily(FEED, "2026-11-16")
    monitor("2026-11-18T07:00")
    monkeypatch.setenv("URBANBRAIN_NOTIFY_STREET", listed)
    monitor("2026-11-18T07:10", "2026-11-19T07:00")

    assert [["late", "missing"]] == changes(hook)


def test_the_whole_story_is_in_the_warehouse(home: Path, mailbox: sinks.Mailbox, hook: sinks.Hook) -> None:
    arrive_daily(FEED, "2026-11-16")
    mailbox.answer = "550 no"
    with pytest.raises(UrbanBrainError):
        monitor("2026-11-18T07:00")
    mailbox.answer = "250 OK"
    monitor("2026-11-18T07:10")
    with database.memory() as connection:
        from pipelines import operations

        operations.prepare(connection)
        for _ in range(2):
            notices.fill(connection)
            found = connection.execute(
                "select channel, place, state_before, state, attempts, sent_at, business_date::varchar "
                "from ops.notices order by all"
            ).fetchall()

    assert [
        ("mail", "example.org", "ok", "late", 2, here("2026-11-18T07:10"), "2026-11-17"),
        ("webhook", "127.0.0.1", "ok", "late", 1, here("2026-11-18T07:00"), "2026-11-17"),
    ] == found
    written = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert b"desk@" not in written
    assert SECRET_PATH.encode() not in written


@pytest.mark.parametrize("text", ["", "{", "[]", '{"street_silent": 3}', "\x00"])
def test_a_broken_memory_tells_twice_rather_than_never(home: Path, hook: sinks.Hook, text: str) -> None:
    arrive_daily(FEED, "2026-11-16")
    monitor("2026-11-18T07:00")
    (memory.root() / "conditions.json").write_text(text, encoding="utf-8")
    (memory.root() / "told" / "broken.json").write_text(text, encoding="utf-8")
    (memory.root() / "pending" / "broken.json").write_text(text, encoding="utf-8")
    for at in ("2026-11-18T07:10", "2026-11-18T07:20"):
        with pytest.raises(UrbanBrainError, match=r"pending/broken\.json cannot be read"):
            monitor(at)
    (memory.root() / "pending" / "broken.json").unlink()
    monitor("2026-11-18T07:30")

    assert [["ok", "late"], ["ok", "late"]] == changes(hook)


def test_a_dry_run_tells_nobody(home: Path, hook: sinks.Hook) -> None:
    arrive_daily(FEED, "2026-11-16")
    found = run.notify(here("2026-11-18T07:00"), dry_run=True)

    assert ["late"] == [change["after"] for change in found["changes"]]
    assert [] == hook.posts
    assert not memory.root().exists()
