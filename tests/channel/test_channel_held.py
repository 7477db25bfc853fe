"""Batches that wait for a person: held, let in, kept out, and all of it in the ledger."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import DAYS, pulled_at
from landed_by_hand import GOOD_ORDER, changed_contract, land_by_hand

from pipelines import decisions, lake, run
from pipelines.decisions import batches
from pipelines.errors import BatchHeld, BatchRejected, DataError
from pipelines.receipt import CORRECTION, Hold, Receipt
from pipelines.stages import staging

FEED = "street_device_status"
CONTRACT = "street/device_status"
DEVICE = "11011400001320000001"
ANSWER = {
    "chosen_options": ["approve"],
    "params_input": {"reason": "kept anyway"},
    "responded_at": "2026-11-18T08:00:00.123456+00:00",
    "responded_by_user": {"id": "7", "name": "duty desk"},
}


def samples(good: int, bad: int, first: int = 0) -> list[dict[str, Any]]:
    """Samples of one device, five minutes apart; the bad ones say FAULT, which is no status."""
    return [
        {
            "@iot.id": number,
            "phenomenonTime": f"2026-11-17T{1 + number // 12:02d}:{number % 12 * 5:02d}:30Z",
            "result": "FAULT" if number < first + bad else "ON",
            "Datastream": {"name": DEVICE},
        }
        for number in range(first, first + good + bad)
    ]


def land(good: int = 24, bad: int = 16, first: int = 0, minutes: int = 0) -> str:
    landed_at = pulled_at(DAYS[0]) + timedelta(minutes=minutes)
    return str(land_by_hand(FEED, samples(good, bad, first), landed_at=landed_at))


def held(landed: str) -> str:
    """Judge a batch that must be held; returns its id."""
    with pytest.raises(BatchHeld):
        run.gate(landed)
    return Receipt.read(Path(landed)).batch_id


def ask(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(lake.warehouse_file()), read_only=True) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(query).fetchall()


LEDGER = (
    "select state, decided_by, reason, via, received, valid, quarantined from ops.held order by landed_at"
)
HOURS = "select hour(hour_at), sample_count from street.device_status order by all"
EQUATION = (
    "select received, validated, quarantined, refused, is_refused, reason from ops.batches order by landed_at"
)


def test_a_held_batch_leaves_its_figures_reasons_and_bad_rows_and_nothing_of_it_comes_in(home: Path) -> None:
    landed = land()
    batch_id = held(landed)
    folder = lake.same_batch(Path(landed), "held")
    receipt = Receipt.read(folder)

    assert (40, 24, 16, 0) == (receipt.received, receipt.validated, receipt.quarantined, receipt.difference)
    assert [
        Hold(
            "rejected_share",
            "16 of 40 rows (40%) break the contract, more than the 20% it allows",
            "40行中有16行（40%）不符合数据合同，超过允许的20%",
        )
    ] == list(receipt.holds)
    assert [(n, "enum:device_status") for n in range(1, 4)] == [
        (reason["row_number"], reason["rule"]) for reason in receipt.details["first_reasons"]
    ]
    assert 16 == len(duckdb.sql(f"from '{folder / lake.ROWS}'").fetchall())
    assert not lake.batches("validated") and not lake.batches("quarantine")

    run.load()
    assert [("waiting", None, None, None, 40, 24, 16)] == ask(LEDGER)
    assert [] == ask(HOURS) == ask(EQUATION)
    assert [batch_id] == [row["batch_id"] for row in run.held("waiting")]


def test_an_approved_batch_comes_in_and_judging_it_again_gives_the_same_bytes(home: Path) -> None:
    batch_id = held(land())
    assert run.decide(batch_id, "approved", "desk", "known fault", dry_run=True)["state"] == "waiting"
    assert decisions.files() == []
    row = run.decide(batch_id, "approved", "desk", "called 13912345678, known fault")

    assert ("approved", True, "called [号码], known fault") == (row["state"], row["is_new"], row["reason"])
    run.load()
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]
    assert [("approved", "desk", "called [号码], known fault", "command line", 40, 24, 16)] == ask(LEDGER)
    assert [(40, 24, 16, 0, False, None)] == ask(EQUATION)
    before = [path.read_bytes() for path in sorted(lake.lake().rglob("rows.parquet"))]

    for stage in ("validated", "quarantine"):
        shutil.rmtree(lake.lake() / stage)
    run.gate(str(lake.batches("landing")[0]))
    assert before == [path.read_bytes() for path in sorted(lake.lake().rglob("rows.parquet"))]


@pytest.mark.long
def test_the_same_decision_again_is_harmless_and_the_opposite_replaces_it(home: Path) -> None:
    batch_id = held(land())
    run.load()
    run.decide(batch_id, "rejected", "desk", "the device is broken")
    again = run.decide(batch_id, "rejected", "other desk", "the same")

    assert (False, "desk") == (again["is_new"], again["decided_by"])
    assert 1 == len(decisions.files("batches"))
    run.load()
    refused = [(40, 0, 0, 40, True, "rejected by desk: the device is broken")]
    assert refused == ask(EQUATION)
    assert [] == ask(HOURS)
    with pytest.raises(BatchRejected, match="rejected by desk via command line: the device is broken"):
        run.gate(str(lake.batches("landing")[0]))

    run.decide(batch_id, "approved", "desk", "only its name is wrong")
    run.load()
    assert [(40, 24, 16, 0, False, None)] == ask(EQUATION)
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]
    assert 16 == ask("select count(*) from ops.quarantine")[0][0]

    run.decide(batch_id, "rejected", "desk", "it is broken after all")
    assert not lake.batches("validated") and not lake.batches("quarantine")
    run.load()
    assert [(40, 0, 0, 40, True, "rejected by desk: it is broken after all")] == ask(EQUATION)
    assert [] == ask(HOURS) == ask("from ops.quarantine")
    kept = ask(LEDGER), ask(EQUATION)
    lake.warehouse_file().unlink()
    run.load()
    assert kept == (ask(LEDGER), ask(EQUATION))
    assert [] == run.load()["batches"]


@pytest.mark.long
def test_a_decision_outlives_a_kill_between_its_steps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the decision was written: asking again, or the next load, comes to the same."""
    landed = land()
    batch_id = held(landed)

    def killed(_: str) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pipelines.run.batches.gate", killed)
        run.decide(batch_id, "approved", "desk", "known fault")
    assert not lake.batches("validated")
    run.load()
    assert [("approved", "desk", "known fault", "command line", 40, 24, 16)] == ask(LEDGER)
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]
    assert not run.decide(batch_id, "approved", "desk", "known fault")["is_new"]
    assert [] == run.load()["batches"]
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("pipelines.run.batches.gate", killed)
        run.decide(batch_id, "rejected", "desk", "no")
    assert lake.batches("validated")
    run.load()
    assert [] == ask(HOURS) == ask("from ops.quarantine")
    assert [(40, 0, 0, 40, True, "rejected by desk: no")] == ask(EQUATION)


