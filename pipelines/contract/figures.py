"""Whether what columns say of people and calls (`figure`) fits together."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.contract.document import Path
from pipelines.contract.model import Column, Figure
from pipelines.contract.places import Say, inside
from pipelines.contract.problems import did_you_mean, shown

_KINDS = ("counts", "tells_of", "place_by", "withheld", "harmless", "is_revision")
_OF_COUNTS = ("measure", "sum_of", "total_of", "rows_of", "part_of", "up_to", "adds_to", "takes_from")


def check_figures(columns: Mapping[str, Column], places: Mapping[str, Path], say: Say) -> None:
    """Say what contradicts itself or names nothing. Paths begin at the table."""
    for name, column in columns.items():
        if column.figure:
            _check(column, column.figure, columns, inside(say, *places[name]))


def _check(column: Column, figure: Figure, columns: Mapping[str, Column], say: Say) -> None:
    given = [kind for kind in _KINDS if getattr(figure, kind)]
    if len(given) != 1:
        say(
            (),
            "has a figure that should say one thing: counts, tellsOf, placeBy, withheld, harmless or isRevision; "
            f"it says {len(given)}",
        )
        return
    kind = given[0]
    if kind == "counts" and not column.is_numeric:
        say((), f"counts {figure.counts}, but is of type {column.logical_type}")
    if kind != "counts" and (stray := [name for name in _OF_COUNTS if getattr(figure, name)]):
        say((), f"has a figure that says {stray[0]!r} and counts nothing")
    if (figure.adds_to or figure.takes_from) and not any(
        each.figure and each.figure.is_revision for each in columns.values()
    ):
        say((), "changes a figure from one revision to the next, but no column says isRevision")
    if figure.base and kind != "tells_of":
        say((), "has a figure with a base, which only a rate has: say what it tells of")
    if kind == "is_revision" and not column.is_key:
        say((), "tells revisions apart, so it needs 'primaryKey: true'")
    if column.is_key and kind not in ("is_revision", "harmless"):
        say((), "is part of the primary key, which is always shown")
    others = (figure.part_of, figure.up_to, figure.base, figure.adds_to, figure.takes_from)
    for name in (*figure.sum_of, *filter(None, others)):
        other = columns.get(name)
        if other is None:
            say(
                (),
                f"has a figure that names {shown(name)}, which does not exist{did_you_mean(name, columns)}",
            )
        elif not (other.figure and other.figure.counts):
            say((), f"has a figure that names {name!r}, which counts neither calls nor people")
    _check_made_of(column, figure, columns, say)


def _check_made_of(column: Column, figure: Figure, columns: Mapping[str, Column], say: Say) -> None:
    for name in (*figure.tells_of, *filter(None, (figure.place_by,))):
        if name not in columns:
            say(
                (),
                f"has a figure that names {shown(name)}, which does not exist{did_you_mean(name, columns)}",
            )
        elif _reaches(name, column.name, columns, frozenset()):
            say((), f"has a figure made of {name!r}, which is made of it")


def _reaches(start: str, goal: str, columns: Mapping[str, Column], seen: frozenset[str]) -> bool:
    if start == goal:
        return True
    figure = columns[start].figure if start in columns and start not in seen else None
    sources = (*figure.tells_of, figure.place_by) if figure else ()
    return any(_reaches(each, goal, columns, seen | {start}) for each in sources)
