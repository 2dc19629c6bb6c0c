"""Passphrases are hashed with the weakest parameters in tests, because hundreds of tests set up accounts.

`TRUE` keeps the parameters of the service, which are checked once: tests/unit/test_passphrases.py.
"""

from typing import Final

from app.staff import service as staff

TRUE: Final = {"_ARGON2_PASSES": staff._ARGON2_PASSES, "_ARGON2_MEMORY_KIB": staff._ARGON2_MEMORY_KIB}


def use_fast_parameters() -> None:
    """For the rest of this process."""
    staff._ARGON2_PASSES, staff._ARGON2_MEMORY_KIB = 1, 64  # type: ignore[misc]
