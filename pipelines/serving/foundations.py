"""What is in the database whichever release is served: roles, limits, the ledger of loads, the row that says what is current.

    serving.current     one row: the release readers see; they may read it
    serving.releases    releases that lie in the database
    serving.loads       which release was put in front of readers, when and by whom
    serving.ended       sessions that outlasted their limit and were ended
    serving.loader      nothing; whoever locks it is the one loader

Limits are set for the whole database, because settings of a group do not reach its members. A user can undo them for a session
of their own: PostgreSQL has no way to forbid it. `guarding.py` ends such sessions.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError
from pipelines.releases import Release
from pipelines.serving import roles, tables, views
from pipelines.serving.session import Session
from pipelines.serving_limits import STATEMENT_SECONDS

LOADER = f"{views.SERVING}.loader"
RELEASES = f"{views.SERVING}.releases"
LOADS = f"{views.SERVING}.loads"
ENDED = f"{views.SERVING}.ended"
LIMITS = {
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "default_transaction_read_only": "on",
}
_SEARCH_PATH = "office, governance, ref, ops, city, district, street"

_LEDGER = (
    f"create table if not exists {RELEASES} (number bigint generated always as identity, release_id text primary key, "
    "sha256 text not null, as_of timestamptz not null, rows bigint not null, copied_at timestamptz not null)",
    f"create table if not exists {views.CURRENT} (is_current boolean primary key default true check (is_current), "
    "release_id text not null, as_of timestamptz not null, served_since timestamptz not null, release_before text)",
    f"create table if not exists {LOADS} (at timestamptz not null, release_id text not null, "
    "loaded_by text not null, rows bigint not null, seconds double precision not null)",
    f"create table if not exists {ENDED} (at timestamptz not null, user_name text not null, address text, "
    "application text, why text not null, seconds double precision not null)",
    f"create or replace function {views.IS_GONE}(current_release text, served text[]) returns boolean "
    "language plpgsql stable set search_path = pg_catalog as $gone$ begin "
    "if current_release = any (served) then return false; end if; "
    "raise exception 'this transaction began before the release that is served' "
    "using hint = 'begin a new one'; end $gone$",
)


def begin(session: Session) -> None:
    """Make what loaders lock, before anything else. Raises WarehouseError for a loader nothing would bind."""
    schema = quoted(views.SERVING)
    session.run(f"create schema if not exists {schema}", f"create table if not exists {LOADER} ()")
    session.commit()
    if session.rows("select 1 from pg_roles where rolname = current_user and (rolsuper or rolbypassrls)"):
        raise WarehouseError(
            "the loader passes by row-level security: it is a superuser, or has BYPASSRLS",
            next_step="take a role that is neither; deploy/serving.sql makes one",
        )
    session.rollback()


def lay(session: Session, streets: Iterable[str]) -> None:
    """Make what is missing of it; a release brings the roles of its offices."""
    schema = quoted(views.SERVING)
    present = {str(name) for (name,) in session.rows("select rolname from pg_roles")}
    groups = ", ".join(quoted(name) for name in roles.GROUPS)
    statements = [f"comment on schema {schema} is {literal(f'{tables.MARK}: what is served')}", *_LEDGER]
    for name, group in roles.wanted(streets).items():
        if name in present:
            continue
        statements.append(f"create role {quoted(name)} nologin")
        if group:
            statements.append(f"grant {quoted(group)} to {quoted(name)}")
    statements += [
        f"revoke all on schema {schema} from public",
        f"grant usage on schema {schema} to {groups}",
        f"grant select on {views.CURRENT} to {groups}",
        f"revoke all on function {views.IS_GONE} from public",
        f"grant execute on function {views.IS_GONE} to {groups}",
    ]
    [(database, is_owner)] = session.rows(
        "select datname, pg_has_role(current_user, datdba, 'usage') from pg_database where datname = current_database()"
    )
    if is_owner:
        statements += [
            f"revoke all on database {quoted(database)} from public",
            f"grant connect on database {quoted(database)} to {groups}",
            *(
                f"alter database {quoted(database)} set {name} = {literal(value)}"
                for name, value in LIMITS.items()
            ),
            f"alter database {quoted(database)} set search_path = {_SEARCH_PATH}",
        ]
    session.run_at_once(statements)
    session.commit()


def schemas(session: Session) -> tuple[set[str], set[str]]:
    """Schemas of ours, and all others."""
    rows = session.rows(
        "select nspname, coalesce(obj_description(oid, 'pg_namespace'), '') from pg_namespace"
    )
    ours = {str(name) for name, comment in rows if str(comment).startswith(tables.MARK)}
    return ours, {str(name) for name, _ in rows} - ours


def note(session: Session, release: Release, rows: int) -> None:
    """Say that a release lies in the database, in the transaction that brought it."""
    values = ", ".join(
        literal(text) for text in (release.release_id, str(release.manifest["sha256"]), release.as_of)
    )
    session.run(
        f"insert into {RELEASES} (release_id, sha256, as_of, rows, copied_at) values ({values}, {rows}, now())"
    )


def point_at(session: Session, release: Release, before: str, rows: int, seconds: float) -> None:
    """Let every statement from now on read that release; views know the one before, too."""
    values = (
        f"true, {literal(release.release_id)}, {literal(release.as_of)}, clock_timestamp(), {literal(before)}"
    )
    session.run(
        f"insert into {views.CURRENT} values ({values}) on conflict (is_current) do update set (release_id, as_of, "
        "served_since, release_before) = (excluded.release_id, excluded.as_of, excluded.served_since, "
        "excluded.release_before)",
        f"insert into {LOADS} values (clock_timestamp(), {literal(release.release_id)}, session_user, {rows}, "
        f"{seconds:.3f})",
        f"analyze {views.CURRENT}",
    )
    session.commit()


_ADVICE = {
    "the loader does not own the database, so limits and who may connect are as they were": (
        "select not pg_has_role(current_user, datdba, 'usage') from pg_database where datname = current_database()"
    ),
    "every user may store large objects: revoke execute on lo_create, lo_creat and lo_from_bytea from public": (
        "select has_function_privilege('urbanbrain_reader', 'pg_catalog.lo_create(oid)', 'execute') "
        "or has_function_privilege('urbanbrain_reader', 'pg_catalog.lo_creat(integer)', 'execute') "
        "or has_function_privilege('urbanbrain_reader', 'pg_catalog.lo_from_bytea(oid, bytea)', 'execute')"
    ),
    "nobody writes down who asked what: set log_statement = 'all' and log_connections = on": (
        "select current_setting('log_connections') in ('off', '') or (current_setting('log_statement') <> 'all' "
        "and not exists (select from pg_db_role_setting join pg_database on pg_database.oid = setdatabase "
        "where datname = current_database() and setrole = 0 and 'log_statement=all' = any (setconfig)))"
    ),
    "a question may fill the disk: set temp_file_limit": "select current_setting('temp_file_limit') = '-1'",
    "sessions that outlast their limit cannot be ended: grant pg_signal_backend and pg_read_all_stats to the loader": (
        "select not (pg_has_role(current_user, 'pg_signal_backend', 'usage') "
        "and pg_has_role(current_user, 'pg_read_all_stats', 'usage'))"
    ),
}


def advice(session: Session) -> list[str]:
    """What an administrator has still to do, because the loader may not."""
    found = [text for text, question in _ADVICE.items() if session.rows(question)[0][0]]
    session.rollback()
    return found
