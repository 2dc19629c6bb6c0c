"""Events of the feed as webhooks, for developers: sent to a program on their own machine and signed as the service signs."""

import hashlib
import hmac
import ipaddress
import json
import os
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from app.client.records import Event

_PREFIX: Final = "whsec_"
_TIMEOUT: Final = 15.0
"""Seconds, as the service waits."""


class NoReceiver(ValueError):
    """The address or the secret cannot be used. The message is for the developer."""


def new_secret() -> str:
    """A shared secret in the form that receivers' libraries take."""
    return _PREFIX + b64encode(os.urandom(32)).decode()


def check_address(url: str) -> str:
    """The address, if it is https or http on this machine. Raises NoReceiver."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url
    try:
        is_here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = False
    if parts.scheme != "http" or not is_here:
        raise NoReceiver("Forward to an http address of this machine, like http://127.0.0.1:9000/hook, or to https.")
    return url


@dataclass(frozen=True, slots=True)
class Forwarder:
    """Sends events to `url`, signed with `secret` (`whsec_…`) as the service signs its webhooks with `v1`."""

    url: str
    secret: str = field(repr=False)
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=_TIMEOUT, trust_env=False))

    def send(self, event: Event, at: int) -> str | None:
        """Send one event. `at`: now, in seconds since 1970. Returns why it was not taken, or None.

        Raises NoReceiver for an invalid secret.
        """
        body = json.dumps(body_of(event), separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "Pristan-Webhooks/1"}
        try:
            answer = self.http.post(self.url, content=body, headers=headers | signed(self.secret, event.id, at, body))
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if answer.is_success else f"HTTP {answer.status_code}"


def body_of(event: Event) -> dict[str, Any]:
    """The body that the service sends for this event: ids and codes only."""
    data: dict[str, Any] = {"event": event.id, "referral": event.referral}
    if "version" in event.data:
        data["version"] = event.data["version"]
    return {"type": event.type, "timestamp": event.time, "data": data}


def signed(secret: str, message_id: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks."""
    try:
        key = b64decode(secret.removeprefix(_PREFIX), validate=True)
    except ValueError:
        raise NoReceiver("The secret is to be whsec_ and base64.") from None
    content = b".".join((message_id.encode(), str(at).encode(), body))
    signature = b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": f"v1,{signature}"}
