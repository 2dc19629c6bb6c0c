"""Which test goes through which lines: the modules of `app/` are compiled with a mark at the beginning of each block.

A block is a run of statements that follow each other without a branch. Its mark is one byte in memory shared with forked
children, so that a mark costs some nanoseconds, and what each test has left there is read and wiped after it. Nothing is
written beside the modules: their compiled form stays in memory.
"""

import ast
import importlib.abc
import importlib.machinery
import mmap
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

ROOM: Final = 1 << 18  # blocks; app/ has some 20,000
_MARKS: Final = "__marks__"
_COMPOUND: Final = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.Match)
_FUNCTION: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of statements of one function: its lines, and the function's qualified name."""

    first: int
    last: int
    function: str


@dataclass(slots=True)
class _Marker:
    """Writes a mark at the beginning of each block of a module's functions, numbered from `number` on."""

    number: int
    blocks: list[Block] = field(default_factory=list)

    def module(self, tree: ast.Module) -> None:
        self._definitions(tree.body, "")

    def _definitions(self, body: list[ast.stmt], scope: str) -> None:
        for statement in body:
            if isinstance(statement, _FUNCTION):
                self._function(statement, scope)
            elif isinstance(statement, ast.ClassDef):
                self._definitions(statement.body, f"{scope}{statement.name}.")
            else:
                for nested in _bodies(statement):
                    self._definitions(nested, scope)

    def _function(self, found: ast.FunctionDef | ast.AsyncFunctionDef, scope: str) -> None:
        name = f"{scope}{found.name}"
        found.body = self._marked(found.body, name)

    def _marked(self, body: list[ast.stmt], name: str) -> list[ast.stmt]:
        marked: list[ast.stmt] = []
        start = True
        for at, statement in enumerate(body):
            if at == 0 and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                marked.append(statement)  # the docstring stays first
                continue
            if start:
                marked.append(self._mark(statement, name))
                start = False
            else:
                self.blocks[-1] = Block(self.blocks[-1].first, _header_end(statement), name)
            marked.append(statement)
            if isinstance(statement, _FUNCTION):
                self._function(statement, f"{name}.<locals>.")
                start = True
            elif isinstance(statement, ast.ClassDef):
                self._definitions(statement.body, f"{name}.<locals>.{statement.name}.")
                start = True
            elif isinstance(statement, _COMPOUND):
                for holder, attribute in _places(statement):
                    setattr(holder, attribute, self._marked(getattr(holder, attribute), name))
                start = True
        return marked

    def _mark(self, before: ast.stmt, name: str) -> ast.stmt:
        number = self.number + len(self.blocks)
        self.blocks.append(Block(before.lineno, _header_end(before), name))
        mark = ast.parse(f"{_MARKS}[{number}] = 1").body[0]
        for node in ast.walk(mark):
            if isinstance(node, ast.expr | ast.stmt):
                node.lineno = node.end_lineno = before.lineno
                node.col_offset = node.end_col_offset = before.col_offset
        return mark


def _places(statement: ast.stmt) -> Iterator[tuple[Any, str]]:
    for attribute in ("body", "orelse", "finalbody"):
        if getattr(statement, attribute, None):
            yield statement, attribute
    for holder in [*getattr(statement, "handlers", []), *getattr(statement, "cases", [])]:
        yield holder, "body"


def _bodies(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for holder, attribute in _places(statement):
        yield getattr(holder, attribute)


def _header_end(statement: ast.stmt) -> int:
    """The last line that belongs to the statement itself and not to a body of its own."""
    bodies = [body[0].lineno for body in _bodies(statement) if body] if isinstance(statement, _COMPOUND) else []
    if bodies:
        return max(statement.lineno, min(bodies) - 1)
    if isinstance(statement, (*_FUNCTION, ast.ClassDef)):
        return max(statement.lineno, statement.body[0].lineno - 1)
    return statement.end_lineno or statement.lineno


def marked(source: str, path: str, number: int) -> tuple[CodeType, list[Block]]:
    """The module's code with marks from `number` on, and its blocks in that order."""
    tree = ast.parse(source, path)
    marker = _Marker(number)
    marker.module(tree)
    return compile(tree, path, "exec", dont_inherit=True), marker.blocks


@dataclass(frozen=True, slots=True)
class Marked:
    """A module that is loaded: its path in the tree, the hash of its source, its first number, its blocks."""

    path: str
    digest: str
    first: int
    blocks: list[Block]


class Marks(importlib.abc.MetaPathFinder):
    """Finds the modules of a package before others do, and loads them with marks."""

    def __init__(self, root: Path, package: str) -> None:
        self.root, self.package = root, package
        self.memory = mmap.mmap(-1, ROOM)
        self.modules: list[Marked] = []
        self.number = 0

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.package and not fullname.startswith(f"{self.package}."):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path or [str(self.root)], target)
        if spec is not None and isinstance(spec.loader, importlib.machinery.SourceFileLoader):
            spec.loader = _Loader(self, spec.loader.name, spec.loader.path)
        return spec

    def code(self, source: str, path: str) -> CodeType:
        code, blocks = marked(source, path, self.number)
        inside = str(Path(path).relative_to(self.root))
        self.modules.append(Marked(inside, digest(source), self.number, blocks))
        self.number += len(blocks)
        assert self.number < ROOM, "more blocks than there is room for"
        return code

    def taken(self) -> list[int]:
        """The numbers of the blocks that were gone through since the last time."""
        found = self.memory[: self.number]
        self.memory[: self.number] = bytes(self.number)
        return [number for number, byte in enumerate(found) if byte]


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, marks: Marks, name: str, path: str) -> None:
        super().__init__(name, path)
        self._marks = marks

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return self._marks.code(self.get_data(self.path).decode(), self.path)

    def exec_module(self, module: ModuleType) -> None:
        vars(module)[_MARKS] = self._marks.memory
        super().exec_module(module)


def digest(source: str) -> str:
    return sha256(source.encode()).hexdigest()[:16]


def watch(root: Path, package: str = "app") -> Marks:
    """From now on the modules of this package are loaded with marks."""
    marks = Marks(root, package)
    sys.meta_path.insert(0, marks)
    return marks
