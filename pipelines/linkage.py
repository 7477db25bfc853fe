"""Why the records of a case belong together, and what a person says about two of them. Reads the built warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import database, lake, settings
from pipelines.decisions import links
from pipelines.errors import WarehouseError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def explain(case_id: str) -> dict[str, Any]:
    """The case of that id, or the one it was merged into: its members, its links, weakest first, its merges.

    Raises WarehouseError when no case ever had that id, or nothing is built.
    """
    with _built() as connection:
        current = connection.execute(
            "select case_id from governance.case_members where own_case_id = $1 or case_id = $1 limit 1",
            [case_id],
        ).fetchone()
        if current is None:
            raise WarehouseError(
                f"no case has or had the id {case_id!r}",
                next_step='`urbanbrain sql "select case_id from governance.cases"` lists them',
            )
        return {
            "asked_for": case_id,
            "case_id": current[0],
            "members": _rows(
                connection,
                "select source_feed, source_id, reported_at, link_method, link_score, linked_id, why_zh, why_en "
                "from governance.case_members where case_id = ? order by reported_at, source_id",
                current[0],
            ),
            "links": _rows(
                connection,
                "select one_id, other_id, link_method, link_score, distance_m, hours_apart, similarity, "
                "is_weakest, why_zh, why_en from governance.case_links where case_id = ? "
                "order by link_score, one_id, other_id",
                current[0],
            ),
            "merges": _rows(
                connection,
                "select old_case_id, new_case_id, merged_at, unmerged_at, unmerged_because, link_method "
                "from governance.case_merges where $1 in (old_case_id, new_case_id) order by merged_at, old_case_id",
                current[0],
            ),
        }


def decide(one_id: str, other_id: str, decision: str, by: str, why: str) -> Path:
    """Keep what a person decided about two records; the next build follows it.

    Raises WarehouseError when a record is not known, or the two lie in two streets, where only a number links.
    """
    if one_id == other_id:
        raise WarehouseError(
            f"{one_id} is one record", next_step="name the numbers of two records in their sources"
        )
    if not by.strip() or not why.strip():
        raise WarehouseError(
            "a decision without a desk or a reason helps nobody later", next_step="say who decides, and why"
        )
    with _built() as connection:
        found = {
            source_id: (feed, street)
            for source_id, feed, street in connection.execute(
                "select source_id, source_feed, street_code from governance.case_members "
                "where source_id in (?, ?)",
                [one_id, other_id],
            ).fetchall()
        }
        if unknown := sorted({one_id, other_id} - found.keys()):
            raise WarehouseError(
                f"no case has a record {' or '.join(unknown)}",
                next_step="name records as their sources do; governance.link_review lists the pairs that wait",
            )
        if found[one_id][1] != found[other_id][1] and decision == links.ACCEPTED:
            raise WarehouseError(
                f"{one_id} lies in street {found[one_id][1]}, {other_id} in {found[other_id][1]}",
                next_step="across streets only a record that names the other's number is linked",
            )
        return links.write(
            connection,
            links.LinkDecision(
                found[one_id][0], one_id, found[other_id][0], other_id, decision, settings.now(), by, why
            ),
        )


@contextmanager
def _built() -> Iterator[DuckDBPyConnection]:
    if not lake.warehouse_file().exists():
        raise _nothing_built()
    with database.writer(lake.warehouse_file()) as connection:
        query = "select count(*) from duckdb_tables() where schema_name = 'governance' and table_name = 'case_links'"
        if not database.count(connection, query):
            raise _nothing_built()
        yield connection


def _nothing_built() -> WarehouseError:
    return WarehouseError(
        "nothing is built yet", next_step="run `urbanbrain load` and `urbanbrain build` first"
    )


def _rows(connection: DuckDBPyConnection, query: str, case_id: str) -> list[dict[str, Any]]:
    found = connection.execute(query, [case_id])
    names = [column[0] for column in found.description or ()]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
