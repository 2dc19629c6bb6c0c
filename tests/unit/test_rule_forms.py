"""A rule as a form: whatever the form does not show stays, and a form that is sent back unchanged changes nothing."""

from typing import Any

import pytest

from app.directory import rule_forms, rule_overlay
from app.directory.packs import load_packs

CONTENT = rule_overlay.content_of(load_packs())
NOT_SHOWN = {"not": {"age": {"any_of": ["minor"]}}}
SERVICE: dict[str, Any] = {
    "needs": ["asylum", "appeals"],
    "rule": {
        "all": [
            {"need": {"any_of": ["asylum", "appeals", "dublin"]}},
            {"country": {"any_of": ["PL"]}},
            NOT_SHOWN,
            {"status": {"any_of": ["visa", "no_status"], "perhaps": ["visa"]}},
            {"language": {"any_of": ["ru"], "interpreter": "no"}},
            {"country": {"any_of": ["PL", "LT"]}},
        ]
    },
}


def write(service: dict[str, Any], **changed: Any) -> dict[str, Any]:
    form = rule_forms.read(service)
    codes = {**form.codes, **{kind: codes for kind, codes in changed.items() if kind in rule_forms.KINDS}}
    return rule_forms.write(
        service, changed.get("needs", form.needs), codes, changed.get("interpreter", form.interpreter)
    )


@pytest.mark.parametrize("key", sorted(CONTENT))
def test_the_form_of_each_rule_sent_back_unchanged_is_the_rule(key: str) -> None:
    before = CONTENT[key]
    after = write(before)
    whole = before["rule"] if "all" in before["rule"] else {"all": [before["rule"]]}
    assert after == {"needs": before["needs"], "rule": whole}
    form = rule_forms.read(before)
    turned = {kind: codes[::-1] for kind, codes in form.codes.items()}
    assert rule_forms.write(before, form.needs[::-1], turned, form.interpreter) == after, (
        "in whatever order it comes back"
    )


def test_what_the_form_does_not_show_stays_where_it_is() -> None:
    rule = write(SERVICE, country=["DE"], group=["student"])["rule"]["all"]
    assert rule[2] == NOT_SHOWN
    assert rule[5] == {"country": {"any_of": ["PL", "LT"]}}, "the second test of a kind"
    assert rule[1] == {"country": {"any_of": ["DE"]}}
    assert rule[-1] == {"group": {"any_of": ["student"]}}
    assert rule_forms.read(SERVICE).rest == (NOT_SHOWN, {"country": {"any_of": ["PL", "LT"]}})


def test_an_emptied_test_is_left_out_but_that_of_languages_stays() -> None:
    rule = write(SERVICE, status=[], language=[], interpreter="yes")["rule"]["all"]
    assert not any("status" in node for node in rule)
    assert {"language": {"any_of": [], "interpreter": "yes"}} in rule


def test_a_status_that_only_some_hold_stays_so_while_it_is_chosen() -> None:
    assert {"status": {"any_of": ["visa"], "perhaps": ["visa"]}} in write(SERVICE, status=["visa"])["rule"]["all"]
    assert {"status": {"any_of": ["no_status"], "perhaps": []}} in write(SERVICE, status=["no_status"])["rule"]["all"]


def test_needs_are_taken_out_of_the_test_and_added_to_it() -> None:
    after = write(SERVICE, needs=["asylum", "detention"])
    assert after["needs"] == ["asylum", "detention"]
    assert after["rule"]["all"][0] == {"need": {"any_of": ["asylum", "dublin", "detention"]}}
