"""Received texts become typed rows, after privacy: the statements, one table a step. What they write holds no
personal value.

    received ─▶ cleaned ─▶ typed ─▶ located ─▶ files
                                       └▶ set_aside

Everything is text until one statement types it. A text that cannot be read as its column's type is kept beside the
empty value, for the gate to judge; nothing fails because of a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from zoneinfo import ZoneInfo

from pipelines import areas, drift, mending, readers, settings, values
from pipelines.areas import outlines, places
from pipelines.contract.model import TEST, WITHHELD, Column, Contract, EnumValue
from pipelines.database import literal, quoted
from pipelines.lake import ROWS, SET_ASIDE, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import duckdb

_NOTHING = ("", "null", "NULL", "None", "nan", "NaN", "N/A", "\\N", "#N/A")
_MASKED_AT_SOURCE = "[*＊×✱●•#]{3,}|[xXＸｘ]{4,}"


@dataclass
class TypedRows:
    """The statements that take one batch from `received` to files, one table a step."""

    contract: Contract
    window: Window
    landed_at: datetime
    connection: duckdb.DuckDBPyConnection
    mended: frozenset[str] = frozenset()
    """What the reader mended in whole parts."""
    repetitions_go: ClassVar[bool] = True

    @property
    def given(self) -> list[Column]:
        """Stored columns that arrive, rather than being known beforehand."""
        return [column for column in self.contract.judged_columns if not column.constant]

    def clean(self) -> None:
        """received → cleaned: trimmed text, nothing for words that mean nothing, tokens for callers, masks.

        One step a sub-query: an expression that names a text several times would multiply with every step.
        """
        query = "received"
        for step in (self._trimmed, self._filled, mending.narrow, self._meant, self._parted, self._private):
            columns = [(column, step(column)) for column in self.given]
            changed = ", ".join(f"{sql} as {quoted(column.name)}" for column, sql in columns if sql)
            noted = ""
            if step == self._filled:
                noted = f", {mending.filled_flags(self.given)} as _filled"
            elif step == mending.narrow:
                noted = f", {mending.narrow_flags(self.given)} as _narrowed"
            if changed or noted:
                replaced = f" replace ({changed})" if changed else ""
                query = f"(select *{replaced}{noted} from {query})"
        masked = [quoted(each.name) for each in self.given if self._is_masked(each)]
        query = self._with_masks(query, masked, "mask_text", self._is_new)
        self.connection.execute(f"create temp table cleaned as select * from {query} order by _row_number")
        self.connection.execute("drop table received")

    def _with_masks(
        self, query: str, names: list[str], macro: str, is_new: Callable[[str], str] = lambda _: ""
    ) -> str:
        """A sub-query with these texts masked at once: the patterns are compiled once, not once a column."""
        if not names:
            return query
        replaced = ", ".join(
            f"case when {new} then _masked[{i + 1}] else {name} end as {name}"
            if (new := is_new(name))
            else f"_masked[{i + 1}] as {name}"
            for i, name in enumerate(names)
        )
        masks = f"list_transform([{', '.join(names)}], lambda text: {macro}(text))"
        return f"(select * exclude (_masked) replace ({replaced}) from (select *, {masks} as _masked from {query}))"

    def _is_new(self, name: str) -> str:
        """SQL for whether a value has not been through privacy yet; empty where none has."""
        return ""

    def _trimmed(self, column: Column) -> str:
        return f"trimmed({quoted(column.name)})"

    def _filled(self, column: Column) -> str:
        if not column.fill_down:
            return ""
        name = quoted(column.name)
        again = f"{name} in ({_literals(column.fill_down)})"
        return (
            f"case when {again} then last_value(case when {again} then null else {name} end ignore nulls) "
            f"over (order by _row_number) else {name} end"
        )

    def _meant(self, column: Column) -> str:
        name = quoted(column.name)
        return f"case when {name} in ({_literals((*_NOTHING, *column.missing_values))}) then null else {name} end"

    def _parted(self, column: Column) -> str:
        if not column.part:
            return ""
        return values.split_part(quoted(column.name), column.part.index, column.part.separators)

    def _private(self, column: Column) -> str:
        if column.privacy != "token":
            return ""
        name = quoted(column.name)
        is_withheld = (
            f"{name} in ({_literals((*column.withheld_values, WITHHELD))}) "
            # What is left of a masked number, 150××××, many callers share: a token would make them one.
            f"or regexp_matches({name}, {literal(_MASKED_AT_SOURCE)})"
        )
        if column.token_overlap:
            before = self._epoch(column.token_overlap)
            token = f"case when {before} <> {self._epoch()} then caller_token({name}, {before}) end"
            return f"case when {is_withheld} then null when {name} is not null then {token} end"
        tested = ""
        if column.test_pattern:
            tested = f"when regexp_matches(half_width({name}), {literal(column.test_pattern)}) then {literal(TEST)} "
        return (
            f"case {tested}when {is_withheld} then {literal(WITHHELD)} "
            f"when {name} is not null then caller_token({name}, {self._epoch()}) end"
        )

    def _is_masked(self, column: Column) -> bool:
        """Free text of a feed with personal columns is masked wherever it stands, not only where it is expected."""
        is_free = column.logical_type in ("string", "array") and not (
            column.enum or column.pattern or column.area
        )
        return column.privacy == "mask" or (
            is_free and self.contract.is_personal and column.privacy != "token"
        )

    def type(self) -> None:
        """cleaned → typed: `<name>` as its type, `<name>__bad` with the text where that failed, what was mended."""
        columns = []
        for column in self.contract.judged_columns:
            name = quoted(column.name)
            if column.area:  # resolved next, when the day is known
                columns.append(f"{name} as {quoted(_area_text(column))}")
            elif column.constant:
                columns.append(f"{self._constant(column)} as {name}")
            elif _can_be_bad(column):
                columns.append(f"{self._value(column)} as {name}")
                columns.append(f"{name} as {quoted(values.bad(column.name))}")
            else:
                columns.append(name)
        bads = ", ".join(
            f"case when {quoted(column.name)} is null{_unless_no_date(column)} then {quoted(values.bad(column.name))} end "
            f"as {quoted(values.bad(column.name))}"
            for column in self.given
            if _can_be_bad(column) and not column.area
        )
        replaced = ", ".join(filter(None, (bads, mending.set_right(self.given, self.landed_at))))
        self.connection.execute(
            f"create temp table typed as select * {f'replace ({replaced})' if replaced else ''} from "
            f"(select _row_number, {', '.join(columns)}, {mending.flags(self.given, self.mended)} as _dq_flags from cleaned) order by _row_number"
        )

    def _value(self, column: Column) -> str:
        name = quoted(column.name)
        if column.enum:
            # Half-width only where the text as it is says nothing: folding every row would cost the most of all.
            plain, folded = (
                " ".join(
                    f"when {text} in ({_literals(_wire_values(value))}) then {literal(value.value)}"
                    for value in column.enum
                )
                for text in (name, f"half_width({name})")
            )
            return f"case {plain} else case {folded} end end"
        if column.pattern and column.type == "VARCHAR":
            return f"case when regexp_matches({name}, {literal(column.pattern)}) then {name} end"
        value = values.typed(name, column, self.contract.timezone)
        return f"round({value}, {column.decimals})" if self._is_coarse(column) else value

    def _is_coarse(self, column: Column) -> bool:
        """Whether to coarsen here; a point that is converted next is made coarse after that."""
        crs = self.contract.crs
        is_converted = crs is not None and crs.system != "wgs84" and column.name in (crs.lon, crs.lat)
        return column.privacy == "coarsen" and not is_converted

    def _constant(self, column: Column) -> str:
        match column.constant:
            case "window_start":
                return f"timestamptz {literal(self.window.start.isoformat())}"
            case "window_end":
                return f"timestamptz {literal(self.window.end.isoformat())}"
            case "outline_areas":  # divided next, when the day is known
                return "null::varchar[]"
        return f"date {literal(self._last_day().isoformat())}"

    def resolve_area(self) -> None:
        """typed → located: points in WGS-84, the area a row lies in as of its own day; unread texts masked."""
        places.convert(self.connection, self.contract, "typed", "cleaned")
        query = "(select *, null::varchar as _area_method, null::double as _area_confidence from typed)"
        column = next((column for column in self.contract.columns if column.area), None)
        if column and column.area:
            folder = settings.project() / "contracts" / "reference"
            areas.load_reference(self.connection, folder, only=areas.NEEDED)
            text, day = quoted(_area_text(column)), self._day(column.area.as_of)
            found = places.locate(self.connection, self.contract, column, "typed", text, day)
            query = (
                f"(select typed.* exclude ({text}) replace (list_concat(_dq_flags, area.flags) as _dq_flags), area.area_code as {quoted(column.name)}, "
                f"case when area.area_code is null then {text} end as {quoted(values.bad(column.name))}, "
                "case when area.area_code is not null then area.area_method end as _area_method, "
                f"area.area_confidence as _area_confidence "
                f"from typed left join {found} as area on area.row = typed._row_number)"
            )
        bads = [quoted(values.bad(column.name)) for column in self.given if _can_be_bad(column)]
        if bads and self.contract.is_personal:  # people will be shown what could not be read
            codes = [quoted(values.bad(column.name)) for column in self.given if column.normalise == "code"]
            query = self._with_masks(query, [name for name in bads if name not in codes], "mask_text")
            query = self._with_masks(query, [name for name in bads if name in codes], "mask_code")
        shown = ", ".join(
            f"coalesce({quoted(column.name)}, {quoted(values.bad(column.name))}) as {quoted(column.name)}"
            for column in self.given
            if _keeps_text(column)
        )
        self.connection.execute(
            f"create temp table located as select * {f'replace ({shown})' if shown else ''} from {query} "
            "order by _row_number"
        )
        self.connection.execute("drop table typed")
        if column and column.area:
            outlines.divide(self.connection, self.contract, "located", self._day(column.area.as_of))

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
        if self.repetitions_go:
            self._set_repetitions_aside()
        counts = self.connection.execute(
            "select count(*) filter (outcome = 'duplicate'), count(*) filter (outcome = 'refused') from set_aside"
        ).fetchone()
        return counts if counts else (0, 0)

    def _set_repetitions_aside(self) -> None:
        key = ", ".join(quoted(name) for name in (*self.contract.row_key, *self.contract.row_versions))
        everything = ", ".join(quoted(column.name) for column in self.given)
        self.connection.execute(
            "insert into set_aside select _row_number, 'duplicate', 'exact repetition', first_row from ("
            f"select _row_number, min(_row_number) over (partition by {everything}) as first_row from cleaned "
            f"where _row_number in (select _row_number from located where ({key}) in "
            f"(select ({key}) from located group by {key} having count(*) > 1)) "
            "and _row_number not in (select _row_number from set_aside)) "
            "where _row_number > first_row order by _row_number"
        )

    def drift(self, read: readers.Read) -> Iterator[drift.Drift]:
        """What the values say: columns of another type now, values nobody knows."""
        gone = {*read.absent, *(each.column for each in read.missing)}
        columns = [column for column in self.given if _can_be_bad(column) and column.name not in gone]
        rows = "from located anti join set_aside using (_row_number)"
        return drift.of_values(self.connection, self.contract, columns, rows)

    def wrong_totals(self) -> list[str]:
        """Control totals that are not the sum of the rows before them, of all or of those since the last such row."""
        found = []
        for index, rule in enumerate(self.contract.drop_rules):
            for name in rule.totals:
                column = quoted(name)
                kept = f"select sum({column}) from located where _row_number not in (select _row_number from gone)"
                rows = self.connection.execute(
                    "with gone as (select _row_number from set_aside where outcome = 'refused'), "
                    f"totals as (select _row_number as place, located.{column} as stated, coalesce((select max(_row_number) "
                    f"from gone where _row_number < place), 0) as previous from located join cleaned using (_row_number) "
                    f"where regexp_matches(trim({quoted(_drop(index))}), {literal(rule.pattern)}) and located.{column} is not null) "
                    f"select place, stated, coalesce(({kept} and _row_number < place), 0) as everything, "
                    f"coalesce(({kept} and _row_number between previous and place), 0) as latest from totals "
                    "where abs(stated - everything) > 1e-6 and abs(stated - latest) > 1e-6 order by place"
                ).fetchall()
                found += [
                    f"row {place}: {name} of the {rule.reason} is {stated:g}, the rows before it give {everything:g}"
                    for place, stated, everything, _ in rows
                ]
        return found

    def write(self, folder: Path) -> None:
        received = self.texts([column for column in self.given if _can_be_bad(column)])
        kept = ", ".join(quoted(values.bad(column.name)) for column in self.given if _keeps_text(column))
        self.connection.execute(
            f"copy (select located.* {f'exclude ({kept})' if kept else ''}, {received} as _received "
            "from located join cleaned using (_row_number) anti join set_aside using (_row_number) "
            f"order by _row_number) to {literal(str(folder / ROWS))} (format parquet, compression snappy)"
        )
        self.connection.execute(
            f"copy (select * from set_aside order by _row_number) to {literal(str(folder / SET_ASIDE))} (format parquet)"
        )

    def texts(self, columns: Sequence[Column]) -> str:
        """A struct of texts before typing, after privacy: of rows of `located` beside `cleaned`."""
        texts = ", ".join(
            f"{literal(column.name)}: "
            + (self._as_received(column) if _can_be_bad(column) else f"located.{quoted(column.name)}")
            for column in columns
        )
        return f"{{{texts}}}" if texts else "{nothing: null::varchar}"

    def _as_received(self, column: Column) -> str:
        """The text before typing: the masked one where it could not be read, coarse where the value is coarsened."""
        bad = f"located.{quoted(values.bad(column.name))}"
        if column.privacy == "coarsen":
            text = f"located.{quoted(column.name)}::varchar"
        else:
            text = f"cleaned.{quoted(column.name)}"
        if self.contract.is_personal and column.is_numeric:  # a telephone number is a whole number, too
            text = f"mask_text({text})"
        return f"coalesce({bad}, {text})"

    def _epoch(self, earlier: timedelta = timedelta()) -> str:
        """Two digits of the year of the row's own day: tokens of different years cannot be linked.

        The row's, not the pull's: an order pulled again in January keeps December's token.
        `earlier` asks for the year that long before.
        """
        fallback = literal(f"{self._last_day() - earlier:%y}")
        area = next((column.area for column in self.contract.columns if column.area), None)
        if area is None or self.contract.column(area.as_of).constant:
            return fallback
        column = self.contract.column(area.as_of)
        moment = values.typed(quoted(column.name), column, self.contract.timezone)
        if column.type == "TIMESTAMPTZ":
            moment = f"timezone({literal(self.contract.timezone)}, {moment})"
        if earlier:
            moment = f"{moment} - to_seconds({earlier.total_seconds():.0f})"
        return f"coalesce(strftime({moment}, '%y'), {fallback})"

    def _last_day(self) -> date:
        return (
            (self.window.end - timedelta(microseconds=1)).astimezone(ZoneInfo(self.contract.timezone)).date()
        )


def _drop(index: int) -> str:
    return f"_drop_{index + 1}"


def _area_text(column: Column) -> str:
    return f"{column.name}__text"


def _can_be_bad(column: Column) -> bool:
    """Whether a text given for the column may turn out not to be a value of it."""
    return not column.constant and bool(column.type != "VARCHAR" or column.area or _keeps_text(column))


def _keeps_text(column: Column) -> bool:
    """Whether a text that is no value of the column stays in it, for its own rule to judge."""
    return column.type == "VARCHAR" and not column.area and bool(column.enum or column.pattern)


def _unless_no_date(column: Column) -> str:
    if column.logical_type in ("date", "timestamp"):
        return f" and not {values.is_no_date(quoted(values.bad(column.name)))}"
    return ""


def _wire_values(value: EnumValue) -> tuple[str, ...]:
    return tuple(text for text in dict.fromkeys((value.value, value.label, *value.wire)) if text)


def _literals(texts: tuple[str, ...]) -> str:
    return ", ".join(literal(text) for text in texts)
