"""The server's own keys: outside the database and its backups, in one file that only the service may read.

The ring holds epoch keys (facts and wraps are locked under the current one; older ones open what has not been locked
anew yet) and root secrets from which every other server key is derived by purpose. Losing the file loses all cases;
copying it together with the database still opens no sealed part, for these need a person's number or a member's passphrase.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

from app.core import sealing
from app.core.sealing import CannotOpen

_FORMAT = 1
_EPOCH_ID_BYTES = 4
_MIN_DISTINCT_BYTES = 12  # 32 random bytes have about 30 different values; fewer than 12 do not happen by chance


class WeakSecret(Exception):
    """The key file is missing, readable by others, damaged, or holds something that is no random key."""


class KeyRing:
    """Epoch keys by number, and the root secret. Made by `create`, read by `load`; never printed."""

    def __init__(self, epochs: Mapping[int, bytes], current: int, root: bytes, since: Mapping[int, date]) -> None:
        if current not in epochs:
            raise WeakSecret("the current epoch key is not in the key file")
        for key in (*epochs.values(), root):
            _refuse_weak(key)
        self._epochs = dict(epochs)
        self._root = root
        self.current = current
        self.since = dict(since)

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current}, epochs={sorted(self._epochs)})"

    @classmethod
    def generate(cls, today: date) -> "KeyRing":
        return cls({1: secrets.token_bytes(32)}, 1, secrets.token_bytes(32), {1: today})

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """Raises WeakSecret when the file is missing, damaged, open to others, or its secrets are weak."""
        try:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                raise WeakSecret(f"{path.name} can be read by others; run: chmod 600 {path.name}")
            document = json.loads(path.read_text())
            epochs = {int(number): base64.b64decode(entry["key"]) for number, entry in document["epochs"].items()}
            since = {int(number): date.fromisoformat(entry["since"]) for number, entry in document["epochs"].items()}
            return cls(epochs, int(document["current"]), base64.b64decode(document["root"]), since)
        except FileNotFoundError:
            raise WeakSecret(f"there is no key file {path.name}; `pristan init` makes one") from None
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise WeakSecret(f"{path.name} can not be read as a key file") from error

    def save(self, path: Path, *, replace: bool = False) -> None:
        """Write with mode 0600, whole or not at all. Raises FileExistsError unless `replace`."""
        document = {
            "format": _FORMAT,
            "current": self.current,
            "root": base64.b64encode(self._root).decode(),
            "epochs": {
                str(number): {"key": base64.b64encode(key).decode(), "since": self.since[number].isoformat()}
                for number, key in self._epochs.items()
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
            return
        try:
            os.link(temporary, path)  # unlike a rename it fails when another process was first
        finally:
            temporary.unlink()

    def lock(self, plaintext: bytes, *place: str) -> bytes:
        """Lock under the current epoch key, bound to `place` (table, row, column, version): epoch id, then ciphertext."""
        epoch = self.current.to_bytes(_EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt(self._epochs[self.current], plaintext, epoch + sealing.context(*place))

    def unlock(self, envelope: bytes, *place: str) -> bytes:
        """Undo `lock`. Raises CannotOpen for another place, changed bytes, or an epoch whose key is destroyed."""
        epoch = envelope[:_EPOCH_ID_BYTES]
        key = self._epochs.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt(key, envelope[_EPOCH_ID_BYTES:], epoch + sealing.context(*place))

    def lock_same(self, plaintext: bytes, *place: str) -> bytes:
        """Lock under the current epoch key so that the same gives the same: for what is compared, and must not outlive the key."""
        key = sealing.derive(self._epochs[self.current], "pristan/same")
        locked = sealing.encrypt_same(key, plaintext, sealing.context(*place))
        return self.current.to_bytes(_EPOCH_ID_BYTES, "big") + locked

    def unlock_same(self, envelope: bytes, *place: str) -> bytes:
        """Undo `lock_same`. Raises CannotOpen."""
        epoch = envelope[:_EPOCH_ID_BYTES]
        key = self._epochs.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt_same(
            sealing.derive(key, "pristan/same"), envelope[_EPOCH_ID_BYTES:], sealing.context(*place)
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

    @cached_property
    def _derived(self) -> dict[str, bytes]:
        return {}


def load_or_create(path: Path, today: date) -> KeyRing:
    """The ring in `path`, made on the first start. Two processes that start at once get the same one."""
    if not path.exists():
        with contextlib.suppress(FileExistsError):
            KeyRing.generate(today).save(path)
    return KeyRing.load(path)


def _refuse_weak(key: bytes) -> None:
    if len(key) != 32 or len(set(key)) < _MIN_DISTINCT_BYTES:
        raise WeakSecret("a key in the key file is not 32 random bytes")
