"""The server's own keys: outside the database and its backups, in one file that only the service may read.

The ring holds epoch keys (facts and wraps are locked under the current one; older ones open what has not been locked
anew yet) and root secrets from which every other server key is derived by purpose. Losing the file loses all cases;
copying it together with the database still opens no sealed part, for these need a person's number or a member's passphrase.

A ring that was read from a file follows it: each time it locks or unlocks it looks whether the file has changed. So a
running service takes up a new epoch key at once, and lets go of a destroyed one.
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
    """The key file is missing, readable by others, damaged, or holds something that is no random key."""


@dataclass(frozen=True, slots=True)
class _Epochs:
    """The epoch keys at one moment: replaced as a whole, so that two threads never see half a change."""

    keys: Mapping[int, bytes]
    current: int
    since: Mapping[int, date]


class KeyRing:
    """Epoch keys by number, and the root secret. Made by `generate`, read by `load`; never printed."""

    def __init__(self, epochs: Mapping[int, bytes], current: int, root: bytes, since: Mapping[int, date]) -> None:
        if current not in epochs:
            raise WeakSecret("the current epoch key is not in the key file")
        for key in (*epochs.values(), root):
            _refuse_weak(key)
        self._now = _Epochs(dict(epochs), current, dict(since))
        self._root = root
        self._path: Path | None = None
        self._mark: tuple[int, ...] = ()

    @property
    def current(self) -> int:
        return self._now.current

    @property
    def since(self) -> Mapping[int, date]:
        """The day each epoch key that still exists was made."""
        return self._now.since

    @property
    def epochs(self) -> tuple[int, ...]:
        """The numbers of the keys that still exist, the oldest first. More than one: a rotation is under way."""
        return tuple(sorted(self._now.keys))

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current}, epochs={list(self.epochs)})"

    @classmethod
    def generate(cls, today: date) -> "KeyRing":
        return cls({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), {1: today})

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Raises WeakSecret when the file is missing, damaged, open to others, or its secrets are weak."""
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise WeakSecret(f"{path.name} can be read by others; run: chmod 600 {path.name}")
            mark = _file_version(path)
            document = json.loads(path.read_text())
            epochs = {int(number): base64.b64decode(entry["key"]) for number, entry in document["epochs"].items()}
            since = {int(number): date.fromisoformat(entry["since"]) for number, entry in document["epochs"].items()}
            ring = cls(epochs, int(document["current"]), base64.b64decode(document["root"]), since)
        except FileNotFoundError:
            raise WeakSecret(f"there is no key file {path.name}; `pristan init` makes one") from None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise WeakSecret(f"{path.name} can not be read as a key file") from error
        ring._path, ring._mark = path, mark
        return ring

    def save(self, path: Path, *, replace: bool = False) -> None:
        """Write with mode 0600, whole or not at all. Raises FileExistsError unless `replace`."""
        document = {
            "format": _FORMAT,
            "current": self.current,
            "root": base64.b64encode(self._root).decode(),
            "epochs": {
                str(number): {"key": base64.b64encode(key).decode(), "since": self.since[number].isoformat()}
                for number, key in self._now.keys.items()
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

    def encrypt(self, plaintext: bytes, *place: str) -> bytes:
        """Lock under the current epoch key, bound to `place` (table, row, column, version): epoch id, then ciphertext.

        Raises Unavailable when the key file can not be read any more.
        """
        self._follow(must=True)
        now = self._now
        epoch = now.current.to_bytes(EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt(now.keys[now.current], plaintext, epoch + sealing.context(*place))

    def decrypt(self, envelope: bytes, *place: str) -> bytes:
        """Undo `lock`. Raises CannotOpen for another place, changed bytes, or an epoch whose key is destroyed."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._follow()
        key = self._now.keys.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt(key, envelope[EPOCH_ID_BYTES:], epoch + sealing.context(*place))

    def is_readable(self) -> bool:
        """Whether the file behind this ring can be read: if not, nothing can be locked any more."""
        try:
            self._follow(must=True)
        except Unavailable:
            return False
        return True

    def encrypt_deterministically(self, plaintext: bytes, *place: str) -> bytes:
        """Lock under the current epoch key so that the same gives the same: for what is compared, and must not outlive the key.

        Raises Unavailable as `lock` does.
        """
        self._follow(must=True)
        now = self._now
        epoch = now.current.to_bytes(EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt_deterministically(
            _deterministic_key(now.keys[now.current]), plaintext, epoch + sealing.context(*place)
        )

    def decrypt_deterministically(self, envelope: bytes, *place: str) -> bytes:
        """Undo `lock_same`. Raises CannotOpen."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._follow()
        key = self._now.keys.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt_deterministically(
            _deterministic_key(key), envelope[EPOCH_ID_BYTES:], epoch + sealing.context(*place)
        )

    def mac(self, purpose: str, *data: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes) under a key of its own for `purpose`; each datum is length-prefixed."""
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

    def _follow(self, *, must: bool = False) -> None:
        """Take up what the file says, when it has changed.

        A file that can not be read now changes nothing for what is opened. What is locked (`must`) might be locked with a key
        that is being destroyed, or that the next start does not find: raises Unavailable.
        """
        if self._path is None:
            return
        try:
            mark = _file_version(self._path)
            if mark != self._mark:
                read = KeyRing.load(self._path)
                self._now, self._mark = read._now, mark
        except (OSError, WeakSecret):
            if must:
                raise Unavailable("The service's key file can not be read. Nothing was saved.") from None

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        return {}


def load_or_create(path: Path, today: date) -> KeyRing:
    """The ring in `path`, made on the first start. Two processes that start at once get the same one."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            KeyRing.generate(today).save(path)
    return KeyRing.load(path)


def begin_epoch(path: Path, today: date) -> KeyRing:
    """A new epoch key becomes the current one; those before stay, to open what was locked under them.

    When a rotation is under way already nothing is added: it is gone on with. Two that begin at once begin the same one.
    """
    with _exclusive(path):
        ring = KeyRing.load(path)
        if len(ring.epochs) > 1:
            return ring
        number = ring.current + 1
        keys = {**ring._now.keys, number: secrets.token_bytes(32)}
        KeyRing(keys, number, ring._root, {**ring.since, number: today}).save(path, replace=True)
        return KeyRing.load(path)


def end_epochs(path: Path, keep: int) -> KeyRing:
    """Destroy every epoch key but `keep`: what is still locked under another opens nowhere, from now on.

    Nothing happens unless `keep` is the current one. The old file's bytes are overwritten before it is let go.
    """
    with _exclusive(path):
        ring = KeyRing.load(path)
        if ring.current != keep or ring.epochs == (keep,):
            return ring
        old = path.with_name(f".{path.name}.old")
        old.unlink(missing_ok=True)
        os.link(path, old)
        KeyRing({keep: ring._now.keys[keep]}, keep, ring._root, {keep: ring.since[keep]}).save(path, replace=True)
        _overwrite(old)
        return KeyRing.load(path)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """No other process changes the key file meanwhile. A remainder of an end that was cut short is overwritten first."""
    import fcntl

    with path.with_name(f".{path.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
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
    """The file's new name is on the disk, too, before anything is locked under what it holds."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_version(path: Path) -> tuple[int, ...]:
    seen = path.stat()
    return (seen.st_ino, seen.st_mtime_ns, seen.st_size)


def _deterministic_key(epoch_key: bytes) -> bytes:
    return sealing.derive(epoch_key, "pristan/same")


def _refuse_weak(key: bytes) -> None:
    if len(key) != 32 or len(set(key)) < _MIN_DISTINCT_BYTES:
        raise WeakSecret("a key in the key file is not 32 random bytes")
