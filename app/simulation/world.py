"""The simulated network: a temporary database, connected centres, the real scheduler and virtual time.

Time advances from one event to the next: a request is filed, a centre acts, or a deadline is due.
"""

import heapq
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.app_context import migrate
from app.cases import sealed_parts
from app.cases.models import Case, WrapFor
from app.cases.sealed_parts import Recipient
from app.casework import auto_offer, filing, referral_actions, rematching, scheduler
from app.casework.auto_offer import AutoOfferContext
from app.core import keyholders
from app.core.db import Database
from app.core.errors import Conflict, PreconditionFailed
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory import loader as directory_loader
from app.directory.packs import Directory
from app.intake.schemas import Intake
from app.matching import runs
from app.matching.engine import ServiceMatch
from app.referrals import queries
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import FeedEvent, Referral
from app.referrals.states import ReferralActor, ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, ContactMeans, ReferralWay, way_of
from app.referrals.working_hours import hours_of
from app.simulation.population import Plan, answer_to_offer, answers_of, arrivals, chance_of_requests, consent_of
from app.staff import service as staff
from app.tasks.models import Task
from app.tasks.service import TaskKind

_BATCH: Final = 50
SETTLES_IN: Final = timedelta(days=75)
"""Simulated time after the last request, in which the longest deadline ends."""
_WEIGHTS: Final = {"PL": 4, "GE": 3, "LT": 2, "DE": 3}
_PERSON: Final = ActorRef(ReferralActor.PERSON)
_COORDINATOR: Final = ActorRef(ReferralActor.COORDINATOR, uuid4())
_ON_BEHALF: Final = ActorRef(ReferralActor.ON_BEHALF, _COORDINATOR.id)
_TO_SEARCH: Final = (TaskKind.FIND_NEXT, TaskKind.ASK_PERSON, TaskKind.UNMET, TaskKind.HANDED_BACK)
_AGREES: Final = 0.8
"""Share of the people who agree when they are asked about a further centre."""


