"""One answer: is it what was asked for, how many records does it hold, and which ones.

Records are told apart, never understood: a 64-bit hash of each one's bytes, and one of its identity.
JSON is read with msgspec, which skips over what nobody asks for.
"""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from pipelines.connectors.dialects import Dialect
from pipelines.connectors.session import Answer
from pipelines.contract.model import Contract, Server
from pipelines.errors import FeedError, FeedUnavailable

_JSON = frozenset({"json", "geojson"})
_ZIPPED = frozenset({"xlsx", "xlsm", "zip"})
_WEB_PAGE = re.compile(rb"\s*<\s*(!doctype|html|head|body|script|meta)\b", re.IGNORECASE)
_BOM = b"\xef\xbb\xbf"
_TAIL_BYTES = 4096
_XML_END = re.compile(rb"(?:</[^<>]+|/|--)>\s*\Z")
_WORST_CODE = 600


@dataclass(frozen=True)
class Page:
    """What one answer holds. `rows` is None when counting them is the reader's business (CSV, XLSX)."""

    answer: Answer
    rows: int | None = None
    total: int | None = None
    next: str = ""
    hashes: tuple[int, ...] = ()
    identities: tuple[int, ...] = ()
    last: bytes = b""
    """The last record, for the connector that goes on from there."""

    @property
    def is_empty(self) -> bool:
        return self.rows == 0

    def field(self, path: str) -> str:
        """One field of the last record, as text; "" when it has none."""
        value = _walk(msgspec.json.decode(self.last), path)
        return "" if value is None or isinstance(value, dict | list) else str(value)


class PageReader:
    """Reads the answers of one feed's server. Every message ends a sentence that names the source."""

    def __init__(self, contract: Contract, server: Server, dialect: Dialect) -> None:
        self._server = server
        self._dialect = dialect
        self._records = server.records or dialect.records
        self._total_at = server.total or dialect.total
        self._identities = [kind for kind in _identities(contract, dialect) if kind]

    def file(self, answer: Answer) -> Page:
        """A whole file: of the right kind, complete, and counted where that is cheap."""
        if answer.status == 304:
            return Page(answer)
        _refuse_web_page(answer, self._server.format)
        if not answer.content and answer.status != 204:
            raise FeedUnavailable("answered 200 with nothing in it")
        total = None
        if self._server.format in _JSON and answer.content:
            return self._json_file(answer)
        if (
            self._server.format == "xml"
            and answer.content
            and not _XML_END.search(answer.content[-_TAIL_BYTES:])
        ):
            raise FeedUnavailable("sent XML that breaks off before its end")
        if self._server.format in _ZIPPED and not zipfile.is_zipfile(io.BytesIO(answer.content)):
            raise FeedUnavailable(f"sent something that is no complete {self._server.format} file")
        if self._server.trailer and answer.content:
            total = _trailer(answer.content, self._server)
        return Page(answer, rows=None if answer.content else 0, total=total)

    def page(self, answer: Answer) -> Page:
        """One page of JSON records. 204 is an empty page where the list comes without an envelope."""
        _refuse_web_page(answer, "json")
        if answer.status == 204 and not self._records:
            return Page(answer, rows=0)
        content = _utf8(answer, self._server)
        top = _Top(content)
        self._refuse_failure(top)
        region = top.list_at(self._records)
        if region is None and not self._server.records and self._dialect.paging == "link":
            region = top.list_at("value")  # SensorThings wraps its lists; others send them bare
        if region is None:
            raise FeedError(
                f"sent no list at {self._records or 'its top'!r}, where the records were expected",
                next_step="correct `connector` or `records` in the contract",
            )
        records = _decode(region, list[msgspec.Raw])
        return Page(
            answer,
            rows=len(records),
            total=self._total(top, answer),
            next=self._next(top, answer),
            hashes=tuple([hash(bytes(record)) for record in records]),
            identities=self._which(region, records),
            last=bytes(records[-1]) if records else b"",
        )

    def _json_file(self, answer: Answer) -> Page:
        """Count records where the contract says they are; otherwise only see that it is JSON to its end."""
        content = _utf8(answer, self._server)
        _decode(content, msgspec.Raw)
        top = _Top(content)
        self._refuse_failure(top)
        path = self._records or ("features" if self._server.format == "geojson" else "")
        region = top.list_at(path)
        if region is None and self._server.records:
            raise FeedError(
                f"sent no list at {path!r}, where the records were expected",
                next_step="correct `records` in the contract",
            )
        if region is None:
            return Page(answer)
        rows, total = len(_decode(region, list[msgspec.Raw])), self._total(top, answer)
        if total is not None and total != rows:
            raise FeedUnavailable(f"reports {total} rows and sent {rows}")
        return Page(answer, rows=rows, total=total)

    def _refuse_failure(self, top: _Top) -> None:
        """An envelope that says the request failed, under status 200."""
        if not self._dialect.ok:
            return
        path, good = self._dialect.ok
        flag = top.scalar_at(path)
        if any(flag == value and type(flag) is type(value) for value in good):
            return
        code = top.scalar_at(self._dialect.code)
        # A code may be shown, its text may not: it can repeat what was asked, or about whom.
        message = f"answered 200, but its {path} is {_short(flag)}"
        if self._dialect.code != path:
            message += f" and its {self._dialect.code} {_short(code)}"
        if str(code).isdigit() and (int(str(code)) == 429 or 500 <= int(str(code)) < _WORST_CODE):
            raise FeedUnavailable(message)
        raise FeedError(
            message, next_step="check `query` and the secret in the contract, then ask the source"
        )

    def _total(self, top: _Top, answer: Answer) -> int | None:
        if self._dialect.estimated and top.scalar_at(self._dialect.estimated) is True:
            return None
        if self._dialect.total_header and not self._server.total:
            value: object = answer.headers.get(self._dialect.total_header)
        else:
            value = top.scalar_at(self._total_at) if self._total_at else None
        return int(str(value)) if value is not None and re.fullmatch(r"\d{1,18}", str(value)) else None

    def _next(self, top: _Top, answer: Answer) -> str:
        for path in self._dialect.next:
            if isinstance(link := top.scalar_at(path), str) and link:
                return link
        return answer.next_link if self._dialect.next else ""

    def _which(self, region: bytes | msgspec.Raw, records: list[msgspec.Raw]) -> tuple[int, ...]:
        """A hash per record that stays the same when the record is met again, changed or not."""
        if not records:
            return ()
        first = msgspec.json.decode(records[0])
        for kind in self._identities:
            if kind.fits(first):
                try:
                    return tuple(kind.hashes(region, records))
                except (msgspec.MsgspecError, TypeError):  # of another shape further down: whole records then
                    break
        return tuple([hash(bytes(record)) for record in records])


