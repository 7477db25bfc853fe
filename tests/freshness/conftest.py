"""Most tests here are about time: how many rows are usual is asked only where the fixture `counted` says so."""

from __future__ import annotations

import pytest

from pipelines.freshness import usual

_days = usual.days


@pytest.fixture(autouse=True)
def uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody counts rows: that takes a database each time."""
    monkeypatch.setattr(usual, "days", lambda *_: {})


@pytest.fixture
def counted(uncounted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are counted as ever."""
    monkeypatch.setattr(usual, "days", _days)
