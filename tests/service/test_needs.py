"""Each need of a case to its end: several organisations, each for its own needs, and nobody is lost between them."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import needs, sealed_parts, transitions
from app.cases.models import Case, CaseNeed
from app.casework import auto_offer, effects
from app.core.db import Database
from app.core.errors import Conflict, Invalid, PreconditionFailed
from app.privacy import service as privacy
from app.referrals.models import FeedEvent
from app.referrals.states import ReferralVerb
from app.tasks.models import Task
from tests.support.cases import ONE, THREE, TWO, Scene, organisation, partner, set_scene, together

BOTH = ["asylum", "psychosocial"]


@pytest.fixture
def scene(database: Database) -> Scene:
    return set_scene(database)


def open_tasks(scene: Scene, case_id: UUID) -> set[str]:
    with scene.database.begin(write=False) as session:
        return set(session.scalars(sa.select(Task.kind).where(Task.case_id == case_id, Task.done_at.is_(None))))


def test_a_centre_that_does_one_need_takes_nothing_from_the_other(scene: Scene) -> None:
    """Asked for asylum and psychological help, and the centre that only does the second accepts: the first is not lost."""
    case = scene.case(ONE, THREE, needs=BOTH)
    asylum = scene.offered(ONE, case)
    assert scene.row(asylum).needs == ["asylum"]
    assert open_tasks(scene, case) == {"find_next"}, "a need that nobody is asked about leaves a task at once"
    psychologist = scene.offered(THREE, case)
    assert scene.row(psychologist).needs == ["psychosocial"]
    assert open_tasks(scene, case) == set()
    scene.act(psychologist, ReferralVerb.ACCEPT, partner(THREE))
    assert scene.referrals(case) == {ONE: "offered", THREE: "accepted"}
    scene.act(psychologist, ReferralVerb.COMPLETE, partner(THREE), outcome="resolved")
    assert scene.needs(case) == {"asylum": "offered", "psychosocial": "helped"}
    assert scene.case_row(case).state == "referred"
    scene.act(asylum, ReferralVerb.DECLINE, partner(ONE), reason="out_of_scope")
    assert scene.needs(case)["asylum"] == "open"
    assert scene.case_row(case).state == "in_review"
    assert scene.case_row(case).uncovered
    assert "find_next" in open_tasks(scene, case)
    scene.holds_together(case)


def test_both_centres_read_the_case_and_it_ends_with_the_last_need(scene: Scene) -> None:
    case = scene.case(ONE, TWO, THREE, needs=BOTH)
    first, second = scene.offered(ONE, case), scene.offered(THREE, case)
    scene.act(first, ReferralVerb.ACCEPT, partner(ONE))
    with scene.database.begin(write=False) as session:
        assert organisation(THREE) in sealed_parts.organisations_with_key(session, case)
    scene.act(second, ReferralVerb.ACCEPT, partner(THREE))
    with scene.database.begin(write=False) as session:
        assert sealed_parts.organisations_with_key(session, case) == {organisation(ONE), organisation(THREE)}
    scene.act(first, ReferralVerb.COMPLETE, partner(ONE), outcome="advised")
    assert scene.case_row(case).state == "referred"
    scene.act(second, ReferralVerb.COMPLETE, partner(THREE), outcome="represented")
    assert scene.case_row(case).state == "helped"
    assert scene.needs(case) == {"asylum": "advised", "psychosocial": "helped"}
    scene.holds_together(case)


def test_an_offer_that_asks_for_more_goes_on_with_the_rest(scene: Scene) -> None:
    case = scene.case(ONE, THREE, needs=BOTH)
    wide = scene.offered(THREE, case, wanted=BOTH)
    narrow = scene.offered(ONE, case, wanted=["asylum"])
    version = scene.row(wide).version
    scene.act(narrow, ReferralVerb.ACCEPT, partner(ONE))
    after = scene.row(wide)
    assert (after.state, after.needs, after.version) == ("offered", ["psychosocial"], version + 1)
    with scene.database.begin(write=False) as session:
        told = session.scalars(sa.select(FeedEvent.version).where(FeedEvent.referral_id == wide)).all()
    assert version + 1 in told, "their program learns that they are asked for less"
    refused = scene.refused(wide, ReferralVerb.ACCEPT, partner(THREE), version=version)
    assert isinstance(refused, PreconditionFailed), "nobody accepts what they have not seen"
    scene.act(wide, ReferralVerb.ACCEPT, partner(THREE), version=version + 1)
    assert scene.needs(case) == {"asylum": "with_centre", "psychosocial": "with_centre"}
    scene.holds_together(case)


def test_an_acceptance_of_everything_withdraws_the_others(scene: Scene) -> None:
    case = scene.case(ONE, THREE, needs=BOTH)
    narrow, wide = scene.offered(ONE, case, wanted=["asylum"]), scene.offered(THREE, case, wanted=BOTH)
    scene.act(wide, ReferralVerb.ACCEPT, partner(THREE))
    assert scene.row(narrow).reason == "taken_elsewhere"
    assert scene.refused(narrow, ReferralVerb.ACCEPT, partner(ONE)) is not None


def test_of_two_that_race_for_a_need_one_wins(scene: Scene) -> None:
    case = scene.case(ONE, TWO, THREE, needs=BOTH)
    asked = {slug: scene.offered(slug, case, wanted=["asylum"]) for slug in (ONE, TWO)}
    asked[THREE] = scene.offered(THREE, case, wanted=["psychosocial"])
    got = together(
        *(
            lambda slug=slug, one=one: scene.act(one, ReferralVerb.ACCEPT, partner(slug), version=2)
            for slug, one in asked.items()
        )
    )
    assert sum(not isinstance(one, Exception) for one in got) == 2
    assert scene.needs(case) == {"asylum": "with_centre", "psychosocial": "with_centre"}
    assert sorted(scene.referrals(case).values()) == ["accepted", "accepted", "withdrawn"]
    scene.holds_together(case)


def test_a_need_that_another_centre_has_cannot_be_asked_for(scene: Scene) -> None:
    case = scene.case(ONE, THREE, needs=BOTH)
    scene.act(scene.offered(ONE, case), ReferralVerb.ACCEPT, partner(ONE))
    with pytest.raises(Conflict):
        scene.draft(case, THREE, wanted=BOTH)
    with pytest.raises(Invalid):
        scene.draft(case, THREE, wanted=["housing"])
    with pytest.raises(Invalid):
        scene.draft(case, THREE, wanted=[])


def test_a_hand_back_opens_its_own_needs_only(scene: Scene) -> None:
    case = scene.case(ONE, THREE, needs=BOTH)
    first, second = scene.offered(ONE, case), scene.offered(THREE, case)
    scene.act(first, ReferralVerb.ACCEPT, partner(ONE))
    scene.act(second, ReferralVerb.ACCEPT, partner(THREE))
    scene.act(second, ReferralVerb.HAND_BACK, partner(THREE), reason="other")
    assert scene.needs(case) == {"asylum": "with_centre", "psychosocial": "open"}
    assert scene.case_row(case).state == "referred"
    assert "handed_back" in open_tasks(scene, case)


def test_each_need_of_a_completed_referral_has_its_own_outcome(scene: Scene) -> None:
    case = scene.case(THREE, needs=BOTH)
    both = scene.offered(THREE, case)
    scene.act(both, ReferralVerb.ACCEPT, partner(THREE))
    refused = scene.refused(
        both, ReferralVerb.COMPLETE, partner(THREE), outcome="advised", outcomes={"housing": "resolved"}
    )
    assert isinstance(refused, Invalid)
    scene.act(both, ReferralVerb.COMPLETE, partner(THREE), outcome="advised", outcomes={"asylum": "referred_on"})
    assert scene.needs(case) == {"asylum": "open", "psychosocial": "advised"}
    assert scene.case_row(case).state == "in_review"
    assert open_tasks(scene, case) == {"find_next"}
    with scene.database.begin(write=False) as session:
        rows = {row.need: (row.referral_id, row.outcome) for row in session.scalars(sa.select(CaseNeed))}
    assert rows == {"asylum": (None, None), "psychosocial": (both, "advised")}


def test_the_clock_offers_each_need_to_somebody_who_helps_with_it(scene: Scene) -> None:
    case = scene.case(ONE, THREE, needs=["detention", "psychosocial"])
    with scene.write() as session:
        offered = auto_offer.offer_new_case(session, case, now=scene.now, context=scene.auto_offer)
        assert {tuple(referral.needs or ()) for referral in offered} == {("detention",), ("psychosocial",)}
    assert scene.needs(case) == {"detention": "offered", "psychosocial": "offered"}
    assert open_tasks(scene, case) == set()


def test_a_need_that_no_centre_can_be_asked_about_is_a_task_while_the_other_goes_on(scene: Scene) -> None:
    case = scene.case(ONE, needs=["detention", "psychosocial"])
    with scene.write() as session:
        auto_offer.offer_new_case(session, case, now=scene.now, context=scene.auto_offer)
    assert scene.needs(case) == {"detention": "offered", "psychosocial": "open"}
    assert scene.case_row(case).state == "referred"
    assert open_tasks(scene, case) & {"ask_person", "unmet"}
    scene.holds_together(case)


def test_a_need_that_the_person_drops_is_asked_for_no_longer_and_a_new_one_is_a_task(scene: Scene) -> None:
    case_id = scene.case(THREE, needs=BOTH)
    both = scene.offered(THREE, case_id)
    with scene.write() as session:
        case = transitions.locked(session, case_id)
        case.needs = ["asylum", "housing"]
        new, dropped = needs.correct(session, case, case.needs, now=scene.now)
        assert (new, dropped) == (["housing"], ["psychosocial"])
        effects.give_up_needs(session, case, dropped, "no_longer_needed", scene.now)
        needs.move(
            session, case, needs.of_case(session, case), needs.NeedVerb.DROP, dropped, by="person", now=scene.now
        )
    assert scene.row(both).needs == ["asylum"]
    assert scene.needs(case_id) == {"asylum": "offered", "psychosocial": "not_wanted", "housing": "open"}
    scene.holds_together(case_id)


def test_what_a_former_version_filed_gets_its_rows_when_it_is_touched(scene: Scene) -> None:
    """It knows neither the rows of needs nor what a referral is for."""
    case = scene.case(ONE, needs=["asylum"])
    offer = scene.offered(ONE, case)
    with scene.write() as session:
        session.execute(sa.delete(CaseNeed).where(CaseNeed.case_id == case))
        session.execute(sa.text("UPDATE referrals SET needs = NULL"))
        session.execute(sa.update(Case).where(Case.id == case).values(uncovered=False))
    scene.act(offer, ReferralVerb.ACCEPT, partner(ONE))
    assert scene.needs(case) == {"asylum": "with_centre"}
    scene.act(offer, ReferralVerb.COMPLETE, partner(ONE), outcome="represented")
    assert scene.case_row(case).state == "helped"


def test_an_erased_case_keeps_no_need(scene: Scene) -> None:
    case_id = scene.case(ONE, THREE, needs=BOTH)
    offer = scene.offered(ONE, case_id)
    with scene.write() as session:
        privacy.erase(session, transitions.locked(session, case_id), actor_kind="person", now=scene.now)
    assert scene.needs(case_id) == {}
    assert scene.row(offer).needs == []
    assert not scene.case_row(case_id).uncovered
