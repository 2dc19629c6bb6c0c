"""The pages about the sandbox and the partner's page say what the code says."""

import re
from pathlib import Path

import pytest

from app.client import sandbox as published
from app.partners import sandbox_identity
from app.sandbox.service import ERROR_REHEARSALS, KEPT_FOR, MOST_AN_HOUR
from app.web.partner.answer_steps import ANSWERS, REFUSAL_REASONS

DOCS = Path(__file__).parents[2] / "docs"
SANDBOX = (DOCS / "sandbox.md").read_text(encoding="utf-8")
PAGE = (DOCS / "partner-page.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("value", [published.CLIENT_ID, published.CLIENT_SECRET, published.PRIVATE_KEY])
def test_what_is_published_is_on_the_page(value: str) -> None:
    assert f"`{value}`" in SANDBOX


def test_scopes_labels_and_bounds_are_those_of_the_code() -> None:
    scopes = SANDBOX[SANDBOX.index("| scopes |") :].splitlines()[0]
    assert re.findall(r"`([a-z:]+)`", scopes) == list(sandbox_identity.SCOPES)
    assert re.findall(r"^\| `(SANDBOX-\w+)`", SANDBOX, re.MULTILINE) == list(ERROR_REHEARSALS)
    assert f"at most {MOST_AN_HOUR} referrals an hour" in SANDBOX
    assert KEPT_FOR.days == 7
    assert "after seven days" in SANDBOX


def test_every_button_is_explained_with_its_verb() -> None:
    rows = re.findall(r"^\| ([A-Z].*?)(?: \(.*?\))? \| `(\w+)`", PAGE, re.MULTILINE)
    assert set(rows) == {(answer.button, answer.verb.value) for answer in ANSWERS}
    assert len(REFUSAL_REASONS) == 5
