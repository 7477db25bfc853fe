"""What holds for any source: a pull brings the source as it stood, or says that it could not."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.connectors import dialects, pages, pulling
from pipelines.connectors.session import Answer, Session
from pipelines.contract.model import Server
from pipelines.errors import FeedError

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=12)
changes = st.dictionaries(
    st.integers(2, 6), st.tuples(st.sampled_from(["front", "gone", "back"]), st.integers(0, 4)), max_size=2
)


class FakeSession(Session):
    """Answers from memory: one position-paged list, changed between requests as told."""

    def __init__(self, source: list[tuple[int, int]], cap: int, changes: dict[int, Any], total: bool) -> None:
        super().__init__()
        self.source = list(source)
        self.states = [Counter(source)]
        self.cap, self.changes, self.total = cap, changes, total

    def get(self, url: str, query: Any, read: Any, **_: Any) -> Any:
        self.attempts += 1
        if self.attempts in self.changes:
            kind, value = self.changes[self.attempts]
            if kind == "front":
                self.source.insert(0, (value, 9))
            elif kind == "back":
                self.source.append((value, 9))
            elif self.source:
                del self.source[0]
            self.states.append(Counter(self.source))
        start, size = int(query["offset"]), min(int(query["limit"]), self.cap)
        records = [{"no": no, "version": version} for no, version in self.source[start : start + size]]
        headers = {"NGSILD-Results-Count": str(len(self.source))} if self.total else {}
        return read(Answer(200, json.dumps(records).encode(), headers, ""))


@settings(deadline=None, max_examples=300)
@given(rows, st.integers(1, 5), st.integers(1, 5), changes, st.booleans())
def test_what_is_kept_is_the_source_as_it_stood_at_some_moment(
    pull_with: Any, source: list[tuple[int, int]], size: int, cap: int, changes: dict[int, Any], total: bool
) -> None:
    """With totals one change at a time is seen; several that cancel out may not be (see pulling.py)."""
    if total:
        changes = dict(list(changes.items())[:1])
    session = FakeSession(source, cap, changes, total)
    server = Server("sample", "http://127.0.0.1/x", "ngsi_ld", page_size=size)
    try:
        contents, pulled = pull_with(server, session)
    except FeedError:
        return
    kept = Counter((row["no"], row["version"]) for content in contents for row in json.loads(content))

    assert kept in session.states
    assert pulled.rows == kept.total()


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text() | st.none()), max_size=5))
def test_any_list_of_records_is_counted(feed: Any, records: list[dict[str, Any]]) -> None:
    server = Server("sample", "http://127.0.0.1/x", "ngsi_ld")
    reader = pages.PageReader(feed(), server, dialects.dialect_of(server))

    page = reader.page(Answer(200, json.dumps(records).encode(), {}, ""))

    assert len(records) == page.rows == len(page.hashes)


@given(st.binary(max_size=60))
def test_any_bytes_are_a_page_or_a_feed_error(feed: Any, content: bytes) -> None:
    for connector in ("ckan", "paged_json", "ngsi_ld", "next_link"):
        server = Server("sample", "http://127.0.0.1/x", connector)
        reader = pages.PageReader(feed(), server, dialects.dialect_of(server))
        try:
            reader.page(Answer(200, content, {}, ""))
        except FeedError:
            continue


def test_passes_are_bounded() -> None:
    assert 2 <= pulling.PASSES <= 5
