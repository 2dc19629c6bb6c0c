"""`make mutants`: each kind of change is made once where it can be, and undone; lines know their tests; the list is not stale."""

from types import FunctionType
from typing import Any

import pytest

from mutants import accepted, blocks, judging, planning, refusals
from mutants.__main__ import interval
from mutants.changes import Change, Kind, changes, compiles, sample
from mutants.traces import IMPORT, Traces, packed, unpacked

PATH = "app/made_up.py"
SOURCE = '''
LIMIT = 3


def rows(session, case_id, now, lock=False):
    """What is due."""
    query = select(Row).where(Row.case_id == case_id, Row.due_at <= now)
    if not lock:
        return query
    return query.with_for_update(skip_locked=True)


def take(row, limit, log) -> None:
    if row.taken and row.count > limit:
        raise Taken("Somebody has it.")
    log.debug("taken")
    row.note(by="me", at=limit)
    row.taken = True


def mine(rows, me):
    return [row for row in rows if row.kind != "other"]
'''


def of(kind: Kind) -> list[tuple[str, str]]:
    return [(change.before, change.after) for change in changes(SOURCE, PATH) if change.kind is kind]


def text_of(kind: Kind, at: int = 0) -> str:
    return [change for change in changes(SOURCE, PATH) if change.kind is kind][at].made(SOURCE)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.OWNER, "query = select(Row).where(Row.due_at <= now)"),
        (Kind.EDGE, "where(Row.case_id == case_id, Row.due_at < now)"),
        (Kind.EQUALITY, "where(Row.case_id != case_id, Row.due_at <= now)"),
        (Kind.CONDITION, "query = select(Row).where(Row.case_id == case_id)"),
        (Kind.LOCK, "    return query\n\n"),
        (Kind.GUARD, "row.count > limit:\n        pass\n"),
        (Kind.CALL, '    log.debug("taken")\n    pass\n'),
        (Kind.CONSTANT, "LIMIT = 2\n"),
        (Kind.LOGIC, "if (lock):"),
        (Kind.EARLY, 'by="me", at=limit)\n    return\n'),
        (Kind.KEYWORD, "    row.note(at=limit)\n"),
    ],
)
def test_each_kind_of_change_is_made(kind: Kind, expected: str) -> None:
    assert expected in text_of(kind)
    assert expected not in SOURCE


def test_all_that_can_be_changed_is_found_once_and_compiles() -> None:
    assert of(Kind.LOCK) == [(".with_for_update(skip_locked=True)", ""), ("skip_locked=True", "")]
    assert of(Kind.CONDITION) == [("Row.due_at <= now", ""), ('row.kind != "other"', "True")]
    assert [after for _before, after in of(Kind.LOGIC)] == ["(lock)", "or"]
    assert [after for _before, after in of(Kind.CONSTANT)] == ["2", "4", "True", "False", "False"]
    found = changes(SOURCE, PATH)
    assert all(compiles(change, SOURCE) for change in found)
    assert len({change.name for change in found}) == len(found)


def test_what_a_log_is_told_is_no_effect() -> None:
    assert of(Kind.CALL) == [('row.note(by="me", at=limit)', "pass")]


def test_a_change_that_is_no_python_is_left_out() -> None:
    change = Change(PATH, Kind.CALL, "", 2, SOURCE.index("LIMIT"), SOURCE.index(" = 3"), "LIMIT", "", in_body=False)
    assert not compiles(change, SOURCE)


def test_a_name_stays_while_the_module_grows() -> None:
    moved = changes("import this\n\n\n" + SOURCE, PATH)
    assert [change.name for change in moved] == [change.name for change in changes(SOURCE, PATH)]
    assert [change.line for change in moved] == [change.line + 3 for change in changes(SOURCE, PATH)]


def test_a_seed_always_gives_the_same_sample_and_another_seed_another() -> None:
    found = changes(SOURCE, PATH)
    orders = [[change.name for change in sample(found, seed)] for seed in (1, 1, 2)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])


def loaded(source: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(source, str(judging.ROOT / PATH), "exec"), names)
    return names


def functions_in(names: dict[str, Any]) -> dict[tuple[str, str, int], list[FunctionType]]:
    found = [one for one in names.values() if isinstance(one, FunctionType)]
    return {(one.__code__.co_filename, one.__code__.co_qualname, one.__code__.co_firstlineno): [one] for one in found}


ADDING = """
def add(number, to):
    return [to + number for _ in range(1)]


def other(number):
    return number
"""


def test_the_code_of_a_loaded_function_is_exchanged_and_given_back() -> None:
    names = loaded(ADDING)
    add, functions = names["add"], functions_in(names)
    change = next(change for change in changes(ADDING, PATH) if change.after == "2")
    before = add.__code__
    assert judging.exchange(change, ADDING, functions)
    assert (add(1, 2), names["other"](7)) == ([3, 3], 7)
    add.__code__ = before
    assert add(1, 2) == [3]


def test_what_is_not_loaded_is_not_said_to_be_changed() -> None:
    change = next(change for change in changes(ADDING, PATH) if change.after == "2")
    assert not judging.exchange(change, ADDING, {})


