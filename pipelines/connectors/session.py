"""One request: time-outs, bounded retries, redirects on the same origin, and no more bytes than allowed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urljoin

import requests
import urllib3

from pipelines.connectors.addresses import is_same_origin
from pipelines.errors import FeedError, FeedUnavailable

CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0
ANSWER_SECONDS = 600.0
"""How long one whole answer may take; a server that drips a byte a minute never trips READ_SECONDS."""
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
REDIRECTS = 5
CHUNK_BYTES = 1 << 18

_WAITING_HELPS = frozenset({408, 425, 429, 500, 502, 503, 504})
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_UNAUTHORISED = 401
_NO_ACCESS = frozenset({_UNAUTHORISED, 403})
_NOT_THERE = frozenset({404, 410})

Read = TypeVar("Read")


@dataclass(frozen=True)
class Answer:
    """One answer, whole. `content` is free of transfer compression, otherwise as received."""

    status: int
    content: bytes
    headers: Mapping[str, str]
    next_link: str

    @property
    def content_type(self) -> str:
        return self._declared().get_content_type() if "Content-Type" in self.headers else ""

    @property
    def charset(self) -> str:
        """The encoding the server declares; "" when it declares none."""
        return self._declared().get_content_charset("") if "Content-Type" in self.headers else ""

    def _declared(self) -> Message:
        message = Message()
        message["Content-Type"] = self.headers["Content-Type"]
        return message


class NotThere(FeedError):
    """The source knows no such address."""


class _NotLetIn(FeedError):
    """401: our token is wrong, or was right until a moment ago."""


class _TryAgain(FeedUnavailable):
    """This attempt failed; `pause` is how long the server asked to wait, in seconds."""

    pause: float = 0.0


@dataclass
class Session:
    """Requests to one feed's server, over kept connections; counts its attempts and failures.

    `token` goes out as bearer token, to the server's own origin only. When one that was good before is refused,
    `renew` is asked for another, and the very request that was refused is made again.
    """

    token: str = ""
    renew: Callable[[], str] | None = None
    attempts: int = 0
    failures: int = 0
    renewals: int = 0
    _is_let_in: bool = False
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self._session.headers.update({"User-Agent": "urbanbrain", "Accept-Encoding": "gzip"})
        # Always an authentication of our own: otherwise requests takes one from ~/.netrc.
        self._session.auth = self._authorise

    def close(self) -> None:
        self._session.close()

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        return request

    def get(
        self,
        url: str,
        query: Mapping[str, str],
        read: Callable[[Answer], Read],
        *,
        where: str,
        limit: int,
        headers: Mapping[str, str] | None = None,
    ) -> Read:
        """Ask, and give back what `read` makes of the answer; what `read` finds broken is asked for again.

        `where` opens every message. Raises FeedUnavailable when all attempts failed in a way that waiting may
        cure, FeedError at once for the others, such as an answer longer than `limit` bytes.
        """
        for attempt in range(1, ATTEMPTS + 1):
            self.attempts += 1
            try:
                return read(self._ask_renewing(url, query, limit, headers or {}))
            except FeedUnavailable as error:
                self.failures += 1
                if attempt == ATTEMPTS:
                    raise FeedUnavailable(
                        f"{where} {error.message}, {ATTEMPTS} times in a row",
                        next_step=error.next_step or "try again later; if it stays so, ask the source",
                    ) from None
                sleep(max(getattr(error, "pause", 0.0), _pause(attempt)))
            except FeedError as error:
                self.failures += 1
                raise type(error)(f"{where} {error.message}", next_step=error.next_step) from None
        raise AssertionError("the last attempt returns or raises")

    def _ask_renewing(
        self, url: str, query: Mapping[str, str], limit: int, headers: Mapping[str, str]
    ) -> Answer:
        """Ask, and once more with a new token where the old one has run out on the way."""
        try:
            answer = self._ask(url, query, limit, headers)
        except _NotLetIn as error:
            if not (self.renew and self._is_let_in):
                raise
            self.failures += 1
            self.renewals += 1
            self.token = self.renew()
            try:
                answer = self._ask(url, query, limit, headers)
            except _NotLetIn:
                raise FeedError(
                    f"{error.message}; the pull was let in before, so the token ran out on the way, and the one "
                    "there is now is refused, too",
                    next_step="renew the secret the contract names, and run again; nothing was stored",
                ) from None
        self._is_let_in = True
        return answer

    def _ask(self, url: str, query: Mapping[str, str], limit: int, headers: Mapping[str, str]) -> Answer:
        deadline = time.monotonic() + ANSWER_SECONDS
        address, parameters = url, query
        for _ in range(REDIRECTS + 1):
            # The texts of requests and urllib3 carry the whole address, query included: `from None` keeps
            # them out of logs.
            try:
                with self._session.get(
                    address,
                    params=parameters,
                    headers=headers,
                    stream=True,
                    allow_redirects=False,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                ) as response:
                    if response.status_code not in _REDIRECT:
                        _refuse_status(response)
                        content = _body(response, limit, deadline)
                        link = response.links.get("next", {}).get("url", "")
                        return Answer(response.status_code, content, response.headers, link)
                    target = urljoin(response.url, response.headers.get("Location", ""))
            except requests.exceptions.SSLError:
                raise FeedError(
                    "showed a TLS certificate that cannot be verified",
                    next_step="have it renewed, or add the city's root to this machine's trust store",
                ) from None
            except (requests.Timeout, urllib3.exceptions.TimeoutError):
                raise FeedUnavailable(f"did not answer within {READ_SECONDS:g} s") from None
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                raise FeedUnavailable("refused or broke the connection") from None
            except urllib3.exceptions.DecodeError:
                raise FeedUnavailable("sent a body that does not decompress") from None
            except urllib3.exceptions.HTTPError:
                raise FeedUnavailable("broke off before its answer was complete") from None
            except requests.RequestException as error:
                raise FeedError(
                    f"cannot be asked ({type(error).__name__})",
                    next_step="check `location` and `query` in the contract",
                ) from None
            if not is_same_origin(url, target):
                raise FeedError(
                    "redirects to another origin, which may be a log-in page or a stranger",
                    next_step="when the source has moved, put its new address into the contract",
                )
            address, parameters = target, {}
        raise FeedError(f"redirects more than {REDIRECTS} times", next_step="ask the source")


def _refuse_status(response: requests.Response) -> None:
    status = response.status_code
    if status in _WAITING_HELPS:
        error = _TryAgain(f"answered {status}")
        error.pause = _retry_after(response.headers.get("Retry-After", ""))
        raise error
    if status in _NO_ACCESS:
        kind = _NotLetIn if status == _UNAUTHORISED else FeedError
        raise kind(
            f"answered {status}: it does not accept our credentials, or they expired",
            next_step="renew the secret the contract names, and run again",
        )
    if not (200 <= status < 300 or status == 304):
        unwanted = NotThere if status in _NOT_THERE else FeedError
        raise unwanted(f"answered {status}", next_step="check `location` and `query` in the contract")


def _body(response: requests.Response, limit: int, deadline: float) -> bytes:
    """The whole body; read1 hands over what is there, so that neither time nor size runs away unseen.

    urllib3 compares the length with Content-Length, and unpacks at most a chunk at a time.
    """
    chunks = []
    size = 0
    while chunk := response.raw.read1(CHUNK_BYTES, decode_content=True):
        size += len(chunk)
        if size > limit:
            raise FeedError(
                f"sent more than {max(limit, 0):,} bytes, all that one pull had left",
                next_step="narrow the query, or raise `maxBytes` in the contract",
            )
        if time.monotonic() > deadline:
            raise FeedUnavailable(f"needed more than {ANSWER_SECONDS:g} s for one answer")
        chunks.append(chunk)
    return b"".join(chunks)


def _retry_after(text: str) -> float:
    """Retry-After in seconds, a number or a date; 0 when absent, never above the longest pause."""
    try:
        seconds = float(text) if text.strip().isdigit() else _until(parsedate_to_datetime(text))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE_SECONDS)


def _until(instant: datetime) -> float:
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return (aware - datetime.now(UTC)).total_seconds()


def _pause(attempt: int) -> float:
    """Doubles with each attempt; half of it by chance, so that many feeds do not come back at one instant."""
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** (attempt - 1), LONGEST_PAUSE_SECONDS)
    return random.uniform(longest / 2, longest)  # noqa: S311 - spreads load, keeps no secret


def sleep(seconds: float) -> None:
    """Wait before the next attempt."""
    time.sleep(seconds)
