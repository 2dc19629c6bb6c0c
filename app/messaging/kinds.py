"""Kinds of notices: who can get each, how fast, and what it is counted as.

Everything that queues a notice names a kind of this table. The table in docs/notices.md is drawn from it
(`python -m app.cli.notice_kinds`), and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from app.core.vocabulary import complete


class Recipient(StrEnum):
    ORGANISATION = "organisation"
    TEAM = "team"
    PERSON = "person"
    OPERATORS = "operators"
    MEMBER = "member"
    """A member of a team, an admin or an auditor. What is for a team or the operators is handed out to members when it is sent."""


class Audience(StrEnum):
    """The members who are told of a message for their team, or for the operators."""

    ON_CALL = "on_call"  # who is on call now, and who wants every emergency; with nobody on call, everybody of the team
    OWNER = "owner"  # the owner of the case; without one, who is on call, else everybody of the team
    TEAM = "team"
    OVERSEERS = "overseers"  # admins and auditors
    OPERATIONS = "operations"  # admins and auditors; if none of them can be told, all seniors, who see *Operations* too
    NAMED = "named"  # the one member that the notice names


class Speed(StrEnum):
    """When a member is told. Quiet hours and the hour of the digest are the member's own."""

    AT_ONCE = "at_once"  # also in the quiet hours of somebody who is on call
    SOON = "soon"  # outside quiet hours, without waiting for the digest
    DIGEST = "digest"  # with the daily digest; outside quiet hours for members who want no digest


class NoticeKind(StrEnum):
    """What happened. `referral_…`: a referral has reached this state. `review_…`: a date to look at a referral in it has come."""

    EMERGENCY = "emergency"
    BECAME_EMERGENCY = "became_emergency"
    EMERGENCY_NOT_OPENED = "emergency_not_opened"
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
    MESSAGE_NOT_READ = "message_not_read"
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
    REFERRAL_LINK = "referral_link"
    LINK_STOPPED = "link_stopped"
    MENTION = "mention"
    PERSON_ANSWERED = "person_answered"
    NAMED = "named"
    TOO_FEW_NAMED = "too_few_named"
    PROBLEM = "problem"
    PROBLEM_URGENT = "problem_urgent"
    WAY_BROKEN = "way_broken"
    TEST = "test"


class Group(StrEnum):
    """The heading under which notices are counted, in a mail and on the page of undelivered notices."""

    NEW_REQUEST = "new_request"
    REMINDER = "reminder"
    ANSWER = "answer"
    MESSAGE = "message"
    REVIEW = "review"
    ENDED = "ended"
    ACCESS_CHANGE = "access_change"
    EMERGENCY = "emergency"
    NOT_OPENED = "not_opened"
    NEW_CASE = "new_case"
    QUESTION = "question"
    TIMES = "times"
    DECISION = "decision"
    OVERDUE = "overdue"
    NOBODY_LEFT = "nobody_left"
    ALARM = "alarm"
    MENTION = "mention"
    NAMED = "named"
    PERSON = "person"
    APPOINTMENT = "appointment"
    PROBLEM = "problem"
    WAY = "way"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """A row of the table: the group of a kind, who can get it, and for a team or the operators which members and how fast."""

    group: Group
    recipients: frozenset[Recipient]
    audience: Audience | None = None
    speed: Speed = Speed.SOON


_HANDED_OUT: Final = frozenset({Recipient.TEAM, Recipient.OPERATORS, Recipient.MEMBER})


def _row(group: Group, *recipients: Recipient, to: Audience | None = None, speed: Speed = Speed.SOON) -> NoticeRule:
    if (to is None) != _HANDED_OUT.isdisjoint(recipients):
        raise ValueError(f"{group}: a notice for a team or the operators says which members are told")
    return NoticeRule(group, frozenset(recipients), to, speed)


