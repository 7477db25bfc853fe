"""A town for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from by_hand import Town


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Town:
    return Town(tmp_path, monkeypatch)
