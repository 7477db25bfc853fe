"""What is said on screen and written to files, the same way by every command."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from rich.console import Console
from rich.table import Column, Table

from pipelines.errors import UrbanBrainError


def _open_what_is_closed() -> None:
    """Give this process the three streams every process has: a file it opens would else become its output."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - open to the end


_open_what_is_closed()
_PIPE_WIDTH = 160  # a file or a pipe has no width of its own
out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True)


def say(text: str) -> None:
    """A line as it is: no colours of numbers, and not broken, so that what reads it finds it whole."""
    out.print(text, highlight=False, soft_wrap=True)


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A counter of rows and bytes: live in a terminal, one line at the end elsewhere."""
    if err.is_terminal:
        with err.status(what) as status:
            yield lambda rows, size: status.update(f"{what}: {rows:,} rows, {size / 1e6:,.1f} MB")
        return
    began, last = time.monotonic(), (0, 0)

    def count(rows: int, size: int) -> None:
        nonlocal last
        last = rows, size

    yield count
    seconds = time.monotonic() - began
    err.print(
        f"{what}: {last[0]:,} rows, {last[1]:,} bytes, {seconds:.1f} s", highlight=False, soft_wrap=True
    )


@contextmanager
def counted(what: str, unit: str = "batch") -> Iterator[Callable[[int, int], None]]:
    """Tell a terminal how much is done."""
    if not err.is_terminal:
        yield lambda *_: None
        return
    with err.status(what) as status:
        yield lambda done, total: status.update(f"{what}: {unit} {done:,} of {total:,}")


@contextmanager
def written(path: Path, *, binary: bool) -> Iterator[IO[Any]]:
    """A stream to a file that appears, whole, when the block ends well; what stood there before stays until then."""
    if path.exists() and not path.is_file():  # a pipe or a terminal cannot be renamed into place
        with _opened(path, binary=binary) as stream:
            yield stream
        return
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{uuid4().hex[:8]}")
    try:
        with _opened(beside, binary=binary) as stream:
            yield stream
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _opened(path: Path, *, binary: bool) -> IO[Any]:
    try:
        return path.open("wb") if binary else path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UrbanBrainError(
            f"{path.parent} cannot be written to: {error.strerror}", next_step="give --output another place"
        ) from error


def release_ids() -> Column:
    """A column of ids, which stay whole on a narrow screen: one types them next."""
    return Column("release", min_width=27)


def print_counts(rows: list[dict[str, Any]]) -> None:
    from pipelines.run import ROW_EQUATION

    table = Table("feed", "window", *ROW_EQUATION, box=None)
    for row in rows:
        table.add_row(row["feed_id"], row["window_start"][:16], *(f"{row[name]:,}" for name in ROW_EQUATION))
    out.print(table)
