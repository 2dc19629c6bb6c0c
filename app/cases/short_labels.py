"""Short random names to speak of a case or a referral by. They say nothing and open nothing."""

import secrets
from typing import Final

_LETTERS: Final = "23456789BCDFGHJKMNPQRSTVWXZ"  # no vowels, nothing that looks like another


def new_label(prefix: str = "") -> str:
    """Like `7KM-QX42` (about 10^10 of them), after the prefix."""
    text = "".join(secrets.choice(_LETTERS) for _ in range(7))
    return f"{prefix}{text[:3]}-{text[3:]}"
