"""The directory in force: the packs of this process, with the rules that were published, looked for every two seconds.

Each process keeps it in memory and asks the database only which publication is in force today, so several processes
agree within `LOOK_AGAIN` without a word between them.
"""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app.directory import rulesets
from app.directory.catalogue import Directory
from app.directory.ruling import laid_over

LOOK_AGAIN: Final = timedelta(seconds=2)


def without_rules(_session: Session, packs: Directory) -> Directory:
    """What published rules are laid over, as this transaction sees it."""
    return packs


class Current:
    """One a process. `directory` may be up to `LOOK_AGAIN` old; `refresh` brings it up to date."""

    def __init__(self, packs: Directory) -> None:
        self.packs = packs
        self.directory = packs
        self._rules: UUID | None = None
        self._looked_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        return self._looked_at is None or abs(now - self._looked_at) >= LOOK_AGAIN

    def refresh(self, session: Session, now: datetime) -> Directory:
        """Look for another publication. One statement when nothing has changed."""
        found = rulesets.published(session, now.astimezone(UTC).date())
        rules = found[0] if found else None
        if rules != self._rules:
            self.directory = (
                laid_over(self.packs, rulesets.content(session, found[1]), found[1]) if found else self.packs
            )
            self._rules = rules
        self._looked_at = now
        return self.directory
