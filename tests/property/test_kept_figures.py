"""The figures of reports are exact whatever happens to the cases: the same as counting them one by one."""

import random
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import privacy
from app.cases import transitions
from app.cases.models import Case, CaseNeed
from app.core.db import Database
from app.core.ids import named_id
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import LIVE, ReferralState
from app.reporting import kept_figures, queries
from app.reporting.models import ReportCase, ReportChange, ReportFigure
from app.reporting.tally import Figure, Subject, tally
from tests.support.cases import START, Scene, set_scene
from tests.support.desk import ONE, TWO

MONTHS = ["2026-09", "2026-10", "2026-11", "2026-12", "2027-01"]
OUT = sorted(state.value for state in ReferralState if state not in LIVE)


def one_by_one(session: Session, team_id: UUID | None, slug: str | None = None) -> Counter[Figure]:
    """All records that there are, counted from the start."""
    records = queries.of_cases(session, session.scalars(sa.select(Case.id)).all())
    figures: Counter[Figure] = Counter()
    for one in records.values():
        if team_id in {None, one.team_id}:
            figures += tally([one.case] if one.case else [], one.offers, one.choices)
    wanted = set(kept_figures._OF_TEAM if slug is None else kept_figures._OF_ORGANISATION)
    return Counter(
        {
            figure: count
            for figure, count in figures.items()
            if figure.subject in wanted and slug in {None, figure.organisation}
        }
    )


def check(database: Database) -> None:
    with database.begin(write=False) as session:
        teams = session.scalars(sa.select(Case.team_id).distinct()).all()
        for team_id in (None, *teams):
            kept = kept_figures.read(session, MONTHS, team_id=team_id)
            assert kept.behind == 0
            assert kept.figures == one_by_one(session, team_id)
        assert kept_figures.read(session, MONTHS, organisation=ONE).figures == one_by_one(session, None, ONE)
        brief = kept_figures.read(session, MONTHS[:1], beside=MONTHS[1:]).figures
        compared = {Subject.CASE, Subject.OFFER, Subject.STEP}
        assert {figure for figure in brief if figure.month != MONTHS[0]} == {
            figure for figure in one_by_one(session, None) if figure.month != MONTHS[0] and figure.subject in compared
        }
        by_hand = sa.select(sa.func.count()).where(Case.state != "erased", Case.country == "PL")
        counted = sum(
            count
            for figure, count in one_by_one(session, None).items()
            if figure.subject == Subject.CASE and figure.codes[0] == "PL"
        )
        assert counted == session.scalar(by_hand)


def change(scene: Scene, chance: random.Random, case_id: UUID, teams: list[UUID]) -> None:
    """One of the things that can happen to a case: it moves, its codes are corrected, its needs end, an offer goes on."""
    with scene.write() as session:
        case = session.get_one(Case, case_id)
        if case.state == "erased":
            return
        what = chance.randrange(6)
        if what == 0:
            state = chance.choice(["submitted", "in_review", "referred", "unmet", "helped", "advised"])
            case.state, case.closed_at = state, START if state in {"helped", "advised"} else None
        elif what == 1:
            case.country, case.language = chance.choice(["PL", "DE", "GE"]), chance.choice(["ru", "be"])
            case.team_id = chance.choice(teams)
        elif what == 2:
            case.waiting_since = START + timedelta(days=chance.choice([-40, 0, 40]))
            case.needs = chance.sample(["asylum", "housing", "appeals"], chance.randrange(1, 4))
        elif what == 3:
            session.execute(
                sa.update(CaseNeed).where(CaseNeed.case_id == case_id).values(state=chance.choice(["unmet", "open"]))
            )
        elif what == 4:
            offer(session, chance, case)
        else:
            go_on(session, chance, case)


def offer(session: Session, chance: random.Random, case: Case) -> None:
    at = START + timedelta(days=chance.randrange(-40, 40), hours=chance.randrange(24))
    slug = chance.choice([ONE, TWO])
    referral_id, organisation_id = uuid4(), named_id("organisation", slug)
    service_id = named_id("service", f"{slug}/legal-help")
    assert session.get(Organisation, organisation_id) is not None
    session.add(
        Referral(
            id=referral_id, label=f"R-{referral_id.hex[:8]}", case_id=case.id, service_id=service_id,
            organisation_id=organisation_id, state=chance.choice(OUT), version=1, needs=chance.choice([None, ["asylum"]]),
            urgency=case.urgency, waiting_since=at, created_at=at, offered_at=chance.choice([at, at, None]), updated_at=at,
            outcome=chance.choice([None, "advised"]),
        )
    )  # fmt: skip
    session.flush()
    event(session, referral_id, 1, "create", at, {"passed_over": chance.choice(["knows_person", "not_said"])})
    for seq, verb in enumerate(chance.sample(["acknowledge", "accept", "decline", "start", "complete"], 3), 2):
        event(session, referral_id, seq, verb, at + timedelta(hours=seq * chance.randrange(1, 60)), {})


