"""Fields of CSV text, found by counting quotes: RFC 4180 and nothing looser. Vectorised, block by block.

Parsers guess: they pad short records, drop long ones, take a stray quote as text. Here a record has as many
fields as the header, a quote opens only at the start of a field and closes only at its end, and a part that
breaks this is refused with its line. What passes can be read in one way only.

A line ends with LF or CRLF; with CR alone only where a part has no LF at all. Blank lines at the end are no
records, blank lines elsewhere are refused. With an `escape` other than the quote it escapes, inside quotes, only
itself and the quote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.errors import DataError
from pipelines.readers.csv_dialect import Dialect

Positions = npt.NDArray[np.int64]

_BLOCK = 16_000_000
_HEAD = 64_000
_LONGEST_RECORD = 64_000_000
_INLINE = 12
"""Arrow's string view keeps so many bytes in the view itself."""
_LF, _CR = 10, 13
_KEEP = np.array([[255] * n + [0] * (_INLINE - n) for n in range(_INLINE + 1)], np.uint8)
_ASK = (
    "ask the source for CSV after RFC 4180, or correct delimiter, quote and escape in the contract's server"
)


@dataclass(frozen=True)
class Block:
    """Whole records of a part: where each field starts and ends (quotes left out), a row of these per record."""

    content: npt.NDArray[np.uint8]
    starts: Positions
    ends: Positions

    def strings(self, field: int) -> pa.Array:
        """One field of every record as an Arrow string view; an empty one is null."""
        starts = self.starts[:, field]
        lengths = self.ends[:, field] - starts
        # Twelve bytes at each start in one go: an array whose items overlap.
        first = np.ndarray((len(self.content) - _INLINE + 1,), f"V{_INLINE}", self.content, strides=(1,))[
            starts
        ]
        heads = first.view(np.uint8).reshape(-1, _INLINE) & _KEEP[np.minimum(lengths, _INLINE)]
        views = np.zeros((len(starts), 4), "<i4")
        views[:, 0] = lengths
        views[:, 1:] = heads.view("<i4")
        is_long = lengths > _INLINE
        views[is_long, 2] = 0
        views[is_long, 3] = starts[is_long]
        valid = np.packbits(lengths > 0, bitorder="little")
        buffers = [pa.py_buffer(valid), pa.py_buffer(views), pa.py_buffer(self.content)]
        return pa.Array.from_buffers(pa.string_view(), len(starts), buffers)


@dataclass(frozen=True)
class _Scan:
    """What one look at a piece of text found: fields, the last field of each record, the byte after each."""

    starts: Positions
    ends: Positions
    lasts: Positions
    after: Positions


