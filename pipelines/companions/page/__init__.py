"""`index.html`: a release in one picture for people, in Chinese and English, without a script and without a request.

It reads the release's own open tables, so it can show nothing that anybody may not read. A section whose table is
not there, or is made otherwise in another city, is left out. What figures mean is told in the contracts' words.
"""

from __future__ import annotations

from collections.abc import Callable

from pipelines import releases
from pipelines.companions.page import cases, channel, need, projects, rates, street_map, supply
from pipelines.companions.page.document import document
from pipelines.companions.page.figures import Figures, opened
from pipelines.companions.page.section import Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.page.words import LANGUAGES
from pipelines.companions.publication import Publication

_SECTIONS: tuple[Callable[[Figures, Speech], Section | None], ...] = (
    street_map.section,
    rates.section,
    cases.section,
    need.section,
    projects.section,
    supply.section,
    channel.section,
)


def write(publication: Publication) -> None:
    """Write the page into the folder of the release. Raises WarehouseError when one of its tables cannot be read."""
    figures = opened(publication)
    try:
        text = document(
            figures,
            {
                language: [
                    section
                    for make in _SECTIONS
                    if (section := make(figures, Speech(language, figures))) is not None
                ]
                for language in LANGUAGES
            },
        )
    finally:
        figures.close()
    (publication.folder / releases.PAGE).write_text(text, encoding="utf-8")
