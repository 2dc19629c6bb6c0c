"""A whole set of packs in a folder of its own, to break one thing in it."""

import shutil
from pathlib import Path

from app.directory.packs import PACKS


def copy(folder: Path) -> Path:
    """Our own packs, copied."""
    return Path(shutil.copytree(PACKS, folder / "countries"))


def change(root: Path, name: str, old: str, new: str) -> None:
    """Replace the first `old` in the file. A test whose words are gone from the packs fails here and not silently."""
    path = root / name
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{name} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
