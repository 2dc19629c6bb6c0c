"""How a question is worded when somebody answers it for another: it says "the person" instead of "you".

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
        "We will write only “There is something new for you”, unless you let us say who we are. We write by e-mail or Signal only if you also allow us to leave you a message. What our system cannot send, a coordinator sends. To do this, we must store your address in a form that our system can read. Signal sees that we wrote to you and when, but not what. The safest choice is not to tick this.": N_(
            "We will write only “There is something new for you”, unless you let us say who we are. We write by e-mail or Signal only if you also allow us to leave the person a message. What our system cannot send, a coordinator sends. To do this, we must store the address in a form that our system can read. Signal sees that we wrote to the person and when, but not what. The safest choice is not to tick this."
        ),
        "To be notified, choose another way for us to reach you, such as e-mail.": N_(
            "So that the person can be notified, choose another way for us to reach them, such as e-mail."
        ),
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
        "A coordinator opened how to contact you.": N_("A coordinator opened how to contact the person."),
        "{centre} opened what you wrote and how to contact you.": N_("{centre} opened what you wrote and how to contact the person."),
        "{centre} opened what you wrote and how to contact you, with a link and a code.": N_("{centre} opened what you wrote and how to contact the person, with a link and a code."),
        "A coordinator opened what you wrote and how to contact you, to give it to {centre}.": N_("A coordinator opened what you wrote and how to contact the person, to give it to {centre}."),
        "They are working on your case.": N_("They are working on the case."),
        "They have paused work on your case.": N_("They have paused work on the case."),
        "They have finished their work on your case.": N_("They have finished their work on the case."),
        "They have no account here and cannot open your request. Before they agree to help, they hear only what it is about, without your name.": N_("They have no account here and cannot open the person’s request. Before they agree to help, they hear only what it is about, without the person’s name."),
        "They have no account here. With a link and a code they see what your request is about, without your name. Only if they agree to help can they read what you wrote and how to contact you.": N_("They have no account here. With a link and a code they see what the request is about, without the person’s name. Only if they agree to help can they read what you wrote and how to contact the person."),
        "They have taken your case. With a link and a code they can read what you agreed they may read. They will contact you.": N_("They have taken the case. With a link and a code they can read what you agreed they may read. They will contact the person."),
        "You have moved. May the coordinators in {country} take over your request?": N_("The person has moved. May the coordinators in {country} take over the request?"),
        "Which time suits you?": N_("Which time suits the person?"),
        "I do not want a meeting": N_("The person does not want a meeting"),
        "If no lawyer answers in time, look whether the letter says that an appeal is possible. If it does, send the appeal yourself before the last day. Write who you are, which decision you mean, and that you appeal against it. Add your main reasons, even if they are short. Sign it.": N_("If no lawyer answers in time, look whether the letter says that an appeal is possible. If it does, the person can send the appeal without a lawyer before the last day. It says who the person is, which decision is meant, and that they appeal against it. It gives the main reasons, even if they are short. The person signs it."),
    }
)  # fmt: skip
"""The same for what the pages after the form say: the check page, the receipt, the page of the request and its choices."""

IN_REASONS: Final = MappingProxyType(
    {
        "They do not list {needs}, but they help with {listed}. Ask if they can help you.": N_("They do not list {needs}, but they help with {listed}. Ask if they can help the person."),
        "You share a language: {languages}.": N_("They share a language with the person: {languages}."),
        "They work in these languages: {languages}. You may need an interpreter.": N_("They work in these languages: {languages}. The person may need an interpreter."),
        "We do not know which languages they speak. Ask for an interpreter if you need one.": N_("We do not know which languages they speak. Ask for an interpreter if the person needs one."),
        "They work only in these languages: {languages}. Tell us which languages you speak and we will look again.": N_("They work only in these languages: {languages}. Tell us which languages the person speaks and we will look again."),
        "They work where you are: {regions}.": N_("They work where the person is: {regions}."),
        "They work only here: {regions}. Tell us where you are and we will look again.": N_("They work only here: {regions}. Tell us where the person is and we will look again."),
        "They work only in one place: {place}. Ask them if they can help you.": N_("They work only in one place: {place}. Ask them if they can help the person."),
        "They help people with your status: {statuses}.": N_("They help people with the person’s status: {statuses}."),
        "They help only people with this status: {statuses}. Tell us your status and we will look again.": N_("They help only people with this status: {statuses}. Tell us the person’s status and we will look again."),
        "They help only some people with your status. Ask them if they can help you.": N_("They help only some people with the person’s status. Ask them if they can help the person."),
        "They do not help all people with your status. Ask them if they can help you.": N_("They do not help all people with the person’s status. Ask them if they can help the person."),
        "They help people like you: {groups}.": N_("They help people like this person: {groups}."),
        "They help only these people: {groups}. If this is you, tell us and we will look again.": N_("They help only these people: {groups}. If the person is one of them, tell us and we will look again."),
        "They help only people with this citizenship: {countries}. Tell us yours and we will look again.": N_("They help only people with this citizenship: {countries}. Tell us the person’s and we will look again."),
        "They help women. If this is you, ask them.": N_("They help women. If the person is a woman, ask them."),
        "They help people of your age.": N_("They help people of the person’s age."),
        "They take cases as urgent as yours.": N_("They take cases as urgent as this one."),
        "They do not take cases as urgent as yours.": N_("They do not take cases as urgent as this one."),
        "They take requests with a deadline as close as yours.": N_("They take requests with a deadline as close as this one."),
        "They take only requests with an earlier deadline than yours.": N_("They take only requests with an earlier deadline than this one."),
        "They take only requests with a close deadline. Tell us the date of your letter and we will look again.": N_("They take only requests with a close deadline. Tell us the date of the letter and we will look again."),
        "They do not work in every country. Tell us where you are and we will look again.": N_("They do not work in every country. Tell us where the person is and we will look again."),
        "They take requests in your language.": N_("They take requests in the person’s language."),
        "They do not work in every language. Tell us yours and we will look again.": N_("They do not work in every language. Tell us which languages the person speaks and we will look again."),
        "They work where you are.": N_("They work where the person is."),
        "They may not work in this place: {place}. Ask them if they can help you.": N_("They may not work in this place: {place}. Ask them if they can help the person."),
        "They do not work here: {regions}. Tell us where you are and we will look again.": N_("They do not work here: {regions}. Tell us where the person is and we will look again."),
        "They help people with your status.": N_("They help people with the person’s status."),
        "They do not help people with this status: {statuses}. Tell us yours and we will look again.": N_("They do not help people with this status: {statuses}. Tell us the person’s and we will look again."),
        "They help people like you.": N_("They help people like this person."),
        "They do not help these people: {groups}. Tell us if this is you and we will look again.": N_("They do not help these people: {groups}. Tell us if the person is one of them and we will look again."),
        "They help people with your citizenship.": N_("They help people with the person’s citizenship."),
        "They do not help people with this citizenship: {countries}. Tell us yours and we will look again.": N_("They do not help people with this citizenship: {countries}. Tell us the person’s and we will look again."),
        "They help people of your gender.": N_("They help people of the person’s gender."),
        "They do not help women. If this is not you, ask them.": N_("They do not help women. If the person is not a woman, ask them."),
        "They do not help people of your age.": N_("They do not help people of the person’s age."),
        "They need more time than you have before your deadline.": N_("They need more time than there is before the deadline."),
        "There is enough time for them before your deadline.": N_("There is enough time for them before the deadline."),
        "They need some time before a deadline. Tell us the date of your letter and we will look again.": N_("They need some time before a deadline. Tell us the date of the letter and we will look again."),
        "Their rules exclude requests like yours.": N_("Their rules exclude requests like this one."),
        "Your request meets their rules.": N_("The person’s request meets their rules."),
        "Their rules may exclude requests like yours. Ask them.": N_("Their rules may exclude requests like this one. Ask them."),
        "They work only in some countries. Tell us where you are and we will look again.": N_("They work only in some countries. Tell us where the person is and we will look again."),
        "They take only urgent cases. Tell us by when you need help and we will look again.": N_("They take only urgent cases. Tell us by when the person needs help and we will look again."),
        "They do not take every urgent case. Tell us by when you need help and we will look again.": N_("They do not take every urgent case. Tell us by when the person needs help and we will look again."),
        "We have not checked this centre yet. We never send your request there automatically.": N_("We have not checked this centre yet. We never send the person’s request there automatically."),
        "This is for people who cannot pay a lawyer. They will ask about your income.": N_("This is for people who cannot pay a lawyer. They will ask about the person’s income."),
        "This is a state body. If you have a problem with the authorities here, ask a lawyer first.": N_("This is a state body. If the person has a problem with the authorities here, ask a lawyer first."),
        "They help with {listed}. Ask if they can help you.": N_("They help with {listed}. Ask if they can help the person."),
        "You must act by {day} at the latest. Check the date in your letter: if it is earlier, that date counts.": N_("The person must act by {day} at the latest. Check the date in the letter: if it is earlier, that date counts."),
    }
)  # fmt: skip
"""The same for the reasons of centres (`app/matching/reasons.py`) and the deadline of a letter."""
IN_SOME_LANGUAGES: Final = MappingProxyType(
    {
        "We do not know the deadline for this letter. It may be over: act today. Speak to a lawyer. You may be able to ask for more time if you missed it for a good reason.": N_("We do not know the deadline for this letter. It may be over: act today. Speak to a lawyer. The person may be able to ask for more time if it was missed for a good reason."),
        "The deadline was probably {day}. Speak to a lawyer today. You may be able to ask for more time if you missed it for a good reason.": N_("The deadline was probably {day}. Speak to a lawyer today. The person may be able to ask for more time if it was missed for a good reason."),
        "Residence permit refused (the letter says you can object: Widerspruch)": N_("Residence permit refused (the letter names an objection: Widerspruch)"),
        "Residence permit refused (the letter says you can go to court: Klage)": N_("Residence permit refused (the letter names an action in court: Klage)"),
        "Court decision to detain you or to prolong detention": N_("Court decision to detain the person or to prolong detention"),
        "Return decision – you have been told to leave the country": N_("Return decision – the person has been told to leave the country"),
        "Court order to hold you in a guarded centre": N_("Court order to hold the person in a guarded centre"),
        "Yellow envelope: the date that the postman wrote on it starts the time limit, not the day on which you opened it.": N_("Yellow envelope: the date that the postman wrote on it starts the time limit, not the day on which it was opened."),
        "Did you move without telling the offices and the court? Then a letter to your old address can count from the day it was posted.": N_("Did the person move without telling the offices and the court? Then a letter to the old address can count from the day it was posted."),
        "The date on which you signed for the decision.": N_("The date on which the person signed for the decision."),
        "In a guarded centre: the date on the receipt that you signed there.": N_("In a guarded centre: the date on the receipt that the person signed there."),
        "If you moved and did not tell the office, a letter to your old address still counts.": N_("If the person moved and did not tell the office, a letter to the old address still counts."),
        "Hate crime (attack or threat because of who you are)": N_("Hate crime (attack or threat because of who somebody is)"),
        "Dismissal or expulsion because of your views": N_("Dismissal or expulsion because of the person’s views"),
        "Convicted, or arrest ordered, in your absence": N_("Convicted, or arrest ordered, in the person’s absence"),
        "If you applied for asylum on or after 12 June 2026, the limit may be only 5 days. We count this shorter limit.": N_("If the person applied for asylum on or after 12 June 2026, the limit may be only 5 days. We count this shorter limit."),
        "For emergencies where a life is in danger. The police may answer: this number does not protect you from the authorities.": N_("For emergencies where a life is in danger. The police may answer: this number does not protect anybody from the authorities."),
        "Who decides your appeal:": N_("Who decides the appeal:"),
        "You meet at this address: {place}": N_("They meet the person at this address: {place}"),
        "You speak by phone: {place}": N_("They speak with the person by phone: {place}"),
        "You speak by an encrypted call: {place}": N_("They speak with the person by an encrypted call: {place}"),
        "They call you": N_("They call the person"),
        "If you withdraw your agreement, the centre can no longer read your request. We will also stop asking it to help you.": N_("If you withdraw your agreement, the centre can no longer read the request. We will also stop asking it to help the person."),
        "Change anything that is no longer right. We will then look again for centres that can help you.": N_("Change anything that is no longer right. We will then look again for centres that can help the person."),
        "Everything we hold about you": N_("Everything we hold about the person"),
        "You can make a code for a lawyer or somebody else whom you trust. It opens your own words and what you need, not your name or your contact details. It works for a day and can be used 3 times. You see here when it was used, and you can stop it.": N_("You can make a code for a lawyer or somebody else whom you trust. It opens what you wrote and what the person needs, not the name or the contact details. It works for a day and can be used 3 times. You see here when it was used, and you can stop it."),
        "It opens your own words and what you need, not your name or your contact details.": N_("It opens what you wrote and what the person needs, not the name or the contact details."),
        "Your rights": N_("The person’s rights"),
        "Change how you contact me": N_("Change how you contact the person"),
        "Get a copy of all my data": N_("Get a copy of all the data"),
        "A coordinator contacts the centres that you chose, first without your name.": N_("A coordinator contacts the centres that you chose, first without the person’s name."),
        "A coordinator opened a document of yours.": N_("A coordinator opened a document."),
        "{centre} opened a document of yours.": N_("{centre} opened a document."),
        "Somebody opened a document of yours with the code that you made.": N_("Somebody opened a document with the code that you made."),
        "It also opens your letters and documents.": N_("It also opens the letters and documents."),
        "Your name and address may be in them.": N_("The person’s name and address may be in them."),
        "Show my letters and documents too": N_("Show the letters and documents too"),
        "A centre has taken your case.": N_("A centre has taken the case."),
        "They will be able to read your request, and the current team will not. Requests to centres, places on their waiting lists and agreed meetings are cancelled. You keep your place in our queue. The deadline of your letter does not change.": N_("They will be able to read the request, and the current team will not. Requests to centres, places on their waiting lists and agreed meetings are cancelled. The request keeps its place in our queue. The deadline of the letter does not change."),
        "How to save the deadline yourself": N_("How to save the deadline without a lawyer"),
        "We will also let you know in the way you chose when there is something new.": N_("We will also let the person know in the way you chose when there is something new."),
        "I am in another country": N_("The person is in another country"),
        "We have no room for new requests at the moment, except urgent ones. Nothing was sent. Please send it again in a few hours. Are you in danger, or is a deadline near? Then say so under “How urgent is it?” and send it now.": N_("We have no room for new requests at the moment, except urgent ones. Nothing was sent. Please send it again in a few hours. Is the person in danger, or is a deadline near? Then say so under “How urgent is it?” and send it now."),
        "Please look at the letter or decision you were given. What date is printed on it, and when did you receive it? This helps us work out your deadline.": N_("Please look at the letter or decision that the person was given. What date is printed on it, and when was it received? This helps us work out the deadline."),
        "In which town or region are you now? Some centres help only in certain places. You do not need to give the street.": N_("In which town or region is the person now? Some centres help only in certain places. You do not need to give the street."),
        "Which languages can you speak with a lawyer? Do you need an interpreter?": N_("Which languages can the person speak with a lawyer? Is an interpreter needed?"),
        "What documents or permission to stay do you have now, and until what date are they valid?": N_("What documents or permission to stay does the person have now, and until what date are they valid?"),
        "We could not reach you in the way you chose. Is there another safe way? You can also come back here with your number and read our answer.": N_("We could not reach the person in the way you chose. Is there another safe way? You can also come back here with your number and read our answer."),
        "Do you still need help with this? If something has changed, please write it here.": N_("Does the person still need help with this? If something has changed, please write it here."),
        "We have found a centre that may be able to help you. Please look at the question above and tell us if it may read your request.": N_("We have found a centre that may be able to help the person. Please look at the question above and tell us if it may read the request."),
        "We have looked at your letter. What it is about or its date is not certain yet. You see on this page which day we count with.": N_("We have looked at the letter. What it is about or its date is not certain yet. You see on this page which day we count with."),
        "We have read your letter and entered what it is about and its date. The deadline was worked out again. You see it on this page.": N_("We have read the letter and entered what it is about and its date. The deadline was worked out again. You see it on this page."),
    }
)  # fmt: skip
"""The same for what the packs, the appointments, the conversation and the page of the request say. In some languages both sentences are one,
because the first speaks of nobody there."""
_OF_ANOTHER: Final = MappingProxyType({**OF_THE_PERSON, **ON_PAGES, **IN_REASONS, **IN_SOME_LANGUAGES})


def is_for_another(form: Mapping[str, Sequence[str]]) -> bool:
    """Whether the answers of this form say that somebody fills it in for another."""
    return (form.get("for_whom") or [""])[-1] in FOR_ANOTHER


def asked(message: str, form: Mapping[str, Sequence[str]]) -> str:
    """The English sentence of a question, an answer or an error, as this form asks it."""
    return _OF_ANOTHER.get(message, message) if is_for_another(form) else message


def on_pages(form: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
    """The sentences that the pages after this form word differently; none for somebody who asks for themself."""
    return _OF_ANOTHER if is_for_another(form) else {}


def of_facts(facts: Mapping[str, object]) -> Mapping[str, str]:
    """The sentences that pages word differently, for the facts of a filed request."""
    return on_pages({"for_whom": [str(facts.get("for_whom", ""))]})
