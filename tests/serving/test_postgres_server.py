"""Where PostgreSQL has to run, its tests do not pass by being skipped."""

from __future__ import annotations

import pytest
from postgres_server import NoServer, Server, without


@pytest.mark.parametrize(("ci", "outcome"), [("true", pytest.fail.Exception), ("", pytest.skip.Exception)])
def test_without_a_server_tests_fail_in_ci_and_are_skipped_elsewhere(
    monkeypatch: pytest.MonkeyPatch, ci: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no PostgreSQL here"):
        without(NoServer("no PostgreSQL here"))


def test_the_server_has_the_settings_of_production(server: Server) -> None:
    asked = "select name, setting from pg_settings where name in ('max_wal_senders', 'wal_level') order by 1"

    assert [["max_wal_senders", "0"], ["wal_level", "minimal"]] == server.ask(asked)


def test_text_is_in_the_order_of_its_bytes_and_letters_are_letters(server: Server) -> None:
    """As DuckDB has it, so that the same question gives rows in the same order."""
    asked = "select x from unnest(array['é', 'Z', 'a', '霍营', 'B']) as x order by x"

    assert [["B"], ["Z"], ["a"], ["é"], ["霍营"]] == server.ask(asked)
    assert [["t"]] == server.ask("select '霍营' ~ '^[[:alpha:]]+$'")
