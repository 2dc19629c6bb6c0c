"""Normalised identifiers of a person: a phone number, an e-mail address, a user name, a name.

Pure functions. The service and a partner's client both normalise with them before they compare keyed hashes, so the result must
never change without a new form. Form 2 has names that are spelled differently (`core.name_spelling`); it keeps the addresses of
form 1, and the whole names of form 1 are made and compared beside it, so that what was hashed before is found until it is
deleted. A normalised identifier is as sensitive as what was typed: it is hashed under a key immediately and never stored.
"""

import hmac
import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email

from app.core import name_spelling

FORM: Final = "2"
"""The newest form of a list of hashes."""
FORMS: Final = ("1", "2")
"""The forms that are compared."""
_MAX_LENGTH: Final = 320


class IdentifierKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    HANDLE = "handle"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One normalised identifier. Its repr hides it. `strong`: it rarely belongs to two people (a first name alone often does).

    `form`: the form that it was normalised by first.
    """

    kind: IdentifierKind
    text: str
    form: str = "1"

    def __repr__(self) -> str:
        return f"Identifier({self.kind})"

    @property
    def strong(self) -> bool:
        return self.kind is not IdentifierKind.NAME or " " in self.text

    def canonical(self) -> bytes:
        """The bytes to hash, the same on both sides."""
        return f"{self.form}:{self.kind}:{self.text}".encode()

    def keyed(self, salt: bytes) -> bytes:
        """HMAC-SHA256 under a salt of 32 bytes: the only form that leaves a partner's machine."""
        return hmac.digest(salt, self.canonical(), "sha256")


def of_contact(channel: str, address: str, country: str) -> list[Identifier]:
    """The identifiers in an address of this channel: none, one, or every plausible reading of a phone number.

    Args:
        channel: signal, whatsapp, telegram, email or phone; anything else has no address.
        country: ISO2; a phone number written without its country code is read as one of this country first.
    """
    address = _plain(address)
    if not address:
        return []
    if channel == "email":
        return emails(address)
    if channel in {"phone", "whatsapp"} or _looks_like_a_number(address):
        return phones(address, country)
    if channel not in {"telegram", "signal"}:
        return []
    if number := _PHONE_LINK.search(address):
        return phones(f"+{number[1] or number[2]}", country)
    return handles(address)


def phones(text: str, country: str) -> list[Identifier]:
    """Every plausible reading of what was typed as a phone number, in E.164, the likeliest first.

    A number with its country code has one reading. Without one it is read as in `country` and as people in Russia, Belarus,
    Kazakhstan, Ukraine and the host countries write at home (`8 916 …`, `8 029 …`, `80 29 …`), and as a country code without its
    plus (`7916…`, `375…`); only valid numbers count there.
    A short one that is valid in `country` has this reading alone. Letters around a number and links of messengers do not matter;
    two numbers in one field are both read. What is no number of any plan is kept as its digits if it has six or more, unless all
    are the same.
    """
    numbers: dict[str, None] = {}
    for piece in _numbers_in(_plain(text)):
        readings = _readings(piece, country)
        digits = _digits(piece)
        if not readings and 6 <= len(digits) <= _MAX_PHONE_DIGITS and len(set(digits)) > 1:
            readings = [digits]
        numbers.update(dict.fromkeys(readings))
    return [Identifier(IdentifierKind.PHONE, number) for number in numbers]


_MAX_PHONE_DIGITS: Final = 15
_BETWEEN: Final = re.compile(r"[;,|\n]|(?<=\d)\s*/\s*(?=[+\d(])|(?<=\d)\D*(?=\+)|\s[^\W\d_]+\s")
"""What stands between two numbers: a sign, a slash, another plus, or a word."""
_LAST_DIGITS: Final = re.compile(r"(\D*\d[\d\s()-]{8,}\d\d)\s*(?:/\s*|\(\s*|,\s*)(\d\d)\)?")
"""A number and the last two digits of the next one: +7 495 123-45-67/68."""
_TRUNK_SIGN: Final = re.compile(r"\+(7|375|380|48|49|370|371|372|373|374|420|99[2-68])[08]")
"""A country code with the sign after it that is dialled only at home."""
_HOMES: Final = ("RU", "BY", "KZ", "UA", "PL", "LT", "GE", "DE")
"""Where a number without its country code may come from, besides the country that the person is in."""


