"""The command line: which window a command means, what it says while it works, and that it spoils no file."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from pipelines import asking, cli, run, settings
from pipelines.errors import WarehouseError

FEED = "city_hotline_orders"
COUNTS = {"feed_id": FEED, "window_start": "2026-11-16T16:00:00+00:00", **dict.fromkeys(run.ROW_EQUATION, 7)}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The windows that commands ask `run` for."""
    seen: list[tuple[Any, ...]] = []

    def call(feed: str, start: str, end: str | None, *, as_of: str | None, progress: Any) -> dict[str, Any]:
        seen.append((feed, start, end, as_of))
        progress(3, 100)
        progress(1234, 56789)
        return COUNTS

    monkeypatch.setattr(run, "land", call)
    monkeypatch.setattr(run, "run", call)
    return seen


def test_help_shows_commands_in_the_order_in_which_one_works() -> None:
    shown = CliRunner().invoke(cli.app, ["--help"], env={"COLUMNS": "100"}).output
    names = re.findall(r"^│ ([a-z][a-z-]*) ", shown, re.MULTILINE)
    panels = re.findall(r"^╭─ (\w+)", shown, re.MULTILINE)

    assert ["Options", "Trying", "Asking", "Feeds", "What", "Tables", "Contracts"] == panels
    assert ["demo", "tables", "feeds", "held", "load", "check"] == [
        name for name in names if name in ("demo", "tables", "feeds", "held", "load", "check")
    ]


@pytest.mark.parametrize("command", ["land", "run"])
@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        (["--window", "2026-11-17"], "2026-11-17", None),
        (["--window", "2026-11-17/2026-11-19"], "2026-11-17", "2026-11-19"),
        (["--from", "2026-11-17", "--to", "2026-11-18"], "2026-11-17", "2026-11-18"),
    ],
)
def test_a_window_is_handed_on_as_it_was_written(
    asked: list[tuple[Any, ...]], command: str, words: list[str], start: str, end: str | None
) -> None:
    assert 0 == CliRunner().invoke(cli.app, [command, FEED, *words]).exit_code
    assert [(FEED, start, end, None)] == asked


@pytest.mark.parametrize(
    ("now", "yesterday"),
    [
        (datetime(2026, 11, 17, 15, 59, tzinfo=UTC), "2026-11-16"),
        (datetime(2026, 11, 17, 16, 1, tzinfo=UTC), "2026-11-17"),
    ],
)
def test_yesterday_is_the_feeds_own_whatever_zone_the_machine_is_in(
    asked: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch, now: datetime, yesterday: str
) -> None:
    monkeypatch.setattr(settings, "now", lambda: now)

    assert 0 == CliRunner().invoke(cli.app, ["land", FEED]).exit_code
    assert [(FEED, yesterday, None, None)] == asked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--to", "2026-11-18"], "it needs --from"),
        (["--window", "2026-11-17", "--from", "2026-11-17"], "give one of them"),
    ],
)
def test_half_a_window_or_two_are_a_mistake_in_the_command(
    asked: list[tuple[Any, ...]], words: list[str], told: str
) -> None:
    result = CliRunner().invoke(cli.app, ["land", FEED, *words])

    assert 2 == result.exit_code
    assert told in " ".join(result.stderr.replace("│", " ").split())
    assert [] == asked


def test_without_a_terminal_one_line_tells_what_was_pulled(asked: list[tuple[Any, ...]]) -> None:
    result = CliRunner().invoke(cli.app, ["run", FEED, "--window", "2026-11-17"])

    assert result.stderr.startswith(f"landing {FEED}: 1,234 rows, 56,789 bytes, ")
    assert 1 == len(result.stderr.splitlines())
    assert FEED in result.stdout


def test_nothing_is_published_before_the_row_equation_is_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise WarehouseError("1 batches lose or double rows")

    published: list[str] = []
    monkeypatch.setattr(run, "check", fail)
    monkeypatch.setattr(run, "publish", lambda: published.append("r1"))
    result = CliRunner().invoke(cli.app, ["publish"])

    assert isinstance(result.exception, WarehouseError)
    assert [] == published


