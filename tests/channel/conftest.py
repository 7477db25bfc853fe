"""One channel run for the whole room, copies of it for whoever changes something, and a city of one's own."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
import requests
from channel_days import CITY, PROJECT, Channel, run_channel, secrets
from desk_sheets import BAD_ORDERS, judge_orders
from forking import Forks

from pipelines.connectors import session
from pipelines.samplecity import server


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """Writers that can be killed: a process that has imported everything, and forks one for each attempt."""
    with Forks(tmp_path_factory.mktemp("forks") / "said.txt") as forks:
        yield forks


@pytest.fixture(scope="session")
def channel(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Channel:
    """The three demo days, from the sources to a release: made by the process that asks first, and copied by each.

    Whoever looks into a warehouse may hold it alone for that long, so that no two processes can share one.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # where each process has such a folder
    made, told = shared / "channel-as-made", shared / "channel.json"
    with (shared / "channel.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not told.exists():
            shutil.rmtree(made, ignore_errors=True)  # of a process that failed at it
            days = run_channel(made, request.getfixturevalue("forks"))
            told.write_text(json.dumps(asdict(days), default=str), encoding="utf-8")
    home = tmp_path_factory.mktemp("channel") / "home"
    shutil.copytree(made, home)
    found = json.loads(told.read_text(encoding="utf-8"))
    folders = tuple(home / Path(folder).relative_to(made) for folder in found["folders"])
    return Channel(**{**found, "home": home, "folders": folders})


@pytest.fixture
def at_channel(channel: Channel, monkeypatch: pytest.MonkeyPatch) -> Channel:
    """The same, and this test's home is its home: for tests that only read."""
    monkeypatch.setenv("URBANBRAIN_HOME", str(channel.home))
    return channel


@pytest.fixture
def copied(channel: Channel, home: Path) -> Path:
    """This test's own home, with all the channel left."""
    shutil.copytree(channel.home, home)
    return home


@pytest.fixture(scope="session")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """A project of two feeds, a home with one batch of bad orders, judged and loaded, and that batch's id."""
    folder = tmp_path_factory.mktemp("desk")
    for room in ("operations", "reference"):
        shutil.copytree(PROJECT / "contracts" / room, folder / "project" / "contracts" / room)
    for name in ("city/hotline_orders", "street/device_status"):
        target = folder / "project" / "contracts" / f"{name}.odcs.yaml"
        target.parent.mkdir()
        shutil.copy(PROJECT / "contracts" / f"{name}.odcs.yaml", target)
    with pytest.MonkeyPatch.context() as patch:
        secrets(patch, folder / "home")
        patch.setenv("URBANBRAIN_PROJECT", str(folder / "project"))
        return folder / "project", folder / "home", judge_orders(*BAD_ORDERS)


@pytest.fixture
def batch(judged: tuple[Path, Path, str], home: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same in a home of this test's own."""
    project, kept, batch_id = judged
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(project))
    shutil.copytree(kept, home)
    return batch_id


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A city of one's own that the contracts point to; its clock and faults may be changed."""
    with server.running(CITY) as url:
        monkeypatch.setenv("URBANBRAIN_SAMPLE_CITY_URL", url)
        yield url


@pytest.fixture
def fault(address: str) -> Callable[..., None]:
    """Makes the city misbehave at a path."""

    def put(path: str, kind: str, times: int = 99, column: str = "") -> None:
        asked = {"path": path, "kind": kind, "times": times, "column": column}
        answer = requests.put(f"{address}/faults", json=asked, timeout=300)
        assert answer.ok, answer.text

    return put


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits in a test; what would have been waited is listed here."""
    waited: list[float] = []
    monkeypatch.setattr(session, "sleep", waited.append)
    return waited
