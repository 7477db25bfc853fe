"""In which order levels stand: from the topmost down, and others after them."""

from __future__ import annotations

from pipelines.contract.model import FEED_LEVELS


def rank(level: str) -> tuple[int, str]:
    """What to sort levels by."""
    known = tuple(map(str, FEED_LEVELS))
    return (known.index(level) if level in known else len(known), level)
