"""The plain steps of the partner's page cover the table: no state leaves a partner without a way on."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.i18n import STAFF, translator
from app.referrals.reasons import reasons_for
from app.referrals.states import ReferralActor, ReferralState, ReferralVerb, allowed_actions
from app.web.components.time_format import TimeFormat
from app.web.partner import answer_steps

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
TIMES = TimeFormat(translator("en", STAFF))


@pytest.mark.parametrize("state", ReferralState)
def test_every_step_of_the_table_is_on_the_page_and_no_other(state: ReferralState) -> None:
    allowed = [ReferralVerb(verb) for verb in allowed_actions(state, by=ReferralActor.PARTNER)]
    assert {answer.verb for answer in answer_steps.available(allowed)} == set(allowed)


def test_declining_is_five_plain_words_with_conflict_and_other() -> None:
    declining = next(answer for answer in answer_steps.ANSWERS if answer.verb is ReferralVerb.DECLINE)
    codes = [code for code, _words in declining.reasons]
    assert len(codes) == 5
    assert {"conflict", "other"} <= set(codes)
    assert set(codes) <= set(reasons_for(ReferralVerb.DECLINE)) & set(reasons_for(ReferralVerb.HAND_BACK))


def test_keys_are_unlike_so_that_errors_find_their_form() -> None:
    assert len({answer.key for answer in answer_steps.ANSWERS}) == len(answer_steps.ANSWERS)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=59), "in 0 minutes"),
        (timedelta(minutes=1), "in 1 minute"),
        (timedelta(minutes=119), "in 119 minutes"),
        (timedelta(hours=2), "in 2 hours"),
        (timedelta(hours=47, minutes=59), "in 47 hours"),
        (timedelta(days=14), "in 14 days"),
        (-timedelta(hours=3), "3 hours late"),
    ],
)
def test_what_is_left_is_never_rounded_up(away: timedelta, words: str) -> None:
    assert TIMES.time_left(NOON + away, NOON) == words


def test_the_moment_is_on_the_clock_of_the_country() -> None:
    assert TIMES.respond_by(NOON, NOON, "Europe/Warsaw") == "Tue 24 Nov 2026, 13:00 (Warsaw time), in 0 minutes"
    assert TIMES.respond_by(NOON, NOON, "UTC") == "Tue 24 Nov 2026, 12:00 (UTC), in 0 minutes"
