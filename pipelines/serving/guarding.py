"""Sessions of readers that outlast their limit are ended, whatever they set for themselves.

`statement_timeout` is a promise a user may take back with `set`, and a block in PL/pgSQL may catch. This does not ask:
it looks at the server's own clock and ends the session. Run it every few seconds beside the server.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.database import literal
from pipelines.serving import roles
from pipelines.serving.foundations import ENDED
from pipelines.serving.session import Session
from pipelines.serving_limits import STATEMENT_SECONDS, TRANSACTION_SECONDS


@dataclass(frozen=True)
class Ended:
    """A session that was ended."""

    user_name: str
    address: str
    why: str
    seconds: float


def guard(
    session: Session, statement: float = STATEMENT_SECONDS, transaction: float = TRANSACTION_SECONDS
) -> list[Ended]:
    """End every reader's session whose statement, idle transaction or transaction lasts longer, and write it down.

    A transaction that waits for its user counts like a statement. `serving.ended` keeps who, from where and why.
    Raises WarehouseError when the loader may not look at, or end, other users' sessions.
    """
    if session.rows(f"select to_regclass({literal(ENDED)}) is null") == [(True,)]:
        session.rollback()
        return []  # nothing was served yet
    groups = " or ".join(f"pg_has_role(usesysid, {literal(group)}, 'member')" for group in roles.GROUPS)
    rows = session.rows(
        "with lasting as materialized ("
        "select pid, usename, coalesce(host(client_addr), 'socket') as address, application_name, "
        "case when state = 'active' then extract(epoch from clock_timestamp() - query_start) "
        "when state like 'idle in transaction%' then extract(epoch from clock_timestamp() - state_change) else 0 end "
        "as waited, case when state = 'active' then 'statement' else 'idle transaction' end as kind, "
        "coalesce(extract(epoch from clock_timestamp() - xact_start), 0) as whole "
        "from pg_catalog.pg_stat_activity join pg_catalog.pg_roles on pg_roles.oid = usesysid "
        "where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid() "
        f"and not rolsuper and usename <> session_user and ({groups})), "
        f"over_it as (select * from lasting where waited > {statement:f} or whole > {transaction:f}), "
        "ended as materialized (select *, pg_terminate_backend(pid) as is_ended from over_it) "
        f"insert into {ENDED} select clock_timestamp(), usename, address, application_name, "
        f"case when waited > {statement:f} then kind else 'transaction' end, "
        f"case when waited > {statement:f} then waited else whole end from ended where is_ended "
        "returning user_name, address, why, seconds"
    )
    session.commit()
    return [Ended(str(user), str(address), str(why), float(seconds)) for user, address, why, seconds in rows]
