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
    return base64.urlsafe_b64encode(position + _macs(keys, position, belongs_to)[0]).decode().rstrip("=")


def read(keys: KeyRing, text: str, length: int, *belongs_to: str) -> bytes:
    """The position, `length` bytes. Raises BadCursor (400) unless `signed` made the cursor for this list and client."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise _bad_cursor() from None
    position, mac = raw[:length], raw[length:]
    if len(position) != length or not any(
        hmac.compare_digest(mac, known) for known in _macs(keys, position, belongs_to)
    ):
        raise _bad_cursor()
    return position


def _macs(keys: KeyRing, position: bytes, belongs_to: tuple[str, ...]) -> list[bytes]:
    """The present one first, then those of a former root that are still accepted."""
    accepted = keys.macs("api-cursor", position, *(text.encode() for text in belongs_to))
    return [mac[:_MAC_BYTES] for mac in accepted]


def _bad_cursor() -> BadCursor:
    return BadCursor("Continue with the cursor of the last response and the same filters, or start without a cursor.")
