"""The head of a case: what is to be done next."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.casework.case_clocks import ListedReferral
from app.casework.next_actions import ActionCode, LiveReferral, Situation, next_of
from app.referrals.states import ReferralState

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
SOON, LATER = NOW + timedelta(hours=2), NOW + timedelta(hours=20)
OFFER = ListedReferral(
    label="R-1",
    state=ReferralState.OFFERED,
    organisation="HFHR",
    offered_at=NOW,
    acknowledge_by=SOON,
    decide_by=LATER,
    expires_at=LATER + timedelta(hours=9),
    contact_by=None,
    review_on=None,
    due_at=None,
    paused_at=None,
)
OFFERED = LiveReferral(OFFER)
AT_REST = Situation(
    is_closed=False,
    is_merged=False,
    person_wrote=False,
    has_owner=True,
    uncovered=False,
    live=(),
    best="",
    has_tasks=False,
    now=NOW,
    zone=ZoneInfo("Europe/Warsaw"),
)


def live(state: ReferralState, **change: object) -> LiveReferral:
    """A referral in this state, without the times of an offer."""
    nothing: dict[str, object] = {"acknowledge_by": None, "decide_by": None, "expires_at": None}
    return LiveReferral(replace(OFFER, state=state, **{**nothing, **change}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "todo"),
    [
        ({}, ActionCode.END),
        ({"is_closed": True, "person_wrote": True}, ActionCode.CLOSED),
        ({"is_closed": True, "is_merged": True}, ActionCode.MERGED),
        ({"person_wrote": True, "live": (OFFERED,)}, ActionCode.READ),
        ({"live": (OFFERED, live(ReferralState.INFO_REQUESTED))}, ActionCode.ANSWER),
        ({"live": (replace(OFFERED, by_hand=True, to_ask=True),)}, ActionCode.ASK_CENTRE),
        ({"live": (LiveReferral(replace(OFFER, acknowledge_by=NOW - timedelta(minutes=1))),)}, ActionCode.CALL),
        ({"live": (LiveReferral(replace(OFFER, acknowledge_by=NOW, paused_at=NOW)),)}, ActionCode.WAIT),
        ({"live": (live(ReferralState.ACCEPTED, contact_by=NOW - timedelta(minutes=1)),)}, ActionCode.CALL),
        ({"live": (replace(live(ReferralState.ACCEPTED, contact_by=LATER), by_hand=True),)}, ActionCode.HAND_OVER),
        ({"has_owner": False, "live": (OFFERED,)}, ActionCode.TAKE),
        ({"uncovered": True, "best": "pl-hfhr/legal-help"}, ActionCode.REFER),
        ({"uncovered": True, "live": (OFFERED,)}, ActionCode.ASK_PERSON),
        ({"has_tasks": True, "live": (OFFERED,)}, ActionCode.TASK),
        ({"live": (live(ReferralState.AWAITING_CONSENT),)}, ActionCode.CONSENT),
        ({"live": (OFFERED,)}, ActionCode.WAIT),
        ({"live": (live(ReferralState.IN_PROGRESS),)}, ActionCode.WORK),
    ],
)
def test_what_somebody_waits_for_comes_first_and_waiting_last(change: dict[str, object], todo: ActionCode) -> None:
    assert next_of(replace(AT_REST, **change)).todo is todo  # type: ignore[arg-type]


def test_of_two_offers_the_one_whose_clock_ends_first_is_named() -> None:
    other = LiveReferral(replace(OFFER, label="R-2", organisation="Other", acknowledge_by=NOW + timedelta(hours=1)))
    assert next_of(replace(AT_REST, live=(OFFERED, other))).name == "Other"
