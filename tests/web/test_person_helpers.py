"""Somebody fills the form in for another: each later question is about that person, and a coordinator can tell the two apart."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.i18n import LANGUAGES, translator
from app.directory.packs import load_packs
from app.intake import questions, schemas, vocabulary, wording
from app.matching import deadline_texts, reasons
from app.matching.code_names import CodeNames
from app.web.components.rendering import TEMPLATES
from app.web.desk import saved_replies
from app.web.person import form_fields
from tests.support.desk import StaffSite
from tests.support.partners import START
from tests.support.people import Browser, PersonSite, short_form
from tests.web.test_appointments import form
from tests.web.test_desk_case_followup import person
from tests.web.test_partner_case_file import accepted

WEB = Path(form_fields.__file__).parents[1]
WORD, HELPER, RULES, TONGUE = "кумкват-слово", "+48 600 700 800", "только вечером", "ногайский"


def test_the_table_rewords_only_what_is_asked_and_everything_that_says_you() -> None:
    asked = {text for q in questions.QUESTIONS.values() if not q.for_helper for text in (q.label, q.hint)}
    asked |= {step.title for step in questions.STEPS} | set(form_fields._MESSAGES.values())
    for words in (vocabulary.STATUSES, vocabulary.GROUPS, vocabulary.HELPS, vocabulary.CHANNELS):
        asked |= set(words.values())
    assert wording.OF_THE_PERSON.keys() <= asked, "a sentence that nothing asks any more"
    of_the_form = (
        "You can skip",
        "A few sentences",
        "Some centres",
        "I am filling",
        "For example",
        "I do not know",
    )
    ours = {"In your own words", "Another language, in your own words"}
    left = asked - wording.OF_THE_PERSON.keys() - ours
    spoken_to = {
        text
        for text in left
        if re.search(r"\b(you|your|i|me|my)\b", text, re.IGNORECASE) and not text.startswith(of_the_form)
    }
    assert spoken_to <= {
        questions.QUESTIONS["letter_kind"].hint,
        questions.QUESTIONS["letter_earlier_on"].hint,
    }


@pytest.mark.parametrize("language", [code for code in LANGUAGES if code != "en"])
def test_it_is_said_in_every_language(language: str) -> None:
    labels = {question.label for question in questions.QUESTIONS.values()}
    for own, of_another in wording.OF_THE_PERSON.items():
        text = translator(language).text(of_another)
        assert text not in {of_another, ""}, of_another
        assert own not in labels or text != translator(language).text(own), "the person would be spoken to"


def test_the_questions_speak_of_the_person(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/en/form/1").fill(for_whom="relative")
    assert browser.page.css_first("h1").text() == "What does the person need help with?"
    browser.fill(needs=["asylum"])
    assert "Which country is the person in now?" in browser.text
    assert "Does not have permission to stay" in browser.text
    browser.fill(country="PL").fill(how_soon="none")
    assert browser.page.css_first("h1").text() == "Languages and support the person needs"
    browser.fill().fill()
    assert "How can we reach you, if we cannot reach the person?" in browser.text
    browser.fill(channel="email")
    assert browser.answer.status_code == 422
    assert "Please tell us where we can reach the person" in browser.text
    own = person_site.browser().open("/en/form/1").fill(for_whom="self").open("/en/form/7")
    assert "if we cannot reach the person" not in own.text


def test_words_are_sealed_and_the_centre_reads_codes(office: StaffSite) -> None:
    label, _receipt = office.file(
        for_whom="relative", helps=["trauma", "sign_language"], other_language=TONGUE, spoken_word=WORD,
        helper={"address": HELPER, "good_times": RULES},
    )  # fmt: skip
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    for words in (WORD, HELPER, RULES, TONGUE):
        assert words not in page.text
    assert "Someone trained to talk with people after violence" in page.words()
    assert "I speak a language that is not in the list" in page.words()
    page = vera.submit(page, f"/desk/cases/{label}/contact", purpose="answer")
    for words in (WORD, HELPER, RULES, "Never say the word yourself", "The helper, if the person cannot be reached"):
        assert words in page.words()
    assert TONGUE in vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show").words()


def test_the_helpers_answers_are_not_kept_of_somebody_who_asks_for_themself() -> None:
    form = {
        "for_whom": ["self"],
        "needs": ["asylum"],
        "country": ["PL"],
        "how_soon": ["none"],
        "helper_address": [HELPER],
    }
    assert "helper" not in questions.to_answers(form, "ru")
    kept = questions.to_answers({**form, "for_whom": ["volunteer"], "other_language": [TONGUE]}, "ru")
    intake = schemas.read(kept, load_packs(), START.date())
    assert (intake.helper.address, intake.helps) == (HELPER, ("other_language",))
    assert questions.to_form(intake.answers())["helper_address"] == [HELPER]


def test_needs_are_in_six_kinds_and_somebody_who_does_not_know_has_an_answer(person_site: PersonSite) -> None:
    field = next(
        field
        for field in form_fields.fields(
            questions.STEPS[1].questions, {}, {}, CodeNames("en", load_packs()), load_packs()
        )
    )
    assert len(field.groups) == 6
    assert [option.value for group in field.groups for option in group.options][-1] == "unsure"
    browser = person_site.browser().open("/en/form/1").fill(for_whom="self")
    assert len(browser.page.css("details.kind")) == 5
    assert len(browser.page.css("details.kind[open]")) == 1, "the first kind, while nothing is chosen"
    browser.fill(needs=["housing"]).open("/en/form/2")
    assert len(browser.page.css("details.kind[open]")) == 1
    sent = short_form(person_site.browser(), "en", needs=["unsure"])
    assert sent.number()


def test_the_pages_after_the_form_speak_of_the_person_too(person_site: PersonSite) -> None:
    said = {"for_whom": "relative", "needs": ["asylum", "appeals"]}
    browser = short_form(person_site.browser(), "en", until_check=True, **said)
    for told in (
        "What the person needs, one by one",
        "These centres can help the person",
        "If you can, ask the person first.",
        "May they read the person’s request?",
        "without the person’s name",
    ):
        assert told in browser.text
    assert "your name" not in browser.text
    assert "These centres can help you" not in browser.text
    number = browser.fill().number()
    assert "What the person needs, one by one" in browser.text
    browser.open("/en/return").fill(number=number)
    assert "The person no longer needs help" in browser.text
    assert "Who may read the person’s request?" in browser.open("/en/case/centres").text
    own = short_form(person_site.browser(), "en", until_check=True, needs=["asylum", "appeals"])
    assert "the person" not in own.text


def test_the_reasons_of_centres_and_the_deadline_speak_of_the_person_too(person_site: PersonSite) -> None:
    letter = {"letter_kind": "PL.return_decision_appeal", "letter_received_on": person_site.time().date().isoformat()}
    said = {"for_whom": "volunteer", "needs": ["asylum", "lgbtq"], "how_soon": "week", **letter}
    browser = short_form(person_site.browser(), "en", until_check=True, **said)
    spoken_to = [text.text() for text in browser.page.css(".reasons li") if re.search(r"\byours?\b", text.text())]
    assert spoken_to == []
    assert "They share a language with the person: " in browser.text
    assert "The person must act by" in browser.text
    assert "You must act by" not in browser.text
    browser.fill()
    assert "The person must act by" in browser.text
    assert "They share a language with the person" in browser.text
    assert "У них и этого человека есть общий язык" in browser.open("/ru/sent").text, "in the language of the page"
    own = short_form(person_site.browser(), "en", until_check=True, **(said | {"for_whom": "self"}))
    assert "You share a language: " in own.text


def test_each_reason_that_says_you_has_a_sentence_about_the_person() -> None:
    of_the_helper = {  # what the helper did, or has to do
        "consent_allows.yes", "consent_allows.no", "need.not_no", "by_yourself",
    }  # fmt: skip
    sentences = {sentence for key, sentence in reasons.SENTENCES.items() if key not in of_the_helper}
    assert wording.IN_REASONS.keys() <= {*sentences, reasons._FOR_UNSURE, deadline_texts._KNOWN}, (
        "nobody says it any more"
    )
    assert {s for s in sentences if re.search(r"\b(you|yours?)\b", s, re.IGNORECASE)} <= wording.IN_REASONS.keys()
    for own, of_another in wording.IN_REASONS.items():
        assert not re.search(r"\b(you|yours?)\b", of_another, re.IGNORECASE), of_another
        assert set(re.findall(r"{\w+}", own)) == set(re.findall(r"{\w+}", of_another))
        for language in LANGUAGES:
            text = translator(language).text(of_another)
            assert language == "en" or text not in {"", of_another}, (language, of_another)
            assert translator(language).reworded(wording.IN_REASONS).text(own) == text


def test_each_sentence_of_the_pages_that_is_reworded_is_said_somewhere() -> None:
    said = "".join(
        file.read_text()
        for folder, ending in ((TEMPLATES, "html"), (WEB / "person", "py"))
        for file in folder.rglob(f"*.{ending}")
    )
    said = re.sub(r'"\n\s*"', "", said)  # a sentence on two lines is one
    for own, of_another in wording.ON_PAGES.items():
        assert f'_("{own}"' in said or f'"{own}"' in said, own
        assert not re.search(r"\b(you|your|me|my)\b", of_another) or "what you" in of_another or "you can" in of_another
    for language in LANGUAGES:
        if language != "en":
            for own, of_another in wording.ON_PAGES.items():
                text = translator(language).text(of_another)
                assert text not in {"", of_another, translator(language).text(own)}, (language, own)


SPEAKS_TO_THE_HELPER = re.compile(
    r"^("
    r"For someone (close to me|I am helping)"
    r"|The next questions are then worded for you, or about the person you help\."
    r"|(Something else, or )?I do not know"
    r"|In your own words|Another language, in your own words|I want to say more about what happened"
    r"|.*You can skip this\..*|Look at the heading of the letter\. If you are not sure, choose .*"
    r"|A lawyer can check an electronic signature .* Tick this only if you know that the file is signed\."
    r"|You can continue with the form at the same time\.|You can photograph the letter instead: .*"
    r"|We will write only “There is something new for you”, unless you let us say who we are\. .*"
    r"|The person or I will come back with the number"
    r"|You can say who you are when you contact the person|You can leave the person a message .*"
    r"|How can we reach you, if we cannot reach the person\?|What should we know before we contact you\?"
    r"|A word by which we recognise the person, or you, on the phone"
    r"|Everything you typed is still here\.|(Back to|Change) my answers|(Who can help, and y|Y)our answers"
    r"|Choose the centres we may ask\. If you can, ask the person first\. .*"
    r"|They have no account here\. .* the person’s name, contact details and what you wrote: .*"
    r"|(May we ask them\? )?Ask me first.*|.*Please check before you go\.( .*)?"
    r"|.*A coordinator can help you with that\.|They do not take requests from us\. You need to contact them yourself\."
    r"|.*Be careful what you tell them\."
    r"|.*[Yy]our (request|number)\b.*|.* my (request|number)\b.*"
    r"|Keep it where nobody else will find it\. Anyone who has it can read everything you wrote\. .*"
    r"|To confirm that you have it, type the last four digits|Save the dates in your calendar"
    r"|The file says only “Reminder” and the (days|time)\. Your calendar .*|Save the time in your calendar"
    r"|We will also let the person know in the way you chose when there is something new\."
    r"|.*centres? that you chose.*|While you wait|In these facts, “you” means the person you are helping\."
    r"|The letter says where to send it\. If you can, .*|If nobody has answered you by .*"
    r"|You can add photos or PDFs, .*|You never have to send a document\..*|.* You never have to send a document\."
    r"|Photograph each page .* You can still add .*|You can make a code for a lawyer or somebody else whom you trust\. .*"
    r"|It works until .* It opens what you wrote and what the person needs, .*|If you withdraw your agreement, .*"
    r"|I want a new number|Everything you wrote will be deleted .*|You can still write to us below\."
    r"|Change how you contact the person|Do not wait for our answer: contact a centre yourself today too\."
    r"|You asked for other times\. No time is agreed yet\. .*"
    r")$"
)  # fmt: skip
"""What whoever fills in the form does, knows, holds or decides: their number, their choices, their calendar."""
PIECES = "p, li, h1, h2, h3, label, legend, button, a, summary, dt, dd, span, option, strong"
SAYS_YOU = re.compile(r"\b([Yy]ou|[Yy]ours?|[Yy]ourself|I|[Mm]e|[Mm]y|[Mm]ine)\b")


def spoken_to(browser: Browser) -> set[str]:
    """The smallest pieces of the page's main part that say "you" and do not speak to the helper."""
    main = browser.page.css_first("main")
    assert main is not None
    says_whom = "In these facts, “you” means the person you are helping." in browser.text
    facts = {node.mem_id for node in main.css(".law, .law *")} if says_whom else set()
    found = set()
    for node in main.css(PIECES):
        own = " ".join(node.text(separator=" ").split())
        inner = (
            " ".join(child.text(separator=" ").split()) for child in node.css(PIECES) if child.mem_id != node.mem_id
        )
        if node.mem_id in facts or not SAYS_YOU.search(own) or any(SAYS_YOU.search(text) for text in inner):
            continue
        if not SPEAKS_TO_THE_HELPER.match(own):
            found.add(own)
    return found


