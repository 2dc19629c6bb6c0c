"""Settings: how long what is kept may be changed, within bounds, in days or as a duration."""

from datetime import timedelta

import pytest
from pydantic import ValidationError

from app.settings import Settings


def test_without_a_word_things_are_kept_as_promised() -> None:
    settings = Settings()
    kept = (settings.contact_kept, settings.closed_kept, settings.unmet_kept, settings.spam_kept)
    assert kept == tuple(timedelta(days=days) for days in (30, 90, 90, 7))
    assert (settings.draft_idle, settings.audit_kept) == (timedelta(minutes=60), timedelta(days=731))


@pytest.mark.parametrize(("text", "days"), [("45", 45), ("P45D", 45), ("P6W", 42)])
def test_a_time_is_a_number_of_days_or_a_duration(monkeypatch: pytest.MonkeyPatch, text: str, days: int) -> None:
    monkeypatch.setenv("PRISTAN_CONTACT_KEPT", text)
    assert Settings().contact_kept == timedelta(days=days)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("CONTACT_KEPT", "6"), ("CONTACT_KEPT", "91"), ("CLOSED_KEPT", "13"), ("CLOSED_KEPT", "366"), ("UNMET_KEPT", "29"),
        ("UNMET_KEPT", "366"), ("SPAM_KEPT", "0"), ("SPAM_KEPT", "31"), ("AUDIT_KEPT", "364"), ("AUDIT_KEPT", "3654"),
        ("DRAFT_IDLE", "PT9M"), ("DRAFT_IDLE", "PT25H"), ("SPAM_KEPT", "soon"), ("CLOSED_KEPT", "29"),
    ],
)  # fmt: skip
def test_outside_its_bounds_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    """The last one: the rest of a case would go before its contact."""
    monkeypatch.setenv(f"PRISTAN_{name}", text)
    with pytest.raises(ValidationError):
        Settings()


@pytest.mark.parametrize(
    ("address", "secure"),
    [
        ("https://help.example.org", True), ("https://127.0.0.1", True), ("http://127.0.0.1:8000", False),
        ("http://localhost:8000", False), ("http://[::1]:8000", False), (f"http://{'a' * 56}.onion", True),
    ],
)  # fmt: skip
def test_cookies_are_for_tls_only_except_on_this_machine(address: str, secure: bool) -> None:
    assert Settings(base_url=address).secure_cookies is secure


@pytest.mark.parametrize(
    "address", ["http://help.example.org", "http://10.0.0.1", "ftp://localhost", "help.example.org", ""]
)
def test_an_address_that_anybody_on_the_way_can_answer_for_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="https"):
        Settings(base_url=address)
