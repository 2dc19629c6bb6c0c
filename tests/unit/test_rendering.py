"""Templates are rendered with the sentences of a domain: the person's catalogue, or that of staff and partners."""

import gettext
from collections.abc import Iterator

import pytest
from jinja2.runtime import Context
from markupsafe import Markup

from app.core import i18n
from app.core.i18n import PERSON, STAFF, translator
from app.web.components import rendering
from app.web.components.rendering import environment


class Polish(gettext.NullTranslations):
    """A made-up catalogue of the staff's domain with one message."""

    def gettext(self, message: str) -> str:
        return "Kolejka & sprawy" if message == "Queue" else super().gettext(message)


@pytest.fixture
def in_polish(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = i18n._catalogue
    monkeypatch.setattr(i18n, "_catalogue", lambda code, domain: Polish() if domain == STAFF else real(code, domain))
    translator.cache_clear()
    yield
    translator.cache_clear()


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("""{{ _("Don't <b>stop</b> & go") }}""", "Don&#39;t &lt;b&gt;stop&lt;/b&gt; &amp; go"),
        ("""{{ _("Hello {name}", name=name) }}""", "Hello &lt;Ana&gt;"),
        ("""{{ _(codes["a"]) }}""", "Done &amp; dusted"),
        ("""<a title="{{ _("Say “no”") }}">{{ _("A") if yes else _("B") }}</a>""", '<a title="Say “no”">A</a>'),
        ("""{% set said = _("<i>") %}{{ said ~ name }}{{ _("Done") | upper }}""", "&lt;i&gt;&lt;Ana&gt;DONE"),
        ("""{% macro m(_) %}{{ _("Yes") }}{% endmacro %}{{ m(_) }}""", "Yes"),
        ("""{% for one in "ab" %}{{ _("Yes") }}{{ loop.index }}{% endfor %}""", "Yes1Yes2"),
        ("""{{ n_("{n} case", "{n} cases", 2) }}""", "2 cases"),
        ("""{% block b %}{{ _("Yes") }}{% endblock %}{{ self.b() }}""", "YesYes"),
    ],
)
def test_a_sentence_is_looked_up_filled_in_and_escaped(source: str, html: str) -> None:
    words = translator("en", STAFF)
    given = {"_": words.text, "n_": words.plural, "name": "<Ana>", "yes": True, "codes": {"a": "Done & dusted"}}
    assert environment().from_string(source).render(given) == html


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("en; q=0.7, pl; q=0.9", "pl"),
        ("en ; q = 0.7 , pl ; q = 0.9", "pl"),
        ("ua, en;q=0.5", "uk"),
        ("de-CH,de;q=0.9", "de"),
        ("ru_RU", "ru"),
        ("fr, *;q=0.1", "ru"),
        ("en;q=0, ka;q=0.1", "ka"),
        ("pl;q=.9, de;q=.95", "de"),
        ("q=1", "ru"),
        ("", "ru"),
    ],
)
def test_the_language_that_a_browser_prefers(accept: str, language: str) -> None:
    assert rendering.preferred_language(accept) == language


@pytest.mark.usefixtures("in_polish")
def test_a_catalogue_of_the_staffs_domain_is_all_that_a_translation_takes() -> None:
    words = translator("pl", STAFF)
    template = environment().from_string("""{{ _("Queue") }} {{ _(label) }}""")
    assert template.render(_=words.text, label="Queue") == "Kolejka &amp; sprawy Kolejka &amp; sprawy"


@pytest.mark.usefixtures("in_polish")
def test_what_the_staffs_catalogue_does_not_have_comes_from_the_persons() -> None:
    assert translator("pl", STAFF).text("Leave now") == translator("pl", PERSON).text("Leave now") != "Leave now"


@pytest.mark.parametrize("language", ["de", "ka", "en"])
def test_a_persons_page_speaks_the_language_it_is_asked_for(language: str) -> None:
    shown = rendering.render("person/error.html", language, status=404, message="x")
    assert translator(language).text("Leave now") in shown


def test_macros_and_functions_are_called_as_jinja_calls_them() -> None:
    """Our context leaves out the checks that Jinja makes for each call; what comes out is the same, and escaped once."""
    source = (
        "{% macro inner(text, more='<') %}<i>{{ text }}{{ more }}{{ caller() if caller is defined }}</i>{% endmacro %}"
        "{% macro outer(text) %}{{ inner(text, more='&') }}{% call inner(text) %}{{ text }}{% endcall %}{% endmacro %}"
        "{% block main %}{% for text in texts %}{{ outer(text) }}{{ lines(text) }}"
        "{{ loop.cycle('a', 'b') }}{% endfor %}{% endblock %}"
    )
    ours = environment().overlay()
    jinjas = environment().overlay()
    jinjas.context_class = Context
    said = {"texts": ["<b>", "a\nb & c", Markup("<u>known</u>")]}
    html = ours.from_string(source).render(said)
    assert html == jinjas.from_string(source).render(said)
    assert "<i>&lt;b&gt;&amp;</i>" in html


def test_what_is_called_directly_says_the_same_as_with_the_checks_of_jinja() -> None:
    source = "{% for key in 'ab' %}{{ texts.get(key, '–') }}{{ css('base.css') }}{% endfor %}"
    ours, jinjas = environment().overlay(), environment().overlay()
    jinjas.context_class = Context
    html = ours.from_string(source).render(texts={"a": "<b>"})
    assert html == jinjas.from_string(source).render(texts={"a": "<b>"})
    assert html.startswith("&lt;b&gt;/s/")


def test_a_method_of_a_dictionary_and_a_remembered_function_are_called_without_the_checks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checked: list[object] = []
    monkeypatch.setattr(Context, "call", lambda _self, target, *_args, **_kwargs: checked.append(target))
    environment().from_string("{{ texts.get('a') }}{{ css('base.css') }}").render(texts={})
    assert checked == []


def test_a_template_and_what_it_imports_have_the_globals_in_one_plain_dictionary() -> None:
    names = environment().from_string("").globals
    assert type(names) is dict
    assert names["languages"] is i18n.LANGUAGES
    assert environment().from_string("{{ more }}", globals={"more": "own"}).render() == "own"
