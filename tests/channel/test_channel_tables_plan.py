"""Projects of the plan and supply of services against the registers' truth, counted by `plan_by_hand`."""

from __future__ import annotations

from decimal import Decimal

from channel_days import Channel
from city_truth import by, newest, only, published, reference, rounded, valid_on
from plan_by_hand import PROJECTS, base, progress, shares, supplies


def test_projects_are_parted_among_their_streets_by_population(at_channel: Channel) -> None:
    expected = {
        (project["project_id"], code): (name, rounded(share, 6), basis)
        for project in newest(PROJECTS)
        for code, (name, share, basis) in shares(project).items()
    }
    found = by(published("governance.project_areas"), "project_id", "street_code")

    assert {"only_street", "population"} == {basis for _, _, basis in expected.values()}
    assert expected == only(found, "street_given", "share", "share_basis")


def test_projects_are_as_late_as_the_registry_says(at_channel: Channel) -> None:
    expected = {project["project_id"]: progress(project) for project in newest(PROJECTS)}
    found = by(published("governance.project_progress"), "project_id")
    names = tuple(next(iter(expected.values())))

    assert {"red", "amber", "green", None} >= {row["rag"] for row in expected.values()} > {"red", "green"}
    assert only(expected, *names) == only(found, *names)
    assert all(row["is_latest"] and not row["is_step_back"] for row in found.values())


def test_services_are_measured_against_those_who_need_them(at_channel: Channel) -> None:
    found = by(published("governance.service_supply"), "street_code", "service_kind", "as_of")
    amounts, left_out = supplies()
    kinds = by(reference("service_kinds"), "service_kind")
    targets = by(reference("supply_targets"), "service_kind")
    bases = {key: base(key[0], kinds[key[1]]["age_band"], key[2]) for key in amounts}
    newest_of = {kind: max(day for _, other, day in amounts if other == kind) for kind in kinds}
    expected = {}
    for key, supply in amounts.items():
        _, kind, day = key
        people, as_of, method = bases[key]
        both = [
            other
            for other in amounts
            if other[1:] == key[1:] and amounts[other] is not None and bases[other][0] is not None
        ]
        of_all = sum(Decimal(bases[other][0] or 0) for other in both)
        rule = valid_on("supply_rules", day)
        basis = kinds[kind]["supply_basis"]
        target = targets[kind]["target_per_1000"] if kind in targets else None
        is_old = (day - as_of).days > int(rule["max_population_age_days"]) if as_of else False
        is_late = (max(newest_of.values()) - day).days > int(rule["max_supply_age_days"])
        flags = {
            "no_source": basis == "none",
            "no_population": people is None,
            "stale": is_old or (day == newest_of[kind] and is_late),
            "population_estimated": method in ("district_scaled", "derived"),
            "ok": True,
        }
        gap = people * Decimal(target) / 1000 - supply if target and basis == "register" and people else None
        expected[key] = {
            "supply": None if supply is None else rounded(supply, 2),
            "left_out_count": left_out[key],
            "demand_base": people,
            "population_as_of": as_of,
            "per_1000": rounded(1000 * supply / people, 3) if supply is not None and people else None,
            "district_per_1000": rounded(1000 * sum(amounts[o] or 0 for o in both) / of_all, 3)
            if both
            else None,
            "district_street_count": len(both),
            "gap_to_target": rounded(gap, 2),
            "quality_flag": next(flag for flag, holds in flags.items() if holds),
            "is_latest": day == newest_of[kind],
        }
    names = tuple(next(iter(expected.values())))

    assert sum(left_out.values()) > 0
    assert only(expected, *names) == only(found, *names)
