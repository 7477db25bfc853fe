"""The least and the most a hidden number can be, by integer programming over all that is said to add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

Cell = Hashable
_FITS = 1e-6


@dataclass(frozen=True)
class Fact:
    """Cells times their factors come to something between two numbers."""

    factors: Mapping[Cell, float]
    low: float
    high: float


@dataclass
class Reckoning:
    """Everything somebody knows: numbers of some cells, and facts about those and others."""

    known: Mapping[Cell, float]
    facts: Sequence[Fact]
    whole: frozenset[Cell]
    """Cells that are whole numbers."""
    _system: dict[Cell, int] = field(default_factory=dict)
    _facts: dict[int, list[Fact]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        """Put facts together that share a cell nobody knows."""
        parent: dict[Cell, Cell] = {}

        def root(cell: Cell) -> Cell:
            while parent.setdefault(cell, cell) != cell:
                parent[cell] = parent[parent[cell]]
                cell = parent[cell]
            return cell

        left = [fact for fact in map(self._without_known, self.facts) if fact.factors]
        for fact in left:
            cells = list(fact.factors)
            for cell in cells[1:]:
                parent[root(cell)] = root(cells[0])
            root(cells[0])
        numbers: dict[Cell, int] = {}
        for cell in parent:
            self._system[cell] = numbers.setdefault(root(cell), len(numbers))
        for fact in left:
            self._facts[self._system[next(iter(fact.factors))]].append(fact)

    def _without_known(self, fact: Fact) -> Fact:
        told = sum(factor * self.known[cell] for cell, factor in fact.factors.items() if cell in self.known)
        rest = {cell: factor for cell, factor in fact.factors.items() if cell not in self.known}
        return Fact(rest, fact.low - told, fact.high - told)

    def beside(self, cell: Cell) -> frozenset[Cell]:
        """Unknown cells that can tell something of this one, itself among them."""
        number = self._system.get(cell)
        if number is None:
            return frozenset((cell,))
        return frozenset(each for fact in self._facts[number] for each in fact.factors)

    def interval(self, cell: Cell) -> tuple[float, float]:
        """The least and the most a cell can be. What contradicts itself tells nothing."""
        if cell in self.known:
            return self.known[cell], self.known[cell]
        facts = self._facts[self._system[cell]] if cell in self._system else []
        cells = sorted({each for fact in facts for each in fact.factors} | {cell}, key=repr)
        place = {each: number for number, each in enumerate(cells)}
        rules = []
        if facts:
            matrix = np.zeros((len(facts), len(cells)))
            for line, fact in enumerate(facts):
                for each, factor in fact.factors.items():
                    matrix[line, place[each]] = factor
            lows, highs = ([getattr(fact, name) for fact in facts] for name in ("low", "high"))
            rules = [LinearConstraint(matrix, np.array(lows) - _FITS, np.array(highs) + _FITS)]
        ends = [self._end(cells, place[cell], rules, sign) for sign in (1.0, -1.0)]
        return ends[0], ends[1]

    def _end(self, cells: list[Cell], place: int, rules: Iterable[LinearConstraint], sign: float) -> float:
        wanted = np.zeros(len(cells))
        wanted[place] = sign
        found = milp(
            wanted,
            constraints=list(rules),
            bounds=Bounds(0, np.inf),
            integrality=np.array([each in self.whole for each in cells], int),
        )
        if found.status == 0 and found.x is not None:
            return float(found.x[place])
        return 0.0 if sign > 0 else np.inf
