"""One case at the desk: three clicks to a referral, sealed words opened on demand, and no lost text on a clash."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs

import pytest
import sqlalchemy as sa

from app.audit.models import AuditEntry
from app.cases import person_access, sealed_parts
from app.cases.models import SealedPart
from app.casework import person_actions
from app.core import keyholders
from app.core.ids import named_id
from app.core.keyholders import OwnerKind
from app.core.sealing import KeyPair
from app.messaging.models import OutboxMessage
from app.referrals.models import Referral
from tests.support.desk import ADDRESS, NAME, ONE, STORY, TWO, UNCONNECTED, Browser, Page, StaffSite

SERVICE = f"{ONE}/legal-help"


def refer_link(page: Page, organisation: str) -> str:
    """The address of the page before a referral, for the service of this organisation that the page offers."""
    for node in page.tree.css('button[name="with"]'):
        service = parse_qs(str(node.attributes["value"])).get("service", [""])[0]
        if service.startswith(f"{organisation}/"):
            look = str(node.attributes["formaction"])
            assert look.endswith("/refer/look")
            return f"{look.removesuffix('/look')}?service={service}"
    raise AssertionError(f"nothing leads to {organisation}")


def referred(office: StaffSite, label: str, browser: Browser, organisation: str = ONE) -> Page:
    """The clicks of a coordinator: case, refer, offer. Gives the page that follows."""
    page = browser.get(f"/desk/cases/{label}")
    page = browser.get(refer_link(page, organisation))
    return browser.submit(page, f"/desk/cases/{label}/refer", by_hand="yes")


def audited(office: StaffSite, prefix: str) -> list[tuple[str, dict[str, object]]]:
    with office.database.begin(write=False) as session:
        rows = session.execute(sa.select(AuditEntry.action, AuditEntry.codes).order_by(AuditEntry.seq)).all()
    return [(row.action, row.codes) for row in rows if row.action.startswith(prefix)]


def referral_of(office: StaffSite, label: str) -> Referral:
    with office.database.begin(write=False) as session:
        found = session.scalars(sa.select(Referral).where(Referral.case_id == office.case(label).id)).one()
        session.expunge(found)
        return found


def test_the_page_says_what_is_known_and_what_to_do_and_shows_no_sealed_word(office: StaffSite) -> None:
    label, _receipt = office.file(letter={"kind": "unknown", "received_on": "2026-11-20"})
    office.as_("vera").get(f"/desk/cases/{label}")  # once a minute it is noted that she looks
    with office.statements() as counted:
        page = office.as_("vera").get(f"/desk/cases/{label}")
    assert page.status == 200
    assert len([one for one in counted.seen if not one.startswith("BEGIN")]) <= 12
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in page.text
    words = page.words()
    for part in ("Deadline:", "Certainty:", "Check the date printed in the letter", "Next step", "do not match"):
        assert part in words
    assert len(page.tree.css("ol.centres")[0].css("li.centre")) == 3
    assert page.tree.css_first("li.centre ul.reasons li") is not None


def test_what_holds_after_a_missed_deadline_is_shown_with_its_source_or_as_for_a_lawyer_to_say(
    office: StaffSite,
) -> None:
    received = (office.time.at - timedelta(days=40)).date().isoformat()
    sourced, _ = office.file(letter={"kind": "asylum_appeal_regular", "received_on": received})
    unsourced, _ = office.file(letter={"kind": "return_decision_appeal", "received_on": received})
    vera, for_a_lawyer = office.as_("vera"), "No source that we have says what holds for a late appeal"
    page = vera.get(f"/desk/cases/{sourced}").words()
    assert "can restore a deadline that was missed without fault" in page
    assert "Code of Administrative Procedure, Odwolanie od decyzji" in page
    assert "Certainty: from a source that should be checked." in page.partition("If the deadline was missed:")[2]
    assert for_a_lawyer not in page
    assert for_a_lawyer in vera.get(f"/desk/cases/{unsourced}").words()


def test_three_clicks_from_the_queue_to_an_offer(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    queue = browser.get("/desk/")
    case = browser.get(str(queue.tree.css_first("table.queue tbody a").attributes["href"]))  # type: ignore[union-attr]
    look = browser.submit(case, f"/desk/cases/{label}/refer/look", **{"with": f"service={SERVICE}"})
    for said in ("Helsinki Foundation", "without a name", "Readable only after they accept", "Never sent"):
        assert said in look.words()
    for secret in (STORY, NAME, ADDRESS):
        assert secret not in look.text
    done = browser.submit(look, f"/desk/cases/{label}/refer", by_hand="yes")
    after = browser.get(browser.get(done.location).location)
    assert f"{label}: The case has been offered." in after.words()
    assert after.tree.css_first(f'form[action="/desk/cases/{label}/undo"]') is not None
    assert referral_of(office, label).state == "offered"
    assert office.case(label).state == "referred"


def test_without_consent_the_person_is_asked_and_answers_with_their_number(office: StaffSite) -> None:
    label, receipt = office.file()
    browser = office.as_("vera")
    done = referred(office, label, browser, TWO)
    assert done.did("asked")
    referral = referral_of(office, label)
    assert (referral.state, referral.offered_at) == ("awaiting_consent", None)
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        person_actions.answer_consent(session, opened, referral.label, yes=True, keys=office.keys, now=office.time.at)
    assert referral_of(office, label).state == "offered"
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(OutboxMessage.id).where(OutboxMessage.kind == "person_answered")).all()


def test_a_centre_named_before_it_joined_is_given_the_key_from_the_coordinators_session(office: StaffSite) -> None:
    label, _receipt = office.file(consent={"mode": "named", "organisations": [UNCONNECTED]})
    browser = office.as_("vera")
    assert "no account here" in browser.get(refer_link(browser.get(f"/desk/cases/{label}"), UNCONNECTED)).words()
    organisation_id, pair = named_id("organisation", UNCONNECTED), KeyPair.generate()
    with office.database.begin() as session:
        keyholders.register(session, OwnerKind.ORGANISATION, organisation_id, pair.public, office.time.at)
    assert referred(office, label, browser, UNCONNECTED).did("offered")
    case = office.case(label)
    with office.database.begin(write=False) as session:
        key = sealed_parts.data_key(session, office.keys, case.id, sealed_parts.PERSON, organisation_id, pair)
        rows = session.scalars(sa.select(SealedPart).where(SealedPart.case_id == case.id)).all()
        assert any(
            sealed_parts.open_part(key, row).content.get("story") == STORY for row in rows if row.part == "story"
        )
    assert [codes for action, codes in audited(office, "case:key_granted")] == [{"organisation": organisation_id.hex}]


def test_never_means_never(office: StaffSite) -> None:
    label, _receipt = office.file(consent={"mode": "ask_first", "never": [ONE]})
    browser = office.as_("vera")
    with pytest.raises(AssertionError, match="nothing leads"):
        refer_link(browser.get(f"/desk/cases/{label}"), ONE)
    page = browser.get(f"/desk/cases/{label}/refer?service={SERVICE}")
    assert "asked us never to contact" in page.words()
    csrf = page.form("/desk/sign-out")["csrf"]
    page = browser.post(f"/desk/cases/{label}/refer", {"csrf": csrf, "version": "1", "service": SERVICE})
    assert page.status == 409


@pytest.mark.parametrize("service", ["", "x", "x/y", "ge-" + SERVICE, "\x00", "a" * 4000])
def test_what_can_not_be_asked_is_refused_and_nothing_is_written(office: StaffSite, service: str) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    csrf = browser.get("/desk/").form("/desk/sign-out")["csrf"]
    page = browser.post(f"/desk/cases/{label}/refer", {"csrf": csrf, "version": "1", "service": service})
    assert page.status == 409
    assert office.case(label).version == 1


def test_story_and_conversation_open_on_demand_and_each_opening_is_noted(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    page = browser.submit(page, f"/desk/cases/{label}/show")
    assert STORY in page.text
    assert ADDRESS not in page.text
    assert [action for action, _codes in audited(office, "case:words_opened")] == ["case:words_opened"]
    assert STORY not in browser.get(f"/desk/cases/{label}").text


def test_no_audit_row_no_read(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")

    def full(*_arguments: object, **_named: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr("app.casework.coordinator.audit.record", full)
    page = browser.submit(page, f"/desk/cases/{label}/show")
    assert page.status == 500
    assert STORY not in page.text


def test_the_contact_stands_below_its_safety_rules_and_needs_a_purpose(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    assert browser.submit(page, f"/desk/cases/{label}/contact", purpose="curiosity").status == 422
    page = browser.submit(page, f"/desk/cases/{label}/contact", purpose="answer")
    words = page.words()
    assert "Do not say who you are" in words
    assert "Do not leave a message" in words
    assert words.index("Do not leave a message") < words.index(NAME) < words.index(ADDRESS)
    assert STORY not in page.text
    assert audited(office, "case:contact_opened") == [
        ("case:contact_opened", {"parts": ["contact"], "purpose": "answer"})
    ]


def test_a_message_reaches_the_person_and_a_note_only_the_team(office: StaffSite) -> None:
    label, receipt = office.file()
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    assert browser.submit(page, f"/desk/cases/{label}/message", text="Come on Monday").did("sent")
    page = browser.get(f"/desk/cases/{label}")
    assert browser.submit(page, f"/desk/cases/{label}/note", note="quarrelsome landlord").did("noted")
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        assert [line.content["text"] for line in person_access.thread(session, opened)] == ["Come on Monday"]
        assert "quarrelsome" not in str([one.content for one in person_access.all_parts(session, opened)])
    other = office.as_("pavel")
    page = other.submit(other.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    assert "Come on Monday" in page.text
    assert "quarrelsome landlord" in page.text


@pytest.mark.parametrize("text", ["", "   ", "x" * 10_001])
def test_an_empty_or_endless_message_is_refused_and_kept(office: StaffSite, text: str) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/message", text=text)
    assert page.status == 422
    assert page.form(f"/desk/cases/{label}/message")["text"].strip() == text.strip()


def test_when_two_act_at_once_the_later_keeps_their_text_and_chooses(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, pavel = office.as_("vera"), office.as_("pavel")
    first, second = vera.get(f"/desk/cases/{label}"), pavel.get(f"/desk/cases/{label}")
    path = f"/desk/cases/{label}/message"
    assert vera.submit(first, path, text="from vera").status == 303
    clash = pavel.submit(second, path, text="from pavel")
    assert clash.status == 412
    for offered in ("Save my changes anyway", "Open the case in a new tab", "Discard my changes", "In review"):
        assert offered in clash.words()
    assert clash.tree.css_first("fieldset.date") is None, "the day of a snooze, which nobody typed, is no question here"
    dated = pavel.submit(second, f"/desk/cases/{label}/snooze", until="27", until_month="11", until_year="2026")
    assert (dated.status, "Year" in dated.words()) == (412, True), "a day that was typed can be changed"
    theirs = pavel.submit(clash, f"/desk/cases/{label}/show")
    assert "from vera" in theirs.words()
    assert clash.form(path)["text"] == "from pavel"
    assert pavel.submit(clash, path).status == 303
    page = pavel.submit(pavel.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")
    assert page.words().index("from vera") < page.words().index("from pavel")


def test_of_two_who_refer_at_the_same_moment_one_wins(office: StaffSite) -> None:
    label, _receipt = office.file()
    browsers = [office.as_(name) for name in ("vera", "pavel")]
    looks = [browser.get(f"/desk/cases/{label}/refer?service={SERVICE}") for browser in browsers]
    with ThreadPoolExecutor(2) as pool:
        done = list(
            pool.map(
                lambda pair: pair[0].submit(pair[1], f"/desk/cases/{label}/refer", by_hand="yes"),
                zip(browsers, looks, strict=True),
            )
        )
    assert sorted(page.status for page in done) == [303, 412]
    assert referral_of(office, label).state == "offered"


@pytest.mark.parametrize("organisation", [ONE, UNCONNECTED])
def test_who_refers_a_case_that_nobody_has_is_its_owner(office: StaffSite, organisation: str) -> None:
    """What the organisation answers is told to them, and the task for a need that nobody has is theirs."""
    label, _receipt = office.file(consent={"mode": "named", "organisations": [organisation]})
    browser, path = office.as_("vera"), f"/desk/cases/{label}"
    page = browser.get(f"{path}/refer?service={organisation}/legal-help")
    assert page.tree.css_first(".actions button[data-key=y]") is not None
    assert page.tree.css_first(".actions .field, .actions fieldset") is None, (
        "beside fields a button grows as tall as they are"
    )
    assert browser.submit(page, f"{path}/refer", by_hand="yes").status == 303
    assert referral_of(office, label).state == "offered"
    assert "owner: vera" in browser.get(path).words()
    assert office.case(label).owner_id is not None


def test_take_assign_snooze_and_wake(office: StaffSite) -> None:
    label, _receipt = office.file()
    path = f"/desk/cases/{label}"
    browser = office.as_("vera")
    assert browser.submit(browser.get(path), f"{path}/take").did("taken")
    page = browser.get(path)
    assert "owner: vera" in page.words()
    options = {str(node.text()): str(node.attributes["value"]) for node in page.tree.css("#f-member option")}
    assert set(options) == {"Nobody", "vera", "pavel", "sofia"}
    assert browser.submit(page, f"{path}/assign", member=options["pavel"]).status == 303
    assert "owner: pavel" in browser.get(path).words()
    day = (office.time.at + timedelta(days=3)).date().isoformat()
    assert browser.submit(browser.get(path), f"{path}/snooze", until=day).did("snoozed")
    assert label not in browser.get("/desk/").text
    assert label in browser.get("/desk/?view=snoozed").text
    assert browser.submit(browser.get(path), f"{path}/snooze", until="").did("woken")
    assert label in browser.get("/desk/").text


@pytest.mark.parametrize("until", ["yesterday", "2026-11-24", "2026-11-01", "2026-12-31", "9999-99-99"])
def test_nothing_sleeps_for_long(office: StaffSite, until: str) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/snooze", until=until)
    assert page.status == 422


def test_a_snoozed_case_comes_back_when_the_person_writes(office: StaffSite) -> None:
    label, receipt = office.file()
    browser = office.as_("vera")
    path = f"/desk/cases/{label}"
    day = (office.time.at + timedelta(days=3)).date().isoformat()
    browser.submit(browser.get(path), f"{path}/snooze", until=day)
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        person_actions.write_message(session, opened, "It is worse now", now=office.time.at)
        person_actions.write_message(session, opened, "Much worse", now=office.time.at)
    with office.database.begin(write=False) as session:
        news = sa.select(OutboxMessage.team_id).where(OutboxMessage.kind == "person_answered")
        assert session.scalars(news).all() == [office.case(label).team_id], "two messages in a row are one notice"
    assert label in browser.get("/desk/").text
    assert label in browser.get("/desk/?view=answered").text


def test_withdrawing_an_offer_brings_the_case_back_to_the_desk(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    referred(office, label, browser)
    referral = referral_of(office, label)
    path = f"/desk/cases/{label}/referrals/{referral.label}/withdraw"
    page = browser.get(f"/desk/cases/{label}")
    assert browser.submit(page, path, reason="better_option").did("stepped")
    assert referral_of(office, label).state == "withdrawn"
    assert office.case(label).state == "in_review"
    again = browser.submit(page, path, reason="better_option")
    assert again.status == 412


@pytest.mark.parametrize(
    ("verb", "state"), [("help", "helped"), ("advise", "advised"), ("unmet", "unmet"), ("withdraw", "withdrawn")]
)
@pytest.mark.parametrize("live", [False, True])
def test_a_case_ends_as_the_desk_says_and_live_offers_end_with_it(
    office: StaffSite, verb: str, state: str, live: bool
) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    if live:
        referred(office, label, browser)
    page = browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/close", verb=verb)
    assert page.status == 303, page.words()
    assert office.case(label).state == state
    if live:
        assert referral_of(office, label).state == "withdrawn"
    page = browser.get(page.location)
    assert page.status == 200
    reopens = page.button(f"/desk/cases/{label}/reopen") is not None
    assert reopens == (state in {"helped", "advised"})
    if reopens:
        browser.submit(page, f"/desk/cases/{label}/reopen")
        assert office.case(label).state == "in_review"


def test_closing_asks_how_it_ends(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    assert browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/close").status == 422
    page = browser.get(f"/desk/cases/{label}")
    assert browser.submit(page, f"/desk/cases/{label}/close", verb="erase").status == 422


def test_somebody_without_the_teams_key_reads_and_writes_nothing(office: StaffSite) -> None:
    label, _receipt = office.file()
    with office.database.begin() as session:
        session.execute(sa.delete(keyholders.KeyGrant))
    browser = office.as_("vera")
    page = browser.get(f"/desk/cases/{label}")
    for verb, typed in (("show", {}), ("contact", {"purpose": "answer"}), ("note", {"note": "x"})):
        answer = browser.submit(page, f"/desk/cases/{label}/{verb}", **typed)
        assert answer.status == 403
        assert "Ask a colleague" in answer.words()


def test_a_form_of_an_earlier_session_is_offered_again(office: StaffSite) -> None:
    label, _receipt = office.file()
    page = office.as_("vera").get(f"/desk/cases/{label}")
    browser = office.as_("vera")
    answer = browser.submit(page, f"/desk/cases/{label}/note", note="kept")
    assert answer.status == 409
    assert answer.form(f"/desk/cases/{label}/note")["note"] == "kept"
    assert browser.submit(answer, f"/desk/cases/{label}/note").status == 303


@pytest.mark.parametrize(
    "headers", [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://evil.test"}]
)
def test_another_sites_form_does_nothing_even_with_the_token(office: StaffSite, headers: dict[str, str]) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    fields = browser.get(f"/desk/cases/{label}").form(f"/desk/cases/{label}/take")
    assert browser.post(f"/desk/cases/{label}/take", fields, headers=headers).status == 403
    assert office.case(label).owner_id is None


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"a=%ff", b"version=1&text=%00%00", b"&" * 5000, b"text=" + b"%F0%9F%98%80" * 100, b"{}"]
)
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"])
def test_malformed_forms_get_a_clear_answer(office: StaffSite, body: bytes, kind: str) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    page = browser.send("POST", f"/desk/cases/{label}/note", content=body, headers={"content-type": kind})
    assert 400 <= page.status < 500


def test_no_page_of_the_desk_loads_or_links_to_anything_outside(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    pages = [browser.get(path) for path in ("/desk/", f"/desk/cases/{label}", "/desk/sign-in")]
    for page in pages:
        assert "<script" not in page.text
        addresses = re.findall(r'(?:href|src|action)="([^"]*)"', page.text)
        assert all(address.startswith(("/", "#", "tel:")) for address in addresses), addresses
        assert page.response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("all", "takes no new requests until"),
        ("need:asylum", "takes no new requests for this need until"),
        ("language:ru", "takes no new requests in this language until"),
        ("full", "has said that it is full until"),
    ],
)
def test_to_a_service_that_is_away_a_case_goes_only_knowingly(office: StaffSite, what: str, said: str) -> None:
    label, _receipt = office.file(needs=["asylum"], speak=["ru"])
    vera = office.as_("vera")
    entry = vera.get(f"/desk/directory/organisations/{ONE}")
    if what == "full":
        vera.submit(entry, "/desk/directory/capacity", service=SERVICE, capacity="full", until="2026-12-24")
    else:
        vera.submit(entry, "/desk/directory/pause", service=SERVICE, what=what, until="2026-12-24")
    path = f"/desk/cases/{label}/refer"
    page = vera.get(f"{path}?service={SERVICE}")
    assert said in page.words()
    assert "24 Dec 2026" in page.words()
    refused = vera.submit(page, path)
    assert refused.status == 422
    with office.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Referral)) == 0
    assert vera.submit(page, path, despite="yes", by_hand="yes").did("offered")
    assert referral_of(office, label).state == "offered"


def test_a_pause_that_does_not_concern_the_case_asks_nothing(office: StaffSite) -> None:
    label, _receipt = office.file(needs=["asylum"], speak=["ru", "en"])
    vera = office.as_("vera")
    entry = vera.get(f"/desk/directory/organisations/{ONE}")
    vera.submit(entry, "/desk/directory/pause", service=SERVICE, what="language:ru", until="2026-12-24")
    page = vera.get(f"/desk/cases/{label}/refer?service={SERVICE}")
    assert page.tree.css_first("input[name=despite]") is None
    assert vera.submit(page, f"/desk/cases/{label}/refer", by_hand="yes").did("offered")
