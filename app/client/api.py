"""The partner API client: tokens, retries, paging. Not safe to share between threads."""

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

from app.client.appointments import sealed_times
from app.client.decryption import CaseKey, OpenedPart, base64url, from_base64url, opened, opened_key, signers_of
from app.client.documents import OpenedPage, document_key, opened_original, opened_pages
from app.client.errors import ApiError, CannotReach
from app.client.messages import OpenedMessage, opened_messages, sealed_message
from app.client.records import Event, Referral

MAX_ATTEMPTS: Final = 5
MAX_PAUSE: Final = 30.0
MAX_WAIT: Final = 25
CONFLICTS_PER_REQUEST: Final = 5_000
_RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})
_OUTAGE_PAUSE: Final = 60.0
_RENEW_BEFORE_END: Final = 30.0  # a token is renewed this many seconds before it expires


@dataclass(frozen=True, slots=True)
class EventsPage:
    """Events, oldest first, and the cursor of the next page. `more`: another page is available now."""

    events: tuple[Event, ...]
    cursor: str
    more: bool


class PartnerClient:
    """Client of the API for one organisation.

    Every call may raise ApiError (the service refused) or CannotReach (no answer after five attempts).
    Calls are safe to repeat: reads change nothing, and actions carry an Idempotency-Key, which you may choose.
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
        """`private_key`: 32-byte X-Wing seed or X25519 key, needed for `open` only. `http`: your own client."""
        self._base = base_url.rstrip("/")
        self._credentials = (client_id, client_secret)
        self._private_key = private_key
        self._owns_http = http is None
        self._http = http or httpx.Client(timeout=httpx.Timeout(15.0, read=MAX_WAIT + 15.0))
        self._sleep = sleep
        self._monotonic = tick
        self._signing_keys: dict[str, bytes] = {}
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
        """Close the connections; an `http` client that you passed in stays open."""
        if self._owns_http:
            self._http.close()

    def sign_in(self) -> None:
        """Request a token now, to check address and credentials. Other calls request one when they need it."""
        self._live_token(renew=True)

    def referrals(
        self, *, state: Sequence[str] = (), need: str | None = None, updated_since: str | None = None, limit: int = 100
    ) -> Iterator[Referral]:
        """All matching referrals of your organisation, oldest change first, fetched by page. `updated_since`: RFC 3339."""
        query: dict[str, Any] = {"state": list(state), "need": need, "updated_since": updated_since, "limit": limit}
        params: Any = {name: value for name, value in query.items() if value}
        while True:
            page = self._call("GET", "/v1/referrals", params=params).json()
            yield from (Referral.read(document) for document in page["referrals"])
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def referral(self, referral_id: str) -> Referral:
        """One referral by its id."""
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
        """Carry out an action: accept, decline, start … `details` are fields of the body, for example reason or outcome.

        `version` is the version you have seen. ApiError 412: the referral has changed since; 409: the action is not
        possible now. Store `key` before the call if you may have to repeat it after a crash.
        """
        headers = {"If-Match": f'"{version}"', "Idempotency-Key": key or new_key()}
        path = f"/v1/referrals/{_segment(referral_id)}/actions/{_segment(verb)}"
        body = {name: value for name, value in details.items() if value is not None}
        return Referral.read(self._call("POST", path, headers=headers, json=body).json())

    def sealed(self, referral_id: str) -> dict[str, Any]:
        """The encrypted parts, as received. The service records each call in its audit log. Needs `referrals:contact`."""
        document: dict[str, Any] = self._call("GET", f"/v1/referrals/{_segment(referral_id)}/sealed").json()
        return document

    def open(self, referral_id: str) -> list[OpenedPart]:
        """The decrypted parts, after a check of the service's signature. Raises CannotOpen, or ValueError without a private key."""
        if self._private_key is None:
            raise ValueError("a private key is needed to decrypt sealed parts")
        document = self.sealed(referral_id)
        return opened(document, self._private_key, signers=self.signers(document))

    def documents(self, referral_id: str) -> Iterator[OpenedPage]:
        """The pages of all documents, decrypted one after the other: JPEG pictures. Needs `referrals:contact`.

        Five pages count as one read of the day. Raises CannotOpen, or ValueError without a private key.
        """
        if self._private_key is None:
            raise ValueError("a private key is needed to decrypt documents")
        sealed = self.sealed(referral_id)
        case_key = opened_key(sealed, self._private_key, signers=self.signers(sealed))
        for document in sealed.get("documents", []):
            yield from self.pages(referral_id, document, case_key)

    def pages(self, referral_id: str, document: dict[str, Any], case_key: CaseKey) -> Iterator[OpenedPage]:
        """The pages of one document, an entry of `documents` of `sealed`, decrypted with the case's key. Raises CannotOpen."""
        return opened_pages(document, case_key, self._pieces_of(referral_id, document))

    def original(self, referral_id: str, document: dict[str, Any], case_key: CaseKey) -> Iterator[bytes]:
        """The untouched file of a document whose entry has `original_pieces`, piece by piece. Raises CannotOpen.

        It was kept because it is electronically signed. Nobody has looked into it: it may be dangerous to open.
        """
        return opened_original(document, case_key, self._pieces_of(referral_id, document))

    def _pieces_of(self, referral_id: str, document: dict[str, Any]) -> Callable[[int], dict[str, Any]]:
        path = f"/v1/referrals/{_segment(referral_id)}/documents/{_segment(str(document.get('id')))}/pieces"

        def piece(number: int) -> dict[str, Any]:
            answer: dict[str, Any] = self._call("GET", f"{path}/{number}").json()
            return answer

        return piece

    def send_document(
        self, referral_id: str, content: bytes, *, document_id: str | None = None, case_key: CaseKey | None = None
    ) -> str:
        """Send the person a photo or PDF while you work on the referral. Returns the document's id. Needs both `referrals` scopes.

        The service makes pictures of its pages and seals them with the document's key, which is derived here from the case's:
        from `case_key`, or else from `sealed`. Store `document_id` (a new UUID) before the call if you may have
        to repeat it. Raises CannotOpen, or ValueError without a key.
        """
        identity = document_id or str(uuid4())
        if case_key is None:
            if self._private_key is None:
                raise ValueError("a private key is needed to send documents")
            sealed = self.sealed(referral_id)
            case_key = opened_key(sealed, self._private_key, signers=self.signers(sealed))
        key = document_key(case_key, identity)
        headers = {"Document-Key": base64url(key), "Content-Type": "application/octet-stream"}
        parameters = {"referral": referral_id, "document": identity}
        answer = self._call("POST", "/v1/documents", headers=headers, params=parameters, content=content)
        return str(answer.json()["id"])

    def take_back_document(self, referral_id: str, document_id: str) -> None:
        """Delete a document that your organisation sent."""
        self._call("DELETE", f"/v1/referrals/{_segment(referral_id)}/documents/{_segment(document_id)}")

    def ask_for_document(self, referral_id: str) -> None:
        """Ask the person for photos of a letter: they read it on their page until they add some."""
        self._call("POST", f"/v1/referrals/{_segment(referral_id)}/documents/ask")

    def offer_times(self, referral_id: str, times: Sequence[datetime], **how: Any) -> str:
        """Offer the person one to five times while you work on the referral. Returns the id of the offer.

        `how`: `way`, `place`, `language`, `interpreter`, `appointment_id`, as `sealed_times` takes them. Needs both `referrals`
        scopes for it. Raises CannotOpen, or ValueError without a private key.
        """
        if self._private_key is None:
            raise ValueError("a private key is needed to seal times")
        sealed = self.sealed(referral_id)
        body = sealed_times(opened_key(sealed, self._private_key, signers=self.signers(sealed)), times, **how)
        path = f"/v1/referrals/{_segment(referral_id)}/appointments"
        return str(self._call("POST", path, json=body).json()["id"])

    def withdraw_times(self, referral_id: str, appointment_id: str) -> None:
        """Withdraw times that you offered, or cancel the agreed one. The person is told."""
        self._call("DELETE", f"/v1/referrals/{_segment(referral_id)}/appointments/{_segment(appointment_id)}")

    def messages(self, referral_id: str) -> list[OpenedMessage]:
        """The conversation with the team, decrypted, oldest first. Needs `referrals:contact`.

        Raises CannotOpen, or ValueError without a private key.
        """
        if self._private_key is None:
            raise ValueError("a private key is needed to decrypt messages")
        return opened_messages(self.sealed_messages(referral_id), self._private_key)

    def write(self, referral_id: str, text: str, *, message_id: str | None = None) -> int:
        """Write to the team: the text is encrypted here. Returns the message's number. Needs both `referrals` scopes for it.

        Store `message_id` (a new UUID) before the call if you may have to repeat it after a crash.
        """
        body = sealed_message(self.sealed_messages(referral_id), text, datetime.now(UTC), message_id)
        answer = self._call("POST", f"/v1/referrals/{_segment(referral_id)}/messages", json=body).json()
        return int(answer["seq"])

    def sealed_messages(self, referral_id: str) -> dict[str, Any]:
        """The conversation as it is stored, and the keys to seal to: for `opened_messages` and `sealed_message`."""
        document: dict[str, Any] = self._call("GET", f"/v1/referrals/{_segment(referral_id)}/messages").json()
        return document

    def signers(self, document: dict[str, Any]) -> dict[str, bytes]:
        """The service's public signing keys, fetched again when the document names an unknown key."""
        kid = (document.get("signature") or {}).get("kid")
        if kid not in self._signing_keys:
            response = self._send("GET", "/.well-known/jwks.json")
            if response.status_code != 200:
                raise ApiError(response.status_code, _problem(response))
            self._signing_keys = signers_of(response.json())
        return self._signing_keys

    def events(self, cursor: str | None = None, *, limit: int = 100, wait: int = 0) -> EventsPage:
        """One page of the event feed. `wait`: seconds (at most 25) that the service waits for an event."""
        query = {"cursor": cursor, "limit": limit, "wait": min(wait, MAX_WAIT) or None}
        params = {name: value for name, value in query.items() if value is not None}
        page = self._call("GET", "/v1/events", params=params).json()
        return EventsPage(tuple(Event.read(event) for event in page["events"]), page["cursor"], page["more"])

    def listen(
        self, cursor: str | None = None, *, on_silence: Callable[[Exception], None] | None = None
    ) -> Iterator[EventsPage]:
        """Yields pages with events, in order, without end; an event may be repeated. Store a page's cursor after handling it.

        With `on_silence`, an outage does not raise: the call is repeated every minute and `on_silence` called each time.
        """
        while True:
            try:
                page = self.events(cursor, wait=MAX_WAIT)
            except (ApiError, CannotReach) as error:
                if on_silence is None or not (isinstance(error, CannotReach) or error.status in _RETRY_STATUSES):
                    raise
                on_silence(error)
                self._sleep(_OUTAGE_PAUSE)
                continue
            cursor = page.cursor
            if page.events:
                yield page

    def conflict_salt(self) -> bytes:
        """The salt for hashing identifiers; see `app.client.conflicts`."""
        return from_base64url(self._call("GET", "/v1/conflicts").json()["salt"])

    def add_conflicts(self, hashes: Sequence[bytes], *, form: str) -> int:
        """Add to your conflict list, in several requests if needed. Returns the size of the list, never which cases match.

        `hashes` and `form` come from `app.client.conflicts`.
        """
        entries = 0
        for start in range(0, len(hashes), CONFLICTS_PER_REQUEST):
            encoded = [base64url(value) for value in hashes[start : start + CONFLICTS_PER_REQUEST]]
            answer = self._call("POST", "/v1/conflicts", json={"form": form, "hashes": encoded})
            entries = answer.json()["entries"]
        return entries

    def clear_conflicts(self) -> None:
        """Delete all entries of your conflict list. Cases already withheld from you stay withheld."""
        self._call("DELETE", "/v1/conflicts")

    def file_intake(self, intake: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        """Submit an intake for a person (scope `intakes:create`).

        The response has their receipt number: show it to them and do not store it.
        """
        answer = self._call("POST", "/v1/intakes", headers={"Idempotency-Key": key or new_key()}, json=intake)
        document: dict[str, Any] = answer.json()
        return document

    def _call(self, method: str, path: str, *, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """One call with a valid token; after a 401 the token is renewed once."""
        for renew in (False, True):
            token = {"Authorization": f"Bearer {self._live_token(renew=renew)}"}
            response = self._send(method, path, headers={**(headers or {}), **token}, **rest)
            if response.status_code == 401 and not renew:
                continue
            if response.status_code >= 400:
                raise ApiError(response.status_code, _problem(response))
            return response
        raise AssertionError("unreachable")

    def _live_token(self, *, renew: bool) -> str:
        if renew or self._monotonic() >= self._token_until:
            requested_at = self._monotonic()
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
            self._token_until = requested_at + document["expires_in"] - _RENEW_BEFORE_END
        return self._token

    def _send(self, method: str, path: str, **rest: Any) -> httpx.Response:
        """Send a request and retry when the connection fails or the service is busy. All requests are safe to repeat."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                response = self._http.request(method, self._base + path, **rest)
            except httpx.TransportError as error:
                if attempt == MAX_ATTEMPTS:
                    raise CannotReach(f"no answer after {MAX_ATTEMPTS} attempts ({type(error).__name__})") from error
                self._sleep(_pause(attempt))
                continue
            if response.status_code not in _RETRY_STATUSES or attempt == MAX_ATTEMPTS:
                return response
            self._sleep(_retry_after(response) or _pause(attempt))
        raise AssertionError("unreachable")


def new_key() -> str:
    """A new Idempotency-Key, for one action."""
    return str(uuid4())


def _segment(text: str) -> str:
    return quote(text, safe="")


def _pause(attempt: int) -> float:
    return random.uniform(0.5, 1.0) * 2.0 ** (attempt - 1)  # noqa: S311  spreads clients out; no secret


def _retry_after(response: httpx.Response) -> float:
    """Seconds from Retry-After (a number or a date), at most 30; 0 without the header."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return min(float(text[:6]), MAX_PAUSE)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    return min(max((until - datetime.now(UTC)).total_seconds(), 0.0), MAX_PAUSE) if until.tzinfo else 0.0


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = response.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
