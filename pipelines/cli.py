"""The command line. A command calls `run` as a DAG task does, and says in words what came back; nothing more."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Annotated, Any, TypeVar
from uuid import uuid4
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from pipelines import cli_areas, cli_linkage, cli_scorecard
from pipelines.errors import UrbanBrainError

_Answer = TypeVar("_Answer")

app = typer.Typer(
    name="urbanbrain",
    help="City, district and street feeds into one DuckDB warehouse, through contracts and a gate.\n\n"
    'A newcomer runs `urbanbrain demo` (or `make demo`), then asks: urbanbrain sql "select * from '
    'governance.street_scorecard". Exit codes: 0 done, 1 something failed, 2 a contract, a setting or the '
    "command is wrong, 3 a source misbehaved, 4 the data broke its promise, 5 the warehouse is busy or unreadable.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
sample_city = typer.Typer(
    help="A made-up city that serves every feed in its own dialect.", no_args_is_help=True
)
app.add_typer(sample_city, name="sample-city")
app.add_typer(cli_linkage.app, name="linkage")
app.add_typer(cli_areas.app, name="areas")
app.add_typer(cli_scorecard.app, name="scorecard")

_PIPE_WIDTH = 160  # a file or a pipe has no width of its own
out = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
err = Console(stderr=True)

FeedArgument = Annotated[
    str, typer.Argument(help="Feed, such as city_hotline_orders; `urbanbrain feeds` lists them.")
]
WindowOption = Annotated[
    str | None,
    typer.Option("--window", help="One day (2026-11-17), or START/END as days or instants."),
]
FromOption = Annotated[str | None, typer.Option("--from", help="First day or instant of the window.")]
ToOption = Annotated[str | None, typer.Option("--to", help="Last day (included) or end instant (excluded).")]
AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="Instant the pull claims to happen at; for replays. Default: now."),
]


def main() -> None:
    """Run the command line; explain what this project can explain, and exit with its code."""
    before = signal.getsignal(signal.SIGINT)
    if not {"demo", "up", "sample-city"} & set(sys.argv[1:2]):  # those end what they started by themselves
        signal.signal(signal.SIGINT, _stop_at_once)
    try:
        app()
    except UrbanBrainError as error:
        err.print(f"[bold red]error[/] {_escaped(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(error.exit_code)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        err.print(
            f"[bold red]error[/] {_escaped(f'{error.strerror or error}{where}')}",
            highlight=False,
            soft_wrap=True,
        )
        err.print("  → URBANBRAIN_HOME and --output must be places that can be written", highlight=False)
        sys.exit(1)
    finally:
        signal.signal(signal.SIGINT, before)


def _stop_at_once(*_: object) -> None:
    """End here and now. Libraries in the middle of work swallow an interrupt, and every step survives a kill."""
    os.write(2, b"\ninterrupted; what was not finished is not there, run it again\n")
    os._exit(130)


def _escaped(text: str) -> str:
    return text.replace("[", "\\[")


def _range(feed: str, window: str | None, first: str | None, last: str | None) -> tuple[str, str | None]:
    """The window that was asked for; without one, yesterday as the feed's own clock has it."""
    if window and (first or last):
        raise typer.BadParameter(
            "it says the same as --from and --to; give one of them", param_hint="--window"
        )
    if last and not first:
        raise typer.BadParameter("it needs --from, where the window starts", param_hint="--to")
    if window:
        start, _, end = window.partition("/")
        return start, end or None
    if first:
        return first, last
    return _yesterday(feed), None


def _yesterday(feed: str) -> str:
    from pipelines import contract, settings

    here = settings.now().astimezone(ZoneInfo(contract.load(feed).timezone))
    return (here.date() - timedelta(days=1)).isoformat()


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
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


def _pulled(
    call: Callable[..., _Answer],
    feed: str,
    window: str | None,
    first: str | None,
    last: str | None,
    as_of: str | None,
) -> _Answer:
    """What `run.land` or `run.run` answers for the window that was asked for, while progress is shown."""
    asked = _range(feed, window, first, last)
    with _progress(f"landing {feed}") as progress:
        return call(feed, *asked, as_of=as_of, progress=progress)


@contextmanager
def _written(path: Path, *, binary: bool) -> Iterator[IO[Any]]:
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


