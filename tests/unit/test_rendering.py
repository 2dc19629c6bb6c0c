"""Sentences that are put into the desk's templates when they are compiled come out as if they were looked up each time."""

import pytest
from jinja2 import Environment

from app.core.i18n import translator
from app.web.components import rendering
from app.web.components.rendering import _OneLanguage, environment


def both(source: str) -> list[str]:
    words = translator("en")
    given = {"_": words.text, "n_": words.plural, "name": "<Ana>", "yes": True, "codes": {"a": "Done & dusted"}}
    return [environment(kind).from_string(source).render(given) for kind in (Environment, _OneLanguage)]


@pytest.mark.parametrize(
    ("source", "html"),
    [
        ("""{{ _("Don't <b>stop</b> & go") }}""", "Don&#39;t &lt;b&gt;stop&lt;/b&gt; &amp; go"),
        ("""{{ _("Hello {name}", name=name) }}""", "Hello &lt;Ana&gt;"),
        ("""{{ _(codes["a"]) }}""", "Done &amp; dusted"),
        ("""<a title="{{ _("Say “no”") }}">{{ _("A") if yes else _("B") }}</a>""", '<a title="Say “no”">A</a>'),
        ("""{% set said = _("<i>") %}{{ said ~ name }}{{ _("Done") | upper }}""", "&lt;i&gt;&lt;Ana&gt;DONE"),
        ("""{% macro m(_) %}{{ _("Yes") }}{% endmacro %}{{ m(_) }}""", "Yes"),
        ("""{{ n_("{n} case", "{n} cases", 2) }}""", "2 cases"),
    ],
)
def test_both_ways_say_the_same(source: str, html: str) -> None:
    assert both(source) == [html, html]


def test_a_fixed_sentence_is_not_looked_up_when_the_page_is_made() -> None:
    asked: list[str] = []
    template = environment(_OneLanguage).from_string("""{{ _("Queue") }} {{ _(word) }}""")
    assert template.render(_=lambda message: asked.append(message) or message, word="Mine") == "Queue Mine"
    assert asked == ["Mine"]


@pytest.mark.parametrize("language", ["de", "ka", "en"])
def test_a_persons_page_speaks_the_language_it_is_asked_for(language: str) -> None:
    environment(_OneLanguage).get_template(
        "person/error.html"
    )  # compiled for the desk it would say everything in English
    shown = rendering.render("person/error.html", language, status=404, message="x")
    assert translator(language).text("Leave now") in shown


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "ru"), ("*", "ru"), ("fr, ja;q=0.9", "ru"), ("de", "de"), ("de-AT, en;q=0.5", "de"), ("PL", "pl"),
        ("fr, uk;q=0.3, pl;q=0.9", "pl"), ("en;q=0.8,ka;q=0.8", "en"), ("en;q=0", "ru"), ("lt;q=much, be;q=0.1", "be"),
        (";;,,=", "ru"),
    ],
)  # fmt: skip
def test_the_first_page_speaks_the_browsers_first_language_that_we_have(header: str, language: str) -> None:
    assert rendering.preferred_language(header) == language
