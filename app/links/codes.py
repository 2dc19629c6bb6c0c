"""Codes that are told by phone or shown on a screen: 18 random digits and two check digits, in five groups of four. Pure.

60 bits. Each guess costs Argon2id with 64 MiB and three passes. Somebody who has the database and the key file, and who makes a
million guesses a second, needs 16,000 years for half of all codes. The check digits (ISO/IEC 7064, MOD 97-10) tell a typing error
from a wrong code without a look-up.
"""

import secrets
import unicodedata
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from app.core import sealing

DIGITS: Final = 20
_GROUP: Final = 4
_RANDOM_DIGITS: Final = DIGITS - 2
_PASSES: Final = 3
_MEMORY_KIB: Final = 64 * 1024


def new_code() -> str:
    """Twenty digits."""
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


def stretched(code: str) -> bytes:
    """The 32-byte key of a code. Takes 64 MiB and a good part of a second.

    The salt is the same for all codes: the code alone leads to its row, and 60 random bits leave nothing to compute ahead.
    """
    salt = sealing.derive(b"pristan/code", "code:salt", 16)
    slow = Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB).derive(code.encode())
    return sealing.derive(slow, "code:key")
