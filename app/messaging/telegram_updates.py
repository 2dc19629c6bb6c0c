"""Reads messages to the Telegram bot: /start with the token of a link, /stop; anything else is neither read nor kept."""

import re
from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from app.core import log
from app.core.clock import Clock
from app.core.db import Database
from app.core.i18n import LANGUAGES, translator
from app.core.keyring import KeyRing
from app.messaging import telegram_links
from app.messaging.channels import SendingFailed
from app.messaging.person_texts import ENDED, NOBODY_READS, SET_UP, TOO_OLD
from app.messaging.telegram import TelegramBot, Update

_START: Final = re.compile(r"/start(?:@\w+)?\s+([\w-]{16,64})\s*", re.ASCII)
_STOP: Final = re.compile(r"/stop(?:@\w+)?\s*", re.ASCII | re.IGNORECASE)
_DEFAULT: Final = "en"

Remember = Callable[[Session, int], None]


def answer(session: Session, keys: KeyRing, update: Update, clock: Clock) -> str:
    """Do what this message asks for, and return the answer, in the person's language. No answer says what this bot is for."""
    now, language = clock(), update.language if update.language in LANGUAGES else _DEFAULT
    if started := _START.fullmatch(update.text):
        row = telegram_links.connect(session, keys, started[1], update.chat, now)
        return translator(row.language).text(SET_UP) if row is not None else translator(language).text(TOO_OLD)
    if _STOP.fullmatch(update.text):
        languages = telegram_links.stop(session, keys, update.chat, now)
        return translator(languages[0] if languages else language).text(ENDED)
    return translator(language).text(NOBODY_READS)


class TelegramPoller:
    """Asks the bot's server for what was written to it, and remembers how far it has read.

    Each message is worked on in a transaction of its own, together with the place; the answer is sent afterwards. So a message is
    worked on at least once, which changes nothing the second time, and an answer that cannot be sent is lost.
    """

    def __init__(self, bot: TelegramBot, database: Database, keys: KeyRing, clock: Clock, remember: Remember) -> None:
        self._bot = bot
        self._database = database
        self._keys = keys
        self._clock = clock
        self._remember = remember

    def poll(self, offset: int, waits: float = 0.0) -> int:
        """Ask once for what was written, from this update on; returns the update to ask from next.

        Raises SendingFailed (the server does not answer) and DBAPIError (the database does not): the next call then asks for the
        same again.
        """
        for update in self._bot.updates(offset, waits):
            offset = max(offset, update.id + 1)
            try:
                with self._database.begin() as session:
                    reply = answer(session, self._keys, update, self._clock) if update.chat else ""
                    self._remember(session, offset)
            except DBAPIError:
                raise
            except Exception as error:  # noqa: BLE001  one message that breaks something must not stop those behind it
                log.failure("job_failed", error, kind="telegram")
                continue
            if reply:
                self._reply(update.chat, reply)
        return offset

    def _reply(self, chat: str, text: str) -> None:
        try:
            self._bot.send(chat, text)
        except SendingFailed as error:
            log.get().warning("reply_failed", kind="telegram", error=error.reason)
