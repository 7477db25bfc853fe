"""What offices do about rows in quarantine: sheets that come back, rows that are given up."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import database, lake, privacy, settings
from pipelines.contract.model import Contract
from pipelines.errors import DataError, DataRefused
from pipelines.receipt import Receipt
from pipelines.run.opening import feed_named, readable
from pipelines.run.windows import Instant, instant

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from pipelines.desk.faults import Faults
    from pipelines.desk.returned import Returned
    from pipelines.desk.rows import Acts, Bad

ACCEPTED, RETURNED, SKIPPED, OBJECTED, UNTOUCHED = "accepted", "returned", "skipped", "objected", "untouched"
_LONGEST = 10_000
"""Letters a correction may have."""
_TWICE = (
    "the row stands on the sheet more than once, each time corrected otherwise; leave one of them · "
    "该行重复出现且更正内容不一致，请只保留一行"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass
class RowOutcome:
    """What became of one row of a sheet; `detail` says why, in both languages, and shows no value that was typed."""

    where: str
    feed_id: str
    row_id: str
    outcome: str
    detail: str = ""
    business_key: str = ""
    reasons_zh: list[str] = field(default_factory=list)
    reasons_en: list[str] = field(default_factory=list)
    waits_in: str = ""
    """Batch and row number under which a returned row can be corrected again."""


def resubmit(
    sheet: Path, by: str = "", reason: str = "", *, dry_run: bool = False, as_of: Instant | None = None
) -> list[RowOutcome]:
    """Take a returned sheet in: each corrected row is judged by its feed's contract, and loaded or returned.

    What may not be taken is told row by row, and the others are taken. `by` and `reason` count before what the sheet
    says itself. With `dry_run` everything is judged and nothing is kept. Raises DataError when the file is no sheet.
    """
    from pipelines.desk import returned

    known = {each.feed_id: each for each in readable()}
    found = returned.read(sheet, known)
    by, reason = by or found.desk, reason or found.reason
    if not by.strip() or not reason.strip():
        raise DataError(
            "nobody says who corrected the sheet, and why · 未说明更正岗位或更正说明",
            next_step="fill both in on its first page, or give --by and --reason",
        )
    outcomes = [RowOutcome(where, "", "", OBJECTED, why) for where, why in found.unreadable.items()]
    with _alone(), contextlib.closing(database.memory()) as connection, _trial(dry_run) as trial:
        said = _masked(connection, by, reason)
        for feed_id, rows in groupby(
            sorted(found.rows, key=lambda row: row.feed_id), key=lambda row: row.feed_id
        ):
            outcomes += _Desk(connection, feed_id, known.get(feed_id), said, as_of, trial).take(list(rows))
    return sorted(outcomes, key=lambda each: [(part.isdigit(), part.zfill(9)) for part in each.where.split()])


def _masked(connection: DuckDBPyConnection, *texts: str) -> tuple[str, ...]:
    privacy.install(connection)
    return tuple(
        row[0]
        for row in connection.execute(
            "select mask_text(unnest(?))", [[text.strip()[:500] for text in texts]]
        ).fetchall()
    )


def _alone() -> contextlib.AbstractContextManager[None]:
    """One sheet at a time: two that correct the same row would both be right."""
    return lake.one_at_a_time("desk")


@contextlib.contextmanager
def _trial(dry_run: bool) -> Iterator[Path | None]:
    """For a trial a home that goes again, with our keys and editions; None where corrections are to be kept."""
    if not dry_run:
        yield None
        return
    home = settings.home()
    with tempfile.TemporaryDirectory(prefix=lake.TEMPORARY, dir=home) as folder:
        for path in (settings.demo_keys_file(), lake.editions()):
            if path.exists():
                (Path(folder) / path.name).symlink_to(path)
        yield Path(folder)


@dataclass
class _Desk:
    """The rows of one feed on a sheet."""

    connection: DuckDBPyConnection
    feed_id: str
    contract: Contract | None
    said: tuple[str, ...]
    as_of: Instant | None
    trial: Path | None

    def take(self, rows: Sequence[Returned]) -> list[RowOutcome]:
        from pipelines.desk import rows as desk_rows
        from pipelines.desk.faults import Faults

        outcomes = {row.where: _outcome(row, UNTOUCHED, "nothing was corrected · 未填写更正") for row in rows}
        corrected = [row for row in rows if row.is_written_into]
        if not corrected:
            return list(outcomes.values())
        if self.contract is None or self.contract.is_reduced:
            why = "no feed of that name can be read · 没有这个数据集"
            if self.contract:
                why = (
                    "rows of this feed are summed up and cannot be corrected one by one; have the source corrected and "
                    "pull the window again, or discard them · 该数据集按组汇总，不能逐条更正"
                )
            return [
                _outcome(row, OBJECTED, why) if row.is_written_into else outcomes[row.where] for row in rows
            ]
        faults = Faults(self.contract)
        known = desk_rows.find(self.connection, self.feed_id, (row.batch_id for row in corrected))
        done = desk_rows.settled(self.connection, self.feed_id)
        taken: dict[str, tuple[Returned, Bad]] = {}  # by content
        disputed = _disputed(corrected)
        newest_first = sorted(
            corrected,
            key=lambda row: -known[_place(row)].landed_at.timestamp() if _place(row) in known else 0,
        )
        for row in newest_first:
            bad = known.get(_place(row))
            if _place(row) in disputed:
                outcomes[row.where] = _outcome(row, OBJECTED, _TWICE, bad)
            elif complaint := self._complaint(row, bad, done, taken, faults):
                outcomes[row.where] = _outcome(row, *complaint, bad)
            elif bad:
                taken[bad.row_digest] = row, bad
        in_order = sorted(taken.values(), key=lambda pair: (pair[1].window, pair[1].place))
        for window, pairs in groupby(in_order, key=lambda pair: pair[1].window):
            for outcome in self._judge(window, list(pairs), faults):
                outcomes[outcome.where] = outcome
        return list(outcomes.values())

    def _complaint(
        self,
        row: Returned,
        bad: Bad | None,
        done: Acts,
        taken: Mapping[str, tuple[Returned, Bad]],
        faults: Faults,
    ) -> tuple[str, str] | None:
        """Why a row is not judged; None when it is."""
        from pipelines.desk import returned
        from pipelines.desk import rows as desk_rows
        from pipelines.readers import columns

        if bad is None:
            return SKIPPED, "there is no such row in quarantine · 隔离区没有这一行"
        if act := done.on(bad):
            if act.state == desk_rows.RETURNED and act.successor:
                batch, number = act.successor
                return SKIPPED, (
                    f"it was corrected before and came back as row {number} of batch {batch}; correct that one · "
                    f"已更正并退回，请更正批次 {batch} 第 {number} 行"
                )
            return SKIPPED, (
                "it was discarded before · 此前已作废"
                if act.state == desk_rows.DISCARDED
                else "it was corrected before · 此前已更正"
            )
        if row.row_digest != bad.row_digest:
            return (
                OBJECTED,
                "the check digits are not this row's; export the sheet anew · 校验码不符，请重新导出",
            )
        if bad.row_digest in taken:
            other, _ = taken[bad.row_digest]
            return SKIPPED, f"it is the same row as in {other.where} · 与 {other.where} 为同一行"
        if row.uncomputed:
            return OBJECTED, returned.no_value_in(list(row.uncomputed.values()))
        allowed = faults.correctable(bad.reasons)
        if locked := sorted(map(columns.safe, row.corrected.keys() - allowed)):
            return OBJECTED, (
                f"nothing is wrong in {', '.join(locked)}; only open cells may be corrected · "
                f"{'、'.join(locked)} 无误，只能更正开放的单元格"
            )
        for name, text in row.corrected.items():
            if text is None:
                continue
            if len(text) > _LONGEST or _CONTROL.search(text):
                return OBJECTED, (
                    f"the text in {name} is longer than {_LONGEST:,} letters or holds control characters · "
                    f"{name} 过长或含控制字符"
                )
            if found := privacy.forbidden_values(text, faults.contract.forbidden_values):
                return (
                    OBJECTED,
                    f"{name} shows what nobody may keep: {', '.join(found)} · {name} 含禁止保存的内容",
                )
        return None

    def _judge(
        self, window: lake.Window, pairs: Sequence[tuple[Returned, Bad]], faults: Faults
    ) -> list[RowOutcome]:
        from pipelines.desk import rows as desk_rows
        from pipelines.run.batches import gate
        from pipelines.stages import landing

        # Later than what it corrects, whatever the clock says: of two versions of a row the later one is true.
        after = max(bad.landed_at for _, bad in pairs) + timedelta(seconds=1)
        rows = [
            {
                "number": number,
                "batch_id": bad.batch_id,
                "row_number": bad.row_number,
                "row_digest": bad.row_digest,
                "landed_at": bad.landed_at.isoformat(),
                "received": bad.received,
                "corrected": faults.follow(row.corrected),
            }
            for number, (row, bad) in enumerate(pairs, 1)
        ]
        by, reason = self.said
        said = {"corrected_by": by, "reason": reason}
        with settings.at(self.trial) if self.trial else contextlib.nullcontext():
            landed = landing.land_corrections(
                faults.contract, window, max(_at(self.as_of, faults.contract), after), rows, said
            )
            try:
                receipt = Receipt.read(Path(gate(str(landed))))
            except DataRefused as refusal:
                return [_outcome(row, OBJECTED, refusal.message, bad) for row, bad in pairs]
            waiting = desk_rows.find(self.connection, self.feed_id, [receipt.batch_id])
        outcomes = []
        for number, (row, bad) in enumerate(pairs, 1):
            again = waiting.get((self.feed_id, receipt.batch_id, number))
            outcome = _outcome(row, RETURNED if again else ACCEPTED, "", bad)
            if again:
                reasons = _public_reasons(faults, again.reasons)
                outcome.reasons_zh, outcome.reasons_en = faults.sentences(reasons)
                outcome.waits_in = f"{receipt.batch_id} {number}"
            outcomes.append(outcome)
        return outcomes


def _public_reasons(faults: Faults, reasons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Reasons as disclosure shows them: what was found only where the column may leave."""
    return [
        reason if reason["column_name"] in faults.shown else {**reason, "found": None} for reason in reasons
    ]


