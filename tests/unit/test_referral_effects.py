"""What follows from each move of a referral, written down a second time by hand; no database."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.cases.need_states import NeedState
from app.cases.states import ENDED, CaseState
from app.referrals import effects
from app.referrals.effects import CaseFacts, Effect, FollowUp, OtherReferral, ReferralFacts, effects_of
from app.referrals.reasons import OUTCOMES, REASON_REQUIRED, reasons_for
from app.referrals.states import (
    AT_WORK,
    FAILED,
    LIVE,
    MAY_OPEN,
    MOVES,
    NOT_OFFERED,
    WITH_PARTNER,
    ReferralMove,
    ReferralState,
    ReferralVerb,
)
from app.tasks.service import TaskKind

OFFERED_AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
AT = OFFERED_AT + timedelta(hours=5)

# The only referral of a case with one need; no reason, outcome or question. The case is referred unless nobody was asked yet.
# `|` separates the notices and the tasks that end from what becomes of the case.
ALONE = """
draft             ask_consent     person referral-tasks search-tasks       | need:offer
awaiting_consent  consent         organisation referral-tasks search-tasks | case:refer
awaiting_consent  refuse          team referral-tasks                      | need:return keys task:find_next@case
draft             offer           organisation referral-tasks search-tasks | need:offer case:refer
offered           acknowledge     referral-tasks                           |
offered           ask_info        team person referral-tasks               |
acknowledged      ask_info        team person referral-tasks               |
info_requested    answer          organisation referral-tasks              |
offered           waitlist        team person referral-tasks answer-time   |
acknowledged      waitlist        team person referral-tasks answer-time   |
offered           accept          team person referral-tasks answer-time search-tasks | need:accept place readers
acknowledged      accept          team person referral-tasks answer-time search-tasks | need:accept place readers
waitlisted        accept          team person referral-tasks answer-time search-tasks | need:accept place readers
offered           decline         team referral-tasks answer-time          | need:return desk task:find_next@case
acknowledged      decline         team referral-tasks answer-time          | need:return desk task:find_next@case
info_requested    decline         team referral-tasks answer-time          | need:return desk task:find_next@case
waitlisted        decline         team referral-tasks answer-time          | need:return desk task:find_next@case
accepted          start           referral-tasks search-tasks              |
in_progress       hold            referral-tasks                           |
on_hold           resume          referral-tasks search-tasks              |
accepted          complete        team person referral-tasks               | need:return desk task:find_next@case
in_progress       complete        team person referral-tasks               | need:return desk task:find_next@case
accepted          hand_back       team referral-tasks                      | need:return keys desk task:handed_back
in_progress       hand_back       team referral-tasks                      | need:return keys desk task:handed_back
on_hold           hand_back       team referral-tasks                      | need:return keys desk task:handed_back
draft             withdraw        referral-tasks                           | task:find_next@case
awaiting_consent  withdraw        referral-tasks                           | need:return task:find_next@case
offered           withdraw        organisation referral-tasks              | need:return desk task:find_next@case
acknowledged      withdraw        organisation referral-tasks              | need:return desk task:find_next@case
info_requested    withdraw        organisation referral-tasks              | need:return desk task:find_next@case
waitlisted        withdraw        organisation referral-tasks              | need:return desk task:find_next@case
accepted          withdraw        organisation referral-tasks              | need:return desk task:find_next@case
in_progress       withdraw        organisation referral-tasks              | need:return desk task:find_next@case
on_hold           withdraw        organisation referral-tasks              | need:return desk task:find_next@case
draft             client_withdraw referral-tasks                           | keys task:find_next@case
awaiting_consent  client_withdraw referral-tasks                           | need:return keys task:find_next@case
offered           client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
acknowledged      client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
info_requested    client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
waitlisted        client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
accepted          client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
in_progress       client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
on_hold           client_withdraw organisation referral-tasks              | need:return keys desk task:find_next@case
offered           expire          team referral-tasks answer-time          | need:return desk task:find_next@case
acknowledged      expire          team referral-tasks answer-time          | need:return desk task:find_next@case
info_requested    expire          team referral-tasks answer-time          | need:return desk task:find_next@case
completed         reopen          team referral-tasks search-tasks         | need:resume
accepted          undo_accept     team referral-tasks                      | need:undo_accept place-back
withdrawn         undo_withdraw   organisation referral-tasks search-tasks | need:offer
draft             void            referral-tasks                           | task:find_next@case
awaiting_consent  void            referral-tasks                           | need:return task:find_next@case
offered           void            organisation referral-tasks              | need:return desk task:find_next@case
acknowledged      void            organisation referral-tasks              | need:return desk task:find_next@case
info_requested    void            organisation referral-tasks              | need:return desk task:find_next@case
waitlisted        void            organisation referral-tasks              | need:return desk task:find_next@case
accepted          void            organisation referral-tasks              | need:return keys desk task:find_next@case
in_progress       void            organisation referral-tasks              | need:return keys desk task:find_next@case
on_hold           void            organisation referral-tasks              | need:return keys desk task:find_next@case
completed         void            organisation referral-tasks              | need:reopen keys desk task:find_next@case
declined          void            organisation referral-tasks              | desk task:find_next@case
handed_back       void            organisation referral-tasks              | desk task:find_next@case
withdrawn         void            organisation referral-tasks              | desk task:find_next@case
client_declined   void            organisation referral-tasks              | desk task:find_next@case
expired           void            organisation referral-tasks              | desk task:find_next@case
draft             narrow          |
awaiting_consent  narrow          |
offered           narrow          |
acknowledged      narrow          |
info_requested    narrow          |
waitlisted        narrow          |
"""

# What becomes of the case by each reason a verb takes.
BY_REASON = """
offered  decline   conflict         need:return exclude keys desk task:find_next@case
offered  decline   no_capacity      need:return full desk task:find_next@case
offered  decline   out_of_area      need:return desk task:review_rule task:find_next@case
offered  decline   out_of_scope     need:return desk task:review_rule task:find_next@case
offered  decline   not_eligible     need:return desk task:review_rule task:find_next@case
offered  decline   duplicate        need:return desk task:merge task:find_next@case
offered  decline   other            need:return desk task:find_next@case
accepted hand_back conflict         need:return exclude keys desk task:handed_back
accepted hand_back no_capacity      need:return keys full desk task:handed_back
accepted hand_back out_of_area      need:return keys desk task:review_rule task:handed_back
accepted hand_back out_of_scope     need:return keys desk task:review_rule task:handed_back
accepted hand_back not_eligible     need:return keys desk task:review_rule task:handed_back
accepted hand_back unreachable      need:return keys desk task:check_channel task:handed_back
accepted hand_back duplicate        need:return keys desk task:merge task:handed_back
accepted hand_back other            need:return keys desk task:handed_back
offered  withdraw  better_option    need:return desk task:find_next@case
offered  withdraw  mistake          need:return desk task:find_next@case
offered  withdraw  no_longer_needed need:return desk task:find_next@case
offered  withdraw  moved_away       need:return desk task:find_next@case
offered  withdraw  taken_elsewhere  need:return desk task:find_next@case
accepted void      mistake          need:return keys desk task:find_next@case
"""


def move(source: str, verb: str) -> ReferralMove:
    return next(move for move in MOVES if (move.source, move.verb) == (source, verb))


def short(effect: Effect) -> str:
    match effect:
        case effects.MoveCase(verb, by_clock):
            return f"case:{verb}" + ("@clock" if by_clock else "")
        case effects.OpenTask(task, about_referral):
            return f"task:{task}" + ("" if about_referral else "@case")
        case effects.WithdrawOffers(reason, _, _):
            return f"withdraw:{reason}"
        case effects.MoveNeeds(verb, needs):
            return f"need:{verb}" if needs == ONE_NEED else f"need:{verb}={'+'.join(needs)}"
        case _:
            return {
                effects.NotifyTeam: "team",
                effects.NotifyPerson: "person",
                effects.NotifyOrganisation: "organisation",
                effects.EndReferralTasks: "referral-tasks",
                effects.EndSearchTasks: "search-tasks",
                effects.RecordAnswerTime: "answer-time",
                effects.ReturnCaseToDesk: "desk",
                effects.KeepOnlyReaders: "readers",
                effects.DestroyWraps: "keys",
                effects.ExcludeOrganisation: "exclude",
                effects.MarkServiceFull: "full",
                effects.TakePlace: "place",
                effects.GivePlaceBack: "place-back",
                effects.SetDeadline: "deadline",
                effects.NarrowOffers: "narrow",
            }[type(effect)]


ONE_NEED = ("asylum",)


def need_before(source: ReferralState) -> NeedState:
    """How a need stands that only a referral in this state names."""
    if source in LIVE - AT_WORK - {ReferralState.DRAFT}:
        return NeedState.OFFERED
    if source in AT_WORK:
        return NeedState.WITH_CENTRE
    return NeedState.HELPED if source is ReferralState.COMPLETED else NeedState.OPEN


def facts_of(made: ReferralMove, **facts: Any) -> ReferralFacts:
    carried = frozenset(ONE_NEED) if made.source in MAY_OPEN else frozenset()
    return ReferralFacts(**{"needs": ONE_NEED, "carried": carried, **facts})


def case_of(
    made: ReferralMove, state: CaseState, others: Iterable[ReferralState] = (), **needs: NeedState
) -> CaseFacts:
    """The other referrals name the same need."""
    before = need_before(made.source)
    asked = [other for other in others if other in LIVE - AT_WORK - {ReferralState.DRAFT}]
    if before is NeedState.OPEN and asked:
        before = NeedState.OFFERED
    named = tuple(OtherReferral(other, frozenset(ONE_NEED)) for other in others)
    return CaseFacts(state, named, {"asylum": before, **needs})


def follows(
    made: ReferralMove,
    *,
    case: CaseState | None = None,
    others: Iterable[ReferralState] = (),
    **facts: str | date | bool,
) -> list[str]:
    """What follows, in short. The organisation has been asked exactly when the states on the way say so."""
    asked = made.source not in NOT_OFFERED or made.target is ReferralState.OFFERED
    referral = facts_of(made, offered_at=OFFERED_AT if asked else None, **facts)
    state = case or (CaseState.IN_REVIEW if made.source in NOT_OFFERED else CaseState.REFERRED)
    return [short(effect) for effect in effects_of(made, referral, case_of(made, state, tuple(others)), AT)]


def of_case(found: list[str]) -> list[str]:
    """Without the notices, the tasks that end, and what becomes of the need."""
    first = {"team", "person", "organisation", "referral-tasks", "search-tasks", "answer-time"}
    return [code for code in found if code not in first and not code.startswith("need:")]


LINES = [line.split(maxsplit=2) for line in ALONE.strip().splitlines()]


def test_the_policy_names_every_move_once() -> None:
    assert sorted((source, verb) for source, verb, _ in LINES) == sorted((row.source, row.verb) for row in MOVES)


@pytest.mark.parametrize(("source", "verb", "expected"), LINES, ids=lambda value: value.split()[0])
def test_what_follows_from_the_only_referral_of_a_case(source: str, verb: str, expected: str) -> None:
    assert follows(move(source, verb)) == expected.replace("|", " ").split()


def test_the_policy_names_every_reason_of_every_verb() -> None:
    named = [tuple(line.split()[1:3]) for line in BY_REASON.strip().splitlines()]
    assert sorted(named) == sorted((verb, reason) for verb in REASON_REQUIRED for reason in reasons_for(verb))


@pytest.mark.parametrize("line", BY_REASON.strip().splitlines())
def test_what_each_reason_asks_for(line: str) -> None:
    source, verb, reason, *expected = line.split()
    found = follows(move(source, verb), reason=reason)
    assert [code for code in found if code.startswith("need:")] + of_case(found) == expected


def test_a_notice_names_the_state_and_an_emergency_is_urgent() -> None:
    for made in MOVES:
        facts = facts_of(made, offered_at=OFFERED_AT, is_emergency=True)
        for effect in effects_of(made, facts, case_of(made, CaseState.REFERRED), AT):
            if isinstance(effect, effects.NotifyTeam | effects.NotifyPerson | effects.NotifyOrganisation):
                assert effect.kind == f"referral_{made.target}"
            if isinstance(effect, effects.NotifyOrganisation):
                assert effect.urgent


def test_an_organisation_that_was_never_asked_hears_nothing() -> None:
    for made in MOVES:
        found = effects_of(made, facts_of(made), case_of(made, CaseState.IN_REVIEW), AT)
        assert not [effect for effect in found if isinstance(effect, effects.NotifyOrganisation)]


def test_the_answer_time_is_counted_from_the_offer() -> None:
    decline = move("offered", "decline")
    found = effects_of(decline, facts_of(decline, offered_at=OFFERED_AT), case_of(decline, CaseState.REFERRED), AT)
    assert effects.RecordAnswerTime(timedelta(hours=5)) in found


def test_a_service_without_a_place_counts_as_full_for_14_days() -> None:
    decline = move("offered", "decline")
    facts = facts_of(decline, reason="no_capacity", offered_at=OFFERED_AT)
    found = effects_of(decline, facts, case_of(decline, CaseState.REFERRED), AT)
    assert effects.MarkServiceFull(timedelta(days=14)) in found


def test_a_question_without_a_code_is_a_task_and_others_are_not() -> None:
    for source in ("offered", "acknowledged"):
        assert of_case(follows(move(source, "ask_info"), question="other")) == ["task:question"]
        assert of_case(follows(move(source, "ask_info"), question="papers")) == []


def test_a_deadline_that_a_partner_names_is_kept_before_anything_else_of_the_case() -> None:
    handed_back = move("accepted", "hand_back")
    assert of_case(follows(handed_back, deadline_on=date(2026, 12, 1)))[0] == "deadline"


# --- other referrals of the case -------------------------------------------------------------------------------------

ENDS = [made for made in MOVES if made.target in FAILED]


ASKING = LIVE - AT_WORK - {ReferralState.DRAFT}


@pytest.mark.parametrize("other", sorted(WITH_PARTNER - AT_WORK))
def test_while_another_organisation_is_asked_for_the_need_the_case_stays_referred(other: ReferralState) -> None:
    for made in ENDS:
        if made.source in ASKING:
            found = follows(made, case=CaseState.REFERRED, others=[other])
            assert "desk" not in found
            assert not [code for code in found if code.startswith(("task:find", "need:"))]


@pytest.mark.parametrize("other", sorted(WITH_PARTNER))
def test_another_need_keeps_the_case_referred_and_somebody_looks_for_this_one(other: ReferralState) -> None:
    def found(made: ReferralMove, **facts: str) -> list[str]:
        state = NeedState.WITH_CENTRE if other in AT_WORK else NeedState.OFFERED
        elsewhere = (OtherReferral(other, frozenset({"housing"})),)
        case = CaseFacts(CaseState.REFERRED, elsewhere, {"asylum": need_before(made.source), "housing": state})
        return [short(effect) for effect in effects_of(made, facts_of(made, **facts), case, AT)]

    for made in ENDS:
        assert "desk" not in found(made)
        assert ("task:find_next@case" in found(made)) == (made.verb is not ReferralVerb.HAND_BACK)
        assert ("task:handed_back" in found(made)) == (made.verb is ReferralVerb.HAND_BACK)
    complete = move("accepted", "complete")
    assert of_case(found(complete, outcome="represented")) == []
    assert of_case(found(complete, outcome="contact_lost")) == ["task:find_next@case"]


@pytest.mark.parametrize("other", sorted(NOT_OFFERED))
def test_while_only_a_draft_is_left_the_case_returns(other: ReferralState) -> None:
    """Once the person is asked, nobody has to search; of a draft nobody knows yet."""
    for made in ENDS:
        if made.source in ASKING | {ReferralState.DRAFT}:
            found = follows(made, case=CaseState.REFERRED, others=[other])
            assert "desk" in found
            assert ("task:find_next@case" in found) == (other is ReferralState.DRAFT)


@pytest.mark.parametrize("other", sorted(ReferralState))
def test_an_acceptance_withdraws_what_others_were_asked_and_leaves_those_at_work(other: ReferralState) -> None:
    accept = move("offered", "accept")
    facts = case_of(accept, CaseState.REFERRED, (other,))
    found = effects_of(accept, facts_of(accept, offered_at=OFFERED_AT), facts, AT)
    withdrawn = [effect for effect in found if isinstance(effect, effects.WithdrawOffers | effects.NarrowOffers)]
    same = effects.WithdrawOffers("taken_elsewhere", LIVE - MAY_OPEN, frozenset(ONE_NEED))
    assert withdrawn == ([same] if other in LIVE - MAY_OPEN else [])
    assert found[-1] == effects.KeepOnlyReaders()


# --- several needs ---------------------------------------------------------------------------------------------------


def two_needs(verb: str, named: str, *others: tuple[str, str], source: str = "offered", **facts: Any) -> list[str]:
    """What follows when a referral for `named` of a case with two needs moves; others by state and needs, like `asylum+psych`."""
    made = move(source, verb)
    mine, asked = (
        tuple(named.split("+")),
        [(ReferralState(state), frozenset(needs.split("+"))) for state, needs in others],
    )
    states = {}
    for need in ("asylum", "psych"):
        having = any(state in AT_WORK and need in needs for state, needs in asked)
        asking = any(state in ASKING and need in needs for state, needs in asked)
        states[need] = NeedState.WITH_CENTRE if having else NeedState.OFFERED if asking else NeedState.OPEN
        if need in mine:
            states[need] = need_before(made.source)
    referral = facts_of(made, needs=mine, carried=frozenset(mine) if made.source in MAY_OPEN else frozenset(), **facts)
    case = CaseFacts(CaseState.REFERRED, tuple(OtherReferral(*other) for other in asked), states)
    return [code for code in map(short, effects_of(made, referral, case, AT)) if code not in {"team", "person"}]


def test_an_acceptance_takes_its_own_needs_and_narrows_an_offer_that_asks_for_more() -> None:
    tasks = ["referral-tasks", "search-tasks"]
    assert two_needs("accept", "psych", ("offered", "asylum")) == [*tasks, "need:accept=psych", "place"]
    assert two_needs("accept", "psych", ("offered", "asylum+psych")) == [*tasks, "need:accept=psych", "place", "narrow"]
    assert two_needs("accept", "asylum+psych", ("offered", "psych")) == [
        *tasks, "need:accept=asylum+psych", "place", "withdraw:taken_elsewhere", "readers",
    ]  # fmt: skip
    assert two_needs("accept", "psych", ("accepted", "asylum")) == [*tasks, "need:accept=psych", "place", "readers"]


def test_a_need_that_nobody_has_leaves_a_task_at_once() -> None:
    assert two_needs("accept", "psych") == ["referral-tasks", "need:accept=psych", "place", "task:find_next@case"]
    assert two_needs("offer", "psych", source="draft")[-1] == "task:find_next@case"
    assert "task:find_next@case" in two_needs("decline", "psych", ("accepted", "asylum"))
    assert "task:find_next@case" not in two_needs("decline", "psych", ("offered", "asylum+psych"))


def test_a_completion_ends_each_need_by_its_own_outcome() -> None:
    done = two_needs(
        "complete", "asylum+psych", source="accepted", outcome="represented", outcomes={"psych": "advised"}
    )
    assert done == ["referral-tasks", "need:help", "need:advise=psych", "case:help"]
    lost = two_needs(
        "complete", "asylum+psych", source="accepted", outcome="contact_lost", outcomes={"asylum": "resolved"}
    )
    assert lost == ["referral-tasks", "need:help", "need:return=psych", "desk", "task:find_next@case"]


def test_a_case_does_not_end_while_a_need_has_no_end() -> None:
    helped = {"source": "accepted", "outcome": "represented"}
    assert two_needs("complete", "psych", **helped) == [
        "referral-tasks", "need:help=psych", "desk", "task:find_next@case",
    ]  # fmt: skip
    assert two_needs("complete", "psych", ("offered", "asylum"), **helped) == ["referral-tasks", "need:help=psych"]
    assert two_needs("complete", "psych", ("accepted", "asylum"), **helped) == ["referral-tasks", "need:help=psych"]


# --- what becomes of the case ----------------------------------------------------------------------------------------

AFTER = {
    "represented": ["case:help"],
    "advised": ["case:advise"],
    "referred_on": ["desk", "task:find_next@case"],
    "resolved": ["case:help"],
    "contact_lost": ["desk", "task:find_next@case"],
}


@pytest.mark.parametrize("outcome", sorted(OUTCOMES))
def test_the_last_completion_ends_the_case_by_its_outcome(outcome: str) -> None:
    for source in ("accepted", "in_progress"):
        made = move(source, "complete")
        assert of_case(follows(made, outcome=outcome)) == AFTER[outcome]
        drafts = ["withdraw:no_longer_needed"] if AFTER[outcome][0] != "desk" else []
        assert of_case(follows(made, outcome=outcome, others=[ReferralState.DRAFT])) == drafts + AFTER[outcome]
        for state in set(CaseState) - {CaseState.REFERRED}:
            assert of_case(follows(made, outcome=outcome, case=state)) == []


def test_an_offer_refers_the_case_once() -> None:
    for made in MOVES:
        if made.target is ReferralState.OFFERED and made.source is not ReferralState.OFFERED:
            assert of_case(follows(made, case=CaseState.REFERRED)) == []
            for state in (CaseState.SUBMITTED, CaseState.IN_REVIEW, CaseState.UNMET):
                assert of_case(follows(made, case=state)) == ["case:refer"]


def test_work_that_begins_again_opens_the_case() -> None:
    reopen = move("completed", "reopen")
    assert of_case(follows(reopen, case=CaseState.REFERRED)) == []
    assert of_case(follows(reopen, case=CaseState.IN_REVIEW)) == ["case:refer@clock"]
    for state in (CaseState.HELPED, CaseState.ADVISED):
        assert of_case(follows(reopen, case=state)) == ["case:reopen", "case:refer@clock"]


def test_a_completion_entered_in_error_opens_the_case_that_it_ended() -> None:
    for state in (CaseState.HELPED, CaseState.ADVISED):
        found = of_case(follows(move("completed", "void"), case=state, reason="mistake"))
        assert found == ["keys", "case:reopen", "task:find_next@case"]


@pytest.mark.parametrize("state", sorted(ENDED))
def test_an_end_after_the_case_has_ended_leaves_no_task(state: CaseState) -> None:
    for made in ENDS:
        if made.source is not ReferralState.COMPLETED:
            found = follows(made, case=state)
            assert not [code for code in found if code.startswith(("task:", "case:", "desk"))]


def test_every_task_that_a_move_leaves_is_a_kind_of_task() -> None:
    assert {task.value for task in FollowUp} <= {kind.value for kind in TaskKind}