def test_no_page_of_the_form_or_after_it_speaks_to_a_helper_as_to_the_person(person_site: PersonSite) -> None:
    browser, found = person_site.browser().open("/en/form/1"), dict[str, str]()
    today = person_site.time().date()
    letter = {
        "letter_kind": "PL.return_decision_appeal",
        "letter_received_on": (today - timedelta(days=60)).isoformat(),
    }

    def look(page: Browser) -> Browser:
        assert page.answer.status_code in {200, 422}, page.text
        found.update(dict.fromkeys(spoken_to(page), page.answer.url.path))
        return page

    needs = ["asylum", "appeals", "detention", "deportation", "residence_permit", "extradition_interpol"]
    for answers in (
        {"for_whom": "relative"},
        {"needs": needs},
        {"country": "PL"},
        {"how_soon": "today", **letter},
        {},
        {},
        {"channel": "signal", "address": ""},
    ):
        look(browser).fill(**answers)
    look(browser).fill(channel="email", address="a@b.example", notify="yes", may_leave_message="yes")
    look(look(browser).fill(c_x="ask"))
    number = browser.number()
    look(browser.open("/en/return").fill(number=number))
    look(browser.fill("/case/code")).open("/en/case")
    for place in (
        "centres",
        "answers",
        "copy",
        "documents",
        "saved",
        *(f"answers/{step.slug}" for step in questions.STEPS),
    ):
        look(browser.open(f"/en/case/{place}"))
        assert browser.answer.url.path == f"/en/case/{place}"
    assert found == {}


