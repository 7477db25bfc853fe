"""A YAML file as plain data that remembers its lines. Knows YAML and nothing of contracts.

YAML has more than a contract needs, and readers disagree about the rest: whether `no` is a word or a truth,
`0110` a code or the number 72, `12:30` a time or 750. Such values have to be quoted. Keys given twice,
anchors and tags are refused, because a reviewer cannot see what they do.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, ClassVar

import yaml

# Without the C parser everything still works, six times slower.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"


class _Loader(_Parser):  # type: ignore[misc]
    """The parser, remembering what each plain word is: the same few hundred stand in every contract."""

    _known: ClassVar[dict[str, str]] = {}

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        if kind is not yaml.ScalarNode:
            return super().resolve(kind, value, implicit)
        if not implicit[0]:
            return _TEXT
        tag = self._known.get(value)
        if tag is None:
            tag = self._known[value] = super().resolve(kind, value, implicit)
        return tag


Path = tuple[str | int, ...]

_PREFIX = "tag:yaml.org,2002:"
_PLAIN_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_PLAIN_NUMBER = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_TRUTHS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NO_ANCHORS = "anchors (&, *, <<) are not allowed; write the lines out, so that each says what it is"
_MAX_DIGITS = 18
_MAX_BYTES = 4_000_000
_MAX_DEPTH = 60
_MAX_BRACKETS = 5_000
_DEEP_INDENT = re.compile(r"^[ ?:-]{400}", re.MULTILINE)
_NUMBER_TAGS = frozenset({f"{_PREFIX}int", f"{_PREFIX}float"})
_TEXT_TAGS = frozenset({f"{_PREFIX}str", f"{_PREFIX}timestamp", f"{_PREFIX}value"})


@dataclass(frozen=True)
class Fault:
    """Something YAML itself, or our stricter reading of it, objects to."""

    line: int
    message: str


class Document:
    """The data of one file (None when nothing could be read), and the line of each of its places."""

    def __init__(self, content: bytes) -> None:
        self.faults: list[Fault] = []
        self.data: Any = None
        self._root: Any = None
        self._seen: set[int] = set()
        text = self._decoded(content)
        if text is None:
            return
        if text.count("[") + text.count("{") > _MAX_BRACKETS or _DEEP_INDENT.search(text):
            # The C parser calls itself for each level and would end the whole process.
            self._too_deep(1)
            return
        try:
            self._root = yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            self.faults.append(_explained(error, text))
            return
        if self._root is None:
            self.faults.append(Fault(1, "the file is empty"))
            return
        self.data = self._value(self._root, 0)
        if not isinstance(self.data, dict):
            self.faults.append(Fault(self.line(()), "the file should be a mapping of keys, such as `id: …`"))
            self.data = None

    def line(self, path: Path) -> int:
        """The line (from 1) of a place: of the key in a mapping, of the entry in a list.

        A place that does not exist has the line of the nearest place around it that does.
        """
        node, line = self._root, 1
        if node is None:
            return line
        line = int(node.start_mark.line) + 1
        for step in path:
            found = None
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                found = (node.value[step], node.value[step])
            if found is None:
                break
            line = int(found[0].start_mark.line) + 1
            node = found[1]
        return line

    def _decoded(self, content: bytes) -> str | None:
        if len(content) > _MAX_BYTES:
            self.faults.append(
                Fault(1, f"the file has {len(content):,} bytes; a contract has a few thousand")
            )
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.faults.append(Fault(line, "the file is not UTF-8; save it again as UTF-8"))
            return None

    def _fault(self, node: Any, message: str) -> None:
        self.faults.append(Fault(int(node.start_mark.line) + 1, message))

    def _too_deep(self, line: int) -> None:
        self.faults.append(Fault(line, "the file is nested too deeply to be a contract"))

    def _value(self, node: Any, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            self._too_deep(int(node.start_mark.line) + 1)
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if id(node) in self._seen:
            self._fault(node, _NO_ANCHORS)
            return None
        self._seen.add(id(node))
        if not node.tag.startswith(_PREFIX):
            self._fault(node, f"tag {node.tag!r} is not allowed; leave it out")
        if isinstance(node, yaml.SequenceNode):
            return [self._value(item, depth + 1) for item in node.value]
        data: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node)
            if key is None:
                continue
            if key in data:
                first = self._line_of_key(node, key)
                self._fault(key_node, f"key {key!r} is given twice; it stands on line {first} already")
                continue
            data[key] = self._value(value_node, depth + 1)
        return data

    def _key(self, node: Any) -> str | None:
        if node.tag == f"{_PREFIX}merge":
            self._fault(node, _NO_ANCHORS)
            return None
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._fault(node, "a key should be a word")
            return None
        return str(node.value)

    def _line_of_key(self, node: Any, key: str) -> int:
        return next(int(k.start_mark.line) + 1 for k, _ in node.value if k.value == key)

    def _scalar(self, node: Any) -> Any:
        tag, text = node.tag, node.value
        if tag in _TEXT_TAGS:
            return text
        if tag == f"{_PREFIX}null":
            return None
        if tag == f"{_PREFIX}bool" and text in _TRUTHS:
            return _TRUTHS[text]
        if tag in _NUMBER_TAGS and len(text) > _MAX_DIGITS:
            self._fault(
                node, f"a number of {len(text)} digits is too long; write it in quotes if it is a code"
            )
        elif tag == f"{_PREFIX}int" and _PLAIN_INTEGER.fullmatch(text):
            return int(text)
        elif tag == f"{_PREFIX}float" and _PLAIN_NUMBER.fullmatch(text) and math.isfinite(float(text)):
            return float(text)
        elif tag in _NUMBER_TAGS or tag == f"{_PREFIX}bool":
            self._fault(
                node, f"{_clipped(text)} is read differently by different programs; write it in quotes"
            )
        else:
            self._fault(node, f"tag {tag!r} is not allowed; leave it out")
        return text


def _clipped(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _explained(error: yaml.YAMLError, text: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:  # a character YAML does not allow; the reader gives its position, not its line
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position if isinstance(position, int) else 0) + 1
        return Fault(line, "the file holds a character that YAML does not allow, such as a control character")
    line = int(mark.line) + 1
    lines = text.splitlines()
    given = lines[mark.line] if mark.line < len(lines) else ""
    reason = str(getattr(error, "problem", "") or "cannot be read").replace("could not find", "did not find")
    context = str(getattr(error, "context", "") or "")
    indent = given[: len(given) - len(given.lstrip())]
    if "\t" in indent or ("\t" in given and "cannot start any token" in reason):
        return Fault(line, "YAML does not allow a tab here; use spaces")
    if "expected a single document" in f"{context} {reason}":
        return Fault(line, "the file holds two documents (a second `---`); a contract is one")
    if "mapping values are not allowed" in reason:
        return Fault(line, "a colon stands in unquoted text, or the line is indented too far; quote the text")
    return Fault(line, f"this is not YAML: {f'{context}, ' if context else ''}{reason}")


__all__ = ["Document", "Fault", "Path"]
