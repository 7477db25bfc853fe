"""What a table of newest versions has in common with the table of all versions, for rows that a test writes itself."""

from __future__ import annotations

from pipelines.contract import dictionary

NEWEST_ONLY = tuple(name for name, *_ in dictionary.NEWEST_ONLY)
IN_BOTH = f"columns(name -> name not in {NEWEST_ONLY})"
"""For a select list: every column that both tables have."""
