"""Real files go through the channel once, over HTTP from this machine, for every test of this room."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from answering import Quiet, listening
from real_sources import PULLS, Pull

from pipelines import database, lake, run
from pipelines.receipt import Receipt

PROJECT = Path(__file__).parent / "project"
SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


@dataclass(frozen=True)
class Outcome:
    """What became of every pull, and the warehouse it ended in."""

    folder: Path
    receipts: dict[Pull, Receipt]
    landed: dict[Pull, Receipt]
    loaded: dict[str, dict[str, Any]]
    """Batch → what it did to the warehouse."""
    checked: dict[str, int]
    warehouse: Path

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        with database.writer(self.warehouse) as connection:
            return connection.execute(query).fetchall()

    def quarantine(self, pull: Pull) -> Path:
        """The file of a pull's quarantined rows; where it lies follows from the receipt."""
        receipt = self.receipts[pull]
        return self.folder.joinpath(
            "lake",
            "quarantine",
            receipt.feed_id,
            receipt.window.folder,
            f"batch={receipt.batch_id}",
            lake.ROWS,
        )


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on a free port; a file that lies there as .gz is served as what is in it."""

    class Files(Quiet):
        def do_GET(self) -> None:
            plain = folder / self.path.lstrip("/")
            packed = plain.with_name(f"{plain.name}.gz")
            if plain.is_file():
                self.answer(plain.read_bytes())
            elif packed.is_file():
                self.answer(gzip.decompress(packed.read_bytes()))
            else:
                self.send_error(404)

    with listening(Files) as url:
        yield url


@pytest.fixture(scope="session")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Every pull landed, judged and loaded, in a home of its own."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the folder ../shared/data with real input files is not here")
    folder = tmp_path_factory.mktemp("real")
    with serving(SHARED_DATA) as url, pytest.MonkeyPatch.context() as environment:
        environment.setenv("URBANBRAIN_HOME", str(folder))
        environment.setenv("URBANBRAIN_PROJECT", str(PROJECT))
        environment.setenv("URBANBRAIN_REAL_FILES_URL", url)
        environment.setenv("URBANBRAIN_SECRET_LANDING", "landing-key-for-tests")
        environment.setenv("URBANBRAIN_SECRET_CALLER", "caller-key-for-tests")
        landed, receipts = {}, {}
        for pull in PULLS:
            environment.setenv("URBANBRAIN_SERVER", pull.server)
            place = run.land(pull.feed_id, pull.first, pull.last)
            landed[pull] = Receipt.read(Path(place))
            receipts[pull] = Receipt.read(Path(run.gate(place)))
        loaded = {batch["batch_id"]: batch for batch in run.load()["batches"]}
        return Outcome(folder, receipts, landed, loaded, run.check(), lake.warehouse_file())
