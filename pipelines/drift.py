"""Drift: what arrived is no longer what the contract says. Found and worded here; the contract's `drift` says what follows.

    new_column        a name nobody asked for             accept · warn · hold · fail
    missing_column    a name that did not come            accept · warn · hold · fail
    retyped_column    most values cannot be read          quarantine · hold · fail
    reordered_column  stands behind another column        accept · warn · hold · fail
    new_value         a value that is not among the few   warn · quarantine · hold · fail

What is accepted is not drift and told nowhere. A field a JSON or XML record may leave out is no more than warned of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from pipelines import values
from pipelines.contract.model import Column, Contract, Mode
from pipelines.contract.rules import enum_words
from pipelines.database import count, quoted
from pipelines.errors import DataError
from pipelines.readers import Read
from pipelines.readers.columns import safe
from pipelines.receipt import Hold, Receipt

if TYPE_CHECKING:
    import duckdb

Kind = Literal["new_column", "missing_column", "retyped_column", "reordered_column", "new_value"]
FEW_VALUES = 20
"""Below so many values nobody can say that a column was retyped."""
_MOST = 100
_MOST_VALUES = 20
_TYPE_NAMES = {
    "integer": ("whole numbers", "整数"),
    "number": ("numbers", "数字"),
    "boolean": ("yes or no", "是或否"),
    "date": ("dates", "日期"),
    "timestamp": ("dates and times", "日期时间"),
    "array": ("lists", "列表"),
}
_SHAPES = {"numbers": "数字", "dates": "日期", "text": "文字"}
_KEY = "drift"


@dataclass(frozen=True)
class Drift:
    """One thing that is not as the contract says, in one batch, with the mode the contract has for it.

    `column` is ours, of a new column the source's. `found` is what came instead: a name, a value, the shape of values.
    `rows` counts the rows it shows in, 0 where it shows in the header.
    """

    kind: Kind
    column: str
    found: str
    expected: str
    mode: Mode
    nearest: str = ""
    rows: int = 0
    said_en: str = ""
    said_zh: str = ""


def of_header(contract: Contract, read: Read) -> Iterator[Drift]:
    """Names that are new, missing or elsewhere."""
    modes = contract.drift
    if modes.new_columns != "accept":
        for name in read.unknown[:_MOST]:
            yield Drift(
                "new_column", name, name, "", modes.new_columns, "", 0,
                f"new column {name!r}, left out", f"新增列“{name}”，未入库",
            )  # fmt: skip
    if modes.missing_columns != "accept":
        for each in read.missing:
            near = f"; nearest found: {each.nearest}" if each.nearest else ""
            near_zh = f"，最接近的列为 {each.nearest}" if each.nearest else ""
            yield Drift(
                "missing_column", each.column, each.nearest, each.expected, modes.missing_columns, each.nearest, 0,
                f"{'required ' if each.is_required else ''}column {each.column} is missing: expected {each.expected}{near}",
                f"缺少{'必填' if each.is_required else ''}列 {each.column}：应为 {each.expected.replace(' or ', ' 或 ')}{near_zh}",
            )  # fmt: skip
        for name in read.absent:
            wires = " or ".join(map(repr, contract.column(name).join or contract.column(name).wire))
            yield Drift(
                "missing_column", name, "", wires, "warn", "", 0,
                f"no record has {name}, which need not be there", f"所有记录均无选填字段 {name}",
            )  # fmt: skip
    if modes.reordered_columns != "accept":
        for name, stands, should in read.moved:
            yield Drift(
                "reordered_column", name, stands, should, modes.reordered_columns, "", 0,
                f"column {name} stands {_behind(stands)}, expected {_behind(should)}; columns are found by name",
                f"列 {name} 位于 {stands or '最前'} 之后，应在 {should or '最前'} 之后；按列名识别，不影响取值",
            )  # fmt: skip


def _behind(name: str) -> str:
    return f"behind {name}" if name else "first"


def of_values(
    connection: duckdb.DuckDBPyConnection, contract: Contract, columns: Sequence[Column], rows: str
) -> Iterator[Drift]:
    """Columns most of whose values cannot be read, and values nobody knows, of the given columns that arrived.

    `rows` is a query of the typed rows, each text that could not be read beside its column, after privacy.
    """
    readable = [column for column in columns if column.type != "VARCHAR" and not (column.area or column.enum)]
    if readable:
        counts = ", ".join(
            f"count({quoted(column.name)}), count({quoted(values.bad(column.name))})" for column in readable
        )
        found = connection.execute(f"select {counts} from ({rows})").fetchone() or ()
        for place, column in enumerate(readable):
            good, bad = found[2 * place], found[2 * place + 1]
            if good + bad >= FEW_VALUES and bad > contract.drift.retyped_share * (good + bad):
                yield _retyped(connection, contract, column, rows, good, bad)
    for column in columns:
        if column.enum and not column.area:
            yield from _new_values(connection, contract, column, rows)


def _retyped(
    connection: duckdb.DuckDBPyConnection,
    contract: Contract,
    column: Column,
    rows: str,
    good: int,
    bad: int,
) -> Drift:
    text = quoted(values.bad(column.name))
    shape = (
        f"case when regexp_full_match({text}, '[+-]?[0-9]+([.,][0-9]+)*') then 'numbers' "
        f"when regexp_matches({text}, '^[0-9]{{4}}[-/.年][0-9]{{1,2}}') then 'dates' else 'text' end"
    )
    answer = connection.execute(
        f"select {shape} as shape from ({rows}) where {text} is not null group by all order by count(*) desc, shape limit 1"
    ).fetchone()
    found = str(answer[0]) if answer else "text"
    english, chinese = _TYPE_NAMES[column.logical_type]
    return Drift(
        "retyped_column", column.name, found, english, contract.drift.retyped_columns, "", bad,
        f"column {column.name} is no longer {english}: {bad:,} of {good + bad:,} values cannot be read, most are {found}",
        f"列 {column.name} 不再是{chinese}：{good + bad:,} 个值中有 {bad:,} 个无法读取，多为{_SHAPES[found]}",
    )  # fmt: skip


def _new_values(
    connection: duckdb.DuckDBPyConnection, contract: Contract, column: Column, rows: str
) -> Iterator[Drift]:
    text = f"mask_text({quoted(values.bad(column.name))})"
    answer = connection.execute(
        f"select {text} as value, count(*) as rows from ({rows}) where {quoted(values.bad(column.name))} is not null "
        f"group by all order by rows desc, value limit {_MOST_VALUES}"
    ).fetchall()
    found: dict[str, int] = {}
    for value, number in answer:
        found[safe(str(value))] = found.get(safe(str(value)), 0) + number
    english, chinese = enum_words(column)
    for value, number in found.items():
        yield Drift(
            "new_value", column.name, value, english, contract.drift.new_values, "", number,
            f"column {column.name} has the value {value!r} in {number:,} row(s), expected {english}",
            f"列 {column.name} 出现新值“{value}”（{number:,} 行），{chinese}",
        )  # fmt: skip


def refuse(contract: Contract, drifts: Iterable[Drift]) -> None:
    """Raise DataError when the contract takes no batch with any of this."""
    if said := [each.said_en for each in drifts if each.mode == "fail"]:
        raise DataError(
            f"{contract.feed_id}: the source no longer sends what the contract says\n"
            + "\n".join(f"  {line}" for line in said),
            next_step=f"ask the source what changed; the mode for it is in `drift` of {contract.path or 'the contract'}",
        )


def warnings(read: Read, drifts: Iterable[Drift]) -> list[str]:
    """A line for each, but for what reading has told of already: new columns, and fields that need not be there."""
    told = [
        each
        for each in drifts
        if each.kind != "new_column" and not (each.kind == "missing_column" and each.column in read.absent)
    ]
    return [f"drift: {reason.text_en}" for reason in _reasons(told)]


def keep(drifts: Iterable[Drift]) -> dict[str, Any]:
    """What goes into a receipt's details."""
    return {_KEY: [asdict(each) for each in drifts]}


