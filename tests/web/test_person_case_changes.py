"""What the person changes when they are back: answers, contact, consent, the number. And the copy they may have."""

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from app.cases import sealed_parts
from app.cases.models import Case, CaseEvent, SealedPart
from app.casework import referral_actions
from app.core.ids import named_id
from app.intake.questions import STEPS
from app.matching.models import MatchRun
from app.messaging import recipients
from app.messaging.models import OutboxMessage
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralVerb
from app.web.person.draft_answers import fields_of
from tests.support.people import CENTRE, Browser, PersonSite, short_form

DESK = ActorRef(ReferralActor.SENIOR)


def back(person_site: PersonSite, number: str, lang: str = "en") -> Browser:
    return person_site.browser().open(f"/{lang}/return").fill(number=number)


def one_case(person_site: PersonSite) -> Case:
    with person_site.database.begin(write=False) as session:
        return session.scalars(sa.select(Case)).one()


def facts(person_site: PersonSite) -> dict[str, Any]:
    case = one_case(person_site)
    assert case.facts is not None
    return sealed_parts.decrypt_facts(person_site.keys, case.id, case.facts_version, case.facts)


def correct(browser: Browser, **typed: Any) -> Browser:
    """Correct answers, each on the small page that asks for it."""
    for step in STEPS:
        asked = {name: typed[name] for name in sorted(fields_of(step.questions)) if name in typed}
        if asked:
            browser.open(f"/en/case/answers/{step.slug}").fill(**asked)
    return browser


def test_corrected_answers_are_encrypted_again_and_the_rules_run_again(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), story="Первое.", call_me="Сова").number()
    before = one_case(person_site)
    browser = back(person_site, number).open("/en/case/answers")
    assert "Первое." in browser.text
    browser.open("/en/case/answers/6")
    assert browser.page.css_first("#f-story").text().strip() == "Первое."
    assert browser.page.css_first("#f-call_me").attributes["value"] == "Сова"
    correct(browser, needs=["detention"], story="Второе, кумкват.", how_soon="today", region="PL-14")
    assert "Saved" in browser.text
    after = one_case(person_site)
    assert (after.needs, after.urgency, after.facts_version) == (["detention"], "emergency", before.facts_version + 3)
    assert after.due_on <= before.due_on
    assert after.waiting_since == before.waiting_since
    assert after.version > before.version
    assert after.person_wrote
    assert facts(person_site)["region"] == "PL-14"
    assert facts(person_site)["consent"]["organisations"] == [CENTRE], "who may read it is chosen elsewhere"
    with person_site.database.begin(write=False) as session:
        runs = session.scalars(sa.select(MatchRun.seq).order_by(MatchRun.seq)).all()
        events = session.scalars(sa.select(CaseEvent.verb).order_by(CaseEvent.seq)).all()
        raw = b"".join(session.scalars(sa.select(SealedPart.ciphertext)))
        versions = session.scalars(sa.select(SealedPart.version).where(SealedPart.part == "story")).all()
        emergencies = session.scalars(sa.select(OutboxMessage.kind).where(OutboxMessage.kind.like("%emergency"))).all()
    assert emergencies == ["became_emergency"], "also whoever has taken or opened it before hears"
    assert (runs, events) == ([1, 2, 3, 4], ["submit", *["correct"] * 3])
    assert len(versions) == 1
    assert versions[0] > 1
    assert "кумкват".encode() not in raw
    assert "Второе, кумкват." in browser.open("/en/case/answers/6").page.css_first("#f-story").text()


def test_a_corrected_case_never_waits_longer_for_it(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), how_soon="today").number()
    due = one_case(person_site).due_on
    correct(back(person_site, number), how_soon="none")
    assert one_case(person_site).due_on == due
    assert one_case(person_site).urgency == "normal"


def test_another_way_to_be_reached_is_sealed_like_the_first(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = correct(back(person_site, number), channel="email", address="sova@example.org", notify="yes")
    assert "Saved" in browser.text
    browser.open("/en/case/answers/7")
    assert browser.page.css_first("input[value=email][checked]") is not None
    assert browser.page.css_first("#f-address").attributes["value"] == "sova@example.org"
    with person_site.database.begin(write=False) as session:
        assert b"sova@example.org" not in b"".join(session.scalars(sa.select(SealedPart.ciphertext)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "email", "address": "nowhere"},
        {"channel": "number", "notify": "yes", "good_times": "вечером"},
        {"needs": []},
        {"country": "ge"},
        {"story": "z" * 20_001, "call_me": "Сова"},
    ],
)
def test_what_does_not_fit_is_said_and_nothing_is_changed(person_site: PersonSite, wrong: dict[str, Any]) -> None:
    number = short_form(person_site.browser(), story="Первое.").number()
    before = one_case(person_site)
    browser = correct(back(person_site, number), **wrong)
    assert browser.answer.status_code == 422
    assert browser.answer.request.method == "GET", "going back never asks whether to send it again"
    assert browser.page.css_first(browser.page.css_first(".errors a").attributes["href"]) is not None
    for name in {"address", "good_times", "call_me"} & wrong.keys():
        assert browser.page.css_first(f"#f-{name}").attributes["value"] == wrong[name]
    if "story" in wrong:
        assert len(browser.page.css_first("#f-story").text().strip()) == 20_001, "too long, and still there"
        assert "This is too long." in browser.text
    assert one_case(person_site).facts_version == before.facts_version


def offered(person_site: PersonSite) -> None:
    with person_site.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        referral = referral_actions.create(
            session, person_site.keys, case, f"{CENTRE}/legal-help", by=DESK, now=person_site.time()
        )
        referral_actions.advance(session, referral.id, ReferralVerb.OFFER, by=DESK, now=person_site.time())


