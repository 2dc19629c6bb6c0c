"""The team's rota on its page, and the red line at the desk when nobody can be told."""

import sqlalchemy as sa

from app.core.ids import named_id
from app.messaging import broken_ways, recipients
from app.messaging.recipients import NoticeSettings
from app.referrals.models import Referral
from app.staff.models import Member, TeamCountry, TeamRota
from app.tasks.models import Task
from tests.support.desk import ONE, StaffSite

PATH, MINE = "/desk/rota", "/desk/me/notices"
UNTOLD = "Nobody there will be told by the service."
NO_MAIL = "This server sends no mail: nobody gets a notice"
UNTOLD_COUNTRIES = "In the team for these countries no notice reaches anybody, not even about an emergency:"
NOBODY = "No notice reaches anybody of this team"


def id_of(office: StaffSite, name: str) -> str:
    with office.database.begin(write=False) as session:
        return str(session.scalars(sa.select(Member.id).where(Member.name == name)).one())


def stored(office: StaffSite) -> TeamRota:
    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(TeamRota)).one()


def test_the_desk_says_in_red_that_nobody_can_be_told_until_somebody_can(office: StaffSite) -> None:
    label, _number = office.file()
    vera, sofia = office.as_("vera"), office.as_("sofia")
    for path in ("/desk/", "/desk/tasks", f"/desk/cases/{label}"):
        assert NOBODY in sofia.get(path).words(), path
    vera.submit(vera.get(MINE), MINE, address="vera@example.org")
    for path in ("/desk/", "/desk/tasks", f"/desk/cases/{label}"):
        assert NOBODY not in sofia.get(path).words(), path
    assert NOBODY in office.as_("outsider").get("/desk/").words(), "another team"


def test_operations_names_each_country_of_whose_team_nobody_can_be_told(office: StaffSite) -> None:
    vera, admin = office.as_("vera"), office.as_("admin")
    with office.database.begin() as session:
        team_id = session.scalars(sa.select(Member.team_id).where(Member.name == "vera")).one()
        other = session.scalars(sa.select(Member.team_id).where(Member.name == "outsider")).one()
        session.execute(sa.delete(TeamCountry))
        session.add_all(
            [
                TeamCountry(country="PL", team_id=team_id),
                TeamCountry(country="LT", team_id=team_id),
                TeamCountry(country="GE", team_id=other),
            ]
        )
    words = admin.get("/desk/operations").words()
    assert f"{UNTOLD_COUNTRIES} Georgia, Lithuania, Poland." in words
    vera.submit(vera.get(MINE), MINE, address="vera@example.org")
    assert f"{UNTOLD_COUNTRIES} Georgia." in admin.get("/desk/operations").words()
    with office.database.begin() as session:
        vera_id = session.scalars(sa.select(Member.id).where(Member.name == "vera")).one()
        broken_ways.of_member(session, vera_id, office.time.at, permanent=True)
    assert f"{UNTOLD_COUNTRIES} Georgia, Lithuania, Poland." in admin.get("/desk/operations").words()


def test_a_server_that_sends_no_mail_tells_nobody_and_the_desk_says_so(office: StaffSite) -> None:
    vera, given = office.as_("vera"), office.app.state.settings
    vera.submit(vera.get(MINE), MINE, address="vera@example.org")
    assert NO_MAIL in vera.get("/desk/").words()
    try:
        for sending in ({"smtp_host": "mail.example.org"}, {"team_ways": {"ntfy": "x"}}):
            office.app.state.settings = given.model_copy(update=sending)
            assert NO_MAIL not in vera.get("/desk/").words(), sending
    finally:
        office.app.state.settings = given


def test_a_shift_is_kept_and_who_is_on_call_is_seen(office: StaffSite) -> None:
    vera = office.as_("vera")
    vera.submit(vera.get(MINE), MINE, address="vera@example.org")
    page = vera.get(PATH)
    assert "Nobody is on call now." in page.words()
    typed = {"days_0": "1", "from_0": "9:00", "until_0": "18:00", "first_0": id_of(office, "vera"),
             "deputy_0": id_of(office, "sofia")}  # fmt: skip
    assert vera.submit(page, PATH, **typed).did("rota_kept")
    page = vera.get(PATH)
    assert "On call now: vera" in page.words()  # Tuesday, 11:00 in Warsaw
    assert "In 159 hours of the week nobody is on call." in page.words()
    assert page.form(PATH)["from_0"] == "09:00"


def test_what_is_wrong_in_a_shift_is_said_and_nothing_typed_is_lost(office: StaffSite) -> None:
    vera = office.as_("vera")
    page = vera.submit(vera.get(PATH), PATH, from_0="25:00", until_0="18:00", days_0="1")
    assert page.status == 422
    assert page.form(PATH)["from_0"] == "25:00"
    assert "Enter a time of day" in page.words()
    assert "Choose who is on call." in page.words()
    other = {"days_0": "1", "from_0": "9:00", "until_0": "18:00", "first_0": id_of(office, "outsider")}
    assert "Choose colleagues of this team." in vera.submit(vera.get(PATH), PATH, **other).words()


def test_who_leaves_is_taken_out_of_the_shifts_and_the_deputy_moves_up(office: StaffSite) -> None:
    vera, sofia = id_of(office, "vera"), office.as_("sofia")
    typed = {"days_0": "1", "from_0": "9:00", "until_0": "18:00", "first_0": vera, "deputy_0": id_of(office, "pavel")}
    sofia.submit(sofia.get(PATH), PATH, **typed)
    sofia.submit(sofia.get("/desk/members"), f"/desk/members/{vera}/deactivate")
    (shift,) = stored(office).shifts
    assert shift["members"] == [id_of(office, "pavel")]


def test_refer_says_what_will_not_happen_and_leaves_a_task_when_nobody_there_can_be_told(office: StaffSite) -> None:
    label, _number = office.file()
    vera = office.as_("vera")
    path = f"/desk/cases/{label}/refer"
    page = vera.get(f"{path}?service={ONE}/legal-help")
    assert UNTOLD in page.words()
    refused = vera.submit(page, path)
    assert refused.status == 422
    assert "Nobody there is told by the service." in refused.words()
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Referral.id)).all() == [], "nothing is offered silently"
    assert vera.submit(page, path, by_hand="yes").did("offered")
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.kind).where(Task.done_at.is_(None))).all() == ["tell_centre"]


def test_refer_says_nothing_of_it_to_an_organisation_with_an_address_until_it_refuses(office: StaffSite) -> None:
    label, _number = office.file()
    vera, there = office.as_("vera"), named_id("organisation", ONE)
    with office.database.begin() as session:
        address = NoticeSettings("intake@example.org")
        recipients.save_notice_settings(
            session, office.keys, there, address, zone="Europe/Warsaw", version=0, now=office.time.at
        )
    path = f"/desk/cases/{label}/refer?service={ONE}/legal-help"
    assert UNTOLD not in vera.get(path).words()
    with office.database.begin() as session:
        broken_ways.of_organisation(session, there, office.time.at, permanent=True)
    assert UNTOLD in vera.get(path).words()
