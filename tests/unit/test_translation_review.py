"""The file for native readers, what comes back of it, and what is signed."""

import re
from datetime import date

import pytest
from typer.testing import CliRunner

from app.cli import i18n
from app.cli import translation_review as review
from app.cli import translation_signatures as signatures
from app.cli.translation_review import NotAReview, ReviewAnswer
from app.cli.translation_signatures import DRAFT, Message, NotSigned
from app.core.i18n import LANGUAGES

ONE, FIELDS, MARKED, COUNTED = "Leave now", "Act by {day}", "<strong>Stop.</strong> Read", ("{n} day", "{n} days")
LITHUANIAN: dict[Message, tuple[str, ...]] = {
    ONE: ("Išeiti",),
    FIELDS: ("Iki {day}",),
    MARKED: ("<strong>Stop.</strong> Skaitykite",),
    COUNTED: ("{n} diena", "{n} dienos", "{n} dienų"),
}
WHERE = {message: [("web/templates/person/check.html", 3), ("intake/questions.py", 9)] for message in LITHUANIAN}
WHERE[ONE] = [("web/templates/base.html", 7)]


def page(signed: frozenset[str] = frozenset()) -> str:
    return review.page(review.places_of(WHERE, LITHUANIAN, signed, "lt"), "lt", "Lithuanian", "people", "messages")


def answer(message: Message, *forms: str, right: bool = False, note: str = "") -> dict[str, ReviewAnswer]:
    was = signatures.digest_of(message, LITHUANIAN[message])
    return {signatures.key_of(message): ReviewAnswer(was, right, forms or ("",) * len(LITHUANIAN[message]), note)}


def test_the_file_has_every_message_where_it_stands_its_terms_and_asks_nobody_for_anything() -> None:
    html = page()
    keys = re.findall(r'data-key="(\w+)"', html)
    assert sorted(keys) == sorted(map(signatures.key_of, LITHUANIAN))
    assert "Page: Who can help, and your answers" in html
    assert "web/templates/person/check.html" in html
    assert "&lt;strong&gt;Stop.&lt;/strong&gt; Skaitykite" in html
    assert "1, 21, 31" in html, "numbers that take the first plural form"
    assert len(re.findall("<textarea", html)) == 6
    assert re.findall(r"""(?:src|href)=["'](?!#)""", html) == []
    assert "http:" not in html
    assert "https:" not in html
    assert "default-src 'none'" in html


def test_the_glossary_has_a_term_for_the_words_of_a_message() -> None:
    found = [
        (english, term)
        for pattern, english, term in review.glossary_terms("lt")
        if pattern.search("Family reunification and asylum seekers")
    ]
    assert ("family reunification", "šeimos susijungimas") in found
    assert all(review.glossary_terms(language) for language in LANGUAGES)
    assert not any(pattern.search("courtesy") for pattern, *_rest in review.glossary_terms("lt"))


def test_better_words_are_taken_over_and_an_empty_form_keeps_the_present_one() -> None:
    outcome = review.apply(
        answer(ONE, "Greitai išeiti") | answer(COUNTED, "", "{n} dienas", "") | answer(FIELDS, right=True, note="ar gerai?"),
        LITHUANIAN,
    )  # fmt: skip
    assert outcome.changed == {ONE: ("Greitai išeiti",), COUNTED: ("{n} diena", "{n} dienas", "{n} dienų")}
    assert len(outcome.right) == 3
    assert outcome.notes == ["“Act by {day}”: ar gerai?"]
    assert outcome.left == []


