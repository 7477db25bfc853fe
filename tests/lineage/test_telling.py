"""A stage is told of while it works, and never notices."""

from __future__ import annotations

import logging
import multiprocessing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from openlineage_official import Official, events

from pipelines import lake, run, settings
from pipelines.contract import Server, load, load_all
from pipelines.errors import BatchHeld, DataError, FeedUnavailable
from pipelines.samplecity import City, server
from pipelines.telling import datasets, one_file
from pipelines.telling import events as telling

FEED = "city_hotline_orders"
CITY = City(scale=0.02)


@pytest.fixture(autouse=True)
def nobody_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No configuration of whoever runs the tests, and no silence of the test before."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(telling, "_silence", telling._Silence())
    for name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE_DISABLED", "OPENLINEAGE_PARENT_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def official(shared_data: Path) -> Official:
    folder = shared_data / "standards" / "openlineage"
    if not folder.is_dir():
        pytest.skip("the official schemas of OpenLineage are not in ../shared/data")
    return Official(folder)


def told() -> list[dict[str, Any]]:
    return events(lake.lineage_events())


def states() -> list[str]:
    return [event["eventType"] for event in told()]


def test_a_landing_is_told_with_its_source_its_window_and_its_batch(
    monkeypatch: pytest.MonkeyPatch, official: Official
) -> None:
    with server.running(CITY) as url:
        monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", f"{url}?token=geheim")
        monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", url)
        folder = run.land(FEED, date(2026, 11, 17), as_of=datetime.fromisoformat("2026-11-18T01:00:00+08:00"))
    start, complete = told()
    output = complete["outputs"][0]

    assert ["START", "COMPLETE"] == states()
    assert [] == [*official.problems(start), *official.problems(complete)]
    assert start["run"]["runId"] == complete["run"]["runId"]
    assert url == complete["inputs"][0]["namespace"]
    assert ("file", str(lake.lake() / "landing" / FEED)) == (output["namespace"], output["name"])
    assert Path(folder).name == f"batch={output['facets']['version']['datasetVersion']}"
    assert "2026-11-16T16:00:00+00:00" == start["run"]["facets"]["nominalTime"]["nominalStartTime"]


def test_a_source_that_is_not_there_is_told_as_a_failure(
    monkeypatch: pytest.MonkeyPatch, official: Official
) -> None:
    monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("pipelines.connectors.session.sleep", lambda _: None)
    with pytest.raises(FeedUnavailable):
        run.land(FEED, date(2026, 11, 17))

    assert ["START", "FAIL"] == states()
    assert [] == official.problems(told()[1])
    assert FEED in told()[1]["run"]["facets"]["errorMessage"]["message"]


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (DataError("too few rows", next_step="ask"), "FAIL", "too few rows"),
        (BatchHeld("it waits", next_step="look"), "ABORT", "it waits"),
        (ValueError("张三 13800001111"), "FAIL", "ValueError"),
        (KeyboardInterrupt(), "FAIL", "KeyboardInterrupt"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_error_is_told_without_what_strangers_put_into_it(
    error: BaseException, state: str, said: str
) -> None:
    with pytest.raises(type(error)), telling.running("a.job"):
        raise error
    message = told()[1]["run"]["facets"]["errorMessage"]["message"]

    assert ["START", state] == states()
    assert message.startswith(said)
    assert "13800001111" not in message


def test_the_same_job_is_another_run_each_time() -> None:
    for _ in range(2):
        with telling.running("a.job"):
            pass

    assert 2 == len({event["run"]["runId"] for event in told()})


# A logical date and the end of a run id, with the ids the provider gives the second attempt of feed__a.land.
TASKS = {
    "2026-11-17T16:00:00+00:00": "01a1ea3c-9000-75e6-94a9-8379054fe123",
    "2026-11-18T16:00:00+00:00": "01a1ef62-ec00-7384-8ab6-d1ecd4d3a397",
}


@pytest.mark.parametrize("date_is_known", [True, False])
def test_a_run_names_the_task_it_is_part_of(monkeypatch: pytest.MonkeyPatch, *, date_is_known: bool) -> None:
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__NAMESPACE", "urbanbrain")
    logical, other = TASKS
    for name, value in {
        "DAG_ID": "feed__a", "TASK_ID": "land", "TRY_NUMBER": "2",
        "LOGICAL_DATE": logical if date_is_known else "", "DAG_RUN_ID": f"asset_triggered__{other}_x7",
    }.items():  # fmt: skip
        monkeypatch.setenv(f"AIRFLOW_CTX_{name}", value)
    expected = TASKS[logical if date_is_known else other]

    assert settings.ParentRun("urbanbrain", "feed__a.land", expected) == settings.parent_run()


@pytest.mark.long
def test_the_provider_still_calls_a_task_so() -> None:
    from airflow.providers.openlineage.utils import utils as provider

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider.conf, "namespace", lambda: "urbanbrain")
        found = {
            instant: provider.build_task_instance_ol_run_id(
                "feed__a", "land", 2, datetime.fromisoformat(instant), -1
            )
            for instant in TASKS
        }

    assert found == TASKS


