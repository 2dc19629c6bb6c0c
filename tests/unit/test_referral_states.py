"""The life of a referral, written down a second time by hand; every state × verb × actor is tried."""

from itertools import product

import pytest

from app.core.errors import IllegalMove, NotAllowed
from app.referrals.reasons import (
    CONSEQUENCES,
    DAY_REQUIRED,
    FOLLOWS,
    OUTCOME_REQUIRED,
    OUTCOMES,
    REASON_REQUIRED,
    reasons_for,
)
from app.referrals.states import (
    ANSWER_DUE,
    LIVE,
    MAY_OPEN,
    MOVES,
    DeadlineChange,
    Disclosure,
    MovePrecondition,
    Party,
    ReferralActor,
    ReferralState,
    ReferralVerb,
    allowed_actions,
    disclosure_in,
    next_state,
    state_after,
)

POLICY = """
draft             ask_consent     awaiting_consent   coordinator senior
draft             offer           offered            coordinator senior clock
draft             withdraw        withdrawn          coordinator senior clock
draft             client_withdraw client_declined    person
draft             void            entered_in_error   senior
awaiting_consent  consent         offered            person
awaiting_consent  refuse          client_declined    person
awaiting_consent  withdraw        withdrawn          coordinator senior clock
awaiting_consent  client_withdraw client_declined    person
awaiting_consent  void            entered_in_error   senior
offered           acknowledge     acknowledged       partner on_behalf
offered           ask_info        info_requested     partner on_behalf
offered           waitlist        waitlisted         partner on_behalf
offered           accept          accepted           partner on_behalf
offered           decline         declined           partner on_behalf
offered           withdraw        withdrawn          coordinator senior clock
offered           client_withdraw client_declined    person
offered           expire          expired            clock
offered           void            entered_in_error   senior
acknowledged      ask_info        info_requested     partner on_behalf
acknowledged      waitlist        waitlisted         partner on_behalf
acknowledged      accept          accepted           partner on_behalf
acknowledged      decline         declined           partner on_behalf
acknowledged      withdraw        withdrawn          coordinator senior clock
acknowledged      client_withdraw client_declined    person
acknowledged      expire          expired            clock
acknowledged      void            entered_in_error   senior
info_requested    answer          acknowledged       person coordinator senior
info_requested    decline         declined           partner on_behalf
info_requested    withdraw        withdrawn          coordinator senior clock
info_requested    client_withdraw client_declined    person
info_requested    expire          expired            clock
info_requested    void            entered_in_error   senior
waitlisted        accept          accepted           partner on_behalf
waitlisted        decline         declined           partner on_behalf
waitlisted        withdraw        withdrawn          coordinator senior clock
waitlisted        client_withdraw client_declined    person
waitlisted        void            entered_in_error   senior
accepted          start           in_progress        partner on_behalf
accepted          complete        completed          partner on_behalf
accepted          hand_back       handed_back        partner on_behalf
accepted          undo_accept     acknowledged       partner on_behalf
accepted          withdraw        withdrawn          coordinator senior clock
accepted          client_withdraw client_declined    person
accepted          void            entered_in_error   senior
in_progress       hold            on_hold            partner on_behalf
in_progress       complete        completed          partner on_behalf
in_progress       hand_back       handed_back        partner on_behalf
in_progress       withdraw        withdrawn          coordinator senior clock
in_progress       client_withdraw client_declined    person
in_progress       void            entered_in_error   senior
on_hold           resume          in_progress        partner on_behalf
on_hold           hand_back       handed_back        partner on_behalf
on_hold           withdraw        withdrawn          coordinator senior clock
on_hold           client_withdraw client_declined    person
on_hold           void            entered_in_error   senior
completed         reopen          in_progress        partner on_behalf coordinator senior
completed         void            entered_in_error   senior
declined          void            entered_in_error   senior
handed_back       void            entered_in_error   senior
withdrawn         undo_withdraw   offered            coordinator senior
withdrawn         void            entered_in_error   senior
client_declined   void            entered_in_error   senior
expired           void            entered_in_error   senior
draft             narrow          draft              clock
awaiting_consent  narrow          awaiting_consent   clock
offered           narrow          offered            clock
acknowledged      narrow          acknowledged       clock
info_requested    narrow          info_requested     clock
waitlisted        narrow          waitlisted         clock
"""
ALLOWED = {
    (ReferralState(source), ReferralVerb(verb), ReferralActor(actor)): ReferralState(target)
    for source, verb, target, *actors in (line.split() for line in POLICY.strip().splitlines())
    for actor in actors
}
EVERYTHING = list(product(ReferralState, ReferralVerb, ReferralActor))


