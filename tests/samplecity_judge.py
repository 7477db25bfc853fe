"""A second reading of the contracts, written without the pipeline, to judge the answer key.

It knows the rules a contract states and nothing of how the city plants its defects. Slow and plain on purpose.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from pipelines.samplecity.wire import Wire

CONTRACTS = Path(__file__).resolve().parents[1] / "contracts"
TIMES = ("%Y-%m-%d %H:%M:%S", "%Y%m%d%H%M%S", "%Y/%m/%d %H:%M", "%Y年%m月%d日 %H:%M", "%Y-%m-%dT%H:%M:%SZ")
UNKNOWN = object()
NO_DATES = ("0000-00-00", "1900-01-01", "9999-12-31")


@lru_cache
def contract(feed_id: str) -> dict[str, Any]:
    level, _, name = feed_id.partition("_")
    return yaml.safe_load((CONTRACTS / level / f"{name}.odcs.yaml").read_text(encoding="utf-8"))


def custom(node: dict[str, Any], name: str, default: Any = None) -> Any:
    return next((p["value"] for p in node.get("customProperties", []) if p["property"] == name), default)


def _aliases() -> list[tuple[str, str, date, date]]:
    with (CONTRACTS / "reference" / "area_aliases.csv").open(encoding="utf-8") as file:
        names = [(r["alias"], r["area_code"], r["valid_from"], r["valid_to"]) for r in csv.DictReader(file)]
    with (CONTRACTS / "reference" / "areas.csv").open(encoding="utf-8") as file:
        codes = [
            (r["area_code"], r["area_code"], r["valid_from"], r["valid_to"]) for r in csv.DictReader(file)
        ]
    return [(n, c, date.fromisoformat(a), date.fromisoformat(b)) for n, c, a, b in names + codes]


ALIASES = _aliases()


@cache
def area(text: str, day: date) -> str | None:
    text = unicodedata.normalize("NFKC", text)
    if re.fullmatch(r"[\d.]+", text):
        text = text.removesuffix(".0")
        text = text[:9] if len(text) == 12 and text.endswith("000") else text
    for prefix in ("北京市", "昌平区"):
        text = text.removeprefix(prefix)
    found = {code for name, code, start, end in ALIASES if name == text and start <= day < end}
    return found.pop() if len(found) == 1 else None


def typed(value: Any, kind: str) -> Any:
    """The value as its type, UNKNOWN when it is none of it."""
    if kind == "string":
        return str(value)
    text = unicodedata.normalize("NFKC", str(value)).strip()
    try:
        if kind == "boolean":
            return {"是": True, "否": False, "有": True, "无": False, "True": True, "False": False}[text]
        if kind in ("integer", "number"):
            text = text.removeprefix("约")
            return (int if kind == "integer" else float)(text.replace(",", ""))
        if kind == "date":
            if isinstance(value, date):
                return value
            if text.isdigit():
                return date(1899, 12, 30) + timedelta(days=int(text))
            return datetime.strptime(text.replace("/", "-"), "%Y-%m-%d").date()
        if kind == "timestamp":
            return moment(text)
    except (ValueError, KeyError):
        return UNKNOWN
    return text


@cache
def moment(text: str) -> datetime:
    extra = timedelta()
    if text.endswith(" 24:00:00"):
        text, extra = text.replace("24:00:00", "00:00:00"), timedelta(days=1)
    for form in (*TIMES, "%Y%m%d %H"):
        try:
            found = datetime.strptime(text, form) + extra
        except ValueError:
            continue
        return found + timedelta(hours=8) if form.endswith("Z") else found
    raise ValueError(text)


def _wire_value(names: list[str], columns: dict[str, Any], row: int) -> Any:
    for name in names:
        for known in (name, name.rpartition("/")[2]):
            if known in columns:
                return columns[known][row]
    return None


def read_row(
    prop: dict[str, Any], names: list[str], columns: dict[str, Any], row: int, broken: list[str]
) -> Any:
    name = prop["name"]
    value = _wire_value(names, columns, row)
    if value is None or value == "" or value in custom(prop, "missingValues", []):
        if prop.get("required"):
            broken.append(f"required:{name}")
        return None
    if part := custom(prop, "part"):
        pieces = re.split("|".join(map(re.escape, part["separators"])), value)
        return pieces[part["index"] - 1]
    if custom(prop, "normalise") == "code":
        value = unicodedata.normalize("NFKC", str(value)).replace("—", "-")
    if (mark := custom(prop, "testPattern")) and re.search(mark, unicodedata.normalize("NFKC", str(value))):
        broken.append(f"test:{name}")
    found = typed(value, prop["logicalType"])
    if str(value)[:10] in NO_DATES:
        return None
    if found is UNKNOWN:
        broken.append(f"type:{name}")
        return None
    options = prop.get("logicalTypeOptions", {})
    if "pattern" in options and not re.search(options["pattern"], found):
        broken.append(f"pattern:{name}")
    if (
        not options.get("minimum", float("-inf")) <= (found if isinstance(found, int | float) else 0)
        and "minimum" in options
    ) or ("maximum" in options and found > options["maximum"]):
        broken.append(f"range:{name}")
    if prop.get("enum"):
        stored = {
            w: e["value"] for e in prop["enum"] for w in [e["value"], e.get("label"), *custom(e, "wire", [])]
        }
        if found not in stored:
            broken.append(f"enum:{name}")
        found = stored.get(found, found)
    if custom(prop, "privacy") == "mask" and ("\ufffd" in found or "锟斤拷" in found):
        broken.append(f"readable:{name}")
    return found


MINUTE = timedelta(seconds=60)
RULES = {
    "category_unless_smoking": lambda r, _: (
        r["order_kind"] not in ("smoking", None) and r["category_l1"] is None
    ),
    "contact_not_before_dispatch": lambda r, _: r["contacted_at"] < r["dispatched_at"] - MINUTE,
    "close_not_before_dispatch": lambda r, _: r["closed_at"] < r["dispatched_at"] - MINUTE,
    "not_from_the_future": lambda r, clock: r["reported_at"] > clock + 10 * MINUTE,
    "not_a_test_record": lambda r, _: r["title_text"].startswith(("测试", "演示")),
    "close_not_before_report": lambda r, _: r["closed_at"] < r["reported_at"] - MINUTE,
    "escalated_names_its_order": lambda r, _: (
        r["handled_in"] == "escalated" and r["escalated_to_order_id"] is None
    ),
    "close_not_before_request": lambda r, _: r["closed_at"] < r["requested_at"] - MINUTE,
    "district_agrees": lambda r, _: r["device_id"][:6] != r["civil_code"],
    "not_after_the_pull": lambda r, clock: r["sampled_at"] > clock + 10 * MINUTE,
    "id_holds_community": lambda r, _: r["courtyard_id"][:12] != r["community_code"],
    "community_of_street": lambda r, day: (
        r["community_code"][:9] != (area(r["street_code"], day.date()) or r["community_code"][:9])
    ),
    "ends_after_it_begins": lambda r, _: r["valid_to"] < r["valid_from"],
    "parts_within_matters": lambda r, _: (
        (r["decided_count"] is not None and r["decided_count"] > r["matter_count"])
        or r["resolved_count"] > r["decided_count"]
    ),
    "done_after_held": lambda r, _: r["done_on"] < r["held_on"],
    "a_decision_decides": lambda r, _: r["resolution"] == "decided" and r["decided_count"] == 0,
    "votes_of_those_present": lambda r, _: (
        r["votes_for"] + (r["votes_against"] or 0)
        > r["resident_count"] + (r["organisation_count"] or 0) + (r["official_count"] or 0)
    ),
    "withheld_has_no_count": lambda r, _: r["is_withheld"] and r["answer_count"] is not None,
    "count_unless_withheld": lambda r, _: r["is_withheld"] is False and r["answer_count"] is None,
    "small_counts_are_withheld": lambda r, _: 1 <= r["answer_count"] <= 4,
    "count_within_base": lambda r, _: r["answer_count"] > r["response_base"],
    "hours_of_somebody": lambda r, _: r["service_hours"] > 24 * r["person_times"],
    "parts_within_whole": lambda r, _: (
        r["confirmed_count"] > r["incident_count"] or r["to_case_count"] > r["confirmed_count"]
    ),
    "none_counts_nothing": lambda r, _: r["incident_type"] == "none" and (r["incident_count"] or 0) != 0,
    "on_the_hour": lambda r, _: r["hour_at"].minute != 0,
    "not_overfull": lambda r, _: r["enrolled"] > r["places_open"] * 1.5,
    "invest_done_within_total": lambda r, _: r["invest_done_wan"] > r["invest_total_wan"] * 1.2,
    "code_agrees_with_name": lambda r, _: (
        len(r["unit_code"]) == 9 and area(r["street_code"], r["state_on"]) not in (None, r["unit_code"])
    ),
    "dispatch_says_where_to": lambda r, _: (
        r["event_type"] in ("dispatched", "redispatched") and r["to_org"] is None
    ),
    "not_written_before_it_happened": lambda r, _: r["event_at"] > r["logged_at"] + MINUTE,
    "edition_not_to_come": lambda r, clock: r["edition_on"] > clock.date(),
    "counts_add_up": lambda r, _: r["received_count"] - r["assessed_count"] - r["excluded_count"] != 0,
    "assist_only_when_double": lambda r, _: (
        r["dispatch_role"] == "assist" and r["is_double_dispatch"] is False
    ),
    "reply_not_before_dispatch": lambda r, _: r["replied_at"] < r["dispatched_at"] - MINUTE,
    "both_ways_alike": lambda r, _: (
        max(r["entry_count"], r["exit_count"]) > 1000 + 5 * min(r["entry_count"], r["exit_count"])
    ),
    "not_ridden_tomorrow": lambda r, clock: r["ridden_on"] > clock.date(),
    "beds_open_within_approval": lambda r, _: r["beds_open"] > r["beds_approved"] * 2,
    "month_has_begun": lambda r, _: r["month_starts_on"] > r["state_on"],
    "class_agrees_with_id": lambda r, _: (
        len(r["component_id"]) == 16 and r["component_id"][6:10] != r["class_code"]
    ),
    "division_agrees_with_street": lambda r, _: (
        len(r["component_id"]) == 16 and area(r["street_code"], r["surveyed_on"])[:6] != r["component_id"][:6]
    ),
    "finish_not_before_start": lambda r, _: r["actual_finish"] < r["actual_start"],
}


def read(feed_id: str, wire: Wire, day: date) -> Iterator[tuple[dict[str, Any], list[str]]]:
    """What each row says, column by column of the contract, and what is wrong with single values of it."""
    promise = contract(feed_id)
    table = promise["schema"][0]
    columns = dict(wire.columns)
    if feed_id == "city_air_quality":
        columns["监测时间"] = [f"{day:%Y%m%d} {hour}" for hour in columns["hour"]]
    if feed_id == "street_video_devices":
        columns |= {
            f"location.value.coordinates[{n}]": columns[name] for n, name in enumerate(("lon", "lat"))
        }
    properties = arriving(feed_id)
    names = {
        p["name"]: [p["businessName"], p["name"], *(s["synonym"] for s in p.get("synonyms", []))]
        for p in properties
    }
    names["street_names"] = ["属地街镇"]
    for row in range(len(wire)):
        broken: list[str] = []
        facts = {p["name"]: day for p in table["properties"] if custom(p, "constant")}
        yield (
            facts | {p["name"]: read_row(p, names[p["name"]], columns, row, broken) for p in properties},
            broken,
        )


def arriving(feed_id: str) -> list[dict[str, Any]]:
    """The columns that a source sends."""
    properties = contract(feed_id)["schema"][0]["properties"]
    return [p for p in properties if not custom(p, "constant") and "transformLogic" not in p]


def area_of(prop: dict[str, Any], facts: dict[str, Any], day: date) -> str | None:
    """The area that a column names, as of the day its contract says."""
    when = facts.get(custom(prop, "area")["asOf"]) or day
    return area(facts[prop["name"]], when.date() if isinstance(when, datetime) else when)


def judge(feed_id: str, wire: Wire, clock: datetime, day: date) -> list[tuple[int, str, tuple[str, ...]]]:
    """(row number, outcome, rules) of every row that is not simply valid."""
    promise = contract(feed_id)
    table, properties = promise["schema"][0], arriving(feed_id)
    columns = wire.columns
    sent_names = {p["name"] for p in properties}
    versions = [name for name in custom(promise, "versionColumns", []) if name in sent_names]
    key = [p["name"] for p in properties if p.get("primaryKey")] + versions
    seen: set[tuple[Any, ...]] = set()
    outcomes: list[str] = []
    reasons: list[list[str]] = []
    keys: list[tuple[Any, ...] | None] = []
    sent = [column for name, column in columns.items() if name not in ("_id", "@iot.id")]
    for row, (facts, broken) in enumerate(read(feed_id, wire, day)):
        for prop in properties:
            if custom(prop, "area") and facts[prop["name"]] is not None and area_of(prop, facts, day) is None:
                broken.append(f"area:{prop['name']}")
        for rule in table.get("quality", []):
            try:
                if rule["id"] in RULES and rule["severity"] == "error" and RULES[rule["id"]](facts, clock):
                    broken.append(f"rule:{rule['id']}")
            except (TypeError, AttributeError):
                pass  # a comparison with nothing is not a broken rule
        content = tuple(column[row] for column in sent)
        refused = (
            columns.get("secrecy.value", {row: 0})[row] == 1
            or "合计" in (columns.get("计划批次", {row: ""})[row], columns.get("街镇", {row: ""})[row])
            or columns.get("地区", {row: ""})[row] == "回天地区小计"
            or str(columns.get("名称", {row: ""})[row]).startswith("合计")
        )
        outcomes.append("refused" if refused else "duplicate" if content in seen else "")
        seen.add(content)
        reasons.append(broken)
        identity = tuple(facts[name] for name in key)
        keys.append(None if None in identity[: len(key) - len(versions)] or outcomes[-1] else identity)
    many = {identity for identity, count in Counter(keys).items() if count > 1 and identity is not None}
    found = []
    for row, (outcome, broken, identity) in enumerate(zip(outcomes, reasons, keys, strict=True), start=1):
        if outcome:
            found.append((row, outcome, ()))
        elif broken or identity in many:
            found.append(
                (row, "quarantined", tuple(sorted(broken + (["unique"] if identity in many else []))))
            )
    return found