@pytest.mark.parametrize("garbled", ["", "a", "a/b", "//", "a//b"])
def test_a_garbled_parent_is_no_parent(monkeypatch: pytest.MonkeyPatch, garbled: str) -> None:
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", garbled)

    assert settings.parent_run() is None


def test_a_broken_transport_warns_once_and_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "nobody.knows.This")
    telling._client_of.cache_clear()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            with telling.running("a.job"):
                pass
    telling._client_of.cache_clear()

    assert 1 == len([line for line in caplog.messages if "lineage is not told" in line])
    assert not lake.lineage_events().exists()


def test_a_full_disk_harms_nobody(home: Path) -> None:
    home.mkdir(parents=True)
    (home / "lineage").write_text("in the way")
    with telling.running("a.job"):
        done = True

    assert done


def test_nothing_is_told_when_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    with telling.running("a.job"):
        pass

    assert not lake.lineage_events().exists()


def _append(path: str, number: int) -> None:
    transport = one_file.OneFile(one_file.OneFileConfig(Path(path)))
    for each in range(100):
        transport.emit({"writer": number, "event": each, "long": "长" * 5_000})


def test_many_processes_write_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(one_file, "_FULL", 3_000_000)
    path = tmp_path / "told" / "events.jsonl"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(str(path), number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = [line for file in path.parent.glob("*.jsonl") for line in events(file)]

    assert {(writer, event) for writer in range(3) for event in range(100)} == {
        (line["writer"], line["event"]) for line in lines
    }
    assert len(list(path.parent.glob("*.jsonl"))) > 2


def test_what_a_killed_writer_left_half_written_spoils_no_other_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"half": ')
    one_file.OneFile(one_file.OneFileConfig(path)).emit({"whole": True})

    assert ['{"half": ', '{"whole": true}'] == path.read_text().splitlines()


def test_upkeep_lets_old_events_go(home: Path) -> None:
    folder = home / "lineage"
    folder.mkdir(parents=True)
    for day in range(12):
        (folder / f"events-202611{day:02}T000000.000000Z.jsonl").write_text("{}\n")
    (folder / "events.jsonl").write_text("{}\n")
    would = run.upkeep(dry_run=True)["lineage"]

    assert ["events-20261100", "events-20261101"] == [Path(path).name[:15] for path in would][:2]
    assert would == run.upkeep()["lineage"]
    assert 9 == len(list(folder.glob("*.jsonl")))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://u:p@city.example:8443/orders?key=geheim#x", ("https://city.example:8443", "/orders")),
        ("https://city.example/{start:%Y-%m-%d}.csv", ("https://city.example", "/{start}.csv")),
        ("https://city.example", ("https://city.example", "/")),
        ("/srv/drop/orders.csv", ("file", "/srv/drop/orders.csv")),
        ("${NOBODY_SET_THIS}/orders", ("file", "${NOBODY_SET_THIS}/orders")),
    ],
)
def test_a_source_is_called_by_its_address_without_secrets(location: str, expected: tuple[str, str]) -> None:
    assert expected == datasets.source(load(FEED), Server("sample", location, "file"))


def test_every_feed_has_a_source_by_name() -> None:
    names = {datasets.source(feed, feed.servers[0]) for feed in load_all()}

    assert len(load_all()) == len(names)
