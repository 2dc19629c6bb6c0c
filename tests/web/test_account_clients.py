"""Programs of organisations: two people make one or give it a new secret, the organisation sees it, one person switches it off."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.core.db import Base
from app.core.errors import NotSignedIn
from app.partners import credentials, oauth_clients
from app.partners.credentials import Secret
from app.partners.models import AccessToken, ClientCredential
from app.staff.models import Proposal
from tests.support.desk import ONE, Browser, Page, StaffSite
from tests.support.html import faults

PATH = "/desk/clients"
ID = "hfhr-cases"


def propose(browser: Browser, **typed: str | list[str]) -> Page:
    form = browser.get(PATH).form(PATH)
    sent = {**form, "organisation": ONE, "client": ID, "scopes": ["referrals:read", "referrals:write"], **typed}
    return browser.send("POST", PATH, data=sent)


def act(browser: Browser, path: str, **fields: str) -> Page:
    return browser.post(path, {"csrf": browser.get(PATH).form(PATH)["csrf"], **fields})


def waiting(office: StaffSite) -> Proposal:
    with office.database.begin(write=False) as session:
        (found,) = session.scalars(sa.select(Proposal).where(Proposal.state.in_(["open", "approved"])))
        session.expunge(found)
        return found


def decide(office: StaffSite, who: str, verb: str, base: str = "/desk/proposals") -> Page:
    browser = office.as_(who)
    return browser.submit(browser.get(base), f"{base}/{waiting(office).id}/{verb}")


def signs_in(office: StaffSite, secret: str) -> bool:
    with office.database.begin() as session:
        return credentials.authenticate(session, office.keys, Secret(ID, secret), office.time.at) is not None


def issued(office: StaffSite, secret: str) -> str:
    with office.database.begin() as session:
        given = oauth_clients.issue_token(
            session, office.keys, Secret(ID, secret), None, office.time.at, timedelta(minutes=15)
        )
        assert given is not None
        return given.token


def works(office: StaffSite, token: str) -> bool:
    try:
        with office.database.begin(write=False) as session:
            oauth_clients.caller(session, token, office.time.at)
    except NotSignedIn:
        return False
    return True


def make(office: StaffSite) -> str:
    """The secret of a program that two people have made; the wait is ended by a member who holds the organisation's key."""
    assert propose(office.as_("admin")).did("proposed")
    assert decide(office, "partner", "approve", "/partner/proposals").did("approved")
    return shown(decide(office, "admin", "carry_out"))


def shown(page: Page) -> str:
    assert page.status == 200, page.words()
    assert faults(page.text) == []
    (node,) = page.tree.css(".code.big")
    return str(node.text()).strip()


def test_two_people_make_a_program_and_its_secret_is_shown_once(office: StaffSite) -> None:
    assert faults(office.as_("admin").get(PATH).text) == []
    secret = make(office)
    assert signs_in(office, secret)
    page = office.as_("admin").get(PATH)
    assert faults(page.text) == []
    assert ID in page.words()
    assert secret not in page.text
    with office.database.begin(write=False) as session:
        noted = set(session.scalars(sa.select(AuditEntry.action).where(AuditEntry.subject_id == ID)))
        for table in Base.metadata.sorted_tables:
            assert secret not in repr(session.connection().exec_driver_sql(f"SELECT * FROM {table.name}").all())
    assert noted == {"client:added"}


def test_one_person_alone_makes_none_and_it_waits_for_the_organisation(office: StaffSite) -> None:
    assert propose(office.as_("admin")).did("proposed")
    proposal = waiting(office)
    csrf = office.as_("admin").get(PATH)
    admin = office.as_("admin")
    token = admin.get(PATH).form(PATH)["csrf"]
    assert csrf.status == 200
    for verb in ("approve", "carry_out"):
        assert admin.post(f"/desk/proposals/{proposal.id}/{verb}", {"csrf": token}).status in {403, 409}, verb
    seen = office.as_("partner").get("/partner/proposals")
    assert ID in seen.words()
    assert "a new program" in seen.words()
    assert decide(office, "sofia", "approve").did("approved")
    early = admin.post(f"/desk/proposals/{proposal.id}/carry_out", {"csrf": token})
    assert early.status == 409, "nobody of the organisation has confirmed it"
    assert decide(office, "partner", "decline", "/partner/proposals").did("declined")
    with office.database.begin(write=False) as session:
        assert credentials.credentials_of(session, ID) == []


