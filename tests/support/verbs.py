"""The desk's people and their keys without any page: verbs are called as they are, in a transaction of their own."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.models import Case
from app.casework import desk_referrals, filing
from app.casework.coordinator import Desk
from app.core.db import Database
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.directory.packs import load_packs
from app.intake.receipts import Receipt
from app.intake.schemas import Intake
from app.referrals.models import Referral
from app.staff.models import Member, Role
from app.staff.sessions import SignedIn
from tests.support.desk import UNCONNECTED, Time, _seed, founded_office, intake
from tests.support.founding import found

BY_HAND = f"{UNCONNECTED}/legal-help"
SITE = "https://pristan.test"
AGREED = {"mode": "named", "organisations": [UNCONNECTED]}


@dataclass
class StaffVerbs:
    """Two teams, two connected centres and a third without an account, and whoever is signed in there."""

    database: Database
    keys: KeyRing
    time: Time

    def member(self, name: str) -> SignedIn:
        """Somebody who is signed in, with their own key."""
        with self.database.begin(write=False) as session:
            row = session.scalars(sa.select(Member).where(Member.name == name)).one()
            return SignedIn(
                row.id, name, Role(row.role), row.team_id, row.organisation_id, row.key_id, _seed(name), "binding",
                self.time.at,
            )  # fmt: skip

    def desk(self, name: str = "vera") -> Desk:
        member = self.member(name)
        assert member.team_id is not None
        return Desk(member, member.team_id, self.keys, self.time.at)

    def file(self, **answers: Any) -> tuple[str, Receipt]:
        """A case by its label, and the person's number."""
        with self.database.begin() as session:
            filed = filing.file_intake(
                session, Intake.model_validate(intake(**answers)), keys=self.keys, directory=load_packs(),
                now=self.time.at,
            )  # fmt: skip
        return filed.label, filed.receipt

    def case(self, label: str) -> Case:
        with self.database.begin(write=False) as session:
            return session.scalars(sa.select(Case).where(Case.label == label)).one()

    def referral(self, label: str) -> Referral:
        with self.database.begin(write=False) as session:
            return session.scalars(sa.select(Referral).where(Referral.label == label)).one()

    def do(self, act: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Call a verb in a transaction of its own."""
        with self.database.begin() as session:
            return act(session, *args, **named)

    def refused(self, act: Callable[..., Any], *args: Any, **named: Any) -> AppError:
        """The refusal with which a verb answers; nothing is written then."""
        with pytest.raises(AppError) as caught, self.database.begin() as session:
            act(session, *args, **named)
        return caught.value

    def status(self, act: Callable[..., Any], *args: Any, **named: Any) -> tuple[int, str]:
        """The refusal's status and its words."""
        error = self.refused(act, *args, **named)
        return error.status, str(error)

    def refer(self, label: str, service: str = BY_HAND, name: str = "vera") -> Referral:
        """A referral of the case, made by this coordinator."""
        made = self.do(desk_referrals.refer, self.desk(name), label, self.case(label).version, service, why="other")
        return self.referral(made.label)

    def change(self, table: Any, which: sa.ColumnElement[bool], **values: Any) -> None:
        """Put rows into a state that would take many steps."""
        with self.database.begin() as session:
            session.execute(sa.update(table).where(which).values(**values))

    def opened(self, session: Session, receipt: Receipt, *, lock: bool = True) -> person_access.OpenedCase:
        return person_access.open_by_receipt(session, receipt, self.keys, self.time.at, lock=lock)


@pytest.fixture
def verbs(sqlite_database: Database) -> StaffVerbs:
    founded = found(sqlite_database, founded_office)
    return StaffVerbs(sqlite_database, copy.deepcopy(founded.keys), Time())


@pytest.fixture
def postgres_verbs(postgres_database: Database) -> StaffVerbs:
    founded = found(postgres_database, founded_office)
    return StaffVerbs(postgres_database, copy.deepcopy(founded.keys), Time())
