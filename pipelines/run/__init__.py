"""What a person or a scheduler can ask for. A command and a DAG task make the same call into this room.

land → gate                 any number at once, a feed and window each
load → build → publish      one process at a time

    windows     what people mean by a day or a range
    batches     land, gate
    repulls     a source asked once more, or for all it holds
    backfills   many windows of the past, one after the other
    held        what a person decides about a batch
    warehouse   load, build, check, publish
    scorecards  a period as known on a day
    editions    the official code list
    freshness   what is due, late or missing by the clock
    quarantine  what waits there, sheets that go out
    corrections sheets that come back, rows given up
    inbox       sheets somebody dropped
    tracing     one row, back and forward
    answers     what the warehouse knows of the channel itself
    drifts      where sources no longer send what their contracts say
    promises    what contracts promise, and how that changes
    published   every release, one in words, whether it is whole
    serving     the copy of a release in PostgreSQL
    uploads     a release at another place
    attacks     whether anybody can reckon what a release hides
    rebuilding  a release made again elsewhere
    recipes     a home made from what a release names
    differing   what changed between two releases, and why
    keeping     what stays and what goes once its time is over
    opening     the warehouse, opened for one call
"""

from __future__ import annotations

from pipelines.outlets.uploading import Uploaded
from pipelines.provenance.causes import CAUSES
from pipelines.run.answers import summary
from pipelines.run.attacks import audit_release
from pipelines.run.backfills import Backfilled, Plan, Told, backfill, backfill_plan
from pipelines.run.batches import ROW_EQUATION, counts, gate, land, run
from pipelines.run.corrections import RowOutcome, discard, resubmit
from pipelines.run.differing import Difference, release_difference
from pipelines.run.drifts import drifts
from pipelines.run.editions import edition_differences, edition_summary, load_edition
from pipelines.run.freshness import notify, status
from pipelines.run.held import answer, answer_airflow, decide, held, held_batch, question, unreadable_held
from pipelines.run.inbox import inbox_summary, take_inbox
from pipelines.run.keeping import Pruned, pin, prune, unpin, upkeep
from pipelines.run.promises import contract_diff, contract_lock, contract_show
from pipelines.run.published import find_release, release_list, release_summary, verify_releases
from pipelines.run.quarantine import correction_sheet, quarantined, quarantined_row, quarantined_rows
from pipelines.run.rebuilding import Rebuilt, rebuild_release
from pipelines.run.repulls import ask_again
from pipelines.run.scorecards import scorecard
from pipelines.run.serving import guard_serving, offered_release, serve_release
from pipelines.run.tracing import trace
from pipelines.run.uploads import upload
from pipelines.run.warehouse import build, check, load, publish
from pipelines.run.windows import Instant, window

__all__ = [
    "CAUSES",
    "ROW_EQUATION",
    "Backfilled",
    "Difference",
    "Instant",
    "Plan",
    "Pruned",
    "Rebuilt",
    "RowOutcome",
    "Told",
    "Uploaded",
    "answer",
    "answer_airflow",
    "ask_again",
    "audit_release",
    "backfill",
    "backfill_plan",
    "build",
    "check",
    "contract_diff",
    "contract_lock",
    "contract_show",
    "correction_sheet",
    "counts",
    "decide",
    "discard",
    "drifts",
    "edition_differences",
    "edition_summary",
    "find_release",
    "gate",
    "guard_serving",
    "held",
    "held_batch",
    "inbox_summary",
    "land",
    "load",
    "load_edition",
    "notify",
    "offered_release",
    "pin",
    "prune",
    "publish",
    "quarantined",
    "quarantined_row",
    "quarantined_rows",
    "question",
    "rebuild_release",
    "release_difference",
    "release_list",
    "release_summary",
    "resubmit",
    "run",
    "scorecard",
    "serve_release",
    "status",
    "summary",
    "take_inbox",
    "trace",
    "unpin",
    "unreadable_held",
    "upkeep",
    "upload",
    "verify_releases",
    "window",
]
