"""What becomes of a dead or lying source, a changed one, forbidden columns, bad batches and broken contracts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from channel_days import (
    DAYS,
    FEEDS,
    PATHS,
    Channel,
    files,
    is_empty,
    judged_files,
    land,
    leftovers,
    run_days,
    set_clock,
    stages_of,
)
from landed_by_hand import GOOD_ORDER, changed_contract, land_by_hand

from pipelines import cli, lake, run
from pipelines.connectors import session
from pipelines.errors import (
    BatchHeld,
    ContractError,
    DataError,
    DataRefused,
    FeedError,
    FeedUnavailable,
    WarehouseError,
)
from pipelines.receipt import Receipt

Fault = Callable[..., None]

LIES = [
    ("timeout", "district_grid_cases", FeedUnavailable, "did not answer within"),
    ("500", "city_hotline_orders", FeedUnavailable, "answered 500, 4 times in a row"),
    ("429", "city_projects", FeedUnavailable, "answered 429, 4 times in a row"),
    ("truncated", "city_air_quality", FeedUnavailable, "broke"),
    ("truncated", "street_steward_requests", FeedUnavailable, "broke"),
    ("page_drift", "street_video_devices", FeedUnavailable, "changes while it is read"),
    ("page_drift", "district_school_places", FeedUnavailable, "changes while it is read"),
    ("login_page", "city_hotline_orders", FeedError, "sent a web page where json was expected"),
    ("login_page", "city_projects", FeedError, "sent a web page where xlsx was expected"),
    ("login_page", "district_grid_cases", FeedError, "sent a web page where csv was expected"),
    ("wrong_total", "city_hotline_orders", FeedError, r"reports \d+ rows and sent \d+"),
    ("wrong_total", "district_school_places", FeedError, r"reports \d+ rows and sent \d+"),
    ("wrong_total", "street_video_devices", FeedError, r"reports \d+ rows and sent \d+"),
    ("repeat_page", "street_video_devices", FeedError, "has the very records of one before"),
    ("repeat_page", "district_school_places", FeedError, "has the very records of one before"),
    ("repeat_page", "street_steward_requests", FeedError, "has the very records of one before"),
]


def row(query: str) -> tuple[Any, ...]:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        return connection.execute(query).fetchone() or ()


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str]:
    """The exit code of `urbanbrain …`, and all it printed."""
    monkeypatch.setattr(sys, "argv", ["urbanbrain", *words])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    said = capsys.readouterr()
    return int(exit_.value.code or 0), said.out + said.err


@pytest.mark.parametrize(("kind", "feed_id", "error", "message"), LIES)
def test_a_dead_or_lying_source_leaves_nothing(
    home: Path,
    fault: Fault,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    feed_id: str,
    error: type[FeedError],
    message: str,
) -> None:
    if kind == "timeout":
        monkeypatch.setattr(session, "READ_SECONDS", 0.1)
    fault(PATHS[feed_id], kind)
    with pytest.raises(FeedError, match=message) as raised:
        land(feed_id)

    assert error is type(raised.value)
    assert str(raised.value).startswith(f"{feed_id}: http://")
    assert "→" in str(raised.value)
    assert is_empty(home)
    # A request is repeated where waiting may help; a lie is told twice, and then believed to be one.
    assert (3 if kind in ("timeout", "500", "429", "truncated") else 0) == len(pauses)
    assert kind != "429" or min(pauses) >= 1


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "feed_id"), [(kind, feed_id) for kind, feed_id, *_ in LIES if kind != "login_page"]
)
def test_what_goes_wrong_once_does_no_harm(
    channel: Channel,
    fault: Fault,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    feed_id: str,
) -> None:
    if kind == "timeout":  # only for the answer that never comes: that of a busy machine may take its time
        monkeypatch.setattr(session, "READ_SECONDS", 0.1)
        monkeypatch.setattr(session, "sleep", lambda _: monkeypatch.setattr(session, "READ_SECONDS", 300))
    fault(PATHS[feed_id], kind, times=1)
    landed = Path(land(feed_id))

    [before] = [folder for folder in channel.folders if folder.parts[-3:] == landed.parts[-3:]]
    details = Receipt.read(landed).details
    assert before.name == landed.name
    assert (details["http_failures"], details["passes"]) in ((1, 0), (1, 1), (1, 2), (0, 2), (0, 3))


@pytest.mark.long
def test_a_source_without_totals_is_believed_when_it_says_the_same_twice(fault: Fault) -> None:
    """A record on two pages may be the source's own; it counts once."""
    fault(PATHS["street_steward_requests"], "page_drift")
    landed = land("street_steward_requests")
    counts = run.counts(run.gate(landed))

    assert ("records that come on two pages: 1; two passes agree",) == Receipt.read(Path(landed)).warnings
    assert (303, 1) == (counts["received"], counts["duplicate"])


