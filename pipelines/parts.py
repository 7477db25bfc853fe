"""Landed parts on disk: bytes as received, compressed, and encrypted where the contract names a secret.

    part-00001.json.zst        zstd frame
    part-00001.json.zst.enc    12 bytes nonce, then AES-256-GCM of the frame; the part's name is authenticated

The key is HKDF-SHA256 of the secret with the feed id as info, so that one leaked feed key opens one feed.
A part is held in memory whole: a page of an API, or one file no larger than the server's `max_bytes`.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pipelines import settings
from pipelines.contract.model import Contract
from pipelines.errors import DataError, SettingError
from pipelines.receipt import Part

_COMPRESSED = ".zst"
_ENCRYPTED = ".enc"
_LEVEL = 3
_NONCE_BYTES = 12
_KEY_BYTES = 32


def landing_key(contract: Contract) -> bytes | None:
    """The key that seals this feed's landed parts; None when its contract names no landing secret.

    Raises SettingError when the secret is not set.
    """
    if not contract.landing_secret:
        return None
    secret = settings.secret(contract.landing_secret).encode()
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=contract.feed_id.encode()).derive(secret)


def write_part(folder: Path, number: int, suffix: str, content: bytes, key: bytes | None) -> Part:
    """Write one part into a folder that is still being made; `suffix` is its format, such as `json`."""
    name = f"part-{number:05d}.{suffix}{_COMPRESSED}" + (_ENCRYPTED if key else "")
    stored = zstandard.ZstdCompressor(level=_LEVEL).compress(content)
    if key:
        nonce = os.urandom(_NONCE_BYTES)
        stored = nonce + AESGCM(key).encrypt(nonce, stored, name.encode())
    (folder / name).write_bytes(stored)
    return Part(name, len(content), hashlib.sha256(content).hexdigest())


def sealing_key(secret: str, purpose: str) -> bytes:
    """The key that seals files of a purpose of our own, made of one of the landing secrets."""
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose.encode()).derive(secret.encode())


def seal(content: bytes, name: str, key: bytes) -> bytes:
    """A file's bytes, encrypted; its name is authenticated with them."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, name.encode())


def unseal(content: bytes, name: str, key: bytes) -> bytes:
    """The bytes that were sealed. Raises SettingError when key or name are not those of that time."""
    try:
        return AESGCM(key).decrypt(content[:_NONCE_BYTES], content[_NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError) as error:
        raise SettingError(
            f"{name} does not open: the landing secret is not the one of that time, or the file was renamed or changed",
            next_step="set the landing secret of that time, and give the file the name it was put away under",
        ) from error


def read_part(folder: Path, part: Part, key: bytes | None) -> bytes:
    """The bytes as received.

    Raises DataError when the file is gone or is not what was landed, SettingError when the key does not fit.
    """
    path = folder / part.name
    try:
        stored = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is gone: its retention ended, or somebody removed it",
            next_step="land the window again; the source may still have it",
        ) from error
    if part.name.endswith(_ENCRYPTED):
        stored = _decrypt(path, part, stored, key)
    try:
        content = zstandard.ZstdDecompressor().decompress(stored, max_output_size=max(part.size, 1))
    except zstandard.ZstdError as error:
        raise _changed(path) from error
    if len(content) != part.size or hashlib.sha256(content).hexdigest() != part.sha256:
        raise _changed(path)
    return content


def _decrypt(path: Path, part: Part, stored: bytes, key: bytes | None) -> bytes:
    if key is None:
        raise SettingError(
            f"{path} is encrypted, and the contract names no landing secret",
            next_step="set `landingSecret` in the contract to the secret the part was landed with",
        )
    try:
        return AESGCM(key).decrypt(stored[:_NONCE_BYTES], stored[_NONCE_BYTES:], part.name.encode())
    except (InvalidTag, ValueError) as error:
        raise SettingError(
            f"{path} does not open: the landing secret is not the one of that time, or the file changed",
            next_step="set the landing secret of that time, or land the window again",
        ) from error


def _changed(path: Path) -> DataError:
    return DataError(
        f"{path} is not what was landed: its checksum differs from the one in the receipt",
        next_step="restore the file from a backup, or remove its folder and land the window again",
    )


class PartWriter:
    """Writes the parts of one batch in order, and can take the newest back when a pull starts over."""

    def __init__(self, folder: Path, key: bytes | None) -> None:
        self._folder = folder
        self._key = key
        self.parts: list[Part] = []

    def __call__(self, content: bytes, suffix: str) -> None:
        self.parts.append(write_part(self._folder, len(self.parts) + 1, suffix, content, self._key))

    def mark(self) -> int:
        """A point to come back to."""
        return len(self.parts)

    def back_to(self, mark: int) -> None:
        """Forget everything written since `mark`."""
        for part in self.parts[mark:]:
            (self._folder / part.name).unlink()
        del self.parts[mark:]