def test_a_meeting_is_with_the_person(office: StaffSite) -> None:
    label, path, receipt = accepted(office, for_whom="relative")
    partner, vera = office.as_("partner"), office.as_("vera")
    offered = form(("2026-11-26", "14:30"), way="phone", place="")
    assert partner.submit(partner.get(f"{path}/appointments"), f"{path}/appointments", **offered).did("times_offered")
    words = person(office, receipt).get("/en/case").words()
    assert "They speak with the person by phone: They call the person" in words
    assert "Which time suits the person?" in words
    assert "They call you" not in words
    asked = vera.get(f"/desk/cases/{label}/ask?question=region").words()
    assert "В каком городе или регионе этот человек сейчас?" in asked, "in the language of the case"


def test_what_packs_and_saved_questions_say_to_the_person_is_worded_for_a_helper_too() -> None:
    packs = load_packs()
    rows = [row for country in packs.places for row in packs.deadlines(country.code)]
    said = {row.label for row in rows} | {row.shorter.because for row in rows if row.shorter}
    said |= {rule.look_at for country in packs.places for rule in packs.service_rules(country.code)}
    said |= {need.label for need in packs.needs} | {entry.label for entry in packs.persecution}
    said |= {question.text for question in saved_replies.QUESTIONS.values()}
    addressed = {text for text in said if text and SAYS_YOU.search(text) and not SPEAKS_TO_THE_HELPER.match(text)}
    to_the_helper = {saved_replies.QUESTIONS[code].text for code in ("letter_kind", "letter_photo")}
    assert addressed - to_the_helper <= wording.IN_SOME_LANGUAGES.keys()


