"""One release of two streets for the whole room; every question leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asked
import pytest
from two_streets import FEEDS, GOVERNANCE, project, warehouse

from pipelines import releases
from pipelines.stages import publishing


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one release, for questions that change nothing."""
    folder = tmp_path_factory.mktemp("published")
    with pytest.MonkeyPatch.context() as patch, warehouse() as connection:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        publishing.publish(connection, FEEDS, GOVERNANCE, project(folder))
    yield folder / "home"
    asked.stop()


@pytest.fixture(autouse=True)
def use_published(home: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every question meets the same release, and leaves it as it was."""
    monkeypatch.setenv("URBANBRAIN_HOME", str(published))
    yield published
    monkeypatch.setenv("URBANBRAIN_HOME", str(published))
    assert [] == releases.current().verify()