class _Identity:
    """Fields that tell records apart: groups of names a field may arrive under."""

    def __init__(self, groups: Iterable[tuple[str, ...]]) -> None:
        self._groups = list(groups)
        tree: dict[str, Any] = {}
        names = [name for group in self._groups for name in group]
        for name in names:
            _plant(tree, name)
        self._decoder = msgspec.json.Decoder(list[_struct(tree)])  # type: ignore[misc]
        blanks = [b"{}", *(_nested(name, value) for name in names for value in (b"null", b'""'))]
        self._blank = frozenset(self._blank_hashes(blanks))

    def _blank_hashes(self, blanks: list[bytes]) -> Iterator[int]:
        for text in blanks:
            with contextlib.suppress(msgspec.ValidationError):  # a text where an object belongs
                yield hash(self._decoder.decode(b"[" + text + b"]")[0])

    def fits(self, record: object) -> bool:
        """Whether a record carries every one of the fields, under one of its names."""
        return bool(self._groups) and all(
            any(_walk(record, name) is not None for name in group) for group in self._groups
        )

    def hashes(self, region: bytes | msgspec.Raw, records: list[msgspec.Raw]) -> list[int]:
        """One hash per record; a record whose identity is empty counts as itself."""
        keys = [hash(key) for key in self._decoder.decode(region)]
        return [
            hash(bytes(record)) if key in self._blank else key
            for key, record in zip(keys, records, strict=True)
        ]


def _identities(contract: Contract, dialect: Dialect) -> list[_Identity]:
    """Ways to tell this feed's records apart, the surest first."""
    groups: list[list[tuple[str, ...]]] = []
    if dialect.identity:
        groups.append([(dialect.identity,)])
    keys = [contract.column(name) for name in contract.row_key]
    if keys and not any(column.constant for column in keys):
        groups.append(
            [names for key in keys for names in (tuple((name,) for name in key.join) or (key.wire,))]
        )
    # A bracket reaches into a list, which no record should need to be told apart.
    return [_Identity(group) for group in groups if not any("[" in name for names in group for name in names)]


def _steps(path: str) -> list[str]:
    """The names a path goes through. SensorThings has dots in its own names: `@iot.id` is one."""
    return [path] if path.startswith("@") else path.split(".")


def _plant(tree: dict[str, Any], path: str) -> None:
    for name in _steps(path):
        tree = tree.setdefault(name, {})


