"""A fresh home for every test, throw-away keys, and the folder of real files when there is one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


class ByFile(LoadScopeScheduling):
    """Tests of one file share a process, and so do all files that read the channel's three days: they are made once."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "channel" if _reads_the_channel(path) else path


@cache
def _reads_the_channel(path: str) -> bool:
    return bool(
        re.search(r"\b(at_channel|copied|channel: Channel)\b", (PROJECT / path).read_text(encoding="utf-8"))
    )


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """Groups by mark are none in pytest 9.2: it does not look at the names that pytest-xdist 3.8 gives them."""
    return ByFile(config, log)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own: no test sees another's lake, nor the user's."""
    folder = tmp_path / "home"
    monkeypatch.setenv("URBANBRAIN_HOME", str(folder))
    monkeypatch.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
    monkeypatch.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")
    for name in (
        "URBANBRAIN_PROJECT",
        "URBANBRAIN_SERVER",
        "URBANBRAIN_SAMPLE_CITY_URL",
        "URBANBRAIN_BOUNDARIES",
    ):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def shared_data() -> Path:
    """Real files that nobody here wrote; the test is skipped where they are absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder ../shared/data with real input files is not here")
    return SHARED_DATA
