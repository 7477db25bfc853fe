"""A project of two streets for every test, and one release of it for those that only read."""

from __future__ import annotations

from pathlib import Path

import pytest
from two_streets import project, published_in

from pipelines.releases import Release


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return project(tmp_path)


@pytest.fixture(scope="package")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """One release for the tests that only read."""
    return published_in(tmp_path_factory.mktemp("published"))
