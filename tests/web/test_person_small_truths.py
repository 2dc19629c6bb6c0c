"""Small things that have to be true: Back, sending twice, numbers as they are written down, days of messages, erasing."""

from datetime import timedelta

import sqlalchemy as sa

from app.cases.models import PartKind, SealedPart
from app.intake import receipts
from tests.support.people import CENTRE, Browser, PersonSite, short_form


def back(person_site: PersonSite, number: str, lang: str = "en") -> Browser:
    return person_site.browser().open(f"/{lang}/return").fill(number=number)


def messages(person_site: PersonSite) -> int:
    with person_site.database.begin(write=False) as session:
        counted = sa.select(sa.func.count()).select_from(SealedPart).where(SealedPart.part == PartKind.THREAD.value)
        return session.scalar(counted) or 0


def test_every_form_with_an_error_leads_to_a_page_that_can_be_requested_again(person_site: PersonSite) -> None:
    """So Back never shows the browser's own page about sending again; and nothing typed is in an address."""
    browser = person_site.browser()
    browser.open("/en/form/1").fill()
    seen = [browser.answer]
    short_form(browser, "en", until_check=True)
    browser.open("/en/form/7").fill(channel="email", address="sova-at-home")
    seen.append(browser.answer)
    assert browser.page.css_first("#f-address").attributes["value"] == "sova-at-home"
    browser.fill(channel="number", address="")
    browser.fill()
    number = browser.number()
    browser.fill(last_four="0000" if number[-4:] != "0000" else "1111")
    seen.append(browser.answer)
    browser.open("/en/return").fill(number=number[:-1] + " secretive")
    seen.append(browser.answer)
    assert browser.page.css_first("#f-number").attributes["value"] == number[:-1] + " secretive"
    browser.fill(number=number).fill("case/message", text="w" * 10_001)
    seen.append(browser.answer)
    assert "it has 10,001 characters" in browser.text
    assert browser.page.css_first("#f-text").text().strip() == "w" * 10_001
    browser.fill("case/message", text=" ")
    assert "Please write your message first." in browser.text
    browser.open("/en/case").fill("case/copy")
    seen.append(browser.answer)
    browser.open("/en/case/centres").fill()
    seen.append(browser.answer)
    assert [answer.request.method for answer in seen] == ["GET"] * len(seen)
    assert [answer.status_code for answer in seen] == [422] * 5 + [200] * 2
    for address in (str(step.url) for answer in seen for step in (*answer.history, answer)):
        assert not any(word in address for word in ("sova", "secretive", number[:4], "www"))


def test_the_same_message_sent_five_times_is_one(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number)
    page = browser.answer
    for _time in range(5):
        browser.answer = page
        browser.fill("case/message", text="Пришло новое письмо.")
    assert messages(person_site) == 1
    browser.fill("case/message", text="И ещё одно.")
    browser.fill("case/message", text="Пришло новое письмо.")
    assert messages(person_site) == 3, "said again after something else, it is a message again"


def test_messages_carry_their_day_where_the_person_is(person_site: PersonSite) -> None:
    person_site.time.at = person_site.time.at.replace(hour=23, minute=30)
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number, "ru").fill("case/message", text="Поздно вечером.")
    assert "Вы 25 ноября 2026" in browser.text, "in Poland the next day has begun"
    assert "Вы 25 ноября 2026" in browser.fill("case/copy").text


def test_erasing_says_that_everything_is_erased(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number).fill("case/erase", button=("sure", "yes"))
    assert "Everything is deleted" in browser.text
    assert "your number no longer works" in browser.text
    assert "We could not find a request" in back(person_site, number).text


def test_an_error_of_the_number_says_how_many_digits_there_are_and_which_sign_is_wrong(person_site: PersonSite) -> None:
    number = receipts.new().grouped()
    assert "You typed 27 digits. A number has 28 digits." in back(person_site, number[:-1]).text
    assert "The sign “O” does not belong in a number." in back(person_site, "O" + number[1:]).text
    assert "You typed" not in back(person_site, f"{number[:5]}O{number[5:]}").text, "all 28 digits are there"
    assert "Вы ввели 1 цифру. В номере 28 цифр." in back(person_site, "7", "ru").text
    real = short_form(person_site.browser()).number()
    assert back(person_site, f"№ «{real.replace(' ', '·')}» +").answer.url.path == "/en/case"


