"""A server's location and query with window and environment filled in, and how an address may be shown."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo

from pipelines import settings
from pipelines.contract.model import Server
from pipelines.errors import ContractError

# Only this shape is ours: a filter in JSON has braces of its own.
_INSTANT = re.compile(r"\{(start|end):([^{}]*)\}")
_LAST = re.compile(r"\{last:([^{}]+)\}")
_PORTS = {"http": 80, "https": 443}


class Address(NamedTuple):
    """Where to ask and with which parameters; `{last:field}` may still stand in a value."""

    url: str
    query: dict[str, str]


def address(server: Server, start: datetime, end: datetime, timezone: str) -> Address:
    """Fill a server's location and query; `{start:…}` and `{end:…}` are read on the clock of `timezone`.

    Raises SettingError when the environment lacks a value, ContractError when the location is no web address.
    """
    zone = ZoneInfo(timezone)
    instants = {"start": start.astimezone(zone), "end": end.astimezone(zone)}

    def fill(text: str) -> str:
        return _INSTANT.sub(lambda match: instants[match[1]].strftime(match[2]), settings.expand(text))

    url = fill(server.location)
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ContractError(
            f"server {server.name!r} has location {server.location!r}, expected an http or https address",
            next_step="correct `location` in the contract",
        )
    return Address(url, {name: fill(value) for name, value in server.query.items()})


def last_fields(query: dict[str, str]) -> dict[str, str]:
    """Parameters that hold `{last:field}` → that field's path."""
    return {name: match[1] for name, value in query.items() if (match := _LAST.search(value))}


def fill_last(text: str, value: str) -> str:
    """Put the last record's value where `{last:field}` stands."""
    return _LAST.sub(lambda _: value, text)


def shown(url: str) -> str:
    """An address fit for messages and receipts: no user, no password, no query."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def is_same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port."""
    return _origin(urlsplit(one)) == _origin(urlsplit(other))


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)
