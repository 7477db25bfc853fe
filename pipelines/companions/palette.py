"""Colours of the page, chosen to be told apart by everybody, and how well one reads on another (WCAG 2.2).

Nothing on the page is told by colour alone: a number, a shape or a hatch says the same.
"""

from __future__ import annotations

WHITE = "#ffffff"
PAPER = "#f6f7f9"
INK = "#1b2430"
MUTED = "#55606e"
RULE = "#d5dae1"
ACCENT = "#1d5590"
STEPS = ("#e6eff8", "#bdd5eb", "#86b4db", "#3577b0", "#174878")
"""From little to much."""
NEED, EFFORT = "#174878", "#b45309"
BAR, BAR_SOFT = "#3577b0", "#bdd5eb"
EMPTY = "#eceff3"
RAG = {"red": "#9b2226", "amber": "#e9b44c", "green": "#1b7f5c"}
STATUS = {
    "ok": "#1b7f5c",
    "learning": "#55606e",
    "late": "#b45309",
    "partial": "#7a4e9c",
    "drifted": "#1d5590",
    "quarantined": "#9b2226",
    "missing": "#9b2226",
}


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(fill: str) -> str:
    """The colour of text that reads best on a fill."""
    return max((INK, WHITE), key=lambda ink: contrast(ink, fill))


def _luminance(colour: str) -> float:
    channels = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
