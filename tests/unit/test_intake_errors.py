"""What is wrong with an intake: every fault in one round, each named at its field with a code of the one vocabulary."""

import re
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core import look_alikes, validation
from app.core.errors import Invalid
from app.directory.packs import load_packs
from app.intake import schemas
from app.intake.vocabulary import GROUPS, HELPS, STATUSES

PACKS: Final = load_packs()
TODAY: Final = date(2026, 11, 24)
WHOLE: Final = {
    "for_whom": "self",
    "needs": ["asylum"],
    "how_soon": "week",
    "country": "PL",
    "consent": {"mode": "named"},
}


def faults(answers: dict[str, Any]) -> dict[str, tuple[str, str]]:
    with pytest.raises(Invalid) as refused:
        schemas.read(answers, PACKS, TODAY)
    return {error["pointer"]: (error["code"], error["detail"]) for error in refused.value.errors}


def test_every_fault_is_named_in_one_round():
    found = faults(
        {
            "for_whom": "me",
            "needs": ["asylum", "NOPE!", "nonsense"],
            "how_soon": 1,
            "country": "PL",
            "region": "LT-VL",
            "consent": {"mode": "named", "organisations": ["pl-hfhr", "nobody"], "never": ["pl-hfhr"]},
            "speak": ["!"],
            "helps": ["large_print", "x"],
            "answer_by": {"channel": "email", "address": "a@", "notify": True},
            "letter": {"kind": "planted", "received_on": "2099-01-01"},
        }
    )
    assert {pointer: code for pointer, (code, _detail) in found.items()} == {
        "/for_whom": "unknown_code",
        "/needs/1": "wrong_format",
        "/needs/2": "unknown_code",
        "/how_soon": "unknown_code",
        "/region": "not_in_country",
        "/consent/organisations/1": "unknown_code",
        "/consent/never": "allowed_and_excluded",
        "/speak/0": "wrong_format",
        "/helps/1": "unknown_code",
        "/answer_by/address": "not_an_email",
        "/letter/kind": "unknown_code",
        "/letter/received_on": "in_the_future",
    }


def test_a_country_that_does_not_fit_is_one_fault_and_its_region_none():
    assert [*faults({**WHOLE, "country": "Poland", "region": "PL-14"})] == ["/country"]


def test_nothing_at_all_names_what_is_needed_and_nothing_else():
    assert {pointer: code for pointer, (code, _) in faults({}).items()} == dict.fromkeys(
        ("/for_whom", "/needs", "/how_soon", "/country", "/consent"), "required"
    )


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"answer_by": {"channel": "telegram"}}, "/answer_by/address", "address_required"),
        ({"answer_by": {"channel": "telegram", "address": "@"}}, "/answer_by/address", "not_a_user_name"),
        ({"answer_by": {"channel": "phone", "address": "000000"}}, "/answer_by/address", "not_a_number"),
        ({"answer_by": {"channel": "email", "address": "ivan@mail.рu"}}, "/answer_by/address", "look_alike"),
        ({"answer_by": {"notify": True}}, "/answer_by/notify", "nowhere_to_notify"),
        ({"consent": {"mode": "ask_first", "organisations": ["pl-hfhr"]}}, "/consent/organisations", "named_but_ask_first"),
        ({"story": "x" * 20_001}, "/story", "too_long"),
        ({"needs": []}, "/needs", "too_few"),
        ({"speak": ["ru"] * 13}, "/speak", "too_many"),
        ({"count_me": "yes"}, "/count_me", "not_a_boolean"),
        ({"letter": {"received_on": "1795910400"}}, "/letter/received_on", "not_a_day"),
        ({"letter": []}, "/letter", "not_an_object"),
        ({"needs": "asylum"}, "/needs", "not_a_list"),
        ({"country": 7}, "/country", "not_a_string"),
        ({"planted": 1}, "", "unknown_field"),
    ],
)  # fmt: skip
def test_an_error_points_to_its_field(change: dict[str, Any], pointer: str, code: str):
    ((found, (found_code, detail)),) = faults({**WHOLE, **change}).items()
    assert (found, found_code) == (pointer, code)
    assert code in validation.FAULT_CODES
    assert "planted" not in detail