def _disputed(corrected: Sequence[Returned]) -> set[tuple[str, str, int]]:
    """Places of rows that were copied on the sheet and corrected differently: nobody can know which one counts."""
    first = {_place(row): _written(row) for row in reversed(corrected)}
    return {_place(row) for row in corrected if _written(row) != first[_place(row)]}


def _written(row: Returned) -> tuple[dict[str, str | None], frozenset[str]]:
    return row.corrected, frozenset(row.uncomputed)


def _place(row: Returned) -> tuple[str, str, int]:
    return row.feed_id, row.batch_id, row.row_number


def _outcome(row: Returned, outcome: str, detail: str, bad: Bad | None = None) -> RowOutcome:
    return RowOutcome(
        row.where,
        row.feed_id,
        f"{row.batch_id} {row.row_number}",
        outcome,
        detail,
        bad.business_key if bad else "",
    )


def discard(
    feed_id: str,
    batch_id: str,
    rows: Sequence[int],
    by: str,
    reason: str,
    *,
    dry_run: bool = False,
    as_of: Instant | None = None,
) -> list[RowOutcome]:
    """Give up rows of quarantine for good: nobody will correct them, and the ledger says who decided it and why.

    `rows` may be empty for all rows of the batch. Raises DataError when the batch has no row in quarantine.
    """
    from pipelines.decisions import discards
    from pipelines.desk import rows as desk_rows

    feed = feed_named(feed_id)
    if not by.strip() or not reason.strip():
        raise DataError("a row is discarded by somebody and for a reason", next_step="give --by and --reason")
    with _alone(), contextlib.closing(database.memory()) as connection:
        known = desk_rows.find(connection, feed_id, [batch_id])
        if not known:
            raise DataError(
                f"{feed_id} has no row of batch {batch_id} in quarantine",
                next_step="`urbanbrain quarantine list --rows` names what is there",
            )
        done = desk_rows.settled(connection, feed_id)
        outcomes, given_up = [], []
        for number in sorted(set(rows)) or sorted(place[2] for place in known):
            bad = known.get((feed_id, batch_id, number))
            outcome = RowOutcome(f"{batch_id} {number}", feed_id, f"{batch_id} {number}", desk_rows.DISCARDED)
            if bad is None:
                outcome.outcome, outcome.detail = (
                    SKIPPED,
                    "there is no such row in quarantine · 隔离区没有这一行",
                )
            else:
                outcome.business_key = bad.business_key
                if act := done.on(bad):
                    outcome.outcome, outcome.detail = SKIPPED, f"it is {act.state} already · 此前已处理"
                else:
                    given_up.append(bad)
            outcomes.append(outcome)
        if given_up and not dry_run:
            discards.write(
                connection,
                discards.Discard(
                    feed_id,
                    batch_id,
                    [bad.row_number for bad in given_up],
                    [bad.row_digest for bad in given_up],
                    given_up[0].landed_at.isoformat(),
                    _at(as_of, feed),
                    by,
                    reason,
                ),
            )
    return outcomes


def _at(as_of: Instant | None, feed: Contract) -> datetime:
    return instant(as_of, ZoneInfo(feed.timezone)).astimezone(UTC) if as_of else settings.now()
