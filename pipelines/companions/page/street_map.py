"""The streets as a map coloured by one figure: tiles, or real outlines where they are configured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.companions.page.drawing import WIDTH, Picture, length, wrapped
from pipelines.companions.page.figures import Figures, Row, Street
from pipelines.companions.page.notable import MOST, drawn
from pipelines.companions.page.notable import note as of_many
from pipelines.companions.page.periods import shown
from pipelines.companions.page.published import is_known, of_those
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.palette import EMPTY, INK, MUTED, RULE, STEPS, ink_on

TABLE = "governance.street_scorecard"
VALUE = "composite_score"
COLUMNS = (VALUE, "received_count", "population", "demands_per_10k")
_GAP, _TILE_HEIGHT, _LEGEND = 4.0, 66.0, 46.0
_COLUMNS = 4
"""Tiles beside each other where the project does not place them."""


def section(figures: Figures, say: Speech) -> Section | None:
    """The composite score of the period that is shown; nothing without the scorecard or streets."""
    needed = ("street_code", "street_name", "period", "is_latest", "is_example_rule", *COLUMNS)
    streets = figures.streets()
    if not streets or not figures.has(TABLE, needed):
        return None
    newest = shown(figures)
    rows = {
        row["street_code"]: row
        for row in figures.rows(TABLE, needed, "is_latest", "period")
        if row["period"] == newest
    }
    if newest is None or not rows:
        return None
    values: dict[str, Any] = {
        street.code: rows[street.code][VALUE] if street.code in rows else None for street in streets
    }
    known = sorted(
        ((value, code) for code, value in values.items() if is_known(value)),
        key=lambda pair: (pair[0], pair[1]),
    )
    names = {street.code: street.name for street in streets}
    finding = say("map_nothing", period=newest)
    if known:
        (low, least), (high, most) = known[0], known[-1]
        finding = say(
            "map_finding",
            period=newest,
            most=names[most],
            high=say.number(high, 1),
            least=names[least],
            low=say.number(low, 1),
        )
    outlines = figures.outlines(names)
    tiles = figures.tiles()
    is_placed = all(street.code in tiles for street in streets)
    finding = of_those(say, list(values.values()), finding)
    scale = Scale([float(value) for value, _ in known])
    if outlines:
        picture, note = _outlined(say, streets, values, outlines, scale), "map_outlines"
    else:
        shown_streets = streets if is_placed else drawn(streets, lambda street: values[street.code])
        places = tiles if is_placed else _in_order(shown_streets)
        picture = _tiled(say, shown_streets, values, places, scale)
        note = "map_tiles" if is_placed else "map_list"
    notes = [] if outlines or is_placed else of_many(say, len(streets))
    if any(row["is_example_rule"] for row in rows.values()):
        notes.append(say("rates_example"))
    return Section(
        "map",
        say("map"),
        finding,
        (Panel("map", say("map_scale"), picture.svg(finding), say(note)),),
        (_table(say, streets, rows, newest),),
        notes=tuple(notes),
        shows_table=len(streets) <= MOST,
        defines=tuple((TABLE, name) for name in COLUMNS),
        reads=(TABLE, "ref.areas", *(("ref.area_tiles",) if tiles and not outlines else ())),
    )


class Scale:
    """Five steps of equal width between the least and the greatest figure."""

    def __init__(self, values: Sequence[float]) -> None:
        self.low, self.high = (min(values), max(values)) if values else (0.0, 0.0)

    @property
    def breaks(self) -> list[float]:
        return [self.low + (self.high - self.low) * step / len(STEPS) for step in range(len(STEPS) + 1)]

    def colour(self, value: Any) -> str:
        if not is_known(value):
            return EMPTY
        if self.high == self.low:
            return STEPS[len(STEPS) // 2]
        step = math.floor((float(value) - self.low) / (self.high - self.low) * len(STEPS))
        return STEPS[min(max(step, 0), len(STEPS) - 1)]


def _in_order(streets: Sequence[Street]) -> dict[str, tuple[int, int]]:
    return {
        street.code: (place // _COLUMNS + 1, place % _COLUMNS + 1) for place, street in enumerate(streets)
    }


def _tiled(
    say: Speech,
    streets: Sequence[Street],
    values: Mapping[str, Any],
    places: Mapping[str, tuple[int, int]],
    scale: Scale,
) -> Picture:
    rows = max(places[street.code][0] for street in streets)
    columns = max(places[street.code][1] for street in streets)
    width = (WIDTH - _GAP * (columns - 1)) / columns
    picture = Picture(rows * (_TILE_HEIGHT + _GAP) + _LEGEND)
    for street in streets:
        row, column = places[street.code]
        x, y = (column - 1) * (width + _GAP), (row - 1) * (_TILE_HEIGHT + _GAP)
        fill = scale.colour(values[street.code])
        picture.rect(x, y, width, _TILE_HEIGHT, fill, stroke=RULE, stroke_width=1, round_by=4)
        _say_street(picture, say, street.name, values[street.code], x + width / 2, y + 6, width - 4, fill)
    _legend(picture, say, scale, rows * (_TILE_HEIGHT + _GAP) + 8)
    return picture


def _outlined(
    say: Speech,
    streets: Sequence[Street],
    values: Mapping[str, Any],
    outlines: Mapping[str, Any],
    scale: Scale,
) -> Picture:
    points = [point for outline in outlines.values() for ring in outline.rings for point in ring]
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    squeeze = math.cos(math.radians((south + north) / 2))
    unit = min((WIDTH - 4) / ((east - west) * squeeze), 1.25 * WIDTH / (north - south))

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return 2 + (point[0] - west) * squeeze * unit, 2 + (north - point[1]) * unit

    height = (north - south) * unit + 4
    picture = Picture(height + _LEGEND)
    drawn = [street for street in streets if street.code in outlines]
    for street in drawn:
        rings = (map(at, ring) for ring in outlines[street.code].rings)
        data = "".join("M" + "L".join(f"{length(x)} {length(y)}" for x, y in ring) + "Z" for ring in rings)
        picture.path(data, scale.colour(values[street.code]), stroke=INK, width=0.8)
    for street in drawn:
        x, y = at(outlines[street.code].label)
        fill = scale.colour(values[street.code])
        _say_street(picture, say, street.name, values[street.code], x, y - 24, 76, fill)
    _legend(picture, say, scale, height + 8)
    return picture


def _say_street(
    picture: Picture, say: Speech, name: str, value: Any, x: float, y: float, width: float, fill: str
) -> None:
    """The name in at most two lines above the figure."""
    ink = ink_on(fill)
    lines = wrapped(name, width, 11)
    top = y + (16 if len(lines) == 1 else 10)
    for number, text in enumerate(lines):
        picture.text(x, top + number * 13, text, anchor="middle", size=11, fill=ink)
    picture.text(x, y + 46, say.number(value, 1), anchor="middle", size=17, fill=ink, weight=600)


def _legend(picture: Picture, say: Speech, scale: Scale, y: float) -> None:
    if scale.high == scale.low:
        return
    width = WIDTH / len(STEPS)
    for step, fill in enumerate(STEPS):
        picture.rect(step * width, y, width, 10, fill, stroke=RULE, stroke_width=1)
    places = next((p for p in (1, 2) if len({round(value, p) for value in scale.breaks}) > len(STEPS)), 3)
    for place, value in enumerate(scale.breaks):
        anchor = "start" if place == 0 else "end" if place == len(STEPS) else "middle"
        picture.text(
            place * width, y + 24, say.number(round(value, 6), places), anchor=anchor, size=11, fill=MUTED
        )


def _table(say: Speech, streets: Sequence[Street], rows: Mapping[str, Row], period: str) -> DataTable:
    def cells(row: Row) -> tuple[Any, ...]:
        return (
            say.count(row.get(VALUE), 2),
            say.count(row.get("received_count")),
            say.count(row.get("population")),
            say.count(row.get("demands_per_10k"), 2),
        )

    return DataTable(
        "map",
        f"{say('map')}{say('colon')}{period}",
        (say("street"), *(say.column(TABLE, name) for name in COLUMNS)),
        tuple((say.words(street.name), *cells(rows.get(street.code, {}))) for street in streets),
    )
