"""Nobody falls through: every end that is no success leaves a row somebody owns, and what makes it needless ends it."""

from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import transitions
from app.casework import contact_answers, partner_access, undelivered_notices
from app.casework.auto_offer import AutoOfferContext
from app.core.db import Database
from app.core.errors import Conflict, Invalid, NotFound
from app.messaging.models import OutboxMessage
from app.partners.organisations import Organisation
from app.privacy import service as privacy
from app.referrals import deadlines
from app.referrals.deadlines import DeadlineTerms
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import ReferralVerb
from app.referrals.working_hours import hours_of
from app.tasks.models import Task
from app.tasks.service import RULES, TaskKind
from tests.support.cases import COORDINATOR, ONE, PERSON, SENIOR, TWO, Scene, partner, set_scene


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def to_do(scene: Scene, case: UUID) -> list[str]:
    with scene.database.begin(write=False) as session:
        rows = session.scalars(sa.select(Task.kind).where(Task.case_id == case, Task.done_at.is_(None)))
        return sorted(rows)


def case_of(scene: Scene, referral: UUID) -> UUID:
    return scene.row(referral).case_id


@pytest.mark.parametrize(
    ("verb", "by", "payload", "left"),
    [
        (ReferralVerb.DECLINE, partner(ONE), {"reason": "other"}, ["find_next"]),
        (ReferralVerb.DECLINE, partner(ONE), {"reason": "conflict"}, ["find_next"]),
        (ReferralVerb.DECLINE, partner(ONE), {"reason": "out_of_scope"}, ["find_next", "review_rule"]),
        (ReferralVerb.DECLINE, partner(ONE), {"reason": "duplicate"}, ["find_next", "merge"]),
        (ReferralVerb.WITHDRAW, COORDINATOR, {"reason": "better_option"}, ["find_next"]),
        (ReferralVerb.VOID, SENIOR, {"reason": "mistake"}, ["find_next"]),
        (ReferralVerb.CLIENT_WITHDRAW, PERSON, {}, ["find_next"]),
    ],
)
def test_an_end_without_help_leaves_its_task(scene: Scene, verb, by, payload, left) -> None:  # type: ignore[no-untyped-def]
    referral = scene.offered(ONE)
    assert to_do(scene, case_of(scene, referral)) == []
    scene.act(referral, verb, by, **payload)
    assert to_do(scene, case_of(scene, referral)) == left


@pytest.mark.parametrize(
    ("reason", "left"), [("other", ["handed_back"]), ("unreachable", ["check_channel", "handed_back"])]
)
def test_what_is_handed_back_has_an_owner(scene: Scene, reason: str, left: list[str]) -> None:
    referral = scene.accepted(ONE)
    scene.act(referral, ReferralVerb.HAND_BACK, partner(ONE), reason=reason)
    assert to_do(scene, case_of(scene, referral)) == left


def test_a_no_of_the_person_before_the_offer_leaves_a_task_too(scene: Scene) -> None:
    referral = scene.draft(scene.case(ONE))
    scene.act(referral, ReferralVerb.ASK_CONSENT)
    scene.act(referral, ReferralVerb.REFUSE, PERSON)
    assert to_do(scene, case_of(scene, referral)) == ["find_next"]


def test_an_outcome_that_is_no_help_leaves_a_task(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="contact_lost")
    assert to_do(scene, case_of(scene, referral)) == ["find_next"]


