"""Whatever a source sends: no row is lost or doubled, and a second run changes nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from channel_days import judged_files, secrets
from hypothesis import given, settings
from hypothesis import strategies as st
from landed_by_hand import GOOD_ORDER, land_by_hand
from let_in import let_in

from pipelines import lake
from pipelines.receipt import Receipt

STRANGE = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "",
            " ",
            "null",
            "未知",
            "锟斤拷",
            "\u3000２０２６－１１－１７\u3000",
            "9999-12-31 24:00:00",
            "0000-00-00",
            "2026-11-17 24:00:00",
            "45982.5",
            "1e400",
            "-1",
            "1,234",
            "' or 1=1 --",
            '"',
            "{}",
            "\\",
            "测试",
            "true",
        ]
    ),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=3), max_size=2),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)


@st.composite
def orders(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Some orders, few enough numbers and versions that keys meet, each with a few strange values."""
    rows = []
    for _ in range(draw(st.integers(0, 40))):
        row = GOOD_ORDER | {
            "工单编号": f"HL-20261117-{draw(st.integers(1, 12)):06d}",
            "版本号": draw(st.integers(1, 2)),
            **draw(st.dictionaries(st.sampled_from(list(GOOD_ORDER)), STRANGE, max_size=3)),
        }
        rows += [row] * draw(st.sampled_from([1, 1, 1, 2]))
    return rows


@pytest.mark.long
@settings(max_examples=4, deadline=None, derandomize=True)
@given(orders())
def test_no_row_is_lost_or_doubled_and_a_second_run_changes_nothing(rows: list[dict[str, Any]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        home = Path(folder)
        secrets(patch, home)
        landed = str(land_by_hand("city_hotline_orders", rows))
        receipt = Receipt.read(Path(let_in(landed)))
        places = numbers(receipt)
        before = judged_files(home)

        assert Counter(range(1, len(rows) + 1)) == places
        assert len(rows) == receipt.received
        assert receipt.duplicate <= len(rows) - len({str(row) for row in rows})

        for stage in ("validated", "quarantine"):
            shutil.rmtree(lake.lake() / stage)
        let_in(landed)

        assert before == judged_files(home)


def numbers(receipt: Receipt) -> Counter[int]:
    """How often each row number stands in any of the three places a row can end in."""
    validated, quarantine = receipt.batch.folder("validated"), receipt.batch.folder("quarantine")
    files = (validated / lake.ROWS, validated / lake.SET_ASIDE, quarantine / lake.ROWS)
    return Counter(
        number
        for file in files
        for (number,) in duckdb.sql(f"select _row_number from read_parquet('{file}')").fetchall()
    )
