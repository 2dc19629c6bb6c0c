"""Notices by a Telegram bot, through the Bot API over HTTPS.

Telegram sees the account, the time and the text of every message. So a text says nothing else than that there is news.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from app.messaging.channels import Notice, SendingFailed
from app.messaging.gateway import Gateway, GatewayAnswer, wait_of

_CHAT: Final = re.compile(r"[1-9]\d{0,18}", re.ASCII)
_OVERLAP: Final = timedelta(seconds=30)
"""How long we leave the updates alone while another worker asks for them."""


@dataclass(frozen=True, slots=True)
class Update:
    """One message that somebody wrote to the bot in a private chat. Its repr shows no content."""

    id: int
    chat: str = ""
    text: str = ""
    language: str = ""

    def __repr__(self) -> str:
        return f"Update({self.id})"


class TelegramBot:
    """The calls of the Bot API that we use. Its repr shows no token."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def __repr__(self) -> str:
        return "TelegramBot()"

    def send(self, chat: str, text: str) -> None:
        """Write to a chat, without a preview of the link. Raises SendingFailed."""
        content = {"chat_id": int(chat), "text": text, "link_preview_options": {"is_disabled": True}}
        answer = self._gateway.post("sendMessage", content)
        if answer.is_good and answer.content.get("ok") is True:
            return
        raise _failure(answer)

    def updates(self, offset: int, waits: float) -> list[Update]:
        """What was written to the bot, from update `offset` on; the bot's server forgets what is before it.

        `waits`: seconds until an empty answer (long polling). Raises SendingFailed.
        """
        content = {"offset": offset, "timeout": int(waits), "limit": 50, "allowed_updates": ["message"]}
        answer = self._gateway.post("getUpdates", content, waits=waits)
        updates = answer.content.get("result")
        if not answer.is_good or answer.content.get("ok") is not True or not isinstance(updates, list):
            raise _failure(answer)
        return [update for update in map(_update, updates) if update is not None]


def _update(content: Any) -> Update | None:
    """One update in our shape; None when it has no id. What is no text of a private chat keeps its id alone."""
    if not isinstance(content, dict) or not isinstance(content.get("update_id"), int):
        return None
    message = _object(content, "message")
    chat, text = _object(message, "chat"), message.get("text")
    if chat.get("type") != "private" or not isinstance(text, str) or not _CHAT.fullmatch(str(chat.get("id"))):
        return Update(content["update_id"])
    language = str(_object(message, "from").get("language_code") or "")
    return Update(content["update_id"], str(chat["id"]), text, language.partition("-")[0].lower())


def _object(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = content.get(name)
    return value if isinstance(value, dict) else {}


class TelegramChannel:
    def __init__(self, bot: TelegramBot) -> None:
        self._bot = bot

    def takes(self, notice: Notice) -> bool:
        return bool(_CHAT.fullmatch(notice.address))

    def send(self, notice: Notice) -> None:
        self._bot.send(notice.address, notice.text)


def _failure(answer: GatewayAnswer) -> SendingFailed:
    """403: the person has blocked the bot or is gone; a 400 about the chat: there is no such chat. Its words are not kept.

    Both count only as Telegram says them, with the code in its own object: what stands between can refuse with a page of its own.
    """
    if answer.is_good and "ok" not in answer.content:
        return SendingFailed("not_understood", affects_all=True)
    description = str(answer.content.get("description", "")).lower()
    wait = wait_of(_object(answer.content, "parameters").get("retry_after")) or answer.retry_after
    if answer.status == 429:
        return SendingFailed("rate_limited", affects_all=True, retry_after=wait)
    if answer.status == 409:
        return SendingFailed("asked_by_another", affects_all=True, retry_after=_OVERLAP)
    says_so = answer.content.get("ok") is False and answer.content.get("error_code") == answer.status
    if says_so and (answer.status == 403 or (answer.status == 400 and "chat" in description)):
        return SendingFailed("recipient_refused", permanent=True, address_gone=True)
    return SendingFailed(f"http_{answer.status}", affects_all=answer.status != 400, retry_after=wait)


def deep_link(bot_name: str, token: str) -> str:
    """The address that opens a chat with the bot; pressing Start there sends it the token."""
    return f"https://t.me/{bot_name}?start={token}"


def words_of(updates: Sequence[Update]) -> list[Update]:
    """The updates that hold a text of a private chat."""
    return [update for update in updates if update.chat]
