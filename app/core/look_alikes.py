"""Addresses in which letters of two alphabets that look alike are mixed: what was probably meant.

On a keyboard with two layouts a word easily gets a letter of the other one. Nobody sees it: `mail.рu` with a Cyrillic р. Domains
and user names with such a mixture do not exist (registries and messengers refuse them), so the person is asked about it. Pure.
"""

import itertools
import re
import unicodedata
from typing import Final

_LOOKS: Final = str.maketrans("аеёорсухіјѕԁһАВЕКМНОРСТУХІЅ", "aeeopcyxijsdhABEKMHOPCTYXIS")
"""Cyrillic letters that look like Latin ones."""
_SOUNDS: Final = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y",
        "і": "i", "ї": "i", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u",
        "ф": "f", "х": "kh", "ц": "ts", "ч": "ch", "ш": "sh", "ы": "y", "э": "e", "ю": "yu", "я": "ya", "ь": "", "ъ": "",
    }
)  # fmt: skip
"""What a person types who writes a Latin word by its sound: `mail.рu` is mail.ru, not mail.pu."""
_GREEK: Final = str.maketrans("αεικνορτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aeikvoptuxABEZHIKMNOPTYX")
_DOMAINS: Final = frozenset(
    {
        "mail.ru", "bk.ru", "inbox.ru", "list.ru", "internet.ru", "rambler.ru", "yandex.ru", "ya.ru", "yandex.by", "yandex.com",
        "tut.by", "mail.by", "gmail.com", "googlemail.com", "icloud.com", "me.com", "outlook.com", "hotmail.com", "live.com",
        "yahoo.com", "proton.me", "protonmail.com", "pm.me", "tutanota.com", "tuta.io", "tuta.com", "riseup.net", "posteo.de",
        "mailbox.org", "gmx.de", "gmx.net", "web.de", "t-online.de", "wp.pl", "o2.pl", "onet.pl", "interia.pl", "ukr.net",
        "i.ua", "meta.ua", "mail.kz", "mail.ge", "disroot.org",
    }
)  # fmt: skip
_ENDINGS: Final = frozenset(
    {
        "ru", "by", "ua", "kz", "am", "az", "ge", "pl", "lt", "lv", "ee", "de", "com", "org", "net", "me", "io", "eu", "info",
        "uk", "fr", "it", "es", "nl", "cz", "at", "ch", "rs", "il", "tr",
    }
)  # fmt: skip
_MOST_LETTERS: Final = 6


def meant(channel: str, address: str) -> str | None:
    """The address that was probably meant, for one with letters of two alphabets in one word; None if there are none.

    `channel`: as in `AnswerBy`. A user name of Telegram or Signal has Latin letters only. The answer is shown to whoever typed it,
    and to nobody else.
    """
    text = unicodedata.normalize("NFKC", address)
    if channel == "email":
        local, at, domain = text.rpartition("@")
        if not at:
            return None
        likely = f"{_in_words(local)}@{_domain(domain)}"
    elif channel in {"telegram", "signal"}:
        names = list(re.finditer(r"\w*[A-Za-z]\w*", text))
        if not names:
            return None
        likely = text[: names[-1].start()] + _in_words(names[-1][0]) + text[names[-1].end() :]
    else:
        return None
    return likely if likely != text else None


def _in_words(text: str) -> str:
    return re.sub(r"[^\W\d_]+", lambda word: _word(word[0]), text)


def _word(word: str) -> str:
    """A word with Latin and other letters, in Latin ones; any other word as it is."""
    if not _is_mixed(word):
        return word
    seen = word.translate(_LOOKS).translate(_GREEK)
    return seen if seen.isascii() else seen.translate(_SOUNDS)


def _domain(domain: str) -> str:
    """The domain that was meant: a known one that looks or sounds alike, else each label by its looks."""
    labels = domain.split(".")
    is_odd = any(_is_mixed(label) for label in labels) or not _is_ending(labels[-1])
    if domain.isascii() or not is_odd:
        return domain
    letters = [letter for letter in domain if not letter.isascii()]
    if len(letters) <= _MOST_LETTERS:
        ways = [
            sorted({letter.translate(_LOOKS), letter.translate(_GREEK), letter.lower().translate(_SOUNDS)})
            for letter in letters
        ]
        candidates = [_filled(domain, chosen) for chosen in itertools.product(*ways)]
        readable = [candidate for candidate in candidates if candidate.isascii()]
        for known in (_DOMAINS.__contains__, lambda candidate: candidate.rpartition(".")[2] in _ENDINGS):
            for candidate in readable:
                if known(candidate.lower()):
                    return candidate
    return ".".join(_word(label) for label in labels)


def _filled(domain: str, letters: tuple[str, ...]) -> str:
    chosen = iter(letters)
    return "".join(letter if letter.isascii() else next(chosen) for letter in domain)


def _is_ending(label: str) -> bool:
    """Whether a last label can be one: Latin, or of another alphabet and not read as a Latin one (`сом`, `ру`)."""
    if label.isascii() or label == "орг":
        return True
    ways = ({letter.translate(_LOOKS), letter.translate(_SOUNDS)} for letter in label[:_MOST_LETTERS])
    return not any("".join(letters) in _ENDINGS for letters in itertools.product(*ways))


def _is_mixed(word: str) -> bool:
    scripts = {unicodedata.name(letter, "").split(" ")[0] for letter in word if letter.isalpha()}
    return "LATIN" in scripts and len(scripts & {"CYRILLIC", "GREEK"}) > 0
