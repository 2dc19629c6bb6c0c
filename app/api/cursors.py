"""Cursors: signed positions in a list. A client cannot make one up or use it for another list or client."""

import base64
import binascii
import hmac
from typing import Final

from app.core.errors import BadRequest
from app.core.keyring import KeyRing

_MAC_BYTES: Final = 16


class BadCursor(BadRequest):
    slug, title = "bad-cursor", "This cursor is not one of ours"


def signed(keys: KeyRing, position: bytes, *belongs_to: str) -> str:
    """A cursor for a position. `belongs_to`: the client and every filter of the list."""
    return base64.urlsafe_b64encode(position + _mac(keys, position, belongs_to)).decode().rstrip("=")


def read(keys: KeyRing, text: str, length: int, *belongs_to: str) -> bytes:
    """The position, `length` bytes. Raises BadCursor (400) unless `signed` made the cursor for this list and client."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    position, mac = raw[:length], raw[length:]
    if len(position) != length or not hmac.compare_digest(mac, _mac(keys, position, belongs_to)):
        raise _bad_cursor()
    return position


def _mac(keys: KeyRing, position: bytes, belongs_to: tuple[str, ...]) -> bytes:
    return keys.mac("api-cursor", position, *(text.encode() for text in belongs_to))[:_MAC_BYTES]


def _bad_cursor() -> BadCursor:
    return BadCursor("Continue with the cursor of the last response and the same filters, or start without a cursor.")
