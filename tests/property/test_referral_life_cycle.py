"""Random walks through the lives of a few referrals, with every actor and virtual time, against the real commands.

After each step: state and times are the fold of the events, no organisation has two live referrals of a case, nobody
holds a key who must not, whatever is live has a due time, and a refused step has written nothing.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy.orm import Session

from app.app_context import migrate
from app.cases import restriction, sealed_parts, transitions
from app.cases.models import Case, CaseWrap
from app.casework import restrictions
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.db import Database
from app.core.errors import AppError, Conflict, IllegalMove, Invalid, NotFound, PreconditionFailed
from app.core.keyholders import KeyGrant, OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.messaging.kinds import NoticeKind
from app.messaging.models import OutboxMessage
from app.privacy import service as privacy
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.reasons import DAY_REQUIRED, OUTCOME_REQUIRED, OUTCOMES, reasons_for
from app.referrals.states import AT_WORK, LIVE, MAY_OPEN, ReferralActor, ReferralState, ReferralVerb, allowed_actions
from app.reporting import kept_figures, queries
from app.reporting.models import ReportCase
from app.staff import service as staff
from app.staff.models import Member, Role, Team
from app.staff.sessions import SignedIn
from app.tasks.models import Task
from app.tasks.service import RULES, TaskEnd
from tests.support.cases import (
    CLOCK,
    COORDINATOR,
    ONE,
    PERSON,
    SENIOR,
    START,
    THREE,
    TWO,
    Scene,
    partner,
    set_scene,
    together,
)

SLUGS = (ONE, TWO, THREE)
LEFT_OVER = {kind.value for kind, rule in RULES.items() if TaskEnd.CASE_ENDED not in rule.ends_with}
"""Tasks that concern others than the case, and so outlive it."""
SEARCHES = {kind.value for kind, rule in RULES.items() if TaskEnd.OFFERED in rule.ends_with}
"""Tasks of somebody who looks for an organisation."""
NEEDS = ("asylum", "children", "housing", "detention")
"""All three centres help with the first, the second or the third with the next two, the first and the second with the last."""
_template: list[bytes] = []
_MEMBERS = ("ada", "boris", "clara")
_seeds = {name: KeyPair.generate() for name in (*_MEMBERS, "team")}


def add_desk(database: Database) -> None:
    """Three seniors who hold the team's key, of those who can restrict a case."""
    keys = KeyRing.generate(START.date())
    with database.begin() as session:
        team_id = session.scalars(sa.select(Team.id)).one()
        key = keyholders.register(session, OwnerKind.TEAM, team_id, _seeds["team"].public, START)
        for name in _MEMBERS:
            new = staff.add_member(session, keys, name, Role.SENIOR, "a long passphrase 17", START, team_id=team_id)
            new.key.public_key = _seeds[name].public
            session.flush()
            keyholders.grant(session, key, _seeds["team"].seed, new.key)


def fresh_database(folder: str) -> Database:
    path = Path(folder) / "life.db"
    if _template:
        path.write_bytes(_template[0])
        return Database(f"sqlite:///{path}")
    database = Database(f"sqlite:///{path}")
    migrate(database)
    set_scene(database)
    add_desk(database)
    database.dispose()  # all of it stands in the one file now
    _template.append(path.read_bytes())
    return database


