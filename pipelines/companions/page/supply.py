"""Supply of each service per 1,000 of those who need it, beside the street's own district."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.companions.page import marks
from pipelines.companions.page.drawing import WIDTH, Picture, extent, shortened
from pipelines.companions.page.figures import Figures, Row
from pipelines.companions.page.notable import drawn, note
from pipelines.companions.page.published import is_known, of_those
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.page.words import ZH
from pipelines.companions.palette import BAR, EFFORT, INK, RULE, WHITE

TABLE = "governance.service_supply"
_ROW, _TOP, _VALUE, _LABEL = 22.0, 4.0, 54.0, 96.0
_SOUND = "ok"
_REGISTER = "register"
"""The basis of a figure that counts all there is."""


def section(figures: Figures, say: Speech) -> Section | None:
    """The newest day of each kind, streets in scope only, a picture a kind that any source tells of."""
    needed = ("street_code", "street_name", "service_kind", "service_name", "service_name_en", "supply")
    more = (
        "supply_unit",
        "supply_unit_en",
        "demand_base_kind",
        "demand_base",
        "per_1000",
        "district_per_1000",
    )
    rest = ("supply_basis", "target_per_1000", "is_example_target", "quality_flag", "is_latest", "as_of")
    if not figures.has(TABLE, (*needed, *more, *rest)):
        return None
    inside = {street.code for street in figures.streets()}
    found = figures.rows(TABLE, (*needed, *more, *rest), "is_latest", "service_kind, street_code")
    rows = [row for row in found if row["street_code"] in inside]
    if not rows:
        return None
    panels, unknown, below = [], [], []
    for kind in dict.fromkeys(row["service_kind"] for row in rows):
        own = [row for row in rows if row["service_kind"] == kind]
        called = say.either(own[0], "service_name")
        if not any(is_known(row["per_1000"]) for row in own):
            unknown.append(called)
            continue
        count = sum(map(_is_below, own))
        below.append((count, called))
        some = drawn(own, lambda row: -row["per_1000"] if is_known(row["per_1000"]) else None)
        picture = _picture(say, some)
        panels.append(Panel(str(kind), called, picture.svg(_said(say, called, own)), _note(say, own)))
    finding = say("supply_nothing")
    if below and max(below)[0]:
        most = max(count for count, _ in below)
        first = next(called for count, called in below if count == most)
        finding = of_those(
            say, [row["per_1000"] for row in rows], say("supply_finding", service=first, count=most)
        )
    notes = [say("supply_note"), *note(say, len(inside))]
    if unknown:
        notes.append(say("supply_no_source", services=say.listed(unknown)))
    return Section(
        "supply",
        say("supply"),
        finding,
        tuple(panels),
        (_table(say, rows),),
        legend=(
            marks.entry(say("supply_bar"), lambda p, x, y: p.rect(x - 7, y - 5, 14, 10, BAR)),
            marks.entry(
                say("supply_bar_hollow"),
                lambda p, x, y: p.rect(x - 6.4, y - 4.4, 12.8, 8.8, WHITE, stroke=BAR, stroke_width=1.2),
            ),
            marks.entry(say("supply_tick"), lambda p, x, y: p.rect(x - 1.2, y - 7, 2.4, 14, EFFORT)),
        ),
        notes=tuple(notes),
        defines=tuple(
            (TABLE, name) for name in ("per_1000", "district_per_1000", "target_per_1000", "quality_flag")
        ),
        reads=(TABLE,),
    )


def _is_below(row: Row) -> bool:
    if not (is_known(row["per_1000"]) and is_known(row["district_per_1000"])):
        return False
    return bool(row["per_1000"] < row["district_per_1000"])


def _places(rows: Sequence[Row]) -> int:
    """Decimals that tell the streets apart."""
    return 0 if max((row["per_1000"] for row in rows if is_known(row["per_1000"])), default=0) >= 100 else 2


def _district(rows: Sequence[Row]) -> object:
    """The district's figure where all streets have the same; streets of several districts have several."""
    figures = {row["district_per_1000"] for row in rows if is_known(row["district_per_1000"])}
    return figures.pop() if len(figures) == 1 else None


