"""A release copied into PostgreSQL, then served, then what is older than the last few taken away.

    one transaction    the release's tables, filled and closed; the views over it and the release before, put in place of
                       the views before by renaming schemas, which waits for no reader. Killed in here, nothing happened
    a second later     the row `serving.current` names the release: from here on statements read it
    afterwards         old views and old releases are dropped; what a reader keeps open is left for the next time

The second between the two is for statements that are just being parsed: one that found the views before then still asks
for the release before, which both know.

One loader works at a time: it locks a table nobody else may even look at. An advisory lock would not do, because
whoever may connect may take any of those and never give it back.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipelines.database import literal, quoted
from pipelines.errors import ServingUnavailable, WarehouseError
from pipelines.releases import Release
from pipelines.serving import columns, foundations, tables, views
from pipelines.serving.contents import IN_OFFICES, PARTS, Offer, Part, contents_of, opened, selection
from pipelines.serving.sending import ROWS_AHEAD
from pipelines.serving.session import Locked, Session, connected
from pipelines.serving_limits import RELEASES

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_GRACE_SECONDS = 1.0
_PATIENCE = "2s"
_NEXT, _RETIRED = "next_", "retired_"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Served:
    """What came of it."""

    release_id: str
    rows: int
    """Rows that were copied; 0 when the release was there already."""
    seconds: float
    before: str
    """The release that was served until then; empty for the first one."""
    dropped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    """Schemas that could not be dropped because somebody keeps them open."""
    advice: tuple[str, ...] = field(default=())
    """What the administrator of the server has still to do."""

    @property
    def is_new(self) -> bool:
        return self.before != self.release_id


def offered(release: Release) -> list[dict[str, object]]:
    """What of a release would be there under which name, for whom, and how many columns."""
    rows = release.rows
    return [
        {
            "name": (name := f"{offer.schema}.{offer.name}"),
            "rows": rows.get(name),
            "columns": len(offer.columns),
            "parts": list(offer.parts),
            "readers": list(offer.audience),
        }
        for offer in contents_of(release)
    ]


def serve(
    release: Release, dsn: str = "", *, keep: int = RELEASES, progress: Progress = lambda _: None
) -> Served:
    """Copy a release unless it is there, and let readers have it; serving the same one again changes nothing.

    Raises WarehouseError when the release is damaged or the loader lacks a privilege, ServingUnavailable when the
    server breaks off or another loader works. Whatever happens, what was served before is served until the last step.
    """
    began = time.monotonic()
    if problems := release.verify():
        raise WarehouseError(
            f"release {release.release_id} is damaged, so it is not copied: {problems[0]}",
            next_step="`urbanbrain release verify` lists everything; `urbanbrain publish` writes it again",
        )
    with connected(dsn) as keeper, connected(dsn) as session:
        foundations.begin(session)
        _lock(keeper)
        foundations.lay(session, release.offices)
        rows, before = _brought_in(session, release, progress)
        if before != release.release_id:
            if before:
                time.sleep(_GRACE_SECONDS)
            foundations.point_at(session, release, before, rows, time.monotonic() - began)
        dropped, left = _tidied(session, max(keep, 2))
        return Served(
            release.release_id,
            rows,
            time.monotonic() - began,
            before,
            dropped,
            left,
            tuple(foundations.advice(session)),
        )


def _lock(keeper: Session) -> None:
    """Keep other loaders out until this connection ends, however it ends."""
    try:
        keeper.run(f"lock table {foundations.LOADER} in exclusive mode nowait")
    except Locked:
        raise ServingUnavailable(
            "another loader is copying a release", next_step="wait for it to end and run again"
        ) from None


def _brought_in(session: Session, release: Release, progress: Progress) -> tuple[int, str]:
    """Copy a release that is not there, and put views over it; returns the rows and what is served until now."""
    known = {
        str(row[0]): str(row[1])
        for row in session.rows(f"select release_id, sha256 from {foundations.RELEASES}")
    }
    before = "".join(row[0] for row in session.rows(f"select release_id from {views.CURRENT}"))
    sha256 = str(release.manifest.get("sha256", ""))
    if known.get(release.release_id, sha256) != sha256:
        raise WarehouseError(
            f"release {release.release_id} was copied with other bytes under the same id",
            next_step="move one of the two away; an id stands for its bytes",
        )
    if before == release.release_id:
        session.rollback()
        return 0, before
    offers = contents_of(release)
    rows = 0
    if release.release_id not in known:
        rows = _copied(session, release, offers, progress)
        foundations.note(session, release, rows)
    versions = [views.Version(each, _stored(session, each)) for each in (before, release.release_id) if each]
    _put_in_place(session, views.named(_NEXT, offers, versions), {offer.schema for offer in offers})
    session.commit()
    return rows, before


def _copied(session: Session, release: Release, offers: tuple[Offer, ...], progress: Progress) -> int:
    session.run_at_once(tables.made(release.release_id, offers))
    rows = 0
    for street in ("", *release.offices):
        progress(f"office {street}" if street else "tables")
        with opened(release, street) as connection:
            for offer in offers:
                for part in offer.parts:
                    if (part == IN_OFFICES) == bool(street):
                        rows += filled(session, connection, release.release_id, offer, part, street)
    session.run_at_once(tables.closed(release.release_id, offers))
    return rows


def filled(
    session: Session,
    connection: DuckDBPyConnection,
    release_id: str,
    offer: Offer,
    part: Part,
    street: str = "",
) -> int:
    """Copy one part's rows into its table, of offices those in the file of one; returns how many."""
    batches = connection.execute(selection(offer, part, street)).to_arrow_reader(ROWS_AHEAD)
    return session.fill(
        tables.schema_of(release_id, part), tables.stored_name(offer.schema, offer.name), batches
    )


