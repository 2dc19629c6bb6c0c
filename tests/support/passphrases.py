"""Passphrases are stretched in no time here: hundreds of tests found a desk, and what is stretched for is an attacker.

What the service itself takes for it stays known, and is checked once: tests/unit/test_passphrases.py.
"""

from typing import Final

from app.staff import service as staff

TRUE: Final = {"_PASSES": staff._PASSES, "_MEMORY_KIB": staff._MEMORY_KIB}


def quicken() -> None:
    """For the rest of this process."""
    staff._PASSES, staff._MEMORY_KIB = 1, 64  # type: ignore[misc]
