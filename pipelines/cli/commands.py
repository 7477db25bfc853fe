"""The commands of one word: feeds, batches, tables, questions, the demo; and the sample city's two."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table
from typer.core import TyperGroup

from pipelines.cli import (
    areas,
    asking,
    backfill,
    contracts,
    held,
    keeping,
    linkage,
    page,
    quarantine,
    release,
    scorecard,
    serving,
    status,
)
from pipelines.cli import trace as tracing
from pipelines.cli.screen import err, out, print_counts, progress
from pipelines.errors import CommandError

_Answer = TypeVar("_Answer")
_AS_ONE_WORKS = (
    "demo", "up", "sample-city",
    "tables", "sql", "page", "scorecard", "trace",
    "feeds", "status", "run", "land", "gate", "backfill", "repull", "notify",
    "held", "quarantine", "linkage",
    "load", "build", "publish", "release", "upkeep",
    "check", "contract", "drift", "areas",
)  # fmt: skip


class _AsOneWorks(TyperGroup):
    """Commands in the order in which a newcomer meets them; Typer would put groups of commands last."""

    def list_commands(self, ctx: Any) -> list[str]:
        return sorted(super().list_commands(ctx), key=_AS_ONE_WORKS.index)


app = typer.Typer(
    name="urbanbrain",
    cls=_AsOneWorks,
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
TRYING, ASKING, FEEDS, DESK, TABLES, CONTRACTS = (
    "Trying it 试用",
    "Asking what is published 查询",
    "Feeds and batches 数据接入",
    "What waits for people 待办",
    "Tables and releases 表与发布",
    "Contracts 合同",
)
app.command(rich_help_panel=FEEDS)(status.status)
app.command(rich_help_panel=FEEDS)(status.notify)
app.command(rich_help_panel=FEEDS)(backfill.backfill)
app.command(rich_help_panel=FEEDS)(backfill.repull)
app.add_typer(held.app, name="held", rich_help_panel=DESK)
app.add_typer(quarantine.app, name="quarantine", rich_help_panel=DESK)
app.add_typer(linkage.app, name="linkage", rich_help_panel=DESK)
release.app.command()(keeping.pin)
release.app.command()(keeping.unpin)
release.app.command()(keeping.prune)
release.app.command()(keeping.upload)
release.app.command()(serving.serve)
release.app.command()(serving.guard)
app.add_typer(release.app, name="release", rich_help_panel=TABLES)
app.command(rich_help_panel=ASKING)(page.page)
app.command(rich_help_panel=ASKING)(tracing.trace)
app.add_typer(scorecard.app, name="scorecard", rich_help_panel=ASKING)
app.add_typer(contracts.app, name="contract", rich_help_panel=CONTRACTS)
app.command(rich_help_panel=CONTRACTS)(contracts.drift)
app.add_typer(areas.app, name="areas", rich_help_panel=CONTRACTS)
app.add_typer(sample_city, name="sample-city", rich_help_panel=TRYING)

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
    with progress(f"landing {feed}") as counter:
        return call(feed, *asked, as_of=as_of, progress=counter)


@app.command(rich_help_panel=FEEDS)
def feeds() -> None:
    """List the feeds: level, schedule, what they are, who owns them."""
    from pipelines import contract

    table = Table("feed", "level", "schedule", "what", "owner", box=None)
    for each in contract.load_all():
        table.add_row(
            each.feed_id, each.level, each.schedule, f"{each.title} · {each.business_name}", each.owner
        )
    out.print(table)


@app.command(rich_help_panel=CONTRACTS)
def check() -> None:
    """Read every contract, reference file and model; report every problem with file and line."""
    from pipelines import checking

    for line in checking.check_all():
        out.print(line, highlight=False)


@app.command(rich_help_panel=FEEDS)
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


@app.command(rich_help_panel=FEEDS)
def gate(
    batch: Annotated[str, typer.Argument(help="A landed folder, or a batch id.")],
) -> None:
    """Type and judge one landed batch. Prints its counts; exit code 4 when it is held for a person."""
    from pipelines import run

    print_counts([run.counts(run.gate(_landed(batch)))])


def _landed(batch: str) -> str:
    from pipelines import lake

    if Path(batch).is_dir():
        return batch
    found = [folder for folder in lake.batches("landing") if folder.name == f"batch={batch}"]
    if len(found) != 1:
        raise CommandError(
            f"{batch!r} is neither a landed folder nor the id of one landed batch",
            next_step="`urbanbrain land FEED --window DAY` prints the folder",
        )
    return str(found[0])


@app.command("run", rich_help_panel=FEEDS)
def run_feed(
    feed: FeedArgument,
    window: WindowOption = None,
    first: FromOption = None,
    last: ToOption = None,
    as_of: AsOfOption = None,
) -> None:
    """Land and judge one window of a feed: `land`, then `gate`. Prints its counts."""
    from pipelines import run

    print_counts([_pulled(run.run, feed, window, first, last, as_of)])


@app.command(rich_help_panel=TABLES)
def load() -> None:
    """Load every validated batch the warehouse does not have yet."""
    from pipelines import run

    done = run.load()
    loaded = done["batches"]
    table = Table("feed", "batch", "inserted", "updated", "unchanged", "stale", "quarantined", box=None)
    for batch in loaded:
        numbers = (
            f"{batch[name]:,}" for name in ("inserted", "updated", "unchanged", "stale", "quarantined")
        )
        table.add_row(batch["feed_id"], batch["batch_id"], *numbers)
    out.print(table if loaded else "nothing new to load")
    for path in done["unreadable"]:
        err.print(
            f"[bold red]error[/] {escape(path)} cannot be read, so ops.notices lacks it; restore or delete it",
            highlight=False,
            soft_wrap=True,
        )
    if done["unreadable"]:
        raise typer.Exit(1)


@app.command(rich_help_panel=TABLES)
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


@app.command(rich_help_panel=TABLES)
def publish(
    postgres: serving.PostgresOption = "",
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what of the current release PostgreSQL would serve; publish nothing."
        ),
    ] = False,
    to: Annotated[
        str, typer.Option("--to", help="Upload it, too: s3://bucket/folder or file:///folder.")
    ] = "",
    only: keeping.OnlyOption = "",
) -> None:
    """Prove that no row was lost or doubled, write one immutable release of what is built, make it CURRENT.

    Prints the folder of the release. Nothing is published when the row equation fails for any batch.
    With --postgres, or where URBANBRAIN_POSTGRES is set, readers of that database get it, too; with --to, or where
    URBANBRAIN_UPLOAD is set, object storage.
    """
    from pipelines import run, settings

    if dry_run:
        serving.print_offer("current")
        return
    run.check()
    out.print(run.publish(), soft_wrap=True, highlight=False)
    if postgres or settings.postgres():
        serving.print_served("current", postgres)
    if to or settings.upload_to():
        keeping.upload(to=to, only=only)


app.command(rich_help_panel=ASKING)(asking.sql)
app.command(rich_help_panel=ASKING)(asking.tables)


@app.command(rich_help_panel=TABLES)
def upkeep(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")
    ] = False,
) -> None:
    """Delete landed bytes and sheets after their retention, what killed writers left, old lineage events and releases."""
    from pipelines import run

    for what, folders in run.upkeep(dry_run=dry_run).items():
        out.print(
            f"{what}: {len(folders)}{' would be deleted' if dry_run and folders else ''}", highlight=False
        )
        for folder in folders:
            out.print(f"  {folder}", soft_wrap=True, highlight=False)


@app.command(rich_help_panel=TRYING)
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave Airflow and the sample city running.")] = False,
) -> None:
    """Run the whole channel once: a real Airflow, the sample city, three business days, one release, a verdict."""
    from pipelines import embedded

    raise typer.Exit(embedded.demo(keep=keep))


@app.command(rich_help_panel=TRYING)
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
