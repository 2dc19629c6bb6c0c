"""The tests stand on this: each has an empty database of its own, with the service's real commits."""

import pytest
import sqlalchemy as sa

from app.core.clock import utc_now
from app.core.db import Database
from app.staff import service as staff
from app.staff.models import Team


@pytest.mark.parametrize("turn", range(2))
def test_what_one_test_committed_the_next_does_not_see(database: Database, turn: int) -> None:
    with database.begin() as session:
        assert "alembic_version" in sa.inspect(session.connection()).get_table_names()
        assert session.scalars(sa.select(Team.slug)).all() == []
        staff.add_team(session, "north", "North", ["PL"], utc_now())
    with database.begin(write=False) as session:
        assert session.scalars(sa.select(Team.slug)).all() == ["north"]


@pytest.mark.parametrize("turn", range(2))
def test_a_bare_database_has_no_tables(unmigrated_database: Database, turn: int) -> None:
    with unmigrated_database.begin() as session:
        assert sa.inspect(session.connection()).get_table_names() == []


def test_the_server_keeps_what_it_acknowledged(database: Database) -> None:
    database.check_durability()
