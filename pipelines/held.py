"""Batches that wait for a person, and what was decided about them, as the lake tells it.

The gate writes what is known of a held batch; the folder stays when it was decided, so that the ledger `ops.held`
can always be made again. A batch that was rejected counts as refused as a whole, though its bytes are kept: whoever
rejects may still be talked round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines import lake, markdown, operations
from pipelines.decisions import batches
from pipelines.errors import BatchHeld, DataError
from pipelines.receipt import Receipt

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

WAITING = "waiting"
STATES = (WAITING, batches.APPROVED, batches.REJECTED)
FIRST_REASONS = "first_reasons"
"""Where the receipt of a held batch tells, in `details`, what its first bad rows break."""

_ROWS_SHOWN = 5
_RULES_NAMED = 3


@dataclass(frozen=True)
class Held:
    """A held batch: what the gate wrote about it, and the decision that holds."""

    receipt: Receipt
    decision: batches.BatchDecision | None = None

    @property
    def state(self) -> str:
        return self.decision.decision if self.decision else WAITING

    @property
    def first_reasons(self) -> list[dict[str, Any]]:
        reasons: list[dict[str, Any]] = self.receipt.details.get(FIRST_REASONS, [])
        return reasons

    @property
    def figures(self) -> dict[str, Any]:
        """A row of `ops.held`; nothing in it is a value that a row brought."""
        receipt, decision = self.receipt, self.decision
        rules = sorted(receipt.rules.items(), key=lambda item: (-item[1], item[0]))
        return {
            "feed_id": receipt.feed_id,
            "level": receipt.feed_id.partition("_")[0],
            "window_start": receipt.window.start,
            "window_end": receipt.window.end,
            "batch_id": receipt.batch_id,
            "origin": receipt.origin,
            "landed_at": receipt.landed_at,
            "contract_version": receipt.contract_version,
            "received": receipt.received,
            "valid": receipt.validated,
            "quarantined": receipt.quarantined,
            "duplicate": receipt.duplicate,
            "refused": receipt.refused,
            "kinds": [hold.kind for hold in receipt.holds],
            "why_en": "; ".join(hold.text_en for hold in receipt.holds),
            "why_zh": "；".join(hold.text_zh for hold in receipt.holds),
            "rules": [f"{rule}: {broken}" for rule, broken in rules],
            "state": self.state,
            "decided_at": decision.decided_at if decision else None,
            "decided_by": decision.decided_by if decision else None,
            "reason": decision.reason if decision else None,
            "via": decision.via if decision else None,
        }

    @property
    def as_refused(self) -> Receipt:
        """The receipt of a batch that a person keeps out: no row of it counts as anything but refused."""
        if self.decision is None:
            raise ValueError("nobody decided about this batch")
        reason = f"rejected by {self.decision.decided_by}: {self.decision.reason}"
        return replace(
            self.receipt,
            stage="refused",
            validated=0,
            quarantined=0,
            duplicate=0,
            refused=self.receipt.received,
            rules={},
            details={**self.receipt.details, "reason": reason},
        )


def waits(receipt: Receipt) -> BatchHeld:
    """What is said where somebody wanted a held batch's rows."""
    worst = sorted(receipt.rules.items(), key=lambda item: (-item[1], item[0]))[:_RULES_NAMED]
    broken = ", ".join(f"{rule} ({rows:,})" for rule, rows in worst)
    return BatchHeld(
        f"{receipt.feed_id}: {'; '.join(hold.text_en for hold in receipt.holds)}; the batch is held."
        + (f" Most broken: {broken}" if broken else ""),
        next_step=f"`urbanbrain held show {receipt.batch_id}` shows it; `urbanbrain held approve` lets its "
        "good rows in, `urbanbrain held reject` keeps it out",
    )


def read(folder: Path) -> Held:
    """What a folder of `lake/held` says, with the decision that holds."""
    receipt = Receipt.read(folder)
    return Held(receipt, batches.about(receipt.feed_id, receipt.batch_id, receipt.contract_version))


def every(feed_id: str = "*") -> list[Held]:
    """Every held batch, decided or not, oldest window first; `unreadable` names those that are left out."""
    receipts = _receipts(feed_id)[0]
    decided = batches.read() if receipts else []
    return [_with(receipt, decided) for receipt in receipts]


