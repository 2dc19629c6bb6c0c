"""What is asked of somebody with a cheap phone: few questions, fewer that must be answered; and the way back from answers."""

import pytest

from app.directory.packs import load_packs
from app.intake import questions, schemas
from app.intake.questions import QUESTIONS, STEPS, FieldKind
from tests.support.partners import START


def test_there_are_seven_steps_and_at_most_fifteen_questions_of_which_six_must_be_answered() -> None:
    asked = [name for name, question in QUESTIONS.items() if not question.of] + [questions.CONSENT]
    assert len(STEPS) == 7
    assert len(asked) <= 15
    required = {name for name, question in QUESTIONS.items() if question.required} | {questions.CONSENT}
    assert required == {"for_whom", "needs", "country", "how_soon", "channel", "consent"}


def test_nothing_that_must_be_answered_has_to_be_typed() -> None:
    assert {question.kind for question in QUESTIONS.values() if question.required} <= {
        FieldKind.RADIO,
        FieldKind.CHECKS,
    }


SAID = {
    "for_whom": "relative", "needs": ["asylum", "appeals"], "how_soon": "week", "country": "DE", "region": "DE-BE",
    "letter": {"kind": "asylum_appeal_simple", "received_on": "2026-11-20"}, "speak": ["ru", "ka"], "story": "Отказ.\nСрок?",
    "call_me": "Сова", "nationality": "RU", "status": "asylum_seeker", "groups": ["journalist"], "helps": ["interpreter"],
    "happened": ["search_seizure"], "count_me": True,
    "answer_by": {
        "channel": "email", "address": "sova@example.org", "notify": True, "may_say_who": False, "may_leave_message": True,
        "good_times": "вечером",
    },
    "consent": {"mode": "named", "organisations": ["de-rlc-berlin"], "never": ["de-bafl"]},
}  # fmt: skip


def test_answers_become_fields_and_fields_the_same_answers() -> None:
    said = {**SAID, "consent": {"mode": "named", "organisations": ["de-rlc-berlin"], "never": []}}
    intake = schemas.read(said, load_packs(), START.date())
    form = questions.to_form(intake.answers())
    again = schemas.read(questions.to_answers(form, "ru"), load_packs(), START.date())
    assert again.model_copy(update={"language": None}) == intake


@pytest.mark.parametrize("kind", ["unknown", None])
def test_a_letter_that_nobody_knows_comes_back_as_it_was_said(kind: str | None) -> None:
    form = questions.to_form({"country": "PL", "letter": {"kind": kind, "received_on": "2026-11-20"}})
    assert form.get("letter_kind") == (["unknown"] if kind else None)
    assert form["letter_received_on"] == ["2026-11-20"]


def test_news_can_only_be_told_at_an_address() -> None:
    said = {**SAID, "answer_by": {"channel": "number", "notify": True}, "consent": {"mode": "ask_first"}}
    with pytest.raises(schemas.Invalid) as refused:
        schemas.read(said, load_packs(), START.date())
    assert [error["code"] for error in refused.value.errors] == ["nowhere_to_notify"]
