"""Which cells are hidden: the small ones, and as few others as keep anybody from reckoning those.

The cheapest group is hidden first, one that takes few other figures along and is small; then what turns out not to be
needed is shown again. Nothing is drawn by lot.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from pipelines.suppression.bounds import System
from pipelines.suppression.cells import Cells

LEAST = 5
"""A count of people or calls below it is not shown; nobody at all is."""
ANYBODY = -1

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """Which cells are not shown.

    `small` are those that may not be, `needed` those that had to go this time, and not only stayed hidden;
    `unprotected` can be reckoned all the same, from what was told before.
    """

    hidden: Truths
    small: Truths
    needed: Truths
    unprotected: Truths


def choose(cells: Cells, known: Truths, again: Truths, cost: NDArray[np.float64]) -> Mask:
    """The mask of these cells.

    `known` were published before and are the same, so hiding them helps nothing. `again` were hidden before and have
    hardly moved, so they stay hidden. `cost` is how many figures go when a cell does.
    """
    value, rest = cells.value, cells.is_rest
    there = ~np.isnan(value)
    small = there & (value > 0) & (value < LEAST)
    small[cells.told] = False
    masking = _Masking(cells, known, cost, small)
    needed = np.unique(cells.group[small & ~rest])
    for group in np.union1d(needed, cells.group[again & ~rest]):
        masking.hide(int(group))
    added = masking.protect()
    hidden = masking.hidden & there
    is_needed = np.isin(cells.group, np.union1d(needed, np.array(added, np.int64)))
    lost = np.zeros(cells.count, bool)
    lost[sorted({cell for cell, _ in masking.lost})] = True
    return Mask(hidden & ~rest, small & there, hidden & ~rest & is_needed, lost & hidden)


class _Masking:
    def __init__(self, cells: Cells, known: Truths, cost: NDArray[np.float64], small: Truths) -> None:
        self.cells, self.cost, self.small = cells, cost, small
        self.known = known.copy()
        self.known[cells.told] = True
        self.hidden = cells.is_rest.copy()
        self.lost: set[tuple[int, int]] = set()
        """Cells, and who can tell them whatever is hidden: a street's office, or ANYBODY."""
        order = np.argsort(cells.group, kind="stable")
        starts = np.flatnonzero(np.diff(cells.group[order], prepend=-1))
        self.members = np.split(order, starts)[1:]
        self.system_of, self.systems = _systems(cells)
        self.cells_of: dict[int, NDArray[np.int64]] = {}
        by_system = np.argsort(self.system_of, kind="stable")
        numbers, first = np.unique(self.system_of[by_system], return_index=True)
        for number, each in zip(numbers, np.split(by_system, first)[1:], strict=True):
            self.cells_of[int(number)] = each

    def hide(self, group: int) -> None:
        self.hidden[self.members[group]] = True

    def show(self, group: int) -> None:
        self.hidden[self.members[group]] = False

    def protect(self) -> list[int]:
        """Hide what else must be; returns those groups."""
        added: list[int] = []
        rest = self.cells.is_rest
        waiting = sorted(
            set(self.system_of[(self.hidden & ~rest) | (rest & self.small)].tolist()) - {ANYBODY}
        )
        while waiting:
            number = waiting.pop(0)
            while narrow := self._narrow(number):
                group = self._cheapest(number, sorted({cell for cell, _ in narrow}))
                if group is None:
                    self.lost.update(narrow)
                    break
                self.hide(group)
                added.append(group)
                touched = set(self.system_of[self.members[group]].tolist()) - {ANYBODY, number}
                waiting = sorted({*waiting, *touched})
        kept = []
        for group in reversed(added):
            self.show(group)
            meant = sorted(set(self.system_of[self.members[group]].tolist()) - {ANYBODY})
            if any(self._narrow(number) for number in meant):
                self.hide(group)
                kept.append(group)
        return kept

    def _narrow(self, number: int) -> list[tuple[int, int]]:
        """Hidden cells of a system that somebody can reckon, and who: anybody, or an office that knows its own street."""
        cells = self.cells_of[number]
        system = self.systems(number, cells)
        hidden = self.hidden[cells] & ~self.known[cells]
        secret = hidden & (~self.cells.is_rest[cells] | self.small[cells])
        streets = self.cells.street[cells]
        found = [(int(cells[place]), ANYBODY) for place in system.narrow(hidden, secret)]
        if len(set(streets.tolist())) > 1:
            for street in sorted(set(streets[secret].tolist()) - {ANYBODY}):
                others = streets != street
                narrow = system.narrow(hidden & others, secret & others)
                found += [(int(cells[place]), street) for place in narrow]
        return [each for each in found if each not in self.lost]

    def _cheapest(self, number: int, narrow: list[int]) -> int | None:
        """The group to hide next: one that adds up with a cell somebody can reckon, or any there is."""
        cells = self.cells_of[number]
        free = ~self.hidden[cells] & ~self.known[cells]
        near = free & self.systems(number, cells).beside(np.isin(cells, narrow))
        groups = sorted(set(self.cells.group[cells[near if near.any() else free]].tolist()))
        return min(groups, key=self._price) if groups else None

    def _price(self, group: int) -> tuple[float, float, int]:
        members = self.members[group]
        return float(self.cost[members].sum()), float(np.nansum(self.cells.value[members])), group


class _Systems:
    """Makes the system of the cells of one number when it is asked for."""

    def __init__(self, cells: Cells, system_of: NDArray[np.int64]) -> None:
        self.cells = cells
        self.sums: dict[int, list[int]] = defaultdict(list)
        self.pairs: dict[int, list[int]] = defaultdict(list)
        for place, cell in enumerate(cells.sum_cell.tolist()):
            self.sums[int(system_of[cell])].append(place)
        for place, cell in enumerate(cells.small.tolist()):
            self.pairs[int(system_of[cell])].append(place)
        self.made: dict[int, System] = {}

    def __call__(self, number: int, members: NDArray[np.int64]) -> System:
        if number not in self.made:
            places, pairs = self.sums[number], self.pairs[number]
            at = {int(cell): column for column, cell in enumerate(members)}
            rows = {row: line for line, row in enumerate(sorted(set(self.cells.sum_of[places].tolist())))}
            sums = np.zeros((len(rows), len(members)))
            for place in places:
                sums[rows[int(self.cells.sum_of[place])], at[int(self.cells.sum_cell[place])]] += (
                    self.cells.sum_factor[place]
                )
            below = np.zeros((len(pairs), len(members)))
            for line, place in enumerate(pairs):
                below[line, at[int(self.cells.small[place])]] = 1.0
                below[line, at[int(self.cells.large[place])]] = -1.0
            self.made[number] = System(self.cells.value[members], sums, below)
        return self.made[number]


def _systems(cells: Cells) -> tuple[NDArray[np.int64], _Systems]:
    """For each cell the number of the system it belongs to, ANYBODY where nothing adds up with it."""
    first = np.full(int(cells.sum_of.max(initial=-1)) + 1, -1)
    first[cells.sum_of[::-1]] = cells.sum_cell[::-1]
    one = np.concatenate([cells.sum_cell, cells.small])
    other = np.concatenate([first[cells.sum_of], cells.large]).astype(np.int64)
    links = scipy.sparse.coo_array((np.ones(len(one)), (one, other)), shape=(cells.count, cells.count))
    _, numbers = scipy.sparse.csgraph.connected_components(links, directed=False)
    system_of = numbers.astype(np.int64)
    alone = np.ones(cells.count, bool)
    alone[one] = alone[other] = False
    system_of[alone] = ANYBODY
    return system_of, _Systems(cells, system_of)
