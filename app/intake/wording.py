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
        "You can leave me a message (voicemail, e-mail or messenger)": N_("You can leave the person a message (voicemail, e-mail or messenger)"),
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
        "Someone trained to talk with people after violence, so that I need not tell my story again and again": N_(
            "Someone trained to talk with people after violence, so that the person need not tell their story again and again"
        ),
        "I speak a language that is not in the list": N_("The person speaks a language that is not in the list"),
        "I will come back with my number": N_("The person or I will come back with the number"),
        "Please tell us where we can reach you, or choose to come back with your number.": N_(
            "Please tell us where we can reach the person, or choose to come back with the number."
        ),
    }
)  # fmt: skip
"""What is said to the person themself, and the same of a person for whom somebody else answers."""

ON_PAGES: Final = MappingProxyType(
    {
        "May they read your request?": N_("May they read the person’s request?"),
        "May a coordinator contact them about your request?": N_("May a coordinator contact them about the person’s request?"),
        "They have no account here. A coordinator calls or writes to them and says only what it is about, without your name. If they agree to help, the coordinator gives them your name, contact details and words: on paper, by phone, or by a link that opens only with a code.": N_(
            "They have no account here. A coordinator calls or writes to them and says only what it is about, without the person’s name. If they agree to help, the coordinator gives them the person’s name, contact details and what you wrote: on paper, by phone, or by a link that opens only with a code."
        ),
        "These centres can help you": N_("These centres can help the person"),
        "Choose the centres we may ask. If you do not choose any, we will ask you each time.": N_(
            "Choose the centres we may ask. If you can, ask the person first. If you do not choose any, we will ask each time."
        ),
        "We have not found a centre for you yet.": N_("We have not found a centre for the person yet."),
        "If you are in danger, call now": N_("If the person is in danger, call now"),
        "What you need, one by one": N_("What the person needs, one by one"),
        "Your letter": N_("The person’s letter"),
        "Never contact them about me": N_("Never contact them about the person"),
        "Who may read your request?": N_("Who may read the person’s request?"),
        "We would like to ask this centre. May they read your request?": N_(
            "We would like to ask this centre. May they read the person’s request?"
        ),
        "A coordinator is looking for a centre for you.": N_("A coordinator is looking for a centre for the person."),
        "We have asked a centre to help you.": N_("We have asked a centre to help the person."),
        "A centre has helped you.": N_("A centre has helped the person."),
        "A coordinator is going to ask a centre to help you.": N_("A coordinator is going to ask a centre to help the person."),
        "May we ask this centre to help you?": N_("May we ask this centre to help the person?"),
        "They have taken your case. They will contact you.": N_("They have taken the case. They will contact the person."),
        "They have taken your case. A coordinator gives them what you agreed they may read. They will contact you.": N_(
            "They have taken the case. A coordinator gives them what you agreed they may read. They will contact the person."
        ),
        "They have put you on their waiting list.": N_("They have put the person on their waiting list."),
        "You have been helped with this.": N_("The person has been helped with this."),
        "You have been advised about this.": N_("The person has been advised about this."),
        "Has {centre} contacted you?": N_("Has {centre} contacted the person?"),
        "{centre} says that their work is done. Have they helped you?": N_(
            "{centre} says that their work is done. Have they helped the person?"
        ),
        "I no longer need help": N_("The person no longer needs help"),
        "What date is printed on your letter? When did you receive it?": N_("What date is printed on the letter? When did the person receive it?"),
        "Which documents do you have with you?": N_("Which documents does the person have there?"),
        "Which language can a lawyer speak with you?": N_("Which language can a lawyer speak with the person?"),
        "Which region or city do you live in now?": N_("Which region or city does the person live in now?"),
        "Is there a safe way to reach you by phone or messenger? If there is not, please tell us.": N_("Is there a safe way to reach the person by phone or messenger? If there is not, please tell us."),
        "Who else in your family needs help?": N_("Who else in the person’s family needs help?"),
    }
)  # fmt: skip
"""The same for what the pages after the form say: the check page, the receipt, the page of the request and its choices."""


def is_for_another(form: Mapping[str, Sequence[str]]) -> bool:
    """Whether the answers of this form say that somebody fills it in for another."""
    return (form.get("for_whom") or [""])[-1] in FOR_ANOTHER


def asked(message: str, form: Mapping[str, Sequence[str]]) -> str:
    """The English sentence of a question, an answer or an error, as this form asks it."""
    return OF_THE_PERSON.get(message, message) if is_for_another(form) else message


def on_pages(form: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """The sentences that the pages after this form word differently; none for somebody who asks for themself."""
    return ON_PAGES if is_for_another(form) else {}
