"""Selects that are prepared when a module is imported know the types of their values, whatever was imported before."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNTYPED = """
import importlib, sys
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import Executable
importlib.import_module(sys.argv[1])
for name, module in list(sys.modules.items()):
    if name.startswith("app."):
        for called, value in vars(module).items():
            if isinstance(value, Executable):
                for part in visitors.iterate(value):
                    if part.__visit_name__ == "bindparam" and part.type._isnull:
                        print(name, called, part.key)
"""


@pytest.mark.parametrize("entry", ["app.main", "app.worker"])
def test_prepared_statements_are_typed_from_every_way_in(entry: str) -> None:
    found = subprocess.run([sys.executable, "-c", UNTYPED, entry], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout == ""


def test_a_foreign_key_names_its_type() -> None:
    untyped = re.compile(r"mapped_column\(\s*(?:sa\.)?ForeignKey")
    assert [path.name for path in (ROOT / "app").rglob("*.py") if untyped.search(path.read_text())] == []
