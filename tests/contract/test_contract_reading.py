"""Finding and loading contracts: all problems at once, none harming another, nothing heavy imported."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from pipelines import contract
from pipelines.contract.model import FORBIDDEN_VALUES
from pipelines.errors import ContractError

PROJECT = Path(__file__).resolve().parents[2]
SEVEN = [
    "city_air_quality",
    "city_hotline_orders",
    "city_projects",
    "district_grid_cases",
    "district_school_places",
    "street_steward_requests",
    "street_video_devices",
]


def write(folder: Path, text: str, name: str, level: str = "district") -> None:
    """The small contract under another name."""
    text = text.replace("district_pool_visits", f"{level}_{name}").replace(
        "- name: pool_visits", f"- name: {name}"
    )
    text = text.replace("value: district", f"value: {level}")
    (folder / level / f"{name}.odcs.yaml").write_text(text, encoding="utf-8")


def test_our_own_contracts_are_right_and_sorted():
    assert set(SEVEN) <= {found.feed_id for found in contract.load_all()}
    assert [] == contract.check_all()
    assert sorted(found.feed_id for found in contract.load_all()) == [
        found.feed_id for found in contract.load_all()
    ]


def test_our_own_files_load_with_the_library_of_the_standard():
    from open_data_contract_standard.model import OpenDataContractStandard  # heavy, so not at run time

    files = sorted((PROJECT / "contracts").rglob("*.odcs.yaml"))
    ids = [OpenDataContractStandard.from_file(str(file)).id for file in files]

    assert len(SEVEN) <= len(ids)
    assert len(set(ids)) == len(ids)


def test_a_column_of_one_name_has_one_type_everywhere():
    types = defaultdict(set)
    for found in contract.load_all((*contract.FEED_LEVELS, "governance", "ref")):
        for column in found.columns:
            types[column.name].add((column.logical_type, column.type))

    assert {} == {name: kinds for name, kinds in types.items() if len(kinds) > 1}


def test_the_hotline_contract_says_what_its_file_says():
    hotline = contract.load("city_hotline_orders")

    assert "city.hotline_orders" == hotline.table
    assert timedelta(hours=72) == hotline.look_back
    assert timedelta(hours=2) == hotline.latency
    assert timedelta(days=30) == hotline.retention
    assert ("source_updated_at", "source_version") == hotline.version_columns
    assert ("work_order_id",) == hotline.key
    assert hotline.is_personal
    assert "caller_name" not in [column.name for column in hotline.stored_columns]
    assert ("category_l2", "问题中类", "问题分类") == hotline.column("category_l2").wire
    assert 2 == hotline.column("category_l2").part.index
    assert ("已办结", "closed", "办结", "办理完毕") == hotline.column("order_status").enum[3].wire
    assert "reported_at" == hotline.column("street_code").area.as_of
    assert ["sample", "production"] == [server.name for server in hotline.servers]
    assert "hotline" == hotline.server("production").secret
    assert 64 == len(hotline.sha256)


def test_a_wide_file_says_how_it_becomes_long():
    server = contract.load("city_air_quality").server("sample")

    assert (("date", "hour", "type"), "station", "value") == (
        server.unpivot.keep,
        server.unpivot.name,
        server.unpivot.value,
    )


def test_rows_to_drop_know_every_name_of_their_column():
    assert ("project_id", "项目编号") == contract.load("city_projects").drop_rules[0].wire
    assert ("secrecy.value", "Secrecy") == contract.load("street_video_devices").drop_rules[0].wire


def test_every_problem_of_every_file_is_told_at_once(contracts, right):
    write(
        contracts,
        right.replace("status: active", "status: on fire").replace("version: 1.0.0", "version: one"),
        "a",
    )
    write(contracts, right.replace("minimum: 0", "minimum: 100").replace("value: 72h", "value: soon"), "b")
    write(contracts, right, "c")

    with pytest.raises(ContractError) as caught:
        contract.load_all(folder=contracts)

    text = str(caught.value)
    a, b = contracts / "district/a.odcs.yaml", contracts / "district/b.odcs.yaml"
    assert (
        f"""4 problems in 2 contracts
  {a}:5: the contract has version 'one', expected three numbers such as 1.2.0
  {a}:6: the contract has status 'on fire', expected one of proposed, draft, active, deprecated, retired
  {b}:71: property 'lanes' has minimum 100 above maximum 99
  {b}:97: custom property 'lookBack' is 'soon', expected a duration such as 30m, 72h or 14d
  → contracts/README.md lists every key; `urbanbrain check` rereads them all"""
        == text
    )
    assert 2 == caught.value.exit_code


def test_paths_inside_the_project_are_short(contracts, right, monkeypatch):
    monkeypatch.setenv("URBANBRAIN_PROJECT", str(contracts.parent))
    write(contracts, right.replace("status: active\n", ""), "a")

    with pytest.raises(
        ContractError, match=r"(?m)^1 problem in contracts/district/a.odcs.yaml\n  contracts/district/a"
    ):
        contract.load_all()


def test_a_broken_file_harms_no_other(contracts, right):
    write(contracts, right, "b")
    write(contracts, right, "a")
    write(contracts, "\t", "broken")
    (contracts / "district" / "folder.odcs.yaml").mkdir()

    found, problems = contract.read_all(contracts)

    assert ["district_a", "district_b"] == [each.feed_id for each in found]
    assert ["district_broken", "district_folder"] == [problem.contract_id for problem in problems]


def test_ten_problems_of_one_file_are_ten_lines(wrong_with, right):
    wrong = right
    for old, new in [
        ("status: active", "status: x"),
        ("type: api", "type: apy"),
        ("value: file", "value: files"),
        ("^V[0-9]{4}$", "(?=V)"),
        ("logicalType: timestamp", "logicalType: timestmp"),
        ("asOf: visited_on", "asOf: visited"),
        ("label: 室外", "lable: 室外"),
        ("minimum: 0", "minimum: 100"),
        ("mustBe: 0", "mustBe: none"),
        ("value: Europe/Paris", "value: Paris"),
    ]:
        wrong = wrong.replace(old, new, 1)

    assert 10 == len(wrong_with(text=wrong))


def test_a_feed_nobody_knows_gets_a_suggestion():
    with pytest.raises(ContractError, match="did you mean 'city_hotline_orders'"):
        contract.load("city_hotline_order")


@pytest.mark.parametrize(
    "name", ["", "city_", "city", "../city/x", "city_../../etc/passwd", "nowhere_x", "x" * 5000]
)
def test_a_name_that_is_no_feed_is_a_contract_error(name):
    with pytest.raises(ContractError, match="there is no contract"):
        contract.load(name)


def test_a_reference_to_another_contract_is_followed(contracts, right):
    reference = "Remark.\n        relationships:\n          - to: {}\n"
    write(contracts, right.replace("Remark.\n", reference.format("street.pools.visit_id")), "a")
    write(contracts, right, "pools", level="street")

    assert ("street.pools.visit_id",) == contract.load("district_a", contracts).column(
        "remark_text"
    ).references
    assert [] == contract.check_all(contracts)


def test_a_reference_to_a_broken_contract_is_told_once(contracts, right):
    reference = "Remark.\n        relationships:\n          - to: street.pools.visit_id\n"
    write(contracts, right.replace("Remark.\n", reference), "a")
    write(contracts, right.replace("status: active", "status: x"), "pools", level="street")

    found, problems = contract.read_all(contracts)

    assert ["district_a"] == [each.feed_id for each in found]
    assert ["street_pools"] == [problem.contract_id for problem in problems]


def test_a_built_table_needs_neither_server_nor_schedule(contracts, right):
    head, _, rest = right.partition("servers:\n")
    text = head + "schema:\n" + rest.partition("schema:\n")[2]
    text = text.partition("  - property: schedule")[0].replace("value: district", "value: governance")
    (contracts / "governance" / "pools.odcs.yaml").write_text(
        text.replace("district_pool_visits", "governance_pools").replace(
            "- name: pool_visits", "- name: pools"
        )
    )

    (pools,) = contract.load_governance(contracts / "governance")

    assert ("governance.pools", "", (), False) == (pools.table, pools.schedule, pools.servers, pools.is_feed)


def test_a_built_table_is_not_pulled(wrong_with, right):
    found = wrong_with(
        text=right.replace("district_pool_visits", "governance_pool_visits").replace(
            "value: district", "value: governance"
        ),
        name="governance/pool_visits",
    )

    assert [
        "93: custom property 'schedule' is for feeds, and this table is not pulled from a source",
        "97: custom property 'lookBack' is for feeds, and this table is not pulled from a source",
    ] == found


def test_a_file_nobody_would_read_is_told(contracts, right):
    write(contracts, right, "a")
    (contracts / "district" / "new.yaml").write_text(right)
    (contracts / "distrct").mkdir()
    (contracts / "distrct" / "x.odcs.yaml").write_text(right)

    assert [
        "stands in folder 'distrct', where nobody looks; expected city, district, street, governance, reference, operations; "
        "did you mean 'district'?",
        "is not read: a contract is called <name>.odcs.yaml",
    ] == [problem.message for problem in contract.check_all(contracts)]


def test_no_contract_at_all_is_no_error_but_no_folder_is(tmp_path, contracts):
    assert [] == contract.load_all(folder=contracts)
    assert ["is not a folder; contracts are looked for here"] == [
        problem.message for problem in contract.check_all(tmp_path / "none")
    ]


def test_a_secret_in_a_contract_is_never_repeated(wrong_with, right):
    text = right
    for old, new in [
        ("8600}/pools", "8600}/hunter2?password=hunter2&x=1#"),
        ("http://127", "http://me:hunter2@127"),
        ("          since:", "          token: hunter2\n          since:"),
        ("        value: file\n", "        value: file\n      - property: secret\n        value: hunter2\n"),
        (
            "  - property: lookBack",
            "  - property: callerSecret\n    value: 'Hunter hunter2'\n  - property: lookBack",
        ),
    ]:
        assert old in text
        text = text.replace(old, new, 1)

    found = wrong_with(text=text)

    assert 5 == len(found)
    assert "hunter2" not in " ".join(found).lower()


def test_forbidden_values_are_the_ones_privacy_looks_for():
    from pipelines import privacy

    assert {"identity_number", *privacy._FORBIDDEN_VALUES} == set(FORBIDDEN_VALUES)


def test_fifty_contracts_are_read_faster_than_plain_yaml_and_import_nothing_heavy(contracts, right):
    hotline = (PROJECT / "contracts/city/hotline_orders.odcs.yaml").read_text(encoding="utf-8")
    for number in range(50):
        text = hotline.replace("id: city_hotline_orders", f"id: city_orders_{number}")
        text = text.replace("  - name: hotline_orders\n", f"  - name: orders_{number}\n")
        (contracts / "city" / f"orders_{number}.odcs.yaml").write_text(text, encoding="utf-8")
    code = f"""