_ORGANISATION, _TEAM, _PERSON, _OPERATORS, _MEMBER = (
    Recipient.ORGANISATION,
    Recipient.TEAM,
    Recipient.PERSON,
    Recipient.OPERATORS,
    Recipient.MEMBER,
)
_ON_CALL, _OWNER, _EVERYBODY = Audience.ON_CALL, Audience.OWNER, Audience.TEAM
_NOW, _SOON, _DAILY = Speed.AT_ONCE, Speed.SOON, Speed.DIGEST
# fmt: off
KINDS: Final = complete(
    NoticeKind,
    {
        NoticeKind.EMERGENCY:                 _row(Group.EMERGENCY, _TEAM, to=_ON_CALL, speed=_NOW),
        NoticeKind.BECAME_EMERGENCY:          _row(Group.EMERGENCY, _TEAM, to=_ON_CALL, speed=_NOW),
        NoticeKind.EMERGENCY_NOT_OPENED:      _row(Group.NOT_OPENED, _MEMBER, to=Audience.NAMED, speed=_NOW),
        NoticeKind.CASE_SUBMITTED:            _row(Group.NEW_CASE, _TEAM, to=_EVERYBODY, speed=_DAILY),
        NoticeKind.CASE_MOVED_HERE:           _row(Group.NEW_CASE, _TEAM, to=_EVERYBODY, speed=_DAILY),
        NoticeKind.CROWD:                     _row(Group.ALARM, _TEAM, to=_ON_CALL, speed=_NOW),
        NoticeKind.HONEYTOKEN_READ:           _row(Group.ALARM, _OPERATORS, to=Audience.OVERSEERS, speed=_NOW),
        NoticeKind.REFERRAL_AWAITING_CONSENT: _row(Group.QUESTION, _PERSON),
        NoticeKind.REFERRAL_OFFERED:          _row(Group.NEW_REQUEST, _ORGANISATION),
        NoticeKind.REFERRAL_ACKNOWLEDGED:     _row(Group.ANSWER, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REFERRAL_INFO_REQUESTED:   _row(Group.QUESTION, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_WAITLISTED:       _row(Group.DECISION, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_ACCEPTED:         _row(Group.DECISION, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_IN_PROGRESS:      _row(Group.DECISION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REFERRAL_COMPLETED:        _row(Group.ENDED, _TEAM, _PERSON, to=_OWNER, speed=_DAILY),
        NoticeKind.REFERRAL_DECLINED:         _row(Group.DECISION, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_EXPIRED:          _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_WITHDRAWN:        _row(Group.ENDED, _ORGANISATION),
        NoticeKind.REFERRAL_CLIENT_DECLINED:  _row(Group.ENDED, _ORGANISATION, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_HANDED_BACK:      _row(Group.DECISION, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_ENTERED_IN_ERROR: _row(Group.ENDED, _ORGANISATION),
        NoticeKind.OFFER_REMINDER:            _row(Group.REMINDER, _ORGANISATION),
        NoticeKind.OFFER_NOT_ACKNOWLEDGED:    _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.OFFER_OVERDUE:             _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.QUESTION_NOT_ANSWERED:     _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.MESSAGE_NOT_READ:          _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REVIEW_DRAFT:              _row(Group.REVIEW, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REVIEW_AWAITING_CONSENT:   _row(Group.REVIEW, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REVIEW_WAITLISTED:         _row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REVIEW_ACCEPTED:           _row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REVIEW_IN_PROGRESS:        _row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.REVIEW_ON_HOLD:            _row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),
        NoticeKind.NOBODY_LEFT:               _row(Group.NOBODY_LEFT, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.NOBODY_CONSENTED_LEFT:     _row(Group.NOBODY_LEFT, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.PERSON_WROTE:              _row(Group.MESSAGE, _ORGANISATION),
        NoticeKind.MESSAGE:                   _row(Group.MESSAGE, _PERSON),
        NoticeKind.MOVE_ASKED:                _row(Group.QUESTION, _PERSON),
        NoticeKind.FIRST_CONTACT_ASKED:       _row(Group.QUESTION, _PERSON),
        NoticeKind.TEAM_WROTE:                _row(Group.MESSAGE, _ORGANISATION),
        NoticeKind.PARTNER_WROTE:             _row(Group.MESSAGE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.TIMES_OFFERED:             _row(Group.TIMES, _PERSON),
        NoticeKind.TIMES_WITHDRAWN:           _row(Group.TIMES, _PERSON),
        NoticeKind.TIMES_ANSWERED:            _row(Group.TIMES, _ORGANISATION, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.APPOINTMENT_NEAR:          _row(Group.APPOINTMENT, _ORGANISATION, _TEAM, _PERSON, to=_OWNER, speed=_SOON),
        NoticeKind.OFFER_WAITS_FOR_OPENING:   _row(Group.OVERDUE, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.REFERRAL_LINK:             _row(Group.NEW_REQUEST, _ORGANISATION),
        NoticeKind.LINK_STOPPED:              _row(Group.ALARM, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.MENTION:                   _row(Group.MENTION, _MEMBER, to=Audience.NAMED, speed=_SOON),
        NoticeKind.PERSON_ANSWERED:           _row(Group.PERSON, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.NAMED:                     _row(Group.NAMED, _MEMBER, to=Audience.NAMED, speed=_SOON),
        NoticeKind.TOO_FEW_NAMED:             _row(Group.NOBODY_LEFT, _TEAM, to=_OWNER, speed=_SOON),
        NoticeKind.PROBLEM:                   _row(Group.PROBLEM, _OPERATORS, to=Audience.OPERATIONS, speed=_DAILY),
        NoticeKind.PROBLEM_URGENT:            _row(Group.PROBLEM, _OPERATORS, to=Audience.OPERATIONS, speed=_NOW),
        NoticeKind.WAY_BROKEN:                _row(Group.WAY, _TEAM, _OPERATORS, to=_EVERYBODY, speed=_SOON),
        NoticeKind.TEST:                      _row(Group.TEST, _ORGANISATION, _MEMBER, to=Audience.NAMED, speed=_NOW),
        NoticeKind.ACCESS_CHANGE:             _row(Group.ACCESS_CHANGE, _ORGANISATION, _TEAM, _OPERATORS, to=_EVERYBODY),
    },
)
# fmt: on


def group_of(kind: str) -> Group:
    """The group of a stored kind."""
    return KINDS[kind].group


URGENT: Final = tuple(kind.value for kind in NoticeKind if KINDS[kind].speed is Speed.AT_ONCE)
"""Kinds that are sent before all others."""
