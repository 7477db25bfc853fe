"""Landed parts: what is written reads back equal, and nothing else reads at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.errors import DataError, SettingError
from pipelines.parts import PartWriter, read_part, write_part
from pipelines.receipt import Part

KEY = bytes(range(32))
OTHER = bytes(32)


@given(st.binary(max_size=2000), st.sampled_from([None, KEY]))
def test_what_is_written_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, key: bytes | None
) -> None:
    folder = tmp_path_factory.mktemp("parts")

    part = write_part(folder, 7, "json", content, key)

    assert content == read_part(folder, part, key)
    assert ("part-00007.json.zst.enc" if key else "part-00007.json.zst") == part.name
    assert len(content) == part.size


def test_an_encrypted_part_shows_nothing(tmp_path: Path) -> None:
    first = write_part(tmp_path, 1, "json", b"13900000000" * 50, KEY)
    second = write_part(tmp_path, 2, "json", b"13900000000" * 50, KEY)

    bytes_written = [(tmp_path / part.name).read_bytes() for part in (first, second)]
    assert not any(b"1390000" in stored or b"\x28\xb5\x2f\xfd" in stored for stored in bytes_written)
    assert bytes_written[0] != bytes_written[1]


def test_another_key_does_not_open_it_and_is_not_shown(tmp_path: Path) -> None:
    part = write_part(tmp_path, 1, "json", b"13900000000", KEY)

    for key in (OTHER, None):
        with pytest.raises(SettingError) as error:
            read_part(tmp_path, part, key)
        assert "part-00001" in str(error.value)
        assert "1390000" not in str(error.value)


def test_a_part_cannot_stand_in_for_another(tmp_path: Path) -> None:
    first = write_part(tmp_path, 1, "json", b"one", KEY)
    write_part(tmp_path, 2, "json", b"two", KEY)
    (tmp_path / "part-00002.json.zst.enc").replace(tmp_path / first.name)

    with pytest.raises(SettingError, match="part-00001"):
        read_part(tmp_path, first, KEY)


@pytest.mark.parametrize("key", [None, KEY])
def test_a_changed_byte_is_noticed(tmp_path: Path, key: bytes | None) -> None:
    part = write_part(tmp_path, 1, "csv", b"a,b\n1,2\n", key)
    path = tmp_path / part.name
    stored = bytearray(path.read_bytes())
    stored[-3] ^= 1
    path.write_bytes(bytes(stored))

    with pytest.raises((DataError, SettingError), match="part-00001"):
        read_part(tmp_path, part, key)


def test_a_part_that_unpacks_to_more_than_it_should_is_refused(tmp_path: Path) -> None:
    part = write_part(tmp_path, 1, "csv", b"0" * 1_000_000, None)

    with pytest.raises(DataError, match="not what was landed"):
        read_part(tmp_path, replace(part, size=10), None)


def test_a_missing_part_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="land the window again"):
        read_part(tmp_path, Part("part-00001.csv.zst", 1, "00"), None)


def test_a_writer_takes_back_what_a_pull_dropped(tmp_path: Path) -> None:
    writer = PartWriter(tmp_path, None)
    writer(b"one", "json")
    mark = writer.mark()
    writer(b"two", "json")
    writer(b"three", "json")
    writer.back_to(mark)
    writer(b"four", "json")

    assert ["part-00001.json.zst", "part-00002.json.zst"] == sorted(path.name for path in tmp_path.iterdir())
    assert [b"one", b"four"] == [read_part(tmp_path, part, None) for part in writer.parts]