def test_asking_the_next_ends_the_search_and_nobody_left_names_what_is_to_be_done(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    first = scene.offered(ONE, case)
    scene.act(first, ReferralVerb.DECLINE, partner(ONE), reason="other")
    assert to_do(scene, case) == ["find_next"]
    scene.tick()
    assert to_do(scene, case) == []
    assert scene.referrals(case)[TWO] == "offered"
    with scene.database.begin(write=False) as session:
        second = session.scalars(sa.select(Referral).where(Referral.predecessor_id == first)).one()
    scene.act(second.id, ReferralVerb.DECLINE, partner(TWO), reason="other")
    scene.tick()
    assert to_do(scene, case) == ["ask_person"]


def test_when_no_centre_takes_cases_any_more_the_case_is_unmet_and_owned(scene: Scene) -> None:
    case = scene.case(ONE)
    first = scene.offered(ONE, case)
    scene.act(first, ReferralVerb.DECLINE, partner(ONE), reason="other")
    with scene.write() as session:
        session.execute(sa.update(Organisation).values(paused_until=scene.now + timedelta(days=90)))
    scene.tick()
    assert to_do(scene, case) == ["unmet"]
    assert scene.case_row(case).state == "unmet"


def test_in_a_country_set_to_by_hand_the_clock_offers_nothing_and_the_task_stays(scene: Scene) -> None:
    from app.casework import scheduler

    case = scene.case(ONE, TWO)
    first = scene.offered(ONE, case)
    scene.act(first, ReferralVerb.DECLINE, partner(ONE), reason="other")
    with scene.write() as session:
        context = AutoOfferContext(scene.keys, scene.auto_offer.directory, frozenset({"PL"}))
        assert scheduler.tick(session, first, now=scene.now, context=context)
    assert scene.referrals(case) == {ONE: "declined"}
    assert to_do(scene, case) == ["find_next"]


def test_an_offer_nobody_answers_is_a_call_to_make_and_then_the_next_is_asked(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    scene.offered(ONE, case)
    scene.later(days=4)
    scene.tick()
    assert to_do(scene, case) == ["overdue"]
    scene.tick()
    assert to_do(scene, case) == ["overdue"]
    scene.later(days=30)
    while scene.tick():
        pass
    assert scene.referrals(case) == {ONE: "expired", TWO: "offered"}
    assert to_do(scene, case) in ([], ["overdue"])


def test_a_question_that_a_coordinator_has_to_find_out_is_a_task_at_once_others_when_time_is_up(scene: Scene) -> None:
    named, unnamed = scene.offered(ONE), scene.offered(ONE)
    scene.act(named, ReferralVerb.ASK_INFO, partner(ONE), question="letter_date")
    scene.act(unnamed, ReferralVerb.ASK_INFO, partner(ONE))
    assert (scene.row(named).question, scene.row(unnamed).question) == ("letter_date", "other")
    assert to_do(scene, case_of(scene, named)) == []
    assert to_do(scene, case_of(scene, unnamed)) == ["question"]
    scene.later(days=5, hours=1)
    scene.tick()
    assert to_do(scene, case_of(scene, named)) == ["question"]
    scene.act(named, ReferralVerb.ANSWER, PERSON)
    assert to_do(scene, case_of(scene, named)) == []
    assert scene.row(named).question is None
    assert isinstance(scene.refused(named, ReferralVerb.ASK_INFO, partner(ONE), question="your name"), Invalid)


def test_late_first_contact_is_a_task_that_starting_ends(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    scene.later(days=8)
    scene.tick()
    assert to_do(scene, case_of(scene, referral)) == ["first_contact"]
    scene.act(referral, ReferralVerb.START, partner(ONE))
    assert to_do(scene, case_of(scene, referral)) == []


def test_the_end_of_a_case_ends_its_tasks_but_not_what_concerns_others(scene: Scene) -> None:
    for erased in (False, True):
        referral = scene.offered(ONE)
        scene.act(referral, ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
        case = case_of(scene, referral)
        with scene.write() as session:
            row = transitions.locked(session, case)
            if erased:
                privacy.erase(session, row, actor_kind="person", now=scene.now)
            else:
                privacy.withdraw(session, row, now=scene.now)
        assert to_do(scene, case) == ["review_rule"]


def test_a_task_is_due_before_the_legal_deadline_comes_near(scene: Scene) -> None:
    last_safe_day = (scene.now + timedelta(days=4)).date()
    referral = scene.offered(ONE, last_safe_day=last_safe_day)
    scene.act(referral, ReferralVerb.DECLINE, partner(ONE), reason="other")
    latest = deadlines.latest_answer(scene.now, DeadlineTerms("urgent", hours_of("PL"), last_safe_day))
    with scene.database.begin(write=False) as session:
        due = session.scalars(sa.select(Task.due_at)).one()
    assert latest is not None
    assert scene.now < due <= latest


def test_every_kind_has_a_rule_and_a_time_for_each_urgency() -> None:
    assert set(RULES) == set(TaskKind)
    for rule in RULES.values():
        assert rule.within["emergency"] <= rule.within["urgent"] <= rule.within["normal"]


# --- undo, hand back -------------------------------------------------------------------------------------------------


def test_an_acceptance_can_be_taken_back_once_within_half_an_hour_unread(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    scene.later(minutes=30)
    scene.act(referral, ReferralVerb.UNDO_ACCEPT, partner(ONE))
    row = scene.row(referral)
    assert (row.state, row.decide_by is not None, row.contact_by) == ("acknowledged", True, None)
    scene.act(referral, ReferralVerb.ACCEPT, partner(ONE))
    assert isinstance(scene.refused(referral, ReferralVerb.UNDO_ACCEPT, partner(ONE)), Conflict)
    scene.holds_together()


@pytest.mark.parametrize("why", ["late", "read"])
def test_an_acceptance_stands_once_it_is_old_or_was_read(scene: Scene, why: str) -> None:
    referral = scene.accepted(ONE)
    if why == "late":
        scene.later(minutes=31)
    else:
        with scene.write() as session:
            partner_access.mark_opened(session, session.get_one(Referral, referral), scene.now)
    assert isinstance(scene.refused(referral, ReferralVerb.UNDO_ACCEPT, partner(ONE)), Conflict)
    assert scene.row(referral).state == "accepted"


def test_a_withdrawal_can_be_taken_back_while_nobody_else_has_the_case(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    first = scene.offered(ONE, case)
    scene.act(first, ReferralVerb.WITHDRAW, COORDINATOR, reason="mistake")
    assert to_do(scene, case) == ["find_next"]
    scene.act(first, ReferralVerb.UNDO_WITHDRAW, COORDINATOR)
    assert scene.row(first).state == "offered"
    assert scene.case_row(case).state == "referred"
    assert to_do(scene, case) == []
    second = scene.offered(TWO, case)
    scene.act(second, ReferralVerb.ACCEPT, partner(TWO))
    assert scene.row(first).reason == "taken_elsewhere"
    assert isinstance(scene.refused(first, ReferralVerb.UNDO_WITHDRAW, COORDINATOR), Conflict)
    scene.holds_together()


def test_handing_back_tells_what_was_done_and_a_known_deadline_binds_the_case(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    day = (scene.now + timedelta(days=9)).date()
    payload = {"reason": "other", "work_done": ("contact_made", "appeal_filed"), "deadline_on": day}
    scene.act(referral, ReferralVerb.HAND_BACK, partner(ONE), **payload)
    case = scene.case_of(referral)
    assert (case.last_safe_day, case.due_on <= day) == (day, True)
    with scene.database.begin(write=False) as session:
        query = sa.select(ReferralEvent.codes).where(ReferralEvent.verb == "hand_back")
        codes = session.scalars(query).one()
    assert codes == {"work_done": ["contact_made", "appeal_filed"], "deadline_on": day.isoformat()}
    other = scene.accepted(ONE)
    for wrong in ({"work_done": ("magic",)}, {"deadline_on": scene.now.date() - timedelta(days=1)}):
        assert isinstance(scene.refused(other, ReferralVerb.HAND_BACK, partner(ONE), reason="other", **wrong), Invalid)
    assert isinstance(scene.refused(other, ReferralVerb.START, partner(ONE), work_done=("advised",)), Invalid)


# --- did they contact you? -------------------------------------------------------------------------------------------


def told(scene: Scene, referral: UUID, *, yes: bool) -> None:
    with scene.write() as session:
        case = transitions.locked(session, case_of(scene, referral))
        contact_answers.answer(session, case, scene.row(referral).label, yes=yes, now=scene.now)


def questions(scene: Scene, referral: UUID) -> list[str]:
    with scene.database.begin(write=False) as session:
        return [one.about for one in contact_answers.questions(session, case_of(scene, referral), scene.now)]


def test_the_person_is_asked_when_contact_is_due_and_once_more_after_the_end(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    assert questions(scene, referral) == []
    with pytest.raises(NotFound):
        told(scene, referral, yes=True)
    scene.later(days=7, hours=1)
    assert questions(scene, referral) == ["first_contact"]
    scene.tick()
    told(scene, referral, yes=True)
    assert to_do(scene, case_of(scene, referral)) == []
    assert questions(scene, referral) == []
    scene.act(referral, ReferralVerb.START, partner(ONE))
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    assert questions(scene, referral) == ["completion"]
    told(scene, referral, yes=False)
    assert to_do(scene, case_of(scene, referral)) == ["disagreement"]
    assert questions(scene, referral) == []


def test_a_no_where_the_centre_says_it_works_is_a_disagreement(scene: Scene) -> None:
    referral = scene.accepted(ONE)
    scene.act(referral, ReferralVerb.START, partner(ONE))
    told(scene, referral, yes=False)
    assert to_do(scene, case_of(scene, referral)) == ["disagreement"]


# --- dead letters ----------------------------------------------------------------------------------------------------


def dead(scene: Scene) -> OutboxMessage:
    with scene.write() as session:
        message = session.scalars(
            sa.select(OutboxMessage).where(OutboxMessage.organisation_id.is_not(None)).limit(1)
        ).one()
        message.state, message.done_at, message.attempts, message.last_error = "dead", scene.now, 8, "smtp_550"
        undelivered_notices.record_undelivered(session, message, scene.now)
        session.flush()
        session.expunge(message)
    return message


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_an_undelivered_notice_is_a_task_until_it_is_sent_again_or_dropped(scene: Scene, act: str) -> None:
    referral = scene.offered(ONE)
    message, team = dead(scene), scene.case_of(referral).team_id
    assert to_do(scene, case_of(scene, referral)) == ["dead_letter"]
    with scene.write() as session:
        assert [one.id for one in undelivered_notices.undelivered(session, team, me=UUID(int=7))] == [message.id]
        with pytest.raises(NotFound):
            undelivered_notices.drop(session, case_of(scene, referral), message.id, message.id, scene.now)
    with scene.write() as session:
        done = undelivered_notices.retry if act == "retry" else undelivered_notices.drop
        done(session, team, message.id, COORDINATOR.id or message.id, scene.now)
    with scene.database.begin(write=False) as session:
        row = session.get_one(OutboxMessage, message.id)
        assert (row.state, row.dropped_at is None) == (("queued", True) if act == "retry" else ("dead", False))
        assert undelivered_notices.undelivered(session, team, me=UUID(int=7)) == []
    assert to_do(scene, case_of(scene, referral)) == []