@pytest.mark.parametrize(
    ("message", "form", "why"),
    [
        (FIELDS, "Iki dienos", "{day}"),
        (FIELDS, "Iki {day} {month}", "{day}"),
        (FIELDS, "Iki {day!r}", "{day}"),
        (FIELDS, "Iki {day}}", "brace"),
        (ONE, "Išeiti {", "brace"),
        (ONE, "Išeiti {0}", "none"),
        (ONE, "Išeiti < dabar", "angle bracket"),
        (ONE, "<a href=x>Išeiti</a>", "angle brackets"),
        (MARKED, "Stop. Skaitykite", "angle brackets"),
        (ONE, "Išeiti\u202e", "cannot be seen"),
        (ONE, "Išeiti\x00", "cannot be seen"),
        (ONE, "x" * 4_001, "longer"),
    ],
)
def test_what_would_break_a_page_is_left_with_its_reason_and_its_words(message: Message, form: str, why: str) -> None:
    outcome = review.apply(answer(message, form), LITHUANIAN)
    assert outcome.changed == {}
    assert outcome.right == []
    assert why in outcome.left[0]
    assert form in outcome.left[0]


def test_what_has_changed_since_the_file_was_made_is_left() -> None:
    answers = answer(ONE, "Greitai išeiti") | answer(FIELDS, right=True)
    answers |= {"0" * 16: ReviewAnswer("", right=False, forms=("Sena",), note="")}
    now = {**LITHUANIAN, ONE: ("Išeiti dabar",), FIELDS: ("Veikite iki {day}",)}
    outcome = review.apply(answers, now)
    assert outcome.changed == {}
    assert outcome.right == []
    assert len(outcome.left) == 3
    assert "Greitai išeiti" in outcome.left[0]
    assert "Sena" in outcome.left[2]
    assert review.apply(answers, {**now, ONE: ("Greitai išeiti",)}).left[:1] != outcome.left[:1], "taken over already"


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"no answers",
        b'<script id="answers">{</script>',
        b'<script id="answers">[]</script>',
        b'<script id="answers">{"language": "lt", "domain": "messages", "answers": {"a": {"forms": [1]}}}</script>',
        b'<script id="answers">{"language": "pl", "domain": "messages", "answers": {}}</script>',
        b'<script id="answers">' + b"[" * 100_000 + b"</script>",
        b"x" * (review.MOST_BYTES + 1),
    ],
)
def test_another_file_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(NotAReview):
        review.read_answers(content, "lt", "messages")


def signed_by(name: str, entries: dict[Message, tuple[str, ...]], before: list[signatures.Signing] | None = None):
    return signatures.sign(before or [], entries, by=name, on=date(2026, 11, 30))


def test_a_signed_catalogue_is_no_draft_and_a_change_makes_that_message_one_again() -> None:
    assert signatures.state_line([], LITHUANIAN) == DRAFT
    signings = signed_by("Rūta", LITHUANIAN)
    assert signatures.state_line(signings, LITHUANIAN) == "State: signed by Rūta on 2026-11-30."
    changed = {**LITHUANIAN, ONE: ("Išeiti dabar",)}
    assert signatures.state_line(signings, changed) == (
        "State: draft. 3 of 4 messages are signed, by Rūta on 2026-11-30."
    )
    other_source = {("Leave this page" if message == ONE else message): texts for message, texts in LITHUANIAN.items()}
    assert "3 of 4" in signatures.state_line(signings, other_source)
    again = signatures.sign(signings, changed, by="Jonas", on=date(2026, 12, 1), only={signatures.key_of(ONE)})
    assert signatures.state_line(again, changed) == "State: signed by Rūta on 2026-11-30, Jonas on 2026-12-01."
    html = page(signatures.signed(signings))
    assert html.count("· signed") == 4


@pytest.mark.parametrize("name", ["", "x", "two\nlines", "State: draft", "x" * 61])
def test_a_name_that_could_be_read_as_something_else_does_not_sign(name: str) -> None:
    with pytest.raises(NotSigned):
        signed_by(name, LITHUANIAN)


def test_what_is_not_translated_is_not_signed() -> None:
    with pytest.raises(NotSigned):
        signed_by("Rūta", {**LITHUANIAN, COUNTED: ("{n} diena", "", "{n} dienų")})


@pytest.mark.parametrize("language", ["en", "xx"])
def test_the_source_and_an_unknown_language_are_refused(language: str) -> None:
    assert CliRunner().invoke(i18n.i18n_app, ["review", language]).exit_code == 2
