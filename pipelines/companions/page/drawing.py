"""SVG, drawn by hand: no font is measured and nothing is numbered, so the same picture is the same bytes everywhere.

Lengths are in units of a picture 320 wide, about the width of a phone; a page scales it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from pipelines.companions import markup

WIDTH = 320.0
SIZE = 12.0
_NARROW, _BROAD = " ijltfrI.,:;'|!()[]·-", "mwMW@%—…"


def extent(text: str, size: float = SIZE) -> float:
    """About how wide a text is; a little too wide rather than too narrow."""
    return size * sum(map(_extent, text))


def _extent(sign: str) -> float:
    if unicodedata.east_asian_width(sign) in "WF":
        return 1.0
    if sign in _NARROW:
        return 0.34
    return 0.9 if sign in _BROAD else 0.7 if sign.isupper() else 0.57


def shortened(text: str, width: float, size: float = SIZE) -> str:
    """The text, or as much of it as fits, with a sign that there is more."""
    if extent(text, size) <= width:
        return text
    kept = text
    while kept and extent(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrapped(text: str, width: float, size: float = SIZE, lines: int = 2) -> list[str]:
    """The text on up to so many lines; what is left over after the last is cut off."""
    found: list[str] = []
    rest = text
    while rest and len(found) < lines - 1 and extent(rest, size) > width:
        place = len(rest)
        while place > 1 and extent(rest[:place], size) > width:
            place -= 1
        blank = rest.rfind(" ", 0, place + 1)
        place = blank if blank > place // 2 else place
        found.append(rest[:place].rstrip())
        rest = rest[place:].lstrip()
    return [*found, shortened(rest, width, size)] if rest else found


def length(value: float) -> str:
    """A length as SVG has it, to a tenth."""
    text = f"{value:.1f}"
    return text.removesuffix(".0").replace("-0", "0") if text in ("-0.0", "0.0") else text.removesuffix(".0")


class Picture:
    """One picture in the making. Marks are drawn in the order they are asked for."""

    def __init__(self, height: float = 0.0, width: float = WIDTH) -> None:
        self.width = width
        self.height = height
        self._parts: list[str] = []

    def text(
        self,
        x: float,
        y: float,
        said: str,
        *,
        anchor: str = "start",
        size: float = SIZE,
        fill: str = "",
        weight: int = 0,
    ) -> None:
        """Text whose baseline is at `y`."""
        more = "" if anchor == "start" else f' text-anchor="{anchor}"'
        more += "" if size == SIZE else f' font-size="{length(size)}"'
        more += f' fill="{fill}"' if fill else ""
        more += f' font-weight="{weight}"' if weight else ""
        self._parts.append(f'<text x="{length(x)}" y="{length(y)}"{more}>{markup.text(said)}</text>')

    def line(
        self, x1: float, y1: float, x2: float, y2: float, stroke: str, *, width: float = 1, dash: str = ""
    ) -> None:
        more = f' stroke-dasharray="{dash}"' if dash else ""
        self._parts.append(
            f'<line x1="{length(x1)}" y1="{length(y1)}" x2="{length(x2)}" y2="{length(y2)}" '
            f'stroke="{stroke}" stroke-width="{length(width)}"{more}/>'
        )

    def polyline(self, points: Sequence[tuple[float, float]], stroke: str, *, width: float = 1.5) -> None:
        at = " ".join(f"{length(x)},{length(y)}" for x, y in points)
        self._parts.append(
            f'<polyline points="{at}" fill="none" stroke="{stroke}" stroke-width="{length(width)}"/>'
        )

    def polygon(
        self, points: Sequence[tuple[float, float]], fill: str, *, stroke: str = "", width: float = 1.5
    ) -> None:
        at = " ".join(f"{length(x)},{length(y)}" for x, y in points)
        self._parts.append(f'<polygon points="{at}"{_paint(fill, stroke, width)}/>')

    def path(self, data: str, fill: str, *, stroke: str = "", width: float = 1.0) -> None:
        self._parts.append(f'<path d="{data}" fill-rule="evenodd"{_paint(fill, stroke, width)}/>')

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        stroke: str = "",
        stroke_width: float = 1.5,
        round_by: float = 0,
    ) -> None:
        more = f' rx="{length(round_by)}"' if round_by else ""
        self._parts.append(
            f'<rect x="{length(x)}" y="{length(y)}" width="{length(max(width, 0))}" '
            f'height="{length(height)}"{more}{_paint(fill, stroke, stroke_width)}/>'
        )

    def circle(
        self, x: float, y: float, radius: float, fill: str, *, stroke: str = "", width: float = 1.5
    ) -> None:
        self._parts.append(
            f'<circle cx="{length(x)}" cy="{length(y)}" r="{length(radius)}"{_paint(fill, stroke, width)}/>'
        )

    def hatch(self, x: float, y: float, width: float, height: float, stroke: str) -> None:
        """Slanting lines over a box, so that its colour is not all that tells it from others."""
        step, lines = 5.0, []
        start = x - height + step
        while start < x + width:
            left, right = max(start, x), min(start + height, x + width)
            if right > left:
                lines.append(
                    f"M{length(left)} {length(y + height - (left - start))}"
                    f"L{length(right)} {length(y + height - (right - start))}"
                )
            start += step
        self.path("".join(lines), "none", stroke=stroke, width=0.8)

    def icon(self) -> str:
        """The picture as an ornament: the words beside it say what it is."""
        return (
            f'<svg class="icon" viewBox="0 0 {length(self.width)} {length(self.height)}" '
            f'aria-hidden="true">{"".join(self._parts)}</svg>'
        )

    def svg(self, label: str) -> str:
        """The whole picture; `label` says what it shows to those who do not see it."""
        return (
            f'<svg viewBox="0 0 {length(self.width)} {length(self.height)}" role="img" '
            f"aria-label={markup.attribute(label)}>{''.join(self._parts)}</svg>"
        )


def _paint(fill: str, stroke: str, width: float) -> str:
    edge = f' stroke="{stroke}" stroke-width="{length(width)}"' if stroke else ""
    return f' fill="{fill}"{edge}'
