"""Figures that are there to be compared, and the words that say so when others are kept back.

A superlative over some streets is true of these streets only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.companions.page.figures import WITHHELD
from pipelines.companions.page.speech import Speech


def is_known(value: Any) -> bool:
    """Whether a figure can be drawn and compared: it is neither unknown nor kept back."""
    return value is not None and value is not WITHHELD


def of_those(say: Speech, values: Sequence[Any], sentence: str) -> str:
    """The sentence, told of the published figures where some of the values are kept back."""
    known = sum(map(is_known, values))
    if not known or not any(value is WITHHELD for value in values):
        return sentence
    return say("of_published", count=known, all=len(values), sentence=sentence)