def test_what_was_decided_on_the_command_line_holds_whatever_airflow_answers_later(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    landed = land()
    batch_id = held(landed)
    run.decide(batch_id, "rejected", "desk", "broken")
    with pytest.raises(BatchRejected, match="rejected by desk via command line: broken"):
        run.answer(landed, ANSWER)

    assert f"batch {batch_id} was rejected by desk via command line before: that holds" in caplog.text
    assert 1 == len(decisions.files("batches"))


def test_an_answer_in_airflow_is_a_decision_and_following_it_twice_writes_nothing_new(home: Path) -> None:
    landed = land()
    held(landed)
    assert run.answer(landed, ANSWER) == run.answer(landed, ANSWER)
    (row,) = run.held()

    assert ("approved", "duty desk", "kept anyway", "airflow") == tuple(
        row[name] for name in ("state", "decided_by", "reason", "via")
    )
    assert "2026-11-18 08:00:00+00:00" == str(row["decided_at"])
    assert 1 == len(decisions.files("batches"))


@pytest.mark.parametrize("chosen", [["later"], []])
def test_an_unanswered_question_decides_nothing(home: Path, chosen: list[str]) -> None:
    landed = land()
    held(landed)
    with pytest.raises(BatchHeld):
        run.answer(landed, {"chosen_options": chosen, "params_input": {}, "responded_by_user": None})

    assert ["waiting"] == [row["state"] for row in run.held()]


@pytest.mark.long
def test_a_decision_holds_for_the_major_version_it_was_made_under(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landed = land()
    batch_id = held(landed)
    run.decide(batch_id, "approved", "desk", "known fault")
    run.load()
    project = tmp_path / "project"
    version = contract_version(project, monkeypatch)
    changed_contract(project, monkeypatch, CONTRACT, (f"version: {version}", "version: 1.99.0"))
    run.gate(landed)
    run.load()
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]

    changed_contract(project, monkeypatch, CONTRACT, ("version: 1.99.0", "version: 2.0.0"))
    with pytest.raises(DataError, match="which promises something else today"):
        run.decide(batch_id, "rejected", "desk", "by old figures")
    held(landed)
    run.load()
    assert ["waiting"] == [state for (state, *_) in ask(LEDGER)]
    assert 24 == ask("select sum(sample_count) from street.device_status")[0][0]  # until somebody decides

    run.decide(batch_id, "rejected", "desk", "not with the new promise")
    run.load()
    assert [] == ask(HOURS)
    changed_contract(project, monkeypatch, CONTRACT, ("version: 2.0.0", "version: 3.0.0"))
    changed_contract(
        project, monkeypatch, CONTRACT, ("rejectLimit\n    value: 0.2", "rejectLimit\n    value: 0.5")
    )
    run.gate(landed)
    run.load()
    assert [] == ask(LEDGER)
    assert [(40, 24, 16, 0, False, None)] == ask(EQUATION)


def contract_version(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = changed_contract(project, monkeypatch, CONTRACT)
    return path.read_text(encoding="utf-8").split("\nversion: ")[1].split("\n")[0]


def test_a_batch_of_less_than_twenty_rows_is_never_held_for_its_share(home: Path) -> None:
    assert 11 == Receipt.read(Path(run.gate(land(8, 11)))).quarantined
    held(land(9, 11))


HOLD = Hold("column_gone", "column 'status' is gone", "缺少“状态”列")


@pytest.mark.parametrize("rows", [3, pytest.param(0, marks=pytest.mark.long)])
def test_what_staging_hands_in_holds_any_batch_however_good_or_empty(
    home: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    stage = staging.stage

    def drifted(contract: Any, landed: Path) -> Path:
        folder = stage(contract, landed)
        replace(Receipt.read(folder), holds=(HOLD,)).write(folder)
        return folder

    monkeypatch.setattr(staging, "stage", drifted)
    monkeypatch.setattr("pipelines.stages.gate._refuse_emptiness", lambda *_: None)
    landed = land(rows, 0)
    batch_id = held(landed)
    (row,) = run.held()

    assert (["column_gone"], "column 'status' is gone", rows, 0) == tuple(
        row[name] for name in ("kinds", "why_en", "valid", "quarantined")
    )
    assert "缺少“状态”列" in run.question(landed)["body"]
    assert [] == run.held_batch(batch_id)["first_rows"]
    run.decide(batch_id, "approved", "desk", "they announced it")
    run.load()
    assert (rows or None) == ask("select sum(sample_count) from street.device_status")[0][0]


def test_a_question_names_rows_and_rules_and_no_value(home: Path) -> None:
    rows = [
        GOOD_ORDER
        | {"工单编号": f"{number} 13912345678", "受理时间": "身份证110101199003071234", "主要内容": "王小明"}
        for number in range(30)
    ]
    landed = str(land_by_hand("city_hotline_orders", rows))
    batch_id = held(landed)
    question = run.question(landed)
    told = json.dumps([question, run.held()], ensure_ascii=False, default=str)

    assert batch_id in question["subject"]
    for value in ("13912345678", "110101199003071234", "王小明", "1391234", "19900307"):
        assert value not in told
        for path in (lake.lake() / "held").rglob("*.json"):
            assert value not in path.read_text(encoding="utf-8")
    shown = json.dumps(run.held_batch(batch_id), ensure_ascii=False, default=str)
    assert not {"13912345678", "110101199003071234"} & set(re.findall(r"\d+", shown))
    assert "| 1 | `" in question["body"]
    assert "有效的 0 行入库" in question["body"]


@pytest.mark.long
def test_a_batch_whose_bytes_are_gone_can_be_kept_out_but_not_let_in(home: Path) -> None:
    landed = land()
    batch_id = held(landed)
    for path in Path(landed).glob("part*"):
        path.unlink()
    with pytest.raises(DataError, match="are gone, so its rows can no longer be let in"):
        run.decide(batch_id, "approved", "desk", "known fault")
    assert decisions.files() == []

    run.decide(batch_id, "rejected", "desk", "gone")
    run.load()
    assert [(40, 0, 0, 40, True, "rejected by desk: gone")] == ask(EQUATION)


def test_corrections_go_back_row_by_row_and_are_never_held(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = staging.stage

    def corrected(contract: Any, landed: Path) -> Path:
        folder = stage(contract, landed)
        replace(Receipt.read(folder), origin=CORRECTION).write(folder)
        return folder

    monkeypatch.setattr(staging, "stage", corrected)

    assert 16 == Receipt.read(Path(run.gate(land()))).quarantined


def test_judging_a_held_batch_again_leaves_it_as_it_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landed = land()
    held(landed)
    folder = lake.same_batch(Path(landed), "held")
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}
    monkeypatch.setattr(staging, "stage", None)
    held(landed)

    assert before == {path.name: (path.stat().st_ino, path.read_bytes()) for path in folder.iterdir()}


def test_a_decision_needs_a_desk_a_reason_and_a_batch_that_is_held(home: Path) -> None:
    batch_id = held(land())
    for by, reason in ((" ", "why"), ("desk", "\n")):
        with pytest.raises(DataError, match="without a desk or a reason"):
            run.decide(batch_id, "approved", by, reason)
    with pytest.raises(DataError, match="no batch 'nonsense' is or was held"):
        run.decide("nonsense", "approved", "desk", "why")
    assert decisions.files() == []


@pytest.mark.long
def test_a_damaged_decision_about_another_batch_stops_no_gate(home: Path) -> None:
    lake.write_file(decisions.folder("batches") / "20261101T000000Z-0000000000.json", b'{"decision": "appro')
    run.gate(land(30, 0))
    with pytest.raises(Exception, match="not every decision about batches can be read"):
        held(land())
        run.load()


@pytest.mark.long
def test_of_two_who_decide_in_the_same_second_the_later_one_holds(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_id = held(land())
    now = run.held()[0]["landed_at"]
    monkeypatch.setattr("pipelines.settings.now", lambda: now)
    for decision in ("approved", "rejected", "approved", "rejected"):
        assert decision == run.decide(batch_id, decision, "desk", "why")["state"]

    assert 4 == len(batches.read())
