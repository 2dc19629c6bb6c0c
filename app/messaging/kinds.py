"""Kinds of notices: who can get each, and what it is counted as. Everything that queues a notice names a kind of this table."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core.vocabulary import complete


class Recipient(StrEnum):
    ORGANISATION = "organisation"
    TEAM = "team"
    PERSON = "person"
    OPERATORS = "operators"


class NoticeKind(StrEnum):
    """What happened. `referral_…`: a referral has reached this state. `review_…`: a date to look at a referral in it has come."""

    CASE_SUBMITTED = "case_submitted"
    CASE_MOVED_HERE = "case_moved_here"
    CROWD = "crowd"
    HONEYTOKEN_READ = "alarm_honeytoken_read"
    REFERRAL_AWAITING_CONSENT = "referral_awaiting_consent"
    REFERRAL_OFFERED = "referral_offered"
    REFERRAL_ACKNOWLEDGED = "referral_acknowledged"
    REFERRAL_INFO_REQUESTED = "referral_info_requested"
    REFERRAL_WAITLISTED = "referral_waitlisted"
    REFERRAL_ACCEPTED = "referral_accepted"
    REFERRAL_IN_PROGRESS = "referral_in_progress"
    REFERRAL_COMPLETED = "referral_completed"
    REFERRAL_DECLINED = "referral_declined"
    REFERRAL_EXPIRED = "referral_expired"
    REFERRAL_WITHDRAWN = "referral_withdrawn"
    REFERRAL_CLIENT_DECLINED = "referral_client_declined"
    REFERRAL_HANDED_BACK = "referral_handed_back"
    REFERRAL_ENTERED_IN_ERROR = "referral_entered_in_error"
    OFFER_REMINDER = "offer_reminder"
    OFFER_NOT_ACKNOWLEDGED = "offer_not_acknowledged"
    OFFER_OVERDUE = "offer_overdue"
    QUESTION_NOT_ANSWERED = "question_not_answered"
    REVIEW_DRAFT = "look_at_draft"
    REVIEW_AWAITING_CONSENT = "look_at_awaiting_consent"
    REVIEW_WAITLISTED = "look_at_waitlisted"
    REVIEW_ACCEPTED = "look_at_accepted"
    REVIEW_IN_PROGRESS = "look_at_in_progress"
    REVIEW_ON_HOLD = "look_at_on_hold"
    NOBODY_LEFT = "nobody_left"
    NOBODY_CONSENTED_LEFT = "nobody_consented_left"
    PERSON_WROTE = "person_wrote"
    MESSAGE = "message"
    MOVE_ASKED = "move_asked"
    FIRST_CONTACT_ASKED = "did_they_contact_you"
    TEAM_WROTE = "team_wrote"
    PARTNER_WROTE = "partner_wrote"
    TIMES_OFFERED = "times_offered"
    TIMES_WITHDRAWN = "times_withdrawn"
    TIMES_ANSWERED = "times_answered"
    APPOINTMENT_NEAR = "appointment_near"
    OFFER_WAITS_FOR_OPENING = "offer_waits_for_opening"
    ACCESS_CHANGE = "access_change"


class Group(StrEnum):
    """What notices are counted as, in a mail and on the page of undelivered notices."""

    NEW_REQUEST = "new_request"
    REMINDER = "reminder"
    ANSWER = "answer"
    MESSAGE = "message"
    REVIEW = "review"
    ENDED = "ended"
    ACCESS_CHANGE = "access_change"
    NEW_CASE = "new_case"
    QUESTION = "question"
    TIMES = "times"
    DECISION = "decision"
    OVERDUE = "overdue"
    NOBODY_LEFT = "nobody_left"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table: the group of a kind, and who can get it."""

    group: Group
    recipients: frozenset[Recipient]


def _row(group: Group, *recipients: Recipient) -> Row:
    return Row(group, frozenset(recipients))


