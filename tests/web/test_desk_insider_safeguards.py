"""Watching the watchers: the audit's page, honeytokens, daily quotas, and the switch that stops partners' reading."""

import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core import kill_switch
from app.core.db import Database
from app.messaging.models import OutboxMessage
from app.staff.read_quotas import ReadCount
from tests.support.desk import STORY, Browser, StaffSite, running
from tests.support.partners import Network
from tests.web.test_account_members import accepted


def open_words(browser: Browser, label: str) -> int:
    page = browser.get(f"/desk/cases/{label}")
    return browser.submit(page, f"/desk/cases/{label}/show").status


# --- the audit -------------------------------------------------------------------------------------------------------


def test_an_auditor_sees_who_opened_what_and_can_open_nothing(office: StaffSite) -> None:
    label, _receipt = office.file()
    open_words(office.as_("vera"), label)
    auditor = office.as_("auditor")
    page = auditor.get("/desk/audit", params={"about": label})
    assert "story opened case:words_opened" in page.words(), "in words, with the code beside them"
    assert "vera" in page.words()
    assert label in page.words()
    assert STORY not in page.text
    assert auditor.get(f"/desk/cases/{label}").status == 403


def test_filters_narrow_and_pages_stay_where_they_are(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera = office.as_("vera")
    for _ in range(60):
        open_words(vera, label)
    auditor = office.as_("auditor")
    rows = "table.queue tbody tr"
    page = auditor.get("/desk/audit", params={"kind": "case", "by": "vera"})
    assert len(page.tree.css(rows)) == 50
    older = page.tree.css_first('a[rel="next"]')
    assert older is not None
    open_words(vera, label)
    second = auditor.get(str(older.attributes["href"]))
    assert len(second.tree.css(rows)) == 10
    newer = second.tree.css_first('a[rel="prev"]')
    assert newer is not None
    back = auditor.get(str(newer.attributes["href"]))
    first = [row.css_first("th").text() for row in page.tree.css(rows)]
    assert [row.css_first("th").text() for row in back.tree.css(rows)] == first
    assert "No entries match" in auditor.get("/desk/audit", params={"by": "nobody-at-all"}).words()
    assert auditor.get("/desk/audit", params={"since": "some day"}).status == 422
    assert len(auditor.get("/desk/audit", params={"until": "2026-11-01"}).tree.css(rows)) == 0


# --- honeytokens -----------------------------------------------------------------------------------------------------


def plant(office: StaffSite) -> str:
    admin = office.as_("admin")
    page = admin.get("/desk/operations")
    typed = {"country": "PL", "need": "asylum", "language": "ru", "call_me": "Ирина", "text": "Выдуманная история"}
    planted = admin.submit(page, "/desk/honeytokens", **typed)
    assert planted.status == 200, planted.words()
    return planted.tree.css_first("h1").text().split(":")[1].strip()


def test_reading_a_honeytoken_raises_an_alarm_and_shows_nothing_of_it(office: StaffSite) -> None:
    true_one, _receipt = office.file()
    honeytoken = plant(office)
    vera = office.as_("vera")
    closed = vera.get("/desk/", params={"view": "closed"})
    assert honeytoken in closed.words()
    assert open_words(vera, true_one) == 200
    assert "honeytoken was opened" not in office.as_("admin").get("/desk/operations").words()
    page = vera.get(f"/desk/cases/{honeytoken}")
    shown = vera.submit(page, f"/desk/cases/{honeytoken}/show")
    assert "Выдуманная история" in shown.text
    assert "honeytoken" not in shown.text.lower()
    assert "alarm" not in shown.words().lower()
    page = office.as_("auditor").get("/desk/audit", params={"kind": "alarm"})
    assert "alarm:honeytoken_read" in page.words()
    assert "vera" in page.words()
    assert "A honeytoken was opened" in office.as_("admin").get("/desk/operations").words()
    with office.database.begin(write=False) as session:
        notices = session.scalars(sa.select(OutboxMessage).where(OutboxMessage.kind == "alarm_honeytoken_read")).all()
    assert len(notices) == 1
    assert notices[0].about_id != office.case(honeytoken).id


def test_the_database_alone_does_not_tell_which_case_is_one(office: StaffSite) -> None:
    honeytoken = office.case(plant(office))
    with office.database.begin(write=False) as session:
        (row,) = session.execute(sa.text("SELECT * FROM honeytokens")).all()
    assert honeytoken.id.bytes not in bytes(row.id)
    mac = office.keys.mac("honeytoken", honeytoken.id.bytes)
    assert bytes(row.id) == office.keys.hide(mac, "honeytokens", "id")
    assert mac not in bytes(row.id), "the root secret alone does not tell either"


# --- quotas ----------------------------------------------------------------------------------------------------------


def test_the_read_after_the_last_is_refused_and_told(database: Database, tmp_path) -> None:
    with running(database, tmp_path / "var", member_reads_per_day=3) as office:
        first, second, third, label = (office.file()[0] for _case in range(4))
        vera, pavel = office.as_("vera"), office.as_("pavel")
        page = vera.get(f"/desk/cases/{first}")
        contact = vera.submit(page, f"/desk/cases/{first}/contact", purpose="answer")
        assert [contact.status, open_words(vera, second), open_words(vera, third)] == [200, 200, 200]
        refused = vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
        assert refused.status == 429
        assert STORY not in refused.text
        assert "3 times today" in refused.words()
        assert open_words(pavel, label) == 200, "each has their own"
        assert "at the limit" in office.as_("admin").get("/desk/operations").words()
        with office.database.begin(write=False) as session:
            opened = sa.select(sa.func.count()).where(
                AuditEntry.action.in_(["case:words_opened", "case:contact_opened"])
            )
            assert session.scalar(opened) == 4
        office.later(hours=14)
        fresh = office.as_("vera")
        assert open_words(fresh, label) == 200


def test_a_partner_s_member_has_a_quota_too(database: Database, tmp_path) -> None:
    with running(database, tmp_path / "var", member_reads_per_day=1) as office:
        label, _receipt = office.file()
        referral = accepted(office, label)
        partner = office.as_("partner")
        path = f"/partner/referrals/{referral}"
        assert [partner.submit(partner.get(path), f"{path}/show").status for _ in range(2)] == [200, 429]


def test_two_at_once_can_not_both_be_the_last(network: Network) -> None:
    from concurrent.futures import ThreadPoolExecutor

    referral = network.offer()
    network.act(referral, "accept")
    with network.database.begin() as session:
        session.add(ReadCount(reader="client:api-pl-hfhr", day=network.now.date(), count=499))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _n: network.get(f"/v1/referrals/{referral}/sealed").status_code, range(4)))
    assert sorted(answers) == [200, 429, 429, 429]
    refused = network.get(f"/v1/referrals/{referral}/sealed")
    assert refused.json()["type"] == "urn:pristan:problem:daily-reads-used-up"
    assert refused.headers["retry-after"]


