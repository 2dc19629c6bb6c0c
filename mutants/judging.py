"""`python -m mutants.judging PLAN RESULTS`, in a copy of the tree: makes each change of the plan and runs its tests.

Everything is imported and collected once. For each change a child is forked in which the code of the changed function is
exchanged, so that nothing has to be imported again. What stands outside a function (tables, defaults, decorators) cannot be
exchanged in this way: its tests run in a new process, which loads the changed module. The tree itself is never written to.

A test counts as noticing a change only if it passes without the change, in a child of its own.
"""

import gc
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Final

import pytest

from mutants.changes import Change, Kind
from mutants.loading import load_changed

ROOT: Final = Path(__file__).resolve().parents[1]
_START: Final = 60.0  # seconds that a new process has more than a child: it imports everything
_PROCESS: Final = 60  # tests that a new process is asked for
_MOST: Final = 4  # tests that fail without the change as well, before a change is not judged


def exchange(change: Change, source: str, functions: dict[tuple[str, str, int], list[FunctionType]]) -> bool:
    """Give the functions that are loaded the changed code. False: that is not possible, or none of them is loaded.

    `functions`: those of the process by path, qualified name and first line.
    """
    path = str(ROOT / change.path)
    before, after = (compile(text, path, "exec", dont_inherit=True) for text in (source, change.made(source)))
    done = False
    for old, new in _pairs(before, after):
        if old == new:
            continue
        for function in functions.get((path, old.co_qualname, old.co_firstlineno), ()):
            if function.__code__.co_freevars != new.co_freevars:
                return False
            function.__code__ = new
            done = True
    return done


