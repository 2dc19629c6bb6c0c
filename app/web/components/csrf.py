"""Protection of every form on our pages against being sent by another site (cross-site request forgery).

One design for all of them, in two halves:

* **Its origin.** `receive` refuses a POST that the browser marks as another site's, before its body is read. The browser
  states it in `Sec-Fetch-Site`; without that header, a named `Origin` must be ours. (Under our `Referrer-Policy:
  no-referrer` an honest browser sends `Origin: null`.)
* **A token in the form**: `<seconds>.<nonce>.<mac>`, the MAC under a key of the key ring over the first two and over the
  *binding*, a secret that only the browser with this form has. It is good for `LIFETIME` and stored nowhere.

The binding is what makes the cases of the one design:

| the form is | its binding |
| --- | --- |
| of a signed-in member | `of_session`: derived from the secret of the session |
| of the sign-in, of joining and of the question for the number | `of_browser`: the cookie that came with the form |
| of a person with a draft to file, or who came back with their number | `of_visit`: the cookie of the visit |
| of a person without a cookie: the form on a single page | `UNBOUND` |

The single-page form is a case of the same design: it carries its answers itself, and its sender's browser holds nothing that
another site's page could borrow. Its token says that the page is ours and not older than a day, and names the submission: the
same token sent twice is one case. The person's forms that only keep or show something for the browser that sends them (a step
of the form, the number noted down, leaving) carry a token too, and the first half alone decides. The question for the number
opens a case in this browser, so another site must not answer it (login CSRF): it takes the browser's own statement or the token.
"""

import hmac
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from fastapi import Request

from app.core.errors import NotAllowed
from app.core.keyring import KeyRing
from app.intake.questions import FormFields
from app.web.components import forms
from app.web.components.forms import FormPart

LIFETIME: Final = timedelta(hours=24)
UNBOUND: Final = ""
_CLOCK_SKEW: Final = timedelta(minutes=1)
"""Between two web processes: a token may be a little younger than the clock that checks it."""
_OUR_SITES: Final = frozenset({"same-origin", "none"})


def of_session(binding: str) -> str:
    """The binding of a signed-in member's forms. `binding`: what the session derives from its secret (`SignedIn.binding`)."""
    return f"session:{binding}"


def of_browser(cookie: str | None) -> str:
    return f"browser:{cookie}" if cookie else UNBOUND


def of_visit(cookie: str | None) -> str:
    return f"visit:{cookie}" if cookie else UNBOUND


async def receive(request: Request) -> FormFields:
    """The fields of a form that one of our own pages sent. Raises NotAllowed, BadRequest."""
    refuse_other_sites(request)
    return await forms.read_urlencoded(request)


def receive_parts(request: Request) -> AsyncIterator[FormPart]:
    """The parts of a form with files, as they arrive. Raises NotAllowed, BadRequest."""
    refuse_other_sites(request)
    return forms.stream_multipart(request)


def refuse_other_sites(request: Request) -> None:
    """Raises NotAllowed if the browser marks the request as sent by another site's page."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        if site not in _OUR_SITES:
            raise NotAllowed("This form was sent from another site.")
        return
    origin = request.headers.get("origin")
    if origin not in {None, "null"} and urlsplit(str(origin)).netloc != request.headers.get("host"):
        raise NotAllowed("This form was sent from another site.")


def is_said_to_be_ours(request: Request) -> bool:
    """Whether the browser itself states that one of our own pages sent this; browsers before 2023 state nothing."""
    return request.headers.get("sec-fetch-site") == "same-origin"


def is_of_other_site(request: Request) -> bool:
    """Whether the browser states that another site led to this request: by a link, an image, a frame."""
    return request.headers.get("sec-fetch-site", "none") not in _OUR_SITES


def new_token(keys: KeyRing, now: datetime, binding: str, *, nonce: bool = True) -> str:
    """A token for the forms of one page. With a `nonce` no two are alike, so that it can name what is sent."""
    body = f"{int(now.timestamp())}.{secrets.token_urlsafe(16) if nonce else ''}"
    return f"{body}.{_macs(keys, body, binding)[0]}"


def is_valid(keys: KeyRing, token: str, now: datetime, binding: str) -> bool:
    """Whether this service issued the token for this binding within `LIFETIME`."""
    made = made_at(keys, token, binding)
    return made is not None and -_CLOCK_SKEW <= now - made < LIFETIME


def made_at(keys: KeyRing, token: str, binding: str) -> datetime | None:
    """When this service issued the token, however long ago; None for a token of another origin."""
    body, _, mac = token.rpartition(".")
    seconds = body.partition(".")[0]
    given = mac.encode("utf-8", "replace")
    is_ours = any(hmac.compare_digest(given, mac.encode()) for mac in _macs(keys, body, binding))
    return datetime.fromtimestamp(int(seconds), UTC) if is_ours else None


def _macs(keys: KeyRing, body: str, binding: str) -> list[str]:
    """The present one first, then those of a former root that are still accepted."""
    accepted = keys.macs("form-token", body.encode("utf-8", "replace"), binding.encode("utf-8", "replace"))
    return [mac.hex()[:32] for mac in accepted]
