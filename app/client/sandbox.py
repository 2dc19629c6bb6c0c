"""The sandbox's sign-in and private key, published: whoever wants to try the API uses them, and they protect nothing.

They open made-up cases only. The service makes its sandbox with the very same values (`app/partners/sandbox_identity.py`).
"""

from typing import Final

ORGANISATION: Final = "sandbox"
CLIENT_ID: Final = "sandbox"
CLIENT_SECRET: Final = "published-and-protects-nothing"  # noqa: S105
PRIVATE_KEY: Final = "vbNPwCtFNiBtUiRrlO2MDcuLoH94XOk8wOdoUrbc6I0"
