"""Notices by Signal, through a gateway that the operator runs (signal-cli-rest-api, version 2 of its `send`).

The gateway holds the keys of our number. It sees to whom we write, when and what; Signal's servers see our number, the other
account and the time, not the text.
"""

import re
from datetime import timedelta
from typing import Final

from app.core import identifiers
from app.messaging.channels import Notice, SendingFailed
from app.messaging.gateway import Gateway, GatewayAnswer

_NUMBER: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_USER_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{2,31}\.\d{2,9}", re.ASCII)
_NOT_ON_SIGNAL: Final = "unregistered user"
_OURS: Final = ("is not registered", "specified account does not exist")
"""What signal-cli says when our own number is registered no more. It concerns every notice, and no recipient."""
_LIMITED: Final = ("rate limit", "ratelimit", "captcha", "proof required")
_REST: Final = timedelta(minutes=15)
"""How long we write to nobody when Signal says that it is too much, and not for how long."""


def recipient_of(typed: str, country: str = "") -> str:
    """The phone number in E.164 or the user name that was typed; "" when more than one number could be meant.

    `country`: ISO2, where a number without its country code may be from. A wrong guess would write to a stranger.
    """
    typed = typed.strip()
    if is_recipient(typed):
        return typed
    if _USER_NAME.fullmatch(typed.removeprefix("@")):
        return typed.removeprefix("@")
    readings = (
        [reading.text for reading in identifiers.phones(typed, country)] if any(c.isdigit() for c in typed) else []
    )
    return readings[0] if len(readings) == 1 and _NUMBER.fullmatch(readings[0]) else ""


def is_recipient(text: str) -> bool:
    """Whether the gateway can send to this, as it is."""
    return bool(_NUMBER.fullmatch(text) or _USER_NAME.fullmatch(text))


class SignalChannel:
    """Sends from one number, which is registered with the gateway."""

    def __init__(self, gateway: Gateway, number: str) -> None:
        self._gateway = gateway
        self._number = number

    def takes(self, notice: Notice) -> bool:
        return is_recipient(notice.address)

    def send(self, notice: Notice) -> None:
        content = {"number": self._number, "recipients": [notice.address], "message": notice.text}
        answer = self._gateway.post("v2/send", content)
        if not answer.is_good:
            raise _failure(answer)
        if "timestamp" not in answer.content:  # something else answers at this address, such as a page to sign in
            raise SendingFailed("not_understood", affects_all=True)


def _failure(answer: GatewayAnswer) -> SendingFailed:
    """The failure that an answer of the gateway means. Its status is 400 for nearly everything; the text says more.

    It can name the recipient and is not kept.
    """
    description = str(answer.content.get("error", "")).lower()
    if answer.status == 429 or any(word in description for word in _LIMITED):
        return SendingFailed("rate_limited", affects_all=True, retry_after=answer.retry_after or _REST)
    if answer.status == 400 and _NOT_ON_SIGNAL in description:
        return SendingFailed("recipient_refused", permanent=True, address_gone=True)
    of_all = answer.status != 400 or any(words in description for words in _OURS)
    return SendingFailed(f"http_{answer.status}", affects_all=of_all, retry_after=answer.retry_after)
