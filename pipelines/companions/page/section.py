"""What a section of the page is made of. Plain frozen values; `document` turns them into HTML."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.companions.page.speech import Cell


@dataclass(frozen=True)
class Panel:
    """One picture with its heading. `key` is unique in the section; `svg` is ready to be put in."""

    key: str
    title: str
    svg: str
    note: str = ""


@dataclass(frozen=True)
class DataTable:
    """The numbers behind a picture; the first column names the row."""

    key: str
    title: str
    headers: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Mark:
    """An entry of a legend: a small picture and what it stands for."""

    svg: str
    text: str


@dataclass(frozen=True)
class Section:
    """A heading, what its figures come to, pictures, the data behind them and what the data means."""

    key: str
    title: str
    finding: str
    panels: tuple[Panel, ...] = ()
    tables: tuple[DataTable, ...] = ()
    legend: tuple[Mark, ...] = ()
    notes: tuple[str, ...] = ()
    defines: tuple[tuple[str, str], ...] = ()
    """Tables and columns whose meaning the section tells."""
    shows_table: bool = False
    """Whether the first table stands beside the picture, not folded away."""
    reads: tuple[str, ...] = ()
    """Tables the figures come from."""