@dataclass
class World:
    """One simulation. `matched`: for each case, whether the rules found a centre for it that may be asked automatically.

    `named`: the centres that each person agreed to when they wrote. `connected`: the centres with an account, by id.
    """

    plan: Plan
    directory: Directory
    database: Database
    keys: KeyRing
    now: datetime
    chance: Random
    """What centres, people and coordinators do with what they are asked. The requests have generators of their own."""
    matched: dict[UUID, bool] = field(default_factory=dict)
    named: dict[UUID, frozenset[str]] = field(default_factory=dict)
    has_candidates: set[UUID] = field(default_factory=set)
    connected: frozenset[UUID] = frozenset()
    _on_the_desk: set[UUID] = field(default_factory=set)
    _heap: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=count)
    _seen: int = 0

    def at(self, moment: datetime, act: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (max(moment, self.now), next(self._order), act))

    def play(self) -> None:
        for number, arrival in enumerate(arrivals(self.plan, self.now, chance_of_requests(self.plan))):
            self.at(arrival, partial(self._file_request, number))
        end = self.now + timedelta(days=self.plan.days) + SETTLES_IN
        while (moment := self._next()) is not None and moment <= end:
            self.now = max(self.now, moment)
            while self._heap and self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()
            while self._run_scheduler():
                pass
            self._centres_decide()
            if self.plan.connected is not None:
                self._coordinator_looks()

    def _next(self) -> datetime | None:
        with self.database.begin(write=False) as session:
            due = session.scalar(
                sa.select(Referral.due_at).where(Referral.due_at.is_not(None)).order_by(Referral.due_at)
            )
        moments = [moment for moment in (due, self._heap[0][0] if self._heap else None) if moment is not None]
        return min(moments) if moments else None

    def _run_scheduler(self) -> int:
        """Do what the worker does, with one transaction for each item. Every country offers without delay."""
        context = AutoOfferContext(self.keys, self.directory)
        at_once = dict.fromkeys((country.code for country in self.directory.countries), timedelta(0))
        with self.database.begin(write=False) as session:
            due = scheduler.due(session, self.now, _BATCH)
            new = auto_offer.untaken_cases(session, self.now, _BATCH, after=at_once)
        for referral_id in due:
            with self.database.begin() as session:
                scheduler.tick(session, referral_id, now=self.now, context=context)
        for case_id in new:
            with self.database.begin() as session:
                auto_offer.offer_new_case(session, case_id, now=self.now, context=context)
        return len(due) + len(new)

    # --- who acts ----------------------------------------------------------------------------------------------------

    def _file_request(self, number: int) -> None:
        """File one request; its random numbers are the same in every network that is played with this plan."""
        chance = chance_of_requests(self.plan, number)
        country = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        answers = answers_of(self.directory, country, chance, self.now)
        with self.database.begin() as session:
            facts, _deadline = runs.facts_and_deadline(
                {**answers, "consent": {"mode": "ask_first"}}, self.directory, self.now
            )
            result = runs.run(session, facts, self.directory, self.now, seed=chance.getrandbits(64))
            candidates = list(dict.fromkeys(match.organisation for match in result.candidates if match.offerable))
            consent = consent_of(candidates, chance)
            intake = Intake.model_validate({**answers, "consent": consent})
            filed = filing.file_intake(session, intake, keys=self.keys, directory=self.directory, now=self.now)
        self.matched[filed.case_id] = bool(candidates)
        self.named[filed.case_id] = frozenset(consent.get("organisations", ()))
        if any(match.can_be_referred for match in result.candidates):
            self.has_candidates.add(filed.case_id)

    def _centres_decide(self) -> None:
        """Let centres decide on new events of the feed."""
        with self.database.begin(write=False) as session:
            rows = session.execute(
                sa.select(
                    FeedEvent.n,
                    FeedEvent.type,
                    Referral.id,
                    Referral.urgency,
                    Referral.offered_at,
                    Referral.hours,
                    Referral.way,
                    Case.country,
                )
                .join(Referral, Referral.id == FeedEvent.referral_id)
                .join(Case, Case.id == Referral.case_id)
                .where(FeedEvent.n > self._seen)
                .order_by(FeedEvent.n)
            ).all()
        for row in rows:
            self._seen = row.n
            hours = hours_of(row.country, row.hours)
            if row.type == "referral.offered":
                heard_at = row.offered_at
                if way_of(row.way) in BY_COORDINATOR:
                    heard_at = self._at_the_desk(row.country, row.urgency, timedelta(hours=1))
                answer = answer_to_offer(self.plan, row.urgency, heard_at, hours, self.chance)
                if answer is not None:
                    self._later(
                        answer.at, row.id, answer.verb, TransitionInput(reason=answer.reason, question=answer.question)
                    )
            elif row.type == "referral.info_requested":
                self.at(self.now + timedelta(days=1), self._person_answers(row.id))
            elif row.type == "referral.acknowledged":
                self._later(
                    hours.next_open(self.now + timedelta(hours=4)), row.id, ReferralVerb.ACCEPT, TransitionInput()
                )
            elif row.type == "referral.accepted" and self.chance.random() < 0.9:
                self._later(
                    hours.next_open(self.now + timedelta(days=1)), row.id, ReferralVerb.START, TransitionInput()
                )
            elif row.type == "referral.in_progress":
                ends = hours.next_open(self.now + timedelta(days=self.chance.uniform(10, 60)))
                back = self.chance.random() < 0.03
                self._later(ends, row.id, ReferralVerb.HAND_BACK if back else ReferralVerb.COMPLETE,
                            TransitionInput(reason="no_capacity") if back else TransitionInput(outcome="represented"))  # fmt: skip

    def _later(self, moment: datetime, referral_id: UUID, verb: ReferralVerb, payload: TransitionInput) -> None:
        def act() -> None:
            with self.database.begin(write=False) as session:
                referral = session.get_one(Referral, referral_id)
                organisation_id, way = referral.organisation_id, way_of(referral.way)
            if way is ReferralWay.HAND:
                self._try(referral_id, verb, _ON_BEHALF, replace(payload, how=ContactMeans.PHONE.value))
                return
            by_link = replace(payload, how=ContactMeans.LINK.value) if way is ReferralWay.LINK else payload
            self._try(referral_id, verb, ActorRef(ReferralActor.PARTNER, organisation_id, organisation_id), by_link)

        self.at(moment, act)

    # --- a coordinator, when not all centres have an account ---------------------------------------------------------

    def _at_the_desk(self, country: str, urgency: str, after: timedelta) -> datetime:
        """When a coordinator works on something: on an emergency at any hour, else within the country's office hours."""
        at = self.now + after
        return at if urgency == "emergency" else hours_of(country).next_open(at)

    def _coordinator_looks(self) -> None:
        """Take each open search for an organisation, two hours later."""
        with self.database.begin(write=False) as session:
            rows = session.execute(
                sa.select(Case.id, Case.country, Case.urgency)
                .join(Task, Task.case_id == Case.id)
                .where(Task.done_at.is_(None), Task.kind.in_([kind.value for kind in _TO_SEARCH]))
                .where(Case.closed_at.is_(None))
                .distinct()
                .order_by(Case.id)
            ).all()
        for row in rows:
            if row.id not in self._on_the_desk:
                self._on_the_desk.add(row.id)
                self.at(self._at_the_desk(row.country, row.urgency, timedelta(hours=2)), self._refers(row.id))

    def _refers(self, case_id: UUID) -> Callable[[], None]:
        """Refer a case to the best organisation that was not asked. With nobody left it stays a task."""

        def act() -> None:
            with self.database.begin() as session:
                case = session.get_one(Case, case_id)
                result = rematching.run_matching(session, self.keys, self.directory, case, self.now)
                asked = {referral.organisation_id for referral in queries.referrals_of_case(session, case_id)}
                for candidate in result.candidates if result is not None else ():
                    is_new = named_id("organisation", candidate.organisation) not in asked
                    if is_new and candidate.can_be_referred and self._is_referred(session, case, candidate):
                        self._on_the_desk.discard(case_id)
                        return

        return act

    def _is_referred(self, session: Session, case: Case, candidate: ServiceMatch) -> bool:
        organisation_id = named_id("organisation", candidate.organisation)
        connected = organisation_id in self.connected
        way = ReferralWay.ACCOUNT if connected else self.chance.choice((ReferralWay.HAND, ReferralWay.LINK))
        try:
            draft = referral_actions.create(
                session, self.keys, case, candidate.service, by=_COORDINATOR, now=self.now, way=way
            )
        except Conflict:
            return False
        if candidate.organisation in self.named[case.id]:
            self._agree(session, case.id, organisation_id)
            referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=_COORDINATOR, now=self.now)
        else:
            referral_actions.advance(session, draft.id, ReferralVerb.ASK_CONSENT, by=_COORDINATOR, now=self.now)
            self.at(self.now + timedelta(hours=self.chance.uniform(1, 48)), self._person_decides(draft.id))
        return True

    def _agree(self, session: Session, case_id: UUID, organisation_id: UUID) -> None:
        """Store the agreement. The key that a connected centre gets is made up, because the simulation opens nothing."""
        key = keyholders.active_key(session, organisation_id)
        if key is None:
            sealed_parts.agree(session, case_id, organisation_id)
            return
        to = Recipient(WrapFor.ORGANISATION, organisation_id, key.public_key, key.id)
        sealed_parts.grant(session, self.keys, case_id, sealed_parts.PERSON, bytes(32), [to])

    def _person_decides(self, referral_id: UUID) -> Callable[[], None]:
        def act() -> None:
            agrees = self.chance.random() < _AGREES
            with self.database.begin() as session:
                referral = session.get_one(Referral, referral_id)
                if agrees and ReferralState(referral.state) is ReferralState.AWAITING_CONSENT:
                    self._agree(session, referral.case_id, referral.organisation_id)
            self._try(referral_id, ReferralVerb.CONSENT if agrees else ReferralVerb.REFUSE, _PERSON, TransitionInput())

        return act

    def _person_answers(self, referral_id: UUID) -> Callable[[], None]:
        return lambda: self._try(referral_id, ReferralVerb.ANSWER, _PERSON, TransitionInput())

    def _try(self, referral_id: UUID, verb: ReferralVerb, by: ActorRef, payload: TransitionInput) -> None:
        """Apply an action; being too late is no error, because another centre may have accepted or the offer may have expired."""
        try:
            with self.database.begin() as session:
                referral_actions.advance(session, referral_id, verb, by=by, now=self.now, payload=payload)
        except (Conflict, PreconditionFailed):
            return


