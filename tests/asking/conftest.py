"""One release of two streets for the whole room; every question leaves it as it was."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asked
import pytest
from two_streets import published_in

from pipelines import releases


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one release, for questions that change nothing."""
    folder = tmp_path_factory.mktemp("published")
    published_in(folder)
    yield folder / "home"
    asked.stop()


@pytest.fixture(autouse=True)
def use_published(home: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Every question meets the same release, and leaves it as it was."""
    monkeypatch.setenv("URBANBRAIN_HOME", str(published))
    yield published
    monkeypatch.setenv("URBANBRAIN_HOME", str(published))
    assert [] == releases.current().verify()
