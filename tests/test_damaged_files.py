"""What cannot be read is named, keeps nobody else waiting, and is an exit code; so is what somebody mistyped."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipelines import cli, lake, run
from pipelines.errors import DataError, UrbanBrainError, WarehouseError

FEED, OTHER = "city_hotline_orders", "street_steward_requests"
WINDOW = "window=20261116T160000Z"


def damage(stage: str, feed: str = FEED) -> Path:
    folder = lake.lake() / stage / feed / WINDOW / "batch=0123456789abcdef"
    folder.mkdir(parents=True)
    (folder / lake.RECEIPT).write_text("{", encoding="utf-8")
    return folder


def asked(*words: str) -> tuple[int, str]:
    """Exit code and everything said, as `main` gives them."""
    answer = CliRunner().invoke(cli.app, list(words), env={"COLUMNS": "300"})
    if isinstance(answer.exception, UrbanBrainError):
        return answer.exception.exit_code, str(answer.exception)
    return answer.exit_code, answer.output


def test_a_held_receipt_nobody_can_read_is_named_beside_the_others(home: Path) -> None:
    folder = damage("held")

    code, said = asked("held", "list")

    assert DataError.exit_code == code
    assert "no batch waits" in said
    assert f"{folder / lake.RECEIPT} is not a receipt" in said


def test_it_stops_the_load_of_its_own_feed_only(home: Path) -> None:
    damage("held")

    with pytest.raises(WarehouseError) as caught:
        run.load()

    assert "not every feed could be loaded" in caught.value.message
    assert 1 == caught.value.message.count("\n")
    assert f"{FEED}: {lake.lake()}" in caught.value.message


@pytest.mark.parametrize("stage", ["landing", "held", "refused"])
def test_a_backfill_goes_on_beside_a_receipt_nobody_can_read(home: Path, stage: str) -> None:
    folder = damage(stage)
    days = ("--from", "2026-11-16", "--to", "2026-11-18", "--as-of", "2026-11-20T00:00")

    code, said = asked("backfill", FEED, *days, "--dry-run")

    assert DataError.exit_code == code
    assert f"{folder / lake.RECEIPT} is not a receipt" in said
    assert "to be pulled" in said
    assert (0, False) == ((found := asked("backfill", OTHER, *days, "--dry-run"))[0], "receipt" in found[1])


def test_a_backfill_of_days_that_are_not_over_says_so(home: Path) -> None:
    code, said = asked("backfill", FEED, "--from", "2999-01-01", "--to", "2999-01-03")

    assert 2 == code
    assert "no window since 2999-01-01 is over yet" in said


def test_a_notice_nobody_can_read_is_named(home: Path) -> None:
    for folder in ("told", "pending"):
        path = lake.lake() / "notices" / folder / "20261116T160000Z-0123456789ab.json"
        path.parent.mkdir(parents=True)
        path.write_text("{", encoding="utf-8")

    code, said = asked("load")

    assert 1 == code
    assert 2 == said.count("cannot be read, so ops.notices lacks it")


@pytest.mark.parametrize(
    "words",
    [
        ["land", "city_nothing"],
        ["backfill", "city_nothing", "--from", "2026-11-16", "--to", "2026-11-17"],
        ["gate", "no-such-batch"],
        ["areas", "load", "no/such/file.csv"],
        ["quarantine", "resubmit", "no/such/sheet.xlsx", "--by", "desk", "--reason", "x"],
        ["contract", "diff", "no/such/file.yaml", "lock"],
        ["quarantine", "list", "--feed", "city_nothing"],
    ],
)
def test_what_somebody_mistyped_has_one_exit_code(home: Path, words: list[str]) -> None:
    assert 2 == asked(*words)[0]
