"""Every defect a single row can have is mended with its flag, or sends the row to quarantine under its rule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from judged import Judged, judged, sheet
from row_vectors import VECTORS, Vector

KEYS = [f"{vector.identifier}-{number:03d}" for number, vector in enumerate(VECTORS, 1)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """All vectors at once; each is one row."""
    records = [{"thing_id": key, **vector.sent} for key, vector in zip(KEYS, VECTORS, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        home: Path = tmp_path_factory.mktemp("defects")
        patch.setenv("URBANBRAIN_HOME", str(home))
        patch.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
        patch.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")
        yield judged(patch, sheet(*records))


@pytest.mark.parametrize(("number", "vector"), list(enumerate(VECTORS, 1)), ids=KEYS)
def test_a_defect_is_handled_as_listed(batch: Judged, number: int, vector: Vector) -> None:
    key = KEYS[number - 1]

    assert sorted(vector.rules) == batch.rules.get(number, [])
    assert (key in batch.rows) == (not vector.rules)
    if not vector.rules:
        assert vector.values == {name: batch.rows[key][name] for name in vector.values}
        assert sorted(vector.flags) == sorted(batch.flags(key))


def test_no_row_is_lost(batch: Judged) -> None:
    assert len(VECTORS) == len(batch.rows) + len(batch.rules)
