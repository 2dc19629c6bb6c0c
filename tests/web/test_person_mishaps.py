"""Twenty things that go wrong for somebody with a cheap phone and little time. None of them costs an answer."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from tests.support.people import Browser, PersonSite, short_form

STORY: Final = "Длинная история.\nС кавычками «», <скобками> & амперсандом, 🦉."
WHOLE: Final = {"for_whom": "self", "needs": ["asylum", "appeals"], "country": "PL", "how_soon": "week"}


def cases(person_site: PersonSite) -> int:
    with person_site.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(Case)) or 0


def story(browser: Browser) -> str:
    """What stands in the field of the story, as it would be sent."""
    field = browser.page.css_first("#f-story, input[name=story]")
    assert field is not None, browser.text
    return field.attributes.get("value") or field.text().removeprefix("\n")


def at_story(person_site: PersonSite) -> Browser:
    """Six steps are done, the story is typed."""
    browser = person_site.browser().open("/ru/form/1").fill(for_whom="relative").fill(needs=["asylum", "appeals"])
    browser.fill(country="PL").fill(how_soon="week", region="PL-14").fill(speak=["ru", "ka"])
    return browser.fill(story=STORY)


def holds_everything(browser: Browser) -> None:
    """The answers of `at_story`, read back from the form."""
    for path, selector in (
        ("1", "input[value=relative][checked]"),
        ("2", "input[value=appeals][checked]"),
        ("3", "input[value=PL][checked]"),
        ("4", "option[value=PL-14][selected]"),
        ("4", "input[value=week][checked]"),
        ("5", "input[value=ka][checked]"),
    ):
        assert browser.open(f"/ru/form/{path}").page.css_first(selector) is not None, path
    assert story(browser.open("/ru/form/6")) == STORY


def an_error_on_a_later_step(person_site: PersonSite) -> None:
    browser = at_story(person_site).fill(channel="email", address="это не адрес")
    assert browser.answer.status_code == 422
    holds_everything(browser)
    assert browser.open("/ru/form/7").page.css_first("#f-address").attributes["value"] == "это не адрес"


def going_back_with_the_button_of_the_page(person_site: PersonSite) -> None:
    browser = at_story(person_site).open("/ru/form/7")
    browser.open(browser.page.css_first("a.back").attributes["href"] or "")
    assert story(browser) == STORY


def reloading(person_site: PersonSite) -> None:
    browser = at_story(person_site).open("/ru/form/6")
    browser.open("/ru/form/6")
    holds_everything(browser)


def a_second_tab_that_was_opened_long_ago(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/5")
    old_tab = browser.answer
    browser.open("/ru/form/1").fill(for_whom="self").open("/ru/form/6").fill(story=STORY)
    browser.answer = old_tab
    browser.fill(speak=["ka"])
    assert browser.open("/ru/form/5").page.css_first("input[value=ka][checked]") is not None
    assert story(browser.open("/ru/form/6")) == STORY


def sending_a_step_twice(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/6")
    page = browser.answer
    browser.fill(story=STORY)
    browser.answer = page
    browser.fill(story=STORY)
    assert story(browser.open("/ru/form/6")) == STORY


def another_language_in_the_middle_of_a_step(person_site: PersonSite) -> None:
    browser = at_story(person_site).open("/ru/form/6")
    browser.fill(story=STORY + " И ещё.", button=("switch", "1"), to="/ka/form/6")
    assert str(browser.answer.url).endswith("/ka/form/6")
    assert story(browser) == STORY + " И ещё."


def another_language_on_the_one_page(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all")
    browser.fill(story=STORY, needs=["asylum"], button=("switch", "1"), to="/de/form/all")
    assert browser.page.css_first("html").attributes["lang"] == "de"
    assert story(browser) == STORY
    assert browser.page.css_first("input[value=asylum][checked]") is not None
    assert not browser.client.cookies


def another_language_on_the_page_to_check(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all").fill(**WHOLE, story=STORY)
    name = browser.page.css_first("input[value=never]").attributes["name"] or ""
    browser.fill(button=("switch", "1"), to="/en/form/all/send", **{name: "never"})
    assert browser.page.css_first(f"input[name={name}][value=never][checked]") is not None
    assert story(browser) == STORY
    assert browser.fill().number()


def an_error_on_the_one_page(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all").fill(story=STORY, needs=["asylum"])
    assert browser.answer.status_code == 422
    assert story(browser) == STORY
    assert browser.page.css_first("input[value=asylum][checked]") is not None


def a_token_of_yesterday(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/all").fill(**WHOLE, story=STORY)
    person_site.time.at += timedelta(hours=30)
    browser.fill()
    assert cases(person_site) == 0
    assert story(browser) == STORY
    assert browser.fill().number()


def a_token_that_is_rubbish(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    browser.fill(csrf="x" * 500)
    assert cases(person_site) == 0
    assert browser.fill().number()


def no_cookies_at_all(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/ru/form/1")
    browser.client.cookies.clear()
    browser.fill(for_whom="volunteer")
    assert browser.page.css_first("input[value=volunteer][checked]") is not None
    browser.fill(**{**WHOLE, "for_whom": "volunteer"}, story=STORY)
    assert story(browser) == STORY
    assert browser.fill().number()


def cookies_lost_on_the_way(person_site: PersonSite) -> None:
    browser = at_story(person_site).open("/ru/form/6")
    browser.client.cookies.clear()
    browser.fill(story=STORY)
    assert story(browser) == STORY


def back_to_the_form_before_the_number_is_written_down(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), story=STORY)
    number = browser.number()
    assert browser.open("/ru/form/7").number() == number
    assert browser.open("/ru/form/check").open("/ru/sent").number() == number


def the_wrong_last_digits(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), story=STORY)
    number = browser.number()
    assert browser.fill(last_four="0000" if number[-4:] != "0000" else "1111").number() == number
    assert browser.fill(last_four=number[-4:]).answer.url.path == "/ru/goodbye"


def the_last_digits_in_another_script(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), story=STORY)
    arabic = browser.number()[-4:].translate({ord("0") + n: ord("٠") + n for n in range(10)})
    assert browser.fill(last_four=f" {arabic} ").answer.url.path == "/ru/goodbye"


def sending_twice(person_site: PersonSite) -> None:
    browser = short_form(person_site.browser(), until_check=True, story=STORY)
    page = browser.answer
    number = browser.fill().number()
    browser.answer = page
    assert browser.fill().number() == number
    assert cases(person_site) == 1


def the_country_changed_after_its_region_was_chosen(person_site: PersonSite) -> None:
    browser = (
        at_story(person_site)
        .fill(channel="number")
        .open("/ru/form/3?change=1")
        .fill(country="DE", button=("to_check", "1"))
    )
    assert (browser.answer.url.path, browser.answer.status_code) == ("/ru/form/4", 422)
    assert browser.page.css_first("#e-region") is not None, "it is said that the region is in another country"
    assert browser.page.css_first("option[value=DE-BE]") is not None
    assert browser.page.css_first("option[value=PL-14]") is None
    browser.open("/ru/form/3").fill(country="PL")
    holds_everything(browser)


def a_line_typed_when_the_visit_had_ended(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = person_site.browser().open("/ru/return").fill(number=number)
    person_site.time.at += timedelta(hours=2)
    browser.fill("/case/message", text=STORY)
    shown = browser.page.css_first("#f-text").text().removeprefix("\n")
    assert shown == STORY


def a_number_with_a_typing_error(person_site: PersonSite) -> None:
    number = short_form(person_site.browser()).number()
    browser = person_site.browser().open("/ru/return").fill(number=number[:-1])
    assert browser.page.css_first("#f-number").attributes["value"] == number[:-1]
    spaced = re.sub(" ", "-", number)
    assert browser.fill(number=spaced).answer.url.path == "/ru/case"


MISHAPS: Final = (
    an_error_on_a_later_step, going_back_with_the_button_of_the_page, reloading, a_second_tab_that_was_opened_long_ago,
    sending_a_step_twice, another_language_in_the_middle_of_a_step, another_language_on_the_one_page,
    another_language_on_the_page_to_check, an_error_on_the_one_page, a_token_of_yesterday, a_token_that_is_rubbish,
    no_cookies_at_all, cookies_lost_on_the_way, back_to_the_form_before_the_number_is_written_down, the_wrong_last_digits,
    the_last_digits_in_another_script, sending_twice, the_country_changed_after_its_region_was_chosen,
    a_line_typed_when_the_visit_had_ended, a_number_with_a_typing_error,
)  # fmt: skip


@pytest.mark.parametrize("mishap", MISHAPS, ids=lambda mishap: mishap.__name__)
def test_no_mishap_costs_an_answer(person_site: PersonSite, mishap: Callable[[PersonSite], None]) -> None:
    mishap(person_site)


def test_there_are_twenty_of_them() -> None:
    assert len(set(MISHAPS)) == 20


def test_a_letter_of_another_alphabet_is_asked_about_and_a_tick_puts_it_right(person_site: PersonSite):
    browser = at_story(person_site).fill(channel="email", address="ivan.demo@mail.рu")
    assert "ivan.demo@mail.ru?" in browser.text
    assert browser.page.css_first("#f-address").attributes["value"] == "ivan.demo@mail.рu", "what was typed is kept"
    assert browser.page.css_first("input[name=address_meant]").attributes["type"] == "checkbox"
    browser.fill(channel="email", address="ivan.demo@mail.рu", address_meant="yes")
    assert browser.page.css_first("#f-address") is None, "the form goes on"
    assert browser.open("/ru/form/7").page.css_first("#f-address").attributes["value"] == "ivan.demo@mail.ru"
    assert browser.page.css_first("input[name=address_meant]") is None
    browser.fill(channel="telegram", address="@")
    assert "Это не похоже на имя пользователя." in browser.text


def test_an_error_names_its_question(person_site: PersonSite):
    page = person_site.browser().open("/en/form/all").fill(story="a few words", needs=["asylum"]).page
    told = [" ".join(node.text().split()) for node in page.css(".errors li a")]
    assert "Which country are you in now? Please answer this question." in told
    assert "Please answer this question." not in told