def _said(say: Speech, service: str, rows: Sequence[Row]) -> str:
    known = [row for row in rows if is_known(row["per_1000"])]
    least = min(known, key=lambda row: (row["per_1000"], row["street_code"]))
    places = _places(rows)
    sentence = say(
        "supply_picture",
        service=service,
        base=say.value(TABLE, "demand_base_kind", rows[0]["demand_base_kind"]),
        count=sum(map(_is_below, rows)),
        district=say.number(_district(rows), places),
        street=least["street_name"],
        low=say.number(least["per_1000"], places),
    )
    return of_those(say, [row["per_1000"] for row in rows], sentence)


def _note(say: Speech, rows: Sequence[Row]) -> str:
    places, first = _places(rows), rows[0]
    said = [
        say(
            "supply_panel",
            unit=say.either(first, "supply_unit"),
            base=say.value(TABLE, "demand_base_kind", first["demand_base_kind"]),
        )
    ]
    if (district := _district(rows)) is not None:
        said.append(say("supply_district", value=say.number(district, places)))
    if is_known(first["target_per_1000"]):
        word = "supply_target_example" if first["is_example_target"] else "supply_target"
        said.append(say(word, value=say.number(first["target_per_1000"])))
    if first["supply_basis"] != _REGISTER:
        said.append(say.value(TABLE, "supply_basis", first["supply_basis"]))
    return " · ".join(part.replace(" ", "\u00a0") if say.language == ZH else part for part in said)


def _picture(say: Speech, rows: Sequence[Row]) -> Picture:
    picture = Picture(_TOP * 2 + _ROW * len(rows))
    left = min(max(extent(row["street_name"] or "–") for row in rows), _LABEL) + 8
    figures = [row[name] for row in rows for name in ("per_1000", "district_per_1000") if is_known(row[name])]
    unit = (WIDTH - _VALUE - left) / (float(max(figures)) or 1.0)
    places = _places(rows)
    for number, row in enumerate(rows):
        y = _TOP + _ROW * (number + 0.5)
        picture.text(0, y + 4, shortened(row["street_name"] or "–", left - 6), fill=INK)
        picture.line(left, y - _ROW / 2, left, y + _ROW / 2, RULE, width=1)
        if is_known(row["per_1000"]) and row["per_1000"]:
            is_sound = row["quality_flag"] == _SOUND
            long = float(row["per_1000"]) * unit
            picture.rect(left, y - 6, long, 12, BAR if is_sound else WHITE, stroke=BAR, stroke_width=1.2)
        if is_known(row["district_per_1000"]):
            picture.rect(left + float(row["district_per_1000"]) * unit - 1.2, y - 9, 2.4, 18, EFFORT)
        picture.text(WIDTH, y + 4, say.short(row["per_1000"], places), anchor="end", fill=INK, weight=600)
    return picture


def _table(say: Speech, rows: Sequence[Row]) -> DataTable:
    shown = ("service_kind", "street_name", "supply", "supply_unit", "per_1000", "district_per_1000",
             "target_per_1000", "quality_flag", "as_of")  # fmt: skip
    return DataTable(
        "supply",
        say("supply"),
        tuple(say.column(TABLE, name) for name in shown),
        tuple(
            (
                say.words(say.either(row, "service_name")),
                say.words(row["street_name"]),
                say.count(row["supply"], 2),
                say.words(say.either(row, "supply_unit")),
                say.count(row["per_1000"], 3),
                say.count(row["district_per_1000"], 3),
                say.count(row["target_per_1000"], 3),
                say.words(say.value(TABLE, "quality_flag", row["quality_flag"])),
                say.words(say.day(row["as_of"])),
            )
            for row in rows
        ),
    )
