"""Whether one more unfinished form may be stored. If not, the person goes on with the single page, which needs no storage.

So nothing that anybody does fills the disk with unfinished forms, and nobody is refused: `single_page_form` carries the answers
itself. A form is not stored when the database has no room (`core.storage_brake`), when `MOST_DRAFTS` are stored already, or when
one sender has saved more than `MOST_SAVES` steps within ten minutes. Senders are counted as forms are (`spam_signals`): in this
process's memory, under a key that is discarded with each window, and only where there is a real sender.
"""

import time
from datetime import datetime
from typing import Final

from fastapi import Request
from sqlalchemy.orm import Session

from app.core.client_address import sender
from app.core.i18n import N_
from app.core.storage_brake import StorageBrake
from app.intake import drafts
from app.web.person.spam_signals import SubmissionCounter

MOST_DRAFTS: Final = 20_000
"""Unfinished forms at a time, of at most `drafts.MOST_BYTES` each."""
MOST_SAVES: Final = 300
"""Steps that one sender may save within ten minutes: twenty people behind one address who fill in the form at the same time."""
NOT_STORED: Final = N_(
    "We cannot keep unfinished forms at the moment. This page does not need that. Everything you typed is still here."
)
ONLY_URGENT: Final = N_(
    "We have no room for new requests at the moment, except urgent ones. Nothing was sent. Please send it again in a few hours. "
    "Are you in danger, or is a deadline near? Then say so under “How urgent is it?” and send it now."
)
_COUNTED_FOR_SECONDS: Final = 15.0


class FormStorage:
    """The number of stored forms, as this process knows it. One for each app."""

    def __init__(self, most_drafts: int = MOST_DRAFTS, most_saves: int = MOST_SAVES) -> None:
        self.most_drafts = most_drafts
        self._saves = SubmissionCounter(per_sender=most_saves)
        self._counted: tuple[float, bool] | None = None

    def has_room(self, session: Session, request: Request, now: datetime) -> bool:
        """Count one more step that is to be saved, and say whether there is room for it."""
        brake: StorageBrake = request.app.state.storage
        address = sender(request, request.app.state.settings.proxies)
        is_crowd = address is not None and self._saves.count(address, now)[0]
        return not (is_crowd or brake.is_on(session) or self._are_too_many(session))

    def _are_too_many(self, session: Session) -> bool:
        at = time.monotonic()
        if self._counted is None or at - self._counted[0] > _COUNTED_FOR_SECONDS:
            self._counted = (at, drafts.are_more_than(session, self.most_drafts))
        return self._counted[1]


def of(request: Request) -> FormStorage:
    """The storage of this app."""
    state = request.app.state
    if not hasattr(state, "form_storage"):
        state.form_storage = FormStorage()
    storage: FormStorage = state.form_storage
    return storage
