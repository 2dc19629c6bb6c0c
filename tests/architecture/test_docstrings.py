"""What a docstring names exists: exceptions after "Raises", files, and names in backticks."""

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARSED = {path: ast.parse(path.read_text()) for path in sorted((ROOT / "app").rglob("*.py"))}
OF_LIBRARIES = {"IntegrityError", "UndefinedError", "NoResultFound"}
RAISES = re.compile(r"\bRaises ((?:[A-Z]\w+(?: \([^()]*\))?(?:, and |, | and | or )?)+)")
FILE = re.compile(r"\b(?:app|tests|docs|alembic|bench|mutants|drill|deploy)/[\w./-]*\.(?:py|md|yaml|html|json)\b")
NAME = re.compile(r"`([A-Za-z][\w.]*\.[A-Za-z_]\w*|_?[a-z]+_\w+)`")


def docstrings() -> Iterator[tuple[Path, ast.AST, str]]:
    for path, tree in PARSED.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield path, node, " ".join(text.split())


@cache
def words_of_code() -> frozenset[str]:
    """Every word of the sources and templates outside docstrings, and the names of modules."""
    texts = {text for tree in PARSED.values() for node in ast.walk(tree) if (text := docstring_node(node)) is not None}
    words = {part for path in PARSED for part in path.relative_to(ROOT).with_suffix("").parts}
    for tree in PARSED.values():
        for node in ast.walk(tree):
            for value in vars(node).values():
                if isinstance(value, str) and not (isinstance(node, ast.Constant) and node in texts):
                    words.update(re.findall(r"\w+", value))
    for template in (ROOT / "app").rglob("*.html"):
        words.update(re.findall(r"\w+", template.read_text()))
    return frozenset(words)


def docstring_node(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return body[0].value
    return None


def test_each_exception_that_a_docstring_names_exists() -> None:
    unknown = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, _node, text in docstrings()
        for named in RAISES.findall(text)
        for name in re.findall(r"[A-Z]\w+", re.sub(r"\([^()]*\)", "", named))
        if name not in words_of_code() and not hasattr(builtins, name) and name not in OF_LIBRARIES
    ]
    assert unknown == []


def test_each_file_that_a_docstring_names_exists() -> None:
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, _node, text in docstrings()
        for name in FILE.findall(text)
        if not (ROOT / name).exists()
    ]
    assert missing == []


def test_each_name_in_backticks_is_one_of_the_code() -> None:
    gone = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, _node, text in docstrings()
        for name in NAME.findall(text)
        if not set(name.split(".")) <= words_of_code()
    ]
    assert gone == []
