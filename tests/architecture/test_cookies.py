"""Cookies are named, written and read in one module, so that none is without the prefix that keeps strangers from planting it."""

import ast
from pathlib import Path

APP = Path(__file__).parents[2] / "app"


def users(*attributes: str) -> set[str]:
    return {
        path.relative_to(APP).as_posix()
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in attributes
    }


def words(*wanted: str) -> set[str]:
    return {
        path.relative_to(APP).as_posix()
        for path in APP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in wanted
    }


def test_a_cookie_is_set_and_deleted_in_one_module() -> None:
    assert users("set_cookie", "delete_cookie") == {"web/components/cookies.py"}


def test_a_cookie_is_read_in_one_module() -> None:
    assert users("cookies") <= {"web/components/cookies.py"}, "nobody asks the request itself"
    assert words("cookie", "set-cookie") == {"web/components/cookies.py"}
