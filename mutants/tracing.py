"""`pytest -p mutants.tracing`: writes which test goes through which blocks into the folder of MUTANTS_TRACES, a file a process."""

import json
import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from mutants.blocks import watch
from mutants.traces import packed

ROOT: Final = Path(__file__).resolve().parents[1]
_marks: Final = watch(ROOT)
_state: Final[dict[str, Any]] = {"modules": 0, "file": None}


def _write(line: dict[str, Any]) -> None:
    if _state["file"] is None:
        folder = Path(os.environ["MUTANTS_TRACES"])
        folder.mkdir(parents=True, exist_ok=True)
        _state["file"] = (folder / f"{os.getpid()}.jsonl").open("w")
    _state["file"].write(json.dumps(line, separators=(",", ":")) + "\n")
    _state["file"].flush()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    if _state["file"] is None:
        _tell(None, 0)  # what importing and collecting went through
    begun = time.process_time()
    result = yield
    _tell(item.nodeid, time.process_time() - begun)
    return result


def _tell(test: str | None, seconds: float) -> None:
    blocks = _marks.taken()
    for module in _marks.modules[_state["modules"] :]:
        spans = [[block.first, block.last, block.function] for block in module.blocks]
        _write({"path": module.path, "digest": module.digest, "first": module.first, "blocks": spans})
    _state["modules"] = len(_marks.modules)
    _write({"test": test, "seconds": round(seconds, 3), "hits": packed(blocks)})