def _struct(tree: dict[str, Any]) -> Any:
    """A frozen msgspec type with just these fields, each of which may be missing."""
    names = {f"field_{number}": name for number, name in enumerate(tree)}
    fields: list[tuple[str, Any, Any]] = [
        (field, _struct(tree[name]) | None | msgspec.UnsetType if tree[name] else Any, msgspec.UNSET)
        for field, name in names.items()
    ]
    return msgspec.defstruct("Identity", fields, rename=names, frozen=True)


def _nested(path: str, value: bytes) -> bytes:
    for name in reversed(_steps(path)):
        value = b"{" + msgspec.json.encode(name) + b":" + value + b"}"
    return value


def _refuse_web_page(answer: Answer, form: str) -> None:
    is_page = answer.content_type == "text/html" or _WEB_PAGE.match(answer.content.removeprefix(_BOM))
    if form != "html" and (is_page or (form in _JSON and answer.content.lstrip()[:1] == b"<")):
        raise FeedError(
            f"sent a web page where {form} was expected, probably to log in",
            next_step="open the address in a browser; renew the secret, or ask the source to let us in",
        )


def _trailer(content: bytes, server: Server) -> int | None:
    """The number of rows the last line promises. A file without its trailer was cut short."""
    tail = content[-_TAIL_BYTES:].decode(server.encoding, errors="replace").rstrip()
    line = tail.rsplit("\n", 1)[-1].strip().strip(server.quote)
    if not line.startswith(server.trailer):
        raise FeedUnavailable(f"sent a file without its last line {server.trailer!r}: it was cut short")
    number = re.match(r"\s*(\d{1,18})", line.removeprefix(server.trailer))
    return int(number[1]) if number else None


def _utf8(answer: Answer, server: Server) -> bytes:
    """The content as UTF-8, to look at, not to keep; bytes that are no text at all are staging's business."""
    content = answer.content.removeprefix(_BOM)
    try:
        content.decode()
    except UnicodeDecodeError:
        pass
    else:
        return content
    for encoding in (server.encoding, answer.charset, "gb18030"):
        try:
            return content.decode(encoding or "utf-8").encode()
        except (UnicodeDecodeError, LookupError):
            continue
    return content.decode(errors="replace").encode()


def _decode(content: bytes | msgspec.Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise FeedError(
            f"sent JSON of another shape: {error}",
            next_step="correct `connector` or `records` in the contract",
        ) from None
    except RecursionError:
        raise FeedError(
            "sent JSON nested too deeply to be records", next_step="ask the source; nothing was stored"
        ) from None
    except msgspec.DecodeError as error:
        if not bytes(content).strip():
            raise FeedUnavailable("answered with nothing in it where JSON was expected") from None
        raise FeedUnavailable(f"sent JSON that does not parse: {error}") from None


class _Top:
    """An answer's envelope, opened level by level, each level once."""

    def __init__(self, content: bytes) -> None:
        self._found: dict[str, bytes | msgspec.Raw | None] = {"": content}
        self._levels: dict[str, dict[str, msgspec.Raw]] = {}
        if _first(content) == b"{":
            self._level("")
        elif _first(content) != b"[":
            _decode(content, msgspec.Raw)  # nobody will open it, so see now whether it is JSON at all
            raise FeedError(
                "sent a single value where records were expected",
                next_step="look at the source; nothing was stored",
            )

    def list_at(self, path: str) -> bytes | msgspec.Raw | None:
        """The list at a path, unopened; None when there is none."""
        value = self._at(path)
        return value if value is not None and _first(value) == b"[" else None

    def scalar_at(self, path: str) -> object:
        """The number, text or truth at a path; None when there is none."""
        value = self._at(path) if path else None
        return None if value is None or _first(value) in b"{[" else _decode(value, Any)

    def _at(self, path: str) -> bytes | msgspec.Raw | None:
        if path not in self._found:
            *above, name = _steps(path)
            self._found[path] = self._level(".".join(above)).get(name)
        return self._found[path]

    def _level(self, path: str) -> dict[str, msgspec.Raw]:
        if path not in self._levels:
            value = self._at(path)
            if value is None or _first(value) != b"{":
                self._levels[path] = {}
            else:
                self._levels[path] = _decode(value, dict[str, msgspec.Raw])
        return self._levels[path]


def _first(value: bytes | msgspec.Raw) -> bytes:
    """The first byte that is no blank."""
    return bytes(memoryview(value)[:64]).lstrip()[:1] or bytes(value).lstrip()[:1]


def _walk(record: object, path: str) -> object:
    for name in [path] if isinstance(record, dict) and path in record else path.split("."):
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _short(value: object) -> str:
    """A flag or code fit for a message; anything longer might be a text about somebody."""
    text = str(value)
    return text if re.fullmatch(r"[\w .\-]{0,40}", text) else "too long to be a code"
