"""The PostgreSQL copy of releases, for psql, Excel and BI tools. Only published bytes go in; nothing comes back.

    roles        who may read: office, district, city, reader
    contents     what a release offers, to whom, and where its rows lie
    columns      a column of DuckDB as PostgreSQL has it
    tables       the statements that make a release's own tables, closed to whoever must not see a row
    views        the stable names readers use, over the releases that are served
    foundations  what is there whichever release is served: roles, limits, the ledger of loads
    session      one connection; no address or password is ever said
    sending      rows read and sent side by side
    loading      a release copied, then served, then old ones dropped
    guarding     sessions that outlast their limit are ended

Each release has schemas of its own, `release_<id>_open`, `…_detail`, `…_offices`. Readers use `governance.cases`,
`office.q01_rates_so_far` and so on: views over the release that was served last and the one that is served now. Which
of the two a statement reads is a row, `serving.current`, and not the catalogue: PostgreSQL shows a statement one version
of a row, so no statement ever sees two releases, and a `repeatable read` transaction stays with the release it began with.
"""

from __future__ import annotations

from pipelines.serving.contents import contents_of
from pipelines.serving.guarding import Ended, guard
from pipelines.serving.loading import Served, offered, serve
from pipelines.serving.session import Session, connected

__all__ = ["Ended", "Served", "Session", "connected", "contents_of", "guard", "offered", "serve"]
