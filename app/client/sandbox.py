"""Published credentials and private key of the sandbox, for anyone who wants to try the API.

They give access to made-up cases only. The service creates its sandbox with the same values
(`app/partners/sandbox_identity.py`).
"""

from typing import Final

ORGANISATION: Final = "sandbox"
CLIENT_ID: Final = "sandbox"
CLIENT_SECRET: Final = "published-and-protects-nothing"  # noqa: S105
PRIVATE_KEY: Final = "vbNPwCtFNiBtUiRrlO2MDcuLoH94XOk8wOdoUrbc6I0"
