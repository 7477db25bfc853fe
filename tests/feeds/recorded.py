"""Recorded answers instead of a source: the same landing, the same gate, no network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from let_in import let_in

from pipelines import run
from pipelines.connectors import Pulled
from pipelines.contract.model import Contract, Server
from pipelines.lake import Window
from pipelines.receipt import Receipt
from pipelines.stages import landing

EXPECT = "expect.yaml"
COUNTS = ("received", "validated", "quarantined", "duplicate", "refused", "rules")


def expected(folder: Path) -> dict[str, Any]:
    """What `expect.yaml` says."""
    found: dict[str, Any] = yaml.safe_load((folder / EXPECT).read_text(encoding="utf-8"))
    return found


def parts(folder: Path) -> list[Path]:
    """The files of the answer, in the order they came."""
    return sorted(path for path in folder.iterdir() if path.name != EXPECT)


def replay(folder: Path, environment: pytest.MonkeyPatch) -> Receipt:
    """Land and judge the answer recorded in a folder named like its feed; returns the gate's receipt."""

    def pull(contract: Contract, server: Server, window: Window, keep: Any, **_: Any) -> Pulled:
        for path in parts(folder):
            keep(path.read_bytes(), server.format)
        return Pulled(source="recorded", request_id="recorded")

    environment.setattr(landing, "pull", pull)
    said = expected(folder)
    window = said["window"]
    start, end = window if isinstance(window, list) else (window, None)
    landed = run.land(folder.name, start, end, said["landed_at"])
    # A recorded answer is kept for its bad rows, so there are more of them than a batch may have.
    return Receipt.read(Path(let_in(landed)))


def counts(receipt: Receipt) -> dict[str, Any]:
    """The numbers that `expect.yaml` tells beforehand."""
    return {name: getattr(receipt, name) for name in COUNTS}
