"""Where a row came from, back to the bytes that were received, and where it went, forward to releases.

Nothing here knows any table by name but the cases' own history of merging. Which rows belong together is read off:

    relationships   a column of a contract that refers to another table's
    pairs           `<x>_feed` beside `<x>_id`: a feed and the key of a record of it
    lineage         a column that is, over any number of models, the key of a feed as it arrived

A row that sums many up leads to no single record; then the tables it is made of are told. The warehouse is only read.

    following       one row, back and forward
    links           which rows belong together
    back            what arrived of a record
    received_bytes  the bytes it arrived in
    forward         rows made of it, releases that hold one
"""

from pipelines.tracing.following import Trace, trace

__all__ = ["Trace", "trace"]
