"""The conditions of each view of the queue, defined once for cases and for their counters, and the sort orders.

*All open* is in the order `next`: cases that the desk has to act on now come first, emergencies before anything else, and cases
that wait for others come last (`app.cases.models.TURN`, docs/decisions/0195). Inside each of its groups the order is that of every
other view.

The default order, and why no case waits in it for ever. The key of a case is

    (due_on, urgency_rank, waiting_since, id)
    due_on = the day it came in + 0, 2 or 10 days by urgency; the last safe day of its letter if that is earlier;
             but never before the day it came in

The key is fixed when the case comes in. A case that comes in on a later day than another's `due_on` has a later `due_on` itself,
so from that day on no new case is put before the other. The cases already before it are finite in number, and each that is dealt
with moves it forward by one. (`tests/property/test_queue_order.py`)
"""

from datetime import date
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from app.cases.models import TURN, Case, CaseCounter, ReferralStatus
from app.cases.spam_screening import is_hidden_sql
from app.cases.states import CaseState

Condition = sa.ColumnElement[bool]
TODAY: Final = sa.bindparam("today", type_=sa.Date())
"""The earliest of the local days of all countries (`local_days`)."""
LATEST_DAY: Final = sa.func.coalesce(sa.bindparam("latest_day", None, type_=sa.Date()), TODAY, type_=sa.Date())
_AHEAD: Final = sa.bindparam("ahead", [""], type_=sa.String(), expanding=True)
MEMBER_ID: Final = sa.bindparam("me", type_=sa.Uuid())


def _views(rows: Any, is_open: Condition, is_merged: Condition) -> dict[str, Condition]:
    """The condition of each view, over `Case` or over `CaseCounter`: both have the columns used here.

    A day begins at the local midnight of the case's country. Snoozed and merged cases are left out until their person writes.
    Suspected spam has a view of its own (see `spam_screening`).
    A new view is one line here and one in the table of view labels of the desk.
    """
    local_day = sa.case((rows.country.in_(_AHEAD), LATEST_DAY), else_=TODAY)
    unmerged = sa.or_(sa.not_(is_merged), rows.person_wrote)
    not_hidden = sa.not_(is_hidden_sql(rows))
    here = sa.and_(is_open, unmerged, not_hidden)
    awake = sa.or_(rows.snoozed_until.is_(None), rows.snoozed_until <= local_day, rows.person_wrote)

    def referrals_are(code: ReferralStatus) -> Condition:
        return sa.and_(here, awake, rows.referral_status == code.value)

    return {
        "open": sa.and_(here, awake),
        "new": sa.and_(here, rows.state == CaseState.SUBMITTED.value),
        "mine": sa.and_(here, awake, rows.owner_id == MEMBER_ID),
        # The first comparison of each has the same bound for all rows, so that an index can be read by it.
        "due": sa.and_(here, rows.due_on.between(TODAY, LATEST_DAY), rows.due_on == local_day),
        "overdue": sa.and_(here, rows.due_on < LATEST_DAY, rows.due_on < local_day),
        "review": sa.and_(here, awake, rows.state == CaseState.IN_REVIEW.value),
        "consent": referrals_are(ReferralStatus.CONSENT),
        "waiting": referrals_are(ReferralStatus.ANSWER),
        "declined": referrals_are(ReferralStatus.DECLINED),
        "working": referrals_are(ReferralStatus.WORK),
        "answered": sa.and_(is_open, not_hidden, rows.person_wrote),
        "uncovered": sa.and_(here, awake, rows.uncovered),
        "unmet": sa.and_(here, rows.state == CaseState.UNMET.value),
        "snoozed": sa.and_(here, rows.snoozed_until.is_not(None), sa.not_(awake)),
        "possible_spam": sa.and_(is_open, rows.held_reason.is_not(None)),
        "restricted": sa.and_(is_open, rows.restricted),
        "merged": sa.and_(is_open, not_hidden, is_merged),
        "closed": sa.and_(sa.not_(is_open), rows.state != CaseState.ERASED.value),
    }


def conditions_over(rows: Any) -> dict[str, Condition]:
    """The condition of each view over cases, or over the columns of some of them."""
    return _views(rows, rows.closed_at.is_(None), rows.merged_into_id.is_not(None))


CASE_CONDITIONS: Final = MappingProxyType(conditions_over(Case))
TELLING_VIEWS: Final = frozenset(
    {
        "mine", "consent", "waiting", "declined", "working", "answered", "uncovered", "snoozed", "possible_spam", "merged",
    }
)  # fmt: skip
"""To be in one of these views tells what is withheld of a restricted case: who owns it, whether its person wrote, how far its
referrals are. They have it for those who are named alone. The other views are by state, day and that it is restricted.
"""
_VIEWS_BY_DAY_OR_OWNER: Final = frozenset({"due", "overdue", "mine"})
"""The views that need the day or the owner of the counters; all others need the state. See `counters`."""
_COUNTER_VIEWS: Final = _views(CaseCounter, CaseCounter.is_open.expression, CaseCounter.is_merged.expression)
COUNTER_CONDITIONS: Final = MappingProxyType(
    {
        name: condition if name in _VIEWS_BY_DAY_OR_OWNER else sa.and_(condition, CaseCounter.state != "")
        for name, condition in _COUNTER_VIEWS.items()
    }
)

URGENCY_RANK: Final = MappingProxyType({"emergency": 0, "urgent": 1, "normal": 2})
DEFAULT_COLUMNS: Final = (Case.due_on, Case.urgency_rank, Case.waiting_since, Case.id)
_NO_DAY: Final = sa.literal_column(f"'{date.max}'", sa.Date())  # a literal, as in the index
DEFAULT_ORDER: Final = "order"
NEXT_ORDER: Final = "next"
# Every order ends in a column that is unique, so that a page begins exactly where the one before it ended.
ORDERS: Final = MappingProxyType[str, tuple[Any, ...]](
    {
        DEFAULT_ORDER: DEFAULT_COLUMNS,
        "label": (Case.label,),
        "urgency": (Case.urgency_rank, Case.due_on, Case.waiting_since, Case.id),
        "deadline": (sa.func.coalesce(Case.last_safe_day, _NO_DAY), *DEFAULT_COLUMNS),
        "waits": (Case.waiting_since, Case.id),
        "country": (Case.country, *DEFAULT_COLUMNS),
        "owner": (Case.owner_name, *DEFAULT_COLUMNS),
        "state": (Case.state, *DEFAULT_COLUMNS),
        NEXT_ORDER: (sa.literal_column(TURN, sa.SmallInteger()), *DEFAULT_COLUMNS),
    }
)


def default_order(view: str) -> str:
    """The order of a view for which none was chosen."""
    return NEXT_ORDER if view == "open" else DEFAULT_ORDER
