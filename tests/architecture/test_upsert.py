"""One module knows how each database inserts what may be there already."""

import re
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
ELSEWHERE = re.compile(
    r"\bon_conflict\w*|\b(?:postgresql|sqlite)\.insert\b|INSERT OR (?:IGNORE|REPLACE|ABORT|FAIL|ROLLBACK)|"
    r"from sqlalchemy\.dialects\.(?:postgresql|sqlite) import .*\binsert\b"
)


def test_no_other_module_writes_on_conflict() -> None:
    modules = [path for path in sorted(APP.rglob("*.py")) if path != APP / "core" / "upsert.py"]
    found = {path.relative_to(APP).as_posix(): ELSEWHERE.findall(path.read_text()) for path in modules}
    assert len(modules) > 300
    assert {name: hits for name, hits in found.items() if hits} == {}