PRONOUNS = [
    ("ru", r"\b(вы|вас|вам|вами|ваш\w*)\b"), ("uk", r"\b(ви|вас|вам|вами|ваш\w*)\b"), ("be", r"\b(вы|вас|вам|вамі|ваш\w*)\b"),
    ("pl", r"\bPaństw"), ("lt", r"\b(Jūs\w*|Jum[ss]?|Jumis)\b"), ("ka", r"\bთქვენ"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "pronoun"), [("en", r"\b(you|yours?|yourself)\b"), *PRONOUNS])
def test_what_packs_say_of_a_letter_is_true_for_a_helper_too(language: str, pronoun: str) -> None:
    """One wording for both. In German the polite imperative speaks to whoever reads: ask, file, keep."""
    packs, words = load_packs(), translator(language)
    said = {
        sentence
        for country in packs.countries
        for row in packs.deadlines(country.code)
        for sentence in (
            *row.also, *row.remarks, *(text for step in row.then for text in (step.by, step.undated)),
            row.appeal_to or "", row.filed_through or "",
        )
    }  # fmt: skip
    assert len(said) > 50
    flags = re.NOFLAG if language == "pl" else re.IGNORECASE  # "państwa" is the state
    assert [text for sentence in said if re.search(pronoun, text := words.text(sentence), flags)] == []


@pytest.mark.parametrize(("language", "pronoun"), PRONOUNS)
def test_the_other_languages_do_not_speak_to_the_person_either(language: str, pronoun: str) -> None:
    words = translator(language)
    for own, of_another in wording.IN_SOME_LANGUAGES.items():
        assert set(re.findall(r"{\w+}", own)) == set(re.findall(r"{\w+}", of_another))
        text = words.text(of_another)
        assert text not in {"", of_another}, of_another
        assert words.text(own) != own, "nobody says it any more"
        if not SAYS_YOU.search(of_another):
            assert not re.search(pronoun, text, re.IGNORECASE), text
