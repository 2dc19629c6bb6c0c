"""Cases and referrals without any HTTP: one team, three centres with keys, and short ways to play through a life."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import transitions
from app.cases.models import Case, CaseNeed
from app.casework import referral_actions, scheduler
from app.casework.auto_offer import AutoOfferContext
from app.casework.filing import file_intake
from app.core import keyholders
from app.core.db import Database
from app.core.errors import AppError
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import loader as directory_service
from app.directory.packs import load_packs
from app.intake.schemas import Intake
from app.messaging.models import OutboxMessage
from app.partners.models import ClientCredential, OAuthClient
from app.referrals import deadline_storage
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import AT_WORK, LIVE, WITH_PARTNER, ReferralActor, ReferralState, ReferralVerb
from app.staff import service as staff
from tests.support.founding import found

START: Final = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
ONE, TWO, THREE = "pl-hfhr", "pl-sip", "pl-ocalenie"
SERVICES: Final = {slug: f"{slug}/legal-help" for slug in (ONE, TWO, THREE)}
COORDINATOR: Final = ActorRef(ReferralActor.COORDINATOR, uuid4())
SENIOR: Final = ActorRef(ReferralActor.SENIOR, uuid4())
PERSON: Final = ActorRef(ReferralActor.PERSON)
CLOCK: Final = ActorRef(ReferralActor.CLOCK)


def organisation(slug: str) -> UUID:
    return named_id("organisation", slug)


def partner(slug: str) -> ActorRef:
    return ActorRef(ReferralActor.PARTNER, organisation(slug), organisation(slug))


@dataclass
class Scene:
    """The service's inside on one database, and a clock that the test turns."""

    database: Database
    keys: KeyRing = field(default_factory=lambda: KeyRing.generate(START.date()))
    now: datetime = START

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self.database.begin() as session:
            yield session

    def later(self, **by: float) -> None:
        self.now += timedelta(**by)

    @property
    def auto_offer(self) -> AutoOfferContext:
        return AutoOfferContext(self.keys, load_packs())

    def case(self, *consented: str, urgency: str = "normal", last_safe_day: date | None = None, **answers: Any) -> UUID:
        """A case filed now; whoever is named holds a key of it."""
        document = {
            "language": "ru",
            "for_whom": "self",
            "needs": ["asylum"],
            "how_soon": {"emergency": "today", "urgent": "week"}.get(urgency, "month"),
            "country": "PL",
            "region": "PL-14",
            "speak": ["ru", "pl"],
            "consent": {"mode": "named", "organisations": list(consented)},
            **answers,
        }
        with self.write() as session:
            intake = Intake.model_validate(document)
            filed = file_intake(session, intake, keys=self.keys, directory=load_packs(), now=self.now)
            if last_safe_day is not None:
                session.execute(sa.update(Case).where(Case.id == filed.case_id).values(last_safe_day=last_safe_day))
        return filed.case_id

    def draft(
        self, case_id: UUID, slug: str = ONE, by: ActorRef = COORDINATOR, *, wanted: Sequence[str] | None = None
    ) -> UUID:
        with self.write() as session:
            case = transitions.locked(session, case_id)
            return referral_actions.create(
                session, self.keys, case, SERVICES[slug], by=by, now=self.now, wanted=wanted
            ).id

    def act(
        self,
        referral_id: UUID,
        verb: ReferralVerb,
        by: ActorRef = COORDINATOR,
        *,
        version: int | None = None,
        **payload: Any,
    ) -> int:
        """Take a step in a transaction of its own; gives the version after it."""
        with self.write() as session:
            return referral_actions.advance(
                session,
                referral_id,
                verb,
                by=by,
                now=self.now,
                expected_version=version,
                payload=TransitionInput(**payload),
            ).version

    def refused(
        self, referral_id: UUID, verb: ReferralVerb, by: ActorRef = COORDINATOR, **rest: Any
    ) -> AppError | None:
        try:
            self.act(referral_id, verb, by, **rest)
        except AppError as error:
            return error
        return None

    def offered(
        self, slug: str = ONE, case_id: UUID | None = None, *, wanted: Sequence[str] | None = None, **about: Any
    ) -> UUID:
        referral_id = self.draft(case_id or self.case(slug, **about), slug, wanted=wanted)
        self.act(referral_id, ReferralVerb.OFFER)
        return referral_id

    def accepted(self, slug: str = ONE, **about: Any) -> UUID:
        referral_id = self.offered(slug, **about)
        self.act(referral_id, ReferralVerb.ACCEPT, partner(slug))
        return referral_id

    def tick(self) -> int:
        """One round of the clock."""
        with self.database.begin(write=False) as session:
            due = scheduler.due(session, self.now, 1000)
        done = 0
        for referral_id in due:
            with self.write() as session:
                done += scheduler.tick(session, referral_id, now=self.now, context=self.auto_offer)
        return done

    def row(self, referral_id: UUID) -> Referral:
        with self.database.begin(write=False) as session:
            return session.get_one(Referral, referral_id)

    def case_row(self, case_id: UUID) -> Case:
        with self.database.begin(write=False) as session:
            return session.get_one(Case, case_id)

    def case_of(self, referral_id: UUID) -> Case:
        return self.case_row(self.row(referral_id).case_id)

    def referrals(self, case_id: UUID) -> dict[str, str]:
        """State by organisation slug, of the newest referral to each."""
        slugs = {organisation(slug): slug for slug in SERVICES}
        with self.database.begin(write=False) as session:
            rows = session.scalars(
                sa.select(Referral).where(Referral.case_id == case_id).order_by(Referral.created_at)
            ).all()
            moments = [(row.organisation_id, row.created_at) for row in rows]
            assert len(moments) == len(set(moments)), "two to one organisation at one moment: neither is the newest"
            return {slugs.get(row.organisation_id, str(row.organisation_id)): row.state for row in rows}

    def everything(self) -> tuple[int, ...]:
        """How much is written: to see that a refusal wrote nothing."""
        with self.database.begin(write=False) as session:
            return tuple(
                session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
                for table in (Referral, ReferralEvent, OutboxMessage)
            ) + tuple(session.scalars(sa.select(Referral.version).order_by(Referral.id)))

    def needs(self, case_id: UUID) -> dict[str, str]:
        """State by need, in the person's order."""
        with self.database.begin(write=False) as session:
            rows = session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == case_id).order_by(CaseNeed.position))
            return {row.need: row.state for row in rows}

    def told(self) -> list[str]:
        """The kinds of all notices so far, in order; those of one moment by their names."""
        return [kind for _moment, kind in self._told()]

    def told_last(self) -> set[str]:
        """The kinds of the notices of the last moment that had any."""
        told = self._told()
        return {kind for moment, kind in told if moment == told[-1][0]}

    def _told(self) -> list[tuple[datetime, str]]:
        with self.database.begin(write=False) as session:
            rows = session.execute(
                sa.select(OutboxMessage.created_at, OutboxMessage.kind, OutboxMessage.organisation_id)
            )
            return sorted((at, f"{kind}→{'partner' if to else 'team'}") for at, kind, to in rows)

    def holds_together(self, *cases: UUID) -> None:
        """State and times of each referral (of these cases) fold from its events, and each case's state from its own.

        Each need stands as the referrals of its case say.
        """
        which = sa.select(Referral).where(Referral.case_id.in_(cases)) if cases else sa.select(Referral)
        with self.database.begin(write=False) as session:
            for referral in session.scalars(which):
                case = session.get_one(Case, referral.case_id)
                state, owed = deadline_storage.from_events(session, referral, case)
                assert state.value == referral.state
                for name in ("offered_at", "acknowledge_by", "decide_by", "expires_at", "contact_by", "review_on"):
                    assert getattr(owed, name) == getattr(referral, name), name
                assert (owed.paused_at, owed.pauses) == (referral.paused_at, referral.pauses)
                assert transitions.replayed_state(session, case).value == case.state
            for case in session.scalars(sa.select(Case).where(Case.id.in_(cases)) if cases else sa.select(Case)):
                self._needs_hold_together(session, case)

    def _needs_hold_together(self, session: Session, case: Case) -> None:
        needs = {row.need: row for row in session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == case.id))}
        referrals = session.scalars(sa.select(Referral).where(Referral.case_id == case.id)).all()
        assert set(needs) >= set(case.needs)
        assert case.uncovered == any(row.state == "open" for row in needs.values())
        ends = {"helped", "advised", "unmet", "not_wanted"}
        if case.closed_at is not None:
            assert {row.state for row in needs.values()} <= ends, "a case ended while a need has no end"
        for need, row in needs.items():
            naming = [referral for referral in referrals if need in (referral.needs or ())]
            asking = [one for one in naming if one.state in LIVE - AT_WORK - {ReferralState.DRAFT}]
            having = [one for one in naming if one.state in AT_WORK and one.id == row.referral_id]
            assert (row.state == "with_centre") == bool(having), (need, row.state)
            assert len(having) <= 1
            if row.state in {"open", "offered"}:
                assert (row.state == "offered") == bool(asking), (need, row.state)
            if row.state == "with_centre":
                assert not asking, "an organisation is asked for what another one has"
            if row.state in ends:
                assert not [one for one in asking if one.state in WITH_PARTNER], (need, row.state)


