"""Who sees what of a release in PostgreSQL."""

from __future__ import annotations

import pytest
from postgres_server import Server
from two_streets import EAST, WEST


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
