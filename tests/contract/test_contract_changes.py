"""Ten prepared pairs of contracts, every kind of change by itself, and promises that are agreed on."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from right_contract import RIGHT

from pipelines import cli, contract, promises, run, settings
from pipelines.errors import ContractError
from pipelines.promises.agreement import FILE

PAIRS = sorted((Path(__file__).parent / "changes").iterdir())

OUTPUT = """\
apiVersion: v3.2.0
kind: DataContract
id: governance_pools
name: Pools
version: 1.0.0
status: active
description: {purpose: What pools there are.}
schema:
  - name: pools
    logicalType: object
    description: One row per pool.
    properties:
      - {name: pool_id, logicalType: string, required: true, primaryKey: true, description: Number.}
      - name: pool_kind
        logicalType: string
        required: true
        description: Kind.
        enum:
          - {value: indoor, label: Indoor}
          - {value: outdoor, label: Outdoor}
      - name: depth
        logicalType: number
        physicalType: DECIMAL(6,2)
        description: Depth of the water, m².
        logicalTypeOptions: {minimum: 0, maximum: 9}
    quality:
      - id: no_dry_pools
        type: sql
        description: A pool has water.
        severity: error
        query: select count(*) from {object} where depth = 0
        mustBe: 0
team: {name: pool-office}
customProperties:
  - {property: level, value: governance}
