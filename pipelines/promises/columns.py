"""What changed in the columns of a table, and what it means: a judge for each key of a column."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pipelines.promises.change import Change, Class, listed, looser, said, stricter
from pipelines.promises.promise import Promise, has_source

_PRIVACY = {"": 0, "coarsen": 1, "mask": 2, "token": 3, "drop": 4}
"""How much of a value goes on, from all of it to nothing."""
_WITHHELD = ("L3", "L4")


def of_columns(old: Promise, new: Promise) -> Iterator[Change]:
    """Columns that came, went, got another name or promise something else."""
    was, now = old["columns"], new["columns"]
    is_feed = has_source(new)
    gone = [name for name in was if name not in now]
    come = [name for name in now if name not in was]
    for name in list(gone):
        if (twin := next((each for each in come if _is_renamed(name, was[name], each, now[each])), "")) != "":
            gone.remove(name)
            come.remove(twin)
            yield Change("breaking", "column_renamed", name, f"{name} is called {twin} now", "readers")
            yield from _of_column(twin, was[name], now[twin], is_feed, is_renamed=True)
    for name in gone:
        if was[name].get("privacy") == "drop":
            yield Change(
                "compatible", "column_removed", name, f"{name}, which was never kept, is not named any more"
            )
        else:
            yield Change("breaking", "column_removed", name, f"{name} is gone")
    for name in come:
        if (
            is_feed
            and now[name].get("required")
            and not (now[name].get("constant") or now[name].get("logic"))
        ):
            yield Change(
                "breaking", "column_added", name,
                f"{name} is new and required: rows without it go to quarantine", "source",
            )  # fmt: skip
        else:
            yield Change("compatible", "column_added", name, f"{name} is new")
    for name in was:
        if name in now:
            yield from _of_column(name, was[name], now[name], is_feed)
    stay = [[name for name in each if name in was and name in now] for each in (was, now)]
    if stay[0] != stay[1]:
        yield Change("cosmetic", "column_order", "", "columns stand in another order")


def _is_renamed(old: str, was: dict[str, Any], new: str, now: dict[str, Any]) -> bool:
    """Whether a column that is gone and one that is new are one: of one type, with a name of the source or its words."""
    if was.get("type") != now.get("type"):
        return False
    names = [set(column.get("wire") or [name]) for name, column in ((old, was), (new, now))]
    return bool(names[0] & names[1]) or was["words"] == now["words"]


def _of_column(
    name: str, was: dict[str, Any], now: dict[str, Any], is_feed: bool, *, is_renamed: bool = False
) -> Iterator[Change]:
    handled = {"words", "logical_type", "is_key"}
    for key in sorted((was.keys() | now.keys()) - handled):
        before, after = was.get(key), now.get(key)
        if before != after and not (key == "wire" and is_renamed):
            yield from _COLUMN.get(key, _read_otherwise)(name, before, after, is_feed)
    if was["words"] != now["words"] and was.get("unit") == now.get("unit"):
        yield Change("cosmetic", "words", name, f"{name} is described in other words")


OfColumn = Callable[[str, Any, Any, bool], Iterator[Change]]


def _type(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    klass: Class = "compatible" if _is_wider(str(before), str(after)) else "breaking"
    yield Change(klass, "column_retyped", name, f"{name} is {after} now, {before} before")


def _is_wider(before: str, after: str) -> bool:
    whole = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
    if before in whole and after in whole:
        return whole.index(after) > whole.index(before)
    if before.startswith("DECIMAL(") and after.startswith("DECIMAL("):
        digits = [[int(part) for part in each[8:-1].split(",")] for each in (before, after)]
        (was, old_scale), (now, new_scale) = digits
        return old_scale == new_scale and now > was
    return False


def _required(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if after:
        yield stricter("required_added", name, f"{name} must have a value now", is_feed)
    else:  # an empty value breaks sums and joins wherever it comes from
        yield Change("breaking", "required_dropped", name, f"{name} may be empty now")


def _unique(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if after:
        yield stricter("unique_added", name, f"no value of {name} may come twice now", is_feed)
    else:
        yield Change("breaking", "unique_dropped", name, f"a value of {name} may come twice now")


def _enum(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if not before or not after:
        if after:
            yield stricter("enum_added", name, f"{name} has a list of allowed values now", is_feed)
        else:
            yield Change("breaking", "enum_dropped", name, f"{name} may have any value now")
        return
    if removed := [value for value in before if value not in after]:
        yield stricter("enum_value_removed", name, f"{name} may no longer be {listed(removed)}", is_feed)
    if added := [value for value in after if value not in before]:
        yield Change("compatible", "enum_value_added", name, f"{name} may be {listed(added)}, too")
    for value in before:
        if value not in after or before[value] == after[value]:
            continue
        lost = [text for text in before[value] if text not in after[value]]
        if lost and is_feed:
            yield Change(
                "breaking",
                "wire_removed",
                name,
                f"{listed(lost)} no longer means {value!r} of {name}",
                "source",
            )
        elif is_feed and set(before[value]) < set(after[value]):
            yield Change("compatible", "wire_added", name, f"more texts mean {value!r} of {name}", "source")
        else:
            yield Change("cosmetic", "label", name, f"{value!r} of {name} is called otherwise")


def _bound(is_lower: bool) -> OfColumn:
    def judge(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
        is_tighter = after is not None and (before is None or (after > before) == is_lower)
        text = f"the {'smallest' if is_lower else 'largest'} {name}: {said(before)} → {said(after)}"
        yield (stricter if is_tighter else looser)(
            "narrowed" if is_tighter else "loosened", name, text, is_feed
        )

    return judge


def _pattern(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    text = f"how {name} is written: {said(before)} → {said(after)}"
    if not before:
        yield stricter("narrowed", name, text, is_feed)
    elif not after:
        yield looser("loosened", name, text, is_feed)
    else:  # nobody can tell which of two patterns lets more through
        yield Change("breaking", "pattern", name, text, "both")


def _privacy(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    said = f"{before or 'as it is'} → {after or 'as it is'}"
    if _PRIVACY[after or ""] < _PRIVACY[before or ""]:
        yield Change("breaking", "privacy_loosened", name, f"more of {name} goes on: {said}")
    else:
        yield Change("breaking", "privacy_tightened", name, f"less of {name} goes on: {said}")


def _classification(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    text = f"{name} is of class {said(after)} now, {said(before)} before"
    if (after in _WITHHELD) == (before in _WITHHELD):
        yield Change("compatible", "classification", name, text)
    elif after in _WITHHELD:
        yield Change("breaking", "privacy_tightened", name, f"{text}: it stays in the warehouse")
    else:
        yield Change("breaking", "privacy_loosened", name, f"{text}: it may leave the warehouse")


def _decimals(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    was, now = before if before is not None else 3, after if after is not None else 3
    kind = "privacy_loosened" if now > was else "privacy_tightened"
    yield Change("breaking", kind, name, f"{name} keeps {now} decimals, {was} before")


def _wire(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    was, now = set(before or [name]), set(after or [name])
    if not is_feed:
        return
    if lost := sorted(was - now):
        yield Change(
            "breaking", "wire_removed", name, f"{name} may no longer arrive as {listed(lost)}", "source"
        )
    if more := sorted(now - was):
        yield Change("compatible", "wire_added", name, f"{name} may arrive as {listed(more)}, too", "source")


def _unit(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change(
        "breaking",
        "unit",
        name,
        f"{name} is in {listed(after or ['?'])} now, {listed(before or ['?'])} before",
    )


def _formats(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    lost = [each for each in before or () if each not in (after or ())]
    if lost and after:
        yield Change(
            "breaking", "wire_removed", name, f"{name} may no longer be written {listed(lost)}", "source"
        )
    else:
        yield Change(
            "compatible", "wire_added", name, f"{name} may be written otherwise: {said(after)}", "source"
        )


def _means(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change("breaking", "meaning", name, f"{name} is made otherwise: {said(before)} → {said(after)}")


def _figure(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change("compatible", "figures", name, f"{name} is shown to anybody by another rule")


def _read_otherwise(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change("compatible", "reading", name, f"texts of {name} are read otherwise", "source")


_COLUMN: dict[str, OfColumn] = {
    "type": _type,
    "required": _required,
    "unique": _unique,
    "enum": _enum,
    "minimum": _bound(is_lower=True),
    "min_length": _bound(is_lower=True),
    "maximum": _bound(is_lower=False),
    "max_length": _bound(is_lower=False),
    "pattern": _pattern,
    "privacy": _privacy,
    "classification": _classification,
    "decimals": _decimals,
    "wire": _wire,
    "unit": _unit,
    "magnitude": _unit,
    "formats": _formats,
    "figure": _figure,
    **dict.fromkeys(("area", "constant", "logic", "role", "part", "join", "token_overlap"), _means),
}
