"""Three months of made-up work of a team: about 130 more requests in every state, moved by the same verbs as in the service.

Everything is drawn from one fixed seed and from the moment of the start, so that two demonstrations of a day look alike. Words are
plainly made up, one or two sentences in the language of the person.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from app.cases import person_access
from app.cases.appointment_states import AppointmentVerb
from app.cases.appointments import OfferedTimes, of_case
from app.cases.models import Case, ReferralStatus
from app.cases.states import CaseVerb
from app.casework import (
    appointment_offers,
    by_hand,
    by_link,
    case_closing,
    case_ownership,
    correspondence,
    desk_referrals,
    filing,
    person_actions,
    referral_actions,
)
from app.casework.by_hand import SpokenContact
from app.casework.coordinator import Desk
from app.casework.filing import FiledCase
from app.core.errors import AppError
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake import form_counts, schemas
from app.links import service as links
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralState, ReferralVerb
from app.referrals.ways import BY_COORDINATOR, way_of

REQUESTS: Final = 124
_ADDED: Final = 8
CASES: Final = REQUESTS + _ADDED
"""How many cases the history has: the drawn ones, four with letters and four of today."""
DAYS: Final = 90
_SEED: Final = 20_261
_HOUR: Final = timedelta(hours=1)
_MOST_NAMED: Final = 12
_COUNTRIES: Final = ("PL", "PL", "PL", "LT", "LT", "DE", "DE", "GE")
_NEEDS: Final = (
    ["asylum"], ["asylum", "housing"], ["appeals"], ["residence_permit"], ["residence_permit", "work_rights"], ["travel_documents"],
    ["hrd_journalists"], ["integration"], ["social_benefits"], ["psychosocial"], ["family_reunification"], ["humanitarian_visa"],
    ["conscientious_objection"], ["children"],
)  # fmt: skip
_WORDS: Final = {
    "ru": (
        "Выдуманная история: письмо пришло на чужом языке, и я не знаю, что ответить.",
        "Выдуманная история: мы приехали месяц назад, документы кончаются.",
        "Выдуманная история: на работе просят бумагу, которой у меня нет.",
    ),
    "be": ("Прыдуманая гісторыя: трэба падоўжыць дакументы, а да консула нельга.",),
    "uk": ("Вигадана історія: не можу знайти житло для себе і доньки.",),
    "en": ("Made-up story: I do not know which office to go to.",),
    "de": ("Erfundene Geschichte: Der Bescheid ist da, und die Frist läuft.",),
}
_NAMES: Final = (
    "Вяз",
    "Ольха",
    "Стриж",
    "Кулик",
    "Сосна",
    "Рябина",
    "Чайка",
    "Тополь",
    "Мох",
    "Ветер",
    "Ручей",
    "Камень",
)
_GROUPS: Final[tuple[list[str], ...]] = (["activist"], ["journalist"], ["lgbtq"], ["draft_refuser"], [], [], [])
_LETTERS: Final = {
    "PL": ("asylum_appeal_regular", "Выдуманная история: пришёл отказ, нужно писать жалобу."),
    "DE": ("dublin_appeal", "Выдуманная история: пишут, что отправят в другую страну."),
}
_ENDS: Final = ("advised", "represented", "resolved", "advised", "resolved", "contact_lost")
_UNDER_WAY: Final = frozenset({ReferralStatus.WORK.value, ReferralStatus.ANSWER.value})
_REFUSALS: Final = ("no_capacity", "out_of_scope", "no_capacity", "out_of_area")


@dataclass(frozen=True, slots=True)
class Team:
    """A team of the demo with a coordinator, and the countries that it takes. `desk.now` is replaced for each step."""

    desks: Mapping[str, Desk]

    def of(self, country: str, at: datetime) -> Desk:
        return replace(self.desks[country], now=at)


def fill(session: Session, keys: KeyRing, directory: Directory, team: Team, now: datetime) -> Iterator[str]:
    """File the requests and work on them, oldest first. Yields the label of each case once it has reached its intended state."""
    chance = random.Random(_SEED)  # noqa: S311  no secret comes from it
    ages = sorted((_age(chance, number) for number in range(REQUESTS)), reverse=True)
    for number, hours in enumerate(ages):
        history = _History(session, keys, directory, team, now, chance)
        yield history.tell(_answers(chance, directory, number), hours)
    history = _History(session, keys, directory, team, now, chance)
    for country, days in (("PL", 0), ("PL", 1), ("DE", 1), ("DE", 3)):
        yield history.letter(country, days)
    yield from history.today()


def _age(chance: random.Random, number: int) -> int:
    """How many hours ago a request came in: a quarter in the last four days, the rest over three months."""
    return chance.randrange(3, 96) if number % 4 == 0 else chance.randrange(96, DAYS * 24)


def _answers(chance: random.Random, directory: Directory, number: int) -> dict[str, Any]:
    country, wanted = chance.choice(_COUNTRIES), list(chance.choice(_NEEDS))
    language = chance.choice(("ru", "ru", "ru", "ru", "be", "uk", "en", "de"))
    return _request(
        directory,
        country,
        wanted,
        language,
        chance.choice(_WORDS[language]),
        call_me=f"{_NAMES[number % len(_NAMES)]} {number + 1}",
        how_soon=chance.choice(("none", "none", "none", "month", "week")),
        nationality=chance.choice(("RU", "RU", "RU", "BY")),
        groups=chance.choice(_GROUPS),
        asks_first=chance.random() < 0.15,
    )


def _request(
    directory: Directory,
    country: str,
    wanted: list[str],
    language: str,
    story: str,
    *,
    asks_first: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """The answers of a form. Unless the person wants to be asked first, some organisations that help with it may be asked."""
    named = [] if asks_first else _helpers(directory, country, wanted)
    return {
        "language": language,
        "for_whom": "self",
        "needs": wanted,
        "country": country,
        "speak": [language],
        "how_soon": "none",
        "story": story,
        "consent": {"mode": "named", "organisations": named} if named else {"mode": "ask_first"},
        **more,
    }


def _helpers(directory: Directory, country: str, wanted: list[str]) -> list[str]:
    entries = (entry for entry in directory.services if country in entry.countries)
    slugs = (entry.organisation.id for entry in entries if set(wanted) & set(entry.service.needs))
    return list(dict.fromkeys(slugs))[:_MOST_NAMED]


class _AnswersItself(Exception):
    """An organisation that the demo tries answers in Pristan, so no coordinator has to ask it. Undoes the attempt."""


class _History:
    """Plays the history of one request after the other. A step that the service refuses at that moment is left out."""

    def __init__(
        self, session: Session, keys: KeyRing, directory: Directory, team: Team, now: datetime, chance: random.Random
    ) -> None:
        self.session, self.keys, self.directory = session, keys, directory
        self.team, self.now, self.chance = team, now, chance

    def tell(self, answers: dict[str, Any], hours: int) -> str:
        came_in = self.now - hours * _HOUR
        filed = self.file(answers, came_in)
        gave_up = int(hours % 5 == 0)  # some of those who begin the form do not send it
        form_counts.add(self.session, answers["language"], came_in, began=1 + gave_up, sent=1)
        case = self.session.get_one(Case, filed.case_id)
        with suppress(AppError), self.session.begin_nested():
            if hours > 240:
                self._long_ago(case, filed, hours)
            elif hours > 48:
                self._lately(case, filed, hours)
            elif self.chance.random() < 0.3:
                self._take(case, self.now - hours * _HOUR / 2)
        return filed.label

    def file(self, answers: dict[str, Any], at: datetime) -> FiledCase:
        intake = schemas.read(answers, self.directory, at.date())
        return filing.file_intake(self.session, intake, keys=self.keys, directory=self.directory, now=at)

    def letter(self, country: str, days: int) -> str:
        """A request of this morning with a letter whose last safe day is in so many days."""
        at, (kind, story) = self.now - (days + 1) * _HOUR, _LETTERS[country]
        wanted = self.now.date() + timedelta(days=days)
        answers = _request(
            self.directory, country, ["appeals"], "ru", story, call_me=f"Иволга {days}", nationality="RU"
        )
        for back in range(60):
            received = at.date() - timedelta(days=back)
            with_letter = {**answers, "letter": {"kind": kind, "received_on": received.isoformat()}}
            intake = schemas.read(with_letter, self.directory, at.date())
            _facts, deadline = filing.facts_and_deadline(intake, self.directory, at)
            if deadline is not None and deadline.last_safe_day <= wanted:
                return self.file(with_letter, at).label
        return self.file(answers, at).label

    def today(self) -> Iterator[str]:
        """Make what a day at the desk begins with: a new message, an appointment, a request through a link, an offer by phone."""
        for number, then in enumerate((self._wrote, self._meets, self._linked, self._phoned)):
            answers = _request(
                self.directory, "PL", ["residence_permit"], "ru", _WORDS["ru"][number % 3],
                call_me=f"Сойка {number + 1}", nationality="RU", how_soon="week",
            )  # fmt: skip
            filed = self.file(answers, self.now - 20 * _HOUR)
            with suppress(AppError), self.session.begin_nested():
                then(self.session.get_one(Case, filed.case_id), filed)
            yield filed.label

    def _wrote(self, case: Case, filed: FiledCase) -> None:
        self._take(case, self.now - 9 * _HOUR)
        desk = self.team.of(case.country, self.now - 8 * _HOUR)
        correspondence.message(
            self.session, desk, case.label, case.version, "Какого числа пришло письмо? (Выдуманный вопрос.)"
        )
        at = self.now - 2 * _HOUR
        opened = person_access.open_by_receipt(self.session, filed.receipt, self.keys, at, lock=True)
        person_actions.write_message(self.session, opened, "Во вторник. (Выдуманный ответ.)", now=at)

    def _meets(self, case: Case, filed: FiledCase) -> None:
        self._take(case, self.now - 9 * _HOUR)
        soon = (self.now + 5 * _HOUR).replace(minute=0, second=0, microsecond=0)
        desk = self.team.of(case.country, self.now - 8 * _HOUR)
        offer = OfferedTimes((soon, soon + timedelta(days=1)), "phone", "+48 600 000 000 (made up)", "ru")
        appointment_offers.offer_at_desk(self.session, desk, case.label, offer, "demo")
        at = self.now - 7 * _HOUR
        opened = person_access.open_by_receipt(self.session, filed.receipt, self.keys, at, lock=True)
        agreed = of_case(self.session, case.id)[0]
        appointment_offers.answer(self.session, opened, agreed.id, AppointmentVerb.PICK, 0, at)

    def _linked(self, case: Case, filed: FiledCase) -> None:
        referral = self._by_coordinator(case, filed)
        if referral is None:
            return
        desk = self.team.of(case.country, self.now - 5 * _HOUR)
        by_link.send(self.session, desk, case.label, referral.label, referral.version, links.prepare(), by_mail=False)

    def _phoned(self, case: Case, filed: FiledCase) -> None:
        referral = self._by_coordinator(case, filed)
        if referral is None:
            return
        desk = self.team.of(case.country, self.now - 5 * _HOUR)
        by_hand.record_asked(
            self.session,
            desk,
            case.label,
            referral.label,
            referral.version,
            SpokenContact("phone", "reception (made up)"),
        )

    def _by_coordinator(self, case: Case, filed: FiledCase) -> Referral | None:
        """Offer the case to the first fitting organisation that a coordinator has to ask; None when there is none."""
        for service in self._services(filed):
            with suppress(AppError, _AnswersItself), self.session.begin_nested():
                referral = self._refer(case, service, self.now - 6 * _HOUR)
                if way_of(referral.way) in BY_COORDINATOR and referral.offered_at is not None:
                    return referral
                raise _AnswersItself
        return None

    def _long_ago(self, case: Case, filed: FiledCase, hours: int) -> None:
        """Play a referral that was made weeks ago: most have ended."""
        begun, draw = self.now - hours * _HOUR + 6 * _HOUR, self.chance.random()
        if draw < 0.14:
            self._close(case, self.chance.choice((CaseVerb.ADVISE, CaseVerb.HELP)), begun + 20 * _HOUR)
        elif draw < 0.2:
            self._close(case, CaseVerb.UNMET, begun + 60 * _HOUR)
        elif draw < 0.32:
            self._answered(
                case,
                filed,
                begun,
                (ReferralVerb.DECLINE,),
                others=(ReferralVerb.ACCEPT, ReferralVerb.START, ReferralVerb.COMPLETE),
            )
        elif draw < 0.42:
            self._answered(case, filed, begun, (ReferralVerb.ACCEPT, ReferralVerb.START))
        elif draw < 0.46:
            self._answered(case, filed, begun, (ReferralVerb.ACCEPT, ReferralVerb.START, ReferralVerb.HOLD))
        else:
            self._answered(case, filed, begun, (ReferralVerb.ACCEPT, ReferralVerb.START, ReferralVerb.COMPLETE))
        self.session.refresh(case)
        if case.closed_at is None and draw >= 0.2 and case.referral_status not in _UNDER_WAY:
            self._close(case, CaseVerb.ADVISE, self.now - self.chance.randrange(24, 120) * _HOUR)

    def _lately(self, case: Case, filed: FiledCase, hours: int) -> None:
        """Play a referral that was made in the last ten days: it is under way."""
        begun, draw = self.now - hours * _HOUR + 4 * _HOUR, self.chance.random()
        if draw < 0.25:
            self._answered(case, filed, begun, (ReferralVerb.ACCEPT,))
        elif draw < 0.4:
            self._answered(case, filed, begun, (ReferralVerb.DECLINE,))
        elif draw < 0.5:
            self._answered(case, filed, begun, (ReferralVerb.WAITLIST,))
        elif draw < 0.6:
            self._answered(case, filed, begun, (ReferralVerb.ACKNOWLEDGE,))
        elif draw < 0.75:
            self._take(case, begun)
        elif draw < 0.82:
            self._take(case, begun)
            desk = self.team.of(case.country, begun + _HOUR)
            until = self.now.date() + timedelta(days=2)
            case_ownership.snooze(self.session, desk, case.label, case.version, until)

    def _take(self, case: Case, at: datetime) -> None:
        case_ownership.take(self.session, self.team.of(case.country, at), case.label, case.version)

    def _close(self, case: Case, verb: CaseVerb, at: datetime) -> None:
        self._take(case, at)
        desk = self.team.of(case.country, at + _HOUR)
        ends = dict.fromkeys(case.needs, {"advise": "advised", "help": "helped"}.get(verb.value, "unmet"))
        case_closing.close(self.session, desk, case.label, case.version, None, ends)

    def _services(self, filed: FiledCase) -> list[str]:
        return [match.service for match in filed.result.candidates]

    def _answered(
        self,
        case: Case,
        filed: FiledCase,
        at: datetime,
        verbs: tuple[ReferralVerb, ...],
        others: tuple[ReferralVerb, ...] = (),
    ) -> None:
        """Refer the case and let the organisation make these moves; with `others`, another organisation makes those afterwards."""
        services = self._services(filed)
        referral = self._refer(case, services[0], at) if services else None
        if referral is None or ReferralState(referral.state) is not ReferralState.OFFERED:
            return
        moment = self._moves(case, referral, verbs, at)
        if others and len(services) > 1:
            referral = self._refer(case, services[1], moment + 3 * _HOUR)
            if ReferralState(referral.state) is ReferralState.OFFERED:
                self._moves(case, referral, others, moment + 3 * _HOUR)

    def _refer(self, case: Case, service: str, at: datetime) -> Referral:
        desk = self.team.of(case.country, at)
        return desk_referrals.refer(
            self.session, desk, case.label, case.version, service, despite=True, again=True, why="language"
        )

    def _moves(self, case: Case, referral: Referral, verbs: tuple[ReferralVerb, ...], at: datetime) -> datetime:
        """Each move some hours after the one before, and never later than now. Returns when the last one was made."""
        for verb in verbs:
            at = min(at + self.chance.randrange(3, 40) * _HOUR, self.now - timedelta(minutes=5))
            payload = self._payload(verb)
            if way_of(referral.way) in BY_COORDINATOR:
                desk = self.team.of(case.country, at)
                spoken = SpokenContact("phone")
                referral = by_hand.record_answer(
                    self.session, desk, case.label, referral.label, referral.version, verb, payload, spoken
                )
            else:
                partner = ActorRef(ReferralActor.PARTNER, organisation_id=referral.organisation_id)
                referral = referral_actions.advance(
                    self.session, referral.id, verb, by=partner, now=at, payload=payload
                )
        return at

    def _payload(self, verb: ReferralVerb) -> TransitionInput:
        ahead: date = self.now.date() + timedelta(days=14)
        if verb in {ReferralVerb.WAITLIST, ReferralVerb.HOLD}:
            return TransitionInput(until=ahead)
        if verb is ReferralVerb.DECLINE:
            return TransitionInput(reason=self.chance.choice(_REFUSALS))
        return (
            TransitionInput(outcome=self.chance.choice(_ENDS)) if verb is ReferralVerb.COMPLETE else TransitionInput()
        )
