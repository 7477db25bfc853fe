"""A folder of files somewhere else: an S3 bucket or a path, through pyarrow's file systems.

A name below it appears whole or not at all. Errors name the address and what the service said, never a credential.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines import lake, settings
from pipelines.errors import SettingError, StorageUnavailable, WarehouseError, step_about_files

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

S3, FILE = "s3", "file"
_CHUNK = 4 * 1024 * 1024
_SECONDS = 30.0
_SAID = re.compile(r"AWS Error ([A-Z_]+)")
_NO_USE_WAITING = {
    "ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "NO_SUCH_BUCKET", "INVALID_CLIENT_TOKEN_ID",
    "MISSING_AUTHENTICATION_TOKEN", "UNRECOGNIZED_CLIENT", "VALIDATION",
}  # fmt: skip


@dataclass(frozen=True)
class Stored:
    """What a listing says of one file."""

    size: int
    at: datetime


@dataclass(frozen=True)
class Storage:
    """Everything below one address."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise SettingError(
                "an address to upload to names a bucket and a folder, nothing else",
                next_step="credentials, region and endpoint are settings: URBANBRAIN_SECRET_S3, _S3_REGION, _S3_ENDPOINT",
            )
        is_known = (parts.scheme == S3 and parts.netloc) or (
            parts.scheme == FILE and not parts.netloc and parts.path.strip("/")
        )
        if not is_known:
            raise SettingError(
                f"{self.url!r} is no address to upload to",
                next_step="give s3://bucket/folder or file:///folder",
            )
        home = settings.home().resolve()
        if self.is_local and home in (folder := Path(self.root).resolve(), *folder.parents):
            raise SettingError(
                f"{folder} lies in this home: an upload would write into what it reads",
                next_step="name a folder of its own",
            )

    @property
    def root(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.netloc}{parts.path}".rstrip("/") if parts.scheme == S3 else parts.path.rstrip("/")

    @property
    def is_local(self) -> bool:
        return urlsplit(self.url).scheme == FILE

    @cached_property
    def _system(self) -> FileSystem:
        from pyarrow import fs

        if self.is_local:
            return fs.LocalFileSystem()
        with self._told("reached"):
            return fs.S3FileSystem(
                **settings.s3(),
                connect_timeout=_SECONDS / 3,
                request_timeout=_SECONDS,
                retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
            )

    def files(self, folder: str = "") -> dict[str, Stored]:
        """Every file below a folder, by its name below the address."""
        from pyarrow.fs import FileSelector, FileType

        base = f"{self.root}/{folder}".rstrip("/")
        with self._told("listed"):
            found = self._system.get_file_info(FileSelector(base, allow_not_found=True, recursive=True))
        return {
            each.path.removeprefix(f"{self.root}/"): Stored(each.size, each.mtime or datetime.now(UTC))
            for each in found
            if each.type == FileType.File and lake.TEMPORARY not in each.path
        }

    def read(self, name: str) -> bytes | None:
        """A file's bytes; None when there is none."""
        from pyarrow.fs import FileType

        with self._told("read"):
            if self._system.get_file_info(f"{self.root}/{name}").type != FileType.File:
                return None
            with self._system.open_input_stream(f"{self.root}/{name}") as stream:
                return bytes(stream.read())

    def sha256(self, name: str) -> str:
        """The checksum of what lies there, read back."""
        found = hashlib.sha256()
        with self._told("read back"), self._system.open_input_stream(f"{self.root}/{name}") as stream:
            while chunk := stream.read(_CHUNK):
                found.update(chunk)
        return found.hexdigest()

    def put(self, name: str, source: Path) -> None:
        """Write a file. In a folder of this machine it is as readable as it was."""
        with source.open("rb") as file:
            self._put(name, file, source.stat().st_mode & 0o777, source.parent.stat().st_mode & 0o777)

    def write(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Write a small file; `mode` counts in a folder of this machine."""
        if self.is_local:
            with self._told("written to"):
                lake.write_file(Path(self.root, name), content, mode)
            return
        with self._told("written to"), self._system.open_output_stream(f"{self.root}/{name}") as out:
            out.write(content)

    def remove(self, name: str) -> None:
        """Delete a file."""
        with self._told("written to"):
            self._system.delete_file(f"{self.root}/{name}")

    def remove_folder(self, folder: str) -> None:
        """Delete everything below a folder."""
        with self._told("written to"):
            self._system.delete_dir(f"{self.root}/{folder}")

    def _put(self, name: str, file: IO[bytes], mode: int, folder_mode: int) -> None:
        target = f"{self.root}/{name}"
        written = target
        if self.is_local:
            written = str(Path(target).with_name(f"{lake.TEMPORARY}{Path(target).name}"))
        with self._told("written to"):
            if self.is_local:
                Path(target).parent.mkdir(parents=True, exist_ok=True)
            with self._system.open_output_stream(written) as out:
                while chunk := file.read(_CHUNK):
                    out.write(chunk)
            if self.is_local:
                Path(written).chmod(mode)
                lake.sync(Path(written))
                Path(written).replace(target)
                Path(target).parent.chmod(folder_mode)

    @contextlib.contextmanager
    def _told(self, done: str) -> Iterator[None]:
        """Explain what the service said. Its own words may name an access key, so only their kind is passed on."""
        try:
            yield
        except OSError as error:
            said = _SAID.search(str(error))
            kind = said[1] if said else (error.strerror if self.is_local else type(error).__name__)
            is_worth_it = not self.is_local and not (kind in _NO_USE_WAITING or "denied" in str(kind).lower())
            raise (StorageUnavailable if is_worth_it else WarehouseError)(
                f"{self.url} cannot be {done}: {kind}",
                next_step=step_about_files(
                    str(kind) if self.is_local else "",
                    "look at the address, URBANBRAIN_S3_ENDPOINT, _S3_REGION and URBANBRAIN_SECRET_S3; run it again, and it "
                    "goes on where it stopped",
                ),
            ) from None
