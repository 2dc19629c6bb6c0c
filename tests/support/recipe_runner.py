"""Runs checks in a copy of the repository, each time in a fresh process: `python tests/support/recipe_runner.py COPY`.

Libraries are imported once and the process forks for each run, so that a run costs the import of our own code alone. The first
run compiles that code for all others, and what Babel extracts from a file is kept for as long as the file says the same.
Each line of the input is a JSON object; each gets one line with `failed` and `output`.
"""

import gc
import hashlib
import io
import json
import os
import pickle
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, Final

_extracted: Final[dict[str, list[Any]]] = {}
"""What Babel found, by what it read and how. A run adds to it through a file that its parent reads."""


def main(copy: Path) -> None:
    os.chdir(copy)
    sys.path[0] = str(copy)  # in place of the folder of this file
    for name in _libraries(copy):
        try:
            __import__(name)
        except Exception:  # noqa: BLE001  a plug-in that cannot be imported alone
            continue
    sys.dont_write_bytecode = True
    _remember_messages()
    gc.collect()
    gc.freeze()
    gc.disable()  # each run imports much, and ends soon
    _say("ready")
    for line in sys.stdin:
        failed, output = _forked(json.loads(line))
        _say(json.dumps({"failed": failed, "output": output}))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _libraries(copy: Path) -> list[str]:
    """Everything that our own code and its tests import, without our own."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        gc.disable()
        sys.dont_write_bytecode = False
        import app.main  # noqa: F401

        if (copy / "tests").is_dir():
            import tests.conftest  # noqa: F401

        ours = tuple(name for name in sys.modules if name.split(".")[0] in {"app", "tests", "alembic", "__main__"})
        os.write(write, json.dumps(sorted(set(sys.modules) - {*ours})).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        names = answer.read()
    os.waitpid(child, 0)
    return list(json.loads(names))


def _remember_messages() -> None:
    """Babel reads no file again that says what it said before; that is most of extracting."""
    from babel.messages import extract

    plain = extract.extract_from_file

    def remembered(method: Any, filename: Any, *arguments: Any, **named: Any) -> list[Any]:
        read = b"".join(
            Path(each).read_bytes() for each in (filename, "app/cli/i18n.py")
        )  # an extractor of ours is there
        key = f"{method} {filename} {arguments} {sorted(named.items())} {hashlib.sha256(read).hexdigest()}"
        if key not in _extracted:
            _extracted[key] = plain(method, filename, *arguments, **named)
        return _extracted[key]

    extract.extract_from_file = remembered


def _forked(run: dict[str, Any]) -> tuple[bool, str]:
    known = len(_extracted)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as learnt:
        child = os.fork()
        if not child:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            status = 1
            try:
                status = _checks(run)
            except BaseException:  # noqa: BLE001  whatever it is, it is the result of this run
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
            pickle.dump(dict(list(_extracted.items())[known:]), learnt)
            learnt.flush()
            os._exit(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        learnt.seek(0)
        if learnt.read(1):  # not so if the child was killed
            learnt.seek(0)
            _extracted.update(pickle.load(learnt))
        return status != 0, io.TextIOWrapper(output, encoding="utf-8", errors="replace").read()


def _checks(run: dict[str, Any]) -> int:
    """0: the program starts, the catalogues are whole, and the tests pass. `all`: run every test, also after a failure.

    `generate`: write what is generated instead. `code`: run this program instead. `compile`: only compile the tests for later runs,
    while the copy is as it was made.
    """
    if "code" in run:
        exec(compile(run["code"], "<code>", "exec"), {"__name__": "__main__"})
        return 0
    from app.cli import i18n

    if run.get("generate"):
        from app.cli import life_cycles, notice_kinds

        i18n.extract()
        page = Path("docs/notices.md")
        page.write_text(notice_kinds.drawn(page.read_text(encoding="utf-8")), encoding="utf-8")
        Path("docs/life-cycles.md").write_text(life_cycles.page(), encoding="utf-8")
        return 0
    import app.main  # noqa: F401

    if run.get("compile"):
        sys.dont_write_bytecode = False
        return _pytest("--collect-only", *run["tests"])
    problems = list(i18n.problems()) if run["catalogues"] else []
    _say("\n".join(problems))
    if not run["tests"]:
        return int(bool(problems))
    until = [] if run.get("all") else ["-x"]
    tests = _pytest("--tb=short", *until, *run["tests"])
    return int(bool(problems or tests))


def _pytest(*arguments: str) -> int:
    import pytest

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they were imported before pytest could rewrite them
    return int(pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *arguments]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