@pytest.mark.parametrize(("state", "verb", "actor"), sorted(ALLOWED))
def test_what_the_policy_names_is_possible(state: ReferralState, verb: ReferralVerb, actor: ReferralActor) -> None:
    assert next_state(state, verb, by=actor) == ALLOWED[state, verb, actor]


def test_what_the_policy_does_not_name_is_refused() -> None:
    refused = [case for case in EVERYTHING if case not in ALLOWED]
    assert len(refused) + len(ALLOWED) == len(ReferralState) * len(ReferralVerb) * len(ReferralActor)
    for state, verb, actor in refused:
        with pytest.raises((IllegalMove, NotAllowed)):
            next_state(state, verb, by=actor)


def test_a_refusal_tells_the_state_and_what_is_possible() -> None:
    with pytest.raises(IllegalMove) as refused:
        next_state(ReferralState.DECLINED, ReferralVerb.ACCEPT, by=ReferralActor.PARTNER)
    assert refused.value.extra == {"state": "declined", "allowed_actions": []}
    with pytest.raises(IllegalMove) as refused:
        next_state(ReferralState.OFFERED, ReferralVerb.COMPLETE, by=ReferralActor.PARTNER)
    assert refused.value.extra["allowed_actions"] == ["acknowledge", "ask_info", "waitlist", "accept", "decline"]


@pytest.mark.parametrize(("state", "actor"), list(product(ReferralState, ReferralActor)))
def test_allowed_actions_are_the_policy(state: ReferralState, actor: ReferralActor) -> None:
    assert set(allowed_actions(state, by=actor)) == {
        verb.value for source, verb, who in ALLOWED if (source, who) == (state, actor)
    }


def test_no_two_rows_for_one_step() -> None:
    assert len({(move.source, move.verb) for move in MOVES}) == len(MOVES)


def test_every_verb_leads_somewhere() -> None:
    assert {move.verb for move in MOVES} == set(ReferralVerb)


def test_the_person_and_the_desk_can_always_end_what_is_live() -> None:
    for state in LIVE:
        assert "client_withdraw" in allowed_actions(state, by=ReferralActor.PERSON)
        assert "withdraw" in allowed_actions(state, by=ReferralActor.COORDINATOR)
    for state in set(ReferralState) - LIVE:
        assert not {"client_withdraw", "withdraw"} & set(allowed_actions(state, by=ReferralActor.COORDINATOR))


def test_sealed_parts_open_from_acceptance_to_completion_and_never_else() -> None:
    seen = {state: disclosure_in(state) for state in ReferralState}
    assert {state for state, what in seen.items() if what is Disclosure.SEALED_PARTS} == {
        ReferralState.ACCEPTED,
        ReferralState.IN_PROGRESS,
        ReferralState.ON_HOLD,
        ReferralState.COMPLETED,
    }
    assert {state for state, what in seen.items() if what is Disclosure.NOTHING} == {
        ReferralState.DRAFT,
        ReferralState.AWAITING_CONSENT,
    }
    assert {state for state in MAY_OPEN if disclosure_in(state) is not Disclosure.SEALED_PARTS} == set()


def test_what_a_move_discloses_is_the_same_whatever_led_there() -> None:
    for move in MOVES:
        assert move.discloses is disclosure_in(move.target), move


def test_whoever_has_to_act_next_is_told() -> None:
    """An offer and its answer reach the partner, whatever a partner does reaches the team, and the person hears of the good."""
    told = {(move.verb, party) for move in MOVES for party in move.notifies}
    assert {
        (verb, Party.PARTNER)
        for verb in (ReferralVerb.OFFER, ReferralVerb.CONSENT, ReferralVerb.ANSWER, ReferralVerb.WITHDRAW)
    } <= told
    assert {
        (verb, Party.TEAM)
        for verb in (ReferralVerb.DECLINE, ReferralVerb.HAND_BACK, ReferralVerb.EXPIRE, ReferralVerb.ACCEPT)
    } <= told
    assert {
        (verb, Party.PERSON)
        for verb in (ReferralVerb.ASK_CONSENT, ReferralVerb.ASK_INFO, ReferralVerb.ACCEPT, ReferralVerb.COMPLETE)
    } <= told
    assert (
        not {(verb, Party.PERSON) for verb in (ReferralVerb.DECLINE, ReferralVerb.EXPIRE, ReferralVerb.HAND_BACK)}
        & told
    )