@app.command()
def feeds() -> None:
    """List the feeds: level, schedule, what they are, who owns them."""
    from pipelines import contract

    table = Table("feed", "level", "schedule", "what", "owner", box=None)
    for each in contract.load_all():
        table.add_row(
            each.feed_id, each.level, each.schedule, f"{each.title} · {each.business_name}", each.owner
        )
    out.print(table)


@app.command()
def check() -> None:
    """Read every contract, reference file and model; report every problem with file and line."""
    from pipelines import checking

    for line in checking.check_all():
        out.print(line, highlight=False)


@app.command()
def land(
    feed: FeedArgument,
    window: WindowOption = None,
    first: FromOption = None,
    last: ToOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Pull one window of a feed and keep its bytes as received. Prints the folder."""
    from pipelines import run

    folder = _pulled(run.land, feed, window, first, last, as_of)
    out.print(folder, soft_wrap=True, highlight=False)


@app.command()
def gate(
    batch: Annotated[str, typer.Argument(help="A landed folder, or a batch id.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="Let the good rows of a held batch through.")
    ] = False,
) -> None:
    """Type and judge one landed batch. Prints its counts."""
    from pipelines import run

    _print_counts([run.counts(run.gate(_landed(batch), accept=accept))])


def _landed(batch: str) -> str:
    from pipelines import lake

    if Path(batch).is_dir():
        return batch
    found = [folder for folder in lake.batches("landing") if folder.name == f"batch={batch}"]
    if len(found) != 1:
        raise UrbanBrainError(
            f"{batch!r} is neither a landed folder nor the id of one landed batch",
            next_step="`urbanbrain land FEED --window DAY` prints the folder",
        )
    return str(found[0])


@app.command("run")
def run_feed(
    feed: FeedArgument,
    window: WindowOption = None,
    first: FromOption = None,
    last: ToOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Land and judge one window of a feed: `land`, then `gate`. Prints its counts."""
    from pipelines import run

    _print_counts([_pulled(run.run, feed, window, first, last, as_of)])


@app.command()
def load() -> None:
    """Load every validated batch the warehouse does not have yet."""
    from pipelines import run

    loaded = run.load()["batches"]
    table = Table("feed", "batch", "inserted", "updated", "unchanged", "stale", "quarantined", box=None)
    for batch in loaded:
        numbers = (
            f"{batch[name]:,}" for name in ("inserted", "updated", "unchanged", "stale", "quarantined")
        )
        table.add_row(batch["feed_id"], batch["batch_id"], *numbers)
    out.print(table if loaded else "nothing new to load")


@app.command()
def build(
    full: Annotated[bool, typer.Option("--full", help="Make every table anew, whatever changed.")] = False,
) -> None:
    """Bring the shared governance tables up to what is loaded; all of them or none.

    A table is rebuilt when anything it is made of changed, extended when only parts of it did, else left untouched.
    """
    from pipelines import run

    table = Table("table", "rows", "", box=None)
    for name, built in run.build(full=full).items():
        table.add_row(name, f"{built['rows']:,}", built["done"])
    out.print(table)


@app.command()
def publish() -> None:
    """Prove that no row was lost or doubled, write one immutable release of what is built, make it CURRENT.

    Prints the folder of the release. Nothing is published when the row equation fails for any batch.
    """
    from pipelines import run

    run.check()
    out.print(run.publish(), soft_wrap=True, highlight=False)


@app.command()
def sql(
    query: Annotated[
        str, typer.Argument(help="One SELECT. Tables: governance.*, ref.*, ops.*; views with --office.")
    ],
    office: Annotated[
        str | None, typer.Option("--office", help="Ask one street office's file, by street code.")
    ] = None,
    form: Annotated[str, typer.Option("--format", "-f", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file instead.")] = None,
    seconds: Annotated[float, typer.Option("--seconds", help="Give up after so long.")] = 60.0,
    limit: Annotated[int, typer.Option("--limit", help="Rows a table shows; files hold all.")] = 200,
) -> None:
    """Ask the current release in SQL, read only. 用 SQL 查询当前发布的数据（只读）。"""
    from pipelines import asking

    if form not in asking.FORMATS:
        raise typer.BadParameter(
            f"{form!r} is no format; give one of {', '.join(asking.FORMATS)}", param_hint="--format"
        )
    if output is None:
        asking.ask(query, office, form, limit=limit, seconds=seconds)
        return
    with _written(output, binary=form == "parquet") as stream:
        rows = asking.ask(query, office, form, stream, limit=limit, seconds=seconds)
    err.print(f"{rows:,} rows written to {output}", highlight=False)


@app.command()
def tables(
    office: Annotated[
        str | None, typer.Option("--office", help="What one street office's file holds.")
    ] = None,
) -> None:
    """List what can be asked, with what it means. 列出可查询的表和视图。"""
    from pipelines import asking

    for each in asking.tables(office):
        out.print(f"[bold]{each.name}[/]  {_escaped(each.comment or '')}", highlight=False)


@app.command()
def status() -> None:
    """What arrived, what was set aside, what is late: a line per feed. Exit code 1 when something is overdue."""
    from pipelines import run

    found = run.summary()
    _print_feeds(found["feeds"])
    out.print(f"release {found['release'] or 'none yet'}", highlight=False)
    overdue = run.overdue()
    for line in overdue:
        out.print(f"[bold yellow]overdue[/] {line}", highlight=False)
    raise typer.Exit(1 if overdue else 0)


@app.command()
def trace(
    table: Annotated[str, typer.Argument(help="Table of a feed, such as city.hotline_orders.")],
    key: Annotated[str, typer.Argument(help="Primary key; several parts joined with /.")],
) -> None:
    """Find the landed bytes a row came from."""
    from pipelines import run

    found = run.trace(table, key)
    if not found:
        raise UrbanBrainError(f"{table} has no row with key {key!r}, loaded or quarantined")
    for row in found:
        out.print(f"{row['feed']} batch {row['batch']} row {row['row_number']}", highlight=False)
        out.print(f"  {row['landed']}  {', '.join(row['parts'])}", soft_wrap=True, highlight=False)


@app.command()
def upkeep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")
    ] = False,
) -> None:
    """Delete landed bytes whose retention has ended, and what killed writers left behind."""
    from pipelines import run

    for what, folders in run.upkeep(dry_run=dry_run).items():
        out.print(
            f"{what}: {len(folders)}{' would be deleted' if dry_run and folders else ''}", highlight=False
        )
        for folder in folders:
            out.print(f"  {folder}", soft_wrap=True, highlight=False)


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave Airflow and the sample city running.")] = False,
) -> None:
    """Run the whole channel once: a real Airflow, the sample city, three business days, one release, a verdict."""
    from pipelines import embedded

    raise typer.Exit(embedded.demo(keep=keep))


