"""One release attacked by everybody, with all releases at hand, and what came of it."""

from __future__ import annotations

import itertools
import math
import operator
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.auditing import evidence
from pipelines.auditing.evidence import STREET, Key, Promise, Row, Table
from pipelines.auditing.reckoning import Cell, Fact, Reckoning

if TYPE_CHECKING:
    from pipelines.contract.model import Contract
    from pipelines.releases import Release

ANYBODY = "anybody"
SMALL = 5
NARROW = 3
"""A hidden number of which fewer whole numbers are possible is as good as told."""
_RATE_DIGITS = 6
_FITS = 1e-6


@dataclass(frozen=True)
class Finding:
    """A number somebody can tell and should not: between `low` and `high`, and it is `truth`."""

    release_id: str
    attacker: str
    table: str
    key: Key
    column: str
    truth: float
    low: float
    high: float


@dataclass(frozen=True)
class Utility:
    """What of a table's counts is hidden from anybody, and of all its numbers that tell of people or calls."""

    table: str
    counts: int
    small: int
    """Counts from 1 to 4; all are hidden."""
    complementary: int
    """Hidden counts that are not small themselves."""
    figures: int
    figures_hidden: int


@dataclass(frozen=True)
class Audit:
    """What an attack on a release found."""

    release_id: str
    releases: int
    attackers: int
    attacked: int
    narrowest: float
    """Whole numbers that are possible for the hidden number that can be told best."""
    utility: tuple[Utility, ...]
    findings: tuple[Finding, ...]


def audit(target: Release, releases: Sequence[Release], contracts: Sequence[Contract]) -> Audit:
    """Attack every hidden number of a release, and of those before it once this one is out.

    `releases` are all at hand, `target` among them.
    """
    promises = evidence.promises(contracts)
    shown = {
        release.release_id: {
            name: evidence.of_anybody(release, promise) for name, promise in promises.items()
        }
        for release in releases
    }
    attacked, findings, widths = 0, [], [math.inf]
    for release in releases:
        truths = {
            name: evidence.truth(release, promise)
            for name, promise in promises.items()
            if name in release.detail
        }
        earlier, later = (
            [shown[each.release_id] for each in releases if is_other(each.as_of, release.as_of)]
            for is_other in (operator.lt, operator.gt)
        )
        attack = _Attack(release, promises, shown, truths, earlier, later)
        for finding, width in attack.of_anybody():
            attacked += 1
            widths.append(width)
            findings += [finding] if finding else []
        findings += attack.told_outright()
        for street in release.offices:
            for finding, width in attack.of_office(street):
                attacked += 1
                widths.append(width)
                findings += [finding] if finding else []
    utility = tuple(
        _utility(promise, shown[target.release_id][name], evidence.truth(target, promise))
        for name, promise in sorted(promises.items())
        if name in target.tables and name in target.detail
    )
    return Audit(
        target.release_id,
        len(releases),
        1 + len(target.offices),
        attacked,
        min(widths),
        utility,
        tuple(findings),
    )


