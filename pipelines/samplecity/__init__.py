"""A made-up Huitian that speaks the dialects of the real sources. The one room where Huitian is in Python.

Everything is a pure function of the city (seed, scale, first day) and a clock. Of the project only the command
line imports it; tests use `server.running` and `answerkey`. The heavy parts are imported when they are called.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.samplecity.world import City

__all__ = ["City", "serve", "write"]


def serve(host: str = "127.0.0.1", port: int = 8600, seed: int = 7, scale: float = 1.0) -> None:
    """Serve the city over HTTP until interrupted."""
    from pipelines.samplecity import server

    server.serve(host, port, seed, scale)


def write(city: City, folder: Path, days: int = 3) -> Iterator[Path]:
    """Write what every feed sends on each of the first `days` days, and the answer key; gives each file's path."""
    from pipelines.samplecity import files

    return files.write(city, folder, days)
