"""Who may be deactivated: only what this very member holds, and their own place, count."""

import pytest

from app.core.errors import Conflict
from app.staff import members
from app.staff.models import Member
from tests.service.test_desk_races import colleague_of, signed_in
from tests.support.desk import StaffSite


def test_a_key_that_nobody_holds_elsewhere_keeps_nobody_in_their_seat(office: StaffSite) -> None:
    """The other team's only member is gone (their key is with the recovery key alone): that is no reason here."""
    outsider, admin = signed_in(office, "outsider"), signed_in(office, "admin")
    with office.database.begin() as session:
        session.get_one(Member, outsider.member_id).active = False
    pavel = signed_in(office, "pavel")
    with office.database.begin() as session:
        members.deactivate(session, admin, pavel.member_id, office.time.at)
    with office.database.begin(write=False) as session:
        assert not session.get_one(Member, pavel.member_id).active


def test_colleagues_are_those_of_the_same_organisation(office: StaffSite) -> None:
    """Members of other organisations do not make somebody's seat superfluous."""
    admin, partner = signed_in(office, "admin"), signed_in(office, "partner")
    assert colleague_of(office, "other-partner")
    with office.database.begin() as session:
        with pytest.raises(Conflict, match="only member of the organisation"):
            members.deactivate(session, admin, partner.member_id, office.time.at)
