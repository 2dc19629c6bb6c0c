"""The body of a form is read in one module, and where it comes from is looked at in one other."""

import ast
from pathlib import Path

WEB = Path(__file__).parents[2] / "app" / "web"
READERS = {"body", "form", "json", "stream"}
"""What a request gives its body by."""


def modules() -> list[Path]:
    return list(WEB.rglob("*.py"))


def names_of(path: Path) -> set[str]:
    """Attributes of `request` that the module calls, and its words."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {
        f"request.{node.func.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "request"
    }
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return called | words


def found(*wanted: str) -> set[str]:
    return {path.relative_to(WEB).as_posix() for path in modules() if names_of(path) & set(wanted)}


def test_a_body_is_read_by_the_one_reader() -> None:
    assert found(*(f"request.{name}" for name in READERS)) == {"components/forms.py"}


def test_tokens_of_forms_are_made_and_checked_in_one_place() -> None:
    assert found("form-token") == {"components/csrf.py"}


def test_where_a_form_comes_from_is_asked_in_one_place() -> None:
    """The first step of the person's form asks it too, of a GET: whether a strict cookie could have been sent at all."""
    assert found("sec-fetch-site", "origin") == {"components/csrf.py", "person/step_form.py"}
