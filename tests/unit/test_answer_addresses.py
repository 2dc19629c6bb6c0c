"""An address that reaches nobody is refused where it is typed."""

import pytest
from pydantic import ValidationError

from app.intake.schemas import AnswerBy


@pytest.mark.parametrize(
    ("channel", "address", "code"),
    [
        ("phone", "000000", "not_a_number"), ("phone", "7.91612E+10", "not_a_number"),
        ("signal", "+000 000 000", "not_a_number"), ("whatsapp", "111111", "not_a_number"),
        ("telegram", "@", "not_a_user_name"), ("telegram", "t.me/", "not_a_user_name"),
        ("telegram", "000000", "not_a_user_name"), ("telegram", "", "address_required"), ("telegram", "  ", "address_required"),
    ],
)  # fmt: skip
def test_what_reaches_nobody_is_refused(channel: str, address: str, code: str) -> None:
    with pytest.raises(ValidationError) as refused:
        AnswerBy.model_validate({"channel": channel, "address": address})
    assert [error["type"] for error in refused.value.errors()] == [code]


@pytest.mark.parametrize(
    ("channel", "address"),
    [
        ("phone", "+48 600 000 000"),
        ("signal", "sova.11"),
        ("telegram", "@sova_1"),
        ("telegram", "+79161234567"),
        ("phone", "8 916 123-45-67"),
    ],
)
def test_what_may_reach_somebody_is_taken(channel: str, address: str) -> None:
    assert AnswerBy.model_validate({"channel": channel, "address": address}).address == address
