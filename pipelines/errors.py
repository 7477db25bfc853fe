"""Every error this project raises, and whether waiting can cure it.

    UrbanBrainError
    ├── ContractError     a contract or reference file is wrong: fix the file
    ├── CommandError      what somebody named is not there: name another
    ├── SettingError      the environment lacks or garbles a setting: set it
    ├── FeedError         the source misbehaved: the pull stored nothing
    │   ├── FeedUnavailable   … and may behave later (time-out, 429, 5xx): worth a retry
    │   ├── NotThere          … because it knows no such address
    │   └── DeadEnd           … because its pages lead nowhere
    ├── DataError         the data broke its promise: read the reasons, ask the source
    │   ├── BatchHeld         … so far that a person has to decide about the batch
    │   ├── BatchRejected     … and a person keeps the batch out
    │   └── DataRefused       … so badly that nothing of the batch may be kept
    ├── WarehouseError    the warehouse or a release could not be written or read
    │   ├── StorageUnavailable  … because object storage did not answer properly: worth a retry
    │   ├── NotBuilt          … because the tables are older than what they are made of
    │   ├── WarehouseBusy     … because somebody else is writing: worth a retry
    │   ├── ServingUnavailable  … because PostgreSQL does not answer or broke off: worth a retry
    │   └── Locked            … because somebody in PostgreSQL keeps what is asked for
    └── Interrupted       somebody asked the demo to stop: run it again

NotThere, DeadEnd, Locked and Interrupted are written where they are raised, and told apart only there.
Messages say what happened, where, what was expected against what was found, and what to do next.
They never carry a secret or a personal value, and every error survives pickling.
"""

from __future__ import annotations

from typing import ClassVar


class UrbanBrainError(Exception):
    """Something this project can explain. `retry` says whether waiting can cure it."""

    retry: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message, next_step)
        self.message = message
        self.next_step = next_step

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.next_step))

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.next_step}" if self.next_step else self.message


_OF_FILES = {
    "no space left": "the disk is full: free some space, then run it again; what was there before is whole",
    "quota exceeded": "the quota is used up: free some space, then run it again; what was there before is whole",
    "file too large": "files may not grow that large here (`ulimit -f`): allow it, then run it again",
    "read-only file system": "the disk is mounted read-only: name another place, or have it mounted for writing",
    "permission denied": "this account may not: run it as the account that publishes, or have that one's group given to it",
    "operation not permitted": "this account may not: run it as the account that publishes",
}


def step_about_files(said: str, otherwise: str) -> str:
    """What to do next, where the system or DuckDB `said` that a disk is full or an account may not; else `otherwise`."""
    return next((step for words, step in _OF_FILES.items() if words in said.lower()), otherwise)


def _rebuild(kind: type[UrbanBrainError], message: str, next_step: str) -> UrbanBrainError:
    return kind(message, next_step=next_step)


class ContractError(UrbanBrainError):
    """A contract or reference file is wrong; the message lists every problem with file and line."""

    exit_code = 2


class CommandError(UrbanBrainError):
    """A feed, a file or a batch that somebody named is not there."""

    exit_code = 2


class SettingError(UrbanBrainError):
    """A setting or secret is missing or unreadable; the message names it, never its value."""

    exit_code = 2


class FeedError(UrbanBrainError):
    """The source misbehaved in a way that waiting does not cure. Nothing was stored."""

    exit_code = 3


class FeedUnavailable(FeedError):
    """The source did not answer properly this time: time-out, refused connection, 429, 5xx."""

    retry = True


class DataError(UrbanBrainError):
    """The data broke its promise as a whole: too many bad rows, a missing column, a wrong total."""

    exit_code = 4


class BatchHeld(DataError):
    """Too much of the batch breaks the contract, or its shape changed: it waits in `lake/held` for a person."""


class BatchRejected(DataError):
    """A person decided that nothing of the batch comes in; its bytes stay until their retention ends."""


class DataRefused(DataError):
    """The batch showed something that must not be kept; its bytes are deleted, the refusal recorded."""


class WarehouseError(UrbanBrainError):
    """The warehouse or a release could not be written or read."""

    exit_code = 5


class StorageUnavailable(WarehouseError):
    """Object storage did not answer properly this time."""

    retry = True


class NotBuilt(WarehouseError):
    """The governance tables are older than what they are made of: build them first."""


class WarehouseBusy(WarehouseError):
    """Another process is writing the warehouse."""

    retry = True


class ServingUnavailable(WarehouseError):
    """The PostgreSQL that serves a copy of releases does not answer, or broke off; what it served, it still serves."""

    retry = True