def holders(person_site: PersonSite) -> set[Any]:
    with person_site.database.begin(write=False) as session:
        return set(sealed_parts.organisations_with_key(session, one_case(person_site).id))


@pytest.mark.parametrize("choice", ["ask", "never"])
def test_a_yes_taken_back_takes_the_key_and_ends_what_was_asked(person_site: PersonSite, choice: str) -> None:
    number = short_form(person_site.browser()).number()
    offered(person_site)
    assert holders(person_site) == {named_id("organisation", CENTRE)}
    browser = back(person_site, number).open("/en/case/centres")
    assert browser.page.css_first(f"input[name=c_{CENTRE}][value=allow][checked]") is not None
    browser.fill(**{f"c_{CENTRE}": choice})
    assert holders(person_site) == set()
    with person_site.database.begin(write=False) as session:
        assert session.scalars(sa.select(Referral.state)).all() == ["client_declined"]
    assert facts(person_site)["consent"] == {
        "mode": "ask_first",
        "organisations": [],
        "never": [CENTRE] if choice == "never" else [],
    }
    assert (
        browser.open("/en/case/centres").page.css_first(f"input[name=c_{CENTRE}][value={choice}][checked]") is not None
    )


def test_a_yes_given_later_gives_a_key_that_opens(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), allow=()).number()
    assert holders(person_site) == set()
    back(person_site, number).open("/en/case/centres").fill(**{f"c_{CENTRE}": "allow"})
    (owner,) = holders(person_site)
    with person_site.database.begin(write=False) as session:
        assert sealed_parts.data_key(
            session, person_site.keys, one_case(person_site).id, sealed_parts.PERSON, owner, person_site.centre
        )
    assert facts(person_site)["consent"]["organisations"] == [CENTRE]


def test_an_authority_or_a_centre_that_is_none_gets_no_key(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), allow=()).number()
    back(person_site, number).open("/en/case/centres").fill(
        **{"c_pl-udsc": "allow", "c_nobody": "allow", "c_../x": "never"}
    )
    assert facts(person_site)["consent"] == {"mode": "ask_first", "organisations": [], "never": []}


def test_a_new_number_opens_the_case_and_the_old_one_is_dead(person_site: PersonSite) -> None:
    old = short_form(person_site.browser(), story="Первое.").number()
    other_tab = back(person_site, old)
    browser = back(person_site, old).fill("/case/number", sure="yes")
    assert browser.answer.url.path == "/en/case/number"
    new = browser.number()
    assert new != old
    assert browser.fill(last_four="0000" if new[-4:] != "0000" else "1111").answer.status_code == 422
    assert browser.fill(last_four=new[-4:]).answer.url.path == "/en/case"
    assert browser.open("/en/case/number").answer.url.path == "/en/case", "it is not shown again"
    assert "We could not find a request" in back(person_site, old).text
    assert other_tab.open("/en/case").answer.url.path == "/en/return"
    assert "Первое." in back(person_site, new).open("/en/case/answers/6").page.css_first("#f-story").text()


def test_the_copy_to_read_says_everything_in_the_readers_words(person_site: PersonSite) -> None:
    said = {"story": "Пришёл отказ.", "call_me": "Сова", "region": "PL-14", "status": "asylum_seeker"}
    number = short_form(person_site.browser(), **said).number()
    back(person_site, number).fill("/case/message", text="Ещё строка.")
    browser = back(person_site, number, "ru").fill("/case/copy")
    for words in ("Пришёл отказ.", "Сова", "azowieckie", "Подано ходатайство", "Ещё строка.", "Helsińska"):
        assert words in browser.text, words


def test_what_is_done_by_when_is_said_with_a_day(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), how_soon="week").number()
    case = one_case(person_site)
    assert isinstance(case.due_on, date)
    assert f"{case.due_on.day} {case.due_on:%B %Y}" in back(person_site, number).text


@pytest.mark.parametrize("action", ["message", "withdraw", "erase", "number", "consent", "centres", "answers/6"])
def test_a_form_that_is_not_of_this_visit_does_nothing(person_site: PersonSite, action: str) -> None:
    number = short_form(person_site.browser()).number()
    stranger = back(person_site, short_form(person_site.browser()).number())
    token = stranger.page.css_first("input[name=csrf]").attributes["value"]
    browser = back(person_site, number)
    with person_site.database.begin(write=False) as session:
        before = session.execute(sa.select(Case.label, Case.state, Case.version).order_by(Case.label)).all()
    browser.client.post(f"/en/case/{action}", data={"csrf": token, "sure": "yes", "text": "x", f"c_{CENTRE}": "never"})
    with person_site.database.begin(write=False) as session:
        assert session.execute(sa.select(Case.label, Case.state, Case.version).order_by(Case.label)).all() == before


@pytest.mark.parametrize("path", ["answers", "centres", "number"])
def test_without_a_visit_there_is_nothing_to_change(person_site: PersonSite, path: str) -> None:
    assert person_site.browser().open(f"/en/case/{path}").answer.url.path == "/en/return"


def test_a_changed_contact_changes_where_news_go_and_taking_it_back_leaves_no_address(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = correct(
        back(person_site, number), channel="email", address="sova@example.org", notify="yes", may_leave_message="yes"
    )
    with person_site.database.begin(write=False) as session:
        found = recipients.person_contact(session, person_site.keys, one_case(person_site).id)
    assert found is not None
    assert found[0].address == "sova@example.org"
    correct(browser, channel="number", address="", notify=[])
    with person_site.database.begin(write=False) as session:
        assert recipients.person_contact(session, person_site.keys, one_case(person_site).id) is None
