"""A fresh home for every test, throw-away keys, and the folder of real files when there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of one file share a process, and so do all that read the channel's three days: they are made once."""
    for item in items:
        is_shared = "channel" in getattr(item, "fixturenames", ())
        group = "channel" if is_shared else str(item.path.relative_to(PROJECT))
        item.add_marker(pytest.mark.xdist_group(group))


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
