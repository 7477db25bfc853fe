"""Which columns of a bad row may be corrected, and what its reasons say to people: from the contract, nothing by hand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.contract.model import Contract
from pipelines.publication.disclosure import public_columns

_WORD = re.compile(r"\w+")


class Faults:
    """One feed's columns, and what is wrong with rows of it."""

    def __init__(self, contract: Contract) -> None:
        self.contract = contract
        public = set(public_columns(contract))
        self.given = {column.name: column for column in contract.judged_columns if not column.constant}
        """Columns that arrive with a row and are kept; only these can be corrected."""
        self.shown = {name: column for name, column in self.given.items() if name in public}
        """Those of them an office may see."""
        self._of_rule = {
            rule.rule_id: self.given.keys()
            & {rule.column, *_WORD.findall(json.dumps(rule.arguments, default=str))}
            for rule in contract.rules
        }

    def correctable(self, reasons: Iterable[Mapping[str, Any]]) -> frozenset[str]:
        """Columns of a row with these reasons that a person may write something else into."""
        names: set[str] = set()
        for reason in reasons:
            about = {reason["column_name"]} & self.given.keys() or self._of_rule.get(reason["rule"], set())
            names |= about or self.shown.keys()
        # One wire value fills a token and last year's beside it: the latter follows by itself.
        names -= {column.name for column in self.contract.columns if column.token_overlap}
        crs = self.contract.crs
        if crs and names & {crs.lon, crs.lat}:
            names |= {crs.lon, crs.lat} & self.given.keys()  # half a point is no point
        return frozenset(names)

    def follow(self, corrected: Mapping[str, str | None]) -> dict[str, str | None]:
        """What was typed, and the columns that come of the same text by themselves."""
        found = dict(corrected)
        for column in self.given.values():
            if column.token_overlap:
                wire = set(column.wire)
                for name in corrected:
                    if wire & set(self.given[name].wire):
                        found[column.name] = corrected[name]
        return found

    def sentences(self, reasons: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
        """Every reason in Chinese and in English: the column, what is expected, what was found."""
        chinese, english = [], []
        for reason in reasons:
            name = reason["column_name"]
            column = self.given.get(name)
            of_zh = f"{(column.business_name if column else '') or name}：" if name else ""
            of_en = f"{name}: " if name else ""
            expected = (
                reason["expected_en"]
                if reason["rule"].startswith("rule:")
                else f"expected {reason['expected_en']}"
            )
            found_zh, found_en = "", ""
            if reason["found"] is not None:
                found_zh, found_en = f"；实际为「{reason['found']}」", f"; found “{reason['found']}”"
            elif name and name not in self.shown:
                found_zh, found_en = "；实际内容不外传", "; what was found is not shown"
            elif reason["rule"].startswith("required:"):
                found_zh, found_en = "；实际为空", "; found nothing"
            hint_zh, hint_en = ("（提示）", " (a hint)") if reason["severity"] == "warning" else ("", "")
            chinese.append(f"{of_zh}{reason['expected_zh'].rstrip('。')}{found_zh}{hint_zh}")
            english.append(f"{of_en}{expected.rstrip('.')}{found_en}{hint_en}")
        return chinese, english
