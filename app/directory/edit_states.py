"""The life cycle of a directory edit: one person proposes it, a second one publishes it."""

from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import N_


class EditState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"  # a later edit of the same field was published


class EditVerb(StrEnum):
    PUBLISH = "publish"
    REJECT = "reject"
    WITHDRAW = "withdraw"
    SUPERSEDE = "supersede"


class EditActor(StrEnum):
    """The actor on an edit: its author, a second person at the desk, or a later edit of the same field."""

    AUTHOR = "author"
    SECOND = "second"
    NEXT = "next"


S, V = EditState, EditVerb
MOVES: Final = {
    (S.PROPOSED, V.PUBLISH): (S.PUBLISHED, EditActor.SECOND),
    (S.PROPOSED, V.REJECT): (S.REJECTED, EditActor.SECOND),
    (S.PROPOSED, V.WITHDRAW): (S.WITHDRAWN, EditActor.AUTHOR),
    (S.PUBLISHED, V.SUPERSEDE): (S.SUPERSEDED, EditActor.NEXT),
}


def next_state(state: EditState, verb: EditVerb, *, by: EditActor) -> EditState:
    """Where `verb` leads. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this actor)."""
    row = MOVES.get((state, verb))
    if row is None:
        raise IllegalMove("edit", state, verb, allowed(state, by=by))
    target, hand = row
    if by is not hand:
        raise NotAllowed(
            N_("An edit must be published or rejected by someone other than its author.")
            if hand is EditActor.SECOND
            else N_("Only its author can withdraw an edit.")
        )
    return target


def allowed(state: EditState, *, by: EditActor) -> list[str]:
    return [verb.value for (source, verb), (_target, hand) in MOVES.items() if source is state and hand is by]
