"""Reading releases: which one is current, whether its bytes are still the published ones, what is in it.

    releases/<release_id>/manifest.json             every other file with rows, bytes and sha256
                          datapackage.json          the same tables, described for Frictionless tools
                          dcat.jsonld               and for portals that harvest catalogues
                          changes.md, .json         what is different from the release before, and why
                          dictionary.html, .md      every table and column in words
                          tables/<schema>.<table>.parquet           figures anybody may read, small counts suppressed
                          district/<schema>.<table>.parquet         every table in full, for the district centre
                          …/<schema>.<table>/period=<month>/        one that is large, month by month
                          district/disclosed.csv                    which small counts were shown and hidden so far
                          offices/<street_code>/<street_code>.duckdb
    releases/CURRENT                                one line: the release id
    releases/pins/, replaced/, followed/, pruned/   what is noted about releases: `marks.py`

A release never changes. A reader resolves CURRENT once and stays with what it found; asking for CURRENT
again in the middle of a question would mix two releases. Writing releases is `stages/publishing.py`.

    release         one of them; `table_files`: the files of a table in it
    finding         which there are, and which one is current
    table_changes   how the tables of two differ
    marks           what is noted beside them
    retention       which stay, and how the others go
"""

from __future__ import annotations

from pipelines.releases.finding import (
    CURRENT,
    current,
    damage_of_current,
    has_pointer,
    in_order,
    list_releases,
    named,
    pointer,
    published_at,
    read,
    unreadable,
)
from pipelines.releases.release import (
    DATA_PACKAGE,
    DISCLOSED,
    DISTRICT,
    MANIFEST,
    OFFICES,
    PAGE,
    TABLES,
    Release,
    audience,
    file_sha256,
    inputs_of,
    manifest_sha256,
    office_path,
    read_manifest,
)

__all__ = [
    "CURRENT",
    "DATA_PACKAGE",
    "DISCLOSED",
    "DISTRICT",
    "MANIFEST",
    "OFFICES",
    "PAGE",
    "TABLES",
    "Release",
    "audience",
    "current",
    "damage_of_current",
    "file_sha256",
    "has_pointer",
    "in_order",
    "inputs_of",
    "list_releases",
    "manifest_sha256",
    "named",
    "office_path",
    "pointer",
    "published_at",
    "read",
    "read_manifest",
    "unreadable",
]
