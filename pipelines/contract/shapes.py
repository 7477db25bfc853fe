"""What a value in `customProperties` may look like. A shape turns it into what `model` holds, or says what is wrong."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from pipelines.contract import syntax
from pipelines.contract.places import Say
from pipelines.contract.problems import did_you_mean, expected_one_of, shown


class Shape(Protocol):
    """What a value should look like. `read` returns None after saying what is wrong."""

    def read(self, value: Any, say: Say) -> Any: ...


@dataclass(frozen=True)
class Text:
    """Text that is not empty; `wrong` may object to it in words."""

    noun: str = "text"
    wrong: Callable[[str], str] | None = None

    def read(self, value: Any, say: Say) -> str | None:
        if not isinstance(value, str) or not value:
            say((), f"is {shown(value)}, expected {self.noun}{_quote_it(value)}")
            return None
        objection = self.wrong(value) if self.wrong else ""
        if objection:
            say((), objection)
            return None
        return value


@dataclass(frozen=True)
class SecretName:
    """The name of a secret. What was given is not repeated: it might be the secret itself."""

    def read(self, value: Any, say: Say) -> str | None:
        if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_]*", value):
            return value
        say((), "is not a name of small letters and _; a contract names a secret and never holds one")
        return None


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]

    def read(self, value: Any, say: Say) -> str | None:
        if value in self.choices:
            return str(value)
        say((), f"is {shown(value)}, {expected_one_of(value, self.choices)}")
        return None


@dataclass(frozen=True)
class Truth:
    """Yes or no."""

    def read(self, value: Any, say: Say) -> bool | None:
        if isinstance(value, bool):
            return value
        say((), f"is {shown(value)}, expected true or false")
        return None


@dataclass(frozen=True)
class Number:
    """A number within bounds; whole when `whole`."""

    low: float
    high: float
    whole: bool = True

    def read(self, value: Any, say: Say) -> Any:
        kinds = int if self.whole else (int, float)
        if not isinstance(value, bool) and isinstance(value, kinds) and self.low <= value <= self.high:
            return value
        noun = "a whole number" if self.whole else "a number"
        upper = "" if math.isinf(self.high) else f" to {self.high:g}"
        say((), f"is {shown(value)}, expected {noun} from {self.low:g}{upper}")
        return None


@dataclass(frozen=True)
class Several:
    """A list of one or more, without repetition; a single one may stand without a list where `or_one`."""

    of: Shape
    or_one: bool = False

    def read(self, value: Any, say: Say) -> tuple[Any, ...] | None:
        if self.or_one and not isinstance(value, list):
            one = self.of.read(value, say)
            return None if one is None else (one,)
        if not isinstance(value, list) or not value:
            say((), f"is {'an empty list' if value == [] else shown(value)}, expected a list of one or more")
            return None
        found = []
        for index, item in enumerate(value):
            read = self.of.read(item, lambda path, text, index=index: say((index, *path), text))  # type: ignore[misc]
            if read is not None and read in found:
                say((index,), f"repeats {shown(item)}")
            found.append(read)
        return None if None in found else tuple(found)


@dataclass(frozen=True)
class Fields:
    """A mapping with known keys, made into a value by `make`."""

    fields: dict[str, Shape]
    make: Callable[..., Any]
    optional: frozenset[str] = frozenset()

    def read(self, value: Any, say: Say) -> Any:
        if not isinstance(value, dict):
            say((), f"is {shown(value)}, expected a mapping with {', '.join(self.fields)}")
            return None
        good = True
        for key in value:
            if key not in self.fields:
                say((key,), f"has unknown key {key!r}{did_you_mean(key, self.fields)}")
                good = False
        read: dict[str, Any] = {}
        for key, shape in self.fields.items():
            if key in value:
                text = f"has key {key!r} that "
                read[snake(key)] = shape.read(
                    value[key],
                    lambda path, message, key=key, text=text: say((key, *path), text + message),  # type: ignore[misc]
                )
                good = good and read[snake(key)] is not None
            elif key not in self.optional:
                say((), f"lacks {key!r}")
                good = False
        return self.make(**read) if good else None


@dataclass(frozen=True)
class Query:
    """Parameters of a request: names, and values that are text, numbers or truths."""

    def read(self, value: Any, say: Say) -> dict[str, str] | None:
        if not isinstance(value, dict) or not value:
            say((), f"is {shown(value)}, expected a mapping of parameters")
            return None
        found: dict[str, str] = {}
        for name, given in value.items():
            match given:
                case bool():
                    found[name] = str(given).lower()
                case str() | int() | float():
                    found[name] = str(given)
                    for objection in (
                        syntax.secret_in_parameter(name),
                        *syntax.wrong_placeholders(str(given)),
                    ):
                        if objection:
                            say((name,), f"has parameter {name!r}, which {objection}")
                case _:
                    say((name,), f"has parameter {name!r} that is {shown(given)}, expected text or a number")
        return found


@dataclass(frozen=True)
class Span:
    """A span of time such as `72h`."""

    def read(self, value: Any, say: Say) -> timedelta | None:
        span = syntax.duration(value) if isinstance(value, str) else None
        if span is None:
            say((), f"is {shown(value)}, expected a duration such as 30m, 72h or 14d")
        return span


def _quote_it(value: Any) -> str:
    return "; write it in quotes" if isinstance(value, bool | int | float) else ""


@functools.cache
def snake(name: str) -> str:
    """`lookBack` as `look_back`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
