"""A fresh home for every test, throw-away keys, and the folder of real files when there is one."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

MAY_BE_ABSENT = ("../shared", "Chromium", "pyspark")
"""What a test may be skipped for where CI runs. All else that tests need is pinned, and its absence is a failure."""

PROJECT = Path(__file__).resolve().parent.parent
SHARED_DATA = PROJECT.parent / "shared" / "data"


# The files that last longest, everyday and long ones together, so that two processes end at about the same time. Of those
# at the top every second one reads no channel: while one process makes the three days, the other has something to do.
# It is an order and no more, and need not be quite right; files that are not here come after.
LONGEST = (
    "channel/test_channel_made_again.py",
    "channel/test_channel_incremental.py",
    "channel/test_channel_bad_input.py",
    "feeds/test_recorded_answers_of_feeds.py",
    "channel/test_channel_desk.py",
    "second_city/test_releases_made_again.py",
    "channel/test_channel_tables_levels.py",
    "areas/test_editions.py",
    "channel/test_channel_many_readers.py",
    "linkage/test_linkage_for_people.py",
    "channel/test_channel_again.py",
    "drift/test_drift.py",
    "defects/test_files_with_defects.py",
    "channel/test_channel_backfill.py",
    "channel/test_channel_killed.py",
    "channel/test_channel_answer_key.py",
    "channel/test_channel_held.py",
    "channel/test_channel_reduced.py",
    "channel/test_channel_trace.py",
    "channel/test_channel_leaks.py",
    "channel/test_channel_tables_office.py",
    "feeds/test_eighth_feed.py",
    "channel/test_channel_readme.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling:
    """Tests of one file share a process; files are handed out in the order of `pytest_collection_modifyitems`."""
    config.option.loadscopereorder = False
    return LoadFileScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {file: number for number, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.relative_to(PROJECT / "tests").as_posix(), len(place)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return not_skipped_in_ci((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return not_skipped_in_ci((yield))


def not_skipped_in_ci(report: Any) -> Any:
    """A skip is a failure where CI is set, unless it names what CI need not have."""
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(name in reason for name in MAY_BE_ABSENT):
            report.outcome = "failed"
            report.longrepr = f"{reason}; in CI nothing is skipped but for want of {', '.join(MAY_BE_ABSENT)}"
    return report


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
