"""Every cookie of the service is written and read here; `tests/architecture/test_cookies.py` finds one that is not.

* **Its name** begins with `__Host-`, so that a browser takes it only over TLS (or from an onion service), for this host alone and
  the path `/`: neither a sibling host nor an answer over plain HTTP can plant one. Only on `http://` and a loopback address
  (development) is there no prefix, because browsers refuse it there; `Settings` refuses any other address without TLS.
* **Never twice**: of two cookies with one name in a request, one is not ours and nobody can tell which. Neither is accepted.
* **Only our own secrets count**: `secret` returns only what `mint` has made.
"""

from typing import Final

from fastapi import Request, Response

from app.core import browser_secrets
from app.core.keyring import KeyRing
from app.settings import Settings

PREFIX: Final = "__Host-"
_LONGEST: Final = 128


def full_name(name: str, settings: Settings) -> str:
    return PREFIX + name if settings.secure_cookies else name


def read(request: Request, name: str) -> str | None:
    """The cookie's value as it was sent; None if it is missing, longer than any of ours, or sent twice."""
    wanted = full_name(name, request.app.state.settings)
    values = [
        value.strip()
        for header in request.headers.getlist("cookie")
        for sent, equals, value in (pair.partition("=") for pair in header.split(";"))
        if equals and sent.strip() == wanted
    ]
    return values[0] if len(values) == 1 and values[0].isascii() and 0 < len(values[0]) <= _LONGEST else None


def secret(request: Request, name: str) -> str | None:
    """The secret in the cookie, if this service made it for the cookie of this name; else None."""
    value = read(request, name)
    return value if value is not None and browser_secrets.is_minted(request.app.state.keys, name, value) else None


def mint(keys: KeyRing, name: str) -> str:
    """A new secret for this cookie."""
    return browser_secrets.mint(keys, name)


def put(response: Response, name: str, value: str, settings: Settings, *, seconds: int | None = None) -> None:
    """Set a cookie that no script can read and that is not sent from other sites. `seconds`: None until the browser is closed."""
    response.set_cookie(
        full_name(name, settings), value, max_age=seconds, path="/",
        httponly=True, samesite="strict", secure=settings.secure_cookies,
    )  # fmt: skip


def remove(response: Response, name: str, settings: Settings) -> None:
    """Delete the cookie. With the same attributes, or a browser would keep one with the prefix."""
    response.delete_cookie(
        full_name(name, settings), path="/", httponly=True, samesite="strict", secure=settings.secure_cookies
    )