def _numbers_in(text: str) -> list[str]:
    """The numbers in one field, each with its plus if it has one."""
    text = re.sub("(?i)%2b", "+", text)
    text = re.sub(r"(?i)[\s,;]*(?:\b(?:доб|ext|вн)\w*[.:=]?|#)\s*\d{1,5}\s*$", "", text)
    text = re.sub(r"(?<=\d{7})[.,]0{1,2}$", "", text)  # a spreadsheet's number
    for letters, digit in (("OoОо", "0"), ("IlІ", "1"), ("З", "3")):
        text = re.sub(rf"(?<=\d[\s(-])[{letters}](?=\d)|(?<=\d)[{letters}](?=[\s)-]?\d)", digit, text)
    link = re.search(r"(?i)(?:wa\.me/|whatsapp\.com/send/?\?(?:.*&)?phone=)\+?(\d{7,15})", text)
    if link:
        return [f"+{link[1]}"]
    numbers = [piece for piece in _BETWEEN.split(text) if len(_digits(piece)) >= 7]
    if len(numbers) < 2 and (last := _LAST_DIGITS.fullmatch(text)) and _readings(last[1], "RU"):
        return [last[1], last[1][: -len(last[2])] + last[2]]
    if len(numbers) < 2 and len(_digits(text)) <= _MAX_PHONE_DIGITS:
        return [text]
    return [number for piece in numbers for number in _split_by_spaces(piece)]


def _split_by_spaces(text: str) -> list[str]:
    """Two numbers with nothing but a space between them: cut where both are numbers of a plan and most alike in length."""
    words = text.split() if len(_digits(text)) > _MAX_PHONE_DIGITS else []
    halves = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    for one, other in sorted(halves, key=lambda pair: abs(len(_digits(pair[0])) - len(_digits(pair[1])))):
        if all(7 <= len(_digits(half)) <= _MAX_PHONE_DIGITS and _readings(half, "RU") for half in (one, other)):
            return [one, other]
    return [text]


def _readings(text: str, country: str) -> list[str]:
    written = re.sub(r"^[^\d+]*(?=[+\d])", "", re.sub(r"[^\d+()\s./-]", " ", text)).strip()
    digits = _digits(written)
    if written.startswith("+"):
        international = (
            _valid(f"+{_written_digits(written)}")
            or _valid(f"+{digits}")
            or _valid(_TRUNK_SIGN.sub(r"+\1", f"+{digits}"))
        )
        if international:
            return [international]
    for prefix in ("00", "810", "011"):
        international = _valid(f"+{digits.removeprefix(prefix)}") if digits.startswith(prefix) else None
        if international:
            return [international]
    if len(digits) < 10 and digits[:1] not in {"0", "8"} and (here := _valid(digits, country)):
        return [here]  # short, valid here, and without the sign that is dialled first elsewhere
    readings = [_possible(written, country)]
    readings += [_valid(digits, region) for region in _HOMES if region != country]
    if len(digits) == 11 and digits.startswith("80"):
        readings += [_valid(f"+375{digits[2:]}"), _valid(f"+380{digits[2:]}")]
    if len(digits) >= 10:
        readings.append(_valid(f"+{digits}"))
    if len(digits) >= 12 and re.match(r"0(?:7|37[0-5]|380|99[2-8])", digits):
        readings.append(_valid(f"+{digits[1:]}"))
    return [reading for reading in dict.fromkeys(readings) if reading]


def _written_digits(written: str) -> str:
    """The digits of an international number without the "(0)" that is dialled only within the country."""
    return _digits(re.sub(r"\(\s*0\s*\)", "", written))


