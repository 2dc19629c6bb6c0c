"""Actions on a directory edit: one person proposes it, another publishes or rejects it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.core.db import acquire_advisory_lock
from app.core.errors import Conflict, NotFound
from app.directory import fields, loader, overlay, published
from app.directory.catalogue import Directory
from app.directory.edit_states import EditActor, EditState, EditVerb, next_state
from app.directory.models import DirectoryEdit

_LOCK: Final = 0x5052444952
AS_PACK: Final = {"pack": True}


@dataclass(frozen=True, slots=True)
class Editor:
    """The member who edits, and the surface: desk, partner or import."""

    member_id: UUID
    kind: str
    origin: str = "desk"


def propose(
    session: Session, packs: Directory, subject: str, field: str, value: Any, *, by: Editor, now: datetime
) -> DirectoryEdit:
    """Propose another value for a field. It takes effect when a second person publishes it.

    Raises NotFound (no such organisation, service or field), Conflict (the directory has this value already, or another
    proposal for this field is pending).
    """
    entity = overlay.entity(published.with_edits(session, packs).directory, subject)
    if entity is None or fields.field_of(subject, field) is None:
        raise NotFound("There is no such entry in the directory.")
    current = fields.read(entity, field)
    if current == value:
        raise Conflict("The directory has this value already.")
    return _put_forward(session, subject, field, {"value": current}, {"value": value}, by, now)


def propose_several(
    session: Session, packs: Directory, subject: str, values: Mapping[str, Any], *, by: Editor, now: datetime
) -> int:
    """Propose other values for several fields of one entry, as one proposal. Returns how many fields differ.

    Raises NotFound (no such organisation or service), Conflict (nothing differs, or another proposal for a field that does is
    pending).
    """
    entity = overlay.entity(published.with_edits(session, packs).directory, subject)
    if entity is None:
        raise NotFound("There is no such entry in the directory.")
    present = {name: fields.read(entity, name) for name in values}
    changed = {name: value for name, value in values.items() if present[name] != value}
    if not changed:
        raise Conflict("The directory has these values already.")
    together = uuid4() if len(changed) > 1 else None
    for name, value in changed.items():
        edit = _put_forward(session, subject, name, {"value": present[name]}, {"value": value}, by, now)
        edit.proposed_with = together
    session.flush()
    return len(changed)


def propose_organisation(
    session: Session, packs: Directory, slug: str, entry: Any, *, by: Editor, now: datetime
) -> DirectoryEdit:
    """Propose a new organisation. Raises Conflict if the directory has it already."""
    if published.with_edits(session, packs).directory.organisation(slug) is not None:
        raise Conflict("The directory has this organisation already.")
    return _put_forward(session, slug, fields.WHOLE, {"value": None}, {"value": entry}, by, now)


def propose_pack_value(session: Session, subject: str, field: str, *, by: Editor, now: datetime) -> DirectoryEdit:
    """Propose to return to the pack's value. Raises NotFound if the field was not edited."""
    in_force = {(edit.subject, edit.field): edit for edit in published.published_edits(session)}
    edit = in_force.get((subject, field))
    if edit is None or "value" not in edit.new:
        raise NotFound("The directory has the pack's value already.")
    return _put_forward(session, subject, field, edit.new, AS_PACK, by, now)


def publish(session: Session, packs: Directory, edit_id: UUID, *, by: Editor, now: datetime) -> Directory:
    """Publish the edit, with those that were proposed with it, and update the tables; return the resulting directory.

    Raises NotFound, IllegalMove, NotAllowed (its author), Conflict (the directory has changed since): nothing is published then.
    """
    for one in _proposed_together(session, edit_id):
        directory = _publish(session, packs, one, by=by, now=now)
    return directory


def _proposed_together(session: Session, edit_id: UUID) -> Sequence[UUID]:
    """The edit first, then the edits of the same proposal that still wait with it."""
    acquire_advisory_lock(session, _LOCK)
    edit = session.get(DirectoryEdit, edit_id)
    if edit is None or edit.proposed_with is None:
        return [edit_id]
    others = sa.select(DirectoryEdit.id).where(
        DirectoryEdit.proposed_with == edit.proposed_with,
        DirectoryEdit.state == EditState.PROPOSED.value,
        DirectoryEdit.id != edit_id,
    )
    return [edit_id, *session.scalars(others.order_by(DirectoryEdit.field))]


