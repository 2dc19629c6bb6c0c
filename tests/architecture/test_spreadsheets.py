"""One module writes what a spreadsheet opens."""

import re
from pathlib import Path

APP = Path(__file__).parents[2] / "app"
WRITER = re.compile(
    r"\bcsv\.(?:DictW|w)riter\b|from csv import|import csv as|\bxlsxwriter\b|\bopenpyxl\b|\bpandas\b|\.to_csv\("
)
READERS = {"directory/hsds/package_reader.py", "core/spreadsheet.py", "cli/translation_review.py"}


def test_no_other_module_writes_csv_or_xlsx() -> None:
    """A second writer would be a second opinion on what is a formula."""
    modules = {path.relative_to(APP).as_posix(): path.read_text() for path in sorted(APP.rglob("*.py"))}
    assert len(modules) > 300
    reader = modules.pop("client/list_files.py")
    assert re.findall(r"openpyxl\.(\w+)", reader) == ["load_workbook"], "it reads lists, and writes nothing"
    assert not re.search(r"writer|\.save\(", reader)
    assert {name: WRITER.findall(text) for name, text in modules.items() if WRITER.search(text)}.keys() == {
        "core/spreadsheet.py"
    }
    assert {name for name, text in modules.items() if re.search(r"^\s*import csv\b", text, re.MULTILINE)} == READERS - {
        "client/list_files.py"
    }
