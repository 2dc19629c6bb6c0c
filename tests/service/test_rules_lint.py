"""The linter: each thing that can be wrong with a rule set is put into our own packs and found, and nothing else is."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from app.directory.packs import load_packs
from app.directory.rules import GROUPS, Rule
from app.matching import lint as linter
from app.matching.lint import Finding, can_be, latest_day, lint
from app.matching.reasons import SENTENCES
from tests.support import packs

TODAY = date(2026, 11, 24)
OURS = lint(load_packs(), TODAY)


def found(root: Path, **changed: Any) -> list[Finding]:
    """What is found that is not found in our own packs."""
    known = {(finding.code, finding.position) for finding in OURS}
    return [one for one in lint(load_packs(root), changed.get("on", TODAY)) if (one.code, one.position) not in known]


def test_our_own_packs_have_no_error() -> None:
    assert [finding for finding in OURS if finding.level == "error"] == []
    assert {finding.code for finding in OURS} >= {"hole", "stale", "no_limit", "only_nearest", "undated"}


def test_errors_come_first() -> None:
    levels = [finding.level for finding in OURS]
    assert levels == sorted(levels, key=["error", "warning"].index)


NEED = "            - need:\n                any_of: [trafficking]\n"


@pytest.mark.parametrize(
    ("added", "level", "code"),
    [
        (
            "            - status: {any_of: [visa]}\n            - not: {status: {any_of: [visa]}}\n",
            "error",
            "contradiction",
        ),
        (
            "            - status: {any_of: [visa]}\n            - status: {any_of: [protected]}\n",
            "error",
            "contradiction",
        ),
        (
            "            - region: {any_of: [PL-14]}\n            - region: {any_of: [PL-06]}\n",
            "error",
            "contradiction",
        ),
        ("            - deadline_within: 5\n            - not: {deadline_within: 10}\n", "error", "contradiction"),
        ("            - remote_ok: 'no'\n", "error", "contradiction"),
        ("            - not: {capacity: true}\n", "error", "contradiction"),
        ("            - remote_ok: unknown\n", "warning", "only_nearest"),
        (
            "            - any: [{age: {any_of: [minor]}}, {all: [{age: {any_of: [adult]}}, {age: {any_of: [minor]}}]}]\n",
            "error",
            "dead_branch",
        ),
        ("            - any: [{age: {any_of: [minor]}}, {not: {age: {any_of: [minor]}}}]\n", "warning", "always_true"),
    ],
)
def test_a_rule_that_can_not_be_right_is_found(tmp_path: Path, added: str, level: str, code: str) -> None:
    root = packs.copy(tmp_path)
    packs.change(root, "pl/services.yaml", NEED, NEED + added)
    assert (level, code) in {(one.level, one.code) for one in found(root) if "pl-kcik" in one.position}


def test_two_services_of_a_centre_for_the_same_people_are_found_however_they_are_written(tmp_path: Path) -> None:
    root = packs.copy(tmp_path)
    text = (root / "ge/services.yaml").read_text(encoding="utf-8")
    start = text.index("      - id: court-representation")
    end = text.index("  - id: ge-rights")
    first = text[text.index("      - id: legal-advice") : start]
    again = first.replace("legal-advice", "legal-advice-too").replace(
        "                any_of: [asylum, appeals, criminal_defence, gbv, children, work_rights]\n            - country",
        "                any_of: [work_rights, children, gbv, criminal_defence, appeals, asylum]\n"
        "            - any: [{need: {any_of: [asylum]}}, {not: {need: {any_of: [asylum]}}}]\n            - country",
    )
    assert again != first.replace("legal-advice", "legal-advice-too")
    (root / "ge/services.yaml").write_text(text[:end] + again + text[end:], encoding="utf-8")
    assert ("error", "identical") in {(one.level, one.code) for one in found(root) if one.position.endswith("ge-las")}


A_STATUS = {"status": {"any_of": ["visa", "protected"]}}
TWO_NEEDS = {"all": [{"need": {"any_of": ["asylum"]}}, A_STATUS]}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (TWO_NEEDS, {"all": [{"status": {"any_of": ["protected", "visa"]}}, {"need": {"any_of": ["asylum"]}}]}, True),
        (TWO_NEEDS, {"any": TWO_NEEDS["all"]}, False),
        (TWO_NEEDS, A_STATUS, False),
        (A_STATUS, TWO_NEEDS, False),
        ({"not": A_STATUS}, A_STATUS, False),
        ({"not": {"not": A_STATUS}}, A_STATUS, True),
        ({"deadline_within": 5}, {"deadline_within": 10}, False),
        ({"deadline_within": 10}, {"deadline_within": 5}, False),
        ({"deadline_within": 5}, {"deadline_within": 5}, True),
        (A_STATUS, {"status": {"any_of": ["visa"]}}, False),
        ({"country": {"any_of": ["PL"]}}, {"country": {"any_of": ["LT"]}}, False),
    ],
)
def test_two_rules_are_equal_if_the_same_people_fulfil_both(one: Any, other: Any, same: bool) -> None:
    rules = Rule.model_validate(one), Rule.model_validate(other)
    assert linter._same_people(*rules) is same
    assert linter._same_people(*reversed(rules)) is same


def test_a_narrower_service_of_the_same_centre_is_no_twin() -> None:
    assert not [one for one in OURS if one.code == "identical"]


def test_a_need_that_nobody_is_near_of_and_without_a_number_to_call_is_a_dead_end(tmp_path: Path) -> None:
    root = packs.copy(tmp_path)
    (root / "lt/emergency.yaml").write_text("contacts: []\n", encoding="utf-8")
    assert {one.level for one in found(root)} <= {"warning"}  # our graph of needs leaves nobody without a neighbour
    needs = root / "needs.yaml"
    text = needs.read_text(encoding="utf-8")
    start = text.index("  - id: trafficking")
    end = text.index("  - id:", start + 1)
    needs.write_text(
        text[:start] + "  - id: trafficking\n    kind: other\n    label: Trade\n" + text[end:], encoding="utf-8"
    )
    dead = [one for one in found(root) if one.code == "dead_end"]
    assert [(one.level, one.position) for one in dead] == [("error", "LT: trafficking")]


def test_a_language_in_which_nobody_works_names_who_is_nearest(tmp_path: Path) -> None:
    root = packs.copy(tmp_path)
    path = root / "lt/services.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("interpreter: unknown", "interpreter: 'no'"), encoding="utf-8")
    silent = [one for one in found(root) if one.code in {"language", "dead_end"} and one.position.startswith("LT: ")]
    assert any(one.position == "LT: deportation: ru" and "what is left: " in one.text for one in silent)


@pytest.mark.parametrize(
    ("name", "old", "new", "code", "level"),
    [
        ("pl/deadlines.yaml", "value: 7\n", "value: 300\n", "unit", "error"),
        ("pl/services.yaml", "date: '2024'", "date: '2031'", "date", "error"),
        ("pl/services.yaml", "date: '2024'", "date: 'last spring'", "date", "error"),
        ("pl/services.yaml", "date: '2024'", "date: '2011'", "stale", "warning"),
        ("pl/services.yaml", "      date: '2024'\n", "", "undated", "warning"),
    ],
)
def test_a_number_or_a_date_that_can_not_be_right(
    tmp_path: Path, name: str, old: str, new: str, code: str, level: str
) -> None:
    root = packs.copy(tmp_path)
    if "value" in old:
        packs.change(root, name, "value: 7\n      unit: calendar_days", "value: 300\n      unit: working_days")
    else:
        packs.change(root, name, old, new)
    found_now = lint(load_packs(root), TODAY)
    before = sum((one.level, one.code) == (level, code) for one in OURS)
    after = sum((one.level, one.code) == (level, code) for one in found_now)
    assert after == before + 1 or (code == "stale" and after == before)


def test_a_missing_translation_is_an_error_that_names_the_language() -> None:
    have = set(SENTENCES.values()) - {SENTENCES["region.no"]}
    wrong = [one for one in lint(load_packs(), TODAY, catalogues={"ka": have.__contains__}) if one.level == "error"]
    assert [(one.code, one.position) for one in wrong] == [("no_translation", "locales: ka")]
    assert "region.no" in wrong[0].text


def test_a_reason_that_is_no_sentence_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linter, "SENTENCES", {**SENTENCES, "region.no": "somewhere else"})
    assert [one.position for one in lint(load_packs(), TODAY) if one.code == "no_reason"] == ["reasons: region.no"]


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2024", date(2024, 12, 31)),
        ("2024-02", date(2024, 2, 29)),
        ("2023-12", date(2023, 12, 31)),
        ("2024-05-17", date(2024, 5, 17)),
        ("2024-13", None),
        ("spring", None),
        ("2024-02-30", None),
    ],
)
def test_the_last_day_a_date_can_mean(written: str, day: date | None) -> None:
    assert latest_day(written) == day


def test_a_rule_with_thousands_of_ways_is_given_up_on_and_says_so() -> None:
    wide = {"any": [{"group": {"any_of": [group]}} for group in sorted(GROUPS)]}
    never = {"any": [{"all": [{"age": {"any_of": ["minor"]}}, {"age": {"any_of": ["adult"]}}]}] * 2}
    rule = Rule.model_validate({"all": [wide] * 12 + [never]})
    with pytest.raises(linter.TooLong):
        can_be(rule)
