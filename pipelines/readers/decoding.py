"""Which encoding a part really has, and whether its text can be what somebody meant.

UTF-8 is tried first whatever the contract declares: Chinese text in GB 18030 is almost never valid UTF-8 by
accident, while UTF-8 read as GB 18030 often raises nothing and silently becomes other characters
(道路破损 → 閬撹矾鐮存崯). The one accident that does happen, a few characters that are valid UTF-8 for Greek,
Cyrillic or Arabic letters, is told apart when the contract declares GB 18030.
"""

from __future__ import annotations

import codecs
import functools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.errors import ContractError, DataError

BOM = b"\xef\xbb\xbf"
_LINE_BOM = re.compile(rb"(?:\A|(?<=[\r\n]))(?:\xef\xbb\xbf)+")
_GB_NAMES = {"gb2312", "gbk", "gb18030", "cp936"}
_UNLIKE_ASCII = ("utf-16", "utf-32", "utf-7", "hz", "iso2022")
"""Encodings whose bytes may be valid UTF-8 and yet mean something else; where one is named it is taken at its word."""

# GB 18030-2022 gave these characters code points of their own; Python's codec still answers with the private
# ones of 2005. Source: the change list of the 2022 edition.
_PRIVATE_USE = str.maketrans(
    "\ue78d\ue78e\ue78f\ue790\ue791\ue792\ue793\ue794\ue795\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864",
    "\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16\ufe17\ufe18\ufe19\u1e3f\u9fb4\u9fb5\u9fb6\u9fb7\u9fb8\u9fb9\u9fba\u9fbb",
)
_HAS_PRIVATE_USE = re.compile("[\ue78d-\ue796\ue7c7\ue81e\ue826\ue82b\ue82c\ue832\ue843\ue854\ue864]")

_WESTERN = re.compile("[\u00e4-\u00e9]")
"""What the first bytes of Chinese in UTF-8 become when somebody takes them for a western encoding."""
_CHUNK_BYTES = 1_000_000
_SAMPLE_BYTES = 128_000
_SAMPLE_SLICES = 16
_TELLING_SHARE = 0.3
"""Share of the foreign characters that has to look wrong before a whole part is refused."""
_NOTABLE_SHARE = 0.002
"""Share of the whole text; below it single rows are wrong, which is the gate's business."""
_LOST = ("锟斤拷", "\ufffd")
"""What is left when somebody saved text after replacing what could not be read."""


@dataclass(frozen=True)
class Text:
    """A part as UTF-8 without byte order marks, the encoding it came in, and what had to be mended."""

    data: bytes
    encoding: str
    flags: tuple[str, ...] = ()


def decode(content: bytes, declared: str, where: str) -> Text:
    """A part's bytes as UTF-8.

    Flags: `re-decoded` (not the declared encoding), `byte-order-mark` (one beyond the first, or one inside),
    `gb18030-2022` (private-use characters replaced). `where` names the part in messages.
    Raises DataError when the bytes are neither UTF-8 nor the declared encoding nor GB 18030, hold NUL bytes,
    or decode to text nobody can have meant. Raises ContractError when no such encoding exists.
    """
    declared = canonical(declared)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = Text(_from(content, "utf-16", where).encode(), "utf-16")
    elif declared.startswith(_UNLIKE_ASCII):
        text = Text(_from(content, declared, where).encode(), declared)
    elif is_utf8(content) and not _is_gb_by_chance(content, declared):
        text = Text(content, "utf-8")
    else:
        text = _from_declared(content, declared, where)
    if b"\x00" in text.data:
        line = text.data.count(b"\n", 0, text.data.index(b"\x00")) + 1
        raise DataError(
            f"{where}, line {line}: found a NUL byte, expected text",
            next_step="the file is damaged, or UTF-16 without a byte order mark: ask the source for UTF-8",
        )
    _refuse_mojibake(_sample(text.data), where)
    flags = list(text.flags)
    if text.encoding != declared:
        flags.append("re-decoded")
    data, marks = _LINE_BOM.subn(b"", text.data) if BOM in text.data else (text.data, 0)
    if marks > 1 or (marks == 1 and not text.data.startswith(BOM)):
        flags.append("byte-order-mark")
    return Text(data, text.encoding, tuple(flags))


def canonical(encoding: str) -> str:
    """The name this project uses for an encoding: `utf-8`, `gb18030` for the whole family, or Python's own.

    Raises ContractError when Python knows no such encoding.
    """
    try:
        name = codecs.lookup(encoding or "utf-8").name
    except LookupError as error:
        raise ContractError(
            f"encoding {encoding!r} does not exist",
            next_step="name one Python knows in the contract's server, such as utf-8, gb18030 or cp1252",
        ) from error
    if name in _GB_NAMES:
        return "gb18030"
    return "utf-8" if name in ("utf-8-sig", "ascii") else name