@app.command()
def up() -> None:
    """Start Airflow and the sample city and keep them running until Ctrl-C."""
    from pipelines import embedded

    raise typer.Exit(embedded.up())


@sample_city.command("serve")
def serve(
    host: str = "127.0.0.1",
    port: int = 8600,
    seed: int = 7,
    scale: Annotated[
        float, typer.Option(help="1.0 is the whole city, about 610 hotline orders a day.")
    ] = 1.0,
) -> None:
    """Serve every feed over HTTP until Ctrl-C."""
    from pipelines import samplecity

    samplecity.serve(host, port, seed, scale)


@sample_city.command("write")
def write(
    folder: Path,
    days: int = 3,
    seed: int = 7,
    scale: Annotated[
        float, typer.Option(help="1.0 is the whole city, about 610 hotline orders a day.")
    ] = 1.0,
) -> None:
    """Write what every feed would send on each day, and the answer key, into a folder."""
    from pipelines import samplecity

    for path in samplecity.write(samplecity.City(seed=seed, scale=scale), folder, days):
        out.print(path, soft_wrap=True, highlight=False)


def _print_counts(rows: list[dict[str, Any]]) -> None:
    from pipelines.run import ROW_EQUATION

    table = Table("feed", "window", *ROW_EQUATION, box=None)
    for row in rows:
        table.add_row(row["feed_id"], row["window_start"][:16], *(f"{row[name]:,}" for name in ROW_EQUATION))
    out.print(table)


def _print_feeds(rows: list[dict[str, Any]]) -> None:
    from pipelines.run import ROW_EQUATION

    table = Table("level", "feed", "batches", *ROW_EQUATION, box=None)
    for row in rows:
        table.add_row(
            row["level"], row["feed_id"], str(row["batches"]), *(f"{row[name]:,}" for name in ROW_EQUATION)
        )
    out.print(table)
