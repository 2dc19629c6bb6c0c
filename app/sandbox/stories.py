"""The made-up cases of the sandbox, one per language. All people are invented; all addresses end in example.org."""

from typing import Any, Final


def _story(language: str, country: str, needs: list[str], call_me: str, story: str, **more: Any) -> dict[str, Any]:
    return {
        "language": language,
        "for_whom": "self",
        "needs": needs,
        "how_soon": "none",
        "country": country,
        "speak": [language],
        "story": story,
        "call_me": call_me,
        "answer_by": {"channel": "email", "address": f"{language}@example.org", "may_leave_message": True},
        "consent": {"mode": "named", "organisations": ["sandbox"]},
        **more,
    }


STORIES: Final = (
    _story(
        "ru",
        "PL",
        ["asylum", "appeals"],
        "Сова",
        "Выдуманная история. Мне отказали в защите, письмо на польском, и я не понимаю, сколько у меня дней.",
        how_soon="week",
        region="PL-14",
        helps=["interpreter"],
    ),
    _story(
        "en",
        "DE",
        ["travel_documents"],
        "Heron",
        "A made-up story. My passport has run out, and the embassy says I have to go back to get a new one.",
        speak=["en", "ru"],
        region="DE-BE",
    ),
    _story(
        "be",
        "LT",
        ["residence_permit"],
        "Бусел",
        "Прыдуманая гісторыя. У мяне заканчваецца дазвол на жыхарства, а працадаўца знік.",
        speak=["be", "ru"],
        how_soon="month",
    ),
    _story(
        "uk",
        "PL",
        ["temporary_protection", "housing"],
        "Ластівка",
        "Вигадана історія. Нас просять звільнити кімнату до кінця місяця, а в мене двоє дітей.",
        speak=["uk"],
        how_soon="month",
        for_whom="relative",
    ),
    _story(
        "pl",
        "PL",
        ["work_rights"],
        "Brzoza",
        "Zmyślona historia. Szef zabrał mi paszport i nie płaci od trzech miesięcy.",
        speak=["pl", "be"],
        region="PL-30",
    ),
    _story(
        "lt",
        "LT",
        ["asylum"],
        "Ąžuolas",
        "Išgalvota istorija. Rytoj pokalbis Migracijos departamente, o vertėjo nėra.",
        speak=["lt", "ru"],
        how_soon="today",
        region="LT-VL",
        helps=["interpreter"],
    ),
    _story(
        "ka",
        "GE",
        ["asylum"],
        "მერცხალი",
        "გამოგონილი ამბავი. უარი მივიღე თავშესაფარზე და არ ვიცი, სად გავასაჩივრო.",
        speak=["ka", "ru"],
        how_soon="week",
        region="GE-TB",
    ),
    _story(
        "de",
        "DE",
        ["family_reunification"],
        "Eiche",
        "Erfundene Geschichte. Meine Eltern sind noch dort, und der Termin wurde zum dritten Mal abgesagt.",
        speak=["de", "ru"],
        region="DE-HH",
        helps=["woman_lawyer"],
    ),
)
