"""A date in a sentence ends in one full stop, whether the language abbreviates "day" or "year" or not."""

from datetime import date

import pytest

from app.core.i18n import LANGUAGES, translator

DAY = date(2026, 12, 5)


def test_an_abbreviation_keeps_its_full_stop_in_the_middle_of_a_sentence() -> None:
    said = translator("lt").text("If nobody has answered you by {day}, contact a centre yourself.", day="5 d.")
    assert said == "Jei iki 5 d. niekas neatsakys, kreipkitės į centrą patys."
    assert translator("lt").date(DAY) == "2026 m. gruodžio 5 d."
    assert translator("ru").date(DAY).endswith("г.")
    assert "30 d." in translator("lt").impossible_date(30, 2, None)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_sentence_ends_in_two_full_stops(lang: str) -> None:
    words = translator(lang)
    for message in (
        "Last updated: {day}.",
        "To be safe, treat {day} as the last day.",
        "These centres can help with this: {names}.",
    ):
        field = "names" if "{names}" in message else "day"
        said = words.text(message, **{field: "RLC e.V." if field == "names" else words.date(DAY)})
        assert ".." not in said
        assert said.endswith((".", "。")), said
    assert ".." not in words.plural("{n} day is left at {place}.", "{n} days are left at {place}.", 2, place="RLC e.V.")
