"""The number a person comes back with: 26 random digits and two check digits, written in seven groups of four.

86 bits cannot be guessed, so no slow hash is needed. The check digits (ISO/IEC 7064, MOD 97-10) tell a typing
error from an unknown number without asking the database. The number opens the case: it is never stored, logged or put in a URL.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from typing import Final

from app.core import sealing
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair

DIGITS: Final = 28
_GROUP: Final = 4
_RANDOM_DIGITS: Final = DIGITS - 2


class MistypedReceipt(AppError):
    """The digits cannot be a number that we issued.

    `found` is how many digits there were; `sign` the first character that belongs in no number, for the page alone: it was
    typed by somebody, so it is neither in the detail nor in `extra`.
    """

    status, slug, title = 422, "mistyped-number", "The number was not typed correctly"

    def __init__(self, found: int, sign: str = "") -> None:
        super().__init__("A number has 28 digits, and its last two check the others.", digits_found=found)
        self.found, self.sign = found, sign


@dataclass(frozen=True, slots=True)
class Receipt:
    """28 valid digits. Its repr hides them."""

    digits: str

    def __repr__(self) -> str:
        return "Receipt(…)"

    def grouped(self) -> str:
        """The display form: `dddd dddd dddd dddd dddd dddd dddd`."""
        return " ".join(self.digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))

    def key_pair(self) -> KeyPair:
        """The key pair that the case's `person` key is sealed to."""
        return KeyPair.from_seed(sealing.derive(self.digits.encode(), "receipt:key"))

    def look_up_id(self, keys: KeyRing) -> bytes:
        """The lookup id of the case in the database: 32 bytes, useless without the server's key file."""
        return keys.mac("receipt", sealing.derive(self.digits.encode(), "receipt:look-up"))


def new() -> Receipt:
    body = f"{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return Receipt(body + f"{98 - int(body + '00') % 97:02d}")


def parse(typed: str) -> Receipt:
    """Read a number as people type it: digits of any script; spaces, punctuation, quotes and a "№" around them do not matter.

    Raises MistypedReceipt.
    """
    digits: list[str] = []
    strange = ""
    for character in typed[:512]:
        value = unicodedata.decimal(character, None)
        if value is not None:
            digits.append(str(value))
        elif not strange and not _is_ignored(character):
            strange = character
    text = "".join(digits)
    if strange or len(text) != DIGITS or int(text) % 97 != 1:
        raise MistypedReceipt(len(text), strange)
    return Receipt(text)


def _is_ignored(character: str) -> bool:
    """Spaces, dashes, dots, quotes, "+", "·", "№" and invisible signs; not letters, which may stand for a digit (O for 0)."""
    return (
        character in "№+~=|`´^"
        or unicodedata.category(character)[0] in "ZP"
        or unicodedata.category(character) in {"Cc", "Cf"}
    )
