"""Shapes that say the same as their colour: dots, squares and the states of a delivery. And legends made of them."""

from __future__ import annotations

from collections.abc import Callable

from pipelines.companions.page.drawing import Picture
from pipelines.companions.page.section import Mark
from pipelines.companions.palette import EFFORT, MUTED, NEED, RAG, STATUS, WHITE

_BOX = 16.0


def need(picture: Picture, x: float, y: float) -> None:
    picture.circle(x, y, 4.5, NEED)


def effort(picture: Picture, x: float, y: float) -> None:
    picture.rect(x - 4, y - 4, 8, 8, WHITE, stroke=EFFORT, stroke_width=2)


def dot(picture: Picture, x: float, y: float, is_hollow: bool = False) -> None:
    picture.circle(x, y, 4, WHITE if is_hollow else NEED, stroke=NEED, width=2)


def rag(picture: Picture, x: float, y: float, width: float, height: float, colour: str) -> None:
    """A stretch of a bar; red is hatched and green has a base line, so that they differ without colour."""
    picture.rect(x, y, width, height, RAG.get(colour, MUTED))
    if colour == "red":
        picture.hatch(x, y, width, height, WHITE)
    elif colour == "green":
        picture.rect(x, y + height - 3, width, 1.2, WHITE)


def status(picture: Picture, x: float, y: float, state: str) -> None:
    """The state of a delivery, each with a shape of its own; one that is not known is a short line."""
    colour = STATUS.get(state, MUTED)
    if state == "ok":
        picture.circle(x, y, 5, colour)
    elif state == "learning":
        picture.circle(x, y, 4.2, WHITE, stroke=colour, width=1.8)
    elif state == "late":
        picture.polygon(((x, y - 5.5), (x + 5.5, y + 4.5), (x - 5.5, y + 4.5)), colour)
    elif state == "partial":
        picture.circle(x, y, 4.6, WHITE, stroke=colour, width=1.4)
        picture.path(f"M{x:.1f} {y - 4.6:.1f}A4.6 4.6 0 0 0 {x:.1f} {y + 4.6:.1f}Z", colour)
    elif state == "drifted":
        picture.polygon(((x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y)), colour)
    elif state == "quarantined":
        picture.rect(x - 5, y - 5, 10, 10, colour)
    elif state == "missing":
        picture.line(x - 4, y - 4, x + 4, y + 4, colour, width=2.6)
        picture.line(x - 4, y + 4, x + 4, y - 4, colour, width=2.6)
    else:
        picture.line(x - 4, y, x + 4, y, colour, width=2)


def status_entry(text: str, state: str) -> Mark:
    return entry(text, lambda picture, x, y: status(picture, x, y, state))


def rag_entry(text: str, colour: str) -> Mark:
    return entry(text, lambda picture, x, y: rag(picture, x - 7, y - 6, 14, 12, colour))


def entry(text: str, draw: Callable[[Picture, float, float], None]) -> Mark:
    """A legend's entry, its mark drawn around the middle of a small box."""
    picture = Picture(_BOX, _BOX)
    draw(picture, _BOX / 2, _BOX / 2)
    return Mark(picture.icon(), text)