def _publish(session: Session, packs: Directory, edit_id: UUID, *, by: Editor, now: datetime) -> Directory:
    edit, target = _taken(session, edit_id, EditVerb.PUBLISH, by)
    before = published.with_edits(session, packs).directory
    entity = overlay.entity(before, edit.subject)
    if edit.field != fields.WHOLE:
        if entity is None or fields.read(entity, edit.field) != edit.old.get("value"):
            raise Conflict("The directory has changed since this was proposed. Reject it and propose it again.")
    elif entity is not None and edit.new != AS_PACK:
        raise Conflict("The directory has this organisation already.")
    earlier = sa.select(DirectoryEdit).where(
        DirectoryEdit.subject == edit.subject,
        DirectoryEdit.field == edit.field,
        DirectoryEdit.state == EditState.PUBLISHED.value,
    )
    for other in session.scalars(earlier):
        other.state = next_state(EditState.PUBLISHED, EditVerb.SUPERSEDE, by=EditActor.NEXT).value
    session.flush()
    _decide(session, edit, target, by, now)
    laid = published.with_edits(session, packs)
    if any((misfit.subject, misfit.field) == (edit.subject, edit.field) for misfit in laid.misfits):
        raise Conflict("This no longer fits the directory.")
    loader.update_organisation(session, laid.directory, edit.subject.split("/")[0], now)
    return laid.directory


def reject_or_withdraw(session: Session, edit_id: UUID, verb: EditVerb, *, by: Editor, now: datetime) -> None:
    """Reject an edit (a second person) or withdraw it (its author), with those that were proposed with it.

    Raises NotFound, IllegalMove, NotAllowed.
    """
    for one in _proposed_together(session, edit_id):
        edit, target = _taken(session, one, verb, by)
        _decide(session, edit, target, by, now)


def pending(session: Session) -> Sequence[DirectoryEdit]:
    """All pending proposals, oldest first."""
    wanted = sa.select(DirectoryEdit).where(DirectoryEdit.state == EditState.PROPOSED.value)
    return session.scalars(wanted.order_by(DirectoryEdit.proposed_at, DirectoryEdit.id)).all()


def pending_together(session: Session) -> list[list[DirectoryEdit]]:
    """All pending proposals, oldest first, each with its edits: one, or those of several fields in the order of the form."""
    grouped: dict[UUID, list[DirectoryEdit]] = {}
    for edit in pending(session):
        grouped.setdefault(edit.proposed_with or edit.id, []).append(edit)
    for together in grouped.values():
        places = [field.name for field in fields.fields_of(together[0].subject)]
        together.sort(key=lambda edit: places.index(edit.field) if edit.field in places else 0)
    return list(grouped.values())


def history(session: Session, slug: str) -> Sequence[DirectoryEdit]:
    """Every edit of an organisation and its services, newest first."""
    mine = sa.or_(DirectoryEdit.subject == slug, DirectoryEdit.subject.startswith(f"{slug}/", autoescape=True))
    order = (DirectoryEdit.proposed_at.desc(), DirectoryEdit.id)
    return session.scalars(sa.select(DirectoryEdit).where(mine).order_by(*order).limit(200)).all()


def _put_forward(
    session: Session, subject: str, field: str, old: dict[str, Any], new: dict[str, Any], by: Editor, now: datetime
) -> DirectoryEdit:
    acquire_advisory_lock(session, _LOCK)
    waits = sa.select(DirectoryEdit.id).where(
        DirectoryEdit.subject == subject,
        DirectoryEdit.field == field,
        DirectoryEdit.state == EditState.PROPOSED.value,
    )
    if session.scalar(waits) is not None:
        raise Conflict("Another proposal for this field has not been published or rejected yet.")
    edit = DirectoryEdit(
        subject=subject,
        field=field,
        old=old,
        new=new,
        state=EditState.PROPOSED.value,
        origin=by.origin,
        proposed_by=by.member_id,
        proposed_at=now,
    )
    session.add(edit)
    session.flush()
    _note(session, edit, "proposed", by, now)
    return edit


def _taken(session: Session, edit_id: UUID, verb: EditVerb, by: Editor) -> tuple[DirectoryEdit, EditState]:
    """The edit, with its row locked, and the state that the verb leads to. Raises NotFound, and what `next_state` raises."""
    acquire_advisory_lock(session, _LOCK)
    edit = session.get(DirectoryEdit, edit_id, with_for_update=True)
    if edit is None:
        raise NotFound("There is no such proposal.")
    return edit, next_state(EditState(edit.state), verb, by=_hand(edit, by))


def _decide(session: Session, edit: DirectoryEdit, target: EditState, by: Editor, now: datetime) -> None:
    edit.state, edit.decided_by, edit.decided_at = target.value, by.member_id, now
    session.flush()
    _note(session, edit, target.value, by, now)


def _hand(edit: DirectoryEdit, by: Editor) -> EditActor:
    return EditActor.AUTHOR if edit.proposed_by == by.member_id else EditActor.SECOND


def _note(session: Session, edit: DirectoryEdit, what: str, by: Editor, now: datetime) -> None:
    audit.record(
        session,
        actor_kind=by.kind,
        actor_id=by.member_id,
        action=f"directory:{what}",
        subject_kind="directory_edit",
        subject_id=edit.id,
        now=now,
        codes={"subject": edit.subject, "field": edit.field, "origin": edit.origin},
    )