def _valid(digits: str, region: str | None = None) -> str | None:
    """E.164, if this is a number that the plan has; with a region, only if it is one of that region (so +7 7… is Kazakhstan's)."""
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    fits = phonenumbers.is_valid_number_for_region(number, region) if region else phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if fits else None


def _possible(text: str, country: str) -> str | None:
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    fits = phonenumbers.is_possible_number(number) and len(set(_digits(text))) > 1
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if fits else None


def _digits(text: str) -> str:
    return "".join(str(unicodedata.digit(c)) for c in text if unicodedata.digit(c, None) is not None)


def emails(text: str) -> list[Identifier]:
    """An e-mail address, and the one that its provider takes for the same: without dots at Gmail, Yandex under its first domain."""
    found = email(text)
    if found is None:
        return []
    local, _, domain = found.text.rpartition("@")
    provider, ignored, instead = _SAME_BOX.get(domain, (domain, "", ""))
    for sign in ignored:
        local = local.replace(sign, instead)
    return list(dict.fromkeys((found, Identifier(IdentifierKind.EMAIL, f"{local}@{provider}"))))


_SAME_BOX: Final = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), ("gmail.com", ".", "")),
    **dict.fromkeys(
        ("yandex.ru", "ya.ru", "yandex.com", "yandex.by", "yandex.kz", "yandex.ua", "narod.ru"), ("yandex.ru", ".", "-")
    ),
    **dict.fromkeys(("proton.me", "protonmail.com", "protonmail.ch", "pm.me"), ("proton.me", "._-", "")),
}
"""Domains of one provider: their first one, signs of the local part that do not count there, and what stands for them."""


def email(text: str) -> Identifier | None:
    """An e-mail address in lower case, without "+tag", "mailto:", a name before it or a full stop after it; else None."""
    try:
        address = validate_email(_address_in(_plain(text)), check_deliverability=False)
    except EmailNotValidError:
        return None
    local = address.local_part.casefold().partition("+")[0]
    return Identifier(IdentifierKind.EMAIL, f"{local}@{address.ascii_domain or address.domain}".lower())


def _address_in(text: str) -> str:
    """The e-mail address in a text that has one: without "mailto:", words, quotes and brackets around it, and spaces at its @."""
    text = re.sub(r"(?i)^mailto:/{0,2}", "", text).partition("?")[0]
    found = re.findall(r"""[^\s<>()\[\]{}«»„“”"',;:/!]+@[^\s<>()\[\]{}«»„“”"',;:/!]+""", re.sub(r"\s*@\s*", "@", text))
    return (found[0] if len(found) == 1 else text).strip(" .,;")


_MESSENGERS: Final = (
    r"(?:telegram\w{0,2}|телеграм\w{0,2}|тэлеграм\w?|телег[аеу]|ტელეგრამ\w?|тг|tg|signal\w{0,2}|сигнал\w?|სიგნალ\w?"
    r"|nick|ник|username|user)"
)
"""The word for a messenger, in the languages of the form and their cases."""


_PHONE_LINK: Final = re.compile(
    r"(?i)(?:t\.me|telegram\.(?:me|dog))/\+?(\d{9,15})(?!\w)|signal\.me/#p/(?:\+|%2b)?(\d{9,15})"
)
_NO_NAME: Final = frozenset(
    ("нет", "нету", "нема", "немає", "няма", "no", "none", "null", "n/a", "na", "nie", "nein", "nėra", "არა")
) | {"user", "username", "joinchat", "share", "addstickers", "proxy", "socks", "login"}
"""What stands in the field of those who have no user name, and words of links that lead to no user."""
_LINK: Final = re.compile(
    r"(?:^|[\s:<(\[])(?:https?://)?(?:www\.)?(?:t\.me|telegram\.(?:me|dog)|signal\.me)(?:/+(?:#eu/|#u/|s/)?@?([^\s?/#]*)|$)"
)


