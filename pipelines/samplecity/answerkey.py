"""The truth beside the city: which rows are wrong and why, which records are one problem, which values are marked.

Nothing of this is ever sent with a feed.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa

from pipelines.samplecity import words
from pipelines.samplecity.catalogue import BY_FEED, SOURCES
from pipelines.samplecity.city import hotline
from pipelines.samplecity.district import grid
from pipelines.samplecity.source import deleted
from pipelines.samplecity.street import steward
from pipelines.samplecity.wire import CLEAN, FLAGGED, Wire
from pipelines.samplecity.world import PULL_DELAY, City, local

FEEDS = tuple(source.feed_id for source in SOURCES)
ANSWER_KEY = pa.schema(
    [
        ("feed_id", pa.string()),
        ("record_id", pa.string()),
        ("row_number", pa.int64()),
        ("outcome", pa.string()),
        ("rules", pa.list_(pa.string())),
        ("defect", pa.string()),
        ("flags", pa.list_(pa.string())),
    ]
)
GONE = pa.schema(
    [
        ("feed_id", pa.string()),
        ("record_id", pa.string()),
        ("deleted_at", pa.timestamp("us")),
        ("defect", pa.string()),
    ]
)
LINKS = pa.schema([(name, pa.string()) for name in ("feed_id", "record_id", "problem_id", "evidence")])


def served(city: City, feed_id: str, start: datetime, end: datetime, clock: datetime | None = None) -> Wire:
    """The rows that a pull of window `[start, end)` meets, in order; the contract's look-back is added here.

    `clock` is the instant of the pull, 40 minutes after the window's end unless given.
    Raises KeyError for a feed that the city does not have.
    """
    if feed_id not in BY_FEED:
        raise KeyError(f"the sample city has no feed {feed_id!r}; it has {', '.join(FEEDS)}")
    source = BY_FEED[feed_id]
    start, end = local(start), local(end)
    return source.rows(city, start - source.look_back, end, local(clock) if clock else end + PULL_DELAY)


def answer_key(
    city: City, feed_id: str, start: datetime, end: datetime, clock: datetime | None = None
) -> pa.Table:
    """Every row of that pull that is not simply valid: its number from 1, what becomes of it, and why.

    `outcome` is quarantined, duplicate, refused, or flagged for a row that is taken with `flags` in its
    `_dq_flags`; `rules` are the broken rules, sorted; `defect` is the number in the domain reference (§7). Of two
    equal rows the later one is the duplicate.
    """
    wire = served(city, feed_id, start, end, clock)
    is_flagged = (wire.outcome == CLEAN) & np.array([bool(flags) for flags in wire.flags], dtype=bool)
    rows = np.flatnonzero((wire.outcome != CLEAN) | is_flagged)
    sent = BY_FEED[feed_id].ids(wire)
    return pa.table(
        {
            "feed_id": [feed_id] * len(rows),
            "record_id": ["" if sent[row] is None else str(sent[row]) for row in rows],
            "row_number": rows + 1,
            "outcome": [FLAGGED if is_flagged[row] else wire.outcome[row] for row in rows],
            "rules": [list(labels) for labels in wire.rules[rows]],
            "defect": list(wire.defect[rows]),
            "flags": [list(wire.flags[row]) if is_flagged[row] else [] for row in rows],
        },
        schema=ANSWER_KEY,
    )


def gone(city: City, feed_id: str, clock: datetime) -> pa.Table:
    """Every record of a feed that its office had deleted by `clock` (R6), and when; nothing that is sent tells it."""
    source = BY_FEED[feed_id]
    before = city.cleaned_at - timedelta(seconds=1)
    if source.links is None or local(clock) < city.cleaned_at:
        return GONE.empty_table()
    wire = source.links(city, before)
    ids = sorted(
        set(wire.true_id[deleted(city, wire)].astype(str)) - set(source.links(city, local(clock)).true_id)
    )
    return pa.table(
        {
            "feed_id": [feed_id] * len(ids),
            "record_id": ids,
            "deleted_at": [city.cleaned_at] * len(ids),
            "defect": ["R6"] * len(ids),
        },
        schema=GONE,
    )


def links(city: City, clock: datetime | None = None) -> pa.Table:
    """Which true problem each hotline order, grid case and steward request is about, as known at `clock`.

    Records with the same `problem_id` are one problem; `evidence` says what ties the record to it (`first`:
    nothing, it is the record the problem is named after). The default clock is after the last demo day.
    """
    clock = local(clock) if clock else end_of_demo(city)
    columns: dict[str, list[str]] = {name: [] for name in LINKS.names}
    for source in SOURCES:
        if source.links is None:
            continue
        wire = source.links(city, clock)
        once = np.unique(wire.true_id.astype(str), return_index=True)[1]
        columns["feed_id"] += [source.feed_id] * len(once)
        columns["record_id"] += list(wire.true_id[once])
        columns["problem_id"] += list(wire.problem[once])
        columns["evidence"] += list(wire.evidence[once])
    return pa.table(columns, schema=LINKS)


def end_of_demo(city: City) -> datetime:
    """The instant at which the last demo day is pulled."""
    midnight = datetime.combine(city.first_day + timedelta(days=3), datetime.min.time())
    return midnight + PULL_DELAY


def _days(city: City, clock: datetime | None) -> list[date]:
    last = (local(clock) if clock else end_of_demo(city)).date()
    return [city.history_start + timedelta(days=n) for n in range((last - city.history_start).days + 1)]


def marked_values(city: City, clock: datetime | None = None) -> dict[str, frozenset[str]]:
    """Every personal value the city may have sent by `clock`, in plain writing, by kind.

    Kinds: mobile (11 digits), landline (11 digits), identity (18 characters), plate, name (given names).
    It is a superset: a value may belong to a row that withheld it.
    """
    found: dict[str, set[str]] = {kind: set() for kind in ("mobile", "landline", "identity", "plate")}
    for day in _days(city, clock):
        sources = (hotline.orders(city, day), grid.cases(city, day), steward.requests(city, day))
        for source in sources:
            for phone, salt in zip(source.phone.tolist(), source.salt.tolist(), strict=True):
                found["mobile"].update((words.mobile(phone), words.mobile(salt), words.mobile(salt + 17)))
                found["landline"].add(words.landline(salt))
                found["identity"].add(words.identity(salt))
                found["plate"].add(words.plate(salt))
    return {
        **{kind: frozenset(values) for kind, values in found.items()},
        "name": frozenset(words.GIVEN_NAMES),
    }


_SHAPES = {
    "mobile": re.compile(rf"(?=({words.MOBILE_PREFIX}\d{{8}}))"),
    "landline": re.compile(rf"(?=({words.LANDLINE_PREFIX}\d{{4}}))"),
    "identity": re.compile(rf"(?=({words.IDENTITY_PREFIX}\d{{11}}[\dX]))"),
    "plate": re.compile(rf"(?=({words.PLATE_PREFIX}\d{{4}}))"),
    "name": re.compile("(" + "|".join(words.GIVEN_NAMES) + ")"),
}


def find_marked(text: str, marked: dict[str, frozenset[str]]) -> set[str]:
    """The marked values that stand in `text`, however they are written: full width, with blanks or dashes."""
    narrow = unicodedata.normalize("NFKC", text)
    # Letters and digits only, so that no way of spacing a number hides it.
    joined = re.sub(r"[\s\-－—–.·_/]+", "", narrow)
    return {
        value
        for kind, shape in _SHAPES.items()
        for writing in (narrow, joined)
        for value in shape.findall(writing)
        if value in marked[kind]
    }