def test_only_what_was_just_done_and_not_read_can_be_taken_back() -> None:
    for move in MOVES:
        if move.verb in {ReferralVerb.UNDO_ACCEPT, ReferralVerb.UNDO_WITHDRAW}:
            assert {MovePrecondition.JUST_NOW, MovePrecondition.UNREAD, MovePrecondition.NOT_UNDONE} <= set(
                move.preconditions
            )


def test_sealed_parts_open_only_by_the_partners_acceptance_also_as_a_coordinator_recorded_it() -> None:
    for move in MOVES:
        if move.target in MAY_OPEN and move.source not in MAY_OPEN:
            assert (move.verb, move.by) == (
                ReferralVerb.ACCEPT,
                frozenset({ReferralActor.PARTNER, ReferralActor.ON_BEHALF}),
            )
            assert MovePrecondition.CONSENT in move.preconditions


def test_nothing_is_offered_without_consent() -> None:
    for move in MOVES:
        if move.target is ReferralState.OFFERED and move.verb is not ReferralVerb.NARROW:
            assert {MovePrecondition.CONSENT, MovePrecondition.MAY_BE_ASKED, MovePrecondition.CASE_OPEN} <= set(
                move.preconditions
            )


def test_the_clock_runs_exactly_while_an_answer_is_owed() -> None:
    keeps = {DeadlineChange.START_ANSWER, DeadlineChange.GO_ON, DeadlineChange.PAUSE, DeadlineChange.UNPAUSE}
    for move in MOVES:
        if move.verb is ReferralVerb.NARROW:
            assert (move.source, move.deadline_change) == (move.target, DeadlineChange.GO_ON)
            continue
        assert (move.target in ANSWER_DUE) == (move.deadline_change in keeps), move


def test_whatever_is_live_is_looked_at_by_the_clock() -> None:
    for move in MOVES:
        if move.target in LIVE:
            assert move.deadline_change is not DeadlineChange.STOP, move


def test_every_end_by_a_partner_or_the_clock_asks_the_next() -> None:
    for move in MOVES:
        if move.target in {ReferralState.DECLINED, ReferralState.EXPIRED, ReferralState.HANDED_BACK}:
            assert move.deadline_change is DeadlineChange.ASK_NEXT


def test_reasons_belong_to_the_verbs_that_need_one() -> None:
    for verb in ReferralVerb:
        assert bool(reasons_for(verb)) == (verb in REASON_REQUIRED)
    assert reasons_for(ReferralVerb.DECLINE) == [
        "conflict", "no_capacity", "out_of_area", "out_of_scope", "not_eligible", "duplicate", "other",
    ]  # fmt: skip
    assert "unreachable" in reasons_for(ReferralVerb.HAND_BACK)
    assert set(CONSEQUENCES) >= set(reasons_for(ReferralVerb.DECLINE))
    assert {ReferralVerb.COMPLETE} == OUTCOME_REQUIRED
    assert {ReferralVerb.WAITLIST, ReferralVerb.HOLD} == DAY_REQUIRED
    assert set(FOLLOWS) == set(OUTCOMES)


def test_a_life_folds_to_its_state() -> None:
    assert state_after([]) == ReferralState.DRAFT
    assert (
        state_after(
            [
                ReferralVerb.OFFER,
                ReferralVerb.ACKNOWLEDGE,
                ReferralVerb.ASK_INFO,
                ReferralVerb.ANSWER,
                ReferralVerb.ACCEPT,
            ]
        )
        == ReferralState.ACCEPTED
    )
    with pytest.raises(IllegalMove):
        state_after([ReferralVerb.OFFER, ReferralVerb.EXPIRE, ReferralVerb.ACCEPT])
