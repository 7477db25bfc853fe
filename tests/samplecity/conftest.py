"""The small city, served."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_city import CITY

from pipelines.samplecity.server import running


@pytest.fixture
def address() -> Iterator[str]:
    """A city of one's own, served; its clock and faults may be changed."""
    with running(CITY) as url:
        yield url
