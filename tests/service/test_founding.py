"""What tests find in their database is a copy of what the service's verbs wrote, and nothing of one test is left for the next."""

import pytest
import sqlalchemy as sa

from app.core.db import Base, Database
from app.core.ids import named_id
from app.partners.organisations import Organisation
from app.staff.models import Team
from tests.support import cases, desk, partners, people
from tests.support.founding import found

WHO = [desk.founded_office, partners.founded_network, people.founded_site, cases.founded_scene]


def rows(database: Database) -> dict[str, list[str]]:
    with database.begin(write=False) as session:
        return {
            table.name: found
            for table in Base.metadata.sorted_tables
            if (found := sorted(map(repr, session.execute(sa.select(table)).all())))
        }


@pytest.mark.parametrize("write", WHO)
def test_a_copy_is_what_the_verbs_wrote(database: Database, write: object) -> None:
    found(database, write)  # written, or copied if another test was first
    first = rows(database)
    _empty(database)
    found(database, write)
    assert rows(database) == first
    assert len(first["organisations"]) > 50


def _empty(database: Database) -> None:
    with database.begin() as session:
        if database.dialect == "postgresql":
            session.execute(sa.text("SET LOCAL session_replication_role = replica"))
        else:
            session.execute(sa.text("PRAGMA defer_foreign_keys = ON"))
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(sa.delete(table))


def test_a_database_that_has_rows_keeps_them(database: Database) -> None:
    found(database, cases.founded_scene)
    with database.begin() as session:
        session.execute(sa.update(Organisation).values(name="changed"))
    with pytest.raises(sa.exc.IntegrityError):  # the verbs are called, and they add the same team again
        found(database, cases.founded_scene)
    with database.begin(write=False) as session:
        assert set(session.scalars(sa.select(Organisation.name))) == {"changed"}


@pytest.mark.parametrize("time", ["first", "second"])
def test_nothing_of_one_test_is_left_for_the_next(database: Database, time: str) -> None:
    assert rows(database) == {}
    found(database, cases.founded_scene)
    with database.begin() as session:
        assert session.get(Organisation, named_id("organisation", cases.ONE)) is not None
        session.execute(sa.update(Team).values(name="changed"))
