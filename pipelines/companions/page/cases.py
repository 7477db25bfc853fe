"""Cases by the levels that have a record of them: what each level knows, and how far what they know overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipelines.companions.page.drawing import WIDTH, Picture, extent
from pipelines.companions.page.figures import Figures, Row
from pipelines.companions.page.levels import rank
from pipelines.companions.page.marks import entry
from pipelines.companions.page.section import DataTable, Mark, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.page.sums import Sum, total
from pipelines.companions.palette import BAR, BAR_SOFT, INK, NEED, RULE

TABLE = "governance.case_overlaps"
LEVEL_TABLE = "governance.channel_health"
"""Whose contract says how levels are called."""
COLUMNS = ("case_count", "open_count", "member_count")
_ROW, _HEAD, _VALUE = 26.0, 26.0, 52.0


def section(figures: Figures, say: Speech) -> Section | None:
    """All months together; the table keeps streets apart."""
    needed = ("street_code", "street_name", "level_combination", "level_count", *COLUMNS)
    if not figures.has(TABLE, needed):
        return None
    rows = figures.rows(TABLE, needed, order="street_code, level_combination")
    if not rows:
        return None
    sums: dict[str, Sum] = {}
    for row in rows:
        key = row["level_combination"]
        sums[key] = sums.get(key, Sum(0)) + total([row["case_count"]])
    order = sorted(sums, key=lambda key: (-sums[key].known, key))
    levels = sorted({level for key in order for level in key.split("+")}, key=rank)
    joint = [key for key in order if "+" in key]
    everything = _added(sums.values())
    several = _added(count for key, count in sums.items() if "+" in key)
    share, most = "", ""
    if everything.known and not everything.withheld:  # a part of what is not all there is no share
        share = say("cases_share", share=say.percent(several.known / everything.known))
    if joint and not several.withheld:
        most = say("cases_most", combination=_called(say, joint[0]), count=sums[joint[0]].said(say))
    finding = say(
        "cases_finding", all=everything.said(say), several=several.said(say), share=share, most=most
    )
    notes = []
    if everything.withheld:
        notes.append(say("cases_withheld", count=everything.withheld))
    return Section(
        "cases",
        say("cases"),
        finding,
        (
            Panel("levels", say("cases_levels"), _levels(say, levels, sums)),
            Panel("combinations", say("cases_combinations"), _combinations(say, levels, order, sums)),
        ),
        (_table(say, rows, order, sums),),
        legend=_legend(say),
        notes=tuple(notes),
        defines=tuple((TABLE, name) for name in ("level_combination", "case_count")),
        reads=(TABLE,),
    )


def _added(sums: Iterable[Sum]) -> Sum:
    return sum(sums, Sum(0))


def _called(say: Speech, combination: str) -> str:
    """Levels from the topmost on; a single one says that it is alone."""
    names = [say.value(LEVEL_TABLE, "level", level) for level in sorted(combination.split("+"), key=rank)]
    return " + ".join(names) if len(names) > 1 else say("only", level=names[0])


def _levels(say: Speech, levels: Sequence[str], sums: dict[str, Sum]) -> str:
    """A bar a level: cases only it knows, and those it shares."""
    parts = []
    for level in levels:
        alone = sums.get(level, Sum(0))
        shared = _added(count for key, count in sums.items() if "+" in key and level in key.split("+"))
        parts.append((say.value(LEVEL_TABLE, "level", level), alone, shared))
    picture = Picture(_ROW * 1.5 * len(parts) + 8)
    most = max(alone.known + shared.known for _, alone, shared in parts) or 1
    width = WIDTH - _VALUE - 8
    for number, (name, alone, shared) in enumerate(parts):
        y = number * _ROW * 1.5 + 4
        picture.text(0, y + 11, name, fill=INK)
        one, both = alone.known / most * width, shared.known / most * width
        picture.rect(0, y + 16, one, 14, BAR_SOFT, stroke=BAR, stroke_width=0.8)
        picture.rect(one, y + 16, both, 14, NEED)
        picture.text(one + both + 6, y + 27, (alone + shared).short(say), fill=INK, weight=600)
    counts = say.listed(f"{name} {(alone + shared).said(say)}" for name, alone, shared in parts)
    return picture.svg(say("cases_levels_picture", counts=counts))


def _combinations(say: Speech, levels: Sequence[str], order: Sequence[str], sums: dict[str, Sum]) -> str:
    """A row a combination: a dot under each level that saw the cases, and a bar."""
    names = [say.value(LEVEL_TABLE, "level", level) for level in levels]
    step = max(34.0, max(extent(name) for name in names) + 8)
    left = step * len(levels) + 4
    picture = Picture(_HEAD + _ROW * len(order))
    most = max(count.known for count in sums.values()) or 1
    for place, name in enumerate(names):
        picture.text(step * (place + 0.5), 14, name, anchor="middle", fill=INK)
    for number, key in enumerate(order):
        y = _HEAD + _ROW * (number + 0.5)
        seen = [place for place, level in enumerate(levels) if level in key.split("+")]
        if len(seen) > 1:
            picture.line(step * (seen[0] + 0.5), y, step * (seen[-1] + 0.5), y, NEED, width=2)
        for place in range(len(levels)):
            picture.circle(step * (place + 0.5), y, 5, NEED if place in seen else RULE)
        width = sums[key].known / most * (WIDTH - left - _VALUE - 4)
        picture.rect(left, y - 7, width, 14, BAR)
        picture.text(left + width + 6, y + 4, sums[key].short(say), fill=INK, weight=600)
    counts = say.listed(f"{_called(say, key)} {sums[key].said(say)}" for key in order)
    return picture.svg(say("cases_combinations_picture", counts=counts))


def _legend(say: Speech) -> tuple[Mark, ...]:
    return (
        entry(
            say("alone"), lambda p, x, y: p.rect(x - 6, y - 5, 12, 10, BAR_SOFT, stroke=BAR, stroke_width=1)
        ),
        entry(say("shared"), lambda p, x, y: p.rect(x - 6, y - 5, 12, 10, NEED)),
    )


def _table(say: Speech, rows: Sequence[Row], order: Sequence[str], sums: dict[str, Sum]) -> DataTable:
    names = {row["street_code"]: row["street_name"] for row in rows}
    cells: dict[tuple[str, str], list[object]] = {}
    for row in rows:
        cells.setdefault((row["street_code"], row["level_combination"]), []).append(row["case_count"])
    lines = []
    for code in sorted(names):
        counts = [total(cells.get((code, key), ())) for key in order]
        lines.append((say.words(names[code]), *(one.cell(say) for one in (*counts, _added(counts)))))
    lines.append(
        (say.words(say("total")), *(sums[key].cell(say) for key in order), _added(sums.values()).cell(say))
    )
    headers = (say("street"), *(_called(say, key) for key in order), say("total"))
    return DataTable(
        "cases", f"{say('cases')}{say('colon')}{say.column(TABLE, 'case_count')}", headers, tuple(lines)
    )
