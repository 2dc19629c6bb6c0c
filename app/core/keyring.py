"""The server's own keys, kept outside the database and its backups in one file that only the service may read.

The key ring holds the epoch keys (facts and wraps are encrypted under the current one; older ones decrypt values that have not been
re-encrypted yet) and the root secret, from which every other server key is derived by purpose. Whoever loses the file loses all
cases. Whoever copies it together with the database still opens no sealed part: those need a person's number or a member's
passphrase.

A new root begins together with a new epoch (`begin_root`), and the former one is destroyed. Keys without which stored data could
not be found or opened any more are kept in the file as separate items; the values in the database that they find or open are also
encrypted under the epoch key (`hide`). Keys of what is in flight (forms, cookies, repeated requests) are accepted for a while
longer. `operations.root_uses` is the list of all purposes.

A ring loaded from a file checks before each operation whether the file has changed, so that a running service immediately uses
a new key and drops a destroyed one.
"""

import contextlib
import secrets
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from app.core import key_file, sealing
from app.core.errors import Unavailable
from app.core.key_file import FormerKeys, Keys, WeakSecret, mac_under
from app.core.sealing import CannotOpen

EPOCH_ID_BYTES: Final = 4


class KeyRing:
    """Epoch keys by number, and the root secret. Created by `generate`, read by `load`, never printed."""

    def __init__(self, epochs: Mapping[int, bytes], current: int, root: bytes, since: Mapping[int, date]) -> None:
        self._set(Keys(dict(epochs), current, dict(since), root))
        self._path: Path | None = None
        self._loaded_version: tuple[int, ...] = ()

    def _set(self, keys: Keys) -> None:
        keys.check()
        self._keys = keys

    @classmethod
    def _of(cls, keys: Keys) -> "KeyRing":
        ring = cls(keys.epochs, keys.current, keys.root, keys.since)
        ring._set(keys)
        return ring

    @property
    def current(self) -> int:
        return self._keys.current

    @property
    def since(self) -> Mapping[int, date]:
        """The day on which each epoch key that still exists was created."""
        return self._keys.since

    @property
    def root_since(self) -> date | None:
        """The day on which the root secret was created. None: before key files said so."""
        return self._keys.root_since

    @property
    def hides(self) -> bool:
        """Whether values that an earlier version stored bare are encrypted under the epoch key.

        From the first rotation by this
        version on, so that processes of the earlier one, which know only bare values, can run until then.
        """
        self._reload_if_changed()
        return self._keys.hides

    @property
    def root_is_new(self) -> bool:
        """Whether the root secret was created with the current epoch."""
        return self._keys.root_epoch == self._keys.current

    @property
    def epochs(self) -> tuple[int, ...]:
        """The numbers of the keys that still exist, oldest first. More than one: a rotation is in progress."""
        return tuple(sorted(self._keys.epochs))

    def __repr__(self) -> str:
        return f"KeyRing(current={self.current}, epochs={list(self.epochs)})"

    @classmethod
    def generate(cls, today: date) -> "KeyRing":
        key, root = secrets.token_bytes(32), secrets.token_bytes(32)
        return cls._of(Keys({1: key}, 1, {1: today}, root, root_since=today))

    @classmethod
    def load(cls, path: Path) -> "KeyRing":
        """The ring in a key file. Raises WeakSecret when it is missing, damaged, readable by others, or a key in it is weak."""
        keys, version = key_file.read(path)
        ring = cls._of(keys)
        ring._path, ring._loaded_version = path, version
        return ring

    def save(self, path: Path, *, replace: bool = False) -> None:
        """Write the key file atomically, with mode 0600. Raises FileExistsError if it exists, unless `replace`."""
        key_file.write(path, self._keys, replace=replace)

    def encrypt(self, plaintext: bytes, *binding: str) -> bytes:
        """Encrypt under the current epoch key, bound to `binding` (table, row, column, version): epoch number, then ciphertext.

        Raises Unavailable when the key file can no longer be read.
        """
        self._reload_if_changed(required=True)
        now = self._keys
        epoch = now.current.to_bytes(EPOCH_ID_BYTES, "big")
        return epoch + sealing.encrypt(now.epochs[now.current], plaintext, epoch + sealing.context(*binding))

    def decrypt(self, envelope: bytes, *binding: str) -> bytes:
        """Undo `encrypt`. Raises CannotOpen for another binding, changed bytes, or an epoch whose key was destroyed."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._reload_if_changed()
        key = self._keys.epochs.get(int.from_bytes(epoch, "big"))
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
        return _deterministic_envelope(self._keys, self._keys.current, plaintext, binding)

    def decrypt_deterministically(self, envelope: bytes, *binding: str) -> bytes:
        """Undo `encrypt_deterministically`. Raises CannotOpen."""
        epoch = envelope[:EPOCH_ID_BYTES]
        self._reload_if_changed()
        key = self._keys.epochs.get(int.from_bytes(epoch, "big"))
        if key is None:
            raise CannotOpen
        return sealing.decrypt_deterministically(
            _deterministic_key(key), envelope[EPOCH_ID_BYTES:], epoch + sealing.context(*binding)
        )

    def hide(self, mac: bytes, *binding: str) -> bytes:
        """The stored form of a MAC by which a row is found.

        Encrypted deterministically, so that nothing can be found with a
        stolen root secret after the next rotation. With a key file of the first format: the bare MAC. Raises Unavailable when the
        key file can no longer be read.
        """
        self._reload_if_changed(required=True)
        keys = self._keys
        return _deterministic_envelope(keys, keys.current, mac, binding) if keys.hides else mac

    def hidden_forms(self, mac: bytes, *binding: str) -> list[bytes]:
        """Everything that `hide` may have made of this MAC, the present form first: compare with all of them."""
        self._reload_if_changed()
        keys = self._keys
        if not keys.hides:
            return [mac]
        newest_first = sorted(keys.epochs, reverse=True)
        return [*(_deterministic_envelope(keys, epoch, mac, binding) for epoch in newest_first), mac]

    def mac(self, purpose: str, *data: bytes) -> bytes:
        """HMAC-SHA256 (32 bytes) under a separate key for `purpose`; each datum is length-prefixed."""
        return mac_under(self.derive(f"mac:{purpose}"), data)

    def macs(self, purpose: str, *data: bytes) -> list[bytes]:
        """The MACs that are accepted: the present one, and for a while after a new root also the former one."""
        return [self.mac(purpose, *data), *(former.mac(purpose, *data) for former in self.former())]

    def former(self) -> list[FormerKeys]:
        """The keys of former roots with which values still in flight may have been made."""
        self._reload_if_changed()
        if not self._keys.former:
            return []
        now = datetime.now(UTC)
        return [former_keys for former_keys in self._keys.former if former_keys.until > now]

    def derive(self, purpose: str) -> bytes:
        """A 32-byte key for one purpose."""
        self._reload_if_changed()
        return self._keys.derive(purpose)

    def _reload_if_changed(self, *, required: bool = False) -> None:
        """Load the key file again if it has changed.

        A file that cannot be read at the moment does not stop decryption. Encryption (`required`) might then use a key that is
        being destroyed, or that the next start does not find, so it raises Unavailable.
        """
        if self._path is None:
            return
        try:
            version = key_file.version_of(self._path)
            if version != self._loaded_version:
                loaded = KeyRing.load(self._path)
                self._keys, self._loaded_version = loaded._keys, version
        except (OSError, WeakSecret):
            if required:
                raise Unavailable("The service's key file cannot be read. Nothing was saved.") from None


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
    with key_file.exclusive(path):
        ring = KeyRing.load(path)
        if len(ring.epochs) > 1:
            return ring
        key_file.write(path, _with_new_epoch(ring._keys, today), replace=True)
        return KeyRing.load(path)


def begin_root(
    path: Path, today: date, *, kept: Collection[str], fading: Collection[str], until: datetime | None
) -> KeyRing:
    """Begin a new epoch with a new root secret; the former root is destroyed immediately.

    The keys of the purposes in `kept` stay as they are, as items of the file; those in `fading` are accepted until the moment
    `until` (None: not at all). Adds nothing if a rotation is in progress, like `begin_epoch`: `root_is_new` tells whether it is
    one of the root.
    """
    with key_file.exclusive(path):
        ring = KeyRing.load(path)
        if len(ring.epochs) > 1:
            return ring
        keys = _with_new_epoch(ring._keys, today)
        signature = f"signature:{ring.current}"  # published until its epoch ends
        fresh = replace(
            keys,
            root=secrets.token_bytes(32),
            root_epoch=keys.current,
            root_since=today,
            kept={purpose: keys.derive(purpose) for purpose in (*kept, signature)},
            former=(FormerKeys(until, {purpose: keys.derive(purpose) for purpose in fading}),) if until else (),
            derived={},
        )
        key_file.replace_and_overwrite(path, fresh)
        return KeyRing.load(path)


def _with_new_epoch(keys: Keys, today: date) -> Keys:
    number = keys.current + 1
    epochs = {**keys.epochs, number: secrets.token_bytes(32)}
    return replace(keys, epochs=epochs, current=number, since={**keys.since, number: today}, hides=True)


def end_epochs(path: Path, keep: int) -> KeyRing:
    """Destroy every epoch key but `keep`: what is still encrypted under another can never be decrypted again.

    Does nothing unless `keep` is the current one. The bytes of the old file are overwritten before it is deleted.
    """
    with key_file.exclusive(path):
        ring = KeyRing.load(path)
        if ring.current != keep or ring.epochs == (keep,):
            return ring
        keys, now = ring._keys, datetime.now(UTC)
        left = replace(
            keys,
            epochs={keep: keys.epochs[keep]},
            since={keep: keys.since[keep]},
            kept={purpose: key for purpose, key in keys.kept.items() if not purpose.startswith("signature:")},
            former=tuple(former_keys for former_keys in keys.former if former_keys.until > now),
        )
        key_file.replace_and_overwrite(path, left)
        return KeyRing.load(path)


def _deterministic_envelope(keys: Keys, epoch: int, plaintext: bytes, binding: Collection[str]) -> bytes:
    head = epoch.to_bytes(EPOCH_ID_BYTES, "big")
    key = _deterministic_key(keys.epochs[epoch])
    return head + sealing.encrypt_deterministically(key, plaintext, head + sealing.context(*binding))


def _deterministic_key(epoch_key: bytes) -> bytes:
    return sealing.derive(epoch_key, "pristan/same")
