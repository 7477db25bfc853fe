"""What the demo says on screen: a line per event while it runs, tables when it is over."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.run import ROW_EQUATION

QUESTIONS = (
    "select street_name, period, response_rate, resolution_rate, satisfaction_rate "
    "from governance.street_scorecard where is_latest order by all",
    "select levels_seen, count(*) as cases from governance.cases group by all order by all",
    "select feed_id, business_date, status from governance.channel_health where status in ('late', 'missing')",
)
_PLAIN_WIDTH = 120
_NAME_WIDTH = 26
_PLACE_WIDTH = 12


class Screen:
    """A terminal with colours, or plain lines when there is none."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        if not self._console.is_terminal:
            self._console.width = _PLAIN_WIDTH
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        """One line, with the seconds since the start."""
        self._line(escape(text))

    def done(self, name: str, what: str, seconds: float) -> None:
        """A run that ended well."""
        self._line(f"  {name:{_NAME_WIDTH}} {what}  [dim]{seconds:.1f} s[/]")

    def counted(self, feed_id: str, counts: Mapping[str, Any], seconds: float) -> None:
        """A feed's run that ended well, and what became of its rows; counts of zero are left out."""
        told = [
            f"{counts.get(name, 0)} {name}"
            for name in ROW_EQUATION
            if counts.get(name) or name in ROW_EQUATION[:2]
        ]
        self.done(feed_id, ", ".join(told), seconds)

    def fail(self, text: str) -> None:
        """What went wrong."""
        self._console.print(f"[red]{escape(text)}[/]", soft_wrap=True)

    def summary(self, found: Mapping[str, Any], seconds: float) -> None:
        """Feeds by level, tables in the warehouse, and the time it took."""
        self._console.print()
        feeds = _table("Rows by feed", "level", "feed")
        for name in ("batches", *ROW_EQUATION, "difference"):
            feeds.add_column(name, justify="right", overflow="fold")
        for feed in found["feeds"]:
            feeds.add_row(feed["level"], feed["feed_id"], *_numbers(feed))
        feeds.add_section()
        feeds.add_row("", "all", *_numbers(_added(found["feeds"])))
        self._console.print(feeds)

        tables = _table("Tables in the warehouse", "table")
        tables.add_column("rows", justify="right", overflow="fold")
        for table in found["tables"]:
            tables.add_row(table["table"], f"{table['rows']:,}")
        self._console.print(tables)
        self._console.print(
            "received = validated + quarantined + duplicate + refused; difference is what that leaves over.\n"
            f"{found['days']} business days in {seconds:.0f} s. Release {found['release']}.\n"
        )

    def places(self, places: Mapping[str, Path | str]) -> None:
        """Where things are: files relative to where we stand, or addresses."""
        for name, place in places.items():
            shown = _short(place) if isinstance(place, Path) else place
            self._console.print(f"{name:{_PLACE_WIDTH}} {escape(shown)}", soft_wrap=True)

    def questions(self) -> None:
        """What to try next."""
        self._console.print("\nTry next:")
        for question in QUESTIONS:
            self._console.print(f'  urbanbrain sql "{escape(question)}"', soft_wrap=True)
        self._console.print("  urbanbrain page")

    def _line(self, text: str) -> None:
        self._console.print(f"[dim]{time.monotonic() - self._began:6.1f} s[/]  {text}", soft_wrap=True)


def _table(title: str, *names: str) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1),
        collapse_padding=True,
    )
    for name in names:
        table.add_column(name, no_wrap=True)
    return table


def _numbers(feed: Mapping[str, Any]) -> list[str]:
    return [f"{feed[name]:,}" for name in ("batches", *ROW_EQUATION, "difference")]


def _added(feeds: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    rows = list(feeds)
    return {name: sum(row[name] for row in rows) for name in ("batches", *ROW_EQUATION, "difference")}


def _short(path: Path) -> str:
    """Relative to where we are, when it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
