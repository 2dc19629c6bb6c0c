"""How a question is worded when somebody answers it for another: of "the person", where it says "you" to the person themself.

One table of English sentences, so that a question, an answer and an error are reworded alike on every surface.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from app.core.i18n import N_

FOR_ANOTHER: Final = frozenset({"relative", "volunteer"})
"""Answers to "Who is this request for?" with which somebody else fills the form in."""
OF_THE_PERSON: Final = MappingProxyType(
    {
        "What do you need help with?": N_("What does the person need help with?"),
        "Where are you?": N_("Where is the person?"),
        "Which country are you in now?": N_("Which country is the person in now?"),
        "What is your immigration status in that country?": N_("What is the person’s immigration status in that country?"),
        "What is your citizenship?": N_("What is the person’s citizenship?"),
        "When do you need help by?": N_("When does the person need help by?"),
        "Have you had a letter or decision from the authorities? What is it about?": N_(
            "Has the person had a letter or decision from the authorities? What is it about?"
        ),
        "What date did you receive the letter?": N_("What date did the person receive the letter?"),
        "For example 24 11 2026. If the envelope or a delivery note shows an earlier date, use that one. We use it to work out your deadline.": N_(
            "For example 24 11 2026. If the envelope or a delivery note shows an earlier date, use that one. We use it to work out the deadline."
        ),
        "Is there an earlier date on the envelope, on a delivery note or in your electronic mailbox?": N_(
            "Is there an earlier date on the envelope, on a delivery note or in the person’s electronic mailbox?"
        ),
        "Languages and support you need": N_("Languages and support the person needs"),
        "Which languages do you speak?": N_("Which languages does the person speak?"),
        "Do any of these apply to you?": N_("Do any of these apply to the person?"),
        "What happened? What are you afraid of?": N_("What happened? What is the person afraid of?"),
        "What should we call you?": N_("What should we call the person?"),
        "You can use any name. It does not have to be your real one.": N_("Any name will do. It does not have to be the real one."),
        "The coordinators for your country and the lawyer who takes your case can read this.": N_("The coordinators for that country and the lawyer who takes the case can read this."),
        "Have any of these happened to you?": N_("Have any of these happened to the person?"),
        "I agree that this can be counted in anonymous statistics": N_("The person agrees that this can be counted in anonymous statistics"),
        "How can we reply to you?": N_("How can we reply to the person?"),
        "The safest way is to come back here with your number. Then nobody will write to you.": N_(
            "The safest way is to come back here with the number. Then nobody will write to the person."
        ),
        "You do not need this if you come back with your number.": N_("This is not needed if somebody comes back with the number."),
        "Notify me at this address when there is news": N_("Notify the person at this address when there is news"),
        "You can say who you are when you contact me": N_("You can say who you are when you contact the person"),
        "You can leave me a message (voicemail or e-mail)": N_("You can leave the person a message (voicemail or e-mail)"),
        "At what times of day can we write to you?": N_("At what times of day can we write to the person?"),
        "When is it safe to contact you?": N_("When is it safe to contact the person?"),
        "A word by which we recognise you on the phone": N_("A word by which we recognise the person, or you, on the phone"),
        "I have applied for asylum": N_("Has applied for asylum"),
        "I have refugee status or another form of protection": N_("Has refugee status or another form of protection"),
        "I can stay without a visa": N_("Can stay without a visa"),
        "I do not have permission to stay, or I do not have valid documents": N_(
            "Does not have permission to stay, or does not have valid documents"
        ),
        "I refuse military service": N_("Refuses military service"),
        "I worked for an NGO": N_("Worked for an NGO"),
        "I find it hard to read": N_("Finds it hard to read"),
        "I do not hear well: please write instead of calling": N_("Does not hear well: please write instead of calling"),
        "It is hard for me to walk or travel": N_("It is hard for the person to walk or travel"),
        "Someone trained to talk with people after violence, so that I do not have to tell it again and again": N_(
            "Someone trained to talk with people after violence, so that the person need not tell it again and again"
        ),
        "I speak a language that is not in the list": N_("The person speaks a language that is not in the list"),
        "I will come back with my number": N_("The person or I will come back with the number"),
        "Please tell us where we can reach you, or choose to come back with your number.": N_(
            "Please tell us where we can reach the person, or choose to come back with the number."
        ),
    }
)  # fmt: skip
"""What is said to the person themself, and the same of a person for whom somebody else answers."""


def is_for_another(form: Mapping[str, Sequence[str]]) -> bool:
    """Whether the answers of this form say that somebody fills it in for another."""
    return (form.get("for_whom") or [""])[-1] in FOR_ANOTHER


def asked(message: str, form: Mapping[str, Sequence[str]]) -> str:
    """The English sentence of a question, an answer or an error, as this form asks it."""
    return OF_THE_PERSON.get(message, message) if is_for_another(form) else message
