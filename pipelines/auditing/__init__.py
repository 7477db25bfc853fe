"""Attacks on what was published: whether anybody, an office, or who kept earlier releases can reckon a hidden count.

    evidence     what each of them holds
    reckoning    how closely a hidden number can be told from it

Nothing of `pipelines/suppression/` is used here: the same thought twice would find no mistake of the first. It reads
published files and what contracts say adds up; only the verdict looks into the district's tables.
"""

from __future__ import annotations

from pipelines.auditing.attack import Audit, Finding, Utility, audit

__all__ = ["Audit", "Finding", "Utility", "audit"]
