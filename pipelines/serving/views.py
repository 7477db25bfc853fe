"""The names readers use: `governance.cases`, `ref.areas`, `office.q01_rates_so_far` over the releases that are served.

    select … from release_A_….governance__cases where A is served     the release that was served before
    union all
    select … from release_B_….governance__cases where B is served     the one that is
    union all
    select … where neither is: an error                               a transaction older than both

A view asks as whoever uses it (`security_invoker`), so that policies hold whatever its owner may see. Which part rows come
from is not left to policies alone: a superuser would be shown every row twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.database import literal, quoted
from pipelines.publication.disclosure import STREET
from pipelines.serving import columns, roles, tables
from pipelines.serving.contents import DETAIL, OFFICE, OPEN, POSITION, Offer, Part

SERVING = "serving"
CURRENT = f"{SERVING}.current"
IS_GONE = f"{SERVING}.is_gone"
_EMPTY = "'{}'"  # where only the open part lists what is hidden of a row, nothing is hidden in the others
Stored = Mapping[tuple[Part, str], Sequence[tuple[str, str]]]
"""Columns of a release's tables, with types, by part and stored name."""


@dataclass(frozen=True)
class Version:
    """A release as it lies in the database."""

    release_id: str
    stored: Stored


def named(prefix: str, offers: Sequence[Offer], versions: Sequence[Version]) -> list[str]:
    """Statements that make each view and its schema, called `<prefix><schema>`, and let its readers at it.

    `versions` are the releases to serve, the one that `offers` describe last.
    """
    schemas = sorted({offer.schema for offer in offers})
    groups = ", ".join(quoted(name) for name in roles.GROUPS)
    statements: list[str] = []
    for schema in schemas:
        place = quoted(f"{prefix}{schema}")
        statements += [
            *tables.schema(f"{prefix}{schema}", "what readers use"),
            f"grant usage on schema {place} to {groups}",
        ]
    for offer in offers:
        view = f"{quoted(f'{prefix}{offer.schema}')}.{quoted(offer.name)}"
        readers = ", ".join(quoted(name) for name in offer.audience)
        statements += [
            f"create view {view} with (security_invoker = true) as {_query(offer, versions)}",
            f"grant select on {view} to {readers}",
            *tables.comment("view", view, offer.comment),
        ]
        for column in offer.columns:
            statements += tables.comment("column", f"{view}.{quoted(column.name)}", column.comment)
    return statements


def _query(offer: Offer, versions: Sequence[Version]) -> str:
    wanted = [(column.name, column.stored_as) for column in offer.columns]
    if offer.is_answer:
        wanted.append((POSITION, "bigint"))
    branches = [branch for version in versions for branch in _branches(offer, version, wanted)]
    served = ", ".join(literal(version.release_id) for version in versions)
    nothing = ", ".join(f"null::{kind} as {quoted(name)}" for name, kind in wanted)
    branches.append(f"select {nothing} from {CURRENT} where {IS_GONE}(release_id, array[{served}])")
    query = " union all ".join(branches)
    if not offer.is_answer:
        return query
    shown = ", ".join(quoted(column.name) for column in offer.columns)
    return f"select {shown} from ({query}) as answers order by {quoted(OFFICE)}, {quoted(POSITION)}"


def _branches(offer: Offer, version: Version, wanted: Sequence[tuple[str, str]]) -> list[str]:
    """The parts of one release, each with what keeps its rows from being told twice."""
    stored = tables.stored_name(offer.schema, offer.name)
    has = {part: dict(listed) for (part, name), listed in version.stored.items() if name == stored}
    is_served = f"(select release_id from {CURRENT}) = {literal(version.release_id)}"
    branches = []
    for part, found in has.items():
        listed = ", ".join(
            f"{columns.as_other(name, found[name], kind)} as {quoted(name)}"
            if name in found
            else f"{_EMPTY if kind.endswith('[]') else 'null'}::{kind} as {quoted(name)}"
            for name, kind in wanted
        )
        table = f"{quoted(tables.schema_of(version.release_id, part))}.{quoted(stored)}"
        branches += [
            f"select {listed} from {source} where {is_served} and {condition}"
            for source, condition in _sources(offer, version, part, table, has)
        ]
    return branches


def _sources(
    offer: Offer, version: Version, part: Part, table: str, has: Mapping[Part, Mapping[str, str]]
) -> list[tuple[str, str]]:
    """Where a part's rows come from, and for whom."""
    sees_all = roles.is_one_of(*((roles.DISTRICT, roles.CITY) if OPEN in has else (roles.DISTRICT,)))
    own = f"{tables.own(version.release_id, offer.schema, offer.name, part)}()"
    if part == OPEN:
        if DETAIL not in has:
            return [(table, "true")]
        others = (
            f" and ({quoted(STREET)} = any ({roles.OWN_STREETS})) is not true" if STREET in has[OPEN] else ""
        )
        return [(table, f"not {sees_all}{others}")]
    if part == DETAIL:
        is_divided = OPEN in has and STREET in has[DETAIL]
        return [(table, sees_all), *([(own, f"not {sees_all}")] if is_divided else [])]
    if DETAIL in has:
        return [(own, f"not {sees_all}")]
    sees_all = roles.is_one_of(*(group for group in (roles.DISTRICT, roles.CITY) if group in offer.audience))
    return [(table, sees_all), (own, f"not {sees_all}")]
