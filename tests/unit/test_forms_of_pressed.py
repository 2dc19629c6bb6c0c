"""Several actions in one form: what the pressed button reads of it."""

from app.web.components.forms import of_pressed


def test_a_button_brings_its_own_fields_and_those_of_what_it_acts_on() -> None:
    fields = {
        "version": ["1"],
        "reason": ["other"],
        "reason@R-1": ["late"],
        "reason@R-2": ["full"],
        "text": ["a letter"],
        "with": ["of=R-2&version=7"],
    }
    read = of_pressed(fields)
    assert (read["reason"], read["version"], read["text"]) == (["full"], ["7"], ["a letter"])
    assert read["reason@R-1"] == ["late"], "what was typed for the others is still there"
    assert "with" not in read


def test_a_form_of_one_action_is_read_as_it_is() -> None:
    fields = {"text": ["x"], "reason@R-1": ["late"]}
    assert of_pressed(fields) == fields
    assert of_pressed({**fields, "with": ["version=2"]}) == {**fields, "version": ["2"]}
