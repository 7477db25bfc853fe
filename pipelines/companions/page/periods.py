"""Which assessment period the page speaks of: the newest one that has enough callbacks to say anything."""

from __future__ import annotations

from pipelines.companions.page.figures import Figures

SCORECARD = "governance.street_scorecard"


def shown(figures: Figures) -> str | None:
    """The newest period in which most streets have a base that is not small; failing that, the newest of all.

    A period that began yesterday has a handful of orders: its rates would jump between 0 and 100 %.
    """
    if not figures.has(SCORECARD, ("period", "is_small_base", "is_latest")):
        return None
    small: dict[str, list[bool]] = {}
    for row in figures.rows(SCORECARD, ("period", "is_small_base"), "is_latest"):
        small.setdefault(str(row["period"]), []).append(bool(row["is_small_base"]))
    sound = [period for period, flags in small.items() if 2 * sum(flags) <= len(flags)]
    return max(sound, default=max(small, default=None))


def upto(periods: set[str], last: str | None) -> tuple[list[str], list[str]]:
    """Periods in order up to the one that is shown, and those after it."""
    ordered = sorted(periods)
    return (
        [period for period in ordered if last is None or period <= last] or ordered,
        [period for period in ordered if last is not None and period > last and min(ordered) <= last],
    )
