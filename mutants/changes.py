"""The small changes that tests should notice, found in a module's source. A change replaces one stretch of text by another.

Each is made on a copy of the text and names itself by what it changes and not by its line, so that it keeps its name while
the module grows.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final


class Kind(StrEnum):
    """What is changed."""

    CONDITION = "condition"  # one condition of a query or of a comprehension is left out
    OWNER = "owner"  # the same, and the condition names whose it is
    EDGE = "edge"  # < becomes <=, and so on
    EQUALITY = "equality"  # == becomes !=, `in` becomes `not in`, and so on
    LOCK = "lock"  # a row is not locked, or a locked one not skipped
    GUARD = "guard"  # a refusal is not raised
    CALL = "call"  # a call for its effect is left out
    CONSTANT = "constant"  # a number is one more or one less, a truth the opposite
    LOGIC = "logic"  # `and` becomes `or`, `not` is left out
    EARLY = "early"  # a function returns before its last statement
    KEYWORD = "keyword"  # an argument that is given by name is left out


@dataclass(frozen=True, slots=True)
class Change:
    """One change: bytes `start` to `end` of the module become `after`."""

    path: str
    kind: Kind
    function: str  # qualified, "" for the module itself
    line: int
    start: int
    end: int
    before: str
    after: str
    in_body: (
        bool  # whether replacing the function's code is enough: not a default, a decorator or the module's own level
    )
    ordinal: int = 0  # the how-manieth of its name

    @property
    def name(self) -> str:
        """What it is called in the list of accepted survivors."""
        number = f" #{self.ordinal + 1}" if self.ordinal else ""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{self.path}::{self.function or '(module)'} · {self.kind} · {before} → {after or 'nothing'}{number}"

    def made(self, source: str) -> str:
        """The module's text with this change."""
        data = source.encode()
        return (data[: self.start] + self.after.encode() + data[self.end :]).decode()

    def rank(self, seed: int) -> str:
        """Samples are taken in this order: another one for each seed, and not moved by a change elsewhere."""
        return sha256(f"{seed} {self.name}".encode()).hexdigest()


def changes(source: str, path: str) -> list[Change]:
    """All changes of a module whose result still compiles and differs, in the order of the text."""
    finder = _Finder(source, path)
    finder.visit(ast.parse(source, path))
    seen: Counter[str] = Counter()
    found = []
    for change in sorted(finder.found, key=lambda one: (one.start, one.end, one.kind, one.after)):
        numbered = replace(change, ordinal=seen[change.name])
        seen[change.name] += 1
        found.append(numbered)
    return found


def compiles(change: Change, source: str) -> bool:
    """Whether the changed module is Python and another one than before."""
    try:
        tree = ast.parse(change.made(source), change.path)
    except SyntaxError:
        return False
    return ast.dump(tree) != ast.dump(ast.parse(source, change.path))


_QUERY: Final = {"where", "filter", "having", "and_", "filter_by"}
_OWNER: Final = re.compile(
    r"\b(case|team|organisation|member|referral|owner|endpoint|client|holder|key|list|document|link|task|message|proposal"
    r"|invitation|run|draft|service|household|recipient|appointment|thread|person|session|credential|subject)_ids?\b"
    r"|\b[A-Z]\w+\.(id|slug|label|token_hash|case_label)\b"
)
_EDGES: Final[dict[type[ast.cmpop], str]] = {ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">"}
_EQUAL: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_QUIET: Final = {"log", "logger", "_log", "warnings", "print"}
_LOCKS: Final = {"with_for_update", "locked", "lock_for_update"}
_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)


