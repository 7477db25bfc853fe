"""When each feed is due, and what has become of it: by the clock, never by the newest landing.

due        what a contract expects: which days, from when to when, by when, and until when at the latest
arrived    what the lake's receipts tell of a feed's last days; a warehouse that is being written is not asked
usual      how many rows are usual, by the SQL of the warehouse
standing   both held against each other: waiting, ok, late, missing, partial, drifted, learning, held, refused
"""

from __future__ import annotations

from pipelines.contract.model import FEED_LEVELS as LEVELS
from pipelines.freshness.due import ExpectedDay, Slot, business_day, expected_days, must_have_rows, slots
from pipelines.freshness.standing import OK, WORST, Standing, standings
from pipelines.freshness.usual import open_rows

__all__ = [
    "LEVELS",
    "OK",
    "WORST",
    "ExpectedDay",
    "Slot",
    "Standing",
    "business_day",
    "expected_days",
    "must_have_rows",
    "open_rows",
    "slots",
    "standings",
]