def _refused() -> None:
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "releases")  # root is refused nothing


@pytest.mark.parametrize(
    ("work", "step"),
    [
        (lambda: duckdb.sql("copy (select 1) to '/dev/full' (format csv)"), "the disk is full"),
        (lambda: Path("/dev/full").write_text("answer", encoding="utf-8"), "the disk is full"),
        (_refused, "this account may not"),
        (lambda: Path("/nowhere/file").write_text("answer", encoding="utf-8"), "places that can be written"),
    ],
)
def test_what_the_disk_does_not_take_is_an_error_that_says_what_to_do(
    work: Callable[[], object], step: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", work)
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert 1 == ended.value.code
    assert step in capsys.readouterr().err


def test_a_locale_without_chinese_is_spoken_to_in_utf_8() -> None:
    environment = os.environ | {"PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "pipelines.cli", "--help"]
    done = subprocess.run(command, env=environment, capture_output=True, check=True)

    assert "数据接入" in done.stdout.decode()


def test_a_closed_output_is_no_defect() -> None:
    command = [sys.executable, "-m", "pipelines.cli", "release", "list"]
    done = subprocess.run(command, preexec_fn=lambda: os.close(1), stderr=subprocess.PIPE, check=False)

    assert (0, b"") == (done.returncode, done.stderr)


def test_a_letter_the_output_lacks_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "app", lambda: "𠮷".encode("gbk"))
    with pytest.raises(SystemExit):
        cli.main()

    assert "written in gbk, which lacks '𠮷'" in capsys.readouterr().err


def test_a_word_in_another_encoding_is_refused_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    word = os.fsdecode("霍营".encode("gbk"))
    monkeypatch.setattr(sys, "argv", ["urbanbrain", "release", "pin", "current", "--reason", word])
    monkeypatch.setattr(cli, "app", lambda: pytest.fail("it was run"))
    with pytest.raises(SystemExit) as ended:
        cli.main()

    assert 2 == ended.value.code
    assert "word 5 of the command" in capsys.readouterr().err


def test_an_error_of_a_query_is_no_error_of_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "app", lambda: duckdb.sql("from nowhere"))
    with pytest.raises(duckdb.CatalogException):
        cli.main()


@pytest.mark.parametrize("form", asking.FORMATS)
def test_a_question_without_an_answer_leaves_the_file_of_the_last_one(tmp_path: Path, form: str) -> None:
    target = tmp_path / "answer"
    target.write_text("the last answer")
    result = CliRunner().invoke(cli.app, ["sql", "select 1", "--format", form, "--output", str(target)])

    assert isinstance(result.exception, WarehouseError)
    assert "the last answer" == target.read_text()
    assert [target] == [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_scorecard_says_by_which_rule_and_what_knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    row = dict.fromkeys(
        ("assessed_count", "callback_count", "response_rate", "resolution_rate", "satisfaction_rate", "rank_in_scope",
         "composite_score", "official_composite_score", "official_rank")
    )  # fmt: skip
    row |= {
        "street_code": "110114010", "street_name": "霍营街道", "period_starts_on": "2026-10-19",
        "period_ends_on": "2026-11-18", "rule_id": "example", "is_example_rule": True, "revision": 1,
        "known_at": "2026-11-20", "frozen_at": "2026-11-19", "frozen_by": "bulletin", "is_reconciled": False,
        "composite_score": 69.17,
    }  # fmt: skip
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(run, "scorecard", lambda *words: asked.append(words) or [row])
    said = CliRunner().invoke(cli.app, ["scorecard", "--period", "2026-11", "--as-of", "2026-11-20"]).output

    assert [("2026-11", "2026-11-20", "")] == asked
    assert "rule example (an example)  revision 1, known at 2026-11-20, frozen 2026-11-19 by bulletin" in said
    assert "69.17" in said
    assert "霍营街道" in said