def _stored(session: Session, release_id: str) -> views.Stored:
    """The tables of a release that lies in the database."""
    found: dict[tuple[Part, str], list[tuple[str, str]]] = {}
    for part in PARTS:
        rows = session.rows(
            "select relname, attname, format_type(atttypid, atttypmod) "
            "from pg_attribute join pg_class on pg_class.oid = attrelid "
            "join pg_namespace on pg_namespace.oid = relnamespace "
            f"where nspname = {literal(tables.schema_of(release_id, part))} and relkind = 'r' and attnum > 0 "
            "order by relname, attnum"
        )
        for table, column, kind in rows:
            found.setdefault((part, str(table)), []).append((str(column), columns.short(str(kind))))
    return found


def _put_in_place(session: Session, statements: list[str], schemas: set[str]) -> None:
    """Make the next views and let them take the names of those before, in the transaction that is open."""
    ours, others = foundations.schemas(session)
    if taken := sorted(schemas & others):
        raise WarehouseError(
            f"the database has a schema {', '.join(taken)} that is not this project's",
            next_step="serve from a database that holds nothing else",
        )
    [(number,)] = session.rows("select pg_current_xact_id()::text")
    served = sorted(
        name for name in ours if not name.startswith((_NEXT, _RETIRED, tables.OF_RELEASE, views.SERVING))
    )
    session.run_at_once(
        [
            *statements,
            *(
                f"alter schema {quoted(name)} rename to {quoted(f'{_RETIRED}{number}_{name}')}"
                for name in served
            ),
            *(
                f"alter schema {quoted(f'{_NEXT}{name}')} rename to {quoted(name)}"
                for name in sorted(schemas)
            ),
        ]
    )


def _tidied(session: Session, keep: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Drop old views, and releases beyond the newest; returns which releases went and which schemas stay open."""
    ours, _ = foundations.schemas(session)
    retired = sorted(name for name in ours if name.startswith(_RETIRED))
    left = [] if _dropped(session, [f"drop schema {quoted(name)} cascade" for name in retired]) else retired
    surplus = session.rows(  # what views read comes first, whenever it was copied: dropping it would drop them
        f"select releases.release_id from {foundations.RELEASES} as releases cross join {views.CURRENT} as served "
        "order by releases.release_id = served.release_id desc, releases.release_id = served.release_before desc, "
        f"number desc offset {keep}"
    )
    session.rollback()
    dropped = []
    for (release_id,) in surplus:
        gone = f"delete from {foundations.RELEASES} where release_id = {literal(release_id)}"
        if _dropped(session, [*tables.dropped(release_id), gone]):
            dropped.append(str(release_id))
        else:
            left += [tables.schema_of(release_id, part) for part in PARTS]
    return tuple(dropped), tuple(left)


def _dropped(session: Session, statements: list[str]) -> bool:
    """Whether nobody kept them open. Waits little: what is asked for here, no new statement finds."""
    session.rollback()
    with suppress(Locked):
        session.run(f"set local lock_timeout = {literal(_PATIENCE)}")
        session.run_at_once(statements)
        session.commit()
        return True
    return False
