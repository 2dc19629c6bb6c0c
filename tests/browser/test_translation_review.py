"""The file for native readers saves itself with the answers, and goes on from there."""

from pathlib import Path

from playwright.sync_api import Page

from app.cli import translation_review as review
from app.cli.translation_review import ReviewAnswer
from tests.unit.test_translation_review import ONE
from tests.unit.test_translation_review import page as review_page


def test_answers_are_saved_in_the_page_itself_and_come_back(page: Page, tmp_path: Path) -> None:
    first, second = tmp_path / "review.html", tmp_path / "saved.html"
    first.write_text(review_page(), encoding="utf-8")
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text))
    page.goto(first.as_uri())
    article = page.locator("article").first
    article.locator("textarea").fill("Išeiti </script><b>")
    article.locator("[name=note]").fill("ar gerai?")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(second)
    (answer,) = review.read_answers(second.read_bytes(), "lt", "messages").values()
    assert answer == ReviewAnswer(answer.was, right=False, forms=("Išeiti </script><b>",), note="ar gerai?")
    page.goto(second.as_uri())
    assert page.locator("article").first.locator("textarea").input_value() == "Išeiti </script><b>"
    assert page.locator("#count").text_content() == "1 of 4 answered"
    assert page.locator("#save").is_visible()
    assert page.locator("article").first.inner_text().count(ONE) == 1
    assert problems == []
