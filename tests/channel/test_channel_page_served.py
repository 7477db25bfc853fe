"""Dashboards read the open tables of a release from an address, and nobody reads the others there."""

from __future__ import annotations

import io

import pandas as pd
import pyarrow.parquet as pq
from channel_days import Channel
from page_served import Server, serving

from pipelines import releases

TABLE = "governance.street_scorecard"


class Ranges(io.RawIOBase):
    """A file of a server, of which only the parts that are read are asked for, as remote readers do."""

    def __init__(self, server: Server, path: str) -> None:
        self._server, self._path, self._at, self.parts = server, path, 0, 0
        self._size = int(server.ask(path, "HEAD").headers["content-length"])

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._at + size, self._size)
        if end <= self._at:
            return b""
        answer = self._server.ask(self._path, range=f"bytes={self._at}-{end - 1}")
        assert 206 == answer.status
        self._at, self.parts = end, self.parts + 1
        return answer.body


def test_every_open_table_and_no_other_is_read_from_an_address(at_channel: Channel) -> None:
    release = releases.current()
    with serving(at_channel.home) as server:
        statuses = {file["path"]: status(server, release, file["path"]) for file in release.manifest["files"]}
        path = f"/releases/{release.release_id}/tables/{TABLE}.parquet"
        read = pd.read_parquet(f"{server.address}{path}")
        ranges = Ranges(server, path)
        rates = pq.read_table(ranges, columns=["street_code", "response_rate"])

    assert {path for path in statuses if path.startswith(("district/", "offices/"))} == {
        path for path, status in statuses.items() if status == 404
    }
    assert {200, 404} == set(statuses.values())
    (here,) = release.tables[TABLE].files
    pd.testing.assert_frame_equal(pd.read_parquet(here), read)
    assert rates.equals(pq.read_table(here, columns=["street_code", "response_rate"]))
    assert ranges.parts > 1


def status(server: Server, release: releases.Release, path: str) -> int:
    return server.ask(f"/releases/{release.release_id}/{path}", "HEAD").status
