"""When a notice may be sent to a member, an organisation or a person, and whether a person may be notified automatically.

Pure; times are local to the recipient.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from app.messaging.channels import EMAIL_ALONE, NoticeWay
from app.messaging.kinds import Speed
from app.messaging.signal import is_recipient

_HOURS: Final[Mapping[str, tuple[time, time]]] = {
    "morning": (time(8), time(12)),
    "day": (time(12), time(17)),
    "evening": (time(17), time(21)),
}
_DEFAULT_HOURS: Final = (time(9), time(20))
_WEEKEND: Final = (time(9), time(21))
_SATURDAY: Final = 5


class Verdict(StrEnum):
    SEND = "send"
    WAIT = "wait"
    ASK_DESK = "ask_desk"  # not automatic; a coordinator reads the rules and decides


@dataclass(frozen=True, slots=True)
class ContactRules:
    """How the person may be contacted, as they chose it. Its repr shows no address.

    `chat`: the chat with our Telegram bot, once the person has opened it. A Telegram user name is for coordinators alone.
    """

    channel: str
    address: str
    may_say_who: bool
    may_leave_message: bool
    good_hours: tuple[str, ...]
    good_times: str
    chat: str = ""

    def __repr__(self) -> str:
        return f"ContactRules(channel={self.channel})"

    @classmethod
    def of(cls, contact: Mapping[str, Any]) -> "ContactRules":
        return cls(
            contact["channel"],
            contact["address"],
            contact["may_say_who"],
            contact["may_leave_message"],
            tuple(contact.get("good_hours", ())),
            contact["good_times"],
            contact.get("chat", ""),
        )

    @property
    def way(self) -> NoticeWay | None:
        """The channel by which the service itself can write to this address; None: only a coordinator can."""
        if self.channel == NoticeWay.TELEGRAM:
            return NoticeWay.TELEGRAM if self.chat else None
        if self.channel == NoticeWay.SIGNAL:
            return NoticeWay.SIGNAL if is_recipient(self.address) else None
        return NoticeWay.EMAIL if self.channel == NoticeWay.EMAIL else None

    @property
    def sent_to(self) -> str:
        """The address on this way."""
        return self.chat if self.channel == NoticeWay.TELEGRAM else self.address


def next_digest(now: datetime, hour: int, zone: ZoneInfo) -> datetime:
    """The next moment at this hour in that zone; `now` itself when it is exactly that hour."""
    local = now.astimezone(zone)
    at = local.replace(hour=hour, minute=0, second=0, microsecond=0)
    if at < local:
        at = (local + timedelta(days=1)).replace(hour=hour, minute=0, second=0, microsecond=0)
    return at.astimezone(now.tzinfo)


@dataclass(frozen=True, slots=True)
class MemberHours:
    """When a member wants to be told, in full hours of their own time zone.

    `digest_hour` None: each notice when it comes. `quiet`: from this hour until that one nothing comes; None: no quiet hours.
    """

    digest_hour: int | None = 8
    quiet: tuple[int, int] | None = (22, 7)
    zone: str = "UTC"


def due_for_member(speed: Speed, hours: MemberHours, now: datetime, *, wakes: bool) -> datetime:
    """When a notice to a member is due. `wakes`: an urgent one goes out in their quiet hours too, because they are on call."""
    if speed is Speed.AT_ONCE and wakes:
        return now
    if speed is Speed.DIGEST and hours.digest_hour is not None:
        return next_digest(now, hours.digest_hour, ZoneInfo(hours.zone))
    return after_quiet_hours(hours, now)


def after_quiet_hours(hours: MemberHours, now: datetime) -> datetime:
    """The end of the quiet hours in which `now` is; `now` itself outside of them."""
    if hours.quiet is None:
        return now
    begins, ends = hours.quiet
    hour = now.astimezone(ZoneInfo(hours.zone)).hour
    is_quiet = begins <= hour < ends if begins < ends else hour >= begins or hour < ends
    return next_digest(now, ends, ZoneInfo(hours.zone)) if is_quiet else now


def may_notify(
    how: ContactRules, local: datetime, ways: Collection[NoticeWay] = EMAIL_ALONE
) -> tuple[Verdict, datetime | None]:
    """Whether the notice may be sent automatically now; WAIT comes with the earliest moment. `ways`: those of this installation.

    A message counts as a left message; without that permission none is sent. Times in free text are for people to read.
    """
    if how.way not in ways or not how.may_leave_message or (how.good_times and not how.good_hours):
        return Verdict.ASK_DESK, None
    for days in range(8):
        day = (local + timedelta(days=days)).date()
        for opens, closes in _windows(how.good_hours, day.weekday()):
            start, end = (datetime.combine(day, at, local.tzinfo) for at in (opens, closes))
            if start <= local < end:
                return Verdict.SEND, None
            if local < start:
                return Verdict.WAIT, start
    return Verdict.ASK_DESK, None


def _windows(good_hours: tuple[str, ...], weekday: int) -> list[tuple[time, time]]:
    if not good_hours:
        return [_DEFAULT_HOURS]
    if weekday >= _SATURDAY and "weekend" in good_hours:
        return [_WEEKEND]
    return [_HOURS[name] for name in _HOURS if name in good_hours]
