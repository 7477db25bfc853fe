"""What the answer key promises. `samplecity_judge` reads the contracts by itself, so that nobody marks his own work."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
import yaml
from samplecity_judge import CONTRACTS, custom, judge
from small_city import CITY, DAYS, pulled_at, window

from pipelines.samplecity import City, answerkey
from pipelines.samplecity.catalogue import SOURCES
from pipelines.samplecity.city import hotline
from pipelines.samplecity.district import grid, schools
from pipelines.samplecity.street import steward

KINDS = {source.feed_id: source.defects for source in SOURCES if source.defects}


def _key(city: City, feed_id: str, day):
    """Rows that are not simply valid; whether one that is says what was mended in it is tests/channel's business."""
    return [row for row in _flagged_too(city, feed_id, day) if row["outcome"] != "flagged"]


def _flagged_too(city: City, feed_id: str, day):
    return answerkey.answer_key(city, feed_id, *window(day)).to_pylist()


@pytest.mark.parametrize("feed_id", answerkey.FEEDS)
def test_a_second_reading_of_the_contract_finds_exactly_the_labelled_rows(feed_id: str):
    for day in DAYS:
        wire = answerkey.served(CITY, feed_id, *window(day))
        labelled = [
            (row["row_number"], row["outcome"], tuple(row["rules"])) for row in _key(CITY, feed_id, day)
        ]

        assert labelled == judge(feed_id, wire, pulled_at(day), day)


@pytest.mark.parametrize("seed", [8, 9])
def test_that_holds_for_other_cities_too(seed: int):
    city = City(seed=seed, scale=0.3)
    for feed_id in (hotline.FEED, grid.FEED, steward.FEED):
        wire = answerkey.served(city, feed_id, *window(DAYS[2]))
        labelled = [(r["row_number"], r["outcome"], tuple(r["rules"])) for r in _key(city, feed_id, DAYS[2])]

        assert labelled == judge(feed_id, wire, pulled_at(DAYS[2]), DAYS[2])


@pytest.mark.parametrize("feed_id", KINDS)
def test_three_days_show_every_kind_of_defect(feed_id: str):
    key = [row for day in DAYS for row in _flagged_too(CITY, feed_id, day)]
    shown = {(row["outcome"], tuple(row["rules"])) for row in key}
    shown |= {("flagged", flag) for row in key for flag in row["flags"]}
    planted = {fate for kind in KINDS[feed_id] for fate in _fates(kind)}

    assert set() == planted - shown


def _fates(kind):
    if kind.copy == "exact":
        return {("duplicate", ())}
    if kind.rules:
        return {("quarantined", tuple(sorted(kind.rules)))}
    return {("flagged", flag) for flag in kind.flags} or {("refused", ())}


@pytest.mark.parametrize("feed_id", answerkey.FEEDS)
def test_no_batch_of_the_demo_reaches_its_reject_limit(feed_id: str):
    level, _, name = feed_id.partition("_")
    promise = yaml.safe_load((CONTRACTS / level / f"{name}.odcs.yaml").read_text(encoding="utf-8"))
    for day in DAYS:
        rows = len(answerkey.served(CITY, feed_id, *window(day)))
        rejected = sum(row["outcome"] == "quarantined" for row in _key(CITY, feed_id, day))

        assert rejected <= custom(promise, "rejectLimit") * rows


def test_the_look_back_of_the_key_is_that_of_the_contracts():
    for source in SOURCES:
        level, _, name = source.feed_id.partition("_")
        promise = yaml.safe_load((CONTRACTS / level / f"{name}.odcs.yaml").read_text(encoding="utf-8"))
        text = custom(promise, "lookBack", "0h")

        assert timedelta(**{{"h": "hours", "d": "days"}[text[-1]]: int(text[:-1])}) == source.look_back


def test_about_three_rows_in_a_hundred_are_planted_at_full_size():
    city = City(scale=1.0)
    outcomes = Counter(row["outcome"] for row in _key(city, hotline.FEED, DAYS[0]))
    rows = len(answerkey.served(city, hotline.FEED, *window(DAYS[0])))

    assert 0.02 < outcomes["quarantined"] / rows < 0.05


def test_a_city_without_defects_sends_only_sound_rows():
    city = City(scale=0.1, defect_share=0)
    for feed_id in (hotline.FEED, grid.FEED, steward.FEED, schools.FEED):
        assert [] == _key(city, feed_id, DAYS[0])


def test_linked_records_name_the_record_their_problem_began_with():
    rows = answerkey.links(CITY).to_pylist()
    ids = {row["record_id"] for row in rows}
    evidence = Counter(row["evidence"] for row in rows)

    assert set() == {row["problem_id"] for row in rows} - ids
    assert {"first", "order_id", "remark", "component", "caller", "place", "text"} == set(evidence)
    assert all((row["evidence"] == "first") == (row["problem_id"] == row["record_id"]) for row in rows)
