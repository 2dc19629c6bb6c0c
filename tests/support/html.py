"""Is a page valid HTML? Parsed by the standard's own rules without forgiveness; what a parser does not mind is looked at too."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import html5lib

_NAME: Final = "{http://www.w3.org/1999/xhtml}"
_POINTS_AT: Final = ("for", "aria-describedby", "aria-labelledby", "form")
_PHRASING_ONLY: Final = frozenset({"p", "span", "label", "button", "summary", "h1", "h2", "h3", "h4", "strong", "a"})
_FLOW: Final = frozenset(
    {"div", "p", "ul", "ol", "dl", "table", "form", "section", "fieldset", "details", "figure", "nav"}
)
_PRESSED: Final = frozenset({"a", "button", "input", "select", "textarea", "label", "summary"})
_OWN: Final = ("data-", "aria-")
_ATTRIBUTES: Final[dict[str, frozenset[str]]] = {
    "*": frozenset(
        {
            "autocapitalize",
            "autofocus",
            "class",
            "id",
            "lang",
            "hidden",
            "role",
            "tabindex",
            "translate",
            "title",
            "dir",
        }
    ),
    "a": frozenset({"href", "rel", "hreflang"}),
    "button": frozenset({"name", "value", "form", "formaction", "formtarget", "type", "disabled"}),
    "details": frozenset({"open"}),
    "fieldset": frozenset({"disabled"}),
    "form": frozenset({"action", "method", "enctype", "novalidate"}),
    "html": frozenset(),
    "input": frozenset(
        {"type", "name", "value", "checked", "inputmode", "maxlength", "autocomplete", "spellcheck", "accept"}
    ),
    "label": frozenset({"for"}),
    "link": frozenset({"rel", "href"}),
    "meta": frozenset({"charset", "name", "content"}),
    "ol": frozenset({"start"}),
    "optgroup": frozenset({"label"}),
    "option": frozenset({"value", "selected"}),
    "select": frozenset({"name"}),
    "td": frozenset({"colspan", "rowspan", "headers"}),
    "textarea": frozenset({"name", "rows", "maxlength", "autocomplete", "spellcheck", "readonly"}),
    "th": frozenset({"scope", "colspan", "rowspan"}),
    "time": frozenset({"datetime"}),
}


def faults(text: str) -> list[str]:
    """What is wrong with the page, in words; nothing for a valid one."""
    parser = html5lib.HTMLParser(strict=False)
    tree = parser.parse(text)
    found = [f"parse: {code} at {place}" for place, code, _ in parser.errors]
    elements = [element for element in tree.iter() if isinstance(element.tag, str) and element.tag.startswith(_NAME)]
    return (
        found + list(_ids(elements)) + list(_headings(elements)) + list(_attributes(elements)) + list(_inside(tree, ()))
    )


def _headings(elements: list[Any]) -> Iterator[str]:
    """One h1, before every other heading, and no level is left out on the way down."""
    levels = [int(_kind(element)[1]) for element in elements if _kind(element) in {"h1", "h2", "h3", "h4", "h5", "h6"}]
    if levels.count(1) != 1:
        yield f"there are {levels.count(1)} h1"
    for above, level in zip([0, *levels], levels, strict=False):
        if level > above + 1:
            yield f"h{level} follows {f'h{above}' if above else 'nothing'}"


def _ids(elements: list[Any]) -> Iterator[str]:
    ids = Counter(element.get("id") for element in elements if element.get("id") is not None)
    yield from (f"id {name!r} stands there {count} times" for name, count in ids.items() if count > 1 or not name)
    for element in elements:
        for attribute in _POINTS_AT:
            for target in (element.get(attribute) or "").split():
                if target not in ids:
                    yield f"{_kind(element)} {attribute} points at {target!r}, which is not there"
        link = element.get("href") or ""
        if link.startswith("#") and link[1:] not in ids:
            yield f"a link leads to {link!r}, which is not there"


def _attributes(elements: list[Any]) -> Iterator[str]:
    for element in elements:
        kind = _kind(element)
        allowed = _ATTRIBUTES["*"] | _ATTRIBUTES.get(kind, frozenset())
        for name in element.attrib:
            if name not in allowed and not name.startswith(_OWN):
                yield f"{kind} has {name!r}"


def _inside(element: Any, above: tuple[str, ...]) -> Iterator[str]:
    kind = _kind(element)
    parent = above[-1] if above else ""
    if kind in _FLOW and parent in _PHRASING_ONLY - {"a"}:
        yield f"{kind} stands in {parent}"
    if kind in _PRESSED and set(above) & {"a", "button", "summary"}:
        yield f"{kind} stands in something to press"
    if kind == "li" and parent not in {"ul", "ol", "menu"}:
        yield f"li stands in {parent}"
    if parent in {"ul", "ol"} and kind != "li":
        yield f"{kind} stands in a list"
    if kind in {"dt", "dd"} and parent not in {"dl", "div"}:
        yield f"{kind} stands in {parent}"
    if kind == "form" and "form" in above:
        yield "form stands in form"
    for child in element:
        if isinstance(child.tag, str):
            yield from _inside(child, (*above, kind))


def default_buttons(text: str) -> list[tuple[str, str, int]]:
    """Of each form: its action, what Enter presses ("name=value → address: words"; "" for nothing), and its number of fields.

    By the rules of HTML for implicit submission: the first submit button of the form in the order of the document.
    """
    tree = html5lib.HTMLParser(strict=False).parse(text)
    forms = {id(form): form for form in tree.iter(f"{_NAME}form")}
    by_name = {form.get("id"): form for form in forms.values() if form.get("id")}
    owner = {id(child): form for form in forms.values() for child in form.iter()}
    pressed: dict[int, str] = {}
    fields: Counter[int] = Counter()
    for element in tree.iter():
        if not isinstance(element.tag, str) or _kind(element) not in {"button", "input", "select", "textarea"}:
            continue
        form = by_name.get(element.get("form")) if element.get("form") else owner.get(id(element))
        if form is None:
            continue
        kind, type_ = _kind(element), element.get("type")
        if (kind == "button" and type_ in {None, "submit"}) or (kind == "input" and type_ in {"submit", "image"}):
            words = " ".join("".join(element.itertext()).split())
            chosen = f"{element.get('name')}={element.get('value')}" if element.get("name") else ""
            pressed.setdefault(id(form), f"{chosen} → {element.get('formaction') or ''}: {words}")
        elif type_ not in {"hidden", "button"}:
            fields[id(form)] += 1
    return [(form.get("action") or "", pressed.get(key, ""), fields[key]) for key, form in forms.items()]


def _kind(element: Any) -> str:
    return str(element.tag).removeprefix(_NAME)
