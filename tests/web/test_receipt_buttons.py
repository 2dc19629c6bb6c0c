"""From the receipt straight to adding photos of a letter: with a second click too, and after the form on one page."""

from tests.support.people import PersonSite, short_form


def test_a_second_click_on_add_photos_does_not_end_the_visit(person_site: PersonSite) -> None:
    browser = person_site.browser()
    short_form(browser)
    receipt, number = browser.page, browser.number()
    assert receipt.css_first('button[value="documents"]') is not None
    form = {"csrf": receipt.css_first('form[action="/ru/sent"] input[name="csrf"]').attributes["value"] or ""}
    for _click in range(2):
        answer = browser.client.post("/ru/sent", data={**form, "last_four": number[-4:], "then": "documents"})
        assert (answer.status_code, answer.headers.get("location")) == (303, "/ru/case/documents")
    assert browser.open("/ru/case/documents").page.css_first('input[type="file"]') is not None


def test_the_receipt_of_the_form_on_one_page_leads_to_adding_photos_too(person_site: PersonSite) -> None:
    browser = person_site.browser()
    browser.open("/ru/form/all").fill(for_whom="self", needs="asylum", country="PL", how_soon="none", channel="number")
    browser.fill("form/all/send")
    browser.fill("/return", button=("then", "documents"))
    assert browser.page.css_first('input[type="file"]') is not None
