"""A member sets how they are told: what they typed is kept, sealed, and gone when they leave."""

from pathlib import Path

import sqlalchemy as sa

from app.core.db import Database
from app.messaging.models import MemberNotices, OutboxMessage
from app.staff.models import Member
from tests.support.desk import StaffSite, running

PATH = "/desk/me/notices"


def stored(office: StaffSite) -> MemberNotices:
    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(MemberNotices)).one()


def test_an_address_is_kept_sealed_and_shown_to_its_owner_alone(office: StaffSite) -> None:
    vera = office.as_("vera")
    page = vera.get(PATH)
    assert page.form(PATH)["zone"] == "Europe/Warsaw"
    done = vera.submit(
        page, PATH, address="vera@example.org", when="each", quiet_from="23", quiet_until="6", language="ka"
    )
    assert done.did("notices_kept")
    row = stored(office)
    assert b"example" not in (row.address or b"")
    assert (row.digest_hour, row.quiet_from, row.quiet_until, row.language) == (None, 23, 6, "ka")
    assert vera.get(PATH).form(PATH)["address"] == "vera@example.org"
    assert "vera@example.org" not in office.as_("sofia").get(PATH).text
    assert office.as_("partner").get(PATH).status == 403


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(office: StaffSite) -> None:
    vera = office.as_("vera")
    page = vera.submit(vera.get(PATH), PATH, address="vera", hour="8", when="digest")
    assert page.status == 422
    assert page.form(PATH)["address"] == "vera"
    assert "This is not an e-mail address." in page.words()
    page = vera.submit(vera.get(PATH), PATH, address="vera@example.org", hour="25", when="digest", quiet_from="x")
    assert page.words().count("Enter an hour from 0 to 23.") >= 2
    assert page.form(PATH)["quiet_from"] == "x"


def test_the_row_is_deleted_with_the_member(office: StaffSite) -> None:
    vera, sofia = office.as_("vera"), office.as_("sofia")
    vera.submit(vera.get(PATH), PATH, address="vera@example.org")
    with office.database.begin(write=False) as session:
        member_id = session.scalars(sa.select(Member.id).where(Member.name == "vera")).one()
    page = sofia.get("/desk/members")
    assert sofia.submit(page, f"/desk/members/{member_id}/deactivate").did("deactivated")
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(MemberNotices)).all() == []


def test_a_way_of_the_operator_is_chosen_by_its_name_and_no_address_is_taken_from_the_desk(
    database: Database, tmp_path: Path
) -> None:
    with running(database, tmp_path, team_ways={"duty phone": "tgram://123456789:made_up/42/"}) as office:
        vera = office.as_("vera")
        page = vera.get(PATH)
        assert "made_up" not in page.text
        assert vera.submit(page, PATH, way="duty phone").did("notices_kept")
        assert (stored(office).way, vera.get(PATH).form(PATH)["way"]) == ("team", "duty phone")
        for typed in ("ntfy://127.0.0.1/x", "https://example.org/hook", "nobody's phone"):
            page = vera.submit(vera.get(PATH), PATH, way=typed)
            assert page.status == 422
            assert "Choose a way of the list." in page.words()
        assert vera.submit(vera.get(PATH), PATH, way="", address="vera@example.org").did("notices_kept")
        assert stored(office).way == "email"


def test_without_ways_of_the_operator_there_is_nothing_to_choose(office: StaffSite) -> None:
    assert 'name="way"' not in office.as_("vera").get(PATH).text


def test_a_button_sends_a_test_and_the_page_says_what_became_of_it(office: StaffSite) -> None:
    vera = office.as_("vera")
    assert vera.submit(vera.get(PATH), f"{PATH}/test").did("test_asked")
    assert "The test is waiting to be sent." in vera.get(PATH).words()
    vera.submit(vera.get(PATH), f"{PATH}/test")
    with office.database.begin(write=False) as session:
        assert len(session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "test")).all()) == 1
    sofia = office.as_("sofia")
    sofia.submit(sofia.get(PATH), PATH, address="sofia@example.org")
    assert sofia.submit(sofia.get("/desk/rota"), "/desk/rota/test").did("team_test_asked")
    words = sofia.get("/desk/rota").words()
    assert words.count("The test is waiting to be sent.") == 2
    assert "not tested lately" in words
    partner = office.as_("partner")
    assert partner.submit(partner.get("/partner/notices"), "/partner/notices/test").did("test_asked")
    assert "The test is waiting to be sent." in partner.get("/partner/notices").words()
    assert "The test is waiting to be sent." not in office.as_("admin").get(PATH).words()
