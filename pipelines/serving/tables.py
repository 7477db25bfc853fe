"""The tables of one release in PostgreSQL: made, filled by somebody else, then closed before anybody can see them.

Row-level security is forced, so it binds their owner too, and there is no policy for writing: once closed, a table cannot
be changed by anybody but who may alter it. District and city read their tables as they are. An office reads a table that
it shares with others through a function of its own name, `…_own()`, and finds no row in the table itself.

The function is there because a policy hides rows but not what is done with them: `explain analyze` tells an office how
many rows of others a scan went over, whether a condition on them was ever true, and what statistics of theirs let expect;
a plan does not go into a function. Inside, both the policy of its owner and a condition leave this office's rows, found by
an index. How many rows a table has in all, the server tells everybody who may connect.
"""

from __future__ import annotations

import re

from pipelines.database import literal, quoted
from pipelines.errors import WarehouseError
from pipelines.publication.disclosure import STREET
from pipelines.serving import roles
from pipelines.serving.contents import DETAIL, IN_OFFICES, OFFICE, OPEN, PARTS, Offer, Part, stored_columns

OF_RELEASE = "release_"
"""The name of each schema that holds tables of a release begins so."""
MARK = "urbanbrain"
"""The comment on each schema of ours begins so."""
_LONGEST_NAME = 63
_BETWEEN = "__"
_STATISTICS = 30
"""Of each column so many frequent values and steps are kept, from 300 times as many rows: tells a street or a month from
others as well as PostgreSQL's own 100, for a quarter of what looking at a big table costs."""
_OWN = "_own"


def schema_of(release_id: str, part: Part) -> str:
    """The schema with a part of a release."""
    return f"{OF_RELEASE}{re.sub('[^a-z0-9]', '_', release_id.lower())}_{part}"


def stored_name(schema: str, name: str, ending: str = "") -> str:
    """What a table is called in there. Raises WarehouseError when PostgreSQL would cut the name."""
    stored = f"{schema}{_BETWEEN}{name}{ending}"
    if len(stored.encode()) > _LONGEST_NAME:
        raise WarehouseError(f"{schema}.{name} is too long a name for PostgreSQL: {stored!r}")
    return stored


def place(release_id: str, offer: Offer, part: Part) -> str:
    """A part's table, quoted."""
    return f"{quoted(schema_of(release_id, part))}.{quoted(stored_name(offer.schema, offer.name))}"


def made(release_id: str, offers: tuple[Offer, ...]) -> list[str]:
    """Statements that make the schemas and the empty tables of a release."""
    statements: list[str] = []
    for part in PARTS:
        statements += schema(schema_of(release_id, part), f"{part} part of release {release_id}")
    for offer in offers:
        for part in offer.parts:
            listed = ", ".join(f"{quoted(name)} {kind}" for name, kind in stored_columns(offer, part))
            statements.append(f"create table {place(release_id, offer, part)} ({listed})")
    return statements


def closed(release_id: str, offers: tuple[Offer, ...]) -> list[str]:
    """Statements that let each group at what it may read of a filled release, and nobody else at anything."""
    statements = [
        f"set local default_statistics_target = {_STATISTICS}",
        *(
            f"grant usage on schema {quoted(schema_of(release_id, part))} to {_listed(roles.GROUPS)}"
            for part in PARTS
        ),
    ]
    for offer in offers:
        for part in offer.parts:
            table = place(release_id, offer, part)
            key = _street_column(offer, part)
            readers = _listed(offer.readers(part))
            statements += [f"analyze {table}", f"grant select on {table} to {readers}"]
            if part != OPEN:
                statements += _policies(offer, part, table)
            if key:
                function = own(release_id, offer.schema, offer.name, part)
                statements += _divided(table, key, function, _own_rows(release_id, offer, part, key), readers)
    return statements


def _own_rows(release_id: str, offer: Offer, part: Part, key: str) -> str:
    """An office's own rows; places among others it has there as anybody has."""
    table, is_own = place(release_id, offer, part), f"{quoted(key)} = any ({roles.OWN_STREETS})"
    if part != DETAIL or not offer.as_anybody:
        return f"select * from {table} where {is_own}"
    hidden = " || ".join(f"shown.{quoted(name)}" for name in sorted(offer.open_only))
    places = ", ".join(map(literal, sorted(offer.as_anybody)))
    selected = {
        name: f"case when {literal(name)} = any ({hidden}) then null else own.{quoted(name)} end"
        for name in offer.as_anybody
    } | {
        name: f"array(select each from unnest(shown.{quoted(name)}) as each where each in ({places}))"
        for name in offer.open_only
    }
    listed = ", ".join(selected.get(name, f"own.{quoted(name)}") for name, _ in stored_columns(offer, part))
    same = " and ".join(f"own.{quoted(name)} = shown.{quoted(name)}" for name in offer.key)
    return (
        f"select {listed} from {table} as own inner join {place(release_id, offer, OPEN)} as shown on {same} "
        f"where own.{is_own} and shown.{is_own}"
    )


def _street_column(offer: Offer, part: Part) -> str:
    if part == IN_OFFICES:
        return OFFICE
    is_by_street = offer.open_files and any(column.name == STREET for column in offer.columns)
    return STREET if part == DETAIL and is_by_street else ""


def _policies(offer: Offer, part: Part, table: str) -> list[str]:
    everything = [group for group in (roles.DISTRICT, roles.CITY) if group in offer.readers(part)]
    statements = [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
    ]
    if everything:
        statements.append(
            f"create policy everything on {table} for select to {_listed(everything)} using (true)"
        )
    return statements


def own(release_id: str, schema: str, name: str, part: Part) -> str:
    """The function that reads an office's own rows of a table, quoted."""
    return f"{quoted(schema_of(release_id, part))}.{quoted(stored_name(schema, name, _OWN))}"


def _divided(table: str, key: str, function: str, own_rows: str, readers: str) -> list[str]:
    """What lets each office at its own rows, and at nothing else of the table."""
    is_own = f"{quoted(key)} = any ({roles.OWN_STREETS})"
    return [
        f"create index on {table} ({quoted(key)})",
        f"create policy own_street on {table} for select to current_user using ({is_own})",
        # Without the index it would go over rows of others, which the server counts for everybody to see.
        f"create function {function}() returns setof {table} language sql stable security definer "
        "set search_path = pg_catalog, pg_temp set enable_seqscan = off "
        f"as $own$ {own_rows} $own$",
        f"revoke all on function {function}() from public",
        f"grant execute on function {function}() to {readers}",
    ]


def _listed(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(quoted(name) for name in names)


def dropped(release_id: str) -> list[str]:
    """Statements that take a release away."""
    return [f"drop schema if exists {quoted(schema_of(release_id, part))} cascade" for part in PARTS]


def schema(name: str, what: str) -> list[str]:
    """Statements that make a schema and mark it as ours."""
    return [f"create schema {quoted(name)}", *comment("schema", quoted(name), f"{MARK}: {what}")]


def block(statements: list[str]) -> str:
    """Statements as one, so that a hundred tables take one journey to the server and not a thousand."""
    body = ";\n".join(statements)
    tag = "$urbanbrain$"
    if tag in body:
        raise WarehouseError(f"a name or comment holds {tag}, which stands around statements for PostgreSQL")
    return f"do {tag} begin\n{body};\nend {tag}"


def comment(kind: str, name: str, text: str) -> list[str]:
    """A statement that says what something is, or none where nothing is known."""
    return [f"comment on {kind} {name} is {literal(text)}"] if text else []
