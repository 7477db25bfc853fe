"""`dictionary.md` and `dictionary.html`: every table and question, column by column, in English and Chinese.

Both are made from the same entries, and those from the contracts and the office views: nothing is described here.
"""

from __future__ import annotations

from pipelines.companions.dictionary import entries, html, markdown
from pipelines.companions.publication import Publication

DICTIONARY = "dictionary"
PAGE = f"{DICTIONARY}{html.SUFFIX}"


def write(publication: Publication) -> None:
    """Add both to the release's folder."""
    found = entries.of(publication)
    for module in (markdown, html):
        file = publication.folder / f"{DICTIONARY}{module.SUFFIX}"
        file.write_text(module.text(publication, found), encoding="utf-8")