def test_a_new_secret_works_beside_the_old_one_for_a_week(office: StaffSite) -> None:
    first = make(office)
    assert act(office.as_("admin"), f"{PATH}/secret", client=ID).did("proposed")
    assert decide(office, "partner", "approve", "/partner/proposals").did("approved")
    token = issued(office, first)
    second = shown(decide(office, "admin", "carry_out"))
    assert [signs_in(office, first), signs_in(office, second)] == [True, True]
    assert works(office, token), "nothing has ended yet"
    assert act(office.as_("admin"), f"{PATH}/secret", client=ID).did("proposed")
    assert decide(office, "partner", "approve", "/partner/proposals").did("approved")
    third = shown(decide(office, "admin", "carry_out"))
    assert [signs_in(office, one) for one in (first, second, third)] == [False, True, True], "there are two at most"
    assert not works(office, token), "the older one ended at once"
    office.later(days=8)
    assert [signs_in(office, one) for one in (first, second, third)] == [False, False, True]


def test_one_person_ends_a_secret_or_switches_the_program_off(office: StaffSite) -> None:
    secret = make(office)
    token = issued(office, secret)
    assert works(office, token)
    assert act(office.as_("admin"), f"{PATH}/credentials/1/end", client=ID).did("credential_ended")
    assert not signs_in(office, secret)
    assert not works(office, token), "what was issued with a stolen secret is of no use either"
    assert act(office.as_("admin"), f"{PATH}/off", client=ID).did("client_off")
    refused = act(office.as_("admin"), f"{PATH}/secret", client=ID)
    assert refused.status == 409
    page = office.as_("admin").get(PATH)
    assert "switched off" in page.words()


def test_what_does_not_fit_is_shown_again_as_typed(office: StaffSite) -> None:
    admin = office.as_("admin")
    for typed, why in (
        ({"client": "a b"}, "letters, digits and . _ ~ -"),
        ({"scopes": ["intakes:create"]}, "Choose what the program may do."),
        ({"organisation": "nobody"}, "Choose an organisation."),
    ):
        page = propose(admin, **typed)
        assert page.status == 422
        assert why in page.words()
        assert faults(page.text) == []
        assert page.form(PATH)["client"] == typed.get("client", ID)
    make(office)
    assert "There is already a program with this ID." in propose(office.as_("admin")).words()
    assert act(office.as_("admin"), f"{PATH}/off", client="nobody").status == 404
    assert act(office.as_("admin"), f"{PATH}/credentials/1/end", client="nobody").status == 404


def test_programs_are_for_admins(office: StaffSite) -> None:
    for name in ("vera", "sofia", "auditor", "partner"):
        assert office.as_(name).get(PATH).status == 403, name


def test_a_token_ends_with_its_secret(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = make(office)
    with office.database.begin() as session:
        credentials.expire(session, ID, 1, office.time.at + timedelta(minutes=3))
    token = issued(office, secret)
    office.later(minutes=2)
    assert works(office, token)
    office.later(minutes=1)
    assert not works(office, token)
    with office.database.begin() as session:
        credentials.expire(session, ID, 1, office.time.at + timedelta(days=7))
    made = oauth_clients._token_id

    def ended_meanwhile(token: str) -> bytes:
        """Somebody ends the secret after it was checked and before the token is there."""
        session.execute(
            sa.update(ClientCredential)
            .where(ClientCredential.client_id == ID)
            .values(ends_at=office.time.at)
            .execution_options(synchronize_session=False)
        )
        return made(token)

    monkeypatch.setattr(oauth_clients, "_token_id", ended_meanwhile)
    with office.database.begin() as session:
        proof = Secret(ID, secret)
        assert (
            oauth_clients.issue_token(session, office.keys, proof, None, office.time.at, timedelta(minutes=15)) is None
        )
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).where(AccessToken.expires_at > office.time.at)) == 0
