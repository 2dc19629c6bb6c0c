"""Short random labels by which people refer to a case or a referral. They carry no information and give no access."""

import secrets
from typing import Final

_ALPHABET: Final = "23456789BCDFGHJKMNPQRSTVWXZ"  # no vowels, and no two characters that look alike


def new_label(prefix: str = "") -> str:
    """A random label such as `7KM-QX42` (27^7, about 10^10 of them), after the prefix."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(7))
    return f"{prefix}{text[:3]}-{text[3:]}"
