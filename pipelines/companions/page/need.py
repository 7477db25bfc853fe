"""Need against projects: for each package of the plan, how far what residents ask for outruns what is done, by street."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.companions.page import marks
from pipelines.companions.page.drawing import WIDTH, Picture, extent, shortened
from pipelines.companions.page.figures import WITHHELD, Figures, Row
from pipelines.companions.page.notable import drawn
from pipelines.companions.page.notable import note as of_many
from pipelines.companions.page.periods import shown, upto
from pipelines.companions.page.published import is_known, of_those
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.palette import INK, MUTED, RULE

TABLE = "governance.need_vs_project"
INDEXES = ("need_index", "effort_index", "gap_index")
_ROW, _TOP, _VALUE, _LABEL = 22.0, 6.0, 44.0, 96.0


def section(figures: Figures, say: Speech) -> Section | None:
    """The period the rates are told for, a picture a package."""
    needed = ("street_code", "street_name", "period", "package_code", "package_name", "package_name_en")
    counts = ("case_count", "project_weight")
    if not figures.has(TABLE, (*needed, *counts, *INDEXES)):
        return None
    found = figures.rows(TABLE, (*needed, *counts, *INDEXES), order="package_code, street_code")
    if not found:
        return None
    newest = upto({row["period"] for row in found}, shown(figures))[0][-1]
    rows = [row for row in found if row["period"] == newest]
    panels = []
    for code in sorted({row["package_code"] for row in rows}):
        own = [row for row in rows if row["package_code"] == code]
        called = say.either(own[0], "package_name")
        some = drawn(own, lambda row: row["gap_index"])
        is_hidden = all(row["need_index"] is WITHHELD for row in own)
        note = say("need_withheld") if is_hidden else ""
        panels.append(Panel(str(code), called, _picture(say, some).svg(_said(say, called, own)), note))
    finding = say("need_nothing", period=newest)
    if (most := _most(rows)) and most["gap_index"] > 0:
        finding = say(
            "need_finding",
            period=newest,
            street=most["street_name"],
            package=say.either(most, "package_name"),
            gap=say.signed(most["gap_index"]),
        )
    finding = of_those(say, [row["gap_index"] for row in rows], finding)
    return Section(
        "need",
        say("need"),
        finding,
        tuple(panels),
        (_table(say, rows),),
        legend=(
            marks.entry(say.column(TABLE, "need_index"), marks.need),
            marks.entry(say.column(TABLE, "effort_index"), marks.effort),
        ),
        notes=(say("need_note"), *of_many(say, len({row["street_code"] for row in rows}))),
        defines=tuple((TABLE, name) for name in (*INDEXES, *counts)),
        reads=(TABLE,),
    )


def _most(rows: Sequence[Row]) -> Row | None:
    known = [row for row in rows if is_known(row["gap_index"])]
    return max(
        known, key=lambda row: (row["gap_index"], row["package_code"], row["street_code"]), default=None
    )


def _said(say: Speech, package: str, rows: Sequence[Row]) -> str:
    most = _most(rows)
    if most is None:
        return say("need_picture_nothing", package=package)
    above = sum(row["gap_index"] > 0 for row in rows if is_known(row["gap_index"]))
    gap = say.signed(most["gap_index"])
    sentence = say("need_picture", package=package, street=most["street_name"], gap=gap, count=above)
    return of_those(say, [row["gap_index"] for row in rows], sentence)


def _picture(say: Speech, rows: Sequence[Row]) -> Picture:
    """A row a street: need and effort on one scale from 0 to 1, joined by a line as long as the gap."""
    picture = Picture(_TOP + _ROW * len(rows) + 18)
    left = min(max(extent(row["street_name"]) for row in rows), _LABEL) + 16
    right = WIDTH - _VALUE - 8

    def at(value: object) -> float:
        return left + float(value) * (right - left)  # type: ignore[arg-type]

    foot = _TOP + _ROW * len(rows)
    for value in (0, 0.5, 1):
        picture.line(at(value), _TOP, at(value), foot, RULE, width=0.8)
        picture.text(at(value), foot + 13, f"{value:g}", anchor="middle", size=11, fill=MUTED)
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        need, effort = row["need_index"], row["effort_index"]
        picture.text(0, y + 4, shortened(row["street_name"], left - 12), fill=INK)
        if is_known(need) and is_known(effort):
            picture.line(at(need), y, at(effort), y, MUTED, width=2)
        if is_known(effort):
            marks.effort(picture, at(effort), y)
        if is_known(need):
            marks.need(picture, at(need), y)
        picture.text(WIDTH, y + 4, say.signed(row["gap_index"]), anchor="end", fill=INK, weight=600)
    return picture


def _table(say: Speech, rows: Sequence[Row]) -> DataTable:
    return DataTable(
        "need",
        say("need"),
        (
            say.column(TABLE, "package_name"),
            say("street"),
            *(say.column(TABLE, name) for name in ("case_count", "project_weight", *INDEXES)),
        ),
        tuple(
            (
                say.words(say.either(row, "package_name")),
                say.words(row["street_name"]),
                say.count(row["case_count"]),
                say.count(row["project_weight"], 2),
                say.count(row["need_index"], 2),
                say.count(row["effort_index"], 2),
                say.difference(row["gap_index"]),
            )
            for row in rows
        ),
    )
