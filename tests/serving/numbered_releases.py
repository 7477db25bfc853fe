"""Releases of two streets that tell which one they are in every part that is served, and hide a figure in the open one."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from two_streets import FEEDS, GOVERNANCE, LANDED_AT, project, warehouse

from pipelines import releases
from pipelines.releases import Release
from pipelines.stages import publishing

HIDDEN = -1.0
"""What stands in the open table instead of a share."""


def numbered_release(folder: Path, number: int) -> Release:
    """The release of that number, in a home of its own."""
    landed = LANDED_AT + timedelta(hours=number)
    with pytest.MonkeyPatch.context() as patch, warehouse() as connection:
        patch.setenv("URBANBRAIN_HOME", str(folder / "home"))
        connection.execute(f"update ops.batches set landed_at = '{landed.isoformat()}'")
        connection.execute(f"update governance.channel_health set status = 'R{number}'")
        connection.execute(f"update governance.scorecard set period = 'R{number}'")
        connection.execute(f"update governance.cases set member_count = {number}")
        connection.execute(f"update city.orders set resolved = 'R{number}'")
        publishing.publish(connection, FEEDS, GOVERNANCE, project(folder))
        release = releases.current()
        _hide(release, "tables/governance.scorecard.parquet")
        return releases.read(release.release_id)


def _hide(release: Release, name: str) -> None:
    """Write an open table as suppression would: with other figures than the one in full has."""
    path = release.path / name
    path.chmod(0o644)
    with duckdb.connect() as connection:
        connection.execute(
            f"create table open as select * replace ({HIDDEN}::double as response_share), ['response_share'] as hidden from read_parquet('{path}')"
        )
        connection.execute(f"copy open to '{path}' (format parquet)")
    manifest = json.loads((release.path / releases.MANIFEST).read_text(encoding="utf-8"))
    for file in manifest["files"]:
        if file["path"] == name:
            file |= {"bytes": path.stat().st_size, "sha256": releases.file_sha256(path)}
    manifest["sha256"] = releases.manifest_sha256(manifest)
    target = release.path / releases.MANIFEST
    target.chmod(0o640)
    target.write_text(json.dumps(manifest, ensure_ascii=False), encoding="utf-8")
    assert [] == releases.read(release.release_id).verify()