def unreadable(feed_id: str = "*") -> list[str]:
    """Held batches whose receipt cannot be read, and why, a sentence each."""
    return _receipts(feed_id)[1]


def _receipts(feed_id: str) -> tuple[list[Receipt], list[str]]:
    found, broken = [], []
    for folder in lake.batches("held", feed_id):
        try:
            found.append(Receipt.read(folder))
        except (OSError, DataError) as error:
            broken.append(error.message if isinstance(error, DataError) else f"{folder}: {error.strerror}")
    return found, broken


def find(batch_id: str) -> Held:
    """The held batch of that id. Raises DataError when there is none."""
    folders = [folder for folder in lake.batches("held") if folder.name == f"batch={batch_id}"]
    if not folders:
        raise DataError(
            f"no batch {batch_id!r} is or was held",
            next_step="`urbanbrain held list` names those that are",
        )
    return read(folders[0])


def rejected(feed_id: str) -> list[Path]:
    """Folders of the batches that a person keeps out."""
    return [each.receipt.batch.folder("held") for each in every(feed_id) if each.state == batches.REJECTED]


def load(connection: DuckDBPyConnection) -> int:
    """Fill `ops.held` with what the lake holds; returns how many. Raises DataError as `decisions.read`."""
    rows = [each.figures for each in every()]
    operations.fill(connection, "ops.held", rows)
    return len(rows)


def question(held: Held, zone: ZoneInfo) -> dict[str, str]:
    """What a person is asked about a batch, `subject` and `body`, the body in Markdown, its window in local time.

    No value of a row is in it: Airflow keeps it where no retention ends it.
    """
    figures = held.figures
    start, end = (instant.astimezone(zone) for instant in (figures["window_start"], figures["window_end"]))
    window = f"{start:%Y-%m-%d %H:%M} … {end:%Y-%m-%d %H:%M} {zone}"
    why = "\n".join(
        f"- {markdown.line(hold.text_zh)}  {markdown.cell(hold.text_en)}" for hold in held.receipt.holds
    )
    counts = " | ".join(f"{figures[name]:,}" for name in _COUNTS)
    body = f"""\
**{figures["feed_id"]}** · {window} · batch `{figures["batch_id"]}` · 合同版本 contract {figures["contract_version"]}

{why}

| {" | ".join(_COUNTS.values())} |
|{"---:|" * len(_COUNTS)}
| {counts} |
{_rules(held)}{_first(held)}
- **approve 放行**：有效的 {figures["valid"]:,} 行入库，其余进入隔离区。\
The {figures["valid"]:,} valid rows come in, the others go to quarantine.
- **reject 拒收**：整批不入库，原始文件保留到期限。Nothing comes in; the bytes stay until their retention ends.
- **later 稍后**：暂不决定，批次继续等待。Nothing is decided; the batch goes on waiting.

命令行 On the command line: `urbanbrain held show {figures["batch_id"]}`
"""
    return {
        "subject": f"待审批次 held batch · {figures['feed_id']} · {start:%Y-%m-%d} · {figures['batch_id']}",
        "body": body,
    }


_COUNTS = {
    "received": "接收 received",
    "valid": "有效 valid",
    "quarantined": "不合格 bad",
    "duplicate": "重复 duplicate",
    "refused": "不需要 not wanted",
}


def _rules(held: Held) -> str:
    lines = [
        markdown.row(markdown.code_cell(rule), f"{broken:,}")
        for rule, broken in sorted(held.receipt.rules.items(), key=lambda item: (-item[1], item[0]))[
            :_ROWS_SHOWN
        ]
    ]
    return "\n".join(["", "| 规则 rule | 行数 rows |", "|---|---:|", *lines, ""]) if lines else ""


def _first(held: Held) -> str:
    lines = [
        markdown.row(
            f"{reason['row_number']:,}",
            markdown.code_cell(reason["rule"]),
            markdown.cell(reason["expected_zh"]),
            markdown.cell(reason["expected_en"]),
        )
        for reason in held.first_reasons
    ]
    head = ["", "| 行 row | 规则 rule | 应为 | expected |", "|---:|---|---|---|"]
    return "\n".join([*head, *lines, ""]) if lines else ""


def _with(receipt: Receipt, decided: Iterable[batches.BatchDecision]) -> Held:
    return Held(receipt, batches.newest(decided, receipt.feed_id, receipt.batch_id, receipt.contract_version))
