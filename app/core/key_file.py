"""The key file: its format, reading it, replacing it whole, and the lock for changing it. `keyring` holds its content in memory.

Only the service may read it. A new version is written beside it and put in its place, so that a reader never sees half of one.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Final

from app.core import sealing

_FORMAT: Final = 2
"""1: values to look up were stored as bare MACs, and still are until the next rotation writes the file again."""
_MIN_DISTINCT_BYTES: Final = 12  # 32 random bytes have about 30 different values; fewer than 12 do not happen by chance


class WeakSecret(Exception):
    """The key file is missing, readable by others, damaged, or contains a key that is not random."""


@dataclass(frozen=True, slots=True)
class FormerKeys:
    """Keys derived from a former root, by purpose, and the moment until which values made with them are accepted.

    Its repr shows none.
    """

    until: datetime
    keys: Mapping[str, bytes]

    def __repr__(self) -> str:
        return f"FormerKeys(until={self.until.isoformat()})"

    def mac(self, purpose: str, *data: bytes) -> bytes:
        return mac_under(self.keys[f"mac:{purpose}"], data)

    def derive(self, purpose: str) -> bytes:
        return self.keys[purpose]


@dataclass(frozen=True, slots=True)
class Keys:
    """All keys at one moment. Replaced as a whole, so that no thread sees half a change.

    kept: keys of an earlier root that stay in use, by purpose. derived: a cache.
    """

    epochs: Mapping[int, bytes]
    current: int
    since: Mapping[int, date]
    root: bytes
    root_epoch: int = 1
    root_since: date | None = None
    kept: Mapping[str, bytes] = field(default_factory=dict)
    former: tuple[FormerKeys, ...] = ()
    hides: bool = True
    derived: dict[str, bytes] = field(default_factory=dict)

    def check(self) -> None:
        """Raises WeakSecret when the current epoch has no key, or a key is not random."""
        if self.current not in self.epochs:
            raise WeakSecret("the current epoch key is not in the key file")
        for key in (*self.epochs.values(), self.root, *self.kept.values()):
            _refuse_weak(key)

    def derive(self, purpose: str) -> bytes:
        known = self.kept.get(purpose) or self.derived.get(purpose)
        if known is None:
            known = self.derived[purpose] = sealing.derive(self.root, purpose)
        return known


def read(path: Path) -> tuple[Keys, tuple[int, ...]]:
    """The keys in a file, and its version. Raises WeakSecret: missing, damaged, readable by others, or with a weak key."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise WeakSecret(f"{path.name} can be read by others; run: chmod 600 {path.name}")
        version = version_of(path)
        document = json.loads(path.read_text())
        epochs = {int(number): base64.b64decode(entry["key"]) for number, entry in document["epochs"].items()}
        since = {int(number): date.fromisoformat(entry["since"]) for number, entry in document["epochs"].items()}
        root_since = document.get("root_since")
        keys = Keys(
            epochs,
            int(document["current"]),
            since,
            base64.b64decode(document["root"]),
            root_epoch=int(document.get("root_epoch", 1)),
            root_since=date.fromisoformat(root_since) if root_since else None,
            kept=_decoded(document.get("kept", {})),
            former=tuple(
                FormerKeys(datetime.fromisoformat(entry["until"]), _decoded(entry["keys"]))
                for entry in document.get("former", [])
            ),
            hides=int(document.get("format", 1)) > 1,
        )
        keys.check()
    except FileNotFoundError:
        raise WeakSecret(f"there is no key file {path.name}; `pristan init` creates one") from None
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise WeakSecret(f"{path.name} cannot be read as a key file") from error
    return keys, version


def write(path: Path, keys: Keys, *, replace: bool = False) -> None:
    """Write the file atomically, with mode 0600. Raises FileExistsError if it exists, unless `replace`; WeakSecret."""
    keys.check()
    document = {
        "format": _FORMAT if keys.hides else 1,
        "current": keys.current,
        "root": base64.b64encode(keys.root).decode(),
        "root_epoch": keys.root_epoch,
        "root_since": keys.root_since.isoformat() if keys.root_since else None,
        "kept": _encoded(keys.kept),
        "former": [
            {"until": former_keys.until.isoformat(), "keys": _encoded(former_keys.keys)} for former_keys in keys.former
        ],
        "epochs": {
            str(number): {"key": base64.b64encode(key).decode(), "since": keys.since[number].isoformat()}
            for number, key in keys.epochs.items()
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


def replace_and_overwrite(path: Path, keys: Keys) -> None:
    """Write the keys in place of the old file, and overwrite the old file's bytes."""
    old = path.with_name(f".{path.name}.old")
    old.unlink(missing_ok=True)
    os.link(path, old)
    write(path, keys, replace=True)
    _overwrite(old)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock on the key file. A file left behind by an interrupted change is overwritten first."""
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


def version_of(path: Path) -> tuple[int, ...]:
    """A value that changes when the file is replaced or written: inode, time of modification, size."""
    status = path.stat()
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def mac_under(key: bytes, data: Collection[bytes]) -> bytes:
    """HMAC-SHA256 of these data, each preceded by its length."""
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for datum in data:
        digest.update(len(datum).to_bytes(8, "big") + datum)
    return digest.digest()


def _encoded(keys: Mapping[str, bytes]) -> dict[str, str]:
    return {purpose: base64.b64encode(key).decode() for purpose, key in keys.items()}


def _decoded(document: Mapping[str, str]) -> dict[str, bytes]:
    return {purpose: base64.b64decode(key) for purpose, key in document.items()}


def _refuse_weak(key: bytes) -> None:
    if len(key) != 32 or len(set(key)) < _MIN_DISTINCT_BYTES:
        raise WeakSecret("a key in the key file is not 32 random bytes")
