"""What contracts say of the numbers of open tables: which count people or calls, and which follow from those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pipelines.contract.model import Column, Contract, Figure

if TYPE_CHECKING:
    from pipelines.publication.disclosure import PublicTable

STREET = "street_code"
_NUMBERS = ("integer", "number")


@dataclass(frozen=True)
class Counted:
    """A table with figures that are not all shown to everybody."""

    table: PublicTable

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """What its columns say, by column."""
        contract = self.table.contract
        return {
            column.name: column.figure
            for column in (contract.stored_columns if contract else ())
            if column.figure and column.name in self.table.names
        }

    @cached_property
    def counts(self) -> Mapping[str, Figure]:
        """Those that count people or calls."""
        return {name: figure for name, figure in self.figures.items() if figure.counts}

    def measure(self, column: str) -> str:
        """What is counted, the same word wherever the same is."""
        return self.counts[column].measure or f"{self.table.name}.{column}"

    @cached_property
    def about(self) -> tuple[str, ...]:
        """Key columns that say what a row is about, sorted; which revision it is says another."""
        return tuple(
            sorted(
                name
                for name in self.table.key
                if not (self.figures.get(name) and self.figures[name].is_revision)
            )
        )

    @cached_property
    def sources(self) -> Mapping[str, tuple[str, ...]]:
        """Columns that follow from others, and those others."""
        return {
            name: tuple(dict.fromkeys((*figure.tells_of, *filter(None, (figure.base, figure.place_by)))))
            for name, figure in self.figures.items()
            if figure.tells_of or figure.place_by
        }

    def followers(self, column: str) -> frozenset[str]:
        """Columns that are hidden where this one is, itself among them."""
        found = {column}
        while more := {name for name, sources in self.sources.items() if found & set(sources)} - found:
            found |= more
        return frozenset(found)


def counted(tables: Sequence[PublicTable]) -> list[Counted]:
    """Those of the tables that have such figures, sorted by name."""
    found = (Counted(table) for table in sorted(tables, key=lambda table: table.name))
    return [each for each in found if any(not _is_harmless(figure) for figure in each.figures.values())]


def placed(contract: Contract | None) -> tuple[str, ...]:
    """Columns that are places among all streets, and those that follow from one: an office's own tell it of others, too."""
    figures = {each.name: each.figure for each in contract.stored_columns if each.figure} if contract else {}
    found = {name for name, figure in figures.items() if figure.place_by}
    while more := {name for name, figure in figures.items() if found & set(figure.tells_of)} - found:
        found |= more
    return tuple(name for name in figures if name in found)


def undeclared(tables: Sequence[PublicTable]) -> Iterator[tuple[PublicTable, Column, str]]:
    """Numbers of open tables nobody has said anything of, and figures that name what is not there."""
    known = {each.table.name: each for each in counted(tables)}
    for table in tables:
        contract = table.contract
        if contract is None or contract.level not in ("governance", "ops"):
            continue
        for column in contract.stored_columns:
            if column.name not in table.names:
                continue
            if column.figure is None:
                if column.logical_type in _NUMBERS and not contract.counts_nobody:
                    yield (
                        table,
                        column,
                        "anybody may read this number, and nothing says whether it counts people or calls",
                    )
            elif (figure := column.figure).counts and not table.key:
                yield table, column, f"counts {figure.counts}, and its table has no key to tell rows by"
            elif objection := _wrong_total(known.get(table.name), figure, known):
                yield table, column, objection


def _wrong_total(total: Counted | None, figure: Figure, known: Mapping[str, Counted]) -> str:
    if not figure.total_of or total is None:
        return ""
    name, _, column = figure.total_of.rpartition(".")
    parts = known.get(name)
    if parts is None or column not in parts.counts:
        return f"is the total of {figure.total_of}, which is no open column that counts people or calls"
    extra = set(parts.table.key) - set(parts.about) - set(total.table.key)
    if extra:
        return f"is the total of {figure.total_of}, of which there are revisions told by {', '.join(sorted(extra))}"
    return ""


def _is_harmless(figure: Figure) -> bool:
    return bool(figure.harmless or figure.is_revision)