def handle(text: str) -> Identifier | None:
    """A user name without the @, the link of the messenger or its name before it; None when nothing is left of it."""
    name = _plain(text).casefold()
    link = (
        re.search(rf"^{_MESSENGERS}@(\w+)$", name)
        or re.search(r"^tg:(?://)?resolve/?\?(?:.*&)?domain=(\w*)", name)
        or re.search(r"^(?:https?://)?web\.telegram\.org/\w+/?#@?(\w+)", name)
        or re.search(r"^(?:https?://)?(?!www\.)(\w{4,32})\.t\.me(?:[/?].*)?$", name)
        or _LINK.search(name)
        or re.search(r"(?<![\w.])@([\w.]+)", name)
    )
    if link:
        name = link[1] or ""
    else:
        latin = re.findall(r"(?<!\S)[a-z]\w{3,31}(?:\.\d{2,})?(?!\S)", name, re.ASCII)
        if len(latin) == 1 and not re.search(r"[a-z@/]", name.replace(latin[0], "", 1)):
            name = latin[0]  # the only Latin word among others
        name = re.sub(rf"^{_MESSENGERS}\s*(?:[:=\s—–-]\s*|$)", "", name)
        name = re.sub(rf"\s+(?:\(\s*|\w{{1,2}}\s+)?{_MESSENGERS}\s*\)?$", "", name)
    name = name.lstrip("@").split("?")[0].strip("/ .,;()[]<>«»„“”\"'")
    return Identifier(IdentifierKind.HANDLE, name) if len(set(name)) > 1 and name not in _NO_NAME else None


def handles(text: str) -> list[Identifier]:
    """The user names in one field: more than one only if each has its @ or its link."""
    pieces = re.findall(
        r"(?<!\S)(?:@|(?:https?://)?(?:t\.me|telegram\.me)/)[\w.]+(?=[\s,;/]|$)", _plain(text).casefold()
    )
    found = [handle(piece) for piece in pieces] if len(pieces) > 1 else [handle(text)]
    return [one for one in dict.fromkeys(found) if one is not None]


def written_address(channel: str, text: str) -> str:
    """An address in the form in which it is stored for use: without invisible characters, "mailto:" and a full stop after it.

    A user name that has only a link or the messenger's word before it becomes `@name`. Anything else stays as it was typed.
    """
    if channel == "email":
        return _address_in(_plain(text))
    if channel != "telegram":
        return text
    plain = _plain(text)
    found = handle(plain)
    is_alone = re.fullmatch(rf"(?i)(?:{_MESSENGERS}\s*[:\s—–-]\s*)?@\w+", plain) or re.fullmatch(r"\S+[/=]\S+", plain)
    return f"@{found.text}" if found and is_alone and re.fullmatch(r"\w{3,32}", found.text) else text


def names(text: str) -> list[Identifier]:
    """The identifiers of a full name: its keys of form 2, which its usual spellings share, and the whole name in form 1.

    Empty for a first name alone.
    """
    plain = _plain(text)
    whole = name(plain)
    keys = [Identifier(IdentifierKind.NAME, key, form="2") for key in name_spelling.name_keys(plain)]
    return [*keys, whole] if whole is not None and whole.strong else keys


def name(text: str) -> Identifier | None:
    """A name of form 1: all its words by their sound; their order does not matter. None when nothing is left of it."""
    words = sorted({folded for word in re.split(r"[\s.,;-]+", _plain(text)) if len(folded := sound_of(word)) > 1})
    return Identifier(IdentifierKind.NAME, " ".join(words)) if words else None


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
    """Normalised, without invisible characters: zero-width ones, and marks of the direction of writing."""
    normal = unicodedata.normalize("NFKC", text[:_MAX_LENGTH])
    return "".join(character for character in normal if unicodedata.category(character) != "Cf").strip()


def _looks_like_a_number(text: str) -> bool:
    return not re.search(r"[^\W\d_]", text) and sum(character.isdigit() for character in text) >= 6