def is_utf8(content: bytes) -> bool:
    """Whether bytes are valid UTF-8, without building one str of them all."""
    if content.isascii():
        return True
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(content)
    try:
        for start in range(0, len(view), _CHUNK_BYTES):
            decoder.decode(view[start : start + _CHUNK_BYTES])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_gb_by_chance(content: bytes, declared: str) -> bool:
    """Whether valid UTF-8 of a part declared GB 18030 is so by chance: no Chinese as UTF-8, all Chinese as GB."""
    if declared != "gb18030" or content.isascii():
        return False
    as_utf8 = re.sub(r"[\x00-\x7f\ufeff]+", "", _sample(content))
    if any(character >= "\u0800" for character in as_utf8):
        return False
    try:
        as_gb = re.sub(r"[\x00-\x7f]+", "", content.decode("gb18030"))
    except UnicodeDecodeError:
        return False
    return len(as_gb) == _count_common(as_gb)


def _from_declared(content: bytes, declared: str, where: str) -> Text:
    encoding = "gb18030" if declared == "utf-8" else declared
    decoded = _from(content, encoding, where)
    if encoding != "gb18030":
        return Text(decoded.encode(), encoding)
    _refuse_foreign(_sample_text(decoded), declared == "gb18030", where)
    if not _HAS_PRIVATE_USE.search(decoded):
        return Text(decoded.encode(), encoding)
    return Text(decoded.translate(_PRIVATE_USE).encode(), encoding, ("gb18030-2022",))


def _from(content: bytes, encoding: str, where: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        position = error.start
    # No cause: a UnicodeDecodeError carries the bytes.
    raise DataError(
        f"{where}, line {line}: byte {position} is valid neither as UTF-8 nor as {encoding}",
        next_step="ask the source for UTF-8, or name the encoding it uses in the contract's server",
    )


def _refuse_mojibake(text: str, where: str) -> None:
    """Raise DataError when text gives common Chinese once its misreading is undone, or was lost long ago."""
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    if not foreign:
        return
    lost = sum(text.count(mark) * len(mark) for mark in _LOST)
    if lost >= foreign * _TELLING_SHARE and lost > max(4, len(text) * _NOTABLE_SHARE):
        raise DataError(
            f"{where}: much of the text beyond ASCII is replacement characters, the original is lost",
            next_step="ask the source to export again; reading its file cannot bring the text back",
        )
    western = ("cp1252", "latin-1") if _WESTERN.search(text) else ()
    for misread_as in ("gb18030", *western):
        undone = text.encode(misread_as, "ignore")
        telling = _count_common(undone.decode("utf-8", "ignore"))
        weight = len(undone) - len(undone.decode("ascii", "ignore"))
        if telling * 3 >= weight * _TELLING_SHARE and telling > max(1, len(text) * _NOTABLE_SHARE):
            kind = "GBK" if misread_as == "gb18030" else misread_as
            raise DataError(
                f"{where}: the text looks like UTF-8 read as {kind}",
                next_step="the source decoded its own file wrongly before sending it: ask it to export UTF-8",
            )


def _refuse_foreign(text: str, is_declared: bool, where: str) -> None:
    """Raise DataError when GB 18030 decodes, but to what no Chinese file is made of.

    A letter with an accent in Windows-1252 swallows the letter after it and becomes a rare Chinese character
    whose second byte is ASCII. Chinese files are made of the characters of GB 2312; rare names stand among them,
    and text in traditional characters only where the contract declares the encoding.
    """
    encoded = [character.encode("gb18030") for character in text if not character.isascii()]
    rare = [code for code in encoded if len(code) == 2 and min(code) < 0xA1]
    swallowed = sum(chr(code[1]).isascii() and chr(code[1]).isalpha() for code in rare)
    is_telling = swallowed > len(rare) / 2 or (not is_declared and len(encoded) >= 20)
    if len(rare) > len(encoded) / 2 and is_telling:
        raise DataError(
            f"{where}: the text is neither UTF-8 nor GB 18030; as GB 18030 it gives characters nobody uses",
            next_step="ask the source for UTF-8, or name its encoding in the contract's server (such as cp1252)",
        )


def _sample(data: bytes) -> str:
    """All of a small part, evenly spaced slices of a large one."""
    if len(data) <= _SAMPLE_BYTES:
        return data.decode("utf-8", "ignore")
    size = _SAMPLE_BYTES // _SAMPLE_SLICES
    step = (len(data) - size) // (_SAMPLE_SLICES - 1)
    slices = (data[start : start + size] for start in range(0, len(data) - size + 1, step))
    return "".join(piece.decode("utf-8", "ignore") for piece in slices)


def _sample_text(text: str) -> str:
    size = _SAMPLE_BYTES // _SAMPLE_SLICES
    if len(text) <= _SAMPLE_BYTES:
        return text
    step = (len(text) - size) // (_SAMPLE_SLICES - 1)
    return "".join(text[start : start + size] for start in range(0, len(text) - size + 1, step))


def _count_common(text: str) -> int:
    codes = np.frombuffer(text.encode("utf-16-le", "ignore"), "<u2")
    return int(_is_common()[codes].sum())


@functools.cache
def _is_common() -> npt.NDArray[np.bool_]:
    """By code: the 3,755 characters of GB 2312 level 1, chosen in 1980 because they are the common ones."""
    codes = (bytes([row, cell]) for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF))
    characters = "".join(code.decode("gb2312", "ignore") for code in codes)
    table = np.zeros(0x10000, np.bool_)
    table[[ord(character) for character in characters]] = True
    return table
