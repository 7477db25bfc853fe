"""Two promises side by side: every difference and what it means, for those who read the table and for the source.

    breaking     somebody who counted on the old promise gets something else, less or nothing
    compatible   who counted on it still gets what was promised
    cosmetic     only words changed

A feed promises to its readers and takes a promise from its source, so it breaks either by giving less or by asking for
more. A table we build only gives. contracts/README.md lists the same for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.contract.model import FEED_LEVELS
from pipelines.promises.promise import Promise

Class = Literal["breaking", "compatible", "cosmetic"]
CLASSES: tuple[Class, ...] = ("breaking", "compatible", "cosmetic")
_PRIVACY = {"": 0, "coarsen": 1, "mask": 2, "token": 3, "drop": 4}
"""How much of a value goes on, from all of it to nothing."""
_AUDIENCE = {"everyone": 0, "offices": 1, "engineers": 2}
_WITHHELD = ("L3", "L4")
_STATUS = {"active": 0, "deprecated": 1, "retired": 2}
ROWS = "*"
"""Stands for the column of a change that is about the rows."""


@dataclass(frozen=True)
class Change:
    """One difference. `kind` names it in a word, `column` where it is ("" for the contract as a whole, `*` for its rows),
    `side` says who counted on the old promise.
    """

    klass: Class
    kind: str
    column: str
    text: str
    side: Literal["readers", "source", "both"] = "readers"


def changes(old: Promise | None, new: Promise | None) -> list[Change]:
    """Every difference between two versions of one promise, the worst first; None where there is no such contract."""
    if old is None or new is None:
        return [_appeared(new)] if old is None else [_gone(old)]
    found = [*_of_contract(old, new), *_of_columns(old, new), *_of_rules(old, new)]
    if not _is_feed(new):  # a table we build has no source
        found = [replace(change, side="readers") for change in found]
    return sorted(found, key=lambda change: CLASSES.index(change.klass))


def _is_feed(promise: Promise) -> bool:
    return promise["table"].partition(".")[0] in FEED_LEVELS


def _appeared(new: Promise | None) -> Change:
    return Change(
        "compatible", "contract_added", "", f"{new['table'] if new else 'it'} is promised for the first time"
    )


def _gone(old: Promise) -> Change:
    return Change("breaking", "contract_removed", ROWS, f"{old['table']} is promised no more")


def _of_contract(old: Promise, new: Promise) -> Iterator[Change]:
    handled = {"version", "table", "columns", "rules", "words"}
    for name in sorted((old.keys() | new.keys()) - handled):
        before, after = old.get(name), new.get(name)
        if before != after:
            judge = _CONTRACT.get(name, _other)
            yield from judge(name, before, after)
    if old["words"] != new["words"]:
        yield Change("cosmetic", "words", "", "title, name, purpose or grain are said in other words")
    keys = [
        [name for name, column in promise["columns"].items() if column.get("is_key")]
        for promise in (old, new)
    ]
    if set(keys[0]) != set(keys[1]):
        yield Change(
            "breaking", "key", ROWS,
            f"a row is told by {_listed(keys[1])} now, by {_listed(keys[0])} before", "both",
        )  # fmt: skip
    elif keys[0] != keys[1]:
        yield Change(
            "compatible", "key_order", "", f"the key's columns are in the order {_listed(keys[1])} now"
        )


Judge = Callable[[str, Any, Any], Iterator[Change]]


def _always(klass: Class, kind: str, words: str, column: str = "", side: Any = "readers") -> Judge:
    def judge(name: str, before: Any, after: Any) -> Iterator[Change]:
        yield Change(klass, kind, column, f"{words}: {_said(before)} → {_said(after)}", side)

    return judge


def _hours(span: Any) -> float:
    return float(str(span or "0h").removesuffix("h"))


def _span(kind: str, words: str, default: str, is_worse_when_longer: bool) -> Judge:
    def judge(name: str, before: Any, after: Any) -> Iterator[Change]:
        was, now = _hours(before or default), _hours(after or default)
        is_worse = now > was if is_worse_when_longer else now < was
        direction = "longer" if now > was else "shorter"
        klass: Class = "breaking" if is_worse else "compatible"
        yield Change(klass, kind, ROWS if is_worse else "", f"{words} is {direction}: {was:g} h → {now:g} h")

    return judge


def _retention(name: str, before: Any, after: Any) -> Iterator[Change]:
    endless = 10.0**9
    was, now = (_hours(each) if each else endless for each in (before, after))
    yield Change(
        "breaking" if now < was else "compatible", "retention", "",
        f"bytes as received are kept {'shorter' if now < was else 'longer'}: {_said(before)} → {_said(after)}",
    )  # fmt: skip


def _audience(name: str, before: Any, after: Any) -> Iterator[Change]:
    was, now = before or "everyone", after or "everyone"
    if _AUDIENCE[now] > _AUDIENCE[was]:
        yield Change("breaking", "audience_narrowed", ROWS, f"fewer people get the table: {was} → {now}")
    else:
        yield Change("breaking", "privacy_loosened", ROWS, f"more people get the table: {was} → {now}")


def _status(name: str, before: Any, after: Any) -> Iterator[Change]:
    if after == "retired":
        yield Change("breaking", "status", ROWS, "the table is retired")
    elif after == "deprecated":
        yield Change(
            "compatible", "deprecated", "", "the table is served for a while longer, beside its successor"
        )
    else:
        yield Change("compatible", "status", "", f"status: {before} → {after}")


def _end(name: str, before: Any, after: Any) -> Iterator[Change]:
    is_earlier = bool(after) and (not before or after < before)
    klass: Class = "breaking" if is_earlier and before else "compatible"
    yield Change(klass, "end_of_support", "", f"end of support: {_said(before)} → {_said(after)}")


def _forbidden(name: str, before: Any, after: Any) -> Iterator[Change]:
    what = "column names" if name == "forbidden_columns" else "values"
    was, now = set(before or ()), set(after or ())
    if more := sorted(now - was):
        yield Change(
            "breaking", "privacy_tightened", "",
            f"a batch is refused for {what} it could have before: {_listed(more)}", "source",
        )  # fmt: skip
    if fewer := sorted(was - now):
        yield Change(
            "breaking", "privacy_loosened", "", f"{what} are let in that refused a batch: {_listed(fewer)}"
        )


def _empty(name: str, before: Any, after: Any) -> Iterator[Change]:
    strictness = {"always": 0, "days_off": 1, "never": 2}
    was, now = before or "always", after or "always"
    is_stricter = strictness[now] > strictness[was]
    yield Change(
        "breaking" if is_stricter else "compatible", "may_be_empty", "",
        f"a pull may be empty: {was} → {now}", "source" if is_stricter else "readers",
    )  # fmt: skip


def _servers(name: str, before: Any, after: Any) -> Iterator[Change]:
    was, now = ({each["name"]: each for each in servers or ()} for servers in (before, after))
    for server in sorted(was.keys() | now.keys()):
        if server not in now:
            yield Change(
                "breaking", "server_removed", "", f"it is pulled from server {server!r} no more", "source"
            )
        elif server not in was:
            yield Change(
                "compatible", "server_added", "", f"it may be pulled from server {server!r}, too", "source"
            )
        elif was[server] != now[server]:
            keys = sorted(
                key
                for key in was[server].keys() | now[server].keys()
                if was[server].get(key) != now[server].get(key)
            )
            yield Change(
                "compatible", "server", "", f"server {server!r} is asked otherwise: {_listed(keys)}", "source"
            )


def _other(name: str, before: Any, after: Any) -> Iterator[Change]:
    yield Change("breaking", name, ROWS, f"{name.replace('_', ' ')}: {_said(before)} → {_said(after)}")


_CONTRACT: dict[str, Judge] = {
    "audience": _audience,
    "status": _status,
    "end_of_support": _end,
    "superseded_by": _always("compatible", "superseded_by", "what takes its place"),
    "servers": _servers,
    "schedule": _always("compatible", "schedule", "when it is pulled"),
    "look_back": _span(
        "look_back", "how far a pull looks back for late changes", "0h", is_worse_when_longer=False
    ),
    "latency": _span("latency", "the time until data is there", "24h", is_worse_when_longer=True),
    "retention": _retention,
    "forbidden_columns": _forbidden,
    "forbidden_values": _forbidden,
    "may_be_empty": _empty,
    "owner": _always("cosmetic", "owner", "who answers for the data"),
    "tags": _always("cosmetic", "tags", "tags"),
    "drift": _always("compatible", "drift", "what happens when the source changes", side="source"),
    "reject_limit": _always(
        "compatible", "reject_limit", "share of bad rows that lets a batch wait", side="source"
    ),
    "snapshot_floor": _always(
        "compatible", "snapshot_floor", "share of rows a snapshot must bring", side="source"
    ),
    "landing_secret": _always("compatible", "landing_secret", "secret that encrypts what lands"),
    "caller_secret": _always("breaking", "tokens", "secret that makes tokens, so tokens differ", ROWS),
}


def _of_columns(old: Promise, new: Promise) -> Iterator[Change]:
    was, now = old["columns"], new["columns"]
    is_feed = _is_feed(new)
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


def _stricter(kind: str, name: str, text: str, is_feed: bool) -> Change:
    """More is asked of a value: the source breaks it, readers get no less."""
    if is_feed:
        return Change("breaking", kind, name, f"{text}: rows that were right go to quarantine", "source")
    return Change("compatible", kind, name, text)


def _looser(kind: str, name: str, text: str, is_feed: bool) -> Change:
    """Less is asked of a value: readers of a table we build counted on it; a source may always have sent it."""
    if is_feed:
        return Change("compatible", kind, name, text)
    return Change("breaking", kind, name, f"{text}: readers meet what could not be there")


def _required(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if after:
        yield _stricter("required_added", name, f"{name} must have a value now", is_feed)
    else:  # an empty value breaks sums and joins wherever it comes from
        yield Change("breaking", "required_dropped", name, f"{name} may be empty now")


def _unique(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if after:
        yield _stricter("unique_added", name, f"no value of {name} may come twice now", is_feed)
    else:
        yield Change("breaking", "unique_dropped", name, f"a value of {name} may come twice now")


def _enum(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    if not before or not after:
        if after:
            yield _stricter("enum_added", name, f"{name} has a list of allowed values now", is_feed)
        else:
            yield Change("breaking", "enum_dropped", name, f"{name} may have any value now")
        return
    if removed := [value for value in before if value not in after]:
        yield _stricter("enum_value_removed", name, f"{name} may no longer be {_listed(removed)}", is_feed)
    if added := [value for value in after if value not in before]:
        yield Change("compatible", "enum_value_added", name, f"{name} may be {_listed(added)}, too")
    for value in before:
        if value not in after or before[value] == after[value]:
            continue
        lost = [text for text in before[value] if text not in after[value]]
        if lost and is_feed:
            yield Change(
                "breaking",
                "wire_removed",
                name,
                f"{_listed(lost)} no longer means {value!r} of {name}",
                "source",
            )
        elif is_feed and set(before[value]) < set(after[value]):
            yield Change("compatible", "wire_added", name, f"more texts mean {value!r} of {name}", "source")
        else:
            yield Change("cosmetic", "label", name, f"{value!r} of {name} is called otherwise")


def _bound(is_lower: bool) -> OfColumn:
    def judge(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
        is_tighter = after is not None and (before is None or (after > before) == is_lower)
        text = f"the {'smallest' if is_lower else 'largest'} {name}: {_said(before)} → {_said(after)}"
        yield (_stricter if is_tighter else _looser)(
            "narrowed" if is_tighter else "loosened", name, text, is_feed
        )

    return judge


def _pattern(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    text = f"how {name} is written: {_said(before)} → {_said(after)}"
    if not before:
        yield _stricter("narrowed", name, text, is_feed)
    elif not after:
        yield _looser("loosened", name, text, is_feed)
    else:  # nobody can tell which of two patterns lets more through
        yield Change("breaking", "pattern", name, text, "both")


def _privacy(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    said = f"{before or 'as it is'} → {after or 'as it is'}"
    if _PRIVACY[after or ""] < _PRIVACY[before or ""]:
        yield Change("breaking", "privacy_loosened", name, f"more of {name} goes on: {said}")
    else:
        yield Change("breaking", "privacy_tightened", name, f"less of {name} goes on: {said}")


def _classification(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    text = f"{name} is of class {_said(after)} now, {_said(before)} before"
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
            "breaking", "wire_removed", name, f"{name} may no longer arrive as {_listed(lost)}", "source"
        )
    if more := sorted(now - was):
        yield Change("compatible", "wire_added", name, f"{name} may arrive as {_listed(more)}, too", "source")


def _unit(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change(
        "breaking",
        "unit",
        name,
        f"{name} is in {_listed(after or ['?'])} now, {_listed(before or ['?'])} before",
    )


def _formats(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    lost = [each for each in before or () if each not in (after or ())]
    if lost and after:
        yield Change(
            "breaking", "wire_removed", name, f"{name} may no longer be written {_listed(lost)}", "source"
        )
    else:
        yield Change(
            "compatible", "wire_added", name, f"{name} may be written otherwise: {_said(after)}", "source"
        )


def _means(name: str, before: Any, after: Any, is_feed: bool) -> Iterator[Change]:
    yield Change("breaking", "meaning", name, f"{name} is made otherwise: {_said(before)} → {_said(after)}")


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
    **dict.fromkeys(("area", "constant", "logic", "role", "part", "join", "token_overlap"), _means),
}


def _of_rules(old: Promise, new: Promise) -> Iterator[Change]:
    was, now = old.get("rules", {}), new.get("rules", {})
    is_feed = _is_feed(new)
    for name in sorted(was.keys() | now.keys()):
        before, after = was.get(name), now.get(name)
        column = ((after or before)["judges"]).get("column", "") or ROWS
        if before == after:
            continue
        is_error = [bool(each) and each["severity"] == "error" for each in (before, after)]
        if before is None:
            text = f"rule {name.partition(':')[2]} is new"
            yield (
                _stricter("rule_added", column, text, is_feed)
                if is_error[1]
                else Change("compatible", "rule_added", column, f"{text}, as a warning")
            )
        elif after is None:
            text = f"rule {name.partition(':')[2]} is gone"
            yield (
                _looser("rule_removed", column, text, is_feed)
                if is_error[0]
                else Change("compatible", "rule_removed", column, text)
            )
        elif is_error[0] != is_error[1]:
            text = f"rule {name.partition(':')[2]}: {before['severity']} → {after['severity']}"
            yield (
                _stricter("rule_added", column, text, is_feed)
                if is_error[1]
                else _looser("rule_loosened", column, text, is_feed)
            )
        elif before["judges"] != after["judges"]:
            # Nobody can tell which of two conditions lets more through.
            klass: Class = "breaking" if is_error[1] else "compatible"
            yield Change(klass, "rule", column, f"rule {name.partition(':')[2]} judges otherwise", "both")
        else:
            yield Change("cosmetic", "words", column, f"rule {name.partition(':')[2]} is said in other words")


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))


def _said(value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, list):
        return _listed(value)
    return (
        ", ".join(f"{key} {each}" for key, each in value.items()) if isinstance(value, dict) else str(value)
    )