def kept(receipt: Receipt) -> list[Drift]:
    """What a receipt knows of drift."""
    return [Drift(**each) for each in receipt.details.get(_KEY, ())]


def holds(drifts: Iterable[Drift]) -> tuple[Hold, ...]:
    """Why the batch has to wait for a person."""
    return tuple(_reasons(each for each in drifts if each.mode == "hold"))


def _reasons(drifts: Iterable[Drift]) -> Iterator[Hold]:
    """In words that may be shown to anybody: a new value is counted, not named."""
    unknown: dict[str, int] = {}
    for each in drifts:
        if each.kind == "new_value":
            unknown[each.column] = unknown.get(each.column, 0) + each.rows
        else:
            yield Hold(each.kind, each.said_en, each.said_zh)
    for column, rows in unknown.items():
        english = f"column {column} has a value nobody knows in {rows:,} row(s)"
        yield Hold("new_value", english, f"列 {column} 有 {rows:,} 行出现未知取值")


def load(connection: duckdb.DuckDBPyConnection, contract: Contract, receipt: Receipt) -> None:
    """Put what a receipt knows of drift into `ops.drift`, as one statement of lists."""
    found = kept(receipt)
    if not found:
        return
    names = ("kind", "column", "found", "expected", "mode", "rows", "said_en", "said_zh")
    connection.execute(
        "insert into ops.drift by name select ? as feed_id, ? as level, ? as window_start, ? as batch_id, "
        "unnest(?) as kind, unnest(?) as column_name, unnest(?) as found, unnest(?) as expected, unnest(?) as mode, "
        "unnest(?) as row_count, unnest(?) as said_en, unnest(?) as said_zh, ? as landed_at, landed_at as first_seen_at",
        [
            receipt.feed_id, contract.level, receipt.window.start, receipt.batch_id,
            *([getattr(each, name) for each in found] for name in names), receipt.landed_at,
        ],
    )  # fmt: skip


