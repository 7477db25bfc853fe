"""How much the copy in PostgreSQL holds and how long its readers may ask: said once, for the server and the command line.

Apart from `pipelines.serving`, because the command line names these before it knows whether that room is wanted.
"""

from __future__ import annotations

RELEASES = 3
"""How many stay in the database."""
STATEMENT_SECONDS = 60.0
"""How long a statement may last, or a transaction wait for its user."""
TRANSACTION_SECONDS = 600.0
"""How long a transaction may last in all."""
