"""The person's way on both databases: nothing typed is lost, one request is one case, and the number opens it."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from app.cases import sealed_parts
from app.cases.models import Case, CaseWrap, SealedPart, WrapFor
from app.casework import referral_actions
from app.core import i18n
from app.intake.drafts import Draft
from app.intake.questions import STEPS
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralVerb
from tests.support.people import CENTRE, Browser, PersonSite, short_form

STORY = "Пришёл отказ.\nЯ не понимаю <письмо> & боюсь кумквата."
DESK = ActorRef(ReferralActor.SENIOR)


def cases(person_site: PersonSite) -> list[Case]:
    with person_site.database.begin(write=False) as session:
        return list(session.scalars(sa.select(Case)))


def test_seven_steps_end_with_a_number_that_opens_the_case(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), story=STORY, call_me="Сова")
    number = browser.number()
    assert browser.answer.url.path == "/ru/sent"
    (case,) = cases(person_site)
    assert (case.country, case.needs, case.language, case.state) == ("PL", ["asylum"], "ru", "submitted")
    later = person_site.browser().open("/ru/return").fill(number=number)
    assert later.answer.url.path == "/ru/case"
    assert number not in str(later.answer.url)


def test_the_named_centre_gets_a_key_and_nobody_else(person_site: PersonSite) -> None:
    short_form(person_site.browser())
    with person_site.database.begin(write=False) as session:
        wraps = session.execute(sa.select(CaseWrap.kind, CaseWrap.purpose)).all()
    assert sorted((wrap.kind, wrap.purpose) for wrap in wraps) == [
        ("organisation", "person"),
        ("receipt", "person"),
        ("team", "desk"),
        ("team", "person"),
    ]


def test_who_names_nobody_is_asked_first(person_site: PersonSite) -> None:
    short_form(person_site.browser(), allow=())
    with person_site.database.begin(write=False) as session:
        kinds = session.scalars(sa.select(CaseWrap.kind)).all()
    assert WrapFor.ORGANISATION not in kinds


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.slug)
def test_a_step_left_empty_asks_again_only_where_an_answer_is_needed(person_site: PersonSite, step: object) -> None:
    browser = person_site.browser().open(f"/en/form/{step.slug}").fill()  # type: ignore[attr-defined]
    required = any(question.required for question in step.questions)  # type: ignore[attr-defined]
    at_the_end = step.slug == STEPS[-1].slug  # type: ignore[attr-defined]  it leads to the first question that is open
    assert (browser.answer.status_code == 422) == (required or at_the_end)
    if required:
        assert browser.page.css_first(".errors a") is not None
        anchor = browser.page.css_first(".errors a").attributes["href"]
        assert browser.page.css_first(anchor) is not None, "the error leads to its field"


def test_an_error_keeps_every_typed_word(person_site: PersonSite) -> None:
    browser = (
        person_site.browser().open("/ru/form/7").fill(channel="email", address="не адрес <b>", good_times="вечером")
    )
    assert browser.answer.status_code == 422
    assert browser.page.css_first("#f-address").attributes["value"] == "не адрес <b>"
    assert browser.page.css_first("#f-good_times").attributes["value"] == "вечером"
    browser.open("/ru/form/7")
    assert browser.page.css_first("#f-address").attributes["value"] == "не адрес <b>", "a reload keeps it too"


def test_switching_the_language_keeps_the_answers(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/6").fill(story=STORY)
    browser.open("/ka/form/6")
    assert browser.page.css_first("#f-story").text().strip() == STORY


def test_the_story_is_shown_escaped_on_the_page_to_check(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    assert "&lt;письмо&gt;" in browser.answer.text
    assert "<письмо>" not in browser.answer.text


def test_the_page_to_check_names_centres_with_reasons_and_why_not_the_others(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, region="PL-14")
    centres = {node.text().strip() for node in browser.page.css(".centre h3")}
    assert "Helsińska Fundacja Praw Człowieka" in centres
    assert all(node.css(".reasons li") for node in browser.page.css(".centre"))
    choosable = {node.attributes["name"] for node in browser.page.css("input[value=allow]")}
    assert f"c_{CENTRE}" in choosable
    assert "c_pl-udsc" not in choosable, "an authority is never sent a case"


def test_a_helpline_is_called_and_not_asked_to_read(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, country="DE", region="DE-BE", needs=["gbv"])
    choosable = [node.attributes["name"] for node in browser.page.css("input[value=allow]")]
    assert "c_de-rlc-berlin" in choosable
    assert "c_de-hilfetelefon" not in choosable
    assert browser.page.css_first('.centre .reach a[href="tel:116016"]') is not None


def test_a_centre_that_nobody_confirmed_stands_apart_and_is_asked_nothing(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, region="PL-06")
    apart = {node.attributes["name"] for node in browser.page.css("input[type=checkbox][value=never]")}
    assert "c_pl-caritas-lublin" in apart
    choosable = {node.attributes["name"] for node in browser.page.css("input[type=radio]")}
    assert not apart & choosable
    helps = browser.page.css_first("section .centres")
    assert helps is not None
    assert "Caritas" not in helps.text()


def test_a_centre_that_is_not_connected_is_not_asked_to_read_here(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True, region="PL-14")
    for node in browser.page.css(".centre:has(input[type=radio])"):
        is_connected = node.css_first(f"input[name=c_{CENTRE}]") is not None
        assert ("May they read your request?" in node.text()) == is_connected
        assert ("A coordinator calls or writes to them" in node.text()) != is_connected


def test_a_centre_with_two_services_is_asked_about_once(person_site: PersonSite) -> None:
    said = {"country": "GE", "needs": ["appeals"], "status": "asylum_seeker"}
    browser = short_form(person_site.browser(), until_check=True, **said)
    choosable = [node.attributes["name"] for node in browser.page.css("input[value=allow]")]
    assert choosable.count("c_ge-las") == 1
    assert len(browser.page.css("input[name=c_ge-las][checked]")) == 1


def test_one_page_needs_no_cookie_and_answers_with_the_number(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/uk/form/all")
    browser.fill(for_whom="self", needs=["asylum", "detention"], country="PL", how_soon="today", story=STORY)
    assert browser.answer.url.path == "/uk/form/all"
    browser.fill(**{f"c_{CENTRE}": "allow"})
    assert browser.number()
    assert not browser.client.cookies
    (case,) = cases(person_site)
    assert (case.urgency, case.language) == ("emergency", "uk")


def test_the_same_page_sent_twice_is_one_case_with_one_number(person_site: PersonSite) -> None:
    browser = (
        person_site.browser()
        .open("/ru/form/all")
        .fill(for_whom="self", needs=["asylum"], country="PL", how_soon="none")
    )
    page = browser.answer
    first = browser.fill().number()
    browser.answer = page
    assert browser.fill().number() == first
    assert len(cases(person_site)) == 1


def test_the_last_step_sent_twice_is_one_case(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True)
    page = browser.answer
    first = browser.fill().number()
    browser.answer = page
    assert browser.fill().number() == first
    assert len(cases(person_site)) == 1


def test_a_page_from_the_day_before_loses_nothing(person_site: PersonSite) -> None:
    browser = (
        person_site.browser()
        .open("/ru/form/all")
        .fill(for_whom="self", needs=["asylum"], country="PL", how_soon="none", story=STORY)
    )
    browser.fill(csrf="1.stale.0000")
    assert browser.answer.status_code == 200
    assert not cases(person_site)
    assert browser.page.css_first("input[name=story]").attributes["value"].splitlines() == STORY.splitlines()
    assert browser.fill().number()


def test_a_draft_ends_after_an_hour(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/6").fill(story=STORY)
    person_site.time.at += timedelta(minutes=61)
    assert "кумкват" not in browser.open("/ru/form/6").answer.text


def test_leaving_drops_the_draft_and_asks_the_browser_to_forget(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/6").fill(story=STORY)
    secret = browser.client.cookies["s"]
    answer = browser.client.get("/ru/leave")
    assert answer.status_code == 303
    assert "cookies" in answer.headers["clear-site-data"]
    browser.client.cookies.set("s", secret)
    assert "кумкват" not in browser.open("/ru/form/6").answer.text


def test_a_typing_error_is_told_from_an_unknown_number(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser())
    number = browser.number()
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    mistyped = person_site.browser().open("/en/return").fill(number=wrong)
    assert "At least one digit is wrong." in mistyped.text
    from app.intake import receipts

    unknown = person_site.browser().open("/en/return").fill(number=receipts.new().grouped())
    assert "We could not find a request" in unknown.text
    assert mistyped.answer.status_code == unknown.answer.status_code == 422
    assert mistyped.page.css_first("#f-number").attributes["value"] == wrong


def back(person_site: PersonSite, number: str, lang: str = "en") -> Browser:
    return person_site.browser().open(f"/{lang}/return").fill(number=number)


def test_a_line_can_be_added_and_read_again_with_the_number_only(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number).fill("/case/message", text="Есть новости:\nзвонили.")
    assert "звонили." in browser.text
    assert "звонили." in back(person_site, number).text
    with person_site.database.begin(write=False) as session:
        raw = b"".join(session.scalars(sa.select(SealedPart.ciphertext)))
    assert "звонили".encode() not in raw


def test_an_empty_line_is_an_error_and_a_visit_that_ended_keeps_the_text(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number)
    page = browser.answer
    assert browser.fill("/case/message", text=" ").answer.status_code == 422
    person_site.time.at += timedelta(hours=2)
    browser.answer = page
    ended = browser.fill("/case/message", text="длинный текст")
    assert ended.answer.status_code == 403
    assert "длинный текст" in ended.answer.text


def test_the_copy_holds_everything_the_person_told(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), story=STORY, call_me="Сова", region="PL-14").number()
    copy = back(person_site, number).fill("/case/copy").fill("/case/export").answer
    assert copy.headers["content-type"] == "application/json"
    text = copy.text
    for said in ("Сова", "боюсь", "PL-14", "asylum"):
        assert said in text


def offered(person_site: PersonSite, *, by_consent: bool = False) -> str:
    from app.cases import transitions

    with person_site.database.begin() as session:
        case = transitions.locked(session, session.scalars(sa.select(Case.id)).one())
        referral = referral_actions.create(
            session, person_site.keys, case, f"{CENTRE}/legal-help", by=DESK, now=person_site.time()
        )
        verb = ReferralVerb.ASK_CONSENT if by_consent else ReferralVerb.OFFER
        referral_actions.advance(session, referral.id, verb, by=DESK, now=person_site.time())
        return referral.label


def states(person_site: PersonSite) -> list[str]:
    with person_site.database.begin(write=False) as session:
        return list(session.scalars(sa.select(Referral.state)))


def test_withdrawing_ends_what_was_asked_and_takes_the_keys_back(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    offered(person_site)
    browser = back(person_site, number)
    assert "We have asked a centre" in browser.text
    browser.fill("/case/withdraw", sure="yes")
    assert "You have withdrawn" in browser.text
    assert states(person_site) == ["client_declined"]
    with person_site.database.begin(write=False) as session:
        assert not sealed_parts.organisations_with_key(session, cases(person_site)[0].id)


def test_a_yes_to_one_centre_gives_it_a_key_and_offers_at_once(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), allow=()).number()
    label = offered(person_site, by_consent=True)
    browser = back(person_site, number)
    assert (browser.page.css_first("h1").text(), browser.page.css_first("h2").text()) == (  # type: ignore[union-attr]
        "May we ask this centre to help you?", "Helsińska Fundacja Praw Człowieka"
    )  # fmt: skip
    assert "They help with this: Asylum" in browser.page.css_first(".asks .reasons").text()  # type: ignore[union-attr]
    browser.fill("/case/consent", referral=label, button=("answer", "yes"))
    assert "May we ask" not in browser.text
    assert states(person_site) == ["offered"]
    with person_site.database.begin(write=False) as session:
        case_id = cases(person_site)[0].id
        (owner,) = sealed_parts.organisations_with_key(session, case_id)
        assert sealed_parts.data_key(session, person_site.keys, case_id, sealed_parts.PERSON, owner, person_site.centre)


def test_a_no_ends_the_question_and_gives_no_key(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), allow=()).number()
    label = offered(person_site, by_consent=True)
    back(person_site, number).fill("/case/consent", referral=label, button=("answer", "no"))
    assert states(person_site) == ["client_declined"]
    with person_site.database.begin(write=False) as session:
        assert not sealed_parts.organisations_with_key(session, cases(person_site)[0].id)


def test_erasing_leaves_codes_only_and_the_number_answers_like_one_that_never_was(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), story=STORY).number()
    offered(person_site)
    browser = back(person_site, number).fill("/case/erase", sure="yes")
    assert browser.answer.url.path == "/en/deleted"
    assert "Everything is deleted" in browser.text
    assert "We could not find a request" in back(person_site, number).text
    with person_site.database.begin(write=False) as session:
        case = session.scalars(sa.select(Case)).one()
        assert (case.state, case.facts, case.receipt_id, case.needs) == ("erased", None, None, [])
        for table in (CaseWrap, SealedPart):
            assert session.scalars(sa.select(table)).all() == []


def test_nothing_is_erased_without_the_second_yes(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    back(person_site, number).fill("/case/erase", sure="")
    assert cases(person_site)[0].state == "submitted"


def test_a_form_from_another_site_is_refused(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/1")
    answer = browser.client.post("/ru/form/1", data={"for_whom": "self"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403
    with person_site.database.begin(write=False) as session:
        assert session.scalars(sa.select(Draft.id)).all() == []


@pytest.mark.parametrize("lang", i18n.LANGUAGES)
def test_every_page_has_its_language_a_neutral_title_a_way_out_and_is_not_kept(
    person_site: PersonSite, lang: str
) -> None:
    paths = [
        "",
        "form/all",
        "return",
        "safety",
        "contacts",
        "paper",
        "goodbye",
        *(f"form/{step.slug}" for step in STEPS),
    ]
    for path in paths:
        browser = person_site.browser().open(f"/{lang}/{path}")
        assert browser.answer.status_code == 200, path
        assert browser.page.css_first("html").attributes["lang"] == lang
        links = [node.attributes["href"] for node in browser.page.css("body a")]
        assert links[1] == f"/{lang}/leave", "the way out comes right after the jump to the content"
        assert browser.answer.headers["cache-control"] == "no-store"
        assert "script" not in browser.answer.text
        title = browser.page.css_first("title").text().lower()
        assert not {"asylum", "refugee", "pristan", "убежищ", "беженц"} & set(title.split())
        outside = [
            node.attributes.get("src") or node.attributes.get("href") for node in browser.page.css("link, img, script")
        ]
        assert all(address.startswith(("/s/", "data:")) for address in outside)


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe", b"%ff=%fe", b"a" * 100, b"&".join([b"x=1"] * 3000), b"story=%00", b"story=" + b"x" * 30_000,
        b"letter_received_on=9999-99-99&how_soon=today", b"country=%F0%9F%98%80", b"needs=" + b"z" * 5000,
        b"c_../../x=allow", b"happened=x&happened=y", b"how_soon=%ED%A0%80",
    ],
)  # fmt: skip
def test_malformed_forms_are_answered_clearly_and_never_break(person_site: PersonSite, body: bytes) -> None:
    browser = person_site.browser()
    for path in (
        "/ru/form/1",
        "/ru/form/4",
        "/ru/form/6",
        "/ru/form/all",
        "/ru/form/all/send",
        "/ru/return",
        "/ru/case/message",
    ):
        answer = browser.client.post(path, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
        assert answer.status_code < 500, (path, answer.status_code)


def test_an_emergency_shows_numbers_to_call_and_goes_on(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, needs=["detention"])
    assert browser.page.css_first(".urgent a.phone") is not None
    assert browser.fill().number()
