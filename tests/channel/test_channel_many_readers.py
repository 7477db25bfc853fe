"""Many readers ask while releases are published and pruned: each answer is of exactly one release, and nobody waits."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import reading
from later_days import arrive, days_of, put_away

from pipelines import lake, releases, run, settings
from pipelines.releases import Release, retention
from pipelines.releases.retention import Policy
from pipelines.stages import gate

DEMO_DAYS = 3
QUESTION = (
    "select epoch_ms((select as_of from this_office)) as as_of, (select count(*) from city.hotline_orders) as orders, "
    "(select count(*) from governance.cases) as cases, "
    "(select sum(received_count) from governance.street_scorecard)::bigint as received"
)


@dataclass
class Reader:
    """One process, and the file it writes its answers into."""

    kind: str
    process: subprocess.Popen[bytes]
    said: Path

    def answers(self) -> list[dict[str, Any]]:
        lines = self.said.read_text(encoding="utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]


@dataclass
class Published:
    """What a reader of each release has to be told, in the order in which they were published."""

    ids: list[str] = field(default_factory=list)
    office: list[list[Any]] = field(default_factory=list)
    tables: list[list[Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    pruned: list[str] = field(default_factory=list)

    def add(self, release: Release, seconds: float) -> None:
        assert [] == release.verify()
        with duckdb.connect(str(release.office_file(reading.OFFICE)), read_only=True) as office:
            told = list(office.execute(QUESTION).fetchall()[0])
        counts = [
            duckdb.sql(f"select count(*) from '{release.path}/tables/{table}.parquet'").fetchall()[0][0]
            for table in reading.TABLES
        ]
        self.ids.append(release.release_id)
        self.office.append(told)
        self.tables.append([*counts, release.release_id])
        self.seconds.append(seconds)

    def place(self, kind: str, answer: dict[str, Any]) -> int:
        """Which release an answer is of; it raises when it is of none, or of another than it says."""
        known = self.office if kind in ("sql", "office") else self.tables
        place = known.index(answer["values"])
        assert answer["release"] in (None, self.ids[place])
        return place


@contextmanager
def reading_all(kinds: list[str], folder: Path) -> Iterator[tuple[list[Reader], Path]]:
    """Readers, each a process of its own; ended by the file, or else killed."""
    folder.mkdir()
    end = folder / "end"
    readers = []
    try:
        for number, kind in enumerate(kinds):
            said = folder / f"{number}.jsonl"
            with said.open("wb") as stream:
                process = subprocess.Popen(
                    [sys.executable, reading.__file__, kind, QUESTION, str(end)], stdout=stream
                )
            readers.append(Reader(kind, process, said))
        yield readers, end
    finally:
        for reader in readers:
            reader.process.kill()
            reader.process.wait()


def wait_for(readers: list[Reader], more_than: int) -> None:
    """Until every reader has given more answers than so many."""
    while any(len(reader.answers()) <= more_than for reader in readers):
        assert all(reader.process.poll() is None for reader in readers)
        time.sleep(0.1)


def publish() -> tuple[Release, float]:
    began = time.monotonic()
    run.load()
    run.build()
    run.check()
    release = releases.read(Path(run.publish()).name)
    return release, time.monotonic() - began


def read_while_publishing(
    home: Path, tmp_path: Path, kinds: list[str], count: int, *, lasting: float, grace: timedelta
) -> Published:
    """Publish so many releases while readers read, and prune after each; returns what was published."""
    days = days_of(home, DEMO_DAYS + count)[DEMO_DAYS:]
    put_away(days, tmp_path / "aside")
    published = Published()
    published.add(releases.current(), 0.0)
    began = time.monotonic()
    with reading_all(kinds, tmp_path / "readers") as (readers, end):
        wait_for(readers, 0)
        for number, day in enumerate(days, start=1):
            arrive(tmp_path / "aside", day)
            published.add(*publish())
            policy = Policy(newest=1, months=0, grace=grace)
            going = [fate for fate in retention.fates(policy, settings.now()) if not fate.stays]
            published.pruned += retention.remove(going, policy, settings.now())
            run.upkeep()
            time.sleep(max(0.0, began + lasting * number / count - time.monotonic()))
        end.touch()
        for reader in readers:
            assert 0 == reader.process.wait()
        answers = [(reader.kind, reader.answers()) for reader in readers]
    each_is_of_one_release(published, answers)
    everything = [answer["seconds"] for _, told in answers for answer in told]
    print(
        f"\n{len(kinds)} readers gave {len(everything):,} answers in {time.monotonic() - began:.0f} s, the slowest in "
        f"{max(everything):.1f} s, while {count} releases were published in "
        f"{', '.join(f'{seconds:.1f}' for seconds in published.seconds[1:])} s and {len(published.pruned)} pruned"
    )
    return published


def each_is_of_one_release(published: Published, answers: list[tuple[str, list[dict[str, Any]]]]) -> None:
    assert len(published.ids) == len({str(each) for each in published.office})
    seen = set()
    for kind, told in answers:
        assert [] == [answer["error"] for answer in told if "error" in answer]
        places = [published.place(kind, answer) for answer in told]
        assert places == sorted(places), f"a reader by {kind} went back: {places}"
        assert len(published.ids) - 1 == places[-1], "the last question was asked after the last release"
        seen.update(places)
    assert set(range(len(published.ids))) == seen


@pytest.fixture
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Output contracts are judged elsewhere; the checks beside the models are not left out."""
    monkeypatch.setattr(gate, "broken_rules", lambda *_: [])


@pytest.mark.long
def test_six_readers_during_two_releases(copied: Path, tmp_path: Path, unjudged: None) -> None:
    kinds = ["sql", "office", "office", "pandas", "pyarrow", "pyarrow"]

    published = read_while_publishing(copied, tmp_path, kinds, 2, lasting=10, grace=timedelta(hours=1))

    assert [] == published.pruned
    assert [] == lake.leftovers(settings.now() + timedelta(days=2))


@pytest.mark.soak
def test_twenty_readers_for_two_minutes_during_six_releases(
    copied: Path, tmp_path: Path, unjudged: None
) -> None:
    kinds = ["sql"] * 4 + ["office"] * 6 + ["pandas"] * 5 + ["pyarrow"] * 5

    published = read_while_publishing(copied, tmp_path, kinds, 6, lasting=120, grace=timedelta(seconds=60))

    assert published.pruned
    assert not set(published.pruned) & {each.release_id for each in releases.list_releases()}
    assert [] == [line for each in releases.list_releases() for line in each.verify()]