class _Finder(ast.NodeVisitor):
    def __init__(self, source: str, path: str) -> None:
        self.data, self.path = source.encode(), path
        self.found: list[Change] = []
        self._lines = [0]
        for line in self.data.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self._scope: list[str] = []
        self._in_body = False

    # where we are

    def _at(self, line: int, column: int) -> int:
        return self._lines[line - 1] + column

    def _span(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        return self._at(node.lineno, node.col_offset), self._at(node.end_lineno, node.end_col_offset)

    def _text(self, start: int, end: int) -> str:
        return self.data[start:end].decode()

    def _add(
        self, kind: Kind, line: int, start: int, end: int, after: str, shown: tuple[int, int] | None = None
    ) -> None:
        before = self._text(*(shown or (start, end)))
        self.found.append(
            Change(self.path, kind, ".".join(self._scope), line, start, end, before, after, self._in_body)
        )

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._scope.append(self._named(node.name))
        for statement in node.body:
            self.visit(statement)
        self._scope.pop()

    def _named(self, name: str) -> str:
        return f"<locals>.{name}" if self._in_body else name

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer = self._in_body
        self._scope.append(self._named(node.name))
        for default in [*node.args.defaults, *(one for one in node.args.kw_defaults if one), *node.decorator_list]:
            self.visit(default)  # these belong to the function around it
        self._in_body = True
        self._early(node)
        for statement in node.body:
            self.visit(statement)
        self._in_body = outer
        self._scope.pop()

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:  # the annotation says nothing that runs
            self.visit(node.value)

    # what is changed

    def _early(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        last = node.body[-1]
        gives_nothing = isinstance(node.returns, ast.Constant) and node.returns.value is None
        if not gives_nothing or len(node.body) < 2 or isinstance(last, ast.Return | ast.Raise):
            return
        if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
            return  # that is the kind `call`
        start, end = self._span(last)
        self._add(Kind.EARLY, last.lineno, start, end, "return", (start, self._line_end(start, end)))

    def _line_end(self, start: int, end: int) -> int:
        found = self.data.find(b"\n", start, end)
        return found if found >= 0 else end

    def visit_Raise(self, node: ast.Raise) -> None:
        if node.exc is not None:
            start, end = self._span(node)
            self._add(Kind.GUARD, node.lineno, start, end, "pass")
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant):
            return
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call) and _root(call.func) not in _QUIET:
            start, end = self._span(node)
            name = _last(call.func)
            kind = Kind.LOCK if name in _LOCKS or "lock" in name.split("_") else Kind.CALL
            self._add(kind, node.lineno, start, end, "pass")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _last(node.func)
        if name in _QUERY:
            for at, condition in enumerate(node.args):
                if not isinstance(condition, ast.Starred):
                    self._without(node, at, self._whose(condition))
        if name == "with_for_update" and isinstance(node.func, ast.Attribute):
            start, end = self._span(node.func.value)[1], self._span(node)[1]
            self._add(Kind.LOCK, node.lineno, start, end, "")
        for at, keyword in enumerate(node.keywords):
            if keyword.arg is None:
                continue
            kind = Kind.KEYWORD
            if keyword.arg in {"skip_locked", "with_for_update", "nowait"}:
                kind = Kind.LOCK
            elif name == "filter_by":
                kind = Kind.OWNER if _OWNER.search(keyword.arg) else Kind.CONDITION
            self._without(node, len(node.args) + at, kind)
        self.generic_visit(node)

    def _whose(self, condition: ast.expr) -> Kind:
        return Kind.OWNER if _OWNER.search(self._text(*self._span(condition))) else Kind.CONDITION

    def _without(self, call: ast.Call, at: int, kind: Kind) -> None:
        """Leave out the argument at this place, with its comma."""
        everything: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
        arguments = [self._span(one) for one in everything]
        start, end = arguments[at]
        if at + 1 < len(arguments):
            cut = (start, arguments[at + 1][0])
        elif at:
            cut = (arguments[at - 1][1], end)
        else:
            comma = re.match(rb"\s*,", self.data[end:])
            cut = (start, end + (comma.end() if comma else 0))
        line = (call.args[at] if at < len(call.args) else call.keywords[at - len(call.args)]).lineno
        self._add(kind, line, *cut, "", (start, end))

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            start, end = self._span(condition)
            self._add(self._whose(condition), condition.lineno, start, end, "True")
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for left, operator, right in zip(operands, node.ops, operands[1:], strict=False):
            edge, equal = _EDGES.get(type(operator)), _EQUAL.get(type(operator))
            other = edge or equal
            if other is None:
                continue
            between = self._span(left)[1], self._span(right)[0]
            written = re.search(rb"not\s+in|is\s+not|[<>=!]=|[<>]|\bin\b|\bis\b", self.data[slice(*between)])
            if written:
                start, end = between[0] + written.start(), between[0] + written.end()
                kind = Kind.EDGE if edge else Kind.EQUALITY
                self._shown(kind, left.lineno, start, end, other, node)
        self.generic_visit(node)

    def _shown(self, kind: Kind, line: int, start: int, end: int, after: str, whole: ast.expr) -> None:
        """A change inside an expression, shown with all of it."""
        first, last = self._span(whole)
        self._add(kind, line, start, end, after, (first, last))
        changed = self._text(first, start) + after + self._text(end, last)
        made = self.found.pop()
        self.found.append(replace(made, before=f"{made.before} ⇒ {changed}"))

    def visit_Constant(self, node: ast.Constant) -> None:
        start, end = self._span(node)
        if isinstance(node.value, bool):
            self._add(Kind.CONSTANT, node.lineno, start, end, str(not node.value))
        elif isinstance(node.value, int):
            self._add(Kind.CONSTANT, node.lineno, start, end, str(node.value + 1))
            self._add(Kind.CONSTANT, node.lineno, start, end, str(node.value - 1))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Before Python 3.12 the places inside are not told truly."""

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        word, other = (b"and", "or") if isinstance(node.op, ast.And) else (b"or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            between = self._span(left)[1], self._span(right)[0]
            written = re.search(rb"\b" + word + rb"\b", self.data[slice(*between)])
            if written:
                start, end = between[0] + written.start(), between[0] + written.end()
                self._shown(Kind.LOGIC, left.lineno, start, end, other, node)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not):
            start, end = self._span(node)
            operand = self._text(*self._span(node.operand))
            self._add(Kind.LOGIC, node.lineno, start, end, f"({operand})")
        self.generic_visit(node)


def _last(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Call):
        node = node.value if isinstance(node, ast.Attribute) else node.func
    return node.id if isinstance(node, ast.Name) else ""


Chooser = Callable[[Change], bool]


def sample(found: list[Change], seed: int, chosen: Chooser = lambda _change: True) -> Iterator[Change]:
    """Those chosen, in the order of the seed."""
    yield from sorted((one for one in found if chosen(one)), key=lambda one: one.rank(seed))