def test_a_file_whose_last_line_lies_is_not_judged(fault: Fault) -> None:
    """Landing keeps what a file says without counting its rows; staging counts."""
    fault(PATHS["district_grid_cases"], "wrong_total", times=1)
    landed = land("district_grid_cases")
    with pytest.raises(DataError, match=r"promises \d+ row\(s\), the file holds \d+") as raised:
        run.gate(landed)

    assert not raised.value.retry
    assert {"landing"} == stages_of("district_grid_cases")


def test_the_command_line_says_so_and_exits_with_3(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(PATHS["city_hotline_orders"], "login_page")
    code, said = command(monkeypatch, capsys, "run", "city_hotline_orders", "--window", "2026-11-17")

    assert 3 == code
    assert "error city_hotline_orders: http" in said
    assert "Traceback" not in said


def test_a_forbidden_column_is_refused_whole(home: Path, address: str, fault: Fault) -> None:
    feed_id = "street_video_devices"
    fault(PATHS[feed_id], "forbidden_column")
    landed = land(feed_id)
    received = Receipt.read(Path(landed)).received
    with pytest.raises(DataRefused, match="shows values nobody may keep: picture"):
        run.gate(landed)
    run.load()
    before = files(home / "lake")

    # No byte of it is left, and its refusal is on record.
    assert ["receipt.json"] == [Path(name).name for name in before]
    assert {"refused"} == stages_of(feed_id)
    assert (True, received, 0, 0, 0, received) == row(
        "select is_refused, received, validated, quarantined, duplicate, refused from ops.batches"
    )
    assert "nobody may keep" in row("select reason from ops.batches")[0]
    assert (0,) == row("select count(*) from street.video_devices")

    with pytest.raises(DataRefused, match=r"was refused before: .*picture"):
        land(feed_id)
    assert [] == run.load()["batches"]
    assert before == files(home / "lake")
    assert [] == leftovers(home)

    # The source leaves it out again.
    requests.delete(f"{address}/faults", timeout=300)
    run.gate(land(feed_id))
    assert received > run.load()["inserted"] > 0
    assert (2, 1) == row("select count(*), count(*) filter (is_refused) from ops.batches")
    assert {"batches": 2, "differences": 0} == run.check()


def test_the_name_of_a_forbidden_column_is_enough(home: Path) -> None:
    landed = land_by_hand("street_video_devices", [{"deviceId": {"value": "1", "faceImage": None}}])
    with pytest.raises(DataRefused, match=r"1 forbidden column\(s\): 'faceImage' \(forbidden: face\)"):
        run.gate(str(landed))

    assert ["receipt.json"] == [Path(name).name for name in files(home)]


def test_a_forbidden_value_is_refused_and_not_shown(home: Path, fault: Fault) -> None:
    fault(PATHS["street_video_devices"], "forbidden_value")
    with pytest.raises(DataRefused, match="shows values nobody may keep: plate") as raised:
        run.gate(land("street_video_devices"))

    assert "京OX" not in str(raised.value)
    assert {"refused"} == stages_of("street_video_devices")
    assert 1 == len(files(home))


@pytest.mark.long
def test_what_was_refused_is_loaded_when_the_contract_lets_it_in(
    fault: Fault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(PATHS["street_video_devices"], "forbidden_column")
    with pytest.raises(DataRefused):
        run.gate(land("street_video_devices"))
    run.load()
    changed_contract(
        tmp_path / "project", monkeypatch, "street/video_devices", ("value: [face, plate, image, ", "value: ["), (", picture]", "]")
    )  # fmt: skip
    run.gate(land("street_video_devices"))

    assert run.load()["inserted"] > 0
    assert (1, 0) == row("select count(*), count(*) filter (is_refused) from ops.batches")
    assert {"batches": 1, "differences": 0} == run.check()


@pytest.mark.long
def test_what_was_judged_is_gone_when_a_newer_contract_refuses_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = land_by_hand("city_hotline_orders", [GOOD_ORDER | {"照片": "无"}])
    run.gate(str(landed))
    changed_contract(
        tmp_path / "project",
        monkeypatch,
        "city/hotline_orders",
        ("  - property: rejectLimit", "  - property: forbiddenColumns\n    value: [照片]\n  - property: rejectLimit"),
    )  # fmt: skip
    with pytest.raises(DataRefused):
        run.gate(str(landed))
    run.load()

    assert {"refused"} == stages_of("city_hotline_orders")
    assert 1 == len(files(home / "lake"))
    assert (True, 0) == row("select is_refused, inserted from ops.batches")


def test_a_missing_column_stops_its_feed_alone(address: str, fault: Fault) -> None:
    fault(PATHS["district_grid_cases"], "missing_column", times=1, column="问题来源")
    set_clock(address, DAYS[0])
    landed = land("district_grid_cases")
    with pytest.raises(BatchHeld, match="found_by is missing: expected 'found_by' or '问题来源'"):
        run.gate(landed)
    run_days(address, DAYS[:1], ["street_steward_requests"])

    assert set() == stages_of("district_grid_cases") & {"validated", "quarantine"}
    assert {"city_hotline_orders"} < set(FEEDS)
    assert 1 == len(run.load()["batches"])

    # The source brings it back: another batch of the same window.
    run_days(address, DAYS[:1], ["district_grid_cases"])
    assert 1 == len(run.load()["batches"])


def test_a_renamed_column_names_the_nearest_found() -> None:
    rows = [{("工单状态码" if name == "工单状态" else name): text for name, text in GOOD_ORDER.items()}]
    with pytest.raises(
        BatchHeld, match=r"required column order_status is missing: expected .*; nearest found: '工单状态码'"
    ):
        run.gate(str(land_by_hand("city_hotline_orders", rows)))

    assert set() == stages_of("city_hotline_orders") & {"validated", "quarantine"}


def test_a_column_of_another_type_holds_the_batch() -> None:
    rows = [
        GOOD_ORDER | {"工单编号": f"HL-20261117-{number:06d}", "受理时间": "昨天下午"} for number in range(30)
    ]
    with pytest.raises(
        BatchHeld,
        match=r"reported_at is no longer dates and times: 30 of 30 .* most are text; 30 of 30 rows \(100%\).*type:reported_at",
    ):
        run.gate(str(land_by_hand("city_hotline_orders", rows)))

    assert set() == stages_of("city_hotline_orders") & {"validated", "quarantine"}


def test_an_additive_column_lands_with_a_warning(channel: Channel, address: str, fault: Fault) -> None:
    fault(PATHS["district_grid_cases"], "new_column")
    [folder] = run_days(address, DAYS[:1], ["district_grid_cases"])
    [before] = [
        each
        for each in channel.folders
        if each.parts[-3:-1] == folder.parts[-3:-1] and each.name != folder.name
    ]
    run.load()

    assert "additive: 1 unknown column(s) left out: '新增说明'" in Receipt.read(folder).warnings
    assert (before / lake.ROWS).read_bytes() == (folder / lake.ROWS).read_bytes()
    assert "新增说明" in row("select warnings from ops.batches")[0][0]


def test_a_batch_above_its_limit_is_held_until_somebody_lets_it_in(
    channel: Channel,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed_contract(
        tmp_path / "project",
        monkeypatch,
        "district/school_places",
        ("rejectLimit\n    value: 0.2", "rejectLimit\n    value: 0.05"),
    )
    set_clock(address, DAYS[0])
    landed = land("district_school_places")
    with pytest.raises(
        DataError, match=r"12 of 120 rows \(10%\) break the contract, more than the 5%"
    ) as raised:
        run.gate(landed)
    batch_id = Receipt.read(Path(landed)).batch_id
    assert f"urbanbrain held show {batch_id}" in raised.value.next_step
    assert {"landing", "held"} == stages_of("district_school_places")
    assert 4 == command(monkeypatch, capsys, "gate", batch_id)[0]
    assert [] == run.load()["batches"]

    assert batch_id in command(monkeypatch, capsys, "held", "list")[1]
    assert 0 == command(monkeypatch, capsys, "held", "show", batch_id)[0]
    words = ("--by", "desk", "--reason", "known")
    code, said = command(monkeypatch, capsys, "held", "approve", batch_id, *words, "--dry-run")
    assert (0, True) == (code, "would be approved: 108 rows come in, 12 go to quarantine" in said)
    assert 0 == command(monkeypatch, capsys, "held", "approve", batch_id, *words)[0]
    assert {"landing", "held", "validated", "quarantine"} == stages_of("district_school_places")
    expected = {name for name in judged_files(channel.home).items() if f"batch={batch_id}/rows" in name[0]}
    assert expected == {name for name in judged_files(lake.lake().parent).items() if "/rows" in name[0]}
    assert 108 == run.load()["inserted"]


@pytest.mark.long
def test_a_broken_contract_names_file_and_line_and_other_feeds_go_on(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = run_days(address, DAYS[:1], ["city_hotline_orders", "district_school_places"])
    assert len(before) == len(run.load()["batches"])
    path = changed_contract(
        tmp_path / "project",
        monkeypatch,
        "city/hotline_orders",
        ("required: true", "requird: true"),
        ("logicalType: integer", "logicalType: interger"),
    )
    lines = path.read_text(encoding="utf-8").splitlines()
    places = [
        f"contracts/city/hotline_orders.odcs.yaml:{number}"
        for number, line in enumerate(lines, 1)
        if "requird" in line or "interger" in line
    ]

    for words in (("run", "city_hotline_orders", "--window", "2026-11-18"), ("check",)):
        code, said = command(monkeypatch, capsys, *words)
        assert 2 == code
        assert 2 == len(places) == len([place for place in places if place in said])
        assert "did you mean 'required'" in said
        assert "Traceback" not in said

    code, said = command(
        monkeypatch, capsys, "run", "street_video_devices", "--window", "2026-11-17", "--as-of",
        "2026-11-18T00:40+08:00",
    )  # fmt: skip
    assert 0 == code, said
    # The others are loaded; what may be published follows from all contracts together, so a release waits.
    assert ["street_video_devices"] == [batch["feed_id"] for batch in run.load()["batches"]]
    run.build()
    with pytest.raises(ContractError, match="requird"):
        run.publish()


def test_asking_in_the_wrong_order_is_explained(channel: Channel, home: Path) -> None:
    for step in (run.check, run.publish, run.summary):
        with pytest.raises(WarehouseError, match="nothing is loaded yet"):
            step()
    assert is_empty(home)
    with pytest.raises(WarehouseError, match="run `urbanbrain load` first"):
        run.build()
    for stage in ("validated", "quarantine"):
        shutil.copytree(channel.home / "lake" / stage, home / "lake" / stage)
    run.load()

    assert {"batches": len(channel.folders), "differences": 0} == run.check()
    assert (
        len(channel.folders)
        == run.load()["unpublished"]
        == sum(feed["batches"] for feed in run.summary()["feeds"])
    )
    with pytest.raises(WarehouseError, match="run `urbanbrain build` first"):
        run.publish()
