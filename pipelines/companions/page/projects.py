"""Projects of the plan by stage and by package, with their warning colours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pipelines.companions.page import marks
from pipelines.companions.page.drawing import WIDTH, Picture
from pipelines.companions.page.figures import Figures, Row
from pipelines.companions.page.section import DataTable, Panel, Section
from pipelines.companions.page.speech import Speech
from pipelines.companions.palette import INK, MUTED, RAG, WHITE

TABLE = "governance.project_progress"
STAGES = "ref.project_stages"
_NO_COLOUR = ""
_COLOURS = (*RAG, _NO_COLOUR)
_ROW, _VALUE = 40.0, 36.0


def section(figures: Figures, say: Speech) -> Section | None:
    """The newest snapshot of each project."""
    needed = ("plan_code", "project_id", "package_code", "package_name", "package_name_en", "stage")
    more = ("stage_name", "stage_name_en", "rag", "is_latest", "slip_days")
    if not figures.has(TABLE, (*needed, *more)):
        return None
    rows = figures.rows(TABLE, (*needed, *more), "is_latest")
    if not rows:
        return None
    stages, done = _stages(figures, rows)
    packages = sorted({row["package_code"] for row in rows})
    by_stage = [
        (
            say.either(next(row for row in rows if row["stage"] == stage), "stage_name"),
            _colours(rows, "stage", stage),
        )
        for stage in stages
    ]
    by_package = [
        (
            say.either(next(row for row in rows if row["package_code"] == code), "package_name"),
            _colours(rows, "package_code", code),
        )
        for code in packages
    ]
    colours = _colours(rows, "", None)
    finding = say(
        "projects_finding",
        all=say.number(len(rows)),
        done=say.number(sum(row["stage"] in done for row in rows)),
        red=say.number(colours["red"]),
    )
    notes = []
    if colours[_NO_COLOUR]:
        notes.append(say("withdrawn_apart", count=say.number(colours[_NO_COLOUR])))
    return Section(
        "projects",
        say("projects"),
        finding,
        (
            Panel("stages", say("projects_stages"), _picture(say, say("projects_by_stage"), by_stage)),
            Panel(
                "packages", say("projects_packages"), _picture(say, say("projects_by_package"), by_package)
            ),
        ),
        (_table(say, rows, stages, packages), _colour_table(say, by_stage, by_package)),
        legend=(
            *(marks.rag_entry(say(f"rag_{colour}"), colour) for colour in RAG),
            marks.entry(
                say("no_colour"),
                lambda p, x, y: p.rect(x - 6.5, y - 5.5, 13, 11, WHITE, stroke=MUTED, stroke_width=1),
            ),
        ),
        notes=tuple(notes),
        defines=tuple((TABLE, name) for name in ("stage", "rag", "slip_days")),
        reads=(TABLE,),
    )


def _stages(figures: Figures, rows: Sequence[Row]) -> tuple[list[str], set[str]]:
    """Stages in their order, as far as the project's reference says, and those that count as done."""
    seen = {row["stage"] for row in rows}
    if not figures.has(STAGES, ("stage", "stage_order", "stage_name")):
        return sorted(seen), set()
    known = figures.rows(STAGES, ("stage", "stage_order", "is_done"), order="stage_order nulls last, stage")
    ordered = [row["stage"] for row in known if row["stage"] in seen]
    done = {row["stage"] for row in known if row["is_done"] and row["stage_order"] is not None}
    return [*ordered, *sorted(seen - set(ordered))], done


def _colours(rows: Sequence[Row], column: str, value: object) -> Counter[str]:
    return Counter(row["rag"] or _NO_COLOUR for row in rows if not column or row[column] == value)


def _picture(say: Speech, kind: str, bars: Sequence[tuple[str, Counter[str]]]) -> str:
    """A bar a row, its colours one after the other with their numbers."""
    picture = Picture(_ROW * len(bars) + 4)
    most = max(colours.total() for _, colours in bars)
    width = WIDTH - _VALUE
    said = []
    for number, (name, colours) in enumerate(bars):
        y, x = number * _ROW + 4, 0.0
        picture.text(0, y + 11, name, fill=INK)
        for colour in _COLOURS:
            if not (count := colours[colour]):
                continue
            long = count / most * width
            if colour:
                marks.rag(picture, x, y + 16, long, 18, colour)
            else:
                picture.rect(x + 0.5, y + 16.5, long - 1, 17, WHITE, stroke=MUTED, stroke_width=1)
            if long >= 16:
                _number(picture, x + long / 2, y + 29, say.number(count), colour)
            x += long
        picture.text(x + 6, y + 29, say.number(colours.total()), fill=INK, weight=600)
        said.append(
            say("projects_part", name=name, count=say.number(colours.total()),
                **{colour: say.number(colours[colour]) for colour in RAG})
        )  # fmt: skip
    return picture.svg(say("projects_picture", kind=kind, counts=say.listed(said)))


def _number(picture: Picture, x: float, y: float, text: str, colour: str) -> None:
    """A number on a quiet plate, so that a hatch does not disturb it."""
    half = 4 + 3.5 * len(text)
    picture.rect(x - half, y - 11, 2 * half, 14, WHITE, round_by=3)
    picture.text(x, y, text, anchor="middle", size=11, fill=INK)


def _table(say: Speech, rows: Sequence[Row], stages: Sequence[str], packages: Sequence[str]) -> DataTable:
    counts = Counter((row["package_code"], row["stage"]) for row in rows)
    names = {row["package_code"]: say.either(row, "package_name") for row in rows}
    called = {row["stage"]: say.either(row, "stage_name") for row in rows}
    lines = [
        (
            say.words(names[code]),
            *(say.count(counts[code, stage]) for stage in stages),
            say.count(sum(counts[code, stage] for stage in stages)),
        )
        for code in packages
    ]
    sums = [sum(counts[code, stage] for code in packages) for stage in stages]
    lines.append((say.words(say("total")), *map(say.count, sums), say.count(sum(sums))))
    headers = (say.column(TABLE, "package_name"), *(called[stage] for stage in stages), say("total"))
    return DataTable("stages", say("projects"), headers, tuple(lines))


def _colour_table(say: Speech, *groups: Sequence[tuple[str, Counter[str]]]) -> DataTable:
    return DataTable(
        "colours",
        say("projects_colours"),
        ("", *(say.value(TABLE, "rag", colour) for colour in RAG), say("no_colour"), say("total")),
        tuple(
            (
                say.words(name),
                *(say.count(colours[colour]) for colour in _COLOURS),
                say.count(colours.total()),
            )
            for group in groups
            for name, colours in group
        ),
    )
