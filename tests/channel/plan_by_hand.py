"""Projects of the plan and supply of services counted by hand from the registers' truth.

The outline of a green space is measured as the rectangle the city draws, which holds for no other city.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from city_truth import GONE, Row, by, newest, reference, rounded, streets, valid_on
from samplecity_judge import area

PROJECTS, SCHOOLS, CLINICS, GREENS, PEOPLE = (
    "city_projects", "district_school_places", "district_medical_institutions", "district_green_spaces",
    "city_population",
)  # fmt: skip
Base = tuple[int | None, date | None, str | None]


def shares(project: Row) -> dict[str, tuple[str, Decimal, str]]:
    """By street: the name as given, the street's share of the project, and what it follows."""
    day = project["snapshot_on"]
    there = streets(day)
    named: dict[str, str] = {}
    for name in sorted(set(re.split("[、,，;；/]", project["street_names"]))):
        named.setdefault(str(area(name.strip(), day)), name.strip())
    people = {code: int(there[code]["population"]) for code in named}
    basis = "only_street" if len(named) == 1 else "population"
    return {code: (name, Decimal(people[code]) / sum(people.values()), basis) for code, name in named.items()}


def progress(project: Row) -> Row:
    """How late a project is and what that comes to."""
    day, finish, total = project["snapshot_on"], project["planned_finish"], project["invest_total_wan"]
    rule = valid_on("progress_rules", day)
    slip = max(0, ((project["actual_finish"] or day) - finish).days) if finish else None
    planned = None
    if finish and project["planned_start"] and total is not None:
        length = (finish - project["planned_start"]).days
        gone = max(0, (day - project["planned_start"]).days)
        planned = rounded(total * min(1.0, gone / length), 2) if length else None
    done = project["invest_done_wan"]
    ratio = float(done) / float(planned) if planned and done is not None else None

    def worse(colour: str) -> bool:
        return (slip is not None and slip > int(rule[f"{colour}_slip_days"])) or (
            ratio is not None and ratio < float(rule[f"{colour}_invest_ratio"])
        )

    rag = "red" if worse("red") else "amber" if worse("amber") else "green"
    stage = by(reference("project_stages"), "stage")[project["stage"]]
    return {
        "slip_days": slip,
        "plan_to_date_wan": planned,
        "invest_done_share": rounded(done / total, 6) if total and done is not None else None,
        "rag": None if project["stage"] == "withdrawn" else rag,
        "stage_name": stage["stage_name"],
        "package_name": by(reference("packages"), "package_code")[project["package_code"]]["package_name"],
        **{name: project[name] for name in ("project_name", "planned_finish", "actual_finish", "lead_org")},
    }


def square_metres(parcel: Row) -> Decimal:
    unit = by(reference("units"), "unit_code")[parcel["area_unit"]]
    return Decimal(repr(parcel["area_value"])) * int(unit["numerator"]) / int(unit["denominator"])


def is_doubtful(parcel: Row) -> bool:
    """Whether the parcel's size contradicts its outline."""
    [ring] = json.loads(parcel["geometry"])["coordinates"]
    east, north = (max(point[axis] for point in ring) - min(point[axis] for point in ring) for axis in (0, 1))
    outline = east * north * 111_195**2 * math.cos(math.radians(ring[0][1]))
    said = float(square_metres(parcel))
    ratio = float(valid_on("supply_rules", parcel["state_on"])["max_area_ratio"])
    return max(said, outline) > ratio * min(said, outline)


@cache
def supplies() -> tuple[dict[tuple[str, str, date], Decimal | None], Counter[tuple[str, str, date]]]:
    """How much of each kind there is by street, kind and day; and how many parcels were left out."""
    found: dict[tuple[str, str, date], Decimal | None] = defaultdict(Decimal)
    left_out: Counter[tuple[str, str, date]] = Counter()
    days: dict[str, set[date]] = defaultdict(set)
    kinds = by(reference("service_kinds"), "service_kind")
    of_stage = {row["school_stage"]: kind for kind, row in kinds.items() if row["school_stage"]}

    def add(street: str, kind: str, day: date, amount: Any) -> None:
        found[street, kind, day] = (found[street, kind, day] or Decimal()) + Decimal(amount)

    newest_survey = max(place["state_on"] for place in newest(SCHOOLS))
    for kind in of_stage.values():
        days[kind].add(newest_survey)
    for place in newest(SCHOOLS):
        if place["stage"] in of_stage and not place[GONE] and place["opened_on"] <= newest_survey:
            add(place["street_code"], of_stage[place["stage"]], newest_survey, place["places_open"])
    for clinic in newest(CLINICS):
        month_over = (clinic["month_starts_on"] + timedelta(days=32)).replace(day=1) - timedelta(days=1)
        for kind, name in (("hospital_bed_open", "beds_open"), ("gp_signed", "gp_signed_count")):
            days[kind].add(month_over)
            add(clinic["street_code"], kind, month_over, clinic[name] or 0)
    is_park = {row["green_kind"]: row["is_park"] == "true" for row in reference("green_kinds")}
    for parcel in newest(GREENS):
        days["park_green_m2"].add(parcel["state_on"])
        if is_park[parcel["green_kind"]] and parcel["is_open_to_public"] is not False:
            place_of = (parcel["street_code"], "park_green_m2", parcel["state_on"])
            left_out[place_of] += is_doubtful(parcel)
            add(*place_of, 0 if is_doubtful(parcel) else rounded(square_metres(parcel), 2))
    for project in newest(PROJECTS):
        for capacity in reference("capacity_kinds"):
            days[capacity["service_kind"]].add(project["snapshot_on"])
            fits = capacity["name_part"] == "*" or capacity["name_part"] in project["project_name"]
            if (
                capacity["capacity_kind"] == project["capacity_kind"]
                and fits
                and project["stage"] == "in_use"
            ):
                for code, (_, share, _) in shares(project).items():
                    part = Decimal(repr(project["capacity_added"])) * rounded(share, 6)
                    add(code, capacity["service_kind"], project["snapshot_on"], part)
    last = max(max(known) for known in days.values())
    for kind, row in kinds.items():
        for day in days[kind] or {last}:
            for code in streets(day):
                found.setdefault((code, kind, day), Decimal() if row["supply_source"] else None)
    return found, left_out


def base(street: str, band: str, day: date) -> Base:
    """The newest published number of residents of a band, of what day and how it was counted."""
    numbers = [
        (row["population_as_of"], row["population"], row["population_method"])
        for row in newest(PEOPLE)
        if (row["unit_code"], row["age_band"]) == (street, band) and row["population"] is not None
    ]
    if band == "total":
        listed = streets(day)[street]
        as_of = date.fromisoformat(listed["population_as_of"])
        if as_of not in {number[0] for number in numbers}:
            numbers.append((as_of, int(listed["population"]), listed["population_method"]))
    known = max((number for number in numbers if number[0] <= day), default=None)
    return (known[1], known[0], known[2]) if known else (None, None, None)
