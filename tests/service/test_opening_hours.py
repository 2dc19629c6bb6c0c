"""An organisation owes an answer in the hours when it is open: as it has said itself, else as the directory knows."""

from datetime import UTC, datetime, time
from typing import Any

import pytest
import sqlalchemy as sa

from app.core.db import Database
from app.core.ids import named_id
from app.messaging.models import PartnerNotices
from app.partners.organisations import Organisation
from app.referrals.working_hours import directory_hours, hours_of
from tests.support.cases import ONE, Scene, set_scene

IN_DIRECTORY = [
    {"days": ["TU", "TH"], "opens": "10:00", "closes": "13:00"},
    {"days": ["TH"], "opens": "15:00", "closes": "17:30"},
]


@pytest.fixture
def scene(database: Database) -> Scene:
    """It is Monday, 11 in Warsaw."""
    return set_scene(database)


def known(scene: Scene, hours: list[dict[str, Any]]) -> None:
    with scene.write() as session:
        organisation = session.scalars(sa.select(Organisation).where(Organisation.slug == ONE)).one()
        organisation.entry = {**organisation.entry, "hours": hours}


def seen_by(scene: Scene) -> datetime:
    """When the centre has to have seen a new request."""
    by = scene.row(scene.offered(ONE)).acknowledge_by
    assert by is not None
    return by


def test_a_working_day_is_a_day_on_which_the_directory_says_that_they_are_open(scene: Scene) -> None:
    usual = seen_by(scene)
    assert usual < datetime(2026, 11, 26, tzinfo=UTC)
    known(scene, IN_DIRECTORY)
    assert seen_by(scene) == datetime(2026, 11, 26, 16, 30, tzinfo=UTC), (
        "the second day they are open, Thursday at 17:30"
    )


def test_what_they_have_said_themselves_counts_before_the_directory(scene: Scene) -> None:
    known(scene, IN_DIRECTORY)
    own = {"opens": "08:00", "closes": "12:00", "weekdays": [0, 1, 2, 3, 4], "days_off": []}
    with scene.write() as session:
        session.add(
            PartnerNotices(
                organisation_id=named_id("organisation", ONE), address=None, emergencies_at_once=True, zone="Europe/Warsaw",
                hours=own, version=1, updated_at=scene.now,
            )
        )  # fmt: skip
    assert scene.row(scene.offered(ONE)).hours == own


@pytest.mark.parametrize("entry", [{}, {"hours": []}])
def test_of_whom_nothing_is_known_the_hours_are_the_countrys(entry: dict[str, Any]) -> None:
    assert directory_hours(entry) is None
    assert hours_of("PL", directory_hours(entry)).weekdays == frozenset(range(5))


def test_breaks_are_kept_and_holidays_stay_holidays() -> None:
    hours = hours_of("PL", directory_hours({"hours": IN_DIRECTORY}))
    assert hours.week == {
        1: ((time(10), time(13)),),
        3: ((time(10), time(13)), (time(15), time(17, 30))),
    }
    assert not hours.is_working(datetime(2026, 12, 25, tzinfo=UTC).date())
