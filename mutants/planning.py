"""Which tests are run for a change, and in which order: what goes through its line, quick and near tests first."""

import ast
import math
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Final

from mutants.changes import Change, Kind
from mutants.traces import IMPORT, Traces


@dataclass(frozen=True, slots=True)
class Plan:
    """The tests of one change."""

    change: Change
    tests: list[str]
    imported: bool  # the line runs while modules are imported: a new process has to


def plan(change: Change, root: Path, traces: Traces) -> Plan:
    """Tests that go through the changed line; for what stands outside functions, those of the functions that read it."""
    source = (root / change.path).read_text()
    if change.in_body:
        through = traces.through(change.path, change.line, change.function, source)
        imported = IMPORT in through
        if imported:
            through = through | traces.module(change.path) | _naming(change, root, traces)
    else:
        through, imported = _readers(change, source, root, traces), True
    tests = _ordered(change, through - {IMPORT}, root, traces)
    return Plan(change, _both_databases(change, tests), imported)


def _readers(change: Change, source: str, root: Path, traces: Traces) -> set[str]:
    """Of what stands outside a function: the tests of the functions of its module that name it, of others that do, else all."""
    names = _defined(source, change)
    found: set[str] = set()
    if names:
        word = re.compile(rf"\b({'|'.join(map(re.escape, sorted(names)))})\b")
        for path in _modules(root):
            text = (root / path).read_text()
            if path != change.path and not word.search(text):
                continue
            for function, first, last in _functions(text):
                if word.search("\n".join(text.splitlines()[first - 1 : last])):
                    found |= traces.through(path, -1, function, "")
    return found or (traces.module(change.path) | _naming(change, root, traces))


def _defined(source: str, change: Change) -> set[str]:
    """The names that the statement around this line gives to the module or the class."""
    tree = ast.parse(source)
    for statement in tree.body:
        if statement.lineno <= change.line <= (statement.end_lineno or 0):
            if isinstance(statement, ast.Assign):
                return {
                    node.id for target in statement.targets for node in ast.walk(target) if isinstance(node, ast.Name)
                }
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                return {statement.target.id}
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                return {statement.name}
    return set()


def _functions(text: str) -> list[tuple[str, int, int]]:
    found: list[tuple[str, int, int]] = []

    def look(body: list[ast.stmt], scope: str) -> None:
        for statement in body:
            if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append((f"{scope}{statement.name}", statement.lineno, statement.end_lineno or statement.lineno))
            elif isinstance(statement, ast.ClassDef):
                look(statement.body, f"{scope}{statement.name}.")

    look(ast.parse(text).body, "")
    return found


@cache
def _modules(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in sorted((root / "app").rglob("*.py"))]


def _naming(change: Change, root: Path, traces: Traces) -> set[str]:
    """The tests of files that import the module."""
    files = {file for file in _test_files(root) if _names(root, file, change.path)}
    return {test for test in traces.seconds if test.split("::")[0] in files}


@cache
def _test_files(root: Path) -> list[str]:
    return [str(path.relative_to(root)) for path in sorted((root / "tests").rglob("test_*.py"))]


@cache
def _names(root: Path, file: str, path: str) -> bool:
    package, _, module = path.removesuffix(".py").replace("/", ".").rpartition(".")
    if not (root / file).exists():
        return False
    text = (root / file).read_text()
    return bool(
        re.search(rf"{re.escape(package)}\.{module}\b|from {re.escape(package)} import [^\n]*\b{module}\b", text)
    )


def _ordered(change: Change, tests: set[str], root: Path, traces: Traces) -> list[str]:
    """Those whose names have the most words in common with the change; then from each file its quickest, then each file's
    second, and so on: first of those files that import the module."""
    common = _likeness(change, frozenset(traces.seconds))
    alike = sorted((test for test in tests if common(test) > 0), key=lambda test: (-common(test), test))[:_ALIKE]
    files: defaultdict[str, list[str]] = defaultdict(list)
    for test in tests:
        files[test.split("::")[0]].append(test)
    for found in files.values():
        found.sort(key=lambda test: (traces.seconds.get(test, 9), test))
    near = sorted(
        (file for file in files if _names(root, file, change.path)), key=lambda file: (len(files[file]), file)
    )
    far = sorted((file for file in files if file not in near), key=lambda file: (len(files[file]), file))
    turns = [
        test
        for group in (near, far)
        for row in zip_longest(*(files[file] for file in group))
        for test in row
        if test is not None
    ]
    return list(dict.fromkeys([*alike, *turns]))


_ALIKE: Final = 15


def _words(text: str) -> frozenset[str]:
    """The words of a name, without their endings."""
    found = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())
    return frozenset(word.removesuffix("s").removesuffix("ed") for word in found if len(word) > 2)


@cache
def _rarity(tests: frozenset[str]) -> dict[str, float]:
    counts = Counter(word for test in {name.partition("[")[0] for name in tests} for word in _words(test))
    return {word: math.log(len(tests) / count) for word, count in counts.items()}


def _likeness(change: Change, tests: frozenset[str]) -> Callable[[str], float]:
    rarity = _rarity(tests)
    mine = _words(f"{change.path} {change.function} {change.before}") - _words("app tests test py id")
    return lambda test: sum(rarity.get(word, 0) for word in mine & _words(test.partition("[")[0]))


def _both_databases(change: Change, tests: list[str]) -> list[str]:
    """Each test of a database on SQLite first; of what locks, on PostgreSQL first."""
    first, second = ("postgresql", "sqlite") if change.kind is Kind.LOCK else ("sqlite", "postgresql")
    known = dict.fromkeys(test for test in tests if f"[{second}" not in test)
    others = [
        test.replace(f"[{one}", f"[{other}") for test in tests for one, other in ((first, second), (second, first))
    ]
    return list(dict.fromkeys([*known, *(other for other in others if f"[{first}" in other), *tests, *others]))
