"""What is drawn of many: a picture of hundreds of streets tells nothing, so it shows those that need attention most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pipelines.companions.page.published import is_known
from pipelines.companions.page.speech import Speech

MOST = 40
One = TypeVar("One")


def drawn(each: Sequence[One], worry: Callable[[One], Any]) -> list[One]:
    """The forty with the greatest worry, in the order they came in; those without a figure are left out first."""
    if len(each) <= MOST:
        return list(each)

    def rank(place: int) -> tuple[bool, float, int]:
        value = worry(each[place])
        return (not is_known(value), -float(value) if is_known(value) else 0.0, place)

    return [each[place] for place in sorted(sorted(range(len(each)), key=rank)[:MOST])]


def note(say: Speech, count: int) -> list[str]:
    """Says that not all are drawn, where that is so."""
    return [say("some_drawn", shown=MOST, all=say.number(count))] if count > MOST else []
