"""A made-up language: every message bracketed, in letters that no language of ours has, and 45 % longer.

What a page still shows in plain letters did not come through a translation. It takes the place of Georgian, whose names of days,
countries and languages have no Latin letter either.
"""

import gettext
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from app.core import i18n
from app.core.i18n import translator

LANGUAGE: Final = "ka"
_LETTERS: Final = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "ɐƃɔđǝʃɠħɨʝʞłɯŋøƥɋřşŧųʌʍχɏžĀƁĆĐĒƑƓĦĪĴĶŁƜŃØƤɊŘŞŦŲɅƱχɎŽ"
)
_KEPT: Final = re.compile(r"(\{[^{}]*\}|</?[A-Za-z][^<>]*>)")
_LONGER: Final = 0.45


def pseudo(message: str) -> str:
    """The message in the made-up language. Fields and marks stay as they are."""
    parts = _KEPT.split(message)
    letters = sum(len(part) for part in parts[::2])
    changed = "".join(part if place % 2 else part.translate(_LETTERS) for place, part in enumerate(parts))
    return f"⟦{changed}{'·' * max(1, round(_LONGER * letters) - 2)}⟧"


class PseudoCatalogue(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return pseudo(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return pseudo(msgid1 if n == 1 else msgid2)


@contextmanager
def pseudo_locale() -> Iterator[str]:
    """The code of the language that is made up while this is open."""
    real = i18n._catalogue
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            i18n, "_catalogue", lambda code, domain: PseudoCatalogue() if code == LANGUAGE else real(code, domain)
        )
        translator.cache_clear()
        yield LANGUAGE
    translator.cache_clear()