def set_scene(database: Database) -> Scene:
    """A team for all countries and keys for the three centres."""
    found(database, founded_scene)
    return Scene(database)


def founded_scene(database: Database) -> None:
    packs = load_packs()
    with database.begin() as session:
        directory_service.upsert(session, packs, START)
        staff.add_team(session, "all", "All", [country.code for country in packs.countries], START)
        for slug in SERVICES:
            keyholders.register(session, OwnerKind.ORGANISATION, organisation(slug), KeyPair.generate().public, START)
            _add_program(session, slug)


def _add_program(session: Session, slug: str) -> None:
    """A program of the centre, by which it hears of new referrals."""
    session.add(
        OAuthClient(id=f"program-{slug}", organisation_id=organisation(slug), name=slug, scopes=[], created_at=START)
    )
    session.flush()
    session.add(
        ClientCredential(
            client_id=f"program-{slug}", slot=1, kind="secret", secret_mac=bytes(32), created_at=START, ends_at=None
        )
    )


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Do these in threads that start at the same moment; gives what each gave, or the AppError it raised."""
    import threading

    ready = threading.Barrier(len(acts))
    got: list[Any] = [None] * len(acts)

    def one(place: int, act: Callable[[], Any]) -> None:
        ready.wait(60)
        try:
            got[place] = act()
        except AppError as error:
            got[place] = error

    threads = [threading.Thread(target=one, args=(place, act)) for place, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads), "they wait for each other"
    return got
