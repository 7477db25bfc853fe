"""Telling the owners of a level what changed about their feeds: once a change, in one message a run and addressee.

    memory      what was noticed, and who has been told; files under lake/notices
    addresses   who is to be told, from the environment
    message     the words, in Chinese and English
    sending     by mail and by webhook; the only place beside the connectors that talks to strangers

A change is remembered before it is told, and as told only after it was taken: a crash in between may tell it twice,
and never loses it. Whoever cannot be reached is tried again by the next run, and keeps nobody else waiting.
"""

from __future__ import annotations

from pipelines.notices.addresses import Addressee, addressees
from pipelines.notices.memory import Change, changes, fill
from pipelines.notices.telling import Outcome, alone, tell

__all__ = ["Addressee", "Change", "Outcome", "addressees", "alone", "changes", "fill", "tell"]
