"""Two promises side by side: every difference and what it means, for those who read the table and for the source.

    breaking     somebody who counted on the old promise gets something else, less or nothing
    compatible   who counted on it still gets what was promised
    cosmetic     only words changed

A feed promises to its readers and takes a promise from its source, so it breaks either by giving less or by asking for
more. A table we build only gives. contracts/README.md lists the same for people.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from pipelines.promises.change import CLASSES, ROWS, Change, Class, listed, looser, said, stricter
from pipelines.promises.columns import of_columns
from pipelines.promises.promise import Promise, has_source

_AUDIENCE = {"everyone": 0, "district": 1, "offices": 2, "engineers": 3}


def changes(old: Promise | None, new: Promise | None) -> list[Change]:
    """Every difference between two versions of one promise, the worst first; None where there is no such contract."""
    if old is None or new is None:
        return [_appeared(new)] if old is None else [_gone(old)]
    found = [*_of_contract(old, new), *of_columns(old, new), *_of_rules(old, new)]
    if not has_source(new):  # a table we build has no source
        found = [replace(change, side="readers") for change in found]
    return sorted(found, key=lambda change: CLASSES.index(change.klass))


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
            f"a row is told by {listed(keys[1])} now, by {listed(keys[0])} before", "both",
        )  # fmt: skip
    elif keys[0] != keys[1]:
        yield Change(
            "compatible", "key_order", "", f"the key's columns are in the order {listed(keys[1])} now"
        )


Judge = Callable[[str, Any, Any], Iterator[Change]]


def _always(klass: Class, kind: str, words: str, column: str = "", side: Any = "readers") -> Judge:
    def judge(name: str, before: Any, after: Any) -> Iterator[Change]:
        yield Change(klass, kind, column, f"{words}: {said(before)} → {said(after)}", side)

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
        f"bytes as received are kept {'shorter' if now < was else 'longer'}: {said(before)} → {said(after)}",
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
    yield Change(klass, "end_of_support", "", f"end of support: {said(before)} → {said(after)}")


def _forbidden(name: str, before: Any, after: Any) -> Iterator[Change]:
    what = "column names" if name == "forbidden_columns" else "values"
    was, now = set(before or ()), set(after or ())
    if more := sorted(now - was):
        yield Change(
            "breaking", "privacy_tightened", "",
            f"a batch is refused for {what} it could have before: {listed(more)}", "source",
        )  # fmt: skip
    if fewer := sorted(was - now):
        yield Change(
            "breaking", "privacy_loosened", "", f"{what} are let in that refused a batch: {listed(fewer)}"
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
                "compatible", "server", "", f"server {server!r} is asked otherwise: {listed(keys)}", "source"
            )


def _other(name: str, before: Any, after: Any) -> Iterator[Change]:
    yield Change("breaking", name, ROWS, f"{name.replace('_', ' ')}: {said(before)} → {said(after)}")


_CONTRACT: dict[str, Judge] = {
    "audience": _audience,
    "status": _status,
    "end_of_support": _end,
    "superseded_by": _always("compatible", "superseded_by", "what takes its place"),
    "partition_by": _always("compatible", "partition_by", "how a large table is split into files"),
    "counts_nobody": _always("compatible", "figures", "why its numbers count neither people nor calls"),
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


def _of_rules(old: Promise, new: Promise) -> Iterator[Change]:
    was, now = old.get("rules", {}), new.get("rules", {})
    is_feed = has_source(new)
    for name in sorted(was.keys() | now.keys()):
        before, after = was.get(name), now.get(name)
        column = ((after or before)["judges"]).get("column", "") or ROWS
        if before == after:
            continue
        is_error = [bool(each) and each["severity"] == "error" for each in (before, after)]
        if before is None:
            text = f"rule {name.partition(':')[2]} is new"
            yield (
                stricter("rule_added", column, text, is_feed)
                if is_error[1]
                else Change("compatible", "rule_added", column, f"{text}, as a warning")
            )
        elif after is None:
            text = f"rule {name.partition(':')[2]} is gone"
            yield (
                looser("rule_removed", column, text, is_feed)
                if is_error[0]
                else Change("compatible", "rule_removed", column, text)
            )
        elif is_error[0] != is_error[1]:
            text = f"rule {name.partition(':')[2]}: {before['severity']} → {after['severity']}"
            yield (
                stricter("rule_added", column, text, is_feed)
                if is_error[1]
                else looser("rule_loosened", column, text, is_feed)
            )
        elif before["judges"] != after["judges"]:
            # Nobody can tell which of two conditions lets more through.
            klass: Class = "breaking" if is_error[1] else "compatible"
            yield Change(klass, "rule", column, f"rule {name.partition(':')[2]} judges otherwise", "both")
        else:
            yield Change("cosmetic", "words", column, f"rule {name.partition(':')[2]} is said in other words")
