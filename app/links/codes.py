"""Codes that are told by phone or shown on a screen: 18 random digits and two check digits, in five groups of four. Pure.

60 bits. Whoever has the database and the key file must guess: for a link each guess costs Argon2id with 64 MiB and three passes,
and the token is needed too; for the person's own code each guess at its look-up id costs Argon2id with 3 MiB. A million guesses a
second need 16,000 years for half of all codes. The check digits (ISO/IEC 7064, MOD 97-10) tell a typing error from a wrong code
without a look-up.
"""

import secrets
import unicodedata
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.core import sealing

DIGITS: Final = 20
_TOKEN_BYTES: Final = 32
_GROUP: Final = 4
_RANDOM_DIGITS: Final = DIGITS - 2
_PASSES: Final = 3
_MEMORY_KIB: Final = 64 * 1024


def new_code() -> str:
    """A new code: twenty digits."""
    body = f"{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return body + f"{98 - int(body + '00') % 97:02d}"


def grouped(code: str) -> str:
    return " ".join(code[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))


def read(typed: str) -> str | None:
    """The code in what was typed: digits of any script, whatever stands between them. None: it cannot be a code of ours."""
    digits = "".join(
        str(unicodedata.decimal(sign)) for sign in typed[:256] if unicodedata.decimal(sign, None) is not None
    )
    return digits if len(digits) == DIGITS and int(digits) % 97 == 1 else None


def new_token() -> str:
    """256 random bits as 43 characters of URL-safe ASCII, for the address of a link."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


def stretched(code: str, token: str = "") -> bytes:
    """The 32-byte key of a code, and of the link that it belongs to. Takes 64 MiB and a good part of a second.

    Without a link the salt is the same for all codes: the code alone leads to its row, and 60 random bits leave nothing to
    compute ahead.
    """
    salt = sealing.derive(token.encode() or b"pristan/code", "code:salt", 16)
    slow = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB).derive(code.encode())
    return sealing.derive(slow, "code:key", salt=token.encode() or None)