def test_an_error_of_a_list_names_its_values():
    found = faults({**WHOLE, "needs": ["x"], "status": "x", "groups": ["x"], "helps": ["x"], "letter": {"kind": "x"}})
    for pointer, codes in (
        ("/needs/0", [need.id for need in PACKS.needs]),
        ("/status", [*STATUSES]),
        ("/groups/0", [*GROUPS]),
        ("/helps/0", [*HELPS]),
        ("/letter/kind", [row.event for row in PACKS.deadlines("PL") if row.letter_kind]),
    ):
        assert all(code in found[pointer][1] for code in codes), pointer
    assert "/v1/vocabularies" in faults({**WHOLE, "happened": ["x"]})["/happened/0"][1]


def test_a_repeated_code_keeps_the_places_of_the_others():
    assert [*faults({**WHOLE, "needs": ["asylum", "asylum", "x"]})] == ["/needs/2"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = Field(max_length=3)
    kind: Literal["a", "b"]
    number: int = Field(ge=1)


def test_other_bodies_are_told_in_the_same_codes():
    with pytest.raises(ValidationError) as refused:
        Shape.model_validate({"url": "four", "kind": "c", "number": 0, "planted": 1})
    found = [validation.field_error(entry, base="/body") for entry in refused.value.errors()]
    assert [(error["pointer"], error["code"]) for error in found] == [
        ("/body/url", "too_long"),
        ("/body/kind", "unknown_code"),
        ("/body/number", "out_of_range"),
        ("/body", "unknown_field"),
    ]
    assert [error["detail"] for error in found[:3]] == [
        "This is too long: at most 3 characters.",
        "One of: a, b.",
        "Use at least 1.",
    ]


@pytest.mark.parametrize(
    ("channel", "typed", "meant"),
    [
        ("email", "ivan.demo@mail.рu", "ivan.demo@mail.ru"),  # by its sound
        ("email", "ivan.demo@mail.ру", "ivan.demo@mail.ru"),
        ("email", "ivan.demo@gmаil.com", "ivan.demo@gmail.com"),  # by its look
        ("email", "ivan.demo@gmail.сом", "ivan.demo@gmail.com"),
        ("email", "ivаn.demo@mail.ru", "ivan.demo@mail.ru"),
        ("email", "ivan@exаmple.org", "ivan@example.org"),
        ("email", "ivan.demo@mail.ru", None),
        ("email", "ivan.demo@почта.рф", None),
        ("email", "иван@почта.рф", None),
        ("email", "ivan@сайт.орг", None),
        ("email", "ivan@яндекс.ru", None),
        ("email", "müller@bücher.example", None),
        ("email", "ivan", None),
        ("telegram", "@exilе_demo", "@exile_demo"),
        ("telegram", "https://t.me/exilе_demo", "https://t.me/exile_demo"),
        ("telegram", "телеграм @exile_demo", None),
        ("telegram", "@exile_demo", None),
        ("signal", "exilе.01", "exile.01"),
        ("signal", "+48 22 123 45 67", None),
        ("phone", "+48 22 123 45 67 (вечерoм)", None),
    ],
)
def test_mixed_alphabets_are_seen_and_what_was_meant_is_guessed(channel: str, typed: str, meant: str | None):
    assert look_alikes.meant(channel, typed) == meant


def test_the_docs_list_every_code_and_no_other_is_used():
    root = Path(__file__).parents[2]
    written = re.findall(r"^\| `([a-z_]+)` \| [A-Z]", (root / "docs/partner-api.md").read_text(encoding="utf-8"), re.M)
    assert [code for code in written if code in validation.FAULT_CODES] == [*validation.FAULT_CODES]
    calls = re.compile(
        r"(?:invalid|_invalid|wrong)\(\s*f?\"[^\"]*\",\s*\"([a-z_]+)\""
        r"|code=\"([a-z_]+)\"|CustomError\(\s*\"([a-z_]+)\""
    )
    for file in [*(root / "app/api").glob("*.py"), root / "app/intake/schemas.py", root / "app/referrals/commands.py"]:
        for groups in calls.findall(file.read_text(encoding="utf-8")):
            code = next(filter(None, groups))
            assert code in validation.FAULT_CODES, f"{file.name}: {code}"
