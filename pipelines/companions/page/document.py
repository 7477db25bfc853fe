"""From sections to one HTML file, the same bytes for the same data.

Both languages stand in the file; two radio buttons before them show one and hide the other, by style alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from pipelines.companions import changes, dictionary, markup
from pipelines.companions.markup import CHINESE, attribute
from pipelines.companions.page import levels
from pipelines.companions.page.figures import Figures
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Cell, Speech
from pipelines.companions.page.style import ROWS_ON_PAPER, STYLE
from pipelines.companions.page.words import EN, LANG, LANGUAGES, ZH

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_SHORT = 10
"""Texts no longer than this are never broken, such as a date."""
_HEALTH = "governance.channel_health"


def document(figures: Figures, sections: Mapping[str, Sequence[Section]]) -> str:
    """The page; `sections` are those of each language."""
    speeches = {language: Speech(language, figures) for language in LANGUAGES}
    title = f"{speeches[ZH]('brain')} {speeches[EN]('brain')} · {figures.publication.release_id}"
    checked = ' checked="checked"'
    switches = "".join(
        f'<input class="switch" type="radio" name="language" id="in-{language}"'
        f"{checked if language == ZH else ''}/>"
        f'<label for="in-{language}" lang="{LANG[language]}">{name}</label>'
        for language, name in ((ZH, "中文"), (EN, "English"))
    )
    bodies = "".join(_Body(figures, speeches[language], sections[language]).html() for language in LANGUAGES)
    return (
        f"{markup.head(title, STYLE, CHINESE)}"
        '<a class="skip" href="#content">跳到正文 · <span lang="en">Skip to content</span></a>\n'
        f'<main id="content" tabindex="-1">\n{switches}\n{bodies}</main>\n{markup.END}'
    )


class _Body:
    """The part of the page in one language."""

    def __init__(self, figures: Figures, say: Speech, sections: Sequence[Section]) -> None:
        self.figures = figures
        self.say = say
        self.sections = sections

    def html(self) -> str:
        language = self.say.language
        return (
            f'<div id="{language}" lang="{LANG[language]}">\n{self._header()}'
            f"{''.join(map(self._section, self.sections))}{self._all_tables()}"
            f"<footer><p>{markup.text(self.say('legend_marks'))}</p><p>{markup.text(self.say('footer'))}</p></footer>\n</div>\n"
        )

    def text(self, said: str) -> str:
        """Text to be put in; Chinese inside English says so, for voices and fonts."""
        if self.say.language == ZH or not _HAN.search(said):
            return markup.text(said)
        parts = re.split(r"([\u3400-\u9fff\uf900-\ufaff\u3000-\u303f\uff00-\uffef]+)", said)
        return "".join(
            f'<span lang="{CHINESE}">{markup.text(part)}</span>' if _HAN.search(part) else markup.text(part)
            for part in parts
        )

    def _header(self) -> str:
        say, publication = self.say, self.figures.publication
        streets = self.figures.streets()
        areas = {f"{street.city}{street.district}" for street in streets}
        place = say("place", area=say.listed(sorted(areas)), count=len(streets)) if streets else ""
        facts = [
            (say("as_of"), f"{say.instant(publication.as_of)}（{say.timezone}）" if say.language == ZH
             else f"{say.instant(publication.as_of)} ({say.timezone})"),
            (say("release"), publication.release_id),
            (say("version"), publication.version),
        ]  # fmt: skip
        said = "".join(
            f"<div><dt>{self.text(name)}</dt><dd>{self.text(value)}</dd></div>" for name, value in facts
        )
        newest = " ".join(f'<span class="short">{self.text(level)}</span>' for level in self._freshness())
        said += f"<div><dt>{self.text(say('freshness'))}</dt><dd>{newest}</dd></div>"
        links = "".join(
            f'<li><a href="#{say.language}-{key}">{self.text(title)}</a></li>'
            for key, title in (
                *((each.key, each.title) for each in self.sections),
                ("tables", say("all_tables")),
            )
        )
        heading = f"{say('brain')} · {place}" if place else say("brain")
        return (
            f"<header><h1>{self.text(heading)}</h1>"
            f'<p class="lead">{self.text(say("intro"))}</p><dl class="facts">{said}</dl></header>\n'
            f'<nav aria-label="{say("contents")}"><ul>{links}</ul></nav>\n'
        )

    def _freshness(self) -> list[str]:
        """Of each level the newest day of which anything came."""
        say = self.say
        if not self.figures.has(_HEALTH, ("level", "business_date", "landed_at")):
            return [say("fresh_none")]
        newest: dict[str, object] = {}
        for row in self.figures.rows(_HEALTH, ("level", "business_date"), "landed_at is not null"):
            newest[row["level"]] = max(row["business_date"], newest.get(row["level"], row["business_date"]))
        return [
            say("fresh_level", level=say.value(_HEALTH, "level", level), day=day)
            for level, day in sorted(newest.items(), key=lambda pair: levels.rank(pair[0]))
        ] or [say("fresh_none")]

    def _section(self, section: Section) -> str:
        key = f"{self.say.language}-{section.key}"
        beside, folded = "", section.tables
        if section.shows_table:
            first, *folded_away = section.tables
            beside, folded = self._table(f"{key}-data-{_slug(first.key)}", first), tuple(folded_away)
        count = {1: " beside" if beside else " one", 2: " two"}.get(len(section.panels), "")
        legend = "".join(f"<li>{mark.svg}{self.text(mark.text)}</li>" for mark in section.legend)
        legend = f'<ul class="legend">{legend}</ul>\n' if legend else ""
        panels = "".join(self._panel(key, panel) for panel in section.panels)
        notes = "".join(f'<p class="note">{self.text(note)}</p>' for note in section.notes)
        return (
            f'<section id="{key}" aria-labelledby="{key}-title">\n<h2 id="{key}-title">{self.text(section.title)}</h2>\n'
            f'<p class="finding">{self.text(section.finding)}</p>\n'
            f"{legend}"
            f'<div class="panels{count}">{panels}{beside}</div>\n'
            f"{notes}"
            f"{''.join(self._details(key, table) for table in folded)}"
            f"{self._definitions(section)}</section>\n"
        )

    def _panel(self, key: str, panel: Panel) -> str:
        note = f"<figcaption>{self.text(panel.note)}</figcaption>" if panel.note else ""
        return f'<figure id="{key}-{_slug(panel.key)}"><h3>{self.text(panel.title)}</h3>{panel.svg}{note}</figure>\n'

    def _details(self, key: str, table: DataTable) -> str:
        title = self.say("data_table", title=table.title)
        return f"<details><summary>{self.text(title)}</summary>{self._table(f'{key}-data-{_slug(table.key)}', table)}</details>\n"

    def _table(self, key: str, table: DataTable) -> str:
        numeric = [
            any(row[place].kind == "number" for row in table.rows) for place in range(len(table.headers))
        ]
        head = "".join(
            f'<th scope="col"{_aligned(is_number)}>{self.text(name)}</th>'
            for name, is_number in zip(table.headers, numeric, strict=True)
        )
        is_long, left_out = "", ""
        if len(table.rows) > ROWS_ON_PAPER:
            is_long = ' class="long"'
            left_out = f'<p class="on-paper">{self.text(self.say("rows_left_out", count=ROWS_ON_PAPER))}</p>'
        body = "".join(
            "<tr>"
            + "".join(self._cell(cell, numeric[place], place == 0) for place, cell in enumerate(row))
            + "</tr>\n"
            for row in table.rows
        )
        return (
            f'<div class="scroll" tabindex="0" role="region" aria-label={attribute(table.title)}>'
            f'<table id="{key}"{is_long}><caption>{self.text(table.title)}</caption><thead><tr>{head}</tr></thead>\n'
            f"<tbody>\n{body}</tbody></table>{left_out}</div>"
        )

    def _cell(self, cell: Cell, is_number: bool, is_head: bool) -> str:
        text = self.text(cell.text)
        if cell.kind == "number":
            text = f"<data value={attribute(str(cell.value))}>{text}</data>"
        elif cell.kind in ("withheld", "unknown"):
            sign = "•" if cell.kind == "withheld" else "–"
            shown = f" {text}" if cell.kind == "withheld" else f'<span class="unseen">{text}</span>'
            text = f'<span class="gone"><span aria-hidden="true">{sign}</span>{shown}</span>'
        if is_head:
            short = ' class="short"' if len(cell.text) <= _SHORT else ""
            return f'<th scope="row"{short}>{text}</th>'
        if not is_number and len(cell.text) <= _SHORT:
            return f'<td class="short">{text}</td>'
        return f"<td{_aligned(is_number)}>{text}</td>"

    def _definitions(self, section: Section) -> str:
        say = self.say
        meanings = "".join(
            f"<dt>{self.text(say.column(table, name))} <code>{table}.{name}</code></dt>"
            f"<dd>{self.text(say.meaning(table, name))}</dd>"
            for table, name in section.defines
            if say.meaning(table, name)
        )
        listed = f'<dl class="meanings">{meanings}</dl>' if meanings else ""
        return (
            f"<details><summary>{self.text(say('definitions'))}</summary>{listed}"
            f'<ul class="sources">{"".join(map(self._source, section.reads))}</ul></details>\n'
        )

    def _source(self, table: str) -> str:
        said = f"{self.say('source')}{self.say('colon')}{self._title(table)}"
        return f"<li>{self.text(said)} <code>{table}</code> {self._links(table)}</li>"

    def _links(self, table: str) -> str:
        """A link to each file of a table; where it is many, each is called by its period."""
        files = self.figures.tables[table].files
        return " ".join(
            f'<a href={attribute(file.path)} download="">'
            f"{self.text(self.say('download', file=_called(file.path), size=self.say.size(file.size)))}</a>"
            for file in files
        )

    def _title(self, table: str) -> str:
        contract = self.figures.contract(table)
        if contract is None:
            return table
        return (contract.business_name if self.say.language == ZH else contract.title) or table

    def _all_tables(self) -> str:
        say, key = self.say, f"{self.say.language}-tables"
        rows = "".join(
            f'<tr><th scope="row"><code>{name}</code></th><td>{self.text(self._title(name))}</td>'
            f'<td class="number"><data value="{table.rows}">{say.number(table.rows)}</data></td>'
            f"<td>{self._links(name)}</td></tr>\n"
            for name, table in self.figures.tables.items()
        )
        heads = ("table", "meaning", row_count := "row_count", "file")
        head = "".join(f'<th scope="col"{_aligned(word == row_count)}>{say(word)}</th>' for word in heads)
        title = say("all_tables")
        return (
            f'<section id="{key}" aria-labelledby="{key}-title">\n<h2 id="{key}-title">{title}</h2>\n'
            f'<p class="finding">{say("all_tables_finding", count=len(self.figures.tables))}</p>\n'
            f'<ul class="sources"><li><a href="{dictionary.PAGE}">{say("dictionary")}</a></li>'
            f'<li><a href="{changes.TOLD}">{say("changes")}</a></li></ul>\n'
            f"<details><summary>{say('data_table', title=title)}</summary>"
            f'<div class="scroll" tabindex="0" role="region" aria-label={attribute(title)}>'
            f'<table id="{key}-data"><caption>{title}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>'
            "</table></div></details>\n</section>\n"
        )


def _called(path: str) -> str:
    """How a file of a table is called beside the table's name."""
    folder = PurePosixPath(path).parent.name
    return folder.partition("=")[2] or "Parquet"


def _aligned(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _slug(text: str) -> str:
    """Part of an id, whatever a code is made of."""
    return re.sub(r"[^0-9A-Za-z_-]", lambda sign: f"-{ord(sign[0]):x}", text)
