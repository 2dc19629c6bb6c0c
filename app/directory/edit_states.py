"""The life of an edit of the directory: what one person proposes, another one puts in force."""

from enum import StrEnum
from typing import Final

from app.core.errors import IllegalMove, NotAllowed


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


class Hand(StrEnum):
    """Whose hand it is: of who proposed it, of somebody else at the desk, or of the next edit."""

    AUTHOR = "author"
    SECOND = "second"
    NEXT = "next"


S, V = EditState, EditVerb
MOVES: Final = {
    (S.PROPOSED, V.PUBLISH): (S.PUBLISHED, Hand.SECOND),
    (S.PROPOSED, V.REJECT): (S.REJECTED, Hand.SECOND),
    (S.PROPOSED, V.WITHDRAW): (S.WITHDRAWN, Hand.AUTHOR),
    (S.PUBLISHED, V.SUPERSEDE): (S.SUPERSEDED, Hand.NEXT),
}


def next_state(state: EditState, verb: EditVerb, *, by: Hand) -> EditState:
    """Where `verb` leads. Raises IllegalMove (no such row) or NotAllowed (a row, but not for this hand)."""
    row = MOVES.get((state, verb))
    if row is None:
        raise IllegalMove("edit", state, verb, allowed(state, by=by))
    target, hand = row
    if by is not hand:
        raise NotAllowed(
            "An edit is published or rejected by somebody else than the one who proposed it."
            if hand is Hand.SECOND
            else "An edit is withdrawn only by the one who proposed it."
        )
    return target


def allowed(state: EditState, *, by: Hand) -> list[str]:
    return [verb.value for (source, verb), (_target, hand) in MOVES.items() if source is state and hand is by]
