"""Short random labels by which people refer to a case or a referral. They carry no information and give no access."""

import re
import secrets
from typing import Final

_ALPHABET: Final = "23456789BCDFGHJKMNPQRSTVWXZ"  # no vowels, and no two characters that look alike


def new_label(prefix: str = "") -> str:
    """A random label such as `7KM-QX42` (27^7, about 10^10 of them), after the prefix."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(7))
    return f"{prefix}{text[:3]}-{text[3:]}"


def of_text(text: str) -> str | None:
    """The label that somebody typed, whatever its case and hyphens: `7kmqx42` is `7KM-QX42`, `r 3v4vm74` is `R-3V4-VM74`.

    None if the text cannot be one.
    """
    found = _TYPED.fullmatch(re.sub(r"[\s\-\u2010-\u2015._]+", "", text[:40].upper()))
    if found is None:
        return None
    prefix = "R-" if found[1] else ""
    return f"{prefix}{found[2][:3]}-{found[2][3:]}"


_TYPED: Final = re.compile(rf"(R?)([{_ALPHABET}]{{7}})")