class Cells:
    """The fields of one part. `where` names it in messages; no message holds content."""

    def __init__(self, text: bytes, dialect: Dialect, where: str) -> None:
        self._text = text.rstrip(b"\r\n")
        self._dialect = dialect
        self._where = where
        self._line_end = _LF if b"\n" in self._text else _CR

    def head(self, count: int) -> tuple[list[list[str]], int]:
        """The first records, each with as many fields as it has, and the byte after them.

        Raises DataError when there are fewer.
        """
        size = _HEAD
        while self._text:
            content, length, is_final = self._content(0, size)
            scan = self._scan(content, length, 0, is_final)
            if len(scan.lasts) >= count:
                bounds = np.stack([scan.starts, scan.ends], axis=1)
                records = np.split(bounds, scan.lasts[:count] + 1)[:count]
                rows = [
                    [self._dialect.text(content[start:end].tobytes()) for start, end in record]
                    for record in records
                ]
                return rows, int(scan.after[count - 1])
            if is_final:
                break
            size *= 2
        raise DataError(
            f"{self._where}: the file ends before line {count}, where the header should be",
            next_step="look whether the transfer was cut short; `headerRows` says where the header is",
        )

    def blocks(self, at: int, header: Sequence[str]) -> Iterator[Block]:
        """The records from a byte on.

        Raises DataError when one has not the number of fields of the header, or is the header again.
        """
        titles = [title.encode() for title in header]
        size = _BLOCK
        while at < len(self._text):
            content, length, is_final = self._content(at, size)
            scan = self._scan(content, length, at, is_final)
            if not len(scan.lasts):
                if size > _LONGEST_RECORD:
                    self._refuse(
                        np.array([0]),
                        at,
                        f"the record is longer than {size:,} bytes; is a quote never closed?",
                    )
                size *= 2
                continue
            self._refuse_other_widths(scan, at, len(titles))
            shape = (-1, len(titles))
            block = Block(content, scan.starts.reshape(shape), scan.ends.reshape(shape))
            self._refuse_second_header(block, titles, at)
            yield block
            at += int(scan.after[-1])
            size = _BLOCK

    def _content(self, at: int, size: int) -> tuple[npt.NDArray[np.uint8], int, bool]:
        """A piece of text with room behind it, its length, and whether it is the last."""
        piece = memoryview(self._text)[at : at + size]
        content = np.zeros(len(piece) + _INLINE, np.uint8)
        content[: len(piece)] = np.frombuffer(piece, np.uint8)
        return content, len(piece), at + len(piece) == len(self._text)

    def _scan(self, content: npt.NDArray[np.uint8], length: int, at: int, is_final: bool) -> _Scan:
        text = content[:length]
        is_line = text == self._line_end
        is_delimiter = self._delimiters(text)
        quotes = self._quotes(text, at)
        separators = np.flatnonzero(is_line | is_delimiter)
        if len(quotes):
            separators = separators[_outside(separators, quotes)]
        self._refuse_lone_returns(text, quotes, at)
        ends_line = is_line[separators]
        if is_final:
            separators, ends_line = np.append(separators, length), np.append(ends_line, True)
        lasts = np.flatnonzero(ends_line)
        used = int(lasts[-1]) + 1 if len(lasts) else 0
        separators, ends_line = separators[:used], ends_line[:used]
        if used and len(quotes):  # what stands behind the last whole record is looked at next time
            whole = length if is_final else int(separators[-1])
            self._refuse_stray_quotes(text, quotes[quotes < whole], is_line, is_delimiter, at)
        after = np.minimum(separators + np.where(ends_line, 1, len(self._dialect.delimiter)), length)
        starts = np.concatenate([[0], after[:-1]]).astype(np.int64)[:used]
        ends = separators.copy()
        if self._line_end == _LF:
            ends[ends_line & (ends > starts) & (content[ends - 1] == _CR)] -= 1
        self._refuse_blank_lines(starts, ends, lasts, at)
        if self._dialect.quote:
            is_quoted = (ends > starts) & (content[starts] == ord(self._dialect.quote))
            starts, ends = starts + is_quoted, ends - is_quoted
        return _Scan(starts, ends, lasts, after[lasts])

    def _delimiters(self, text: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Where a delimiter begins."""
        first, *others = self._dialect.delimiter
        found: npt.NDArray[np.bool_] = text == first
        for offset, byte in enumerate(others, 1):
            found[:-offset] &= text[offset:] == byte
            found[-offset:] = False
        return found

    def _quotes(self, text: npt.NDArray[np.uint8], at: int) -> Positions:
        """Quotes that open or close; with an escape of its own, escaped ones are left out."""
        if not self._dialect.quote:
            return np.empty(0, np.int64)
        quotes = np.flatnonzero(text == ord(self._dialect.quote))
        if self._dialect.doubles:
            return quotes
        escapes = np.flatnonzero(text == ord(self._dialect.escape))
        if not len(escapes):
            return quotes
        begins = np.concatenate([[True], np.diff(escapes) > 1])
        firsts = np.maximum.accumulate(np.where(begins, np.arange(len(escapes)), 0))
        is_active = (np.arange(len(escapes)) - firsts) % 2 == 0
        escaped = escapes[is_active] + 1
        quotes = np.setdiff1d(quotes, escaped, assume_unique=True)
        escaped = escaped[escaped < len(text)]
        is_known = (text[escaped] == ord(self._dialect.escape)) | (text[escaped] == ord(self._dialect.quote))
        self._refuse(escaped[~is_known], at, "an escape stands before something it cannot escape")
        self._refuse(escapes[_outside(escapes, quotes)], at, "an escape stands outside quotes")
        return quotes

    def _refuse_stray_quotes(
        self,
        text: npt.NDArray[np.uint8],
        quotes: Positions,
        is_line: npt.NDArray[np.bool_],
        is_delimiter: npt.NDArray[np.bool_],
        at: int,
    ) -> None:
        opening, closing = quotes[0::2], quotes[1::2]
        width = len(self._dialect.delimiter)
        fine = (
            (opening == 0)
            | is_line[opening - 1]
            | (is_delimiter[np.maximum(opening - width, 0)] & (opening >= width))
        )
        if self._dialect.doubles:
            fine[1:] |= opening[1:] == closing[: len(opening) - 1] + 1
        self._refuse(opening[~fine], at, "a quote stands inside a field that does not start with one")
        following = closing[closing < len(text) - 1] + 1
        fine = is_line[following] | is_delimiter[following]
        if self._line_end == _LF:
            fine |= (text[following] == _CR) & is_line[np.minimum(following + 1, len(text) - 1)]
        if self._dialect.doubles:
            fine |= np.isin(following, opening, assume_unique=True)
        self._refuse(following[~fine] - 1, at, "something follows a closing quote")
        if len(quotes) % 2:
            self._refuse(quotes[-1:], at, "a quote is opened and never closed")

    def _refuse_lone_returns(self, text: npt.NDArray[np.uint8], quotes: Positions, at: int) -> None:
        if self._line_end == _CR:
            return
        returns = np.flatnonzero(text[:-1] == _CR)
        returns = returns[text[returns + 1] != _LF]
        if len(returns) and len(quotes):
            returns = returns[_outside(returns, quotes)]
        self._refuse(returns, at, "a carriage return stands alone, where other lines end with a line feed")

    def _refuse_blank_lines(self, starts: Positions, ends: Positions, lasts: Positions, at: int) -> None:
        firsts = np.concatenate([[0], lasts[:-1] + 1])[: len(lasts)]
        blank = firsts[(firsts == lasts) & (starts[firsts] == ends[firsts])]
        self._refuse(starts[blank], at, "the line is blank; nobody can know whether a record is missing")

    def _refuse_other_widths(self, scan: _Scan, at: int, fields: int) -> None:
        widths = np.diff(scan.lasts, prepend=-1)
        wrong = np.flatnonzero(widths != fields)
        if len(wrong):
            first = int(wrong[0])
            start = int(scan.after[first - 1]) if first else 0
            self._refuse(
                np.array([start]),
                at,
                f"the record has {int(widths[first])} field(s), the header has {fields}",
            )

    def _refuse_second_header(self, block: Block, titles: list[bytes], at: int) -> None:
        lengths = block.ends - block.starts
        for row in np.flatnonzero((lengths == [len(title) for title in titles]).all(axis=1)):
            fields = zip(block.starts[row], block.ends[row], strict=True)
            if [block.content[start:end].tobytes() for start, end in fields] == titles:
                self._refuse(
                    block.starts[row], at, "the header stands here again, as if two files were put together"
                )

    def _refuse(self, positions: Positions, at: int, fault: str) -> None:
        if len(positions):
            line = self._text.count(bytes([self._line_end]), 0, at + int(positions[0])) + 1
            raise DataError(f"{self._where}, line {line}: {fault}", next_step=_ASK)


def _outside(positions: Positions, quotes: Positions) -> npt.NDArray[np.bool_]:
    """Which positions lie outside quotes: those with an even number of quotes before them."""
    is_even: npt.NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 0
    return is_even
