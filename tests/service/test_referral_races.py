"""Two and three actors at the same moment, each with a connection of its own: exactly one wins.

The other is told the present state, and has written nothing. The pairs are the race stories that other systems had.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import sealed_parts, transitions
from app.cases.models import Case
from app.casework import auto_offer, referral_actions, scheduler
from app.core.db import Database
from app.core.errors import AppError, Conflict, IllegalMove, PreconditionFailed
from app.matching.models import MatchRun
from app.messaging.models import OutboxMessage
from app.partners.organisations import Organisation
from app.privacy import service as privacy
from app.referrals import change_feed, queries
from app.referrals.models import FeedEvent, Referral, ReferralEvent
from app.referrals.states import ReferralVerb
from tests.support.cases import (
    CLOCK,
    COORDINATOR,
    ONE,
    PERSON,
    SERVICES,
    THREE,
    TWO,
    Scene,
    organisation,
    partner,
    set_scene,
    together,
)

ROUNDS = 4
Act = Callable[[Scene, UUID], Any]


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def accept(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.ACCEPT, partner(ONE))


def accept_as_seen(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.ACCEPT, partner(ONE), version=2)


def decline_as_seen(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.DECLINE, partner(ONE), version=2, reason="no_capacity")


def expire(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.EXPIRE, CLOCK)


def withdraw(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.WITHDRAW, COORDINATOR, version=2, reason="better_option")


def refuse(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.CLIENT_WITHDRAW, PERSON, version=2)


def waitlist(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.WAITLIST, partner(ONE), version=2, until=scene.now.date().replace(day=30))


def ask(scene: Scene, referral: UUID) -> Any:
    return scene.act(referral, ReferralVerb.ASK_INFO, partner(ONE), version=2)


@pytest.mark.parametrize(
    "racers",
    [
        (accept, expire),
        (accept_as_seen, withdraw),
        (accept_as_seen, refuse),
        (accept_as_seen, decline_as_seen),
        (accept_as_seen, accept_as_seen),
        (decline_as_seen, expire),
        (withdraw, withdraw),
        (accept_as_seen, decline_as_seen, expire),
        (accept_as_seen, withdraw, refuse),
        (waitlist, ask, withdraw),
    ],
    ids=lambda racers: "-".join(racer.__name__ for racer in racers),
)
def test_one_wins_and_the_others_are_told_the_present_state(scene: Scene, racers: tuple[Act, ...]) -> None:
    for _ in range(ROUNDS):
        referral = scene.offered(ONE)
        got = together(*(partial(act, scene, referral) for act in racers))
        lost = [answer for answer in got if isinstance(answer, AppError)]
        assert got.count(3) == 1, got
        assert len(lost) == len(racers) - 1
        row = scene.row(referral)
        for refused in lost:
            assert isinstance(refused, (IllegalMove, PreconditionFailed))
            assert refused.extra["state"] == row.state
            assert refused.extra["version"] == row.version == 3
        with scene.database.begin(write=False) as session:
            events = session.scalars(sa.select(ReferralEvent.seq).where(ReferralEvent.referral_id == referral)).all()
            fed = session.scalars(sa.select(FeedEvent.version).where(FeedEvent.referral_id == referral)).all()
        assert sorted(events) == [1, 2, 3]
        assert sorted(fed) == [2, 3]
    scene.holds_together()


def test_two_partners_accept_at_once(scene: Scene) -> None:
    for _ in range(ROUNDS):
        case = scene.case(ONE, TWO)
        offers = {slug: scene.offered(slug, case) for slug in (ONE, TWO)}
        got = together(
            *(partial(scene.act, offer, ReferralVerb.ACCEPT, partner(slug)) for slug, offer in offers.items())
        )
        assert sorted(isinstance(answer, IllegalMove) for answer in got) == [False, True]
        assert sorted(scene.referrals(case).values()) == ["accepted", "withdrawn"]
        winner = next(slug for slug, state in scene.referrals(case).items() if state == "accepted")
        with scene.database.begin(write=False) as session:
            assert sealed_parts.organisations_with_key(session, case) == {organisation(winner)}
    scene.holds_together()


def test_one_declines_while_the_other_accepts(scene: Scene) -> None:
    """Both may happen, in one order or the other; the case ends with the one who accepted."""
    for _ in range(ROUNDS):
        case = scene.case(ONE, TWO)
        first, second = scene.offered(ONE, case), scene.offered(TWO, case)
        together(
            partial(scene.act, first, ReferralVerb.DECLINE, partner(ONE), reason="other"),
            partial(scene.act, second, ReferralVerb.ACCEPT, partner(TWO)),
        )
        assert scene.referrals(case)[TWO] == "accepted"
        assert scene.referrals(case)[ONE] in {"declined", "withdrawn"}
        assert scene.case_row(case).state == "referred"
        scene.tick()
        assert len(scene.referrals(case)) == 2
    scene.holds_together()


def test_two_coordinators_refer_at_once(scene: Scene) -> None:
    def refer(case: UUID) -> UUID:
        with scene.write() as session:
            row = session.get_one(Case, case)
            draft = referral_actions.create(session, scene.keys, row, SERVICES[ONE], by=COORDINATOR, now=scene.now)
            return referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=COORDINATOR, now=scene.now).id

    for _ in range(ROUNDS):
        case = scene.case(ONE)
        got = together(partial(refer, case), partial(refer, case))
        assert sorted(isinstance(answer, Conflict) for answer in got) == [False, True]
        with scene.database.begin(write=False) as session:
            assert session.scalar(sa.select(sa.func.count()).where(Referral.case_id == case)) == 1


def test_the_person_withdraws_or_erases_while_a_partner_accepts(scene: Scene) -> None:
    def leave(case: UUID, *, erased: bool) -> None:
        with scene.write() as session:
            row = transitions.locked(session, case)
            if erased:
                privacy.erase(session, row, actor_kind="person", now=scene.now)
            else:
                privacy.withdraw(session, row, now=scene.now)

    for erased in (True, False) * 2:
        referral = scene.offered(ONE)
        case = scene.row(referral).case_id
        got = together(partial(accept, scene, referral), partial(leave, case, erased=erased))
        assert got[1] is None
        assert scene.row(referral).state == "client_declined"
        assert scene.case_row(case).state == ("erased" if erased else "withdrawn")
        with scene.database.begin(write=False) as session:
            assert not sealed_parts.organisations_with_key(session, case)
    scene.holds_together()


def test_a_pause_while_accepting_takes_nothing_back(scene: Scene) -> None:
    referral = scene.offered(ONE)

    def pause() -> None:
        with scene.write() as session:
            session.execute(sa.update(Organisation).values(paused_until=scene.now.replace(year=2027)))

    got = together(lambda: accept(scene, referral), pause)
    assert got == [3, None]
    assert scene.row(referral).state == "accepted"


def test_many_workers_do_each_thing_once(scene: Scene) -> None:
    cases = [scene.case(ONE, TWO) for _ in range(6)]
    for case in cases:
        scene.offered(ONE, case)
    scene.later(days=60)

    def work() -> None:
        for _ in range(3):
            with scene.database.begin(write=False) as session:
                due = scheduler.due(session, scene.now, 50)
            for referral in due:
                with scene.write() as session:
                    scheduler.tick(session, referral, now=scene.now, context=scene.auto_offer)

    together(work, work, work)
    for case in cases:
        assert scene.referrals(case) == {ONE: "expired", TWO: "offered"}
    with scene.database.begin(write=False) as session:
        kinds = session.scalars(sa.select(OutboxMessage.kind)).all()
    assert kinds.count("referral_expired") == 6
    assert kinds.count("referral_offered") == 12
    scene.holds_together()


def test_the_clock_and_a_partner_on_one_case_do_not_wait_in_a_circle(scene: Scene) -> None:
    for _ in range(ROUNDS):
        case = scene.case(ONE, TWO, THREE, urgency="emergency")
        offers = [(slug, scene.offered(slug, case)) for slug in (ONE, TWO, THREE)]
        scene.later(hours=37)
        together(
            scene.tick,
            scene.tick,
            *(partial(scene.act, offer, ReferralVerb.ACCEPT, partner(slug)) for slug, offer in offers),
        )
        states = sorted(scene.referrals(case).values())
        assert states.count("accepted") <= 1
        assert not {"offered"} & set(states) or "accepted" not in states
        scene.holds_together()


def test_two_workers_that_start_together_tell_the_team_once(scene: Scene) -> None:
    """Of a person who wants to be asked first nobody can be offered anything: that is one notice and one try."""

    def work(case_id: UUID) -> None:
        with scene.write() as session:
            auto_offer.offer_new_case(session, case_id, now=scene.now, context=scene.auto_offer)

    cases = [scene.case(consent={"mode": "ask_first"}) for _ in range(4)]
    for case_id in cases:
        together(*(partial(work, case_id) for _ in range(2)))
    with scene.database.begin(write=False) as session:
        told = session.scalars(sa.select(OutboxMessage.about_id).where(OutboxMessage.kind == "nobody_consented_left"))
        assert sorted(told) == sorted(cases)
        tries = sa.select(sa.func.count()).select_from(MatchRun).where(MatchRun.seq > 1)
        assert session.scalar(tries) == len(cases)


def test_a_reader_of_the_feed_misses_no_slower_writer(postgres_database: Database) -> None:
    """The slow one writes first and commits last: its event comes with a later position, not an earlier one.

    On SQLite there is one writer at a time, and so no slower one.
    """
    scene = set_scene(postgres_database)
    slow, fast = scene.offered(ONE), scene.offered(ONE)
    place = _sequence(scene)
    with scene.write() as session:
        referral_actions.advance(session, slow, ReferralVerb.ACKNOWLEDGE, by=partner(ONE), now=scene.now)
        session.flush()
        scene.act(fast, ReferralVerb.ACKNOWLEDGE, partner(ONE))
        seen = _read(scene, place)
        assert [event.referral_id for event in seen] == [fast]
        place = seen[-1].position or 0
    seen = _read(scene, place)
    assert [event.referral_id for event in seen] == [slow]


def _sequence(scene: Scene) -> int:
    with scene.write() as session:
        change_feed.place_events(session)
        return session.scalar(sa.select(sa.func.max(FeedEvent.position))) or 0


def _read(scene: Scene, after: int) -> list[FeedEvent]:
    _sequence(scene)
    with scene.database.begin(write=False) as session:
        return list(change_feed.read_events(session, organisation(ONE), after, 100))


def test_readers_that_place_events_at_once_give_each_a_position_of_its_own(scene: Scene) -> None:
    for _ in range(5):
        scene.offered(ONE)
    together(*(lambda: _sequence(scene) for _ in range(4)))
    with scene.database.begin(write=False) as session:
        assert session.scalars(sa.select(FeedEvent.position).order_by(FeedEvent.position)).all() == [1, 2, 3, 4, 5]


def test_the_clock_passes_over_a_case_that_somebody_holds_and_takes_the_next(postgres_database: Database) -> None:
    scene = set_scene(postgres_database)
    held, free = scene.offered(ONE), scene.offered(ONE)
    scene.later(days=30)
    with scene.write() as coordinator, scene.write() as clock:
        transitions.locked(coordinator, scene.row(held).case_id)
        clock.execute(sa.text("SET LOCAL lock_timeout = '10s'"))  # who waits here fails
        assert queries.claim_due(clock, held, scene.now) is None
        claimed = queries.claim_due(clock, free, scene.now)
        assert claimed is not None
        assert claimed[0].id == free
    with scene.write() as clock:
        again = queries.claim_due(clock, held, scene.now)
        assert again is not None
        assert again[1].id == scene.row(held).case_id
