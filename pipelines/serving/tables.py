"""The tables of one release in PostgreSQL: made, filled by somebody else, then closed before anybody can see them.

Row-level security is forced, so it binds their owner too, and there is no policy for writing: once closed, a table cannot
be changed by anybody but who may alter it.

What a reader could learn of rows that a policy hides, other than by reading them, is kept out: PostgreSQL plans with
what ANALYZE noted of all rows, and tells its estimates to whoever asks `explain`. So of tables a policy divides it notes
nothing but their size, and their only index is the one the policy goes by: `explain analyze` tells of a scan by another one
how many rows the policy then hid. How many rows a table has in all, the server tells everybody who may connect.
"""

from __future__ import annotations

import re

from pipelines.database import literal, quoted
from pipelines.disclosure import STREET
from pipelines.errors import WarehouseError
from pipelines.serving import roles
from pipelines.serving.contents import DETAIL, IN_OFFICES, OFFICE, OPEN, PARTS, Offer, Part, stored_columns

MARK = "urbanbrain"
"""The comment on each schema of ours begins so."""
_LONGEST_NAME = 63
_BETWEEN = "__"


def schema_of(release_id: str, part: Part) -> str:
    """The schema with a part of a release."""
    return f"release_{re.sub('[^a-z0-9]', '_', release_id.lower())}_{part}"


def stored_name(schema: str, name: str) -> str:
    """What a table is called in there. Raises WarehouseError when PostgreSQL would cut the name."""
    stored = f"{schema}{_BETWEEN}{name}"
    if len(stored.encode()) > _LONGEST_NAME:
        raise WarehouseError(f"{schema}.{name} is too long a name for PostgreSQL: {stored!r}")
    return stored


def names_of(stored: str) -> tuple[str, str]:
    """Schema and name as readers know them."""
    schema, _, name = stored.partition(_BETWEEN)
    return schema, name


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
        f"grant usage on schema {quoted(schema_of(release_id, part))} to {_listed(roles.GROUPS)}"
        for part in PARTS
    ]
    for offer in offers:
        for part in offer.parts:
            table = place(release_id, offer, part)
            key = _street_column(offer, part)
            if key:
                columns = (quoted(name) for name, _ in stored_columns(offer, part))
                noting = ", ".join(f"alter column {column} set statistics 0" for column in columns)
                statements += [f"alter table {table} {noting}", f"create index on {table} ({quoted(key)})"]
            if part != OPEN:
                statements += _policies(offer, part, table, key)
            statements += [f"analyze {table}", f"grant select on {table} to {_listed(offer.readers(part))}"]
    return statements


def _street_column(offer: Offer, part: Part) -> str:
    if part == IN_OFFICES:
        return OFFICE
    is_by_street = offer.open_files and any(column.name == STREET for column in offer.columns)
    return STREET if part == DETAIL and is_by_street else ""


def _policies(offer: Offer, part: Part, table: str, key: str) -> list[str]:
    readers = offer.readers(part)
    everything = [roles.DISTRICT] if roles.DISTRICT in readers else []
    everything += [roles.CITY] if roles.CITY in readers else []
    statements = [
        f"alter table {table} enable row level security",
        f"alter table {table} force row level security",
    ]
    if everything:
        statements.append(
            f"create policy everything on {table} for select to {_listed(everything)} using (true)"
        )
    if key and roles.OFFICES in readers:
        statements.append(
            f"create policy own_street on {table} for select to {_listed([roles.OFFICES])} "
            f"using ({quoted(key)} = any ({roles.OWN_STREETS}))"
        )
    return statements


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
