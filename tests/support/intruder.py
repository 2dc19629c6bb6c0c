"""One malicious member with invented colleagues, who tries every verb of members, keys and proposals.

What an intruder knows: the private seeds of the people they invented, the codes that a page shows them, and the private halves of
keys that they registered. `harm` is what they got by it beyond the right of their own seat.
"""

import base64
import random
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

import pyotp
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import keyholders
from app.core.errors import AppError
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind, SealingKey
from app.core.sealing import KeyPair
from app.staff import access_changes, invitations, members, proposals
from app.staff import service as staff
from app.staff.invitations import Invitee
from app.staff.models import Member, Proposal, Role, Seating, Team
from app.staff.proposal_rules import ProposalKind
from app.staff.proposal_states import LIVE, ProposalVerb
from app.staff.service import SealedSeed
from app.staff.sessions import SignedIn
from tests.support.desk import ONE, TWO, UNCONNECTED, StaffSite, _seed
from tests.support.newest import newest

ORGANISATIONS = {slug: named_id("organisation", slug) for slug in (ONE, TWO, UNCONNECTED)}
RIGHTS = {
    "admin": set[str](),
    "sofia": {"pl"},
    "vera": {"pl"},
    "partner": {ONE},
    "newcomer": set[str](),
}
"""Whose sign-in the intruder has, and what it may read: admin, senior, coordinator, partner member, one without the key."""


def key_of(session: Session, member_id: UUID) -> UUID:
    """A member's own key, as the page shows it at this moment."""
    return session.get_one(Member, member_id).key_id