def test_going_back_after_sending_tells_that_the_first_was_taken(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True)
    check = browser.answer
    browser.fill(**{f"c_{CENTRE}": "allow"})
    browser.answer = check
    browser.fill(**{f"c_{CENTRE}": "allow"})
    assert "had already been sent" not in browser.text, "the same again is nothing to be told"
    browser.answer = check
    browser.fill(**{f"c_{CENTRE}": "never"})
    number = browser.number()
    assert "Your request had already been sent, with the choices you made first." in browser.text
    browser.fill(last_four=number[-4:])
    browser.answer = check
    browser.fill(**{f"c_{CENTRE}": "never"})
    assert "There is nothing to send" in browser.text
    assert browser.page.css_first('main a[href="/en/return"]') is not None


def test_line_breaks_of_a_document_stay_and_control_characters_go_in_each_field(person_site: PersonSite) -> None:
    browser = short_form(
        person_site.browser(), "en", until_check=True, story="one\x0btwo\x07", call_me="So\x0bva\x1b", happened=[]
    )
    assert browser.page.css_first("dl.answers").html.count("one<br>two") == 1
    assert "So va" in browser.text
    number = browser.fill().number()
    browser = back(person_site, number).fill("case/message", text="three\x0cfour\x00")
    assert "three<br>four" in browser.answer.text


