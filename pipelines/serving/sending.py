"""Rows on their way to the server: the next ones are read while these are sent, in pieces nobody has to wait for.

The driver writes out a whole batch before it sends any of it, and then waits until the server has taken all but what the
socket holds. With big batches driver and server work in turn; with pieces that fit into the socket, side by side.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyarrow import RecordBatch, RecordBatchReader

ROWS_AHEAD = 16_384
"""Rows to read at once: many enough that few hand-overs are needed, few enough to be still in the processor's cache."""
_PIECE_BYTES = 128 * 1024  # Linux gives a socket 208 KiB, and counts what it needs itself
_LEAST_ROWS = 16


@contextlib.contextmanager
def side_by_side(
    batches: RecordBatchReader, failed: Callable[[Exception], None] = lambda _: None
) -> Iterator[RecordBatchReader]:
    """The same rows in the same order, in small pieces, read by a thread of its own that ends with the block.

    Where reading fails `failed` is told, because the driver passes on no more than words about it.
    """
    from pyarrow import RecordBatchReader

    def pieces() -> Generator[RecordBatch, None, None]:
        try:
            yield from _pieces(batches)
        except Exception as error:
            failed(error)
            raise

    with contextlib.closing(pieces()) as read:
        yield RecordBatchReader.from_batches(batches.schema, read)


def _pieces(batches: RecordBatchReader) -> Iterator[RecordBatch]:
    for batch in _read_ahead(batches):
        rows = max(_LEAST_ROWS, batch.num_rows * _PIECE_BYTES // max(batch.nbytes, 1))
        for first in range(0, batch.num_rows, rows):
            yield batch.slice(first, rows)


def _read_ahead(batches: RecordBatchReader) -> Iterator[RecordBatch]:
    """One batch ahead and no more: whoever stops in the middle waits for that one."""
    with ThreadPoolExecutor(1) as reader:
        following = reader.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = reader.submit(next, batches, None)
            yield batch
