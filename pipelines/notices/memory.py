"""What was noticed about feeds, and who has been told.

    lake/notices/conditions.json       how each feed stood when it was last looked at
    lake/notices/pending/<id>.json     a change somebody has still to be told of
    lake/notices/told/<id>.json        a change everybody was told of, or nobody wanted to know

A change is named by what it changed from and since when, so that noticing it again after a crash is the same file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines import contract as contracts
from pipelines import lake, operations
from pipelines.freshness import OK, Standing
from pipelines.notices.addresses import Addressee

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

TABLE = "ops.notices"


@dataclass
class Telling:
    """How far telling one addressee has come; no address, only where it lies."""

    channel: str
    place: str
    attempts: int = 0
    sent_at: datetime | None = None
    is_dropped: bool = False
    """Whether it was taken off the list before it could be told."""

    @property
    def is_open(self) -> bool:
        return self.sent_at is None and not self.is_dropped


@dataclass
class Change:
    """One feed's change of condition, and who is to be told."""

    notice_id: str
    noticed_at: datetime
    feed_id: str
    level: str
    business_name: str
    before: str
    after: str
    business_date: date | None
    due: datetime | None
    arrived: datetime | None
    rows: int | None
    expected_lo: int | None
    expected_hi: int | None
    tellings: dict[str, Telling] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return any(telling.is_open for telling in self.tellings.values())


def root() -> Path:
    return lake.lake() / "notices"


def changes(
    standings: Sequence[Standing], at: datetime, told: Mapping[str, Iterable[Addressee]]
) -> list[Change]:
    """What changed since feeds were last looked at; nothing is remembered yet. A feed never seen before was well."""
    known = _conditions()
    found = []
    for each in standings:
        before, since = known.get(each.feed_id, (OK, ""))
        if before == each.condition:
            continue
        name = sha256(f"{each.feed_id}|{before}|{since}|{each.condition}".encode()).hexdigest()[:12]
        found.append(
            Change(
                _kept(name) or f"{lake.stamp(at)}-{name}",
                at, each.feed_id, each.level, each.business_name, before, each.condition, each.day, each.due,
                each.arrived, each.rows, each.expected_lo, each.expected_hi,
                {one.addressee_id: Telling(one.channel, one.place) for one in told.get(each.level, ())},
            )
        )  # fmt: skip
    return found


def remember(found: Sequence[Change], standings: Sequence[Standing], at: datetime) -> None:
    """Keep changes, then how feeds stand: in this order, or a crash would forget a change nobody was told of."""
    for change in found:
        if not _path(change.notice_id, "pending").exists():
            keep(change)
    known = _conditions()
    changed = {change.feed_id for change in found}
    # A feed whose contract cannot be read today is not forgotten.
    conditions = {name: list(value) for name, value in known.items()} | {
        each.feed_id: [
            each.condition,
            at.isoformat()
            if each.feed_id in changed or each.feed_id not in known
            else known[each.feed_id][1],
        ]
        for each in standings
    }
    if conditions != {name: list(value) for name, value in known.items()}:
        lake.write_file(root() / "conditions.json", _json(conditions))


def keep(change: Change) -> None:
    """Write a change down where it belongs: with those somebody waits for, or with those that are done."""
    pending, told = _path(change.notice_id, "pending"), _path(change.notice_id, "told")
    lake.write_file(pending if change.is_open else told, _json(asdict(change)))
    if not change.is_open:
        pending.unlink(missing_ok=True)


def pending() -> list[Change]:
    """Changes somebody has still to be told of, oldest first."""
    return _read("pending")[0]


def unreadable() -> list[Path]:
    """Changes somebody may have still to be told of, in files nobody can read: those are left for a person."""
    return _read("pending")[1]


def fill(connection: DuckDBPyConnection) -> list[str]:
    """Make `ops.notices` of the files, where a contract promises it; returns the files that nobody can read."""
    if TABLE not in {promise.table for promise in contracts.load_operations()}:
        return []
    (waiting, lost), (told, damaged) = _read("pending"), _read("told")
    everything = {change.notice_id: change for change in (*waiting, *told)}
    operations.fill(
        connection,
        TABLE,
        [
            {
                "notice_id": change.notice_id,
                "addressee_id": addressee_id,
                "feed_id": change.feed_id,
                "level": change.level,
                "business_date": change.business_date,
                "state_before": change.before,
                "state": change.after,
                "noticed_at": change.noticed_at,
                "channel": telling.channel,
                "place": telling.place,
                "attempts": telling.attempts,
                "sent_at": telling.sent_at,
            }
            for change in everything.values()
            for addressee_id, telling in (change.tellings or {"nobody": Telling("none", "")}).items()
        ],
    )
    return [str(path) for path in (*lost, *damaged)]


def _kept(name: str) -> str:
    """The notice that was written down before a crash kept us from remembering how the feed stood; else ""."""
    return next((path.stem for path in (root() / "pending").glob(f"*-{name}.json")), "")


def _path(notice_id: str, folder: str) -> Path:
    return root() / folder / f"{notice_id}.json"


def _read(folder: str) -> tuple[list[Change], list[Path]]:
    """The changes in a folder, oldest first, and the files that hold none."""
    found, broken = [], []
    for path in sorted((root() / folder).glob("*.json")):
        try:
            found.append(_change(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            broken.append(path)
    return found, broken


def _change(values: dict[str, Any]) -> Change:
    tellings = {
        name: Telling(**(telling | {"sent_at": _instant(telling["sent_at"])}))
        for name, telling in values["tellings"].items()
    }
    day = values["business_date"]
    return Change(
        **values
        | {
            "noticed_at": datetime.fromisoformat(values["noticed_at"]),
            "due": _instant(values["due"]),
            "arrived": _instant(values["arrived"]),
            "business_date": date.fromisoformat(day) if day else None,
            "tellings": tellings,
        }
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _conditions() -> dict[str, tuple[str, str]]:
    """Feed → condition and since when. A file nobody can read counts as none: rather tell twice."""
    try:
        values = json.loads((root() / "conditions.json").read_text(encoding="utf-8"))
        return {str(name): (str(condition), str(since)) for name, (condition, since) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _json(values: object) -> bytes:
    return json.dumps(values, ensure_ascii=False, indent=1, sort_keys=True, default=_text).encode() + b"\n"


def _text(value: object) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"a notice holds no {type(value).__name__}")
