"""The closed vocabularies of the intake with their labels. The English labels are message ids of the catalogues."""

from pathlib import Path
from types import MappingProxyType
from typing import Final

import yaml

from app.core.i18n import N_

_NEEDS: Final = Path(__file__).resolve().parent.parent / "countries" / "needs.yaml"
MOST_NEEDS: Final = len(yaml.safe_load(_NEEDS.read_text(encoding="utf-8"))["needs"])
"""Each need once: as many as there are. The codes themselves are compared with the directory when a request is validated."""

NEED_KINDS: Final = MappingProxyType(
    {
        "stay": N_("Asylum, residence, documents, family"),
        "danger": N_("Detention, removal, prosecution"),
        "violence": N_("Violence and discrimination"),
        "life": N_("Housing, work, money, health, children"),
        "people": N_("Help for LGBTQ+ people, journalists and human rights defenders"),
        "other": N_("Something else, or I do not know"),
    }
)
"""Headings of the needs, in the order of the form."""
FOR_WHOM: Final = MappingProxyType(
    {"self": N_("For myself"), "relative": N_("For someone close to me"), "volunteer": N_("For someone I am helping")}
)
HOW_SOON: Final = MappingProxyType(
    {
        "today": N_("Today or tomorrow"),
        "week": N_("This week"),
        "month": N_("This month"),
        "none": N_("No fixed date"),
        "unknown": N_("I do not know"),
    }
)
STATUSES: Final = MappingProxyType(
    {
        "asylum_seeker": N_("I have applied for asylum"),
        "protected": N_("I have refugee status or another form of protection"),
        "temporary_protection": N_("Temporary protection"),
        "residence_permit": N_("Residence permit"),
        "visa": N_("Visa"),
        "visa_free": N_("I can stay without a visa"),
        "no_status": N_("I do not have permission to stay, or I do not have valid documents"),
        "unknown": N_("I do not know"),
    }
)
GROUPS: Final = MappingProxyType(
    {
        "activist": N_("Activist"),
        "journalist": N_("Journalist"),
        "lawyer": N_("Lawyer"),
        "human_rights_defender": N_("Human rights defender"),
        "lgbtq": N_("LGBTQ+"),
        "draft_refuser": N_("I refuse military service"),
        "ngo_worker": N_("I worked for an NGO"),
        "student": N_("Student"),
    }
)
HELPS: Final = MappingProxyType(
    {
        "minor": N_("The person is under 18"),
        "child_alone": N_("A child who is alone, without parents"),
        "woman_lawyer": N_("A woman lawyer, please"),
        "interpreter": N_("An interpreter, please"),
        "large_print": N_("Large print"),
        "hard_to_read": N_("I find it hard to read"),
        "hard_of_hearing": N_("I do not hear well: please write instead of calling"),
        "sign_language": N_("A sign language interpreter, please"),
        "mobility": N_("It is hard for me to walk or travel"),
        "trauma": N_(
            "Someone trained to talk with people after violence, so that I need not tell my story again and again"
        ),
        "other_language": N_("I speak a language that is not in the list"),
    }
)
OTHER_LANGUAGE: Final = "other_language"
CHANNELS: Final = MappingProxyType(
    {
        "number": N_("I will come back with my number"),
        "signal": N_("Signal"),
        "whatsapp": N_("WhatsApp"),
        "telegram": N_("Telegram"),
        "email": N_("E-mail"),
        "phone": N_("Phone"),
    }
)
GOOD_HOURS: Final = MappingProxyType(
    {
        "morning": N_("In the morning"),
        "day": N_("During the day"),
        "evening": N_("In the evening"),
        "weekend": N_("At the weekend"),
    }
)
CONSENT_MODES: Final = MappingProxyType(
    {
        "named": N_("Only the centres I choose"),
        "ask_first": N_("Ask me first each time"),
    }
)
PHASES: Final = MappingProxyType(
    {
        "pre_emptive_fear": N_("Threats and pressure"),
        "direct_repression": N_("Searches, detention, violence"),
        "designation": N_("Official lists and labels (for example “foreign agent”)"),
        "administrative": N_("Administrative cases"),
        "criminal": N_("Criminal cases"),
        "abroad": N_("Pressure abroad"),
    }
)