class _Attack:
    def __init__(
        self,
        release: Release,
        promises: Mapping[str, Promise],
        shown: Mapping[str, Mapping[str, Table]],
        truths: Mapping[str, Table],
        earlier: Sequence[Mapping[str, Table]],
        later: Sequence[Mapping[str, Table]],
    ) -> None:
        self.release, self.promises, self.truths = release, promises, truths
        self.earlier, self.later = earlier, later
        self.shown = shown[release.release_id]
        others = [tables for name, tables in shown.items() if name != release.release_id]
        self.view = {
            name: _joined_table(table, [each[name] for each in others], promises[name], truths[name])
            for name, table in self.shown.items()
        }
        self.reckoning = self._reckoning({})

    def of_anybody(self) -> Iterator[tuple[Finding | None, float]]:
        for cell in self._secrets():
            yield self._verdict(ANYBODY, cell, self.reckoning)

    def of_office(self, street: str) -> Iterator[tuple[Finding | None, float]]:
        """What the figures of its own street tell an office of others, and what its file shows of them."""
        own: dict[Cell, float] = {}
        for name, promise in self.promises.items():
            if STREET not in promise.key or name not in self.shown:
                continue
            place = promise.key.index(STREET)
            for key, row in evidence.of_office(self.release, promise, street).items():
                for column in promise.counts:
                    if key[place] == street and row.get(column) is not None:
                        own[name, key, column] = float(row[column])
                gone = evidence.hidden(self.shown[name][key])
                for column in gone & promise.places if key[place] == street else gone:
                    if row.get(column) is not None:
                        yield self._finding(street, name, key, column, float(row[column])), 1.0
        near = [
            cell
            for cell in self._secrets()
            if not self._is_of(street, cell) and any(each in own for each in self.reckoning.beside(cell))
        ]
        if near:
            reckoning = self._reckoning(own)
            for cell in near:
                yield self._verdict(street, cell, reckoning)

    def _is_of(self, street: str, cell: tuple[str, Key, str]) -> bool:
        key = self.promises[cell[0]].key
        return STREET in key and cell[1][key.index(STREET)] == street

    def told_outright(self) -> Iterator[Finding]:
        """Small counts that are shown, and figures that are shown beside a hidden one they tell of."""
        for name, table in self.shown.items():
            promise = self.promises[name]
            for key, row in table.items():
                gone = evidence.hidden(row)
                for column, figure in promise.figures.items():
                    value = row.get(column)
                    if value is None:
                        continue
                    if figure.counts and 0 < value < SMALL:
                        yield self._finding(ANYBODY, name, key, column, float(value))
                    if gone.intersection((*figure.tells_of, figure.place_by)):
                        yield self._finding(ANYBODY, name, key, column, math.nan)

    def _finding(self, attacker: str, table: str, key: Key, column: str, value: float) -> Finding:
        return Finding(self.release.release_id, attacker, table, key, column, value, value, value)

    def _secrets(self) -> Iterator[tuple[str, Key, str]]:
        """Hidden counts, and what is left of a count where that is small."""
        for name, table in self.shown.items():
            promise = self.promises[name]
            for key, row in table.items():
                truth = self.truths[name][key]
                for column, figure in promise.counts.items():
                    if column in evidence.hidden(row):
                        yield name, key, column
                    whole = truth.get(figure.part_of)
                    if whole is not None and 0 < whole - truth[column] < SMALL:
                        yield name, key, f"rest of {column}"

    def _verdict(
        self, attacker: str, cell: tuple[str, Key, str], reckoning: Reckoning
    ) -> tuple[Finding | None, float]:
        name, key, column = cell
        row = self.truths[name][key]
        counted = column.removeprefix("rest of ")
        truth = float(row[counted])
        if column != counted:
            truth = float(row[self.promises[name].counts[counted].part_of]) - truth
        low, high = reckoning.interval(cell)
        width = math.inf if math.isinf(high) else math.floor(high + _FITS) - math.ceil(low - _FITS) + 1
        is_true = low - _FITS <= truth <= high + _FITS
        if width >= NARROW or not is_true:
            return None, width if is_true else math.inf
        return Finding(self.release.release_id, attacker, name, key, column, truth, low, high), width

    def _reckoning(self, own: Mapping[Cell, float]) -> Reckoning:
        known: dict[Cell, float] = {}
        facts: list[Fact] = []
        whole: set[Cell] = set()
        for name, table in self.view.items():
            promise = self.promises[name]
            for key, row in table.items():
                there = {
                    column
                    for column in promise.counts
                    if row.get(column) is not None or column in evidence.hidden(row)
                }
                for column in there:
                    cell = (name, key, column)
                    if cell in own or row.get(column) is not None:
                        known[cell] = own.get(cell, float(row[column] if row[column] is not None else 0.0))
                    if column in promise.whole:
                        whole.add(cell)
                facts += self._of_row(promise, key, row, there)
        facts += self._totals()
        facts += self._changes()
        facts += self._growth()
        facts += self._told_by_the_manifest()
        return Reckoning(known, facts, frozenset(whole))

    def _of_row(self, promise: Promise, key: Key, row: Row, there: set[str]) -> Iterator[Fact]:
        def at(column: str) -> Cell:
            return promise.name, key, column

        for column, figure in promise.counts.items():
            if column not in there:
                continue
            if figure.sum_of and there.issuperset(figure.sum_of):
                yield Fact({at(column): -1.0} | {at(part): 1.0 for part in figure.sum_of}, 0, 0)
            if figure.up_to in there:
                yield Fact({at(column): 1.0, at(figure.up_to): -1.0}, -math.inf, 0)
            if figure.part_of in there:
                rest = f"rest of {column}"
                yield Fact({at(rest): 1.0, at(column): 1.0, at(figure.part_of): -1.0}, 0, 0)
        half = 0.5 * 10**-_RATE_DIGITS
        for column, figure in promise.figures.items():
            parts = [name for name in figure.tells_of if name != figure.base and name in promise.counts]
            rate = row.get(column)
            if figure.base in there and len(parts) == 1 and parts[0] in there and rate is not None:
                yield Fact({at(parts[0]): 1.0, at(figure.base): -(rate - half)}, 0, math.inf)
                yield Fact({at(parts[0]): 1.0, at(figure.base): -(rate + half)}, -math.inf, 0)

    def _told_by_the_manifest(self) -> Iterator[Fact]:
        """A column that counts the rows of a closed table comes to what the manifest says of that."""
        for name, table in self.view.items():
            for column, figure in self.promises[name].counts.items():
                if figure.rows_of in self.release.rows:
                    rows = self.release.rows[figure.rows_of]
                    yield Fact({(name, key, column): 1.0 for key in table}, rows, rows)

    def _changes(self) -> Iterator[Fact]:
        """A figure of a revision is that of the one before with what was added and without what was taken."""
        for name, table in self.view.items():
            promise = self.promises[name]
            changes = defaultdict(list)
            for column, figure in promise.counts.items():
                for changed, factor in ((figure.adds_to, -1.0), (figure.takes_from, 1.0)):
                    if changed:
                        changes[changed].append((column, factor))
            numbers = [column for column in promise.key if column not in promise.about]
            rows = defaultdict(list)
            for key in table if changes else ():
                of = dict(zip(promise.key, key, strict=True))
                rows[_of(key, promise.key, promise.about)].append(([int(of[each]) for each in numbers], key))
            for revisions in rows.values():
                keys = [key for _, key in sorted(revisions)]
                for before, after in itertools.pairwise(keys):
                    for changed, by in changes.items():
                        cells: dict[Cell, float] = {
                            (name, after, changed): 1.0,
                            (name, before, changed): -1.0,
                        }
                        cells |= {(name, after, column): factor for column, factor in by}
                        yield Fact(cells, 0, 0)

    def _growth(self) -> Iterator[Fact]:
        """Counts mostly grow: a hidden one is hardly less than was shown before, nor more than is shown after.

        Where it did shrink, who thinks so is wrong, and tells nothing: the worst is who thinks so of the others alone.
        """
        for name, table in self.shown.items():
            for key, row in table.items():
                for column in self.promises[name].counts.keys() & evidence.hidden(row):
                    truth = self.truths[name][key][column]
                    before, after = (
                        [
                            value
                            for each in tables
                            if (value := each[name].get(key, {}).get(column)) is not None
                        ]
                        for tables in (self.earlier, self.later)
                    )
                    low = max((value for value in before if value <= truth), default=0)
                    high = min((value for value in after if value >= truth), default=math.inf)
                    yield Fact({(name, key, column): 1.0}, low, high)

    def _totals(self) -> Iterator[Fact]:
        for name, table in self.view.items():
            promise = self.promises[name]
            for column, figure in promise.counts.items():
                of, _, part = figure.total_of.rpartition(".")
                if of not in self.view:
                    continue
                shared = [each for each in promise.key if each in self.promises[of].key]
                parts = defaultdict(list)
                for key in self.view[of]:
                    parts[_of(key, self.promises[of].key, shared)].append(key)
                for key in table:
                    cells: dict[Cell, float] = {
                        (of, each, part): 1.0 for each in parts[_of(key, promise.key, shared)]
                    }
                    yield Fact({(name, key, column): -1.0} | cells, 0, 0)


