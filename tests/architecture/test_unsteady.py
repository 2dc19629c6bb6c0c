"""A test that fails once is named and refuses nothing; many of them do, and so does one that fails twice."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.unsteady import MOST

ROOT = Path(__file__).parents[2]
TESTS = """
import pathlib

import pytest


@pytest.mark.parametrize("number", range({number}))
def test_fails(number):
    seen = pathlib.Path(__file__).with_name(f"seen-{{number}}")
    if not seen.exists():
        seen.touch()
        raise AssertionError
    assert {second}
"""


@pytest.mark.parametrize(("number", "second", "code"), [(MOST, True, 0), (MOST + 1, True, 1), (1, False, 1)])
def test_luck_refuses_nothing_once_and_is_named(tmp_path: Path, number: int, second: bool, code: int) -> None:
    (tmp_path / "test_luck.py").write_text(TESTS.format(number=number, second=second))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.support.unsteady",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
    ]
    ran = subprocess.run(
        [*command, "-c", "/dev/null", "--reruns", "1", str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert ran.stdout.count("UNSTEADY") == number