BRANCHING = '''
def sign(number):
    """Words."""
    if number < 0:
        found = "less"
    else:
        found = "more"
    return found


class One:
    def two(self):
        for _ in []:
            return 1
        return 2
'''


def test_each_block_that_is_gone_through_is_marked() -> None:
    code, found = blocks.marked(BRANCHING, PATH, 10)
    marks = bytearray(100)
    names: dict[str, Any] = {"__marks__": marks}
    exec(code, names)
    assert names["sign"].__doc__ == "Words."
    assert not any(marks)
    assert (names["sign"](-1), names["One"]().two()) == ("less", 2)
    lines = {(block.function, block.first) for at, block in enumerate(found) if marks[10 + at]}
    assert lines == {("sign", 4), ("sign", 5), ("sign", 8), ("One.two", 13), ("One.two", 15)}
    assert {(block.function, block.first) for block in found} - lines == {("sign", 7), ("One.two", 14)}


def test_numbers_of_blocks_are_kept_as_text() -> None:
    for numbers in ([], [0], [7, 8, 4000]):
        assert unpacked(packed(numbers)) == numbers


def traces(source: str) -> Traces:
    _code, found = blocks.marked(source, PATH, 0)
    by_block = {block: {f"tests/unit/test_x.py::{block.function}_{block.first}"} for block in found}
    return Traces({}, {PATH: blocks.digest(source)}, {PATH: by_block})


def test_a_line_knows_its_tests_and_after_a_change_of_its_module_those_of_its_function() -> None:
    known = traces(BRANCHING)
    assert known.through(PATH, 7, "sign", BRANCHING) == {"tests/unit/test_x.py::sign_7"}
    assert {name.rpartition("_")[2] for name in known.through(PATH, 7, "sign", BRANCHING + "\n")} == {
        "4",
        "5",
        "7",
        "8",
    }
    assert known.through(PATH, 7, "nothing", "") == set()


def test_a_test_of_a_database_is_run_on_both() -> None:
    change = next(change for change in changes(SOURCE, PATH) if change.kind is Kind.OWNER)
    lock = next(change for change in changes(SOURCE, PATH) if change.kind is Kind.LOCK)
    both = ["t.py::a[sqlite]", "t.py::b", "t.py::a[postgresql]"]
    assert planning._both_databases(change, both[:2]) == both
    assert planning._both_databases(change, both) == ["t.py::a[sqlite]", "t.py::b", "t.py::a[postgresql]"]
    assert planning._both_databases(lock, both[:2]) == ["t.py::b", "t.py::a[postgresql]", "t.py::a[sqlite]"]


def test_what_runs_while_modules_are_imported_needs_a_new_process() -> None:
    source = (judging.ROOT / "app/core/quotas.py").read_text()
    change = next(one for one in changes(source, "app/core/quotas.py") if one.in_body)
    known = Traces({"t": 1.0}, {}, {"app/core/quotas.py": {blocks.Block(1, 999, change.function): {"t", IMPORT}}})
    planned = planning.plan(change, judging.ROOT, known)
    assert planned.imported
    assert "t" in planned.tests
    assert IMPORT not in planned.tests


def test_each_accepted_survivor_can_still_be_made_and_has_a_reason() -> None:
    assert accepted.stale(judging.ROOT) == []
    assert all(len(reason) > 20 for reason in accepted.read().values())


def test_an_entry_whose_code_has_changed_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accepted, "read", lambda: {"app/main.py::nothing · call · gone() → pass": "it was removed"})
    assert accepted.stale(judging.ROOT) == ["app/main.py::nothing · call · gone() → pass"]


def test_the_interval_of_a_share() -> None:
    low, high = interval(57, 94)
    assert (round(low, 2), round(high, 2)) == (0.51, 0.7)
    assert interval(0, 0) == (0.0, 1.0)


def test_a_refusal_that_no_test_goes_through_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tree:
        """A folder with one module."""

        def __truediv__(self, _name: str) -> "Tree":
            return self

        def rglob(self, _pattern: str) -> list["Tree"]:
            return [self]

        def relative_to(self, _root: object) -> str:
            return PATH

        def read_text(self) -> str:
            return SOURCE

        def __lt__(self, _other: object) -> bool:
            return False

    line = SOURCE.splitlines().index('        raise Taken("Somebody has it.")') + 1
    block = blocks.Block(line, line, "take")

    def unseen(*tests: str, of: str = SOURCE) -> list[str]:
        traces = Traces(digests={PATH: blocks.digest(of)}, by_block={PATH: {block: set(tests)}})
        return [change.before for change in refusals.unseen(Tree(), traces)]  # type: ignore[arg-type]

    assert unseen() == unseen(IMPORT) == ['raise Taken("Somebody has it.")']
    assert unseen("tests/x.py::test") == []
    assert unseen(of="another text") == [], "it was traced before it changed"
    monkeypatch.setattr(refusals, "ELSEWHERE", ("app/made_up",))
    assert unseen() == []
