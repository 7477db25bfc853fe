"""Releases of the sample city are made again in other folders, byte by byte, from what was landed and kept."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from channel_days import DAYS, files, pulled_at, run_days, run_warehouse

from pipelines import releases, run
from pipelines.provenance.causes import CORRECTION, DATA, DECISION
from pipelines.run import Rebuilt

STAGES = ("landing", "validated", "quarantine", "held", "refused", "decisions")


@pytest.mark.long
def test_two_releases_are_made_again_byte_by_byte(home: Path, address: str, tmp_path: Path) -> None:
    """One of the first day; one of all three, with late versions, repetitions and a row given up at the desk."""
    run_days(address, DAYS[:1])
    published = [run_warehouse()]
    run_days(address, DAYS[1:])
    run.load()
    (bad, *_) = run.quarantined_rows("street_steward_requests")
    run.discard(
        bad["feed_id"],
        bad["batch_id"],
        [bad["row_number"]],
        by="desk",
        reason="nobody knows the place",
        as_of=pulled_at(DAYS[2]) + timedelta(hours=1),
    )
    published.append(run_warehouse())
    before = files(home / "releases", home / "inputs", *(home / "lake" / stage for stage in STAGES))

    for release_id in published:
        made = run.rebuild_release(release_id, str(tmp_path / release_id))

        assert isinstance(made, Rebuilt)
        assert () == made.differences
        assert files(home / "releases" / release_id) == files(Path(made.folder))
    assert before == files(home / "releases", home / "inputs", *(home / "lake" / stage for stage in STAGES))
    assert [] == [line for release in releases.list_releases() for line in release.verify()]
    difference = run.release_difference(*published)
    assert [DATA, CORRECTION, DECISION] == [cause.name for cause in difference.causes]
