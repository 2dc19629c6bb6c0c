"""The columns of a list of cases that a team kept elsewhere, and the headings by which each is recognised. Pure.

Headings are known in English, Russian, Polish and Ukrainian.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from app.core.i18n import N_
from app.core.vocabulary import complete

LEFT_OUT: Final = ""
NOTE: Final = "note"
COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "reference": N_("Number in the earlier list"),
        "wrote_on": N_("Day on which they first asked"),
        "name": N_("What to call the person"),
        "country": N_("Country where the person is"),
        "region": N_("Region"),
        "needs": N_("What help is needed with"),
        "how_soon": N_("By when something has to be done"),
        "for_whom": N_("Who asks: the person, somebody close, a helper"),
        "story": N_("What happened, in their words"),
        "language": N_("Language in which we write to them"),
        "speak": N_("Languages that they speak"),
        "nationality": N_("Citizenship"),
        "status": N_("Status in the country"),
        "groups": N_("Groups that decide who can help"),
        "helps": N_("What else they need"),
        "channel": N_("Way to answer"),
        "address": N_("Address for that way"),
        "signal": N_("Signal"),
        "telegram": N_("Telegram"),
        "whatsapp": N_("WhatsApp"),
        "email": N_("E-mail"),
        "phone": N_("Phone"),
        "good_times": N_("When it is safe to call or write"),
        "may_say_who": N_("We may say who we are (yes or no)"),
        "may_leave_message": N_("A message may be left (yes or no)"),
        "letter": N_("Kind of a letter with a time limit"),
        "letter_on": N_("Day on which the letter was handed over"),
        "centres": N_("Centres that the person agreed to"),
        "never": N_("Centres that must not know"),
        "note": N_("Note of the team"),
        "card": N_("Wants a card with a number (yes or no)"),
    }
)
"""What a column can be, by code; several columns may be notes."""

_HEADINGS: Final[Mapping[str, str]] = complete(
    COLUMNS,
    {
        "reference": "reference ref id no nr number case № номер номер_дела numer",
        "wrote_on": "wrote_on date received first_contact waiting_since created "
        "date_received дата дата_обращения обратился дата_звернення data data_zgłoszenia",
        "name": "name call_me full_name client имя фио как_обращаться ім'я imię imię_i_nazwisko nazwisko",
        "country": "country страна країна kraj państwo",
        "region": "region регион область регіон województwo",
        "needs": "needs need problem topic request потребности потребность "
        "запрос вопрос проблема тема потреби potrzeby potrzeba sprawa",
        "how_soon": "how_soon urgency deadline срочность терміновість pilność",
        "for_whom": "for_whom who для_кого за_кого dla_kogo",
        "story": "story description what_happened text история описание что_случилось опис історія opis historia",
        "language": "language язык язык_переписки мова język",
        "speak": "speak languages spoken_languages языки мови języki",
        "nationality": "nationality citizenship гражданство громадянство obywatelstwo",
        "status": "status legal_status статус правовой_статус status_pobytu",
        "groups": "groups group группа группы група grupa",
        "helps": "helps special_needs особые_потребности",
        "channel": "channel contact_way way_to_answer способ_связи канал kanał",
        "address": "address contact контакт контакты kontakt",
        "signal": "signal сигнал",
        "telegram": "telegram tg телеграм телеграмм",
        "whatsapp": "whatsapp wa ватсап вотсап",
        "email": "email e-mail mail почта эл_почта пошта",
        "phone": "phone telephone tel mobile телефон тел telefon",
        "good_times": "good_times when_to_call safe_times когда_звонить коли_дзвонити kiedy_dzwonić",
        "may_say_who": "may_say_who можно_назваться",
        "may_leave_message": "may_leave_message можно_оставить_сообщение",
        "letter": "letter letter_kind письмо решение лист pismo",
        "letter_on": "letter_on letter_date дата_письма дата_решения дата_вручения data_pisma data_doręczenia",
        "centres": "centres organisations agreed_to согласие организации zgoda",
        "never": "never not_to не_сообщать",
        "note": "note notes comment comments remarks заметки "
        "примечание примечания комментарий комментарии нотатки uwagi notatki",
        "card": "card wants_number карточка картка karta",
    },
)


def guess(heading: str) -> str:
    """The column with this heading; `LEFT_OUT` if none is known."""
    wanted = re.sub(r"[\s_./:-]+", "_", heading.strip().lower()).strip("_")
    return _by_heading().get(wanted, LEFT_OUT)


@lru_cache
def _by_heading() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for code, words in _HEADINGS.items():
        for word in (code, *words.split()):
            found.setdefault(re.sub(r"[\s_./:-]+", "_", word.lower()).strip("_"), code)
        found.setdefault(re.sub(r"[\s_./:-]+", "_", COLUMNS[code].lower()), code)
    return found
