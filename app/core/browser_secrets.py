"""Secrets for cookies: random, and signed, so that a value which somebody else put into a browser is told from one of ours.

A secret is `<random>.<mac>`: 256 random bits and 128 bits of a MAC under a key of the key ring for its `purpose`, so that the
secret of one cookie is not taken for that of another. Nothing is stored.
"""

import base64
import hmac
import re
import secrets
from typing import Final

from app.core.keyring import KeyRing

_PURPOSE: Final = "browser-secret:"
_FORM: Final = re.compile(r"[\w-]{43}\.[\w-]{22}", re.ASCII)


def mint(keys: KeyRing, purpose: str) -> str:
    """A new secret, 66 characters of URL-safe ASCII."""
    random = secrets.token_urlsafe(32)
    return f"{random}.{_short(keys.mac(_PURPOSE + purpose, random.encode()))}"


def is_minted(keys: KeyRing, purpose: str, value: str) -> bool:
    """Whether this service made the value, for this purpose."""
    if _FORM.fullmatch(value) is None:
        return False
    random, _, mac = value.partition(".")
    accepted = keys.macs(_PURPOSE + purpose, random.encode())
    return any(hmac.compare_digest(mac, _short(known)) for known in accepted)


def _short(mac: bytes) -> str:
    return base64.urlsafe_b64encode(mac[:16]).rstrip(b"=").decode()
