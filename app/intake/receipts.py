"""The number a person comes back with: 26 random digits and two check digits, written in seven groups of four.

Whoever has the database and the key file can try numbers against all cases at once, and 86 bits alone do not stop a state. So
each number is stretched once (Argon2id, 3 MiB), and both its look-up id and its key come from the result: docs/decisions/0121.
Numbers issued before that are found by their former id, and get the new one when their person comes back.

The check digits (ISO/IEC 7064, MOD 97-10) tell a typing error from an unknown number without asking the database and without
stretching. The number opens the case: it is never stored, logged or put in a URL.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from app.core import sealing, stretching
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair

DIGITS: Final = 28
_GROUP: Final = 4
_RANDOM_DIGITS: Final = DIGITS - 2
_SALT: Final = b"pristan/number/2"
"""Another one finds no number that was issued with this: it would make a third form of the id."""
BINDING: Final = ("cases", "receipt_id")


class MistypedReceipt(AppError):
    """The digits cannot be a number that we issued.

    `digits_found` is how many digits there were; `sign` the first character that belongs in no number, for the page alone: it was
    typed by somebody, so it is neither in the detail nor in `extra`.
    """

    status, slug, title = 422, "mistyped-number", "The number was not typed correctly"

    def __init__(self, digits_found: int, sign: str = "") -> None:
        super().__init__("A number has 28 digits, and its last two check the others.", digits_found=digits_found)
        self.digits_found, self.sign = digits_found, sign


@dataclass(frozen=True)
class Receipt:
    """28 valid digits. Its repr hides them. Has no slots, because it caches the stretched number."""

    digits: str

    def __repr__(self) -> str:
        return "Receipt(…)"

    def grouped(self) -> str:
        """The display form: `dddd dddd dddd dddd dddd dddd dddd`."""
        return " ".join(self.digits[at : at + _GROUP] for at in range(0, DIGITS, _GROUP))

    @cached_property
    def stretched(self) -> bytes:
        """32 bytes from the number by Argon2id: about 1.4 ms and 3 MiB, once for each object."""
        return stretching.stretched(self.digits, _SALT)

    def key_pair(self) -> KeyPair:
        """The key pair that the case's `person` key is sealed to."""
        return KeyPair.from_seed(sealing.derive(self.stretched, "receipt:key:2"))

    def look_up_id(self, keys: KeyRing) -> bytes:
        """The lookup id of the case as it is stored now, useless without the server's key file."""
        return keys.hide(self._look_up_mac(keys), *BINDING)

    def look_up_ids(self, keys: KeyRing) -> list[bytes]:
        """All forms in which the lookup id may be stored; more than one while keys are rotated."""
        return keys.hidden_forms(self._look_up_mac(keys), *BINDING)

    def _look_up_mac(self, keys: KeyRing) -> bytes:
        return keys.mac("receipt:2", sealing.derive(self.stretched, "receipt:look-up:2"))

    def former_key_pair(self) -> KeyPair:
        """The key pair of a case whose number was issued before numbers were stretched."""
        return KeyPair.from_seed(sealing.derive(self.digits.encode(), "receipt:key"))

    def former_look_up_ids(self, keys: KeyRing) -> list[bytes]:
        """All forms of the lookup id of a case whose number was issued before numbers were stretched."""
        return keys.hidden_forms(keys.mac("receipt", sealing.derive(self.digits.encode(), "receipt:look-up")), *BINDING)


_WORDS_AROUND: Final = re.compile(r"^\D+|\D+$")


def new() -> Receipt:
    body = f"{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}d}"
    return Receipt(body + f"{98 - int(body + '00') % 97:02d}")


def parse(typed: str) -> Receipt:
    """Read a number as people type it: digits of any script; spaces, punctuation, quotes and a "№" around them do not matter.

    Nor do words before or after a whole number ("My number: …"), as long as the number itself is right.
    Raises MistypedReceipt.
    """
    try:
        return _parse(typed)
    except MistypedReceipt as error:
        alone = _WORDS_AROUND.sub("", typed[:512]) if error.sign and error.digits_found == DIGITS else ""
        if not alone:
            raise
        try:
            return _parse(alone)
        except MistypedReceipt:
            raise error from None


def _parse(typed: str) -> Receipt:
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


def restore(digits: str, stretched: bytes) -> Receipt:
    """A number that was parsed and stretched before, without stretching it again."""
    receipt = Receipt(digits)
    receipt.__dict__["stretched"] = stretched  # where cached_property looks first
    return receipt


def _is_ignored(character: str) -> bool:
    """Spaces, dashes, dots, quotes, "+", "·", "№" and invisible signs; not letters, which may stand for a digit (O for 0)."""
    return (
        character in "№+~=|`´^"
        or unicodedata.category(character)[0] in "ZP"
        or unicodedata.category(character) in {"Cc", "Cf"}
    )
