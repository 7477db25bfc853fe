"""Old releases go by the policy and by nothing else, whole, and with what only they were made from."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from two_streets import FEEDS, GOVERNANCE, WITHOUT_OFFICES, project, published_in, warehouse
from typer.testing import CliRunner

from pipelines import cli, lake, releases, run, settings
from pipelines.errors import SettingError, WarehouseError
from pipelines.provenance import inputs
from pipelines.releases import marks, retention
from pipelines.releases.retention import Policy
from pipelines.stages import publishing

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
FIRST = datetime(2025, 10, 31, 16, tzinfo=UTC)
EVERYTHING_OLD = Policy(1, 0, timedelta(hours=24))


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one release in it, to be copied by each test."""
    folder = tmp_path_factory.mktemp("published")
    published_in(folder, WITHOUT_OFFICES)
    return folder / "home"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(settings, "now", lambda: NOW)
    return


@pytest.fixture
def many(home: Path, published: Path) -> list[str]:
    """Twenty releases, one every twenty days, the last one CURRENT, each made from an input of its own. Ids, oldest first."""
    shutil.copytree(published, home)
    template = releases.current()
    ids = []
    for number in range(20):
        as_of = FIRST + timedelta(days=20 * number)
        ids.append(_again(template, as_of, number))
    shutil.rmtree(template.path)
    _point(ids[-1])
    return ids