@contextmanager
def played(plan: Plan, directory: Directory) -> Iterator[World]:
    """A simulated network after the whole plan has been run."""
    with TemporaryDirectory(prefix="pristan-simulate-") as folder:
        database = Database(f"sqlite:///{Path(folder) / 'world.db'}")
        try:
            keys = KeyRing.generate(plan.start)
            start = datetime.combine(plan.start, time(0), UTC)
            world = World(plan, directory, database, keys, start, Random(plan.seed))  # noqa: S311  no secret
            codes = [country.code for country in directory.countries]
            _set_up(world, codes)
            world.play()
            yield world
        finally:
            database.dispose()


def _set_up(world: World, codes: list[str]) -> None:
    migrate(world.database)
    pair = KeyPair.generate()
    with world.database.begin() as session:
        directory_loader.upsert(session, world.directory, world.now)
        staff.add_team(session, "all", "All", codes, world.now)
        centres = [organisation for organisation in world.directory.organisations if organisation.kind == "centre"]
        if world.plan.connected is not None:  # those that help with the most needs have joined first
            centres.sort(key=lambda one: (-len({need for service in one.services for need in service.needs}), one.id))
            centres = centres[: world.plan.connected]
        world.connected = frozenset(named_id("organisation", organisation.id) for organisation in centres)
        for owner in sorted(world.connected):
            keyholders.register(session, OwnerKind.ORGANISATION, owner, pair.public, world.now)
