"""Argon2id for numbers and codes that people copy from a screen: each guess costs an attacker as much as it costs us."""

import threading
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

_MEMORY_KIB: Final = 3 * 1024
_PASSES: Final = 1
_ONE_AT_A_TIME: Final = threading.Lock()
"""However many strangers try numbers, a process spends at most one processor and 3 MiB on stretching; nobody is refused for it."""


def stretched(digits: str, salt: bytes) -> bytes:
    """32 bytes from digits by Argon2id: about 1.4 ms and 3 MiB.

    The parameters and each salt are part of what is stored: other ones find nothing that was made with these.
    """
    with _ONE_AT_A_TIME:
        return Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB).derive(
            digits.encode()
        )
