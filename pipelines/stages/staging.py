"""Landed bytes become typed rows, after privacy. What leaves here holds no personal value.

Everything is read as text; one statement cleans it, one types it. A text that cannot be read as its column's
type is kept beside the empty value, for the gate to judge; nothing fails because of a value. Rows the contract
does not want are refused and exact repetitions are set aside, each by its number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipelines import areas, database, parts, privacy, readers, settings, values
from pipelines.contract.model import WITHHELD, Column, Contract, EnumValue
from pipelines.database import literal, quoted
from pipelines.lake import ROWS, SET_ASIDE, Window, new_folder
from pipelines.receipt import Part, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

_TRIMMED = " \t\r\n\u00a0\u3000\ufeff\u200b"
_NOTHING = ("", "null", "NULL", "None", "nan", "NaN", "N/A", "\\N", "#N/A")
_DASHES = "[‐‑‒–—―−－]"


def stage(contract: Contract, landed: Path) -> Path:
    """Type one landed batch and return its staged folder.

    The staged `rows.parquet` has `_row_number` (from 1, in the order received), every stored column typed, a
    text column `<name>__bad` with what could not be read, `_received` with the texts before typing (after
    privacy), `_dq_flags` with what was mended, and the area columns. `set_aside.parquet` names the rows that
    were refused or are exact repetitions.

    Raises DataError when the batch cannot be read at all, DataRefused when it shows what must not be kept.
    """
    receipt = Receipt.read(landed)
    target = receipt.batch.folder("staged")
    server = contract.server(receipt.details.get("server") or settings.server())
    key = parts.landing_key(contract)
    contents = [(part.name, _loader(landed, part, key)) for part in receipt.parts]
    connection = database.memory()
    try:
        privacy.install(connection, settings.secret(contract.caller_secret) if contract.caller_secret else "")
        read = readers.read(connection, contents, contract, server)
        staging = _Staging(contract, receipt.window, connection)
        staging.clean()
        staging.type()
        staging.resolve_area()
        duplicate, refused = staging.set_aside()
        with new_folder(target) as folder:
            staging.write(folder)
            replace(
                receipt,
                stage="staged",
                contract_version=contract.version,
                contract_sha256=contract.sha256,
                parts=(),
                received=read.rows,
                duplicate=duplicate,
                refused=refused,
                warnings=(*receipt.warnings, *read.warnings),
                details={
                    **receipt.details,
                    "encoding_actual": read.encoding_actual,
                    "fingerprint": read.fingerprint,
                    "unknown_columns": sorted(read.unknown),
                },
            ).write(folder)
    finally:
        connection.close()
    return target


def _loader(folder: Path, part: Part, key: bytes | None) -> Callable[[], bytes]:
    return lambda: parts.read_part(folder, part, key)


@dataclass
class _Staging:
    """The statements that take one batch from `received` to files, one table a step."""

    contract: Contract
    window: Window
    connection: duckdb.DuckDBPyConnection

    @property
    def _given(self) -> list[Column]:
        """Stored columns that arrive, rather than being known beforehand."""
        return [column for column in self.contract.stored_columns if not column.constant]

    def clean(self) -> None:
        """received → cleaned: trimmed text, nothing for words that mean nothing, tokens for callers."""
        columns = ", ".join(f"{self._cleaned(column)} as {quoted(column.name)}" for column in self._given)
        drops = "".join(f", {quoted(_drop(i))}" for i in range(len(self.contract.drop_rules)))
        self.connection.execute(
            f"create temp table cleaned as select _row_number{drops}, {columns} from received order by _row_number"
        )
        self.connection.execute("drop table received")

    def _cleaned(self, column: Column) -> str:
        text = f"trim({quoted(column.name)}, {literal(_TRIMMED)})"
        if column.fill_down:
            again = f"{text} in ({_literals(column.fill_down)})"
            text = (
                f"case when {again} then last_value(case when {again} then null else {text} end ignore nulls) "
                f"over (order by _row_number) else {text} end"
            )
        if column.normalise == "code" or column.logical_type not in ("string", "array"):
            text = f"trim(half_width({text}))"
        if column.normalise == "code":
            text = f"regexp_replace({text}, {literal(_DASHES)}, '-', 'g')"
        text = f"case when {text} in ({_literals((*_NOTHING, *column.missing_values))}) then null else {text} end"
        if column.part:
            text = values.split_part(text, column.part.index, column.part.separators)
        if column.privacy == "token":
            return (
                f"case when {text} in ({_literals((*column.withheld_values, WITHHELD))}) then {literal(WITHHELD)} "
                f"when {text} is not null then caller_token({text}, {self._epoch()}) end"
            )
        is_free = column.type in ("VARCHAR", "VARCHAR[]") and not (
            column.enum or column.pattern or column.area
        )
        if column.privacy == "mask" or (is_free and self.contract.is_personal):
            return f"mask_text({text})"
        return text

    def type(self) -> None:
        """cleaned → typed: `<name>` as its type, `<name>__bad` where that failed, what was mended."""
        columns = []
        for column in self.contract.stored_columns:
            name = quoted(column.name)
            if column.area:  # resolved next, when the day is known
                columns.append(f"{name} as {quoted(_area_text(column))}")
                continue
            columns.append(f"{self._value(column)} as {name}")
            if _can_be_bad(column):
                bad = f"case when {name} is not null and ({self._value(column)}) is null{_unless_no_date(column)} then {self._hidden(name)} end"
                columns.append(f"{bad} as {quoted(values.bad(column.name))}")
        self.connection.execute(
            f"create temp table typed as select _row_number, {', '.join(columns)}, {self._flags()} as _dq_flags "
            "from cleaned order by _row_number"
        )

    def _value(self, column: Column) -> str:
        name = quoted(column.name)
        if column.constant:
            return self._constant(column)
        if column.enum:
            cases = " ".join(
                f"when half_width({name}) in ({_literals(_wire_values(value))}) then {literal(value.value)}"
                for value in column.enum
            )
            return f"case {cases} else {self._hidden(name)} end"
        if column.pattern and column.type == "VARCHAR":
            return f"case when regexp_matches({name}, {literal(column.pattern)}) then {name} else {self._hidden(name)} end"
        value = values.typed(name, column, self.contract.timezone)
        return f"round({value}, {column.decimals})" if column.privacy == "coarsen" else value

    def _constant(self, column: Column) -> str:
        match column.constant:
            case "window_start":
                return f"timestamptz {literal(self.window.start.isoformat())}"
            case "window_end":
                return f"timestamptz {literal(self.window.end.isoformat())}"
        return f"date {literal(self._last_day().isoformat())}"

    def _hidden(self, text: str) -> str:
        """A text that broke its column's shape will be shown to people: masked where callers are involved."""
        return f"mask_text({text})" if self.contract.is_personal else text

    def _flags(self) -> str:
        """What was mended on a row, as `<column>:<defect>`."""
        flags = []
        for column in self._given:
            if column.logical_type in ("date", "timestamp") and not column.formats:
                name = quoted(column.name)
                for condition, flag in (
                    (values.is_no_date(name), "no_date"),
                    (values.is_midnight_24(name), "24_hours"),
                    (values.is_excel_serial(name), "excel_serial"),
                ):
                    flags.append(f"case when {condition} then {literal(f'{column.name}:{flag}')} end")
        return f"list_filter([{', '.join(flags)}]::varchar[], lambda flag: flag is not null)"

    def resolve_area(self) -> None:
        """typed → located: the code of the area a row names, as of the row's own day."""
        column = next((column for column in self.contract.columns if column.area), None)
        if column is None or column.area is None:
            self.connection.execute("create temp view located as select * from typed")
            return
        folder = settings.project() / "contracts" / "reference"
        areas.load_reference(self.connection, folder, only=("areas", "area_aliases"))
        text, day = quoted(_area_text(column)), self._day(column.area.as_of)
        found = areas.resolution(self.connection, "typed", text, day, column.area.level, "_row_number")
        self.connection.execute(
            f"create temp table located as select typed.* exclude ({text}), area.area_code as {quoted(column.name)}, "
            f"case when {text} is not null and area.area_code is null then {self._hidden(text)} end "
            f"as {quoted(values.bad(column.name))}, "
            "case when area.area_code is not null then area.area_method end as _area_method, "
            "area.area_confidence as _area_confidence "
            f"from typed left join {found} as area on area.row = typed._row_number order by typed._row_number"
        )

    def _day(self, as_of: str) -> str:
        """The day whose areas count: the row's own, or the window's last where the row has none."""
        column = self.contract.column(as_of)
        day = quoted(as_of)
        if column.type == "TIMESTAMPTZ":
            day = f"timezone({literal(self.contract.timezone)}, {day})::date"
        return f"coalesce({day}, date {literal(self._last_day().isoformat())})"

    def set_aside(self) -> tuple[int, int]:
        """Name the rows that go no further; returns how many are duplicate and how many refused."""
        refused = " ".join(
            f"when regexp_matches(trim({quoted(_drop(i))}), {literal(rule.pattern)}) then {literal(rule.reason)}"
            for i, rule in enumerate(self.contract.drop_rules)
        )
        self.connection.execute(
            "create temp table set_aside (_row_number bigint, outcome varchar, reason varchar, same_as bigint)"
        )
        if refused:
            self.connection.execute(
                "insert into set_aside select _row_number, 'refused', reason, null from "
                f"(select _row_number, case {refused} end as reason from cleaned) where reason is not null "
                "order by _row_number"
            )
        key = ", ".join(quoted(name) for name in (*self.contract.key, *self.contract.version_columns))
        everything = ", ".join(f"cleaned.{quoted(column.name)}" for column in self._given)
        self.connection.execute(
            f"insert into set_aside select _row_number, 'duplicate', 'exact repetition', first_row from ("
            f"select cleaned._row_number, min(cleaned._row_number) over (partition by {everything}) as first_row "
            f"from cleaned join located using (_row_number) "
            f"where ({key}) in (select ({key}) from located group by {key} having count(*) > 1) "
            "and cleaned._row_number not in (select _row_number from set_aside)) "
            "where _row_number > first_row order by _row_number"
        )
        counts = self.connection.execute(
            "select count(*) filter (outcome = 'duplicate'), count(*) filter (outcome = 'refused') from set_aside"
        ).fetchone()
        return counts if counts else (0, 0)

    def write(self, folder: Path) -> None:
        received = ", ".join(
            f"{literal(column.name)}: {self._as_received(column)}"
            for column in self._given
            if self._is_changed(column)
        )
        received = f"{{{received}}}" if received else "null::struct(nothing varchar)"
        fresh = (
            ""
            if self.contract.has_area
            else ", null::varchar as _area_method, null::double as _area_confidence"
        )
        self.connection.execute(
            f"copy (select located.*{fresh}, {received} as _received from located join cleaned using (_row_number) "
            "anti join set_aside using (_row_number) order by _row_number) "
            f"to {literal(str(folder / ROWS))} (format parquet, compression snappy)"
        )
        self.connection.execute(
            f"copy (select * from set_aside order by _row_number) to {literal(str(folder / SET_ASIDE))} (format parquet)"
        )

    def _is_changed(self, column: Column) -> bool:
        """Whether the stored value may be written otherwise than it came."""
        return bool(column.enum or column.area or column.type != "VARCHAR")

    def _as_received(self, column: Column) -> str:
        text = f"cleaned.{quoted(column.name)}"
        if column.privacy == "coarsen":
            return f"located.{quoted(column.name)}::varchar"
        if not self.contract.is_personal:
            return text
        if _can_be_bad(column):
            return f"case when located.{quoted(column.name)} is null then mask_text({text}) else {text} end"
        return f"mask_text({text})"

    def _epoch(self) -> str:
        """Two digits of the window's year: tokens of different years cannot be linked."""
        return literal(f"{self._last_day():%y}")

    def _last_day(self) -> date:
        return (
            (self.window.end - timedelta(microseconds=1)).astimezone(ZoneInfo(self.contract.timezone)).date()
        )


def _drop(index: int) -> str:
    return f"_drop_{index + 1}"


def _area_text(column: Column) -> str:
    return f"{column.name}__text"


def _can_be_bad(column: Column) -> bool:
    return column.type != "VARCHAR" and not column.constant


def _unless_no_date(column: Column) -> str:
    if column.logical_type in ("date", "timestamp") and not column.formats:
        return f" and not {values.is_no_date(quoted(column.name))}"
    return ""


def _wire_values(value: EnumValue) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys((value.value, value.label, *value.wire)) if text)


def _literals(texts: tuple[str, ...]) -> str:
    return ", ".join(literal(text) for text in texts)
