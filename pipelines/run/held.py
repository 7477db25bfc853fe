"""A person decides about a batch that is held; in Airflow or on the command line it is the same decision."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pipelines import contract as contracts
from pipelines import held as holding
from pipelines import lake, settings
from pipelines.airflow_names import feed_dag
from pipelines.decisions import batches
from pipelines.errors import BatchRejected, DataError, UrbanBrainError
from pipelines.receipt import Receipt
from pipelines.run import batches as judging

APPROVE, REJECT, LATER = "approve", "reject", "later"
"""What can be answered in Airflow. `later` decides nothing, and is what an unanswered question ends with."""

_log = logging.getLogger(__name__)
_DECISIONS = {APPROVE: batches.APPROVED, REJECT: batches.REJECTED}
_NO_REASON = "未说明理由 no reason given"
_NOBODY = "airflow"
_FIRST_ROWS = 10
_SETTLED_AFTER_SECONDS = 5.0


def held(state: str = "") -> list[dict[str, Any]]:
    """Rows of `ops.held` as the lake has them now: every batch that is or was held, or those of one state."""
    return [each.figures for each in holding.every() if state in ("", each.state)]


def unreadable_held() -> list[str]:
    """Held batches whose receipt cannot be read, a sentence each: nobody can decide about them."""
    return holding.unreadable()


def held_batch(batch_id: str) -> dict[str, Any]:
    """One held batch: its row of `ops.held`, and its first bad rows with every reason, after privacy.

    Raises DataError when no such batch is or was held.
    """
    import pyarrow.parquet

    found = holding.find(batch_id)
    rows = pyarrow.parquet.read_table(found.receipt.batch.folder("held") / lake.ROWS)
    return {
        **found.figures,
        "first_rows": rows.slice(0, _FIRST_ROWS).to_pylist(),
        "bytes_are_there": _has_bytes(found.receipt.batch),
    }


def decide(batch_id: str, decision: str, by: str, reason: str, *, dry_run: bool = False) -> dict[str, Any]:
    """Approve or reject a held batch and follow the decision at once; returns its row of `ops.held`.

    Approved, its good rows are validated; rejected, nothing of it is, and what was is dropped. The next load follows.
    The same decision again changes nothing, the opposite replaces it. `is_new` tells whether it was written.
    Raises DataError when no such batch is held, or its bytes are gone and it can no longer be let in.
    """
    if not by.strip() or not reason.strip():
        raise DataError(
            "a decision without a desk or a reason helps nobody later",
            next_step="say who decides with --by, and why with --reason",
        )
    found = holding.find(batch_id)
    if not _is_of_today(found.receipt):
        raise DataError(
            f"{found.receipt.feed_id}: batch {batch_id} was held by version {found.receipt.contract_version} of the "
            "contract, which promises something else today",
            next_step=f"`urbanbrain gate {batch_id}` judges it anew; look at it again and decide then",
        )
    is_new = found.state != decision
    if decision == batches.APPROVED and is_new:
        _require_bytes(found.receipt.batch)
    if not dry_run:
        made = _made(found.receipt, decision, settings.now(), by, reason, batches.COMMAND_LINE)
        _record(made)
        with suppress(BatchRejected):  # which is what was asked for
            judging.gate(str(found.receipt.batch.folder("landing")))
        found = holding.find(batch_id)
    return {**found.figures, "is_new": is_new}


def follow() -> list[str]:
    """Judge batches that were approved and not let in, because whoever decided was killed in between.

    Returns their folders. One that cannot be judged now is told and keeps nobody else waiting.
    """
    let_in = []
    for each in holding.every():
        batch = each.receipt.batch
        is_in = (batch.folder("validated") / lake.RECEIPT).exists()
        if each.state != batches.APPROVED or is_in or not _has_bytes(batch):
            continue
        try:
            let_in.append(judging.gate(str(batch.folder("landing"))))
        except UrbanBrainError as error:
            _log.warning("batch %s was approved and cannot be let in: %s", batch.batch_id, error)
    return let_in


def question(landed: str) -> dict[str, str]:
    """What a person is asked about the held batch that landed there: `subject`, and `body` in Markdown."""
    found = holding.read(lake.same_batch(Path(landed), "held"))
    return holding.question(found, ZoneInfo(contracts.load(found.receipt.feed_id).timezone))


def answer(landed: str, answered: Mapping[str, Any]) -> str:
    """Follow what a person answered in Airflow; returns the folder of the rows let in.

    What was decided on the command line meanwhile holds, whatever is answered afterwards. Raises BatchHeld when
    nothing is decided yet, BatchRejected when the batch is kept out.
    """
    folder = lake.same_batch(Path(landed), "held")
    said = _DECISIONS.get((answered.get("chosen_options") or [LATER])[0])
    # The folder is gone when a contract changed meanwhile, and asks nobody any more.
    found = holding.read(folder) if (folder / lake.RECEIPT).exists() else None
    if found and found.decision is None and said and _is_of_today(found.receipt):
        user = answered.get("responded_by_user") or {}
        made = _made(
            found.receipt,
            said,
            _instant(answered["responded_at"]),
            user.get("name") or user.get("id") or _NOBODY,
            str((answered.get("params_input") or {}).get("reason") or "").strip() or _NO_REASON,
            batches.AIRFLOW,
        )
        _record(made, unless_decided=True)
    elif found and found.decision and said and said != found.decision.decision:
        _log.warning(
            "answered %r, but batch %s was %s by %s via %s before: that holds",
            answered["chosen_options"][0], found.receipt.batch_id, found.state, found.decision.decided_by,
            found.decision.via,
        )  # fmt: skip
    return judging.gate(landed)


def answer_airflow(batch_id: str, decision: str, reason: str) -> str:
    """Tell the Airflow that is named in the settings what was decided, so that no run goes on waiting for it.

    Returns what came of it, in words; empty when no Airflow is named. An Airflow that cannot be asked spoils nothing:
    the decision is kept, and the question ends by itself with `later`, which follows what is decided.
    """
    if not settings.airflow_url():
        return ""
    from pipelines.embedded.api import Airflow

    found = holding.find(batch_id)
    option = next(option for option, meant in _DECISIONS.items() if meant == decision)
    airflow = Airflow(settings.airflow_url())
    try:
        airflow.sign_in(settings.airflow_login())
        questions = airflow.questions(feed_dag(found.receipt.feed_id), batch_id)
        for question in questions:
            _let_it_settle(question)
            airflow.answer(question, option, {"reason": found.decision.reason if found.decision else reason})
    except UrbanBrainError as error:
        return f"Airflow could not be told, the decision stands: {error.message}"
    return f"Airflow: {len(questions)} waiting {'run was' if len(questions) == 1 else 'runs were'} answered"


def _let_it_settle(question: Mapping[str, Any]) -> None:
    """Airflow 3.3 fails a task that is answered in the same moment it begins to wait."""
    age = (datetime.now(UTC) - datetime.fromisoformat(question["created_at"])).total_seconds()
    time.sleep(min(max(_SETTLED_AFTER_SECONDS - age, 0), _SETTLED_AFTER_SECONDS))


def _made(
    receipt: Receipt, decision: str, at: datetime, by: str, reason: str, via: str
) -> batches.BatchDecision:
    return batches.BatchDecision(
        receipt.feed_id, receipt.batch_id, receipt.contract_version, decision, at, by, reason, via
    )


def _record(made: batches.BatchDecision, *, unless_decided: bool = False) -> None:
    """Write a decision, one at a time for a batch, later than the one before it."""
    batch = holding.find(made.batch_id).receipt.batch
    with lake.alone(batch):
        before = batches.about(made.feed_id, made.batch_id, made.contract_version)
        if before and (unless_decided or before.decision == made.decision):
            return
        if before and made.decided_at <= before.decided_at:  # instants are whole seconds
            made = replace(made, decided_at=before.decided_at + timedelta(seconds=1))
        batches.write(made)


def _is_of_today(receipt: Receipt) -> bool:
    """Whether what a person was shown of a held batch is still what today's contract is about."""
    return batches.is_same_promise(receipt.contract_version, contracts.load(receipt.feed_id).version)


def _require_bytes(batch: lake.Batch) -> None:
    if not _has_bytes(batch):
        raise DataError(
            f"the bytes of batch {batch.batch_id} are gone, so its rows can no longer be let in",
            next_step=f"land the window again: `urbanbrain run {batch.feed_id} --window …`",
        )


def _has_bytes(batch: lake.Batch) -> bool:
    folder = batch.folder("landing")
    try:
        receipt = Receipt.read(folder)
    except FileNotFoundError:
        return False
    return all((folder / part.name).exists() for part in receipt.parts)


def _instant(value: datetime | str) -> datetime:
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.astimezone(UTC).replace(microsecond=0)
