"""Who may read what in the PostgreSQL copy. Roles nobody logs in as; the administrator grants one to each user.

    urbanbrain_office_<street>   rows of that street, figures about it in full and about the others as anybody reads them
    urbanbrain_district          every published table in full, every office's answers
    urbanbrain_city              figures in full, and the records the city itself sent
    urbanbrain_reader            what anybody may read

Every office is also one of `urbanbrain_offices`, which is what tables are granted to: a new street needs no new grant.
Whose rows somebody gets follows from who logged in. No setting changes that, and `set role` does not either.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipelines.database import literal

OFFICES = "urbanbrain_offices"
DISTRICT = "urbanbrain_district"
CITY = "urbanbrain_city"
READER = "urbanbrain_reader"
GROUPS = (OFFICES, DISTRICT, CITY, READER)
_OFFICE = "urbanbrain_office_"


def office(street_code: str) -> str:
    """The role of one street's office."""
    return f"{_OFFICE}{street_code}"


OWN_STREETS = (
    f"array(select substr(rolname, {len(_OFFICE) + 1}) from pg_catalog.pg_roles "
    f"where starts_with(rolname, {literal(_OFFICE)}) and pg_has_role(session_user, oid, 'usage'))"
)
"""Streets of the user who logged in, in SQL. Worked out once a statement, not once a row."""


def is_one_of(*groups: str) -> str:
    """Whether the user who asks is a member of any of them, in SQL."""
    asked = " or ".join(f"pg_has_role(current_user, {literal(group)}, 'usage')" for group in groups)
    return f"(select {asked or 'false'})"


def wanted(streets: Iterable[str]) -> dict[str, str]:
    """Every role there must be, with the group it belongs to or nothing."""
    return dict.fromkeys(GROUPS, "") | {office(street): OFFICES for street in streets}
