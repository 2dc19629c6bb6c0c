"""The referral's life on real databases: preconditions, consequences, what the clock does. Nobody falls through."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
import yaml
from sqlalchemy.exc import IntegrityError

from app.audit.service import verify
from app.cases import sealed_parts
from app.cases.models import Case
from app.casework import refusal_rules
from app.casework.unavailability import unavailability_of
from app.core.db import Database
from app.core.errors import Conflict, IllegalMove, Invalid, NotAllowed, NotFound, PreconditionFailed
from app.core.ids import named_id
from app.directory import availability, rule_overlay
from app.directory.edits import Editor
from app.directory.models import ServicePause, ServiceRow
from app.directory.packs import load_packs
from app.messaging.models import OutboxMessage
from app.partners.organisations import Organisation
from app.referrals import change_feed, deadlines, queries, refusal_proposals
from app.referrals.actors import ActorRef
from app.referrals.models import FeedEvent, Referral, ReferralEvent
from app.referrals.refusal_proposals import RefusalProposal
from app.referrals.states import ReferralState, ReferralVerb
from app.tasks.models import Task
from app.tasks.service import TaskKind
from tests.support.cases import (
    CLOCK,
    COORDINATOR,
    ONE,
    PERSON,
    SENIOR,
    SERVICES,
    START,
    THREE,
    TWO,
    Scene,
    organisation,
    partner,
    set_scene,
)


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def test_a_whole_life(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    referral = scene.offered(ONE, case)
    for verb, by, payload in [
        (ReferralVerb.ACKNOWLEDGE, partner(ONE), {}),
        (ReferralVerb.ASK_INFO, partner(ONE), {}),
        (ReferralVerb.ANSWER, PERSON, {}),
        (ReferralVerb.ACCEPT, partner(ONE), {}),
        (ReferralVerb.START, partner(ONE), {}),
        (ReferralVerb.HOLD, partner(ONE), {"until": date(2026, 12, 20)}),
        (ReferralVerb.RESUME, partner(ONE), {}),
        (ReferralVerb.COMPLETE, partner(ONE), {"outcome": "represented"}),
    ]:
        scene.later(hours=2)
        scene.act(referral, verb, by, **payload)
        scene.holds_together()
    assert scene.row(referral).version == 10
    assert scene.case_row(case).state == "helped"
    with scene.database.begin(write=False) as session:
        assert verify(session) is None


def test_a_version_that_is_not_the_present_one_is_refused_and_writes_nothing(scene: Scene) -> None:
    referral = scene.offered()
    before = scene.everything()
    refused = scene.refused(referral, ReferralVerb.ACCEPT, partner(ONE), version=1)
    assert isinstance(refused, PreconditionFailed)
    assert (refused.extra["state"], refused.extra["version"]) == ("offered", 2)
    assert "accept" in refused.extra["allowed_actions"]
    assert scene.everything() == before


@pytest.mark.parametrize(
    ("verb", "by", "payload", "error"),
    [
        (ReferralVerb.COMPLETE, partner(ONE), {"outcome": "resolved"}, IllegalMove),
        (ReferralVerb.REOPEN, COORDINATOR, {}, IllegalMove),
        (ReferralVerb.ACCEPT, COORDINATOR, {}, NotAllowed),
        (ReferralVerb.EXPIRE, partner(ONE), {}, NotAllowed),
        (ReferralVerb.VOID, COORDINATOR, {"reason": "mistake"}, NotAllowed),
        (ReferralVerb.DECLINE, partner(ONE), {}, Invalid),
        (ReferralVerb.DECLINE, partner(ONE), {"reason": "mistake"}, Invalid),
        (ReferralVerb.ACCEPT, partner(ONE), {"reason": "conflict"}, Invalid),
        (ReferralVerb.WAITLIST, partner(ONE), {}, Invalid),
        (ReferralVerb.WAITLIST, partner(ONE), {"until": START.date()}, Invalid),
        (ReferralVerb.WAITLIST, partner(ONE), {"until": START.date() + timedelta(days=181)}, Invalid),
        (ReferralVerb.ACKNOWLEDGE, partner(ONE), {"until": date(2026, 12, 20)}, Invalid),
        (ReferralVerb.ACCEPT, partner(TWO), {}, NotFound),
    ],
)
def test_a_refused_step_writes_nothing(scene: Scene, verb: ReferralVerb, by: Any, payload: Any, error: type) -> None:
    referral = scene.offered()
    before = scene.everything()
    refused = scene.refused(referral, verb, by, **payload)
    assert type(refused) is error
    if isinstance(refused, IllegalMove):
        assert refused.extra["state"] == "offered"
        assert refused.extra["version"] == 2
        assert "allowed_actions" in refused.extra
    assert scene.everything() == before


def test_what_was_not_offered_yet_does_not_exist_for_the_partner(scene: Scene) -> None:
    draft = scene.draft(scene.case(ONE))
    assert isinstance(scene.refused(draft, ReferralVerb.ACCEPT, partner(ONE)), NotFound)
    scene.act(draft, ReferralVerb.WITHDRAW, reason="mistake")
    assert isinstance(scene.refused(draft, ReferralVerb.ACCEPT, partner(ONE)), NotFound)


# --- preconditions ----------------------------------------------------------------------------------------------------------


def test_without_consent_nothing_is_offered(scene: Scene) -> None:
    draft = scene.draft(scene.case(TWO), ONE)
    refused = scene.refused(draft, ReferralVerb.OFFER)
    assert isinstance(refused, Conflict)
    assert refused.extra == {"state": "draft", "version": 1, "allowed_actions": ["ask_consent", "offer", "withdraw"]}


def test_consent_withdrawn_leaves_nothing_to_accept(scene: Scene) -> None:
    referral = scene.offered()
    with scene.write() as session:
        sealed_parts.destroy_wraps(session, scene.row(referral).case_id, [organisation(ONE)])
    assert isinstance(scene.refused(referral, ReferralVerb.ACCEPT, partner(ONE)), Conflict)


def test_the_clock_is_stopped_twice_and_no_more(scene: Scene) -> None:
    referral = scene.offered()
    for _ in range(2):
        scene.act(referral, ReferralVerb.ASK_INFO, partner(ONE))
        scene.act(referral, ReferralVerb.ANSWER, COORDINATOR)
    assert isinstance(scene.refused(referral, ReferralVerb.ASK_INFO, partner(ONE)), Conflict)
    assert scene.row(referral).state == "acknowledged"


def test_one_live_referral_for_a_case_and_an_organisation(scene: Scene) -> None:
    case = scene.case(ONE)
    referral = scene.offered(ONE, case)
    with pytest.raises(Conflict):
        scene.draft(case, ONE)
    with scene.database.begin(write=False) as session:
        row = session.execute(sa.select(Referral.__table__).where(Referral.id == referral)).mappings().one()
    with pytest.raises(IntegrityError), scene.write() as session:
        session.execute(sa.insert(Referral), {**row, "id": case, "label": "R-2"})
    scene.act(referral, ReferralVerb.WITHDRAW, reason="mistake")
    assert scene.draft(case, ONE)


@pytest.mark.parametrize("times", [{"expires_at": None}, {"offered_at": None}, {"pauses": 3}, {"urgency": "calm"}])
def test_the_database_holds_the_promises_too(scene: Scene, times: dict[str, Any]) -> None:
    referral = scene.offered()
    with pytest.raises(IntegrityError), scene.write() as session:
        session.execute(sa.update(Referral).where(Referral.id == referral).values(**times))


def test_a_paused_organisation_is_not_asked_but_may_still_accept(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    offered, draft = scene.offered(ONE, case), scene.draft(case, TWO)
    with scene.write() as session:
        session.execute(sa.update(Organisation).values(paused_until=scene.now + timedelta(days=9)))
    with pytest.raises(Conflict):
        scene.draft(scene.case(ONE), ONE)
    assert isinstance(scene.refused(draft, ReferralVerb.OFFER), Conflict)
    scene.act(offered, ReferralVerb.ACCEPT, partner(ONE))


def test_a_day_far_away_does_not_put_a_case_out_of_sight(scene: Scene) -> None:
    referral = scene.offered(last_safe_day=date(2026, 12, 15))
    scene.act(referral, ReferralVerb.WAITLIST, partner(ONE), until=date(2027, 1, 20))
    due = scene.row(referral).due_at
    assert due is not None
    assert due.date() == date(2026, 12, 11)


# --- consequences ----------------------------------------------------------------------------------------------------


def test_acceptance_ends_what_others_were_asked_and_takes_their_key(scene: Scene) -> None:
    case = scene.case(ONE, TWO, THREE)
    first, second, third = (scene.draft(case, slug) for slug in (ONE, TWO, THREE))
    scene.act(first, ReferralVerb.OFFER)
    scene.act(second, ReferralVerb.OFFER)
    scene.act(second, ReferralVerb.WAITLIST, partner(TWO), until=date(2026, 12, 20))
    scene.act(first, ReferralVerb.ACCEPT, partner(ONE))
    assert scene.referrals(case) == {ONE: "accepted", TWO: "withdrawn", THREE: "withdrawn"}
    assert scene.row(second).reason == "taken_elsewhere"
    with scene.database.begin(write=False) as session:
        assert sealed_parts.organisations_with_key(session, case) == {organisation(ONE)}
    assert isinstance(scene.refused(third, ReferralVerb.OFFER), IllegalMove)
    scene.holds_together()


def test_a_second_acceptance_does_not_take_the_work_from_the_first(scene: Scene) -> None:
    """Two centres may be at work on one case, when a coordinator asked a second one for another need."""
    case = scene.case(ONE, TWO, needs=["asylum", "children"])
    first = scene.accepted(ONE, case_id=case)
    second = scene.offered(TWO, case)
    scene.act(second, ReferralVerb.ACCEPT, partner(TWO))
    assert scene.referrals(case) == {ONE: "accepted", TWO: "accepted"}
    scene.act(first, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    assert scene.case_row(case).state == "referred"
    scene.act(second, ReferralVerb.COMPLETE, partner(TWO), outcome="resolved")
    assert scene.case_row(case).state == "helped"
    with scene.database.begin(write=False) as session:
        assert sealed_parts.organisations_with_key(session, case) == {organisation(ONE), organisation(TWO)}


def grant(session: Any, scene: Scene, case: Any, slug: str) -> None:
    from app.cases.models import WrapFor
    from app.cases.sealed_parts import Recipient
    from app.core import keyholders

    key = keyholders.active_key(session, organisation(slug))
    assert key is not None
    to = Recipient(WrapFor.ORGANISATION, organisation(slug), key.public_key, key.id)
    sealed_parts.grant(session, scene.keys, case, sealed_parts.PERSON, sealed_parts.new_key(), [to])


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        ("represented", "helped"),
        ("resolved", "helped"),
        ("advised", "advised"),
        ("contact_lost", "in_review"),
        ("referred_on", "in_review"),
    ],
)
def test_what_is_no_help_closes_no_case(scene: Scene, outcome: str, state: str) -> None:
    referral = scene.accepted()
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome=outcome)
    assert scene.case_of(referral).state == state


@pytest.mark.parametrize(
    "verb",
    [
        ReferralVerb.DECLINE,
        ReferralVerb.WITHDRAW,
        ReferralVerb.CLIENT_WITHDRAW,
        ReferralVerb.EXPIRE,
        ReferralVerb.HAND_BACK,
    ],
)
def test_every_end_without_help_brings_the_case_back_awake(scene: Scene, verb: ReferralVerb) -> None:
    referral = scene.accepted() if verb is ReferralVerb.HAND_BACK else scene.offered()
    case = scene.row(referral).case_id
    with scene.write() as session:
        session.execute(sa.update(Case).values(snoozed_until=date(2027, 1, 1)))
    if verb is ReferralVerb.EXPIRE:
        scene.later(days=30)
        scene.act(referral, verb, CLOCK)
    else:
        by = {ReferralVerb.WITHDRAW: COORDINATOR, ReferralVerb.CLIENT_WITHDRAW: PERSON}.get(verb, partner(ONE))
        reason = {ReferralVerb.WITHDRAW: "better_option", ReferralVerb.CLIENT_WITHDRAW: None}.get(verb, "out_of_area")
        scene.act(referral, verb, by, reason=reason)
    row = scene.case_row(case)
    assert (row.state, row.snoozed_until) == ("in_review", None)
    assert row.waiting_since == START
    scene.holds_together()


def test_a_conflict_excludes_for_ever_even_when_it_is_voided(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    referral = scene.offered(ONE, case)
    scene.act(referral, ReferralVerb.DECLINE, partner(ONE), reason="conflict")
    scene.act(referral, ReferralVerb.VOID, SENIOR, reason="mistake")
    with pytest.raises(Conflict) as refused:
        scene.draft(case, ONE)
    assert "conflict" not in str(refused.value)
    with scene.database.begin(write=False) as session:
        assert sealed_parts.organisations_with_key(session, case) == {organisation(TWO)}


def test_no_free_place_counts_for_a_while_and_for_the_needs_it_was_said_of(scene: Scene) -> None:
    """A centre without a place for asylum cases still takes those in detention; said of all its needs, it is full."""
    with scene.write() as session:
        listed = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == SERVICES[ONE])).one().entry["needs"]
    assert {"asylum", "detention"} < set(listed)
    for _twice in range(2):
        scene.act(scene.offered(), ReferralVerb.DECLINE, partner(ONE), reason="no_capacity")
    with scene.database.begin(write=False) as session:
        row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == SERVICES[ONE])).one()
        assert (row.capacity, row.capacity_until) == ("unknown", None)
        pauses = session.scalars(sa.select(ServicePause).where(ServicePause.service_id == row.id)).all()
        assert [(pause.need, pause.until) for pause in pauses] == [("asylum", date(2026, 12, 7))]
        for need, why in (("asylum", "need"), ("detention", None)):
            case = Case(needs=[need], languages=["ru"])
            found = unavailability_of(session, case, SERVICES[ONE], scene.now.date())
            assert (found.why if found else None) == why
    everything = scene.case(ONE, needs=listed)
    scene.act(scene.offered(ONE, everything, wanted=listed), ReferralVerb.DECLINE, partner(ONE), reason="no_capacity")
    with scene.database.begin(write=False) as session:
        row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == SERVICES[ONE])).one()
        assert (row.capacity, row.capacity_until) == ("full", date(2026, 12, 7))


def test_each_acceptance_takes_one_of_the_places_and_the_last_one_fills_the_service(scene: Scene) -> None:
    by, until = Editor(UUID(int=7), "member"), date(2026, 12, 31)
    with scene.write() as session:
        availability.set_capacity(session, SERVICES[ONE], "open", until, by=by, now=scene.now, places="2")
    first = scene.accepted()
    assert places(scene) == ("open", 1)
    second = scene.accepted()
    assert places(scene) == ("full", 0)
    scene.act(second, ReferralVerb.UNDO_ACCEPT, partner(ONE))
    assert places(scene) == ("open", 1), "an acceptance that is undone gives its place back"
    scene.act(second, ReferralVerb.DECLINE, partner(ONE), reason="no_capacity")
    assert places(scene)[0] == "open", "full for the need that was declined only"
    scene.act(first, ReferralVerb.HAND_BACK, partner(ONE), reason="other")
    assert places(scene) == ("open", 1)
    scene.later(days=60)
    scene.accepted()
    assert places(scene) == ("open", 1), "after its day the number says nothing any more"
    with scene.write() as session:
        availability.set_capacity(session, SERVICES[ONE], "open", scene.now.date(), by=by, now=scene.now)
    scene.accepted()
    assert places(scene) == ("open", None), "who does not count is not counted"
    for wrong in ("0", "-1", "1000", "many", "²"):
        with pytest.raises(Invalid), scene.write() as session:
            availability.set_capacity(session, SERVICES[ONE], "open", until, by=by, now=scene.now, places=wrong)


def places(scene: Scene) -> tuple[str, int | None]:
    with scene.database.begin(write=False) as session:
        row = session.scalars(sa.select(ServiceRow).where(ServiceRow.key == SERVICES[ONE])).one()
        return row.capacity, row.places


def test_three_refusals_of_one_kind_in_a_quarter_are_counted_for_the_service(scene: Scene) -> None:
    scene.act(scene.offered(), ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    scene.later(days=93)
    since = scene.now - timedelta(days=92)
    for reason in ("out_of_scope", "out_of_scope", "not_eligible", "duplicate", "duplicate", "duplicate"):
        scene.act(scene.offered(), ReferralVerb.DECLINE, partner(ONE), reason=reason)
    with scene.database.begin(write=False) as session:
        assert queries.repeated_refusals(session, organisation(ONE), since) == {}, "two, and one of another time"
    scene.act(scene.offered(), ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    with scene.database.begin(write=False) as session:
        found = queries.repeated_refusals(session, organisation(ONE), since)
        assert found == {SERVICES[ONE]: [("out_of_scope", 3)]}
        assert queries.repeated_refusals(session, organisation(TWO), since) == {}
        (often,) = queries.refused_services(session, since)
        assert (often.service, often.reason, often.times) == (SERVICES[ONE], "out_of_scope", 3)
        assert often.by_need == {"asylum": (3, 7)}, "asked for seven times, and refused three times for this reason"
        ((filed, key),) = refusal_proposals.waiting(session)
        assert (key, filed.reason, filed.times, filed.by_need) == (SERVICES[ONE], "out_of_scope", 3, {"asylum": [3, 7]})
        assert filed.left_out == frozenset(), "asked for seven times: the numbers do not say that the need is wrong"
        (task,) = session.scalars(sa.select(Task).where(Task.kind == TaskKind.CHANGE_RULE.value))
        assert (task.about_id, task.case_id) == (named_id("service", SERVICES[ONE]), None)
    scene.act(scene.offered(), ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    with scene.database.begin(write=False) as session:
        assert len(session.scalars(sa.select(Task).where(Task.kind == TaskKind.CHANGE_RULE.value)).all()) == 1
        assert [(one.id, one.times) for one, _key in refusal_proposals.waiting(session)] == [(filed.id, 3)]


def refused_for_detention(scene: Scene) -> RefusalProposal:
    for _ in range(3):
        referral = scene.offered(ONE, scene.case(ONE, needs=("asylum", "detention")), wanted=("detention",))
        scene.act(referral, ReferralVerb.DECLINE, partner(ONE), reason="not_eligible")
    with scene.database.begin(write=False) as session:
        ((filed, _key),) = refusal_proposals.waiting(session)
    return filed


def test_a_need_that_was_refused_each_time_it_was_asked_for_is_left_out_of_the_proposal(scene: Scene) -> None:
    scene.accepted()
    filed = refused_for_detention(scene)
    assert (filed.by_need, filed.left_out) == ({"asylum": [0, 1], "detention": [3, 3]}, {"detention"})
    directory = load_packs()
    text = refusal_rules.as_yaml(directory, SERVICES[ONE], filed)
    listed = set(rule_overlay.content_of(directory)[SERVICES[ONE]]["needs"])
    assert set(yaml.safe_load(text)[SERVICES[ONE]]["needs"]) == listed - {"detention"}
    assert not refusal_rules.changes_nothing(directory, SERVICES[ONE], filed)
    filed.by_need = {need: [3, 3] for need in listed}
    assert refusal_rules.changes_nothing(directory, SERVICES[ONE], filed), "no need would be left"
    filed.by_need = {"asylum": [3, 6], "detention": [3, 7], "appeals": [2, 2]}
    assert filed.left_out == {"asylum"}, "every second time; not twice, and not more seldom"


def test_reopened_within_ninety_days(scene: Scene) -> None:
    referral = scene.accepted()
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    scene.later(days=90)
    scene.act(referral, ReferralVerb.REOPEN, partner(ONE))
    assert scene.case_of(referral).state == "referred"
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    scene.later(days=91)
    assert isinstance(scene.refused(referral, ReferralVerb.REOPEN, COORDINATOR), Conflict)


def test_not_reopened_beside_a_newer_one(scene: Scene) -> None:
    referral = scene.accepted()
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="contact_lost")
    scene.offered(ONE, scene.row(referral).case_id)
    assert isinstance(scene.refused(referral, ReferralVerb.REOPEN, partner(ONE)), Conflict)


def test_a_completion_by_mistake_opens_the_case_again(scene: Scene) -> None:
    referral = scene.accepted()
    scene.act(referral, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    scene.act(referral, ReferralVerb.VOID, SENIOR, reason="mistake")
    assert scene.case_of(referral).state == "in_review"
    with scene.database.begin(write=False) as session:
        assert not sealed_parts.organisations_with_key(session, scene.row(referral).case_id)


def test_what_the_person_does_is_kept_to_the_hour(scene: Scene) -> None:
    referral = scene.offered()
    scene.act(referral, ReferralVerb.ASK_INFO, partner(ONE))
    scene.later(hours=3, minutes=17, seconds=5)
    scene.act(referral, ReferralVerb.ANSWER, PERSON)
    with scene.database.begin(write=False) as session:
        last = session.scalars(sa.select(ReferralEvent).order_by(ReferralEvent.seq.desc())).first()
        assert last is not None
        assert last.at == datetime(2026, 11, 23, 13, 0, tzinfo=START.tzinfo)
    scene.holds_together()


# --- the clock -------------------------------------------------------------------------------------------------------


def test_an_offer_nobody_answers_is_reminded_of_escalated_and_goes_to_the_next(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    referral = scene.offered(ONE, case)
    while scene.row(referral).state == "offered":
        scene.later(hours=6)
        scene.tick()
        scene.tick()
    scene.tick()
    assert [kind for kind in scene.told() if kind.startswith(("offer_", "referral_"))] == [
        "referral_offered→partner",
        "offer_not_acknowledged→team",
        "offer_reminder→partner",
        "offer_reminder→partner",
        "offer_overdue→team",
        "referral_expired→team",
        "referral_offered→partner",
    ]
    assert scene.referrals(case) == {ONE: "expired", TWO: "offered"}
    assert scene.case_row(case).waiting_since == START
    scene.holds_together()


def test_a_round_that_comes_again_does_nothing_more(scene: Scene) -> None:
    scene.offered(ONE, scene.case(ONE, TWO))
    scene.later(days=40)
    assert scene.tick() == 1
    assert scene.tick() == 1  # the expired one asks the next
    told = scene.told()
    assert scene.tick() == 0
    assert scene.told() == told


def test_nobody_left_to_ask_is_unmet_and_the_team_is_told(scene: Scene) -> None:
    with scene.write() as session:  # the rules find only these two
        session.execute(
            sa.update(Organisation)
            .where(Organisation.slug.not_in([ONE, TWO]))
            .values(paused_until=scene.now + timedelta(days=365))
        )
    case = scene.case(ONE, TWO)
    scene.act(scene.offered(ONE, case), ReferralVerb.DECLINE, partner(ONE), reason="not_eligible")
    scene.tick()
    with scene.database.begin(write=False) as session:
        second = session.scalars(sa.select(Referral.id).where(Referral.organisation_id == organisation(TWO))).one()
    scene.act(second, ReferralVerb.DECLINE, partner(TWO), reason="not_eligible")
    scene.tick()
    assert scene.case_row(case).state == "unmet"
    assert "nobody_left→team" in scene.told_last()
    scene.holds_together()


def test_others_could_help_but_the_person_has_not_agreed_to_them(scene: Scene) -> None:
    case = scene.case(ONE)
    scene.act(scene.offered(ONE, case), ReferralVerb.DECLINE, partner(ONE), reason="other")
    scene.tick()
    assert scene.case_row(case).state == "in_review"
    assert "nobody_consented_left→team" in scene.told_last()


def test_one_without_an_account_that_the_person_agreed_to_is_the_coordinators_next_step(scene: Scene) -> None:
    """Nobody may say that all who may be asked were asked, and the person is not told that nobody is left."""
    case = scene.case(ONE, "pl-hnlac")
    scene.act(scene.offered(ONE, case), ReferralVerb.DECLINE, partner(ONE), reason="other")
    scene.tick()
    with scene.database.begin(write=False) as session:
        open_now = session.scalars(sa.select(Task.kind).where(Task.case_id == case, Task.done_at.is_(None)))
        assert list(open_now) == ["find_next"]
        told = session.scalars(sa.select(OutboxMessage.kind).where(OutboxMessage.about_id == case)).all()
    assert not [kind for kind in told if kind.startswith("nobody")]
    scene.holds_together()


def test_in_an_emergency_three_are_asked_at_once_and_the_first_to_accept_ends_the_others(scene: Scene) -> None:
    case = scene.case(ONE, TWO, THREE, "pl-hnlac", urgency="emergency")
    with scene.write() as session:
        from app.core import keyholders
        from app.core.keyholders import OwnerKind
        from app.core.sealing import KeyPair

        public = KeyPair.generate().public
        keyholders.register(session, OwnerKind.ORGANISATION, organisation("pl-hnlac"), public, START)
        grant(session, scene, case, "pl-hnlac")
    scene.act(scene.offered(ONE, case), ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    scene.tick()
    with scene.database.begin(write=False) as session:
        rows = session.scalars(sa.select(Referral).where(Referral.case_id == case, Referral.state == "offered")).all()
    assert len(rows) == 3
    taker = rows[0]
    by = ActorRef(partner(ONE).kind, taker.organisation_id, taker.organisation_id)
    scene.act(taker.id, ReferralVerb.ACCEPT, by)
    with scene.database.begin(write=False) as session:
        states = sorted(session.scalars(sa.select(Referral.state).where(Referral.case_id == case)))
    assert states == ["accepted", "declined", "withdrawn", "withdrawn"]


def test_over_a_weekend_an_emergency_asks_the_next_beside_those_who_are_closed(scene: Scene) -> None:
    scene.now = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)  # a Friday, half past six in Warsaw
    case = scene.case(ONE, TWO, urgency="emergency")
    first = scene.offered(ONE, case)
    scene.now = datetime(2026, 11, 29, 5, 29, tzinfo=UTC)
    scene.tick()
    assert scene.referrals(case) == {ONE: "offered"}
    scene.later(minutes=1)
    scene.tick()
    assert scene.referrals(case) == {ONE: "offered", TWO: "offered"}
    scene.now = datetime(2026, 11, 30, 9, 59, tzinfo=UTC)
    scene.tick()
    assert scene.row(first).state == "offered", "they open at nine and have two hours"
    scene.act(first, ReferralVerb.ACCEPT, partner(ONE))
    assert scene.referrals(case) == {ONE: "accepted", TWO: "withdrawn"}


def test_on_a_friday_evening_with_a_deadline_on_tuesday_a_coordinator_is_told_and_nobody_expires(scene: Scene) -> None:
    scene.now = datetime(2026, 11, 27, 17, 30, tzinfo=UTC)
    case = scene.case(ONE, TWO, urgency="urgent", last_safe_day=date(2026, 12, 1))
    scene.offered(ONE, case)
    scene.later(hours=2)
    scene.tick()
    assert "offer_waits_for_opening→team" in scene.told_last()
    scene.later(hours=60)
    scene.tick()
    assert scene.referrals(case) == {ONE: "offered"}
    scene.now = datetime(2026, 11, 30, 14, tzinfo=UTC)
    scene.tick()
    assert scene.referrals(case)[ONE] == "expired"


def test_what_waits_for_consent_or_a_day_is_looked_at_again_and_again(scene: Scene) -> None:
    waiting = scene.draft(scene.case(TWO), ONE)
    scene.act(waiting, ReferralVerb.ASK_CONSENT)
    held = scene.offered(ONE)
    scene.act(held, ReferralVerb.WAITLIST, partner(ONE), until=date(2026, 11, 30))
    for _ in range(3):
        scene.later(days=8)
        scene.tick()
    told = scene.told()
    assert told.count("look_at_awaiting_consent→team") == 3
    assert told.count("look_at_waitlisted→team") == 3
    assert told.count("look_at_waitlisted→partner") == 3


def test_first_contact_that_is_overdue_is_told(scene: Scene) -> None:
    scene.accepted()
    scene.later(days=7, minutes=1)
    scene.tick()
    assert "look_at_accepted→team" in scene.told_last()


def test_nothing_is_asked_after_the_case_was_erased_or_taken(scene: Scene) -> None:
    case = scene.case(ONE, TWO)
    scene.act(scene.offered(ONE, case), ReferralVerb.DECLINE, partner(ONE), reason="other")
    scene.offered(TWO, case)
    scene.tick()
    assert scene.referrals(case) == {ONE: "declined", TWO: "offered"}


# --- the feed --------------------------------------------------------------------------------------------------------


def test_positions_are_given_once_and_never_again(scene: Scene) -> None:
    scene.accepted()
    with scene.write() as session:
        assert change_feed.place_events(session) == 2
        assert change_feed.place_events(session) == 0
    scene.later(days=91)
    with scene.write() as session:
        assert change_feed.drop_old(session, scene.now) == 1
    scene.offered(TWO)
    with scene.write() as session:
        change_feed.place_events(session)
        assert session.scalars(sa.select(FeedEvent.position).order_by(FeedEvent.n)).all() == [2, 3]
        found = change_feed.read_events(session, organisation(TWO), 2, 10)
        assert [(event.type, event.position) for event in found] == [("referral.offered", 3)]


def test_only_the_least_is_owed_when_the_deadline_is_tomorrow(scene: Scene) -> None:
    referral = scene.offered(last_safe_day=START.date() + timedelta(days=1))
    row = scene.row(referral)
    assert row.urgency == "emergency"
    assert row.expires_at == START + deadlines.MINIMUM_ANSWER_TIME


def test_state_is_assigned_in_one_place_only() -> None:
    import re
    from pathlib import Path

    import app

    found = {
        path.relative_to(Path(app.__file__).parent).as_posix()
        for path in Path(app.__file__).parent.rglob("*.py")
        if re.search(r"\b(?:referral|case)\w*\.state = ", path.read_text(encoding="utf-8"))
    }
    assert found == {"referrals/transitions.py", "cases/transitions.py"}


def test_states_are_those_of_the_table(scene: Scene) -> None:
    assert max(len(state) for state in ReferralState) <= Referral.state.type.length  # type: ignore[attr-defined]
