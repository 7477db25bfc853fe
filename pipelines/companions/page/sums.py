"""Sums over figures of which some are kept back: then a sum says that it is the least there can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pipelines.companions.page.figures import WITHHELD
from pipelines.companions.page.speech import Cell, Speech


@dataclass(frozen=True)
class Sum:
    """What the figures that are shown come to, and how many are kept back."""

    known: int
    withheld: int = 0

    def __add__(self, other: Sum) -> Sum:
        return Sum(self.known + other.known, self.withheld + other.withheld)

    def said(self, say: Speech) -> str:
        """`1,234`, or `≥ 1,234` where some is kept back."""
        return f"{'≥ ' if self.withheld else ''}{say.number(self.known)}"

    def short(self, say: Speech) -> str:
        return f"{'≥ ' if self.withheld else ''}{say.short(self.known)}"

    def cell(self, say: Speech) -> Cell:
        if self.withheld and not self.known:
            return say.count(WITHHELD)
        return Cell(self.said(say), self.known, "number")


def total(values: Iterable[Any]) -> Sum:
    """The sum of figures; unknown ones count nothing."""
    known, withheld = 0, 0
    for value in values:
        if value is WITHHELD:
            withheld += 1
        elif value is not None:
            known += int(value)
    return Sum(known, withheld)
