"""The files beside a release's tables that tell people and tools what is in them.

Each companion is a module with `write(publication)`, which adds its files to the folder. They read the tables that
were just written and the contracts, never the warehouse, so that they can say nothing that is not published.

    publication      what they are made from; `coverage`: the days and places its tables are about
    data_package     datapackage.json
    dcat             dcat.jsonld
    dictionary       dictionary.html, dictionary.md
    changes          changes.json, changes.md
    page             index.html
    markup, palette  what both HTML files share
"""

from __future__ import annotations

from pipelines.companions import changes, data_package, dcat, dictionary, page
from pipelines.companions.publication import Publication, PublishedFile, PublishedTable

__all__ = ["Publication", "PublishedFile", "PublishedTable", "write"]

_COMPANIONS = (
    data_package,
    dcat,
    dictionary,
    changes,
    page,
)  # one that reads what another wrote comes after it


def write(publication: Publication) -> None:
    """Add every companion file to the release's folder."""
    for companion in _COMPANIONS:
        companion.write(publication)
