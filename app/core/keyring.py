"""The server's own keys, kept outside the database and its backups in one file that only the service may read.

The key ring holds the epoch keys (facts and wraps are encrypted under the current one; older ones decrypt values that have not been
re-encrypted yet) and the root secret, from which every other server key is derived by purpose. Whoever loses the file loses all
cases. Whoever copies it together with the database still opens no sealed part: those need a person's number or a member's
passphrase.

A ring loaded from a file checks before each encryption and decryption whether the file has changed, so that a running service
immediately uses a new epoch key and drops a destroyed one.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final

from app.core import sealing
from app.core.errors import Unavailable
from app.core.sealing import CannotOpen

_FORMAT = 1
EPOCH_ID_BYTES: Final = 4
_MIN_DISTINCT_BYTES = 12  # 32 random bytes have about 30 different values; fewer than 12 do not happen by chance


class WeakSecret(Exception):
    """The key file is missing, readable by others, damaged, or contains a key that is not random."""


@dataclass(frozen=True, slots=True)
class _Epochs:
    """The epoch keys at one moment. Replaced as a whole, so that no thread sees half a change."""

    keys: Mapping[int, bytes]
    current: int
    since: Mapping[int, date]


class KeyRing:
    """Epoch keys by number, and the root secret. Created by `generate`, read by `load`, never printed."""

    def __init__(self, epochs: Mapping[int, bytes], current: int, root: bytes, since: Mapping[int, date]) -> None:
        if current not in epochs:
            raise WeakSecret("the current epoch key is not in the key file")
        for key in (*epochs.values(), root):
            _refuse_weak(key)
        self._epochs = _Epochs(dict(epochs), current, dict(since))
        self._root = root
        self._path: Path | None = None
        self._loaded_version: tuple[int, ...] = ()

    @property
    def current(self) -> int:
        return self._epochs.current

    @property
    def since(self) -> Mapping[int, date]:
        """The day on which each epoch key that still exists was created."""
        return self._epochs.since

    @property
    def epochs(self) -> tuple[int, ...]:
        """The numbers of the keys that still exist, oldest first. More than one: a rotation is in progress."""
        return tuple(sorted(self._epochs.keys))

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current}, epochs={list(self.epochs)})"

    @classmethod
    def generate(cls, today: date) -> "KeyRing":
        return cls({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), {1: today})

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """The ring in a key file. Raises WeakSecret when it is missing, damaged, readable by others, or a key in it is weak."""
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise WeakSecret(f"{path.name} can be read by others; run: chmod 600 {path.name}")
            version = _file_version(path)
            document = json.loads(path.read_text())
            epochs = {int(number): base64.b64decode(entry["key"]) for number, entry in document["epochs"].items()}
            since = {int(number): date.fromisoformat(entry["since"]) for number, entry in document["epochs"].items()}
            ring = cls(epochs, int(document["current"]), base64.b64decode(document["root"]), since)
        except FileNotFoundError:
            raise WeakSecret(f"there is no key file {path.name}; `pristan init` creates one") from None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise WeakSecret(f"{path.name} cannot be read as a key file") from error
        ring._path, ring._loaded_version = path, version
        return ring

    def save(self, path: Path, *, replace: bool = False) -> None:
        """Write the file atomically, with mode 0600. Raises FileExistsError if it exists, unless `replace`."""
        document = {
            "format": _FORMAT,
            "current": self.current,
            "root": base64.b64encode(self._root).decode(),
            "epochs": {
                str(number): {"key": base64.b64encode(key).decode(), "since": self.since[number].isoformat()}
                for number, key in self._epochs.keys.items()
            },
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            temporary.replace(path)
            _sync_directory(path.parent)
            return
        try:
            os.link(temporary, path)  # unlike a rename it fails when another process was first
        finally:
            temporary.unlink()

    def encrypt(self, plaintext: bytes, *binding: str) -> bytes:
        """Encrypt under the current epoch key, bound to `binding` (table, row, column, version): epoch number, then ciphertext.

        Raises Unavailable when the key file can no longer be read.
        """
        self._reload_if_changed(required=True)
        now = self._epochs
        epoch = now.current.to_bytes(EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt(now.keys[now.current], plaintext, epoch + sealing.context(*binding))

    def decrypt(self, envelope: bytes, *binding: str) -> bytes:
        """Undo `encrypt`. Raises CannotOpen for another binding, changed bytes, or an epoch whose key was destroyed."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._reload_if_changed()
        key = self._epochs.keys.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt(key, envelope[EPOCH_ID_BYTES:], epoch + sealing.context(*binding))

    def is_readable(self) -> bool:
        """Whether the key file of this ring can be read. If not, nothing can be encrypted."""
        try:
            self._reload_if_changed(required=True)
        except Unavailable:
            return False
        return True

    def encrypt_deterministically(self, plaintext: bytes, *binding: str) -> bytes:
        """Encrypt so that equal plaintexts give equal ciphertexts, for values that are compared and must not outlive the epoch key.

        Raises Unavailable when the key file can no longer be read.
        """
        self._reload_if_changed(required=True)
        now = self._epochs
        epoch = now.current.to_bytes(EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt_deterministically(
            _deterministic_key(now.keys[now.current]), plaintext, epoch + sealing.context(*binding)
        )

    def decrypt_deterministically(self, envelope: bytes, *binding: str) -> bytes:
        """Undo `encrypt_deterministically`. Raises CannotOpen."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._reload_if_changed()
        key = self._epochs.keys.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt_deterministically(
            _deterministic_key(key), envelope[EPOCH_ID_BYTES:], epoch + sealing.context(*binding)
        )

    def mac(self, purpose: str, *data: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes) under a separate key for `purpose`; each datum is length-prefixed."""
        digest = hmac.new(self.derive(f"mac:{purpose}"), digestmod=hashlib.sha256)
        for datum in data:
            digest.update(len(datum).to_bytes(8, "big") + datum)
        return digest.digest()

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        known = self._derived.get(purpose)
        if known is None:
            known = self._derived[purpose] = sealing.derive(self._root, purpose)
        return known

    def _reload_if_changed(self, *, required: bool = False) -> None:
        """Load the key file again if it has changed.

        A file that cannot be read at the moment does not stop decryption. Encryption (`required`) might then use a key that is
        being destroyed, or that the next start does not find, so it raises Unavailable.
        """
        if self._path is None:
            return
        try:
            version = _file_version(self._path)
            if version != self._loaded_version:
                loaded = KeyRing.load(self._path)
                self._epochs, self._loaded_version = loaded._epochs, version
        except (OSError, WeakSecret):
            if required:
                raise Unavailable("The service's key file cannot be read. Nothing was saved.") from None

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        return {}


def load_or_create(path: Path, today: date) -> KeyRing:
    """The ring in `path`, created on the first start. Two processes that start at the same time get the same one."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            KeyRing.generate(today).save(path)
    return KeyRing.load(path)


def begin_epoch(path: Path, today: date) -> KeyRing:
    """Add a new epoch key and make it the current one. The older keys stay, to decrypt what was encrypted under them.

    Adds nothing if a rotation is already in progress, so that it can be continued. Two callers at the same time begin the same one.
    """
    with _exclusive(path):
        ring = KeyRing.load(path)
        if len(ring.epochs) > 1:
            return ring
        number = ring.current + 1
        keys = {**ring._epochs.keys, number: secrets.token_bytes(32)}
        KeyRing(keys, number, ring._root, {**ring.since, number: today}).save(path, replace=True)
        return KeyRing.load(path)


def end_epochs(path: Path, keep: int) -> KeyRing:
    """Destroy every epoch key but `keep`: what is still encrypted under another can never be decrypted again.

    Does nothing unless `keep` is the current one. The bytes of the old file are overwritten before it is deleted.
    """
    with _exclusive(path):
        ring = KeyRing.load(path)
        if ring.current != keep or ring.epochs == (keep,):
            return ring
        old = path.with_name(f".{path.name}.old")
        old.unlink(missing_ok=True)
        os.link(path, old)
        KeyRing({keep: ring._epochs.keys[keep]}, keep, ring._root, {keep: ring.since[keep]}).save(path, replace=True)
        _overwrite(old)
        return KeyRing.load(path)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on the key file. A file left behind by an interrupted `end_epochs` is overwritten first."""
    import fcntl

    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        old = path.with_name(f".{path.name}.old")
        if old.exists() and not old.samefile(path):
            _overwrite(old)
        yield


def _overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()


def _sync_directory(folder: Path) -> None:
    """Flush the directory entry to disk, so that the file is there before anything is encrypted with its keys."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_version(path: Path) -> tuple[int, ...]:
    """What changes when the file is replaced or written: inode, time of modification, size."""
    status = path.stat()
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _deterministic_key(epoch_key: bytes) -> bytes:
    return sealing.derive(epoch_key, "pristan/same")


def _refuse_weak(key: bytes) -> None:
    if len(key) != 32 or len(set(key)) < _MIN_DISTINCT_BYTES:
        raise WeakSecret("a key in the key file is not 32 random bytes")
