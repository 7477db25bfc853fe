"""`urbanbrain trace TABLE KEY`: one row, back to the bytes and forward to the releases."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer
from rich.markup import escape

from pipelines.cli.screen import out

_FORMATS = ("text", "json")


def trace(
    table: Annotated[str, typer.Argument(help="Table of a feed, or one of governance or core.")],
    key: Annotated[
        str, typer.Argument(help="Primary key; several parts joined with /. An old case id will do.")
    ],
    with_bytes: Annotated[
        bool, typer.Option("--bytes", help="Show the record as received; personal columns after privacy.")
    ] = False,
    form: Annotated[str, typer.Option("--format", "-f", help="text or json.")] = "text",
) -> None:
    """Say where a row came from and where it went. 追溯一行数据的来源与去向。

    Back: the records it is made of, each version and every batch that brought it, its row numbers there, the landed
    parts with their sha256; rows set aside, and what an office corrected. Forward: the tables and cases it went into
    and the releases that hold it.

    urbanbrain trace governance.cases GC2611-0123456789ab
    urbanbrain trace city.hotline_orders 20261117000123 --bytes
    """
    from pipelines import run

    if form not in _FORMATS:
        raise typer.BadParameter(
            f"{form!r} is no format; give one of {', '.join(_FORMATS)}", param_hint="--format"
        )
    found = run.trace(table, key, with_bytes=with_bytes)
    if form == "json":
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n")
        return
    if found["asked_for"] != found["key"]:
        _say(f"{found['asked_for']} is part of {found['key']} today")
    _say(f"[bold]{escape(found['table'])}[/] {escape(found['key'])}")
    for record in found["records"]:
        _say_record(record)
    if found["made_of"]:
        _say(f"  sums up many rows of {', '.join(found['made_of'])}")
    for reader in found["readers"]:
        shown = ", ".join("/".join(map(str, row.values())) for row in reader["rows"][:5])
        more = f" and {reader['count'] - 5:,} more" if reader["count"] > 5 else ""
        _say(f"  → {reader['table']} {escape(reader['why'])}: {escape(shown)}{more}")
    for release in found["releases"]:
        current = " (current)" if release["is_current"] else ""
        holds = f"in {', '.join(release['tables'])}" if release["tables"] else "made of its batches"
        _say(f"  → release {release['release_id']}{current}: {holds}")
    if not found["releases"]:
        _say(f"  → no release {'that is left' if found['pruned'] else 'yet'}")
    if found["pruned"]:
        _say(f"  {found['pruned']:,} releases were pruned and not asked")


def _say_record(record: dict[str, Any]) -> None:
    loaded = "" if record["is_loaded"] else "  (not loaded)"
    _say(f"  ← [bold]{record['table']}[/] {escape(record['key'])}{loaded}")
    for row in record.get("quarantine", []):
        reasons = "; ".join(str(reason["text_en"]) for reason in row.get("reasons", []))
        _say(f"      set aside: batch {row['batch_id']} row {row['row_number']}: {escape(reasons)}")
    for row in record.get("corrections", []):
        _say(
            f"      {row['outcome']}: row {row['row_number']} of batch {row['batch_id']}, by {escape(str(row.get('corrected_by', 'nobody')))} "
            f"on {row['corrected_at']:%Y-%m-%d %H:%M}: {escape(str(row.get('reason', '')))}"
        )
    for batch in record["batches"]:
        numbers = ", ".join(map(str, batch["row_numbers"][:10])) + (
            " …" if len(batch["row_numbers"]) > 10 else ""
        )
        _say(
            f"      {batch['landed_at']:%Y-%m-%d %H:%M} batch {batch['batch_id']} row {numbers}"
            + (f" ({batch['origin']})" if batch["origin"] != "source" else "")
            + (_newest(record, batch) if len(record["versions"]) > 1 else "")
        )
        _say(f"        {batch['landed']}")
        for part in batch["parts"]:
            _say(f"        {part['name']}  {part['bytes']:,} bytes  sha256 {part['sha256']}")
        if batch["bytes"] != "kept":
            _say(f"        bytes {batch['bytes']}")
        for row in batch.get("received", []):
            _say("        " + escape(json.dumps(row, ensure_ascii=False)))


def _newest(record: dict[str, Any], batch: dict[str, Any]) -> str:
    """From when to when what the batch brought was the newest known."""
    for version in record["versions"]:
        if version["_batch_id"] == batch["batch_id"] and version.get("_known_from"):
            until = f" until {version['_known_to']:%Y-%m-%d %H:%M}" if version["_known_to"] else ""
            return f"  newest known from {version['_known_from']:%Y-%m-%d %H:%M}{until}"
    return ""


def _say(line: str) -> None:
    out.print(line, soft_wrap=True, highlight=False)