import time
from pathlib import Path
from pipelines import contract
before = time.process_time()
found, problems = contract.read_all(Path({str(contracts)!r}))
ours = time.process_time() - before
import sys
heavy = {{"duckdb", "pyarrow", "pandas", "numpy", "great_expectations", "sqlglot", "pydantic", "requests", "airflow"}}
print(len(found), len(problems), sorted(heavy & set(sys.modules)))
import yaml
text = next(Path({str(contracts)!r}).rglob("orders_*.yaml")).read_text(encoding="utf-8")
before = time.process_time()
for _ in found:
    yaml.safe_load(text)
print(ours, time.process_time() - before)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    counts, seconds = result.stdout.strip().splitlines()
    ours, plain = map(float, seconds.split())

    assert "50 0 []" == counts
    assert ours < plain, "reading and judging take longer than `yaml.safe_load` takes for reading alone"


def test_the_reader_survives_any_value_anywhere(contracts, right):
    odd = [
        None,
        True,
        -1,
        1.5,
        10**17,
        "",
        "x",
        [],
        {},
        [1],
        [[]],
        {"a": 1},
        [None],
        [{"property": "x"}],
        "{start:%Q}",
    ]
    file = contracts / "district" / "pool_visits.odcs.yaml"

    def places(node, path=()):
        yield path
        children = (
            node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        )
        for key, child in children:
            yield from places(child, (*path, key))

    paths = [path for path in places(yaml.safe_load(right)) if path]
    for turn, path in enumerate(paths):
        data = yaml.load(right, Loader=yaml.CSafeLoader)
        owner = data
        for step in path[:-1]:
            owner = owner[step]
        owner[path[-1]] = odd[turn % len(odd)]
        file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")

        found, problems = contract.read_all(contracts)

        assert bool(found) != bool(problems), path
