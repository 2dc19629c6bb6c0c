"""Cursors: a position in a list, signed, so that a client can neither invent one nor use it for another list or client."""

import base64
import binascii
import hmac
from typing import Final

from app.core.errors import BadRequest
from app.core.keyring import KeyRing

_MAC_BYTES: Final = 16


class BadCursor(BadRequest):
    slug, title = "bad-cursor", "This cursor is not one of ours"


def signed(keys: KeyRing, place: bytes, *belongs_to: str) -> str:
    """`belongs_to`: the client, and every filter of the list that the cursor continues."""
    return base64.urlsafe_b64encode(place + _mac(keys, place, belongs_to)).decode().rstrip("=")


def read(keys: KeyRing, text: str, length: int, *belongs_to: str) -> bytes:
    """The position, `length` bytes. Raises BadCursor (400) for anything that `signed` did not make for this very list."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad() from None
    place, mac = raw[:length], raw[length:]
    if len(place) != length or not hmac.compare_digest(mac, _mac(keys, place, belongs_to)):
        raise _bad()
    return place


def _mac(keys: KeyRing, place: bytes, belongs_to: tuple[str, ...]) -> bytes:
    return keys.mac("api-cursor", place, *(text.encode() for text in belongs_to))[:_MAC_BYTES]


def _bad() -> BadCursor:
    return BadCursor("Go on with the cursor of the last answer, with the same filters, or begin without one.")