# --- the switch ------------------------------------------------------------------------------------------------------


def test_one_switch_stops_every_partner_page_that_reads_and_nothing_else(office: StaffSite) -> None:
    label, _receipt = office.file()
    referral = accepted(office, label)
    partner, sofia = office.as_("partner"), office.as_("sofia")
    sofia.submit(sofia.get("/desk/operations"), "/desk/freeze")
    for path in (
        "/partner/",
        f"/partner/referrals/{referral}",
        "/partner/services",
        "/partner/report",
        "/partner/notices",
    ):
        page = partner.get(path)
        assert page.status == 503, path
        assert "Partner access is stopped" in page.words()
        assert "stopped all reading by partners" in page.words()
    for path in ("/desk/me", "/partner/members", "/partner/proposals"):
        assert partner.get(path).status == 200, "who reads nothing still sees who may, and can stop it"
    assert open_words(office.as_("vera"), label) == 200
    sofia.submit(sofia.get("/desk/operations"), "/desk/unfreeze")
    assert partner.get(f"/partner/referrals/{referral}").status == 200
    with office.database.begin(write=False) as session:
        acts = session.scalars(sa.select(AuditEntry.action).where(AuditEntry.action.startswith("freeze:"))).all()
    assert sorted(acts) == ["freeze:off", "freeze:on"]


def test_the_switch_reaches_another_process_s_api_and_a_reader_that_waits(network: Network) -> None:
    """It is turned in the database by somebody else; a long poll that hangs meanwhile gives nothing more."""
    from concurrent.futures import ThreadPoolExecutor

    referral = network.offer()
    network.act(referral, "accept")
    cursor = network.get("/v1/events").json()["cursor"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(network.get, "/v1/events", params={"cursor": cursor, "wait": "10"})
        with network.database.begin() as session:
            kill_switch.set_switch(session, kill_switch.FREEZE, on=True, by=None, now=network.now)
        assert waiting.result(8).status_code == 503
    for path in ("/v1/referrals", f"/v1/referrals/{referral}", f"/v1/referrals/{referral}/sealed", "/v1/events"):
        answer = network.get(path)
        assert answer.status_code == 503, path
        assert answer.json()["type"] == "urn:pristan:problem:partner-reads-frozen"
        assert answer.headers["retry-after"] == "300"
    assert network.act(referral, "start", version=3).status_code == 503
    assert network.file().status_code == 201, "a story is always taken in"
    with network.database.begin() as session:
        kill_switch.set_switch(session, kill_switch.FREEZE, on=False, by=None, now=network.now)
    assert network.get(f"/v1/referrals/{referral}/sealed").status_code == 200
