"""What a browser could have sent: texts at most a quarter longer than allowed, and no more values than there are codes."""

import pytest

from app.intake import questions
from app.intake.questions import FieldKind
from app.web.person import draft_answers
from app.web.person.draft_answers import is_honest

TEXT = next(name for name, question in sorted(questions.QUESTIONS.items()) if question.longest >= 100)
LONGEST = questions.QUESTIONS[TEXT].longest
CHECKS = next(name for name, question in sorted(questions.QUESTIONS.items()) if question.kind is FieldKind.CHECKS)
CHOICE = next(name for name, question in sorted(questions.QUESTIONS.items()) if question.kind is FieldKind.RADIO)


@pytest.mark.parametrize(
    ("name", "values", "honest"),
    [
        (TEXT, ["x" * (LONGEST * 5 // 4)], True),
        (TEXT, ["x" * (LONGEST * 5 // 4 + 1)], False),
        (TEXT, ["x", "y"], True),
        (TEXT, ["x", "y", "z"], False),
        (CHOICE, ["x" * 100], True),
        (CHOICE, ["x" * 101], False),
        ("nobody-asked", ["x" * 101], False),
        (CHECKS, ["x"] * 64, True),
        (CHECKS, ["x"] * 65, False),
        (CHECKS, ["x", "y" * 101], False),
    ],
)
def test_a_form_is_honest_up_to_its_limits(name: str, values: list[str], honest: bool) -> None:
    assert is_honest({name: values}) is honest
    assert is_honest({CHOICE: ["one"], name: values}) is honest
    assert draft_answers._LONGEST_CODE == 100