def _again(template: releases.Release, as_of: datetime, number: int) -> str:
    release_id = f"{lake.stamp(as_of)}-{number:010x}"
    folder = lake.releases() / release_id
    shutil.copytree(template.path, folder)
    source = lake.releases().parent / f"of-{number}.sql"
    source.write_text(f"select {number}", encoding="utf-8")
    kept = inputs.keep({f"warehouse/{source.name}": source})
    manifest = template.manifest | {"release_id": release_id, "as_of": as_of.isoformat()}
    manifest["batches"] = []
    manifest["inputs"] = [{"path": name, "sha256": digest} for name, digest in kept.items()]
    manifest["sha256"] = releases.manifest_sha256(manifest)
    (folder / releases.MANIFEST).chmod(0o640)
    (folder / releases.MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    _date(folder / releases.MANIFEST, as_of)
    for digest in kept.values():
        _date(lake.kept_input(digest), as_of)
    return release_id


def _date(path: Path, instant: datetime) -> None:
    os.utime(path, (instant.timestamp(), instant.timestamp()))


def _point(release_id: str) -> None:
    lake.write_file(lake.releases() / releases.CURRENT, f"{release_id}\n".encode())


def _there() -> list[str]:
    return [each.release_id for each in releases.list_releases()]


def _kept_by() -> dict[str, str]:
    """What each input that is kept stands for, by the releases that are there."""
    return {path.stem: "" for path in lake.kept_inputs()}


def test_the_newest_and_the_last_of_each_month_stay(many: list[str]) -> None:
    found = run.prune(keep=5, months=8)

    months: dict[str, str] = {}
    for number, each in enumerate(many):
        local = FIRST + timedelta(days=20 * number) + timedelta(hours=8)
        months[f"{local:%Y-%m}"] = each
    expected = sorted({*many[-5:], *list(months.values())[-8:]})
    assert expected == _there()
    assert set(many) - set(expected) == set(found.gone)
    assert many[-1] == releases.current().release_id
    assert [] == [line for each in releases.list_releases() for line in each.verify()]


def test_the_policy_comes_from_the_environment(many: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("URBANBRAIN_KEEP_RELEASES", "3")
    monkeypatch.setenv("URBANBRAIN_KEEP_MONTHS", "0")

    run.upkeep()

    assert many[-3:] == _there()

    monkeypatch.setenv("URBANBRAIN_KEEP_RELEASES", "few")
    with pytest.raises(SettingError, match="URBANBRAIN_KEEP_RELEASES is 'few'"):
        run.upkeep()


def test_a_dry_run_says_the_same_and_removes_nothing(many: list[str]) -> None:
    before = {path for path in lake.releases().parent.rglob("*") if "locks" not in path.parts}

    would = run.prune(keep=2, months=3, dry_run=True)

    assert before == {path for path in lake.releases().parent.rglob("*") if "locks" not in path.parts}
    done = run.prune(keep=2, months=3)
    assert would == done
    assert would.gone


def test_current_pinned_and_damaged_ones_stay(many: list[str]) -> None:
    _point(many[7])
    run.pin(many[3], by="data desk", reason="annual report, call 13800138000")
    (lake.releases() / many[5] / releases.MANIFEST).write_text("{", encoding="utf-8")

    fates = {fate.release_id: fate.stays for fate in run.prune(keep=1, months=0).fates}

    assert {many[3], many[5], many[7], many[-1]} == {path.name for path in lake.releases().glob("2*")}
    assert ("pinned", "damaged", "current", "newest") == tuple(fates[many[place]] for place in (3, 5, 7, -1))
    said = marks.pins()[many[3]]
    assert "data desk" == said["by"]
    assert "13800138000" not in said["reason"]
    pins = {row["release_id"]: row["pin"] for row in run.release_list()}
    assert said == pins[many[3]]
    assert pins[many[7]] is None

    run.unpin(many[3])
    run.prune(keep=1, months=0)
    assert not (lake.releases() / many[3]).exists()


def test_a_pin_that_cannot_be_read_still_holds(many: list[str]) -> None:
    run.pin(many[0])
    (lake.releases() / "pins" / f"{many[0]}.json").write_bytes(b"\xff\xfe{")

    run.prune(keep=1, months=0)

    assert [many[0], many[-1]] == _there()


def test_what_was_current_a_moment_ago_stays_for_readers(many: list[str]) -> None:
    marks.note_replaced(many[0])
    marks.note_replaced(many[1])
    _date(lake.releases() / "replaced" / many[0], NOW - timedelta(hours=23))
    _date(lake.releases() / "replaced" / many[1], NOW - timedelta(hours=25))

    run.prune(keep=1, months=0)

    assert [many[0], many[-1]] == _there()


def test_a_publication_notes_which_release_it_replaces(home: Path, tmp_path: Path) -> None:
    made = project(tmp_path)
    with warehouse() as connection:
        connection.execute("update ref.areas set is_in_scope = false")
        first = publishing.publish(connection, FEEDS, GOVERNANCE, made).name
        publishing.publish(connection, FEEDS, GOVERNANCE, made)
        assert marks.replaced_at(first) is None
        (made / "warehouse" / "office" / "new.sql").write_text("select 1 as one", encoding="utf-8")
        second = publishing.publish(connection, FEEDS, GOVERNANCE, made).name
    assert marks.replaced_at(first) is not None
    assert marks.replaced_at(second) is None

    later = datetime.now(UTC)
    assert {first: "read", second: "current"} == {
        fate.release_id: fate.stays for fate in retention.fates(EVERYTHING_OLD, later)
    }
    much_later = later + timedelta(hours=25)
    assert [first] == [f.release_id for f in retention.fates(EVERYTHING_OLD, much_later) if not f.stays]


def test_only_those_published_longer_ago_go(many: list[str]) -> None:
    run.prune(keep=1, months=0, older_than=timedelta(days=100))

    limit = NOW - timedelta(days=100)
    assert [each for n, each in enumerate(many) if FIRST + timedelta(days=20 * n) > limit] == _there()


def test_the_start_of_several_ids_names_none_of_them(many: list[str]) -> None:
    with pytest.raises(WarehouseError, match="several releases start so: '20'") as caught:
        run.find_release("20")

    assert many[-1] in caught.value.next_step


def test_a_release_that_is_gone_is_said_to_be(many: list[str]) -> None:
    run.prune(keep=1, months=0)

    for ask in (
        lambda: run.find_release(many[0]),
        lambda: run.find_release(many[0][:16]),
        lambda: releases.read(many[0]),
        lambda: run.rebuild_release(many[0], "elsewhere"),
        lambda: run.release_difference(many[0], many[-1]),
    ):
        with pytest.raises(WarehouseError, match=f"release {many[0]} was pruned on 2026-11-29: kept are"):
            ask()
    with pytest.raises(WarehouseError, match="several releases start so"):
        run.find_release("2025")
    with pytest.raises(WarehouseError, match="there is no release"):
        run.find_release("2019")


def test_inputs_go_with_the_last_release_that_needs_them(many: list[str]) -> None:
    needed = {each.release_id: set((each.inputs or {}).values()) for each in releases.list_releases()}

    found = run.prune(keep=3, months=0)

    there = {path.stem for path in lake.kept_inputs()}
    assert set().union(*(needed[each] for each in many[-3:])) <= there
    assert not there & set().union(*(needed[each] for each in many[:-3]))
    assert len(found.gone) == 17
    assert [] == [
        digest for each in releases.list_releases() for digest in inputs.absent((each.inputs or {}).values())
    ]


def test_inputs_kept_anew_stay_until_what_needs_them_is_there(many: list[str]) -> None:
    run.prune(keep=3, months=0)
    source = lake.releases().parent / "of-0.sql"
    (digest,) = inputs.keep({"warehouse/of-0.sql": source}).values()

    run.prune(keep=3, months=0)

    assert b"select 0" == inputs.read(digest)


def test_no_input_goes_while_a_damaged_release_may_need_it(many: list[str]) -> None:
    (lake.releases() / many[5] / releases.MANIFEST).write_text("{", encoding="utf-8")
    before = _kept_by()

    found = run.prune(keep=3, months=0)

    assert before == _kept_by()
    assert f"release {many[5]} is damaged and may need some" == found.left_alone


def test_without_a_readable_current_nothing_goes(many: list[str]) -> None:
    for content in (b"\xff\xfe", b"20200101T000000Z-0123456789\n"):
        (lake.releases() / releases.CURRENT).write_bytes(content)
        with pytest.raises(WarehouseError):
            run.prune(keep=1, months=0)
        assert many == _there()


def test_an_empty_home_has_nothing_to_prune(home: Path) -> None:
    found = run.prune()

    assert ((), ()) == (found.fates, found.inputs)


class Killed(BaseException):
    """Nothing of ours catches it, as nothing catches a kill."""


def test_killed_at_any_step_the_next_run_ends_it(
    many: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a run that is never killed leaves is left after any number of kills, and readers see whole releases only."""
    home = settings.home()
    shutil.copytree(home, tmp_path / "undisturbed")
    with settings.at(tmp_path / "undisturbed"):
        run.prune(keep=2, months=2)
        expected = _state()
    kills = 0
    real = {name: getattr(owner, name) for owner, name in _STEPS}

    def dying_at(limit: int) -> None:
        left = iter(range(limit))

        def patched(name: str):  # type: ignore[no-untyped-def]
            def call(*args, **named):  # type: ignore[no-untyped-def]
                if next(left, None) is None:
                    raise Killed
                return real[name](*args, **named)

            return call

        for owner, name in _STEPS:
            monkeypatch.setattr(owner, name, patched(name))

    for limit in itertools.count():
        dying_at(limit)
        try:
            run.prune(keep=2, months=2)
            break
        except Killed:
            kills += 1
        finally:
            for owner, name in _STEPS:
                monkeypatch.setattr(owner, name, real[name])
        assert [] == [line for each in releases.list_releases() for line in each.verify()]
        assert releases.current().release_id == many[-1]

    lake.remove(lake.leftovers(datetime.now(UTC) + timedelta(days=2)))

    assert kills > 5
    assert expected == _state()


_STEPS = ((lake, "set_aside"), (lake, "write_file"), (shutil, "rmtree"), (Path, "unlink"))


def _state() -> set[str]:
    return {
        str(path.relative_to(settings.home()))
        for path in settings.home().rglob("*")
        if "locks" not in path.parts
    }


def test_the_command_asks_before_it_removes(many: list[str]) -> None:
    words = ["release", "prune", "--keep", "2", "--months", "0"]

    refused = CliRunner().invoke(cli.app, words)
    assert 2 == refused.exit_code
    assert "say --yes" in refused.output
    would = CliRunner().invoke(cli.app, [*words, "--dry-run"], env={"COLUMNS": "200"})
    assert 0 == would.exit_code
    assert "18 releases and 18 kept inputs would go" in would.output
    assert many == _there()

    done = CliRunner().invoke(cli.app, [*words, "--yes"], env={"COLUMNS": "200"})
    assert 0 == done.exit_code
    assert "18 releases and 18 kept inputs gone" in done.output
    assert many[-2:] == _there()


def test_pins_are_set_shown_and_lifted(many: list[str]) -> None:
    pinned = CliRunner().invoke(
        cli.app, ["release", "pin", many[0], "--by", "data desk", "--reason", "report"]
    )
    assert (0, f"{many[0]} is pinned\n") == (pinned.exit_code, pinned.output)
    listed = CliRunner().invoke(cli.app, ["release", "list"], env={"COLUMNS": "300"})
    assert "pinned 固定: data desk report" in listed.output

    assert 0 == CliRunner().invoke(cli.app, ["release", "unpin", many[0]]).exit_code
    again = CliRunner().invoke(cli.app, ["release", "unpin", many[0]])
    assert isinstance(again.exception, WarehouseError)
    with pytest.raises(WarehouseError, match="there is no release"):
        run.pin("2019")
