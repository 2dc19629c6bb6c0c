"""What follows from each move of a referral, written down a second time by hand; no database."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

import pytest

from app.cases.states import ENDED, CaseState
from app.referrals import effects
from app.referrals.effects import CaseFacts, Effect, FollowUp, ReferralFacts, effects_of
from app.referrals.reasons import OUTCOMES, REASON_REQUIRED, reasons_for
from app.referrals.states import FAILED, LIVE, MAY_OPEN, MOVES, NOT_OFFERED, WITH_PARTNER, Move, State, Verb
from app.tasks.service import TaskKind

OFFERED_AT = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
AT = OFFERED_AT + timedelta(hours=5)

# The only referral of a case; no reason, outcome or question. The case is referred unless nobody was asked yet.
# `|` separates the notices and the tasks that end from what becomes of the case.
ALONE = """
draft             ask_consent     person referral-tasks search-tasks       |
awaiting_consent  consent         organisation referral-tasks search-tasks | case:refer
awaiting_consent  refuse          team referral-tasks                      | keys task:find_next@case
draft             offer           organisation referral-tasks search-tasks | case:refer
offered           acknowledge     referral-tasks                           |
offered           ask_info        team person referral-tasks               |
acknowledged      ask_info        team person referral-tasks               |
info_requested    answer          organisation referral-tasks              |
offered           waitlist        team person referral-tasks answer-time   |
acknowledged      waitlist        team person referral-tasks answer-time   |
offered           accept          team person referral-tasks answer-time search-tasks | readers
acknowledged      accept          team person referral-tasks answer-time search-tasks | readers
waitlisted        accept          team person referral-tasks answer-time search-tasks | readers
offered           decline         team referral-tasks answer-time          | desk task:find_next@case
acknowledged      decline         team referral-tasks answer-time          | desk task:find_next@case
info_requested    decline         team referral-tasks answer-time          | desk task:find_next@case
waitlisted        decline         team referral-tasks answer-time          | desk task:find_next@case
accepted          start           referral-tasks search-tasks              |
in_progress       hold            referral-tasks                           |
on_hold           resume          referral-tasks search-tasks              |
accepted          complete        team person referral-tasks               | desk task:find_next@case
in_progress       complete        team person referral-tasks               | desk task:find_next@case
accepted          hand_back       team referral-tasks                      | keys desk task:handed_back
in_progress       hand_back       team referral-tasks                      | keys desk task:handed_back
on_hold           hand_back       team referral-tasks                      | keys desk task:handed_back
draft             withdraw        referral-tasks                           | task:find_next@case
awaiting_consent  withdraw        referral-tasks                           | task:find_next@case
offered           withdraw        organisation referral-tasks              | desk task:find_next@case
acknowledged      withdraw        organisation referral-tasks              | desk task:find_next@case
info_requested    withdraw        organisation referral-tasks              | desk task:find_next@case
waitlisted        withdraw        organisation referral-tasks              | desk task:find_next@case
accepted          withdraw        organisation referral-tasks              | desk task:find_next@case
in_progress       withdraw        organisation referral-tasks              | desk task:find_next@case
on_hold           withdraw        organisation referral-tasks              | desk task:find_next@case
draft             client_withdraw referral-tasks                           | keys task:find_next@case
awaiting_consent  client_withdraw referral-tasks                           | keys task:find_next@case
offered           client_withdraw organisation referral-tasks              | keys desk task:find_next@case
acknowledged      client_withdraw organisation referral-tasks              | keys desk task:find_next@case
info_requested    client_withdraw organisation referral-tasks              | keys desk task:find_next@case
waitlisted        client_withdraw organisation referral-tasks              | keys desk task:find_next@case
accepted          client_withdraw organisation referral-tasks              | keys desk task:find_next@case
in_progress       client_withdraw organisation referral-tasks              | keys desk task:find_next@case
on_hold           client_withdraw organisation referral-tasks              | keys desk task:find_next@case
offered           expire          team referral-tasks answer-time          | desk task:find_next@case
acknowledged      expire          team referral-tasks answer-time          | desk task:find_next@case
info_requested    expire          team referral-tasks answer-time          | desk task:find_next@case
completed         reopen          team referral-tasks search-tasks         |
accepted          undo_accept     team referral-tasks                      |
withdrawn         undo_withdraw   organisation referral-tasks search-tasks |
draft             void            referral-tasks                           | task:find_next@case
awaiting_consent  void            referral-tasks                           | task:find_next@case
offered           void            organisation referral-tasks              | desk task:find_next@case
acknowledged      void            organisation referral-tasks              | desk task:find_next@case
info_requested    void            organisation referral-tasks              | desk task:find_next@case
waitlisted        void            organisation referral-tasks              | desk task:find_next@case
accepted          void            organisation referral-tasks              | keys desk task:find_next@case
in_progress       void            organisation referral-tasks              | keys desk task:find_next@case
on_hold           void            organisation referral-tasks              | keys desk task:find_next@case
completed         void            organisation referral-tasks              | keys desk task:find_next@case
declined          void            organisation referral-tasks              | desk task:find_next@case
handed_back       void            organisation referral-tasks              | desk task:find_next@case
withdrawn         void            organisation referral-tasks              | desk task:find_next@case
client_declined   void            organisation referral-tasks              | desk task:find_next@case
expired           void            organisation referral-tasks              | desk task:find_next@case
"""

# What becomes of the case by each reason a verb takes.
BY_REASON = """
offered  decline   conflict         exclude keys desk task:find_next@case
offered  decline   no_capacity      full desk task:find_next@case
offered  decline   out_of_area      desk task:review_rule task:find_next@case
offered  decline   out_of_scope     desk task:review_rule task:find_next@case
offered  decline   not_eligible     desk task:review_rule task:find_next@case
offered  decline   duplicate        desk task:merge task:find_next@case
offered  decline   other            desk task:find_next@case
accepted hand_back conflict         exclude keys desk task:handed_back
accepted hand_back no_capacity      keys full desk task:handed_back
accepted hand_back out_of_area      keys desk task:review_rule task:handed_back
accepted hand_back out_of_scope     keys desk task:review_rule task:handed_back
accepted hand_back not_eligible     keys desk task:review_rule task:handed_back
accepted hand_back unreachable      keys desk task:check_channel task:handed_back
accepted hand_back duplicate        keys desk task:merge task:handed_back
accepted hand_back other            keys desk task:handed_back
offered  withdraw  better_option    desk task:find_next@case
offered  withdraw  mistake          desk task:find_next@case
offered  withdraw  no_longer_needed desk task:find_next@case
offered  withdraw  moved_away       desk task:find_next@case
offered  withdraw  taken_elsewhere  desk task:find_next@case
accepted void      mistake          keys desk task:find_next@case
"""


def move(source: str, verb: str) -> Move:
    return next(move for move in MOVES if (move.source, move.verb) == (source, verb))


def short(effect: Effect) -> str:
    match effect:
        case effects.MoveCase(verb, by_clock):
            return f"case:{verb}" + ("@clock" if by_clock else "")
        case effects.OpenTask(task, about_referral):
            return f"task:{task}" + ("" if about_referral else "@case")
        case effects.WithdrawOffers(reason, _):
            return f"withdraw:{reason}"
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
                effects.SetDeadline: "deadline",
            }[type(effect)]


def follows(
    made: Move, *, case: CaseState | None = None, others: Iterable[State] = (), **facts: str | date | bool
) -> list[str]:
    """What follows, in short. The organisation has been asked exactly when the states on the way say so."""
    asked = made.source not in NOT_OFFERED or made.target is State.OFFERED
    referral = ReferralFacts(offered_at=OFFERED_AT if asked else None, **facts)  # type: ignore[arg-type]
    state = case or (CaseState.IN_REVIEW if made.source in NOT_OFFERED else CaseState.REFERRED)
    return [short(effect) for effect in effects_of(made, referral, CaseFacts(state, tuple(others)), AT)]


def of_case(found: list[str]) -> list[str]:
    """Without the notices and the tasks that end."""
    first = {"team", "person", "organisation", "referral-tasks", "search-tasks", "answer-time"}
    return [code for code in found if code not in first]


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
    assert of_case(follows(move(source, verb), reason=reason)) == expected


def test_a_notice_names_the_state_and_an_emergency_is_urgent() -> None:
    for made in MOVES:
        facts = ReferralFacts(offered_at=OFFERED_AT, is_emergency=True)
        for effect in effects_of(made, facts, CaseFacts(CaseState.REFERRED), AT):
            if isinstance(effect, effects.NotifyTeam | effects.NotifyPerson | effects.NotifyOrganisation):
                assert effect.kind == f"referral_{made.target}"
            if isinstance(effect, effects.NotifyOrganisation):
                assert effect.urgent


def test_an_organisation_that_was_never_asked_hears_nothing() -> None:
    for made in MOVES:
        found = effects_of(made, ReferralFacts(), CaseFacts(CaseState.IN_REVIEW), AT)
        assert not [effect for effect in found if isinstance(effect, effects.NotifyOrganisation)]


def test_the_answer_time_is_counted_from_the_offer() -> None:
    found = effects_of(
        move("offered", "decline"), ReferralFacts(offered_at=OFFERED_AT), CaseFacts(CaseState.REFERRED), AT
    )
    assert effects.RecordAnswerTime(timedelta(hours=5)) in found


def test_a_service_without_a_place_counts_as_full_for_14_days() -> None:
    facts = ReferralFacts(reason="no_capacity", offered_at=OFFERED_AT)
    found = effects_of(move("offered", "decline"), facts, CaseFacts(CaseState.REFERRED), AT)
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


@pytest.mark.parametrize("other", sorted(WITH_PARTNER))
def test_while_another_organisation_is_asked_or_at_work_the_case_stays_referred(other: State) -> None:
    for made in ENDS:
        found = follows(made, case=CaseState.REFERRED, others=[other])
        assert "desk" not in found
        assert "task:find_next@case" not in found
        assert ("task:handed_back" in found) == (made.verb is Verb.HAND_BACK)
    assert of_case(follows(move("accepted", "complete"), outcome="represented", others=[other])) == []


@pytest.mark.parametrize("other", sorted(NOT_OFFERED))
def test_while_only_a_draft_is_left_the_case_returns_and_nobody_has_to_search(other: State) -> None:
    for made in ENDS:
        found = follows(made, case=CaseState.REFERRED, others=[other])
        assert "desk" in found
        assert "task:find_next@case" not in found


@pytest.mark.parametrize("other", sorted(State))
def test_an_acceptance_withdraws_what_others_were_asked_and_leaves_those_at_work(other: State) -> None:
    found = effects_of(
        move("offered", "accept"), ReferralFacts(offered_at=OFFERED_AT), CaseFacts(CaseState.REFERRED, (other,)), AT
    )
    withdrawn = [effect for effect in found if isinstance(effect, effects.WithdrawOffers)]
    assert withdrawn == (
        [effects.WithdrawOffers("taken_elsewhere", LIVE - MAY_OPEN)] if other in LIVE - MAY_OPEN else []
    )
    assert found[-1] == effects.KeepOnlyReaders()


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
        assert of_case(follows(made, outcome=outcome, others=[State.DRAFT])) == drafts + AFTER[outcome]
        for state in set(CaseState) - {CaseState.REFERRED}:
            assert of_case(follows(made, outcome=outcome, case=state)) == []


def test_an_offer_refers_the_case_once() -> None:
    for made in MOVES:
        if made.target is State.OFFERED:
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
        if made.source is not State.COMPLETED:
            found = follows(made, case=state)
            assert not [code for code in found if code.startswith(("task:", "case:", "desk"))]


def test_every_task_that_a_move_leaves_is_a_kind_of_task() -> None:
    assert {task.value for task in FollowUp} <= {kind.value for kind in TaskKind}