class Intruder:
    def __init__(self, office: StaffSite, name: str) -> None:
        self.office, self.name, self.codes, self.invented = office, name, list[str](), 0
        with office.database.begin() as session:
            if name == "newcomer":
                self._seat_newcomer(session)
            self.own = session.scalars(sa.select(Member.id).where(Member.name == name)).one()
            teams = {team.id: team.slug for team in session.scalars(sa.select(Team))}
        self.places = teams | {place: slug for slug, place in ORGANISATIONS.items()}
        self.seeds = {self.own: _seed(name)}
        self.pair = KeyPair.generate()

    def _seat_newcomer(self, session: Session) -> None:
        """A member of an organisation who waits for the key, seated by two people long ago."""
        new = staff.add_member(
            session, self.office.keys, "newcomer", Role.PARTNER, "a long passphrase 17", self.office.time.at,
            organisation_id=ORGANISATIONS[ONE],
        )  # fmt: skip
        new.key.public_key = KeyPair.from_seed(_seed("newcomer")).public

    # --- who acts

    def caller(self, session: Session, member_id: UUID, seed: bytes | None = None) -> SignedIn:
        member = session.get_one(Member, member_id)
        return SignedIn(
            member_id=member.id, name=member.name, role=Role(member.role), team_id=member.team_id,
            organisation_id=member.organisation_id, key_id=member.key_id, seed=seed or self.seeds[member_id], binding="",
            seen_at=self.office.time.at,
        )  # fmt: skip

    def id_of(self, name: str) -> UUID:
        with self.office.database.begin(write=False) as session:
            return session.scalars(sa.select(Member.id).where(Member.name == name)).one()

    def act(self, verb: Callable[[Session, SignedIn], object], by: UUID | None = None) -> bool:
        """One attempt, in its own transaction; returns whether it was allowed."""
        try:
            with self.office.database.begin() as session:
                who = self.caller(session, by or self.own)
                if not session.get_one(Member, who.member_id).active:
                    return False
                verb(session, who)
        except AppError:
            return False
        return True

    def honest(self, name: str, verb: Callable[[Session, SignedIn], object]) -> bool:
        """Somebody else acts, with their own sign-in."""
        try:
            with self.office.database.begin() as session:
                member = session.scalars(sa.select(Member).where(Member.name == name)).one()
                verb(session, self.caller(session, member.id, _seed(name)))
        except AppError:
            return False
        return True

    @property
    def now(self) -> datetime:
        return self.office.time.at

    def new_name(self) -> str:
        self.invented += 1
        return f"sham{self.invented}"

    # --- single verbs, as the service has them

    def seat(self, role: Role, place: str = "") -> Invitee:
        team = next((one for one, slug in self.places.items() if slug == place and role is not Role.PARTNER), None)
        organisation = ORGANISATIONS[place] if role is Role.PARTNER else None
        return Invitee(self.new_name(), role, team if role in {Role.COORDINATOR, Role.SENIOR} else None, organisation)

    def propose_member(self, role: Role, place: str, by: UUID | None = None) -> bool:
        seat = self.seat(role, place)
        return self.act(lambda session, who: access_changes.propose_member(session, who, seat, place, self.now), by)

    def invite_at_once(self, role: Role, place: str, by: UUID | None = None) -> bool:
        seat = self.seat(role, place)
        return self.act(
            lambda session, who: self.codes.append(
                members.invite_auditor(session, self.office.keys, who, seat, self.now)
            ),
            by,
        )

    def propose_key(self, slug: str, by: UUID | None = None, *, own: bool = True) -> bool:
        key = {"public_key": base64.b64encode(self.pair.public).decode()} if own else {}
        return self.act(
            lambda session, who: access_changes.propose_organisation_key(
                session, who, ORGANISATIONS[slug], slug, key, self.now
            ),
            by,
        )

    def carry_out(self, proposal: UUID, by: UUID | None = None) -> bool:
        def verb(session: Session, who: SignedIn) -> None:
            done = access_changes.carry_out(session, self.office.keys, who, proposal, self.now)
            if done.code:
                self.codes.append(done.code)

        return self.act(verb, by)

    def decide(self, proposal: UUID, verb: ProposalVerb, by: UUID | None = None) -> bool:
        return self.act(lambda session, who: proposals.decide(session, who, proposal, verb, self.now), by)

    def join(self, code: str) -> UUID | None:
        """Use a code, with a seed that the intruder keeps."""
        try:
            with self.office.database.begin() as session:
                found = invitations.find(session, self.office.keys, code, self.now)
                seed = SealedSeed(found.member_id or uuid4(), KeyPair.generate().seed, bytes(16), b"sealed")
                joined = invitations.accept(session, self.office.keys, code, seed, pyotp.random_base32(), self.now)
                self.seeds[joined.id] = seed.seed
                return joined.id
        except AppError:
            return None

    def newest(self) -> UUID:
        return newest(self.office.database, Proposal, Proposal.proposed_at).id

    def later(self, **by: float) -> None:
        self.office.later(**by)

    def legacy(self, role: Role, place: str) -> UUID:
        """An invented member from the time when one person was enough, without the key."""
        seat = self.seat(role, place)
        with self.office.database.begin() as session:
            new = staff.add_member(
                session, self.office.keys, seat.name, role, "a long passphrase 17", self.now, team_id=seat.team_id,
                organisation_id=seat.organisation_id,
            )  # fmt: skip
            pair = KeyPair.generate()
            new.key.public_key = pair.public
            session.execute(sa.delete(Seating).where(Seating.member_id == new.member.id))
            self.seeds[new.member.id] = pair.seed
            return new.member.id

    # --- what came of it

    def reached(self) -> set[str]:
        """The teams and organisations whose sealed parts the intruder can open, now or from now on."""
        found = set()
        with self.office.database.begin(write=False) as session:
            keys = {
                key.public_key: key.id
                for key in session.scalars(sa.select(SealingKey).where(SealingKey.owner_kind == OwnerKind.MEMBER.value))
            }
            for seed in self.seeds.values():
                pair = KeyPair.from_seed(seed)
                key_id = keys.get(pair.public)
                held = keyholders.open_granted(session, key_id, pair) if key_id else {}
                for owner in session.scalars(sa.select(SealingKey.owner_id).where(SealingKey.id.in_(list(held)))):
                    found.add(self.places[owner])
            registered = sa.select(SealingKey.owner_id).where(SealingKey.public_key == self.pair.public)
            found |= {self.places[owner] for owner in session.scalars(registered)}
        return found

    def harm(self) -> set[str]:
        """What was reached beyond the right of the seat, and every invented colleague who is more than an auditor."""
        with self.office.database.begin(write=False) as session:
            others = [member_id for member_id in self.seeds if member_id != self.own]
            rows = session.scalars(sa.select(Member).where(Member.id.in_(others), Member.active))
            puppets = {f"{member.role} {member.name}" for member in rows if member.role != Role.AUDITOR.value}
        return (self.reached() - RIGHTS[self.name]) | puppets

    def puppets_with_keys(self) -> int:
        with self.office.database.begin(write=False) as session:
            others = [member_id for member_id in self.seeds if member_id != self.own]
            held = (
                sa.select(sa.func.count()).select_from(KeyGrant).join(Member, Member.key_id == KeyGrant.holder_key_id)
            )
            return session.scalar(held.where(Member.id.in_(others))) or 0

    # --- at random

    def step(self, chance: random.Random) -> None:
        """Any verb, by any of the intruder's people, about anything. A moment later: no two proposals are equally new."""
        self.later(milliseconds=1)
        by = chance.choice([self.own, *self.seeds])
        with self.office.database.begin(write=False) as session:
            everybody = list(session.scalars(sa.select(Member.id).order_by(Member.name)))
            live = list(
                session.scalars(
                    sa.select(Proposal.id)
                    .where(Proposal.state.in_([state.value for state in LIVE]))
                    .order_by(Proposal.proposed_at, Proposal.id)
                )
            )
        target, about = chance.choice(everybody), chance.choice(live) if live else uuid4()
        role, team, slug = chance.choice(list(Role)), chance.choice(["pl", "ge"]), chance.choice([ONE, TWO])
        place = slug if role is Role.PARTNER else team
        verbs: list[Callable[[], object]] = [
            lambda: self.propose_member(role, place, by),
            lambda: self.invite_at_once(role, place, by),
            lambda: self.propose_key(slug, by, own=chance.random() < 0.5),
            lambda: self.act(lambda s, who: access_changes.propose_return(s, who, target, self.now), by),
            lambda: self.act(lambda s, who: access_changes.propose_senior(s, who, target, self.now), by),
            lambda: self.act(
                lambda s, who: access_changes.propose_grant(s, who, target, self.now, key_id=key_of(s, target)), by
            ),
            lambda: self.act(
                lambda s, who: proposals.propose(s, who, ProposalKind.NEW_ADMIN, {"name": self.new_name()}, self.now),
                by,
            ),
            lambda: self.act(lambda s, who: members.grant(s, who, target, self.now, key_id=key_of(s, target)), by),
            lambda: self.act(lambda s, who: members.make_coordinator(s, who, target, self.now), by),
            lambda: self.act(lambda s, who: members.restore_access(s, who, target, self.now), by),
            lambda: self.join(chance.choice(self.codes)) if self.codes else None,
            lambda: self.later(**chance.choice([{"hours": 1.0}, {"hours": 25.0}, {"days": 4.0}])),
        ]
        verbs += [lambda: self.decide(about, chance.choice(list(ProposalVerb)), by)] * 4
        verbs += [lambda: self.carry_out(about, by)] * 3
        if target != self.own and chance.random() < 0.1:
            verbs += [lambda: self.act(lambda s, who: members.deactivate(s, who, target, self.now), by)]
        chance.choice(verbs)()

    def colleagues_work(self, chance: random.Random) -> None:
        """What honest people do meanwhile: two of them seat somebody, and one of them keeps the code."""
        proposer, second = chance.choice([("sofia", "vera"), ("admin", "sofia"), ("partner", "admin")])
        if self.name in {proposer, second}:
            return
        self.later(milliseconds=1)
        name = f"real{chance.randrange(10**6)}"
        role, place = (Role.PARTNER, ONE) if proposer == "partner" else (Role.COORDINATOR, "pl")
        team = next((one for one, slug in self.places.items() if slug == place), None)
        seat = Invitee(name, role, None if role is Role.PARTNER else team, team if role is Role.PARTNER else None)
        if self.honest(proposer, lambda s, who: access_changes.propose_member(s, who, seat, place, self.now)):
            self.later(seconds=1)
            newest = self.newest()
            self.honest(second, lambda s, who: proposals.decide(s, who, newest, ProposalVerb.APPROVE, self.now))

    def fool(self, name: str, proposal: UUID) -> bool:
        """An honest member believes the intruder, and approves."""
        return self.honest(name, lambda s, who: proposals.decide(s, who, proposal, ProposalVerb.APPROVE, self.now))