def test_the_language_of_the_form_is_chosen_beforehand_and_may_be_unchosen(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/uk/form/5")
    assert [node.attributes["value"] for node in browser.page.css("input[name=speak][checked]")] == ["uk"]
    browser.fill(speak=["ka", "en"]).open("/uk/form/5")
    assert {node.attributes["value"] for node in browser.page.css("input[name=speak][checked]")} == {"ka", "en"}


def test_the_paper_form_asks_what_the_form_asks(person_site: PersonSite) -> None:
    text = person_site.browser().open("/en/paper").text
    for asked in ("Which region?", "What is your citizenship?", "Have you had a letter", "What date did you receive"):
        assert asked in text


def test_a_correction_before_sending_leads_back_to_the_answers(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en", until_check=True)
    links = [node.attributes["href"] or "" for node in browser.page.css("#answers a")]
    assert links
    assert all("?change=1#f-" in link for link in links)
    browser.open("/en/form/6?change=1")
    buttons = browser.page.css("main form button")
    assert [button.text() for button in buttons] == ["Save"]
    browser.fill(button=("to_check", "1"), call_me="Owl")
    assert browser.answer.url.path == "/en/form/check"
    assert "Owl" in browser.text


def test_a_form_of_a_visit_that_has_ended_leads_to_a_page_that_back_can_show(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number)
    page = browser.answer
    answers = browser.open("/en/case/answers/6").answer
    person_site.time.at += timedelta(hours=2)
    browser.answer = page
    browser.fill("case/message", text="they rang\nat night")
    assert (browser.answer.request.method, browser.answer.url.path) == ("GET", "/en/return/text")
    assert "they rang\nat night" in browser.answer.text
    browser.answer = answers
    browser.fill(story="another story")
    assert (browser.answer.request.method, browser.answer.url.path) == ("GET", "/en/return/text")
    assert "another story" in browser.answer.text
    assert browser.open("/en/leave").open("/en/return/text").answer.url.path == "/en/return", "leaving forgets it"
    browser.client.cookies.clear()
    browser.answer = page
    browser.fill("case/message", text="without the cookie")
    assert (browser.answer.request.method, browser.answer.url.path) == ("GET", "/en/return/text")
    assert "without the cookie" in browser.answer.text


def test_choices_of_a_visit_that_has_ended_are_shown_and_change_nothing(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number).open("/en/case/centres")
    page = browser.answer
    person_site.time.at += timedelta(hours=2)
    browser.fill("case/centres", **{f"c_{CENTRE}": "never"})
    assert (browser.answer.request.method, browser.answer.url.path) == ("GET", "/en/return/text")
    assert "Never: Helsińska Fundacja Praw Człowieka" in browser.text
    assert "nothing was changed. Here is what you chose" in browser.text
    browser.open("/en/return").fill(number=number).open("/en/case/centres")
    allowed = browser.page.css_first(f'input[name="c_{CENTRE}"][value="allow"]')
    assert allowed is not None
    assert "checked" in allowed.attributes, "who may read it is as it was"
    browser.client.cookies.clear()
    browser.answer = page
    browser.fill("case/centres", **{f"c_{CENTRE}": "never"})
    assert "Never: Helsińska Fundacja Praw Człowieka" in browser.text, "without the cookie too"
    browser.open("/en/leave")
    assert browser.open("/en/return/text").answer.url.path == "/en/return", "leaving forgets it"


def test_a_button_of_a_visit_that_has_ended_says_that_it_did_nothing(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = back(person_site, number)
    page = browser.answer
    person_site.time.at += timedelta(hours=2)
    for action in ("case/erase", "case/withdraw", "case/copy", "case/code"):
        browser.answer = page
        browser.fill(action, button=("sure", "yes"))
        assert browser.answer.url.path == "/en/return", action
        assert "Your session has ended." in browser.text, action
    assert back(person_site, number).answer.url.path == "/en/case"


def test_the_number_that_was_written_down_opens_the_request_at_once_if_wanted(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), "en")
    number = browser.number()
    browser.fill("/sent", button=("then", "open"), last_four="1" if number[-1] != "1" else "2")
    assert browser.answer.status_code == 422
    browser.fill("/sent", button=("then", "open"), last_four=number[-4:])
    assert browser.answer.url.path == "/en/case"
    assert "We have received your request." in browser.text
    assert browser.open("/en/sent").answer.url.path == "/en/", "the number is shown once"
    other = short_form(person_site.browser(), "en")
    other.fill("/sent", last_four=other.number()[-4:])
    assert other.answer.url.path == "/en/goodbye"
    assert other.open("/en/case").answer.url.path == "/en/return"


def test_a_button_of_a_former_visit_changes_nothing_and_says_so(person_site: PersonSite) -> None:
    """A page that stayed open while the request was opened again in the same browser."""
    number = short_form(person_site.browser(), "en").number()
    browser = back(person_site, number)
    old = browser.answer
    browser.open("/en/return").fill(number=number)
    for action in ("case/erase", "case/withdraw", "case/code", "case/number"):
        browser.answer = old
        browser.fill(action, button=("sure", "yes"))
        assert browser.answer.url.path == "/en/case", action
        assert "Nothing was changed" in browser.text, action
    for action in ("consent", "contacted", "move", "appointment", "export"):
        answer = browser.client.post(
            f"/en/case/{action}", data={"csrf": "stale", "answer": "yes"}, follow_redirects=True
        )
        assert "Nothing was changed" in answer.text, action
    browser.open("/en/case")
    assert "Nothing was changed" not in browser.text
    assert back(person_site, number).answer.url.path == "/en/case"


def test_choices_of_a_former_visit_are_not_lost(person_site: PersonSite) -> None:
    number = short_form(person_site.browser(), "en", allow=()).number()
    browser = back(person_site, number).open("/en/case/centres")
    old, name = browser.answer, browser.page.css_first("input[type=radio]").attributes["name"]
    browser.open("/en/return").fill(number=number)
    browser.answer = old
    browser.fill("case/centres", **{name: "never"})
    assert "Everything you typed is still here." in browser.text
    assert "checked" in browser.page.css_first(f'input[name="{name}"][value=never]').attributes
    browser.fill("case/centres")
    assert browser.answer.url.path == "/en/case/saved"
    browser.open("/en/case/centres")
    assert "checked" in browser.page.css_first(f'input[name="{name}"][value=never]').attributes
