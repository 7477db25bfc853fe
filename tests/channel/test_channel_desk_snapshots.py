"""A row of a snapshot that an office corrects, and what the snapshots after it make of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from channel_days import DAYS
from desk_sheets import asked, export, outcomes
from landed_by_hand import land_by_hand

from pipelines import run

FEED, STREET = "district_school_places", "110114011"
SCHOOL = {
    "schoolId": "3111140001", "campusNo": 1, "schoolYear": "2026-2027", "stage": "幼儿园", "schoolName": "一幼",
    "street": STREET, "placesPlanned": 360, "placesOpen": 360, "enrolled": 300, "isInclusive": True, "openedOn": "2023-09-01",
}  # fmt: skip
OTHER = SCHOOL | {"schoolId": "3111140002", "schoolName": "二幼"}
BAD = OTHER | {"enrolled": "很多"}


def brought(number: int, *records: dict[str, Any]) -> str:
    """The snapshot of a day, judged and loaded; its batch id."""
    landed = land_by_hand(FEED, records, day=DAYS[number])
    run.gate(str(landed))
    run.load()
    run.check()
    return landed.name.removeprefix("batch=")


@pytest.mark.long
@pytest.mark.parametrize(
    ("next_day", "enrolled", "is_gone", "is_from_the_snapshot", "states"),
    [
        ([SCHOOL, OTHER | {"enrolled": 311}], 311, False, True, ["corrected"]),
        ([BAD, SCHOOL], 299, False, False, ["corrected", "corrected"]),
        ([BAD | {"enrolled": "更多"}, SCHOOL], 299, False, False, ["corrected", "open"]),
        ([SCHOOL], 299, True, False, ["corrected"]),
    ],
    ids=[
        "sound by now: the source wins",
        "as bad: settled already",
        "bad otherwise: asked anew",
        "gone: marked so",
    ],
)
def test_a_corrected_row_stands_until_a_snapshot_has_it_sound_or_not_at_all(
    home: Path,
    tmp_path: Path,
    next_day: list[dict[str, Any]],
    enrolled: int,
    is_gone: bool,
    is_from_the_snapshot: bool,
    states: list[str],
) -> None:
    brought(0, SCHOOL, BAD)
    (key,) = (key for (key,) in asked("select business_key from ops.quarantine"))
    sheet = export(tmp_path, STREET, FEED).write(key, "enrolled", 299, FEED).save()
    assert {key: "accepted"} == outcomes(run.resubmit(sheet, "回龙观街道教育岗", "核对学籍"))
    run.load()
    run.check()
    row = "select enrolled, _is_deleted_upstream, _batch_id from district.school_places where school_name = '二幼'"
    ((_, was_gone, sent),) = asked(row)
    assert not was_gone

    snapshot = brought(1, *next_day)

    assert [(enrolled, is_gone, snapshot if is_from_the_snapshot else sent)] == asked(row)
    assert states == [state for (state,) in asked("select state from ops.quarantine order by landed_at")]
    assert [("accepted", key)] == asked("select outcome, record_key from ops.corrections"), (
        "the ledger tells it still"
    )
