"""A field of the intake that does not say where it is kept, or that no question asks for, fails with the file to change."""

from typing import Annotated

import pytest

from app.cases import intake_storage
from app.intake import questions, storage
from app.intake.questions import FieldKind, Question, Unmapped
from app.intake.schemas import Intake
from app.intake.storage import FACTS, NOT_KEPT, StoredModel, UndeclaredField, column, sealed


def test_a_field_without_a_place_fails_while_its_class_is_made() -> None:
    with pytest.raises(UndeclaredField, match=r"^tests/unit/test_intake_storage\.py: Longer\.shoe_size does not say"):

        class Longer(Intake):
            shoe_size: int = 0


def test_a_field_of_a_nested_model_has_to_say_it_too() -> None:
    with pytest.raises(UndeclaredField, match=r"test_intake_storage\.py: Lawyer\.name does not say"):

        class Lawyer(StoredModel):
            name: str = ""


def test_a_field_can_not_be_kept_and_not_kept() -> None:
    with pytest.raises(UndeclaredField, match=r"Longer\.shoe_size is declared as not kept, and yet has a place"):

        class Longer(Intake):
            shoe_size: Annotated[int, FACTS, NOT_KEPT] = 0


def test_two_fields_can_not_share_one_place() -> None:
    with pytest.raises(UndeclaredField, match=r"Longer\.shoe_size and happened share one place"):

        class Longer(Intake):
            shoe_size: Annotated[int, sealed("happened", "codes")] = 0


def test_a_column_and_a_sealed_part_have_to_exist() -> None:
    class WithColumn(Intake):
        shoe_size: Annotated[int, column("shoe_size")] = 0

    class WithPart(Intake):
        shoe_size: Annotated[int, sealed("wardrobe")] = 0

    with pytest.raises(UndeclaredField, match=r"WithColumn\.shoe_size .* column 'shoe_size', .*app/cases/models\.py"):
        intake_storage.check(WithColumn)
    with pytest.raises(UndeclaredField, match=r"WithPart\.shoe_size .* sealed part 'wardrobe', .*app/cases/models\.py"):
        intake_storage.check(WithPart)


def test_a_question_without_a_field_and_a_field_without_a_question_fail() -> None:
    class Longer(Intake):
        shoe_size: Annotated[int, FACTS] = 0

    asked = list(questions.QUESTIONS.values())
    shoes = Question("shoe_size", FieldKind.TEXT, "Which size are your shoes?")
    questions.check(asked, Intake)
    questions.check([*asked, shoes], Longer)
    with pytest.raises(Unmapped, match=r"^app/intake/schemas\.py: no question asks for shoe_size\. .*questions\.py"):
        questions.check(asked, Longer)
    with pytest.raises(Unmapped, match=r"^app/intake/questions\.py: shoe_size is asked, but is no field"):
        questions.check([*asked, shoes], Intake)
    with pytest.raises(Unmapped, match="story is asked 2 times"):
        questions.check([*asked, Question("tale", FieldKind.AREA, "And?", field="story")], Intake)


def test_what_a_document_holds_is_read_back_from_it() -> None:
    answers = {
        "for_whom": "self", "needs": ["asylum"], "how_soon": "week", "country": "PL", "letter": {},
        "answer_by": {"channel": "signal", "address": "+48 600 000 000"}, "consent": {"mode": "ask_first"},
    }  # fmt: skip
    intake = Intake.model_validate(answers)
    names = storage.documents_of(Intake)
    assert set(names) == {"facts", "case", "card", "story", "contact", "notice", "happened", "statistics"}
    stored = {name: storage.document(Intake, intake.answers(), name) for name in names}
    again = storage.answers_in(Intake, stored)
    assert again["letter"] == {}, "a letter of which nothing is known is still a letter"
    assert Intake.model_validate(again) == intake


def test_the_longest_text_of_a_question_is_the_longest_that_the_schema_allows() -> None:
    longest = {name: question.longest for name, question in questions.QUESTIONS.items() if question.longest}
    assert longest == {
        "other_language": 120, "story": 20_000, "call_me": 120, "address": 320, "good_times": 200,
        "helper_address": 320, "helper_times": 200, "spoken_word": 60,
    }  # fmt: skip
