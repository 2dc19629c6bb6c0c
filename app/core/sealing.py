"""The cryptographic operations that everything else is built from. All primitives come from the library `cryptography`.

* `seal_to` / `KeyPair.open`: HPKE base mode (RFC 9180) with X-Wing (ML-KEM-768 + X25519), HKDF-SHA256, AES-256-GCM.
  Ciphertexts recorded today stay safe from a future quantum computer.
  An organisation with older software may have an X25519 key instead (DHKEM, RFC 9180); the length of a key tells which it is.
* `encrypt` / `decrypt`: AES-256-GCM-SIV (RFC 8452), where an accidentally repeated nonce does not reveal the plaintext.
* `pad` / `unpad`: ISO/IEC 7816-4 padding to a few bucket sizes, so that a length reveals little.

A failed decryption raises `CannotOpen`, with no detail about the content.
"""

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_OLDER_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
X_WING: Final = 0x647A
X25519: Final = 0x0020
"""Numbers of the IANA registry of HPKE KEMs."""
_MLKEM_PUBLIC: Final = 1184
PUBLIC_KEY_BYTES: Final = _MLKEM_PUBLIC + 32
X25519_BYTES: Final = 32
SEED_BYTES: Final = 32
NONCE_BYTES: Final = 12
BUCKETS: Final = tuple(2**n for n in range(8, 21))  # 256 bytes … 1 MiB


class CannotOpen(Exception):
    """The decryption failed: wrong key, wrong associated data, or changed bytes. It does not say which."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An X-Wing key pair. The private half is a 32-byte seed, as in draft-connolly-cfrg-xwing-kem.

    `public` is the ML-KEM-768 encapsulation key (1,184 bytes) followed by the X25519 key (32 bytes).
    """

    seed: bytes
    public: bytes
    _private: MLKEM768X25519PrivateKey

    @classmethod
    def generate(cls) -> "KeyPair":
        return cls.from_seed(os.urandom(SEED_BYTES))

    @classmethod
    def from_seed(cls, seed: bytes) -> "KeyPair":
        """The key pair of a seed. Raises ValueError when the seed is not 32 bytes."""
        if len(seed) != SEED_BYTES:
            raise ValueError("an X-Wing seed has 32 bytes")
        expanded = hashlib.shake_256(seed).digest(96)
        kem_key = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        curve_key = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        public = kem_key.public_key().public_bytes_raw() + curve_key.public_key().public_bytes_raw()
        return cls(seed, public, MLKEM768X25519PrivateKey(kem_key, curve_key))

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Undo `seal_to`. Raises CannotOpen."""
        try:
            return SUITE.decrypt(sealed, self._private, info=info)
        except (InvalidTag, ValueError) as error:
            raise CannotOpen from error

    def __repr__(self) -> str:
        return "KeyPair(…)"


@lru_cache(maxsize=1024)
def _public_key(raw: bytes) -> MLKEM768X25519PublicKey:
    if len(raw) != PUBLIC_KEY_BYTES:
        raise ValueError("an X-Wing public key has 1,216 bytes")
    return MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC]),
        x25519.X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC:]),
    )


def kem_of(public: bytes) -> int:
    """The KEM of a public key: X_WING or X25519."""
    return X25519 if len(public) == X25519_BYTES else X_WING


def check_public_key(raw: bytes) -> None:
    """Raises ValueError unless these bytes are an X-Wing or X25519 public key that can be sealed to."""
    if kem_of(raw) == X_WING:
        _public_key(raw)
        return
    probe = x25519.X25519PrivateKey.generate()
    probe.exchange(x25519.X25519PublicKey.from_public_bytes(raw))  # ValueError for a point of small order


def seal_to(public: bytes, plaintext: bytes, info: bytes) -> bytes:
    """HPKE-seal to a public key. Returns the encapsulated key (X-Wing 1,120 bytes, X25519 32), then the ciphertext."""
    if kem_of(public) == X25519:
        return _OLDER_SUITE.encrypt(plaintext, x25519.X25519PublicKey.from_public_bytes(public), info=info)
    return SUITE.encrypt(plaintext, _public_key(public), info=info)


def open_sealed(kem: int, private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Undo `seal_to` with a private key of this KEM. Raises CannotOpen; ValueError when the key is not 32 bytes."""
    if kem == X_WING:
        return KeyPair.from_seed(private).open(sealed, info)
    if len(private) != X25519_BYTES:
        raise ValueError("an X25519 private key has 32 bytes")
    try:
        return _OLDER_SUITE.decrypt(sealed, x25519.X25519PrivateKey.from_private_bytes(private), info=info)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def context(*parts: str) -> bytes:
    """Associated data from strings: each is length-prefixed, so that no two lists give the same bytes."""
    encoded = [part.encode() for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in encoded)


def encrypt(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM-SIV under a 32-byte key: nonce (12 bytes), then ciphertext with its tag."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCMSIV(key).encrypt(nonce, plaintext, aad)


def decrypt(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """Undo `encrypt`. Raises CannotOpen."""
    try:
        return AESGCMSIV(key).decrypt(blob[:NONCE_BYTES], blob[NONCE_BYTES:], aad)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def encrypt_deterministically(key: bytes, plaintext: bytes, aad: bytes) -> bytes:
    """AES-256-GCM-SIV with a zero nonce: equal plaintexts give equal ciphertexts, and nothing else is revealed (RFC 8452 §9)."""
    return AESGCMSIV(key).encrypt(bytes(NONCE_BYTES), plaintext, aad)


def decrypt_deterministically(key: bytes, blob: bytes, aad: bytes) -> bytes:
    """Undo `encrypt_deterministically`. Raises CannotOpen."""
    try:
        return AESGCMSIV(key).decrypt(bytes(NONCE_BYTES), blob, aad)
    except (InvalidTag, ValueError) as error:
        raise CannotOpen from error


def derive(key: bytes, purpose: str, length: int = 32, salt: bytes | None = None) -> bytes:
    """Derive a key for one purpose from `key` (HKDF-SHA256). `length` in bytes."""
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=purpose.encode()).derive(key)


def pad(plaintext: bytes) -> bytes:
    """Pad to the next bucket size (ISO/IEC 7816-4: 0x80, then zeros). Above 1 MiB: to whole MiB."""
    needed = len(plaintext) + 1
    size = next((bucket for bucket in BUCKETS if bucket >= needed), -(-needed // BUCKETS[-1]) * BUCKETS[-1])
    return plaintext + b"\x80" + bytes(size - needed)


def unpad(padded: bytes) -> bytes:
    """Undo `pad`. Raises CannotOpen when the padding is not valid."""
    body = padded.rstrip(b"\0")
    if not body.endswith(b"\x80"):
        raise CannotOpen
    return body[:-1]
