"""Who is told about a level: what the environment lists, read strictly. What is wrong is named without its value:
an address may be a person's, and a webhook's path is a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal
from urllib.parse import urlsplit

from pipelines import settings

_MAIL = re.compile(r"[A-Za-z0-9._%+=-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
_PLAIN = re.compile(r"[\x21-\x7e]+")
_MAILTO = "mailto:"


@dataclass(frozen=True, order=True)
class Addressee:
    """Somebody who is told. `target` is an address or a URL, and never shown; `place` is, its domain or host."""

    channel: Literal["mail", "webhook"]
    target: str
    place: str

    @property
    def addressee_id(self) -> str:
        """What it is called where it is remembered."""
        return sha256(f"{self.channel}:{self.target}".encode()).hexdigest()[:10]

    def __repr__(self) -> str:
        return f"<{self.channel} at {self.place}>"


def addressees(levels: Iterable[str]) -> tuple[dict[str, list[Addressee]], list[str]]:
    """Who is told about each level, in the order listed; and what is wrong with the settings, in words."""
    found: dict[str, list[Addressee]] = {}
    problems: list[str] = []
    for level in levels:
        found[level] = []
        for variable, listed in settings.notify(level):
            for number, text in enumerate(listed, start=1):
                addressee = _read(text)
                if isinstance(addressee, str):
                    problem = f"{variable}, entry {number}: {addressee}"
                    problems += [problem] if problem not in problems else []
                elif addressee not in found[level]:
                    found[level].append(addressee)
    return found, problems


def _read(text: str) -> Addressee | str:
    """The addressee, or what is wrong with it."""
    if not _PLAIN.fullmatch(text):
        return "has blanks, control characters or letters beyond ASCII"
    if text.lower().startswith(_MAILTO):
        address = text[len(_MAILTO) :]
        if not _MAIL.fullmatch(address) or ".." in address:
            return "is no plain mail address, expected mailto:desk@example.org"
        return Addressee("mail", address, address.rpartition("@")[2].lower())
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        return "is no URL that can be read"
    if url.scheme not in ("http", "https") or not host:
        return "is neither mailto:desk@example.org nor https://…"
    if url.username is not None or url.password is not None:
        return "has a user or password in its URL; put what is secret into the path, or use URBANBRAIN_SECRET_WEBHOOK"
    return Addressee("webhook", text, host)
