"""What is looked at in a browser, how wide, and what the browser asked for meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.releases import Release

if TYPE_CHECKING:
    from playwright.sync_api import Page

VIEWS = {"desktop": (1280, 900), "phone": (390, 844), "narrow": (320, 640)}


@dataclass(frozen=True)
class Published:
    """A home with three days of the channel published, and the address of its current release."""

    home: Path
    release: Release
    address: str


@dataclass
class Seen:
    """A page of the browser, and whatever it asked for and complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
