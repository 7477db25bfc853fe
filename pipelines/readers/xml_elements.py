"""Elements of XML text, found by their brackets after expat has seen that it is XML. Vectorised, no tree is built.

Expat reads the whole text once with nobody listening: it is well-formed or refused, and a document type, so any
entity of its own, is refused at sight. After that a `<` can only open a tag. Comments and instructions are taken
out, CDATA becomes plain text, and an attribute becomes an element of its own: `<Item Num="3">` holds `<@Num>3`.
Prefixes of namespaces are left off.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.parsers import expat
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.errors import DataError
from pipelines.readers.csv_cells import Block

Positions = npt.NDArray[np.int64]

MOST_DEPTH = 32
MOST_NAMES = 2_000
_PADDING = 16
_CHUNK = 1 << 20
_NO_ELEMENT = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_WITH_ATTRIBUTES = re.compile(
    rb"<([^\s<>/!?]+)(\s[^<>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^<>\"']*?)+)(/?)>", re.DOTALL
)
_ATTRIBUTE = re.compile(rb"([^\s=\"'/]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_DECLARED = re.compile(rb"\A\s*<\?xml\b[^>]*?\bencoding\s*=\s*[\"']([A-Za-z0-9._\-]{1,40})[\"']")
_ENTITY = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));")
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"', "apos": "'"}
_LT, _GT, _SLASH, _BLANK = b"<>/ "


@dataclass(frozen=True)
class Elements:
    """The records of one document: how many, and where the text of each leaf below them stands.

    `names` are the paths of the leaves, `Info.PTZType`; `rows`, `leaf`, `starts` and `ends` have one entry per
    leaf element: the record it belongs to (from 0), which of `names` it is, and its text.
    """

    count: int
    names: list[str]
    every_name: frozenset[str]
    """The names of all elements and attributes, inside the records and outside."""
    content: npt.NDArray[np.uint8]
    rows: Positions
    leaf: Positions
    starts: Positions
    ends: Positions
    has_parent: bool
    """Whether the element that should hold the records is there; without it there can be none."""
    promised: int | None
    """The number of records the document says it has; None where it does not say."""

    def texts(self, name: int) -> pa.Array:
        """The text of one leaf for every record; null where it has none.

        Raises ValueError when a record has the leaf twice.
        """
        here = self.leaf == name
        rows = self.rows[here]
        if len(np.unique(rows)) < len(rows):
            raise ValueError
        starts = np.zeros(self.count, np.int64)
        ends = np.zeros(self.count, np.int64)
        starts[rows], ends[rows] = self.starts[here], self.ends[here]
        return _unescaped(Block(self.content, starts[:, None], ends[:, None]).strings(0))


def declared_encoding(content: bytes) -> str:
    """The encoding a document says it is written in; "" when it does not say. It may be wrong."""
    found = _DECLARED.match(content.removeprefix(b"\xef\xbb\xbf"))
    return found[1].decode() if found else ""


def elements(text: bytes, path: tuple[str, ...], where: str, total: tuple[str, ...] = ()) -> Elements:
    """The elements at `path`, from the root's name down, and their leaves. `text` is UTF-8.

    At `total`, likewise a path, the document may say how many there are.

    Raises DataError when it is no XML, has a document type, is nested too deeply, or mixes text with elements
    inside a record.
    """
    _refuse_other_than_xml(text, where)
    plain = text.replace(b"\r\n", b"\n")
    if b"<!" in plain or b"<?" in plain:
        plain = _NO_ELEMENT.sub(lambda found: escape(found[1].decode()).encode() if found[1] else b"", plain)
    if b'"' in plain or b"'" in plain:
        plain = _WITH_ATTRIBUTES.sub(lambda found: _spread(found, path[-1].encode()), plain)
    content = np.zeros(len(plain) + _PADDING, np.uint8)
    content[: len(plain)] = np.frombuffer(plain, np.uint8)
    return _Tags(content, where).records(path, total)


def _refuse_other_than_xml(text: bytes, where: str) -> None:
    parser = expat.ParserCreate("utf-8")

    def refuse(*_: object) -> None:
        raise DataError(
            f"{where}: the XML has a document type, which can define entities; it is not read",
            next_step="ask the source for plain XML without <!DOCTYPE>",
        )

    parser.StartDoctypeDeclHandler = refuse
    body = _without_declaration(text)
    try:
        for start in range(0, len(body), _CHUNK):
            parser.Parse(body[start : start + _CHUNK], False)
        parser.Parse(b"", True)
    except expat.ExpatError as error:
        fault, line = expat.ErrorString(error.code), error.lineno
    else:
        return
    raise DataError(
        f"{where}, line {line}: not XML: {fault}",
        next_step="look whether the transfer was cut short; land the window again",
    )


def _without_declaration(text: bytes) -> bytes:
    """The document without `<?xml … ?>`: the encoding it names is not the one the text has by now."""
    body = text.lstrip()
    return body[body.index(b"?>") + 2 :] if body.startswith(b"<?xml") and b"?>" in body else body


def _spread(tag: re.Match[bytes], record: bytes) -> bytes:
    """A tag's attributes as elements: inside where it opens a record, in front of it elsewhere."""
    name, inner, slash = tag[1], tag[2], tag[3]
    is_record = _local(name) == record
    prefix = b"@" if is_record else _local(name) + b"@"
    spread = b"".join(
        b"<%b%b>%b</%b%b>" % (prefix, _local(key), value, prefix, _local(key))
        for key, double, single in _ATTRIBUTE.findall(inner)
        if not key.startswith(b"xmlns")
        for value in [(double or single).replace(b">", b"&gt;")]
    )
    if not is_record:
        return b"%b<%b%b>" % (spread, name, slash)
    return b"<%b>%b%b" % (name, spread, b"</%b>" % name if slash else b"")


