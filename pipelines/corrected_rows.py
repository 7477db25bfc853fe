"""Rows an office sends back become typed rows: what went through privacy once is kept as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from pipelines import values
from pipelines.contract.model import Column, Contract
from pipelines.database import literal, quoted
from pipelines.lake import CORRECTIONS, ROWS
from pipelines.readers import corrections
from pipelines.typed_rows import TypedRows


class CorrectedRows(TypedRows):
    """The same for rows an office sends back: what went through privacy once is kept as it is.

    Such a row stands alone: it means nothing "above", was cut into its parts before, and repeats no other.
    """

    repetitions_go = False

    def _is_new(self, name: str) -> str:
        return f"list_contains({corrections.CORRECTED}, {literal(name.strip(chr(34)))})"

    def _filled(self, column: Column) -> str:
        return ""

    def _parted(self, column: Column) -> str:
        return ""

    def _private(self, column: Column) -> str:
        made = super()._private(column)
        return (
            f"case when {self._is_new(column.name)} then {made} else {quoted(column.name)} end"
            if made
            else ""
        )

    def _value(self, column: Column) -> str:
        """As ever; a date a person typed may be written as everybody writes it, too."""
        value = super()._value(column)
        if not column.formats or column.logical_type not in ("date", "timestamp"):
            return value
        usual = values.typed(quoted(column.name), replace(column, formats=()), self.contract.timezone)
        return f"coalesce({value}, case when {self._is_new(column.name)} then {usual} end)"

    def write(self, folder: Path) -> None:
        super().write(folder)
        rows = f"read_parquet({literal(str(folder / ROWS))})"
        texts = {
            row[0]
            for row in self.connection.execute(
                f"select unnest(_received, recursive := true) from {rows} limit 0"
            ).description
        }
        typed = ", ".join(
            f"{literal(column.name)}: case when list_contains(json_keys(corrected), {literal(column.name)}) then coalesce("
            + (
                f"_received.{quoted(column.name)}"
                if column.name in texts
                else f"{quoted(column.name)}::varchar"
            )
            + ", '') end"
            for column in self.given
        )
        # Merged into nothing, so that columns nobody corrected are not in it.
        self.connection.execute(
            f"copy (select _row_number, batch_id, row_number, row_digest, landed_at, received::varchar as original, "
            f"json_merge_patch('{{}}', to_json({{{typed}}}))::varchar as correction "
            f"from {corrections.TABLE} join {rows} using (_row_number) order by _row_number) "
            f"to {literal(str(folder / CORRECTIONS))} (format parquet)"
        )


def as_shown(contract: Contract) -> Contract:
    """A point that was made coarse is known in WGS-84 only, so that is how people see and correct it."""
    crs = contract.crs
    if crs and "coarsen" in {contract.column(name).privacy for name in (crs.lon, crs.lat)}:
        return replace(contract, crs=replace(crs, system="wgs84"))
    return contract
