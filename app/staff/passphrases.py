"""Passphrases: which are strong enough, how one is offered, and which small differences do not matter. Pure.

The strength is an estimate of how many guesses somebody needs who knows common words, names, dates, keyboard patterns and habits
(zxcvbn). It knows no Russian, so what is typed in Cyrillic letters is also tried as the Latin keys under them and as it is
transliterated, with a list of common words of our own.
"""

import secrets
import unicodedata
from functools import lru_cache
from typing import Final

from app.core.i18n import N_, Translatable

MIN_LENGTH: Final = 12
GUESSES: Final = 1e10  # each costs 64 MiB and most of a second, and needs the key file
WORDS: Final = 6
_LOOKED_AT: Final = 72  # characters; what is longer is strong by its length, unless it repeats itself
_COMMON: Final = (
    "пароль", "привет", "любовь", "россия", "беларусь", "украина", "москва", "минск", "киев", "питер", "свобода", "навальный",
    "путин", "лукашенко", "солнышко", "зайчик", "котик", "мама", "наташа", "марина", "сергей", "александр", "дмитрий", "андрей",
    "админ", "йцукен", "фыва", "ячсмить", "спартак", "зенит", "хорошо", "спасибо", "надежда", "вера", "парол", "люблю", "тебя",
    "pristan", "пристань",
)  # fmt: skip
_KEYS: Final = str.maketrans("йцукенгшщзхъфывапролджэячсмитьбюё", "qwertyuiop[]asdfghjkl;'zxcvbnm,.`")
_LETTERS: Final = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z", "и": "i", "й": "y", "к": "k",
    "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "ts",
    "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip


FORM: Final = 2
"""The form in which a passphrase that is set now is normalised."""
_SMART_SIGNS: Final = str.maketrans(
    {**dict.fromkeys("‐‑‒–—―−", "-"), **dict.fromkeys("‘’‚ʼ", "'"), **dict.fromkeys("“”„«»", '"')}
)


def normalised(passphrase: str, form: int = FORM) -> str:
    """The passphrase without what a phone's keyboard adds: a capital at the beginning, a space at the end, and from form 2 on
    dashes for hyphens, curly quotation marks, two spaces for one, and characters that cannot be seen.

    `form`: the one in which it was set; a passphrase that was set in form 1 counts as it did.
    """
    text = unicodedata.normalize("NFKC", passphrase).strip()
    if form >= FORM:
        seen = "".join(letter for letter in text.translate(_SMART_SIGNS) if unicodedata.category(letter) != "Cf")
        text = " ".join(seen.split())
    return text[:1].lower() + text[1:]


def weakness(passphrase: str, *names: str) -> str:
    """The weakness of a new passphrase, in words; empty if it is strong enough.

    `names`: facts that others know about the member.
    """
    if len(normalised(passphrase)) < MIN_LENGTH:
        return Translatable(
            "A passphrase has at least {least} characters. Six words that do not belong together are easy to keep.",
            least=MIN_LENGTH,
        )
    if guesses(passphrase, *names) < GUESSES:
        return N_(
            "This passphrase is easy to guess: it is made of common words, names, dates or keys that lie side by side. Take six "
            "words that do not belong together, for example those that are offered here."
        )
    return ""


def guesses(passphrase: str, *names: str) -> float:
    """Roughly how many guesses the passphrase withstands: the lowest estimate over all ways to read it."""
    from zxcvbn import zxcvbn  # 0.1 s and its word lists: only when somebody chooses a passphrase

    text = normalised(passphrase).casefold()[:_LOOKED_AT]
    known = [*_COMMON, *map(transliterated, _COMMON), *(name.casefold() for name in names)]
    readings = {text, text.translate(_KEYS), transliterated(text)}
    return min(float(zxcvbn(reading, user_inputs=known)["guesses"]) for reading in readings)


def transliterated(text: str) -> str:
    """Cyrillic letters as Latin ones."""
    return "".join(_LETTERS.get(letter, letter) for letter in text)


def suggestion() -> str:
    """Six words chosen by chance, 77 bits, in lower case."""
    return " ".join(secrets.choice(_words()) for _ in range(WORDS))


@lru_cache(maxsize=1)
def _words() -> tuple[str, ...]:
    from xkcdpass import xkcd_password

    return tuple(xkcd_password.generate_wordlist(xkcd_password.locate_wordfile("eff-long"), min_length=3, max_length=9))
