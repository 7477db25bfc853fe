"""One difference between two promises, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Class = Literal["breaking", "compatible", "cosmetic"]
CLASSES: tuple[Class, ...] = ("breaking", "compatible", "cosmetic")
ROWS = "*"
"""Stands for the column of a change that is about the rows."""


@dataclass(frozen=True)
class Change:
    """One difference. `kind` names it in a word, `column` where it is ("" for the contract as a whole, `*` for its rows),
    `side` says who counted on the old promise.
    """

    klass: Class
    kind: str
    column: str
    text: str
    side: Literal["readers", "source", "both"] = "readers"


def stricter(kind: str, name: str, text: str, is_feed: bool) -> Change:
    """More is asked of a value: the source breaks it, readers get no less."""
    if is_feed:
        return Change("breaking", kind, name, f"{text}: rows that were right go to quarantine", "source")
    return Change("compatible", kind, name, text)


def looser(kind: str, name: str, text: str, is_feed: bool) -> Change:
    """Less is asked of a value: readers of a table we build counted on it; a source may always have sent it."""
    if is_feed:
        return Change("compatible", kind, name, text)
    return Change("breaking", kind, name, f"{text}: readers meet what could not be there")


def listed(names: Any) -> str:
    """Names in a sentence."""
    return ", ".join(map(str, names))


def said(value: Any) -> str:
    """A value of a promise in a sentence."""
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list):
        return listed(value)
    return (
        ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
    )
