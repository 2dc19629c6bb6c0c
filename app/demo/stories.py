"""About twenty invented requests, in the words of the people who make them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

from app.referrals.commands import TransitionInput
from app.referrals.states import ReferralVerb


@dataclass(frozen=True, slots=True)
class Story:
    """A made-up case: its answers, its age in hours, and the verbs applied to its first referral."""

    answers: dict[str, Any]
    hours_ago: int
    asked: str = ""
    verbs: tuple[tuple[ReferralVerb, TransitionInput], ...] = field(default=())


def _story(language: str, country: str, needs: list[str], story: str, hours_ago: int, **more: Any) -> Story:
    asked, verbs = more.pop("asked", ""), more.pop("verbs", ())
    allow = more.pop("allow", [asked.split("/")[0]] if asked else [])
    answers = {
        "language": language,
        "for_whom": more.pop("for_whom", "self"),
        "needs": needs,
        "how_soon": more.pop("how_soon", "none"),
        "country": country,
        "speak": more.pop("speak", [language]),
        "story": story,
        "consent": {"mode": "named" if allow else "ask_first", "organisations": allow},
        **more,
    }
    return Story(answers, hours_ago, asked, verbs)


_HFHR, _REDCROSS, _KOVCHEG = "pl-hfhr/legal-help", "lt-redcross/legal-help", "x-kovcheg/support"
_ACCEPT: Final = (ReferralVerb.ACCEPT, TransitionInput())
_START: Final = (ReferralVerb.START, TransitionInput())


def stories(today: date) -> Iterator[Story]:
    """About twenty invented requests in several languages and states."""
    day = today.isoformat
    recent = (today - timedelta(days=2)).isoformat()
    yield _story(
        "ru",
        "PL",
        ["asylum", "appeals"],
        "Выдуманная история: пришёл отказ на польском, я не понимаю письмо.",
        5,
        letter={"kind": "asylum_appeal_regular", "received_on": recent},
        region="PL-14",
        nationality="RU",
        groups=["activist"],
        call_me="Сова",
        asked=_HFHR,
    )
    yield _story(
        "ru",
        "PL",
        ["hrd_journalists"],
        "Выдуманная история: я снимал репортажи, дома идёт обыск у коллег.",
        30,
        groups=["journalist"],
        nationality="RU",
        call_me="Рысь",
        asked=_HFHR,
        verbs=((ReferralVerb.ACKNOWLEDGE, TransitionInput()),),
    )
    yield _story(
        "be",
        "PL",
        ["residence_permit"],
        "Прыдуманая гісторыя: заканчваецца карта побыту.",
        50,
        nationality="BY",
        how_soon="month",
        call_me="Бусел",
        asked=_HFHR,
        verbs=(_ACCEPT, _START),
    )
    yield _story(
        "ru",
        "LT",
        ["detention"],
        "Выдуманная история: мужа держат в центре регистрации.",
        2,
        for_whom="relative",
        how_soon="today",
        nationality="RU",
        call_me="Ива",
        asked=_REDCROSS,
    )
    yield _story(
        "ru",
        "LT",
        ["asylum"],
        "Выдуманная история: хочу просить убежища, не знаю с чего начать.",
        80,
        region="LT-VL",
        nationality="RU",
        call_me="Клён",
        asked=_REDCROSS,
        verbs=(_ACCEPT, _START, (ReferralVerb.COMPLETE, TransitionInput(outcome="advised"))),
    )
    yield _story(
        "lt",
        "LT",
        ["integration"],
        "Išgalvota istorija: ieškau lietuvių kalbos kursų.",
        100,
        nationality="UA",
        call_me="Ąžuolas",
        asked=_REDCROSS,
        verbs=((ReferralVerb.DECLINE, TransitionInput(reason="no_capacity")),),
    )
    yield _story(
        "ru",
        "GE",
        ["residence_permit", "housing"],
        "Выдуманная история: скоро год, как я здесь, и негде жить.",
        20,
        nationality="RU",
        region="GE-TB",
        status="visa_free",
        call_me="Гранат",
        asked=_KOVCHEG,
    )
    yield _story(
        "ru",
        "GE",
        ["humanitarian_visa"],
        "Выдуманная история: боюсь, что меня выдадут.",
        9,
        nationality="RU",
        how_soon="week",
        groups=["activist"],
        call_me="Орех",
        asked=_KOVCHEG,
        verbs=((ReferralVerb.ASK_INFO, TransitionInput()),),
    )
    yield _story(
        "ru",
        "DE",
        ["housing"],
        "Выдуманная история: общежитие закрывают.",
        60,
        nationality="RU",
        region="DE-BE",
        how_soon="month",
        call_me="Липа",
        asked=_KOVCHEG,
        verbs=((ReferralVerb.WAITLIST, TransitionInput(until=today + timedelta(days=20))),),
    )
    yield _story(
        "en",
        "DE",
        ["dublin"],
        "Made-up story: the letter says they will send me to another country.",
        4,
        letter={"kind": "dublin_appeal", "received_on": day()},
        nationality="RU",
        speak=["en", "ru"],
        call_me="Heron",
    )
    yield _story(
        "de",
        "DE",
        ["asylum"],
        "Erfundene Geschichte: Die Anhörung ist nächste Woche.",
        26,
        how_soon="week",
        region="DE-BE",
        nationality="BY",
        speak=["de", "ru"],
        call_me="Eiche",
    )
    yield _story(
        "ru",
        "DE",
        ["lgbtq", "asylum"],
        "Выдуманная история: дома меня преследуют за то, кого я люблю.",
        44,
        groups=["lgbtq"],
        nationality="RU",
        region="DE-HH",
        call_me="Лист",
    )
    yield _story(
        "ka",
        "GE",
        ["asylum"],
        "გამოგონილი ამბავი: მივიღე უარი და არ ვიცი, რა ვქნა.",
        12,
        letter={"kind": "asylum_appeal_accelerated", "received_on": recent},
        nationality="RU",
        speak=["ka", "ru"],
        call_me="მერცხალი",
    )
    yield _story(
        "uk",
        "PL",
        ["temporary_protection", "children"],
        "Вигадана історія: донька приїхала сама.",
        3,
        for_whom="relative",
        helps=["child_alone"],
        nationality="UA",
        call_me="Ластівка",
    )
    yield _story(
        "pl",
        "PL",
        ["work_rights"],
        "Zmyślona historia: szef nie płaci od trzech miesięcy.",
        120,
        nationality="BY",
        speak=["pl", "ru"],
        region="PL-30",
        call_me="Brzoza",
    )
    yield _story(
        "ru",
        "PL",
        ["conscientious_objection"],
        "Выдуманная история: пришла повестка.",
        70,
        groups=["draft_refuser"],
        nationality="RU",
        call_me="Шмель",
    )
    yield _story(
        "ru",
        "GE",
        ["extradition_interpol"],
        "Выдуманная история: знакомый сказал, что я в розыске.",
        7,
        nationality="RU",
        happened=["wanted_list"],
        call_me="Кедр",
    )
    yield _story(
        "be",
        "LT",
        ["travel_documents"],
        "Прыдуманая гісторыя: пашпарт скончыўся, а ў амбасаду нельга.",
        150,
        nationality="BY",
        status="residence_permit",
        call_me="Васілёк",
    )
    yield _story(
        "ru",
        "DE",
        ["gbv"],
        "Выдуманная история: дома страшно.",
        1,
        for_whom="volunteer",
        how_soon="today",
        region="DE-BY",
        call_me="Мята",
    )
    yield _story(
        "en",
        "LT",
        ["family_reunification"],
        "Made-up story: my parents are still there.",
        200,
        nationality="RU",
        speak=["en"],
        call_me="Robin",
    )
    yield _story(
        "ru",
        "PL",
        ["psychosocial"],
        "Выдуманная история: не сплю.",
        90,
        nationality="RU",
        region="PL-14",
        call_me="Туман",
    )