def _pairs(old: CodeType, new: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """The code objects of both, matched by their name, where names come in the same order."""
    olds, news = ([one for one in code.co_consts if isinstance(one, CodeType)] for code in (old, new))
    left = list(news)
    for inner in olds:
        same = next((one for one in left if one.co_name == inner.co_name), None)
        if same is not None:
            left.remove(same)
            yield inner, same
            yield from _pairs(inner, same)


def loaded_functions() -> dict[tuple[str, str, int], list[FunctionType]]:
    """Every function of app/ in this process."""
    gc.unfreeze()
    found: dict[tuple[str, str, int], list[FunctionType]] = {}
    inside = str(ROOT / "app")
    for one in gc.get_objects():
        if type(one) is FunctionType and one.__code__.co_filename.startswith(inside):
            code = one.__code__
            found.setdefault((code.co_filename, code.co_qualname, code.co_firstlineno), []).append(one)
    gc.freeze()
    return found


class Judge:
    """A plugin of pytest that runs the plan instead of the tests."""

    def __init__(self, plan: dict[str, Any], results: Path) -> None:
        self.plan, self.results = plan, results
        self.ends = float(plan["ends"])
        self.failed: list[str] = []
        self.sound: dict[str, bool] = {}
        self.items: dict[str, pytest.Item] = {}
        self.functions: dict[tuple[str, str, int], list[FunctionType]] = {}

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._say({"problem": f"{report.nodeid} cannot be collected: {str(report.longrepr)[-300:]}"})

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.append(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        session.testsfailed = 0
        self.functions = loaded_functions()
        self._prime(session)
        for entry in self.plan["changes"]:
            left = self.ends - time.time()
            if left <= 0:
                break
            begun = time.monotonic()
            result = self._judged(session, Change(**entry["change"]), entry, min(float(self.plan["limit"]), left))
            self._say({"name": entry["name"], **result, "seconds": round(time.monotonic() - begun, 1)})
        return True

    def _say(self, line: dict[str, Any]) -> None:
        with self.results.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def _prime(self, session: pytest.Session) -> None:
        """Let the first tests of each kind of database make what all of them copy."""
        for word in ("[sqlite", "[postgresql"):
            first = next((name for name in self.items if word in name), None)
            if first:
                self._child(session, None, "", [first], 120)

    def _judged(self, session: pytest.Session, change: Change, entry: dict[str, Any], limit: float) -> dict[str, Any]:
        change = Change(**{**entry["change"], "kind": Kind(entry["change"]["kind"])})
        source = (ROOT / change.path).read_text()
        tests = [name for name in entry["tests"] if name in self.items]
        unsound: list[str] = []
        while True:
            tests = [name for name in tests if self.sound.get(name, True)]
            if not tests:
                return {"result": "no test", "tests": 0}
            in_child = change.in_body and not entry["imported"]
            result = self._child(session, change, source, tests, limit) if in_child else None
            if result is None or result["result"] == "elsewhere":
                result = self._process(change, source, tests[:_PROCESS], limit)
            by = result.get("by")
            if result["result"] != "noticed" or by is None or self._is_sound(session, by, limit):
                return result
            unsound.append(by)
            if len(unsound) >= _MOST:
                return {"result": "not judged", "why": f"{by} fails without the change as well"}

    def _is_sound(self, session: pytest.Session, test: str, limit: float) -> bool:
        if test not in self.items:
            return True  # the module cannot even be imported
        if test not in self.sound:
            self.sound[test] = self._child(session, None, "", [test], limit)["result"] == "survived"
        return self.sound[test]

    def _child(
        self, session: pytest.Session, change: Change | None, source: str, tests: list[str], limit: float
    ) -> dict[str, Any]:
        """What a forked child says that ran these tests with the change."""
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            said: dict[str, Any] = {"result": "not judged", "why": "the child failed"}
            try:
                os.setsid()
                quiet = os.open(os.devnull, os.O_RDWR)
                for number in (0, 1, 2):
                    os.dup2(quiet, number)
                said = self._in_child(session, change, source, tests)
            except BaseException as error:  # noqa: BLE001
                said = {"result": "not judged", "why": f"{type(error).__name__}: {error}"[:300]}
            finally:
                with suppress(OSError):
                    os.write(writing, json.dumps(said).encode())
                os._exit(0)
        os.close(writing)
        try:
            return _heard(reading, limit)
        finally:
            os.close(reading)
            with suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)

    def _in_child(
        self, session: pytest.Session, change: Change | None, source: str, tests: list[str]
    ) -> dict[str, Any]:
        if change is not None:
            module = change.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            if module not in sys.modules:
                load_changed(ROOT / change.path, change.made(source))
            elif not exchange(change, source, self.functions):
                return {"result": "elsewhere"}
        self.failed.clear()
        run = 0
        for at, name in enumerate(tests):
            following = self.items[tests[at + 1]] if at + 1 < len(tests) else None
            session.config.hook.pytest_runtest_protocol(item=self.items[name], nextitem=following)
            run += 1
            if self.failed:
                with suppress(BaseException):
                    session._setupstate.teardown_exact(None)
                return {"result": "noticed", "by": self.failed[0], "tests": run}
        return {"result": "survived", "tests": run}

    def _process(self, change: Change, source: str, tests: list[str], limit: float) -> dict[str, Any]:
        """What a new process says that loads the changed module."""
        with tempfile.NamedTemporaryFile("w", suffix=".py", delete=False) as file:
            file.write(change.made(source))
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "mutants.loading",
            *tests,
        ]
        environment = {**os.environ, "MUTANTS_PATH": str(ROOT / change.path), "MUTANTS_TEXT": file.name}
        with subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                output, _ = process.communicate(timeout=limit + _START)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                return {"result": "not judged", "why": "time"}
            finally:
                Path(file.name).unlink()
        if process.returncode == 0:
            return {"result": "survived", "tests": len(tests), "how": "process"}
        failed = [line.split()[1] for line in output.splitlines() if line.startswith(("FAILED ", "ERROR "))]
        if process.returncode in (1, 2) and failed:
            by = next((name for name in tests if any(name.startswith(one) for one in failed)), failed[0])
            return {"result": "noticed", "by": by, "how": "process"}
        if process.returncode in (1, 2, 4) and any(
            word in output for word in ("ImportError while loading", "Traceback")
        ):
            return {"result": "noticed", "by": None, "how": "import"}
        return {"result": "not judged", "why": f"pytest ended with {process.returncode}"}


def _heard(reading: int, limit: float) -> dict[str, Any]:
    ready, _, _ = select.select([reading], [], [], limit)
    if not ready:
        return {"result": "not judged", "why": "time"}
    text = b""
    while block := os.read(reading, 65536):
        text += block
    if not text:
        return {"result": "not judged", "why": "the child ended without a word"}
    said: dict[str, Any] = json.loads(text)
    return said


def main() -> None:
    plan, results = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    os.environ["CI"] = "true"  # the same examples each time
    files = sorted({test.split("::")[0] for entry in plan["changes"] for test in entry["tests"]})
    files = [file for file in files if (ROOT / file).exists()]
    judge = Judge(plan, results)
    pytest.main(
        ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "--continue-on-collection-errors", *files],
        plugins=[judge],
    )


if __name__ == "__main__":
    main()
