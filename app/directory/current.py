"""The directory in force: the packs of this process, and the edits that were published, looked for every two seconds.

Each process keeps it in memory and asks the database only how many edits were ever published, so several processes agree
within `LOOK_AGAIN` without a word between them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory.catalogue import Directory
from app.directory.models import DirectoryEdit
from app.directory.overlay import Edit, Laid, laid_over
from app.directory.states import EditState

LOOK_AGAIN: Final = timedelta(seconds=2)
_VERSION: Final = sa.select(sa.func.count()).where(
    DirectoryEdit.state.in_([EditState.PUBLISHED.value, EditState.SUPERSEDED.value])
)
_PUBLISHED: Final = sa.select(DirectoryEdit.subject, DirectoryEdit.field, DirectoryEdit.old, DirectoryEdit.new).where(
    DirectoryEdit.state == EditState.PUBLISHED.value
)


class Current:
    """One a process. `directory` may be up to `LOOK_AGAIN` old; `refresh` brings it up to date."""

    def __init__(self, packs: Directory) -> None:
        self.packs = packs
        self.directory = packs
        self._version = 0
        self._looked_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        return self._looked_at is None or abs(now - self._looked_at) >= LOOK_AGAIN

    def refresh(self, session: Session, now: datetime) -> Directory:
        """Look for edits that were published since. One statement when there are none."""
        version = session.scalar(_VERSION) or 0
        if version != self._version:
            self.directory = laid(session, self.packs).directory
            self._version = version
        self._looked_at = now
        return self.directory


def published(session: Session) -> Sequence[Edit]:
    """The edits in force."""
    return [Edit(*row) for row in session.execute(_PUBLISHED)]


def laid(session: Session, packs: Directory) -> Laid:
    """The packs with these edits, as this transaction sees them."""
    return laid_over(packs, published(session))