class Lives(RuleBasedStateMachine):
    """Two cases with one to four needs each, three centres, a coordinator, a senior, the person, and the clock."""

    shared: Database | None = None
    """A database that all walks use, one after the other; None: each has its own."""

    @initialize(
        urgencies=st.tuples(*[st.sampled_from(["emergency", "urgent", "normal"])] * 2),
        consented=st.tuples(*[st.sets(st.sampled_from(SLUGS))] * 2),
        days=st.none() | st.integers(-1, 30),
        needs=st.tuples(*[st.lists(st.sampled_from(NEEDS), min_size=1, max_size=4, unique=True)] * 2),
    )
    def begin(
        self,
        urgencies: tuple[str, str],
        consented: tuple[set[str], set[str]],
        days: int | None,
        needs: tuple[list[str], list[str]],
    ) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.scene = Scene(self.shared or fresh_database(self.folder.name))
        self.names: dict[UUID, frozenset[UUID]] = {}
        with self.scene.database.begin(write=False) as session:
            rows = session.scalars(sa.select(Member).order_by(Member.name)).all()
            self.desks = [
                Desk(
                    SignedIn(
                        row.id, row.name, Role.SENIOR, row.team_id, None, row.key_id, _seeds[row.name].seed, "-", START
                    ),
                    row.team_id or row.id,
                    self.scene.keys,
                    START,
                )
                for row in rows
            ]
        last_day = None if days is None else self.scene.now.date() + timedelta(days=days)
        self.cases = [
            self.scene.case(*sorted(who), urgency=urgency, last_safe_day=last_day, needs=wanted)
            for urgency, who, wanted in zip(urgencies, consented, needs, strict=True)
        ]

    def teardown(self) -> None:
        if not hasattr(self, "scene"):
            return
        self.reports_count_what_is_there()
        if self.shared is None:
            self.scene.database.dispose()
        self.folder.cleanup()

    def reports_count_what_is_there(self) -> None:
        """Every move was noted: what is kept for these cases is what their rows say now."""
        with self.scene.write() as session:
            while kept_figures.settle(session):
                pass
            stored = sa.select(ReportCase.case_id, ReportCase.figures).where(ReportCase.case_id.in_(self.cases))
            kept = {case_id: kept_figures._read(figures) for case_id, figures in session.execute(stored)}
            now = kept_figures._counted(queries.of_cases(session, self.cases))
        assert kept == {case_id: figures for case_id, (_team, figures) in now.items()}

    def referrals(self) -> list[Referral]:
        mine = sa.select(Referral).where(Referral.case_id.in_(self.cases))
        with self.scene.database.begin(write=False) as session:
            return list(session.scalars(mine.order_by(Referral.created_at, Referral.label)))

    @rule(
        which=st.integers(0, 1),
        slug=st.sampled_from(SLUGS),
        wanted=st.none() | st.lists(st.sampled_from(NEEDS), max_size=4, unique=True),
    )
    def refer(self, which: int, slug: str, wanted: list[str] | None) -> None:
        """For the needs that the service helps with, or for those that are named; refused when another centre has one of them."""
        before, states = self.scene.everything(), self.scene.needs(self.cases[which])
        try:
            referral_id = self.scene.draft(self.cases[which], slug, wanted=wanted)
        except (Conflict, Invalid):
            assert self.scene.everything() == before
            return
        named = self.scene.row(referral_id).needs
        assert named
        assert {states[need] for need in named} <= {"open", "offered", "unmet"}
        assert wanted is None or sorted(named) == sorted(wanted)

    @rule(
        place=st.integers(0, 30),
        verb=st.sampled_from(ReferralVerb),
        actor=st.sampled_from(ReferralActor),
        code=st.integers(0, 9),
        days=st.integers(-1, 20),
    )
    def anybody_tries_anything(
        self, place: int, verb: ReferralVerb, actor: ReferralActor, code: int, days: int
    ) -> None:
        self._try(place, verb, actor, code, days)

    @rule(
        place=st.integers(0, 30),
        choice=st.integers(0, 30),
        actor=st.sampled_from(ReferralActor),
        code=st.integers(0, 9),
    )
    def somebody_does_what_is_possible(self, place: int, choice: int, actor: ReferralActor, code: int) -> None:
        rows = self.referrals()
        if not rows:
            return
        row = rows[place % len(rows)]
        possible = [ReferralVerb(one) for one in allowed_actions(ReferralState(row.state), by=actor)]
        mild = [
            verb
            for verb in possible
            if verb not in {ReferralVerb.WITHDRAW, ReferralVerb.CLIENT_WITHDRAW, ReferralVerb.VOID}
        ]
        if possible:
            self._try(place, (mild or possible)[choice % len(mild or possible)], actor, code, 7)

    def _try(self, place: int, verb: ReferralVerb, actor: ReferralActor, code: int, days: int) -> None:
        rows = self.referrals()
        if not rows:
            return
        row = rows[place % len(rows)]
        before, could = self.scene.everything(), allowed_actions(ReferralState(row.state), by=actor)
        refused = self._refused(row, verb, actor, code, days)
        if refused is None:
            assert verb.value in could
        else:
            assert self.scene.everything() == before
            assert refused.status in {403, 404, 409, 422}
        wrong = next(slug for slug in SLUGS if partner(slug).organisation_id != row.organisation_id)
        assert isinstance(self.scene.refused(row.id, verb, partner(wrong)), NotFound)

    def _refused(
        self, row: Referral, verb: ReferralVerb, actor: ReferralActor, code: int, days: int
    ) -> AppError | None:
        by = {
            ReferralActor.PERSON: PERSON,
            ReferralActor.COORDINATOR: COORDINATOR,
            ReferralActor.SENIOR: SENIOR,
            ReferralActor.CLOCK: CLOCK,
            ReferralActor.PARTNER: ActorRef(ReferralActor.PARTNER, row.organisation_id, row.organisation_id),
            ReferralActor.ON_BEHALF: ActorRef(
                ReferralActor.ON_BEHALF, COORDINATOR.id
            ),  # refused: all three have accounts
        }[actor]
        reasons, outcomes = reasons_for(verb), list(OUTCOMES)
        said: dict[str, Any] = {
            "reason": reasons[code % len(reasons)] if reasons else None,
            "outcome": outcomes[code % len(outcomes)] if verb in OUTCOME_REQUIRED else None,
            "until": self.scene.now.date() + timedelta(days=days) if verb in DAY_REQUIRED else None,
        }
        if verb in OUTCOME_REQUIRED and row.needs and days % 2:  # the last need has an outcome of its own
            said["outcomes"] = {row.needs[-1]: outcomes[(code + days) % len(outcomes)]}
        return self.scene.refused(row.id, verb, by, version=row.version, **said)

    @rule(
        place=st.integers(0, 30),
        actors=st.lists(st.sampled_from(ReferralActor), min_size=2, max_size=3),
        code=st.integers(0, 9),
    )
    def they_race(self, place: int, actors: list[ReferralActor], code: int) -> None:
        """Each does something that is possible, at the same moment, having seen the same version: at most one gets it."""
        rows = self.referrals()
        if not rows:
            return
        row = rows[place % len(rows)]
        tries = [
            partial(self._refused, row, ReferralVerb(possible[code % len(possible)]), actor, code, 7)
            for actor in actors
            if (possible := allowed_actions(ReferralState(row.state), by=actor))
        ]
        if len(tries) < 2:
            return
        got = together(*tries)
        assert got.count(None) <= 1
        present = self.scene.row(row.id)
        assert present.version == row.version + got.count(None)
        for refused in got:
            if isinstance(refused, PreconditionFailed):
                assert (refused.extra["state"], refused.extra["version"]) == (present.state, present.version)

    def _beside_their_notices(self) -> tuple[int, ...]:
        """What is written, without the notices to those who are named."""
        referrals, events, messages, *versions = self.scene.everything()
        with self.scene.database.begin(write=False) as session:
            to_them = sa.select(sa.func.count()).where(OutboxMessage.kind == NoticeKind.NAMED.value)
            return (referrals, events, messages - (session.scalar(to_them) or 0), *versions)

    @rule(which=st.integers(0, 1), by=st.integers(0, 2), wanted=st.sets(st.integers(0, 2)))
    def the_desk_says_who_can_open_it(self, which: int, by: int, wanted: set[int]) -> None:
        """Somebody restricts the case to these, changes the names, or with none lifts the restriction. Nothing else changes."""
        case_id, before = self.cases[which], self._beside_their_notices()
        desk = replace(self.desks[by], now=self.scene.now)
        names = frozenset(self.desks[one].member.member_id for one in wanted)
        present = self.names.get(case_id)
        label, version = self.scene.case_row(case_id).label, self.scene.case_row(case_id).version
        refused = self._name(desk, label, version, names)
        if refused is not None:
            erased = self.scene.case_row(case_id).state == "erased"
            stranger = present is not None and desk.member.member_id not in present
            left_out = present is None and desk.member.member_id not in names
            assert erased or stranger or left_out or len(names) < 2, refused
        else:
            assert names or present is not None
            assert present is None or desk.member.member_id in present
            self.names = {one: named for one, named in {**self.names, case_id: names}.items() if named}
        assert self._beside_their_notices() == before, "no referral moves, no clock stops, and nobody outside is told"

    def _name(self, desk: Desk, label: str, version: int, names: frozenset[UUID]) -> AppError | None:
        try:
            with self.scene.write() as session:
                if names:
                    restrictions.restrict(session, desk, label, version, names)
                else:
                    restrictions.lift(session, desk, label, version)
        except AppError as error:
            return error
        return None

    @rule(hours=st.sampled_from([1, 5, 24, 24 * 4, 24 * 15]))
    def time_goes_by(self, hours: int) -> None:
        self.scene.later(hours=hours)

    @rule()
    def the_clock_goes_round(self) -> None:
        self.scene.tick()

    @rule(which=st.integers(0, 1), erased=st.booleans(), rarely=st.integers(0, 5))
    def the_person_leaves(self, which: int, erased: bool, rarely: int) -> None:
        if rarely:
            return
        try:
            with self.scene.write() as session:
                case = transitions.locked(session, self.cases[which])
                if erased:
                    privacy.erase(session, case, actor_kind="person", now=self.scene.now)
                    self.names.pop(case.id, None)
                else:
                    privacy.withdraw(session, case, now=self.scene.now)
        except IllegalMove:
            return
        assert not [row for row in self.referrals() if row.case_id == self.cases[which] and row.state in LIVE]

    @invariant()
    def everything_holds_together(self) -> None:
        if not hasattr(self, "scene"):
            return
        self.scene.holds_together(*self.cases)
        rows = self.referrals()
        with self.scene.database.begin(write=False) as session:
            cases = {case.id: case for case in session.scalars(sa.select(Case).where(Case.id.in_(self.cases)))}
            holders = {case_id: sealed_parts.organisations_with_key(session, case_id) for case_id in cases}
            owned: dict[UUID, set[str]] = {case_id: set() for case_id in cases}
            for task in session.scalars(sa.select(Task).where(Task.case_id.in_(self.cases), Task.done_at.is_(None))):
                owned[task.case_id or task.id].add(task.kind)
                named = self.names.get(task.case_id or task.id)
                assert named is None or task.owner_id is None or task.owner_id in named, "a task of who cannot open it"
            self._opens_for_those_who_are_named(session, cases)
        live = [(row.case_id, row.organisation_id) for row in rows if row.state in LIVE]
        assert len(live) == len(set(live))
        for row in rows:
            case = cases[row.case_id]
            if row.state in LIVE:
                assert row.due_at is not None
                assert case.closed_at is None or row.state in {"draft", "awaiting_consent"}
            if row.state in AT_WORK:
                assert case.state == "referred"
            in_conflict = {one.organisation_id for one in rows if one.case_id == case.id and one.reason == "conflict"}
            if row.state in MAY_OPEN and case.state not in {"withdrawn", "erased"}:
                assert row.organisation_id in holders[case.id] or row.organisation_id in in_conflict
            if row.reason == "conflict":
                assert row.organisation_id not in holders[case.id]
        for case_id, case in cases.items():
            if case.state in {"withdrawn", "erased"}:
                assert not holders[case_id]
            mine = [row for row in rows if row.case_id == case_id]
            if case.closed_at is None and mine and not [row for row in mine if row.state in LIVE]:
                assert owned[case_id], "an end without help that nobody owns"
            if case.closed_at is None and case.uncovered and [row for row in mine if row.state != "draft"]:
                assert owned[case_id] & SEARCHES, "a need that nobody has and nobody looks for"
            if case.closed_at is not None:
                assert not owned[case_id] - LEFT_OVER
            if case.state == "referred":
                assert [row for row in rows if row.case_id == case_id and row.state in LIVE]

    def _opens_for_those_who_are_named(self, session: Session, cases: Mapping[UUID, Case]) -> None:
        """Of the members' keys, those of the named open what the desk reads of the case; without a restriction all do."""
        held: dict[UUID, set[UUID]] = {desk.member.key_id: set() for desk in self.desks}
        for grant in session.scalars(sa.select(KeyGrant).where(KeyGrant.holder_key_id.in_(list(held)))):
            held[grant.holder_key_id].add(grant.sealing_key_id)
        team = sa.select(CaseWrap).where(CaseWrap.case_id.in_(list(cases)), CaseWrap.kind == "team")
        for wrap in session.scalars(team):
            named = self.names.get(wrap.case_id)
            for desk in self.desks:
                able = named is None or desk.member.member_id in named
                assert (wrap.key_id in held[desk.member.key_id]) == able, "who can open it is who is named"
        assert restriction.named_of(session, list(cases)) == self.names
        assert {case_id for case_id, case in cases.items() if case.restricted} == set(self.names)


WALKS = settings(
    max_examples=25,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
TestLives = Lives.TestCase
TestLives.settings = WALKS


def test_lives_on_postgresql(postgres_database: Database) -> None:
    set_scene(postgres_database)
    add_desk(postgres_database)

    class OnPostgresql(Lives):
        shared = postgres_database

    run_state_machine_as_test(OnPostgresql, settings=settings(WALKS, max_examples=12))
