"""Refusals that no test sees: each `raise` inside a function that no traced test goes through."""

from pathlib import Path
from typing import Final

from mutants.blocks import digest
from mutants.changes import Change, Kind, changes
from mutants.traces import IMPORT, Traces

ELSEWHERE: Final = (
    "app/cli/",  # commands run in processes of their own
    "app/demo/",  # a made-up network, which refuses nobody
    "app/documents/",  # files are converted in a confined process, which is not traced
)


def unseen(root: Path, traces: Traces) -> list[Change]:
    """The refusals that no test sees, in the order of the files. A module that has changed since it was traced is passed over."""
    found = []
    for path in sorted((root / "app").rglob("*.py")):
        name, source = str(path.relative_to(root)), path.read_text()
        if name.startswith(ELSEWHERE) or traces.digests.get(name) != digest(source):
            continue
        for change in changes(source, name):
            if change.kind is Kind.GUARD and change.in_body:
                through = traces.through(name, change.line, change.function, source)
                if not through - {IMPORT}:
                    found.append(change)
    return found
