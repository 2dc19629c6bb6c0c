"""Normalised identifiers of a person: a phone number, an e-mail address, a user name, a name.

Pure functions. The service and a partner's client both normalise with them before they compare keyed hashes, so the result must
never change without a new `FORM`. A normalised identifier is as sensitive as what was typed: it is hashed under a key
immediately and never stored.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

FORM: Final = "1"
_MAX_LENGTH: Final = 320


class Kind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One normalised identifier. Its repr hides it. `strong`: it rarely belongs to two people (a first name alone often does)."""

    kind: Kind
    text: str

    def __repr__(self) -> str:
        return f"Identifier({self.kind})"

    @property
    def strong(self) -> bool:
        return self.kind is not Kind.NAME or " " in self.text

    def canonical(self) -> bytes:
        """The bytes to hash, the same on both sides."""
        return f"{FORM}:{self.kind}:{self.text}".encode()

    def keyed(self, salt: bytes) -> bytes:
        """HMAC-SHA256 under a salt of 32 bytes: the only form that leaves a partner's machine."""
        return hmac.digest(salt, self.canonical(), "sha256")


def of_contact(channel: str, address: str, country: str) -> Identifier | None:
    """The identifier in an address of this channel; None when there is none.

    Args:
        channel: signal, whatsapp, telegram, email or phone; anything else has no address.
        country: ISO2; a phone number written without its country code is read as one of this country.
    """
    address = _plain(address)
    if not address:
        return None
    if channel == "email":
        return email(address)
    if channel in {"phone", "whatsapp"} or _looks_like_a_number(address):
        return phone(address, country)
    return handle(address) if channel in {"telegram", "signal"} else None


def phone(text: str, country: str) -> Identifier | None:
    """A phone number in E.164 if it can be parsed, else its digits; None when it has fewer than six."""
    try:
        number = phonenumbers.parse(_plain(text), country)
        if phonenumbers.is_possible_number(number):
            return Identifier(Kind.PHONE, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
    except phonenumbers.NumberParseException:
        pass
    digits = "".join(str(unicodedata.digit(c)) for c in text if unicodedata.digit(c, None) is not None)
    return Identifier(Kind.PHONE, digits) if len(digits) >= 6 else None


def email(text: str) -> Identifier | None:
    """An e-mail address in lower case, without a "+tag"; None if it is not an address."""
    try:
        address = validate_email(_plain(text), check_deliverability=False)
    except EmailNotValidError:
        return None
    local = address.local_part.casefold().partition("+")[0]
    return Identifier(Kind.EMAIL, f"{local}@{address.ascii_domain or address.domain}".lower())


def handle(text: str) -> Identifier | None:
    """A user name without the @ and without the URL of the messenger."""
    name = re.sub(r"^(https?://)?(www\.)?(t\.me|telegram\.me|signal\.me)/(#eu/)?", "", _plain(text).casefold())
    name = name.lstrip("@").split("?")[0].strip("/ ")
    return Identifier(Kind.HANDLE, name) if name else None


def name(text: str) -> Identifier | None:
    """A name by its sound, in any script; the order of its words does not matter. None when nothing is left of it."""
    words = sorted({folded for word in re.split(r"[\s.,;-]+", _plain(text)) if len(folded := sound_of(word)) > 1})
    return Identifier(Kind.NAME, " ".join(words)) if words else None


# Russian, Belarusian, Ukrainian and Georgian letters in their usual Latin form; then different spellings of one sound become the
# same: g, h and kh; i, y and j; sh is 1, ch 2, zh 3, ts 4.
_LATIN: Final = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "е": "e", "ё": "e", "є": "ie", "э": "e", "ж": "3",
        "з": "z", "и": "i", "й": "i", "і": "i", "ї": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p",
        "р": "r", "с": "s", "т": "t", "у": "u", "ў": "v", "ф": "f", "х": "h", "ц": "4", "ч": "2", "ш": "1", "щ": "1",
        "ъ": "", "ы": "i", "ь": "", "ю": "iu", "я": "ia",
        "ა": "a", "ბ": "b", "გ": "g", "დ": "d", "ე": "e", "ვ": "v", "ზ": "z", "თ": "t", "ი": "i", "კ": "k", "ლ": "l",
        "მ": "m", "ნ": "n", "ო": "o", "პ": "p", "ჟ": "3", "რ": "r", "ს": "s", "ტ": "t", "უ": "u", "ფ": "p", "ქ": "k",
        "ღ": "g", "ყ": "k", "შ": "1", "ჩ": "2", "ც": "4", "ძ": "dz", "წ": "4", "ჭ": "2", "ხ": "h", "ჯ": "dj", "ჰ": "h",
        "š": "1", "č": "2", "ž": "3", "ż": "3", "ć": "2", "ł": "l", "ß": "s",
    }
)  # fmt: skip
_SOUNDS: Final = (
    ("shch", "1"), ("szcz", "1"), ("schtsch", "1"), ("tsch", "2"), ("sch", "1"), ("sh", "1"), ("sz", "1"),
    ("ch", "2"), ("cz", "2"), ("zh", "3"), ("tz", "4"), ("ts", "4"), ("kh", "h"), ("ck", "k"), ("ph", "f"),
    ("x", "ks"), ("w", "v"), ("y", "i"), ("j", "i"), ("g", "h"), ("c", "4"), ("q", "k"),
)  # fmt: skip


def sound_of(word: str) -> str:
    """A phonetic key of a word, for comparison only: it is not a transliteration to show to anybody."""
    letters = word.casefold().translate(_LATIN)
    decomposed = unicodedata.normalize("NFKD", letters)
    sound = "".join(character for character in decomposed if character.isascii() and character.isalnum())
    for written, sounds in _SOUNDS:
        sound = sound.replace(written, sounds)
    sound = re.sub(r"(?<=[b-df-hj-np-tv-z1-4])io", "e", sound)  # Aliona and Алёна
    sound = re.sub(r"(?<![a-z0-9])ie", "e", sound)  # Yelena and Елена
    return re.sub(r"(.)\1+", r"\1", sound)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text[:_MAX_LENGTH]).strip()


def _looks_like_a_number(text: str) -> bool:
    return not re.search(r"[^\W\d_]", text) and sum(character.isdigit() for character in text) >= 6
