"""Every defect to expect, by the numbers of the domain reference (§7): its treatment, where the city has it, what shows it.

`treatment`: R refuse the file, Q quarantine the row, F fix and flag, W warn, S settled by a model or by the loading,
– nothing to do. `city` says where the sample city has it:

    defect   one of the labelled `DEFECTS` of a feed
    fault    one of the faults a test can ask the city for
    (feed, column, pattern)   a habit of a feed: some value of the column has that form
    none: …  no feed of ours can meet it, and why

`shown`: tests beyond the vectors beside this file, as file::test or as a case of a model.
"""

from __future__ import annotations

from dataclasses import dataclass

DEFECT, FAULT = "defect", "fault"
Habit = tuple[str, str, str]
HOTLINE, PROJECTS = "city_hotline_orders", "city_projects"
STREET = "被反映街乡镇"


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    identifier: str
    what: str
    treatment: str
    city: str | Habit
    shown: tuple[str, ...] = ()


TABLE = (
    Row("E1", "GBK labelled UTF-8", "F", FAULT),
    Row("E2", "UTF-8 read as GBK", "R", FAULT),
    Row("E3", "replacement characters", "Q", DEFECT),
    Row("E4", "byte order marks", "F", FAULT),
    Row("E5", "rare characters", "–", "none: the city's place names are all of GB 2312"),
    Row("E6", "private-use characters of GB 18030", "F", "none: as E5"),
    Row("E7", "full-width digits and letters", "F", DEFECT),
    Row("E8", "NFKC on free text", "–", (HOTLINE, "主要内容", "㎡")),
    Row("E9", "look-alikes", "F", DEFECT),
    Row("E10", "line breaks, tabs and quotes in text", "R", (HOTLINE, "主要内容", "\n")),
    Row("E11", "scientific notation, lost zeros, serial dates", "F Q", DEFECT),
    Row("A1", "codes of 6, 9 and 12 digits", "–", (HOTLINE, STREET, "^[0-9]{9,12}$"),
        ("tests/areas/test_areas.py::test_a_code_is_read_however_it_is_written",)),
    Row("A2", "aliases", "–", (HOTLINE, STREET, "办事处$"),
        ("tests/areas/test_areas.py::test_every_name_of_a_street_means_the_same_street",)),
    Row("A3", "the district glued in front", "–", (HOTLINE, STREET, "^(北京市)?昌平"),
        ("tests/areas/test_areas.py::test_names_of_what_lies_above_may_stand_in_front",)),
    Row("A4", "a retired name", "F Q", DEFECT,
        ("tests/areas/test_places.py::test_a_retired_name_is_found_otherwise_or_not_at_all",)),
    Row("A5", "an office where a street belongs", "Q", DEFECT,
        ("tests/areas/test_places.py::test_an_organisation_is_no_area_whatever_else_is_known",)),
    Row("A6", "a community under another street", "F", DEFECT,
        ("tests/areas/test_places.py::test_a_community_belongs_to_the_street_of_the_day",)),
    Row("A7", "GCJ-02 labelled WGS-84", "W", "none: it shows only against boundaries, and none ship with the project",
        ("tests/areas/test_places.py::test_a_wrong_system_shows_in_the_share_of_points_inside_their_street",)),
    Row("A8", "transform applied twice", "W", "none: as A7",
        ("tests/areas/test_places.py::test_a_wrong_system_shows_in_the_share_of_points_inside_their_street",)),
    Row("A9", "BD-09", "F", "none: no office here draws on Baidu's map",
        ("tests/areas/test_places.py::test_points_are_stored_in_wgs84_whatever_was_declared",)),
    Row("A10", "swapped, 0/0, degrees and minutes, metres", "Q", DEFECT,
        ("tests/stages/test_staging_places.py::test_a_point_that_is_none_is_quarantined_in_words",)),
    Row("A11", "a centroid given as a place", "F", DEFECT,
        ("tests/areas/test_places.py::test_a_point_many_rows_share_is_the_middle_of_something",)),
    Row("T1", "naive local time", "–", (HOTLINE, "受理时间", r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")),
    Row("T2", "naive UTC", "W", "none: it would spoil every time of a feed, and with it all rates; shown by a vector"),
    Row("T3", "many spellings of a time; ambiguous ones", "F Q", DEFECT),
    Row("T4", "dates that mean no date", "F", DEFECT),
    Row("T5", "closed before it was dispatched", "F Q", DEFECT),
    Row("T6", "times to come", "F Q", DEFECT),
    Row("T7", "24:00", "F", (HOTLINE, "办结时间", "24:00:00$")),
    Row("T8", "late arrivals and corrections", "S", (HOTLINE, "版本号", "^[2-9]"),
        ("tests/channel/test_channel_again.py::test_a_late_older_version_never_overwrites",
         "street_scorecard__an_order_that_arrives_late")),
    Row("T9", "working hours, moved working days", "S", ("district_grid_cases", "处置截止", r"^\d"),
        ("order_limits__working_hours_skip_holidays", "working_days__weekends_move")),
    Row("T10", "an assessment period that is no month", "S", DEFECT, ("score_days__period_starts_on_the_19th",)),
    Row("R1", "page drift", "R", FAULT,
        ("tests/connectors/test_strangers.py::test_no_row_is_lost_and_none_doubled",)),
    Row("R2", "a page size lowered in silence", "–", "none: the city's CKAN does it to every large pull; shown by a stranger",
        ("tests/connectors/test_conformance.py::test_a_server_that_lowers_the_page_size_loses_no_row",)),
    Row("R3", "one order in three systems", "S", DEFECT, ("cases__one_problem_at_three_levels",)),
    Row("R4", "versions out of order", "S", DEFECT,
        ("tests/channel/test_channel_again.py::test_a_late_older_version_never_overwrites",)),
    Row("R5", "reopened under its own number", "S", (HOTLINE, "工单状态", "重办"), ("told_steps__versions_show_what_nobody_tells",)),
    Row("R6", "deleted at the source", "S", "none: offices of the city clean their tables after three days",
        ("tests/stages/test_loading.py::test_what_a_later_snapshot_lacks_is_gone_unless_it_lacks_too_much",
         "tests/channel/test_channel_census.py::test_a_census_finds_what_the_office_deleted")),
    Row("R7", "excluded afterwards", "S", (HOTLINE, "是否剔除", "是"), ("street_scorecard__an_order_excluded_after_the_freeze",)),
    Row("R8", "categories change within a year", "S", "none: the city's tree stands still; ref.categories is dated"),
    Row("R9", "texts that mean nothing; secrecy", "–", DEFECT),
    Row("R10", "同上, merged cells", "F", "none: written by the sheet of city_projects, not by its rows; shown by a vector",
        ("tests/readers/test_xlsx.py::test_",)),
    Row("R11", "units", "Q R", DEFECT, ("green_spaces__three_units_and_a_wrong_one",)),
    Row("R12", "thousands, Chinese numerals, about so many", "F Q", DEFECT),
    Row("R13", "subtotals among the rows", "W", (PROJECTS, "计划批次", "合计")),
    Row("R14", "telephone numbers in text", "F", DEFECT, ("tests/channel/test_channel_leaks.py::test_",)),
    Row("R15", "another schema", "W R", FAULT),
    Row("R16", "a transfer cut short", "R", FAULT),
    Row("R17", "no rows on a working day", "R", FAULT),
    Row("R18", "a web page or an error under 200", "R", FAULT,
        ("tests/connectors/test_conformance.py::test_a_log_in_page_is_named_and_not_asked_for_again",)),
    Row("R19", "a token that runs out", "–", FAULT,
        ("tests/connectors/test_strangers.py::test_a_token_that_runs_out_is_renewed_and_the_pull_goes_on_from_there",)),
    Row("R20", "test records", "Q", DEFECT),
    Row("R21", "values nobody knows", "Q", DEFECT),
    Row("R22", "lead and assist both counted", "S", DEFECT, ("scorecard_orders__",)),
    Row("R23", "directory nodes, one device twice", "Q W", DEFECT),
    Row("R24", "plans that overlap", "S", (PROJECTS, "是否续建", "是"), ("project_progress__",)),
)  # fmt: skip
BY_IDENTIFIER = {row.identifier: row for row in TABLE}
