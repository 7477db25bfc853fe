"""What each platform calls its parameters, and where its answers keep the records. Data only.

A new platform is one entry in DIALECTS. A contract's `query` adds to or overrides `query` here, and its
`records` overrides where the records lie.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pipelines.contract.model import Server
from pipelines.errors import ContractError

Paging = Literal["offset", "page", "keyset", "link", "single", "daily"]


@dataclass(frozen=True)
class Dialect:
    """One way of asking for rows and of answering. Paths are dotted names into the JSON answer.

    `limit` and `position` are parameter names; `position` counts rows (paging "offset") or pages ("page").
    `ok` is the path of a success flag and the values that mean success, `code` where a failure has its code.
    `identity` names what makes a record unmistakable at the source, better than the contract's key does.
    `estimated` is a flag that says the total is only a guess. `longest_window` splits longer ones. `cap` is how many
    rows the platform sends for one question, pages and all, without a word about the rest.
    """

    paging: Paging
    limit: str = ""
    position: str = ""
    first: int = 0
    query: dict[str, str] = field(default_factory=dict, hash=False)
    records: str = ""
    total: str = ""
    total_header: str = ""
    estimated: str = ""
    ok: tuple[str, tuple[object, ...]] | None = None
    code: str = ""
    identity: str = ""
    next: tuple[str, ...] = ()
    longest_window: timedelta | None = None
    cap: int = 0


DIALECTS: dict[str, Dialect] = {
    # https://docs.ckan.org/en/latest/maintaining/datastore.html: lowers `limit` to its cap without a word.
    "ckan": Dialect(
        paging="offset",
        limit="limit",
        position="offset",
        query={"sort": "_id", "include_total": "true"},
        records="result.records",
        total="result.total",
        estimated="result.total_was_estimated",
        ok=("success", (True,)),
        code="error.__type",
        identity="_id",
    ),
    # https://dev.socrata.com/docs/paging.html: without $order the order may change between pages.
    "socrata": Dialect(
        paging="offset", limit="$limit", position="$offset", query={"$order": ":id"}, identity=":id"
    ),
    "paged_json": Dialect(
        paging="page",
        limit="pageSize",
        position="page",
        first=1,
        records="data.list",
        total="data.total",
        ok=("code", (0, "0", 200, "200")),
        code="code",
    ),
    # https://wiki.open311.org/GeoReport_v2: a range of dates may not span more than 90 days, and of more than
    # 1,000 requests only the first are sent. Pages are an extension that some servers do not know.
    "open311": Dialect(
        paging="page",
        limit="page_size",
        position="page",
        first=1,
        longest_window=timedelta(days=90),
        cap=1000,
    ),
    # ETSI GS CIM 009, 6.3.10 and 6.3.13: count=true makes the broker send the total in a header.
    "ngsi_ld": Dialect(
        paging="offset",
        limit="limit",
        position="offset",
        query={"count": "true"},
        total_header="NGSILD-Results-Count",
        identity="id",
    ),
    # The contract's query names the field, `after: "{last:id}"`; the first request goes without it.
    "keyset": Dialect(paging="keyset", limit="limit"),
    # SensorThings calls it @iot.nextLink, others next, links.next or a Link header; followed word for word.
    "next_link": Dialect(
        paging="link", total="@iot.count", next=("@iot.nextLink", "next", "links.next", "_links.next.href")
    ),
    # OGC 18-088, 9.3.3: $top is a wish, @iot.nextLink is the way on and is followed word for word. A collection
    # that grows while it is read shows in @iot.count and in identities met again.
    "sensor_things": Dialect(
        paging="link",
        limit="$top",
        query={"$count": "true", "$orderby": "@iot.id"},
        records="value",
        total="@iot.count",
        identity="@iot.id",
        next=("@iot.nextLink",),
    ),
    "file": Dialect(paging="single"),
    "daily_file": Dialect(paging="daily"),
}


def dialect_of(server: Server) -> Dialect:
    """The dialect a server speaks. Raises ContractError for a connector nobody wrote."""
    try:
        return DIALECTS[server.connector]
    except KeyError:
        raise ContractError(
            f"server {server.name!r} has connector {server.connector!r}, expected one of "
            + ", ".join(sorted(DIALECTS)),
            next_step="correct `connector` in the contract",
        ) from None


def records_path(server: Server) -> str:
    """Where in each JSON part the list of records lies, as dotted names; "" when the part is the list."""
    return server.records or dialect_of(server).records