def event(session: Session, referral_id: UUID, seq: int, verb: str, at: Any, codes: dict[str, Any]) -> None:
    session.add(
        ReferralEvent(
            referral_id=referral_id, seq=seq, verb=verb, source=None, target="offered", actor_kind="coordinator",
            actor_id=None, reason=None, codes=codes, at=at,
        )
    )  # fmt: skip


def go_on(session: Session, chance: random.Random, case: Case) -> None:
    """A move of one of the case's referrals: its version and an event, as `transitions` writes them."""
    referral = session.scalars(sa.select(Referral).where(Referral.case_id == case.id).order_by(Referral.label)).first()
    if referral is None:
        return
    last = (
        session.scalar(sa.select(sa.func.max(ReferralEvent.seq)).where(ReferralEvent.referral_id == referral.id)) or 0
    )
    referral.version, referral.state = referral.version + 1, chance.choice(OUT)
    event(
        session, referral.id, last + 1, chance.choice(["accept", "ask_info", "expire"]), START + timedelta(hours=7), {}
    )


@pytest.mark.parametrize("seed", range(2))
def test_the_kept_figures_are_those_of_counting_one_by_one(database: Database, seed: int) -> None:
    scene, chance = set_scene(database), random.Random(seed)
    ids = [scene.case() for _ in range(8)]
    check(database)
    with database.begin(write=False) as session:
        teams = list(session.scalars(sa.text("SELECT id FROM teams ORDER BY slug").columns(id=sa.Uuid())))
    for step in range(24):
        for case_id in chance.sample(ids, 3):
            change(scene, chance, case_id, teams)
        if step in {9, 18}:
            with scene.write() as session:
                privacy.erase(session, transitions.locked(session, ids[step % 8]), actor_kind="person", now=START)
        if chance.random() < 0.5:
            with scene.write() as session:
                kept_figures.settle(session, limit=chance.choice([1, 2, 500]))
        if step % 4 == 3:
            check(database)
    settle_all(scene)
    check(database)
    before = stored(scene)
    with scene.write() as session:
        session.execute(sa.delete(ReportFigure))
        session.execute(sa.delete(ReportCase))
        kept_figures.note_all(session)
    settle_all(scene)
    assert stored(scene) == before, "rebuilt from nothing"


def settle_all(scene: Scene) -> None:
    done = 1
    while done:
        with scene.write() as session:
            done = kept_figures.settle(session, limit=5)
    with scene.write() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(ReportChange)) == 0


def stored(scene: Scene) -> tuple[set[tuple[Any, ...]], set[UUID]]:
    with scene.database.begin(write=False) as session:
        rows = session.execute(sa.select(*ReportFigure.__table__.c)).all()
        assert all(row.count > 0 for row in rows)
        return {tuple(row) for row in rows}, set(session.scalars(sa.select(ReportCase.case_id)))


def test_an_erased_case_leaves_nothing_but_its_offers(database: Database) -> None:
    scene = set_scene(database)
    case_id = scene.case()
    settle_all(scene)
    with scene.write() as session:
        assert session.get(ReportCase, case_id) is not None
        privacy.erase(session, transitions.locked(session, case_id), actor_kind="person", now=START)
    settle_all(scene)
    assert stored(scene) == (set(), set())


def test_a_reader_says_so_when_too_much_has_changed_to_count_it_at_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = set_scene(database)
    for _ in range(3):
        scene.case()
    monkeypatch.setattr(kept_figures, "MOST_IN_MEMORY", 2)
    with database.begin(write=False) as session:
        kept = kept_figures.read(session, MONTHS)
    assert (kept.figures, kept.behind) == (Counter(), 3)
    settle_all(scene)
    with database.begin(write=False) as session:
        kept = kept_figures.read(session, MONTHS)
    assert (sum(count for figure, count in kept.figures.items() if figure.subject == Subject.CASE), kept.behind) == (
        3,
        0,
    )
