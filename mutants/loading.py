"""Loads one module with a changed text, whatever its file says. Also `pytest -p mutants.loading`, told by the environment."""

import importlib.machinery
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return compile(self._text, self.path, "exec", dont_inherit=True)


class _Finder:
    def __init__(self, path: Path, text: str) -> None:
        self._path, self._text = path, text

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.rpartition(".")[2] not in {self._path.stem, self._path.parent.name}:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.origin != str(self._path):
            return None
        spec.loader = _Loader(fullname, str(self._path), self._text)
        return spec


def load_changed(path: Path, text: str) -> None:
    """From now on this file's module is loaded with this text."""
    sys.meta_path.insert(0, _Finder(path, text))


if "MUTANTS_TEXT" in os.environ:
    load_changed(Path(os.environ["MUTANTS_PATH"]), Path(os.environ["MUTANTS_TEXT"]).read_text())
