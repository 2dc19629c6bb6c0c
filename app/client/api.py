"""The client itself: tokens, retries, paging. One object for one thread."""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Final
from urllib.parse import quote
from uuid import uuid4

import httpx

from app.client.errors import ApiError, CannotReach
from app.client.opening import OpenedPart, base64url, from_base64url, opened, signers_of
from app.client.records import Event, Referral

TRIES: Final = 5
LONGEST_PAUSE: Final = 30.0
LONGEST_WAIT: Final = 25
CONFLICTS_AT_ONCE: Final = 5_000
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
_SILENCE: Final = 60.0
_EARLY: Final = 30.0  # seconds before its end at which a token is replaced


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Events, oldest first, and the cursor to go on from. `more`: others are waiting already."""

    events: tuple[Event, ...]
    cursor: str
    more: bool


class PartnerClient:
    """Calls the API for one organisation.

    Every call may raise ApiError (the service said no) or CannotReach (no answer after five tries).
    Repeating is safe: reads change nothing, and an act carries an Idempotency-Key, which you may choose.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        private_key: bytes | None = None,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
        tick: Callable[[], float] = time.monotonic,
    ) -> None:
        """`private_key`: the 32-byte X-Wing seed or X25519 key, for `open` only. `http`: your own, with proxies or certificates."""
        self._base = base_url.rstrip("/")
        self._credentials = (client_id, client_secret)
        self._private_key = private_key
        self._own = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(15.0, read=LONGEST_WAIT + 15.0))
        self._sleep = sleep
        self._tick = tick
        self._known_signers: dict[str, bytes] = {}
        self._token = ""
        self._token_until = 0.0

    def __repr__(self) -> str:
        return f"PartnerClient({self._base})"

    def __enter__(self) -> "PartnerClient":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; an `http` that you brought stays open."""
        if self._own:
            self._http.close()

    def sign_in(self) -> None:
        """Ask for a token now, to find out whether address and credentials are right. Calls do it by themselves."""
        self._live_token(renew=True)

    def referrals(
        self, *, state: Sequence[str] = (), need: str | None = None, updated_since: str | None = None, limit: int = 100
    ) -> Iterator[Referral]:
        """All referrals of your organisation that fit, oldest change first, page by page. `updated_since`: RFC 3339."""
        query: dict[str, Any] = {"state": list(state), "need": need, "updated_since": updated_since, "limit": limit}
        params: Any = {name: value for name, value in query.items() if value}
        while True:
            page = self._call("GET", "/v1/referrals", params=params).json()
            yield from (Referral.read(document) for document in page["referrals"])
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def referral(self, referral_id: str) -> Referral:
        return Referral.read(self._call("GET", f"/v1/referrals/{_segment(referral_id)}").json())

    def fhir(self, referral_id: str) -> dict[str, Any]:
        """One referral as an HL7 FHIR R4 Bundle, without names."""
        document: dict[str, Any] = self._call("GET", f"/v1/referrals/{_segment(referral_id)}/fhir").json()
        return document

    def act(
        self,
        referral_id: str,
        verb: str,
        *,
        version: int,
        key: str | None = None,
        **details: Any,
    ) -> Referral:
        """Take a step: accept, decline, start … `details` are the fields of the body, like reason or outcome.

        `version` is the one you have seen; ApiError 412 when it is no longer the present one, 409 when the step is not
        possible. Keep `key` if you may have to repeat the act after a crash.
        """
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": key or new_key()}
        path = f"/v1/referrals/{_segment(referral_id)}/actions/{_segment(verb)}"
        body = {name: value for name, value in details.items() if value is not None}
        return Referral.read(self._call("POST", path, headers=headers, json=body).json())

    def sealed(self, referral_id: str) -> dict[str, Any]:
        """The sealed parts as they come; each read is noted in the service's audit. Needs `referrals:contact`."""
        document: dict[str, Any] = self._call("GET", f"/v1/referrals/{_segment(referral_id)}/sealed").json()
        return document

    def open(self, referral_id: str) -> list[OpenedPart]:
        """The sealed parts, opened here with your private key, once their signature holds. Raises CannotOpen; ValueError
        without a key.
        """
        if self._private_key is None:
            raise ValueError("a private key is needed to open sealed parts")
        document = self.sealed(referral_id)
        return opened(document, self._private_key, signers=self._signers(document))

    def _signers(self, document: dict[str, Any]) -> dict[str, bytes]:
        """The service's public keys; asked for again when it has a new one."""
        kid = (document.get("signature") or {}).get("kid")
        if kid not in self._known_signers:
            response = self._send("GET", "/.well-known/jwks.json")
            if response.status_code != 200:
                raise ApiError(response.status_code, _problem(response))
            self._known_signers = signers_of(response.json())
        return self._known_signers

    def events(self, cursor: str | None = None, *, limit: int = 100, wait: int = 0) -> EventsPage:
        """One page of the feed. `wait`: seconds (at most 25) that the service waits for something to happen."""
        query = {"cursor": cursor, "limit": limit, "wait": min(wait, LONGEST_WAIT) or None}
        params = {name: value for name, value in query.items() if value is not None}
        page = self._call("GET", "/v1/events", params=params).json()
        return EventsPage(tuple(Event.read(event) for event in page["events"]), page["cursor"], page["more"])

    def listen(
        self, cursor: str | None = None, *, on_silence: Callable[[Exception], None] | None = None
    ) -> Iterator[EventsPage]:
        """Pages that hold something, in order, at least once, for ever. Keep a page's cursor once you used it.

        With `on_silence` a service that does not answer is waited for, minute by minute, and this is called each time.
        """
        while True:
            try:
                page = self.events(cursor, wait=LONGEST_WAIT)
            except (ApiError, CannotReach) as error:
                if on_silence is None or not (isinstance(error, CannotReach) or error.status in _TRY_AGAIN):
                    raise
                on_silence(error)
                self._sleep(_SILENCE)
                continue
            cursor = page.cursor
            if page.events:
                yield page

    def conflict_salt(self) -> bytes:
        """What to hash identifiers with; see `app.client.conflicts`."""
        return from_base64url(self._call("GET", "/v1/conflicts").json()["salt"])

    def add_conflicts(self, hashes: Sequence[bytes], *, form: str) -> int:
        """Add to your conflict list, in several requests if need be; gives its size. Never tells whom it hits.

        `hashes` and their `form` are made by `app.client.conflicts`.
        """
        entries = 0
        for start in range(0, len(hashes), CONFLICTS_AT_ONCE):
            some = [base64url(one) for one in hashes[start : start + CONFLICTS_AT_ONCE]]
            answer = self._call("POST", "/v1/conflicts", json={"form": form, "hashes": some})
            entries = answer.json()["entries"]
        return entries

    def clear_conflicts(self) -> None:
        """Empty your conflict list. Cases that were kept from you stay so."""
        self._call("DELETE", "/v1/conflicts")

    def file_intake(self, intake: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """File an intake for a person (scope `intakes:create`).

        The answer holds their receipt number: show it to them, and keep it nowhere.
        """
        answer = self._call("POST", "/v1/intakes", headers={"Idempotency-Key": key or new_key()}, json=intake)
        document: dict[str, Any] = answer.json()
        return document

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """One call with a live token; a token that died early is replaced once."""
        for last in (False, True):
            token = {"Authorization": f"Bearer {self._live_token(renew=last)}"}
            response = self._send(method, path, headers={**(headers or {}), **token}, **rest)
            if response.status_code == 401 and not last:
                continue
            if response.status_code >= 400:
                raise ApiError(response.status_code, _problem(response))
            return response
        raise AssertionError("unreachable")

    def _live_token(self, *, renew: bool) -> str:
        if renew or self._tick() >= self._token_until:
            asked = self._tick()
            response = self._send(
                "POST",
                "/oauth/token",
                data={"grant_type": "client_credentials"},
                auth=httpx.BasicAuth(*(quote(part, safe="") for part in self._credentials)),
            )
            if response.status_code != 200:
                raise ApiError(response.status_code, _problem(response))
            document = response.json()
            self._token = document["access_token"]
            self._token_until = asked + document["expires_in"] - _EARLY
        return self._token

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Send, and again when the line breaks or the service is busy. Everything here is safe to send twice."""
        for attempt in range(1, TRIES + 1):
            try:
                response = self._http.request(method, self._base + path, **rest)
            except httpx.TransportError as error:
                if attempt == TRIES:
                    raise CannotReach(f"no answer after {TRIES} tries ({type(error).__name__})") from error
                self._sleep(_pause(attempt))
                continue
            if response.status_code not in _TRY_AGAIN or attempt == TRIES:
                return response
            self._sleep(_asked_pause(response) or _pause(attempt))
        raise AssertionError("unreachable")


def new_key() -> str:
    """An Idempotency-Key, for one act."""
    return str(uuid4())


def _segment(text: str) -> str:
    return quote(text, safe="")


def _pause(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * 2.0 ** (attempt - 1)  # noqa: S311  spreads clients out; no secret


def _asked_pause(response: httpx.Response) -> float:
    """Seconds of Retry-After, as a number or a date, at most 30; 0 when there is none."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), LONGEST_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), LONGEST_PAUSE) if until.tzinfo else 0.0


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
