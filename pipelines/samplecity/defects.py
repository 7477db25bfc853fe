"""Planted defects: what is done to a row, and which rules of the contract or flags must name it.

A defect shows only on a row that has what it needs (nothing can be closed too early that is not closed);
the label appears together with the defect, so the answer key is true at every clock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np

from pipelines.samplecity.wire import DUPLICATE, QUARANTINED, REFUSED, Wire
from pipelines.samplecity.world import DEMO_DAYS, Bools, City, Ints

NONE = -1
Edit = Callable[[Wire, Ints], None]


@dataclass(frozen=True)
class Defect:
    """One way a row can be wrong. `identifier` is the defect's number in the domain reference (§7).

    `copy` says that the row is sent twice: "exact" for the same bytes again (no rule is broken, one is
    counted a duplicate), "conflict" for the same key and version with other content (both break `unique`).
    `flags` are what `_dq_flags` says of a row that is taken, mended or with a warning: `closed_at:24_hours`.
    A row without rules, flags or copy is one the contract's `dropRows` refuses.
    """

    identifier: str
    rules: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    needs: tuple[str, ...] = ()
    unless: tuple[str, object] | None = None
    copy: str = ""
    flags: tuple[str, ...] = ()

    def label(self, wire: Wire, rows: Ints) -> None:
        """Write down what becomes of rows that have the defect."""
        if self.rules:
            wire.label(rows, QUARANTINED, self.rules, self.identifier)
        elif self.flags:
            wire.flag(rows, *self.flags, defect=self.identifier)
        else:
            wire.label(rows, REFUSED, (), self.identifier)


def put(column: str, *values: object) -> Edit:
    """Overwrite the column with one of `values`, always the same one for the same row."""
    choices = np.empty(len(values), dtype=object)
    choices[:] = values

    def edit(wire: Wire, rows: Ints) -> None:
        wire.columns[column][rows] = choices[wire.salt[rows] % len(values)]

    return edit


def change(column: str, how: Callable[[str], object]) -> Edit:
    """Rewrite the column's text, where there is any."""

    def edit(wire: Wire, rows: Ints) -> None:
        values = wire.columns[column]
        for row in rows:
            if values[row] is not None:
                values[row] = how(values[row])

    return edit


def draw(city: City, feed: str, day: date, count: int, kinds: tuple[Defect, ...]) -> Ints:
    """Which defect each of the day's `count` rows has (an index into `kinds`, or NONE).

    The share is the city's; on the demo days every third kind is certain, so that three days show them all.
    """
    dice = city.dice(feed + "/defects", day)
    drawn = np.full(count, NONE, dtype=np.int64)
    if city.defect_share <= 0 or count == 0:
        return drawn
    hit = dice.random(count) < city.defect_share
    drawn[hit] = dice.integers(0, len(kinds), int(hit.sum()))
    index = city.demo_index(day)
    if index is not None:
        certain = np.arange(index, len(kinds), DEMO_DAYS)[: max(1, count // 3)]
        # Early rows of the day, so that what a defect needs has time to happen before the pull.
        rows = dice.permutation(max(len(certain), count // 2))[: len(certain)]
        if city.scale < 1:
            drawn[:] = NONE
        drawn[rows[:count]] = certain[:count]
    return drawn


def mendable(drawn: Ints, kinds: tuple[Defect, ...]) -> Bools:
    """Which rows have a defect that the source can correct in place; a row sent twice stays twice."""
    single = np.array([not kind.copy for kind in kinds] + [False])
    return single[drawn]


def spread(city: City, feed: str, count: int, kinds: tuple[Defect, ...]) -> Ints:
    """Like `draw` for a register whose rows stay: every kind at least once, then the city's share."""
    drawn = np.full(count, NONE, dtype=np.int64)
    if city.defect_share <= 0:
        return drawn
    wanted = min(count, max(len(kinds), round(count * city.defect_share)))
    rows = city.dice(feed + "/defects").permutation(count)[:wanted]
    drawn[rows] = np.arange(wanted) % len(kinds)
    return drawn


def showing(wire: Wire, drawn: Ints, kinds: tuple[Defect, ...], kind: int) -> Ints:
    """The rows of that kind that have what the defect needs."""
    rows = np.flatnonzero(drawn == kind)
    for column in kinds[kind].needs:
        values = wire.columns[column]
        rows = np.array([row for row in rows if values[row] is not None], dtype=np.int64)
    if unless := kinds[kind].unless:
        column, value = unless
        rows = np.array([row for row in rows if wire.columns[column][row] != value], dtype=np.int64)
    return rows


def plant(wire: Wire, drawn: Ints, kinds: tuple[Defect, ...], other: Edit) -> Wire:
    """Make the drawn defects and label them; `other` makes a conflicting copy differ from its original.

    Returns a feed that may have more rows: copies stand right behind their originals.
    """
    originals: list[Ints] = []
    copies: list[tuple[str, Defect]] = []
    for index, kind in enumerate(kinds):
        rows = showing(wire, drawn, kinds, index)
        if not len(rows):
            continue
        if kind.copy:
            originals.append(rows)
            copies.extend([(kind.copy, kind)] * len(rows))
            if kind.copy == "conflict":
                wire.label(rows, QUARANTINED, kind.rules, kind.identifier)
            continue
        for edit in kind.edits:
            edit(wire, rows)
        kind.label(wire, rows)
    if not originals:
        return wire
    rows = np.concatenate(originals)
    twin = wire.take(rows)
    for place, (how, kind) in enumerate(copies):
        here = np.array([place], dtype=np.int64)
        if how == "conflict":
            other(twin, here)
        else:
            twin.label(here, DUPLICATE, (), kind.identifier)
    return wire.with_copies(rows, twin)