_ORGANISATION, _TEAM, _PERSON, _OPERATORS = (
    Recipient.ORGANISATION,
    Recipient.TEAM,
    Recipient.PERSON,
    Recipient.OPERATORS,
)
# fmt: off
KINDS: Final = complete(
    NoticeKind,
    {
        NoticeKind.CASE_SUBMITTED:            _row(Group.NEW_CASE, _TEAM),
        NoticeKind.CASE_MOVED_HERE:           _row(Group.NEW_CASE, _TEAM),
        NoticeKind.CROWD:                     _row(Group.ALARM, _TEAM),
        NoticeKind.HONEYTOKEN_READ:           _row(Group.ALARM, _OPERATORS),
        NoticeKind.REFERRAL_AWAITING_CONSENT: _row(Group.QUESTION, _PERSON),
        NoticeKind.REFERRAL_OFFERED:          _row(Group.NEW_REQUEST, _ORGANISATION),
        NoticeKind.REFERRAL_ACKNOWLEDGED:     _row(Group.ANSWER, _ORGANISATION, _TEAM),
        NoticeKind.REFERRAL_INFO_REQUESTED:   _row(Group.QUESTION, _TEAM, _PERSON),
        NoticeKind.REFERRAL_WAITLISTED:       _row(Group.DECISION, _TEAM, _PERSON),
        NoticeKind.REFERRAL_ACCEPTED:         _row(Group.DECISION, _TEAM, _PERSON),
        NoticeKind.REFERRAL_IN_PROGRESS:      _row(Group.DECISION, _TEAM),
        NoticeKind.REFERRAL_COMPLETED:        _row(Group.ENDED, _TEAM, _PERSON),
        NoticeKind.REFERRAL_DECLINED:         _row(Group.DECISION, _TEAM),
        NoticeKind.REFERRAL_EXPIRED:          _row(Group.OVERDUE, _TEAM),
        NoticeKind.REFERRAL_WITHDRAWN:        _row(Group.ENDED, _ORGANISATION),
        NoticeKind.REFERRAL_CLIENT_DECLINED:  _row(Group.ENDED, _ORGANISATION, _TEAM),
        NoticeKind.REFERRAL_HANDED_BACK:      _row(Group.DECISION, _TEAM),
        NoticeKind.REFERRAL_ENTERED_IN_ERROR: _row(Group.ENDED, _ORGANISATION),
        NoticeKind.OFFER_REMINDER:            _row(Group.REMINDER, _ORGANISATION),
        NoticeKind.OFFER_NOT_ACKNOWLEDGED:    _row(Group.OVERDUE, _TEAM),
        NoticeKind.OFFER_OVERDUE:             _row(Group.OVERDUE, _TEAM),
        NoticeKind.QUESTION_NOT_ANSWERED:     _row(Group.OVERDUE, _TEAM),
        NoticeKind.REVIEW_DRAFT:              _row(Group.REVIEW, _TEAM),
        NoticeKind.REVIEW_AWAITING_CONSENT:   _row(Group.REVIEW, _TEAM),
        NoticeKind.REVIEW_WAITLISTED:         _row(Group.REVIEW, _ORGANISATION, _TEAM),
        NoticeKind.REVIEW_ACCEPTED:           _row(Group.REVIEW, _ORGANISATION, _TEAM),
        NoticeKind.REVIEW_IN_PROGRESS:        _row(Group.REVIEW, _ORGANISATION, _TEAM),
        NoticeKind.REVIEW_ON_HOLD:            _row(Group.REVIEW, _ORGANISATION, _TEAM),
        NoticeKind.NOBODY_LEFT:               _row(Group.NOBODY_LEFT, _TEAM, _PERSON),
        NoticeKind.NOBODY_CONSENTED_LEFT:     _row(Group.NOBODY_LEFT, _TEAM, _PERSON),
        NoticeKind.PERSON_WROTE:              _row(Group.MESSAGE, _ORGANISATION),
        NoticeKind.MESSAGE:                   _row(Group.MESSAGE, _PERSON),
        NoticeKind.MOVE_ASKED:                _row(Group.QUESTION, _PERSON),
        NoticeKind.FIRST_CONTACT_ASKED:       _row(Group.QUESTION, _PERSON),
        NoticeKind.TEAM_WROTE:                _row(Group.MESSAGE, _ORGANISATION),
        NoticeKind.PARTNER_WROTE:             _row(Group.MESSAGE, _TEAM),
        NoticeKind.TIMES_OFFERED:             _row(Group.TIMES, _PERSON),
        NoticeKind.TIMES_WITHDRAWN:           _row(Group.TIMES, _PERSON),
        NoticeKind.TIMES_ANSWERED:            _row(Group.TIMES, _ORGANISATION, _TEAM),
        NoticeKind.APPOINTMENT_NEAR:          _row(Group.TIMES, _PERSON),
        NoticeKind.OFFER_WAITS_FOR_OPENING:   _row(Group.OVERDUE, _TEAM),
        NoticeKind.ACCESS_CHANGE:             _row(Group.ACCESS_CHANGE, _ORGANISATION, _TEAM, _OPERATORS),
    },
)
# fmt: on


def group_of(kind: str) -> Group:
    """The group of a stored kind."""
    return KINDS[kind].group