def tell(connection: duckdb.DuckDBPyConnection, contracts: Sequence[Contract]) -> None:
    """Say of everything in `ops.drift` when it was seen first; whatever order batches were loaded in, the same."""
    zones = [[contract.feed_id for contract in contracts], [contract.timezone for contract in contracts]]
    connection.execute(
        "create or replace temp table drift_told as "
        "with zones as (select unnest(?) as feed_id, unnest(?) as zone), "
        "firsts as (select *, min(landed_at) over (partition by feed_id, kind, column_name, found) as first_at, "
        "regexp_replace(said_en, '^since [0-9-]{10}: ', '') as plain_en, "
        "regexp_replace(said_zh, '^自[0-9-]{10}起：', '') as plain_zh from ops.drift) "
        "select firsts.* exclude (first_at, plain_en, plain_zh) replace (first_at as first_seen_at, "
        "case when landed_at > first_at then 'since ' || strftime(timezone(coalesce(zone, 'UTC'), first_at), '%Y-%m-%d') "
        "|| ': ' else '' end || plain_en as said_en, "
        "case when landed_at > first_at then '自' || strftime(timezone(coalesce(zone, 'UTC'), first_at), '%Y-%m-%d') "
        "|| '起：' else '' end || plain_zh as said_zh) from firsts left join zones using (feed_id)",
        zones,
    )
    if count(connection, "select count(*) from (from drift_told except from ops.drift)"):
        connection.execute("delete from ops.drift")
        connection.execute(
            "insert into ops.drift by name from drift_told "
            "order by feed_id, landed_at, window_start, batch_id, kind, column_name, found"
        )
    connection.execute("drop table drift_told")
