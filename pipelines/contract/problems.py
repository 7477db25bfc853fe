"""What is wrong with contract files, said so that a person can fix it: file, line, sentence, suggestion."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.errors import ContractError

NEXT_STEP = "contracts/README.md lists every key; `urbanbrain check` rereads them all"
_SHOWN_CHOICES = 12
_SHOWN_LETTERS = 60


@dataclass(frozen=True, order=True)
class Problem:
    """One thing to fix. `path` is the file as a person would type it, `contract_id` what it should hold."""

    path: str
    line: int
    message: str
    contract_id: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def contract_error(problems: Iterable[Problem]) -> ContractError:
    """One error that lists every problem, by file and line."""
    found = sorted(set(problems))
    files = sorted({problem.path for problem in found})
    count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
    place = files[0] if len(files) == 1 else f"{len(files)} contracts"
    lines = "\n".join(f"  {problem}" for problem in found)
    return ContractError(f"{count} in {place}\n{lines}", next_step=NEXT_STEP)


def did_you_mean(given: object, choices: Iterable[str]) -> str:
    """`; did you mean 'x'?` when one of the choices is close to what was given, otherwise nothing."""
    if not isinstance(given, str):
        return ""
    known = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(given.lower(), known, n=1, cutoff=0.6)
    return f"; did you mean {known[close[0]]!r}?" if close else ""


def expected_one_of(given: object, choices: Sequence[str]) -> str:
    """`expected one of …` with a suggestion."""
    shown = ", ".join(choices[:_SHOWN_CHOICES])
    more = ", …" if len(choices) > _SHOWN_CHOICES else ""
    return f"expected one of {shown}{more}{did_you_mean(given, choices)}"


def shown(value: Any) -> str:
    """A value short enough for a message; the insides of lists and mappings are not repeated."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "a mapping"
    plain = repr(value)
    return plain if len(plain) <= _SHOWN_LETTERS else f"{plain[:_SHOWN_LETTERS]}…"
