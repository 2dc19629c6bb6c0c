"""The survivors that are accepted, each with a reason: `mutants/accepted.yaml`."""

from pathlib import Path
from typing import Final

import yaml

from mutants.changes import changes

FILE: Final = Path(__file__).with_name("accepted.yaml")


def read() -> dict[str, str]:
    """The reason for each accepted survivor, by the name of the change."""
    given = yaml.safe_load(FILE.read_text()) or {}
    return {name: reason for reason, names in given.items() for name in names}


def stale(root: Path) -> list[str]:
    """Those whose change can no longer be made: the code is another one now."""
    names = read()
    possible = {
        change.name
        for path in sorted({name.split("::")[0] for name in names})
        if (root / path).exists()
        for change in changes((root / path).read_text(), path)
    }
    return sorted(set(names) - possible)
