"""The directory in force: the packs with the published edits and rules, and the countries that have a team. Each process looks for
changes every two seconds.

A process keeps it in memory and only asks the database how many edits were published and which rules are in force today,
so several processes agree within `LOOK_AGAIN` without messages between them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.directory import rule_overlay, rule_sets
from app.directory.catalogue import Directory
from app.directory.edit_states import EditState
from app.directory.models import DirectoryEdit
from app.directory.overlay import Edit, EditedDirectory, apply_edits
from app.staff.service import served_countries

LOOK_AGAIN: Final = timedelta(seconds=2)
_RULES: Final = rule_sets.IN_FORCE.subquery()
_IN_FORCE: Final = sa.select(
    sa.select(sa.func.count())
    .where(DirectoryEdit.state.in_([EditState.PUBLISHED.value, EditState.SUPERSEDED.value]))
    .scalar_subquery()
    .label("edits"),
    sa.select(_RULES.c.id).scalar_subquery().label("rules"),
    sa.select(_RULES.c.digest).scalar_subquery().label("digest"),
)
_PUBLISHED: Final = sa.select(DirectoryEdit.subject, DirectoryEdit.field, DirectoryEdit.old, DirectoryEdit.new).where(
    DirectoryEdit.state == EditState.PUBLISHED.value
)


class DirectoryInForce:
    """The process's copy of the directory. It may be up to `LOOK_AGAIN` old; `refresh` updates it.

    `served`: the countries from which a team takes requests, for pages that name them; None until the database was asked. What
    decides about a request asks the database itself.
    """

    def __init__(self, packs: Directory) -> None:
        self.packs = packs
        self.directory = packs
        self.served: frozenset[str] | None = None
        self._version: tuple[int, UUID | None] = (0, None)
        self._looked_at: datetime | None = None

    def is_due(self, now: datetime) -> bool:
        return self._looked_at is None or abs(now - self._looked_at) >= LOOK_AGAIN

    def refresh(self, session: Session, now: datetime) -> Directory:
        """Apply what was published since. Two statements if nothing was."""
        self.served = served_countries(session)
        row = session.execute(_IN_FORCE, {"today": now.astimezone(UTC).date()}).one()
        if (row.edits, row.rules) != self._version:
            self.directory = without_rules(session, self.packs)
            if row.digest is not None:
                self.directory = rule_overlay.apply_rules(
                    self.directory, rule_sets.content(session, row.digest), row.digest
                )
            self._version = row.edits, row.rules
        self._looked_at = now
        return self.directory


def published_edits(session: Session) -> Sequence[Edit]:
    """The edits in force."""
    return [Edit(*row) for row in session.execute(_PUBLISHED)]


def with_edits(session: Session, packs: Directory) -> EditedDirectory:
    """The packs with the published edits, as seen by this transaction."""
    return apply_edits(packs, published_edits(session))


def without_rules(session: Session, packs: Directory) -> Directory:
    """The directory with published edits but without published rules, as seen by this transaction."""
    return with_edits(session, packs).directory
