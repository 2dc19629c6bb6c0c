"""The life of an edit, every state by every verb by every hand, against the policy written out a second time."""

from itertools import product

import pytest

from app.core.errors import IllegalMove, NotAllowed
from app.directory.edit_states import EditActor, EditState, EditVerb, next_state

S, V, H = EditState, EditVerb, EditActor
ALLOWED = {
    (S.PROPOSED, V.PUBLISH, H.SECOND): S.PUBLISHED,
    (S.PROPOSED, V.REJECT, H.SECOND): S.REJECTED,
    (S.PROPOSED, V.WITHDRAW, H.AUTHOR): S.WITHDRAWN,
    (S.PUBLISHED, V.SUPERSEDE, H.NEXT): S.SUPERSEDED,
}
EVERYTHING = list(product(S, V, H))


@pytest.mark.parametrize(("state", "verb", "hand"), list(ALLOWED))
def test_what_the_policy_names_is_done(state: S, verb: V, hand: H) -> None:
    assert next_state(state, verb, by=hand) is ALLOWED[state, verb, hand]


@pytest.mark.parametrize(("state", "verb", "hand"), [case for case in EVERYTHING if case not in ALLOWED])
def test_what_the_policy_does_not_name_is_refused(state: S, verb: V, hand: H) -> None:
    with pytest.raises((IllegalMove, NotAllowed)):
        next_state(state, verb, by=hand)
