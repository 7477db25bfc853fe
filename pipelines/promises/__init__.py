"""What was promised, what a change of a promise means, and who is hit by it.

promise     a contract in a few plain words, small enough to be kept
comparing   two promises: every difference, breaking, compatible or cosmetic
columns     the same for what is promised of columns
change      one difference, and the words for it
readers     who reads a column or the rows of a table: tables, views, offices, exports
agreement   the promises last agreed on, and whether today's keep to them
"""

from pipelines.promises.agreement import (
    Difference,
    agree,
    agreed,
    compare,
    ended,
    parties,
    promises,
    refuse,
    since_agreed,
)
from pipelines.promises.change import Change
from pipelines.promises.comparing import changes
from pipelines.promises.promise import Promise, promise_of
from pipelines.promises.readers import Hit, Readers

__all__ = [
    "Change",
    "Difference",
    "Hit",
    "Promise",
    "Readers",
    "agree",
    "agreed",
    "changes",
    "compare",
    "ended",
    "parties",
    "promise_of",
    "promises",
    "refuse",
    "since_agreed",
]
