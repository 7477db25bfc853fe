"""Who sees what of a release in PostgreSQL."""

from __future__ import annotations

import pytest
from postgres_server import Server
from two_streets import EAST, WEST

from pipelines.serving import roles
from pipelines.serving.contents import Offer


@pytest.mark.parametrize(
    ("user", "seen"),
    [
        ("east", ["GC-EAST-1"]),
        ("west", ["GC-WEST-1"]),
        ("district", ["GC-EAST-1", "GC-WEST-1"]),
    ],
)
def test_an_office_sees_its_own_records_and_the_district_all(
    served: Server, user: str, seen: list[str]
) -> None:
    assert [[case] for case in seen] == served.ask("select case_id from governance.cases order by 1", user)


def test_what_belongs_to_a_record_follows_it(served: Server) -> None:
    asked = "select source_id from governance.case_members order by 1"

    assert [["HL-EAST-1"], ["HL-EAST-2"]] == served.ask(asked, "east")
    assert [["HL-WEST-1"]] == served.ask(asked, "west")
    assert 3 == len(served.ask(asked, "district"))


def test_the_city_sees_what_it_sent_and_no_other_record(served: Server) -> None:
    assert 3 == len(served.ask("select order_id from city.orders", "city"))
    for name in ("street.devices", "governance.cases"):
        assert "permission denied" in served.psql(f"select * from {name}", "city").stderr


def test_a_reader_sees_what_anybody_may(served: Server) -> None:
    assert [["city_air"], ["city_orders"]] == served.ask(
        "select feed_id from governance.channel_health order by 1", "reader"
    )
    assert "permission denied" in served.psql("select * from city.orders", "reader").stderr


def test_a_user_of_no_group_may_not_even_connect(served: Server) -> None:
    served.psql("create role stranger login password 'user-Pw_7'", database="postgres")

    assert "permission denied for database" in served.psql("select 1", "stranger").stderr


def test_a_user_of_two_offices_sees_the_rows_of_both_once(served: Server) -> None:
    user = served.add_user("both", f"urbanbrain_office_{EAST}", f"urbanbrain_office_{WEST}")

    assert [["GC-EAST-1"], ["GC-WEST-1"]] == served.ask(
        "select case_id from governance.cases order by 1", user
    )


def test_a_user_of_office_and_district_sees_no_row_twice(served: Server) -> None:
    user = served.add_user("chief", f"urbanbrain_office_{EAST}", "urbanbrain_district")
    for name in ("governance.cases", "governance.scorecard", "city.orders"):
        asked = f"select count(*) from {name}"

        assert served.ask(asked, "district") == served.ask(asked, user)


@pytest.mark.parametrize(
    ("user", "east", "west"),
    [
        ("east", "0.5 in full", "-1 hidden"),
        ("west", "-1 hidden", "∅ in full"),
        ("district", "0.5 in full", "∅ in full"),
        ("city", "0.5 in full", "∅ in full"),
        ("reader", "-1 hidden", "-1 hidden"),
    ],
)
def test_an_office_sees_its_own_figures_in_full_and_others_as_anybody(
    served: Server, user: str, east: str, west: str
) -> None:
    """And the column that names what is hidden, which only the open table has."""
    asked = (
        "select street_code, coalesce(response_share::text, '∅') || "
        "case hidden when '{}' then ' in full' when '{response_share}' then ' hidden' end "
        "from governance.scorecard order by 1"
    )

    assert [[EAST, east], [WEST, west]] == served.ask(asked, user)


def test_figures_about_no_street_are_as_anybody_reads_them(served: Server) -> None:
    asked = "select feed_id, status from governance.channel_health order by 1"
    seen = [served.ask(asked, user) for user in ("east", "reader", "district")]

    assert ["city_air", "city_orders"] == [feed for feed, _ in seen[0]]
    assert [seen[0]] * 3 == seen


def test_a_superuser_sees_no_row_twice(served: Server) -> None:
    for name in ("governance.cases", "governance.scorecard", "city.orders", "office.this_office"):
        assert served.ask(f"select count(*) from {name}", "district") == served.ask(
            f"select count(*) from {name}"
        )


def test_a_tool_is_told_what_tables_and_columns_mean(served: Server) -> None:
    listed = served.ask(
        "select attname || '=' || col_description(attrelid, attnum) from pg_attribute "
        "where attrelid = 'office.this_office'::regclass and attnum > 0",
        "east",
    )
    comments = dict(line.split("=", 1) for (line,) in listed)

    assert "Street of this file. 街镇代码" == comments["street_code"]
    assert [
        ["Whose file this is, and as of when. One row. 本文件所属街镇及数据截止时间（一行）"]
    ] == served.ask("select obj_description('office.this_office'::regclass)", "east")


def test_every_table_that_is_not_open_is_closed_even_to_its_owner(served: Server) -> None:
    asked = "select relname from pg_class where relkind = 'r' and relnamespace::regnamespace::text ~ '_(detail|offices)$'"

    assert len(served.ask(asked)) > 5
    assert [] == served.ask(f"{asked} and not (relrowsecurity and relforcerowsecurity)")


def test_what_the_district_keeps_from_itself_is_for_offices_only() -> None:
    """Tables of the desk are in office files and in no folder; a feed's rows are the district's, too."""
    desk = Offer("ops", "quarantine", (), in_offices="ops.quarantine")
    feed = Offer("street", "devices", (), in_offices="street.devices")

    assert (roles.OFFICES,) == desk.audience
    assert (roles.OFFICES, roles.DISTRICT) == feed.audience