def _local(name: bytes) -> bytes:
    return name.rsplit(b":", 1)[-1]


class _Tags:
    """Every tag of a document as columns: where it stands, what it is called, how deep it lies."""

    def __init__(self, content: npt.NDArray[np.uint8], where: str) -> None:
        self._content = content
        self._where = where
        self._starts = np.flatnonzero(content == _LT)
        closing = np.flatnonzero(content == _GT)
        self._ends = closing[np.searchsorted(closing, self._starts)]
        self._is_close = content[self._starts + 1] == _SLASH
        self._is_empty = content[self._ends - 1] == _SLASH
        self._is_open = ~self._is_close
        change = np.where(self._is_close, -1, np.where(self._is_empty, 0, 1))
        self._depth = np.cumsum(change) - np.maximum(change, 0)  # of an element: how many are around it
        deepest = int(self._depth.max(initial=0))
        if deepest >= MOST_DEPTH:
            raise DataError(
                f"{where}: the XML is nested {deepest + 1} deep, at most {MOST_DEPTH} are read",
                next_step="look at the source; these are no records",
            )
        self._code, self._names = self._named()

    def _named(self) -> tuple[Positions, list[str]]:
        """Which name each opening tag has, and the names; closing tags have none (-1)."""
        opens = np.flatnonzero(self._is_open)
        starts = self._starts[opens] + 1
        ends = self._ends[opens] - self._is_empty[opens]
        while len(blank := np.flatnonzero(self._content[ends - 1] <= _BLANK)):  # <Item >
            ends[blank] -= 1
        found = Block(self._content, starts[:, None], ends[:, None]).strings(0).cast(pa.string())
        coded = found.dictionary_encode()
        if len(coded.dictionary) > MOST_NAMES:
            raise DataError(
                f"{self._where}: the XML has {len(coded.dictionary):,} different names, at most {MOST_NAMES:,} are read",
                next_step="look at the source; names of elements are no values",
            )
        local = [name.rsplit(":", 1)[-1] for name in coded.dictionary.to_pylist()]
        names = list(dict.fromkeys(local))
        same = np.array([names.index(name) for name in local], np.int64)
        code = np.full(len(self._starts), -1, np.int64)
        code[opens] = same[coded.indices.to_numpy()]
        return code, names

    def records(self, path: tuple[str, ...], total: tuple[str, ...]) -> Elements:
        chosen, has_parent = self._at(path)
        base = len(path) - 1
        record = np.searchsorted(chosen, np.arange(len(self._starts)), side="right") - 1
        below = self._is_open & (self._depth > base) & (record >= 0)
        if len(chosen):
            # A tag belongs to the record opened last, unless that one was closed before it.
            finals = self._closing(chosen, base)
            below &= np.arange(len(self._starts)) < finals[np.maximum(record, 0)]
        inside = np.flatnonzero(below)
        paths, names = self._paths(inside, chosen, base)
        is_leaf = self._is_empty[inside] | self._is_close[np.minimum(inside + 1, len(self._starts) - 1)]
        self._refuse_mixed(chosen, base)
        leaves = inside[is_leaf]
        starts = self._ends[leaves] + 1
        following = self._starts[np.minimum(leaves + 1, len(self._starts) - 1)]
        ends = np.where(self._is_empty[leaves], starts, following)
        used, leaf = np.unique(paths[is_leaf], return_inverse=True)
        return Elements(
            count=len(chosen),
            names=[names[code] for code in used],
            every_name=frozenset(self._names),
            content=self._content,
            rows=record[leaves],
            leaf=leaf,
            starts=starts,
            ends=ends,
            has_parent=has_parent,
            promised=self._number(total) if total else None,
        )

    def _number(self, path: tuple[str, ...]) -> int | None:
        """The whole number that stands in the first element at a path."""
        found, _ = self._at(path)
        if not len(found) or self._is_empty[found[0]]:
            return None
        text = self._content[self._ends[found[0]] + 1 : self._starts[found[0] + 1]].tobytes().strip()
        return int(text) if re.fullmatch(rb"\d{1,18}", text) else None

    def _at(self, path: tuple[str, ...]) -> tuple[Positions, bool]:
        """The tags that open the elements at a path, and whether what should hold them is there."""
        every = above = np.array([], np.int64)
        has_parent = True
        for depth, name in enumerate(path):
            here = np.flatnonzero(self._is_open & (self._depth == depth))
            is_right = self._code[here] == (self._names.index(name) if name in self._names else -1)
            if depth:
                has_parent = bool(len(above))
                parent = every[np.searchsorted(every, here) - 1]  # there is one: the text is well-formed
                is_right &= np.isin(parent, above)
            every, above = here, here[is_right]
        return above, has_parent

    def _closing(self, chosen: Positions, base: int) -> Positions:
        """The tag that ends each record; its own where it is empty."""
        closes = np.flatnonzero(self._is_close & (self._depth == base))
        places = np.minimum(np.searchsorted(closes, chosen), max(len(closes) - 1, 0))
        return np.where(self._is_empty[chosen], chosen, closes[places] if len(closes) else chosen)

    def _paths(self, inside: Positions, chosen: Positions, base: int) -> tuple[Positions, list[str]]:
        """Which path below its record each element has, and the paths."""
        codes = np.full(len(self._starts), -1, np.int64)
        names: list[str] = []
        depths = self._depth[inside]
        above = chosen
        for depth in range(base + 1, int(depths.max(initial=base)) + 1):
            here = inside[depths == depth]
            parent = above[np.maximum(np.searchsorted(above, here) - 1, 0)]
            pairs = codes[parent] * len(self._names) + self._code[here]
            different, inverse = np.unique(pairs, return_inverse=True)
            codes[here] = inverse + len(names)
            for pair in different.tolist():
                outer, name = divmod(pair, len(self._names))
                names.append(f"{names[outer]}.{self._names[name]}" if outer >= 0 else self._names[name])
            if len(names) > MOST_NAMES:
                raise DataError(
                    f"{self._where}: a record has more than {MOST_NAMES:,} different elements",
                    next_step="look at the source; names of elements are no values",
                )
            above = here
        return codes[inside], names

    def _refuse_mixed(self, chosen: Positions, base: int) -> None:
        """Raise DataError when text stands beside elements inside a record: nobody can say whose it is."""
        if not len(chosen):
            return
        tags = np.arange(len(self._starts) - 1)
        record = np.searchsorted(chosen, tags, side="right") - 1
        is_in = (record >= 0) & (tags < self._closing(chosen, base)[np.maximum(record, 0)])
        # The one place for text: behind a tag that opens, below the record, and before the one that closes it.
        is_leaf = self._is_open[:-1] & ~self._is_empty[:-1] & self._is_close[1:] & (self._depth[:-1] > base)
        starts, ends = self._ends[:-1] + 1, self._starts[1:]
        gaps = np.flatnonzero(is_in & ~is_leaf & (ends > starts))
        if not len(gaps):
            return
        bounds = np.stack([starts[gaps], ends[gaps]], axis=1).reshape(-1)
        wrong = gaps[np.maximum.reduceat(self._content, bounds)[::2] > _BLANK]
        if len(wrong):
            raise DataError(
                f"{self._where}: record {int(record[wrong[0]]) + 1} has text beside its elements",
                next_step="ask the source; a record's values stand in elements of their own",
            )


def _unescaped(texts: pa.Array) -> pa.Array:
    """Texts with their entities resolved; only the five of XML itself and numbers can be there."""
    with_entities = pc.match_substring(texts.cast(pa.string()), "&")
    if not pc.any(with_entities).as_py():
        return texts
    plain = texts.cast(pa.string())
    mended = [_ENTITY.sub(_letter, text) for text in plain.filter(with_entities).to_pylist()]
    chosen = pc.fill_null(with_entities, False)
    return pc.replace_with_mask(plain, chosen, pa.array(mended, pa.string())).cast(pa.string_view())


def _letter(found: re.Match[str]) -> str:
    if found[3]:
        return _NAMED[found[3]]
    return chr(int(found[1], 16) if found[1] else int(found[2]))