def _of(key: Key, names: Sequence[str], wanted: Sequence[str]) -> Key:
    at = dict(zip(names, key, strict=True))
    return tuple(at[name] for name in wanted)


def _joined_table(table: Table, others: Sequence[Table], promise: Promise, truths: Table) -> dict[Key, Row]:
    """Rows with what other releases and other revisions show where they seem to be the same."""
    revisions: dict[Key, list[Row]] = defaultdict(list)
    for key, row in table.items():
        revisions[_of(key, promise.key, promise.about)].append(row)
    return {
        key: evidence.joined(
            row,
            [
                *(other[key] for other in others if key in other),
                *(each for each in revisions[_of(key, promise.key, promise.about)] if each is not row),
            ],
            promise,
            truths[key],
        )
        if evidence.hidden(row)
        else row
        for key, row in table.items()
    }


def _utility(promise: Promise, shown: Table, truth: Table) -> Utility:
    counts = small = complementary = figures = hidden = 0
    for key, row in truth.items():
        gone = evidence.hidden(shown[key])
        for column in promise.telling:
            if row.get(column) is None:
                continue
            figures += 1
            hidden += column in gone
            if column in promise.counts:
                is_small = 0 < row[column] < SMALL
                counts += 1
                small += is_small
                complementary += column in gone and not is_small
    return Utility(promise.name, counts, small, complementary, figures, hidden)