"""


@pytest.mark.parametrize("pair", PAIRS, ids=lambda path: path.name)
def test_ten_prepared_pairs_are_told_rightly_with_who_is_hit(
    pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = yaml.safe_load((pair / "expect.yaml").read_text(encoding="utf-8"))
    code, said = command(capsys, "diff", f"{pair}/old.odcs.yaml", f"{pair}/new.odcs.yaml", "--format", "json")
    [found] = json.loads(said)

    assert (expected["class"], expected["needs"]) == (found["class"], found["needed_version"])
    assert expected["changes"] == [{each["class"]: each["text"]} for each in found["changes"]]
    assert expected["hit"] == {who: names for who, names in found["hit"].items() if names}
    assert expected["exit_code"] == code
    assert bool(code) == bool(found["objection"])


def test_there_are_ten() -> None:
    assert 10 == len(PAIRS)


FEED_CHANGES = [
    ("breaking", "column_removed", "      - name: remark_text\n        logicalType: string\n        description: Remark.\n", ""),
    ("breaking", "column_renamed", "name: pool_kind\n        businessName", "name: kind_of_pool\n        businessName"),
    ("breaking", "column_retyped", "logicalType: integer", "logicalType: number"),
    ("breaking", "column_added", "      - name: remark_text", "      - {name: new, logicalType: string, required: true, description: N.}\n      - name: remark_text"),
    ("compatible", "column_added", "      - name: remark_text", "      - {name: new, logicalType: string, description: N.}\n      - name: remark_text"),
    ("breaking", "required_added", "      - name: lanes\n", "      - name: lanes\n        required: true\n"),
    ("breaking", "required_dropped", "        logicalType: date\n        required: true\n", "        logicalType: date\n"),
    ("breaking", "unique_added", "      - name: lanes\n", "      - name: lanes\n        unique: true\n"),
    ("breaking", "key", "        logicalType: date\n", "        logicalType: date\n        primaryKey: true\n"),
    ("breaking", "enum_value_removed", "          - value: indoor\n            label: 室内\n", ""),
    ("compatible", "enum_value_added", "          - value: indoor\n", "          - value: lido\n          - value: indoor\n"),
    ("breaking", "wire_removed", "value: [露天]", "value: [户外]"),
    ("compatible", "wire_added", "value: [露天]", "value: [露天, 户外]"),
    ("breaking", "narrowed", "maximum: 99", "maximum: 9"),
    ("compatible", "loosened", "maximum: 99", "maximum: 999"),
    ("breaking", "pattern", "^V[0-9]{4}$", "^V[0-9]{5}$"),
    ("breaking", "wire_removed", "businessName: 日期", "businessName: 到访日期"),
    ("breaking", "wire_added", "businessName: 日期", "businessName: 到访日期"),
    ("compatible", "wire_added", "      - name: remark_text", "      - name: remark_text\n        businessName: 备注"),
    ("compatible", "rule_removed", RIGHT[RIGHT.index("    quality:") : RIGHT.index("slaProperties")], ""),
    ("compatible", "rule_loosened", "severity: error", "severity: warning"),
    ("breaking", "rule", "and lanes > 0", "and lanes > 1"),
    ("cosmetic", "words", "Lanes swum.", "How many lanes."),
    ("cosmetic", "words", "Who swims where.", "Who swims."),
    ("cosmetic", "owner", "pool-office", "bath-office"),
    ("breaking", "look_back", "value: 72h", "value: 24h"),
    ("compatible", "look_back", "value: 72h", "value: 96h"),
    ("breaking", "latency", "value: 2\n", "value: 3\n"),
    ("compatible", "latency", "value: 2\n", "value: 1\n"),
    ("compatible", "schedule", "10 * * * *", "10 6 * * *"),
    ("breaking", "timezone", "Europe/Paris", "Asia/Shanghai"),
    ("breaking", "meaning", "level: street", "level: district"),
    ("compatible", "server", "value: csv", "value: json"),
    ("breaking", "server_removed", "server: sample", "server: production"),
    ("breaking", "version_columns", "value: [changed_at]", "value: [visited_on]"),
    ("compatible", "drift", "  - property: lookBack", "  - {property: drift, value: {newValues: hold}}\n  - property: lookBack"),
    ("breaking", "privacy_tightened", "  - property: lookBack", "  - {property: forbiddenColumns, value: [face]}\n  - property: lookBack"),
    ("breaking", "may_be_empty", "  - property: lookBack", "  - {property: mayBeEmpty, value: never}\n  - property: lookBack"),
    ("breaking", "status", "status: active", "status: retired"),
    ("compatible", "deprecated", "status: active", "status: deprecated"),
]  # fmt: skip
OUTPUT_CHANGES = [
    ("breaking", "required_dropped", "required: true\n        description: Kind", "description: Kind"),
    ("compatible", "required_added", "      - name: depth", "      - name: depth\n        required: true"),
    ("compatible", "enum_value_removed", "          - {value: outdoor, label: Outdoor}\n", ""),
    ("compatible", "enum_value_added", "          - {value: indoor,", "          - {value: lido}\n          - {value: indoor,"),
    ("compatible", "narrowed", "maximum: 9", "maximum: 8"),
    ("breaking", "loosened", "maximum: 9", "maximum: 10"),
    ("compatible", "column_retyped", "DECIMAL(6,2)", "DECIMAL(8,2)"),
    ("breaking", "column_retyped", "DECIMAL(6,2)", "DECIMAL(8,3)"),
    ("breaking", "unit", "m².", "km²."),
    ("breaking", "rule_removed", OUTPUT[OUTPUT.index("    quality:") : OUTPUT.index("team")], ""),
    ("breaking", "rule_loosened", "severity: error", "severity: warning"),
    ("breaking", "audience_narrowed", "value: governance}\n", "value: governance}\n  - {property: audience, value: offices}\n"),
    ("compatible", "column_added", "      - name: depth", "      - {name: new, logicalType: string, required: true, description: N.}\n      - name: depth"),
]  # fmt: skip
CHANGES = [
    *((RIGHT, "district_pool_visits", *each) for each in FEED_CHANGES),
    *((OUTPUT, "governance_pools", *each) for each in OUTPUT_CHANGES),
]


@pytest.mark.parametrize(
    ("text", "contract_id", "klass", "kind", "old", "new"),
    CHANGES,
    ids=[f"{each[1].partition('_')[0]}-{each[3]}-{each[2]}" for each in CHANGES],
)
def test_each_kind_of_change_has_its_class(
    tmp_path: Path, text: str, contract_id: str, klass: str, kind: str, old: str, new: str
) -> None:
    assert old in text
    before, after = (_promise(tmp_path, each) for each in (text, text.replace(old, new, 1)))
    found = promises.changes(before, after)

    assert kind in {change.kind for change in found}
    assert klass == found[0].klass
    assert [] == promises.changes(after, after)


def _promise(folder: Path, text: str) -> dict[str, Any]:
    path = folder / "any.yaml"
    path.write_text(text, encoding="utf-8")
    promise = promises.promise_of(contract.load_file(path))
    assert promise == json.loads(json.dumps(promise))
    return promise


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["urbanbrain", "contract", *words])
        try:
            cli.main()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
    answer = capsys.readouterr()
    return code, answer.out or answer.err


Change = Callable[[str, str], None]


@pytest.fixture
def project(contracts: Path, monkeypatch: pytest.MonkeyPatch) -> Change:
    """A project of one feed and one table made of it, agreed on; what is given changes the contract of the feed."""
    home = contracts.parent
    feed = contracts / "district" / "pool_visits.odcs.yaml"
    feed.write_text(RIGHT, encoding="utf-8")
    (contracts / "governance" / "pools.odcs.yaml").write_text(OUTPUT, encoding="utf-8")
    (home / "warehouse" / "governance").mkdir(parents=True)
    (home / "warehouse" / "governance" / "pools.sql").write_text(
        "select visit_id as pool_id, pool_kind, cast(lanes as decimal(6, 2)) as depth from district.pool_visits\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(home))
    run.contract_lock()

    def change(old: str, new: str) -> None:
        text = feed.read_text(encoding="utf-8")
        assert old in text
        feed.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def test_what_is_agreed_on_is_one_line_a_contract(project: Change) -> None:
    path = settings.project() / "contracts" / FILE
    lines = path.read_text(encoding="utf-8").splitlines()
    written = path.read_bytes()

    assert ["{", '"district_pool_visits"', '"governance_pools"', "}"] == [
        line.partition(":")[0] for line in lines
    ]
    assert [] == run.contract_lock()
    assert written == path.read_bytes()
    kept = json.loads(written)["district_pool_visits"]["columns"]
    assert [column.name for column in contract.load("district_pool_visits").columns] == [*kept]


def test_a_promise_is_not_broken_without_saying_so(project: Change) -> None:
    project("logicalType: integer", "logicalType: number")
    for version in ("1.0.0", "1.1.0"):
        project("version: ", f"version: {version} # ")
        with pytest.raises(
            ContractError,
            match=r"its version has to be 2\.0\.0.*\n.*lanes is DOUBLE now(.|\n)*governance\.pools",
        ):
            run.contract_lock()
    project("version: ", "version: 2.0.0 # ")

    assert ["district_pool_visits"] == [each.contract_id for each in run.contract_lock()]
    assert [] == run.contract_diff()


def test_no_change_goes_without_a_new_version(project: Change) -> None:
    project("Lanes swum.", "How many lanes.")
    with pytest.raises(ContractError, match=r"its version has to be above 1\.0\.0, such as 1\.0\.1"):
        promises.refuse(promises.since_agreed(settings.project()))
    project("version: 1.0.0", "version: 1.0.1")

    promises.refuse(promises.since_agreed(settings.project()))


def test_a_comment_is_no_change(project: Change) -> None:
    project("kind: DataContract", "kind: DataContract  # of the pools")

    assert [] == promises.since_agreed(settings.project())


def test_a_table_goes_only_after_its_last_day(project: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = settings.project() / "contracts" / "district" / "pool_visits.odcs.yaml"
    (settings.project() / "warehouse" / "governance" / "pools.sql").unlink()
    (settings.project() / "contracts" / "governance" / "pools.odcs.yaml").unlink()
    with pytest.raises(ContractError, match="governance_pools is gone, and was never deprecated"):
        run.contract_lock()
    deprecated = OUTPUT.replace("status: active", "status: deprecated").replace("1.0.0", "1.1.0")
    deprecated = deprecated.replace(
        "team:", 'slaProperties: [{property: endOfSupport, value: "2026-12-31"}]\nteam:'
    )
    deprecated += "  - {property: supersededBy, value: district.pool_visits}\n"
    path = settings.project() / "contracts" / "governance" / "pools.odcs.yaml"
    path.write_text(deprecated, encoding="utf-8")
    assert ["compatible"] == [each.klass for each in run.contract_lock()]
    path.unlink()
    for day, objection in (("2026-12-31", "was promised until 2026-12-31"), ("2027-01-01", "")):
        monkeypatch.setattr(settings, "now", lambda day=day: _noon(day))
        [gone] = promises.since_agreed(settings.project())

        assert objection in gone.objection
        assert bool(objection) == bool(gone.objection)
    assert feed.exists()


def _noon(day: str) -> datetime:
    return datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)


def test_a_project_that_agreed_on_nothing_is_checked_all_the_same(contracts: Path) -> None:
    assert [] == promises.since_agreed(contracts.parent)


def test_a_lock_that_a_merge_left_broken_says_what_to_do(project: Change) -> None:
    path = settings.project() / "contracts" / FILE
    path.write_text("<<<<<<< ours\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(ContractError, match="cannot be read") as raised:
        run.contract_lock()

    assert "urbanbrain contract lock" in raised.value.next_step


def test_a_contract_is_compared_with_what_was_agreed_on(
    project: Change, capsys: pytest.CaptureFixture[str]
) -> None:
    project("maximum: 99", "maximum: 9")
    code, said = command(capsys, "diff", "district_pool_visits")
    markdown = command(capsys, "diff", "--format", "markdown")

    assert 1 == code
    assert "hits the source" in said
    assert "hits tables governance.pools" in said
    assert (1, True) == (
        markdown[0],
        "| breaking | the largest lanes: 99 → 9: rows that were right go to quarantine | the source; tables governance.pools;"
        in markdown[1],
    )


def test_different_contracts_are_not_compared(capsys: pytest.CaptureFixture[str]) -> None:
    code, said = command(capsys, "diff", f"{PAIRS[0]}/old.odcs.yaml", f"{PAIRS[1]}/new.odcs.yaml")

    assert (1, True) == (code, "compare two versions of one contract" in said)
