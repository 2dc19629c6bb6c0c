"""Compares this checkout with another revision in one sitting, in turns: this, that, this, that.

Both run the rows of `make bench` with their own code and their own database of the same made-up cases. A row's ratio is its
CPU time here divided by its CPU time there, each in hellos of its own sitting; the spread of the ratios of the two pairs of turns
says how far they can be trusted.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

TURNS: Final = 2
_ROW: Final = re.compile(r"^(?P<row>.+?)\s+(?P<hellos>\d+\.\d)\s+\d+\.\d\d\s+\d+\.\d\s+\d+\s+\d+\.\d")
_HERE: Final = Path(__file__).resolve().parents[1]


def compare(revision: str, options: list[str]) -> None:
    """Print a row's hellos there and here, and the ratio of each pair of turns. Raises CalledProcessError for no such revision."""
    with _checkout(revision) as there:
        turns = [(rows_of(there, options), rows_of(_HERE, options)) for _ in range(TURNS)]
    print(f"{'row':<54}{'there':>8}{'here':>8}{'ratio':>8}   from and to")
    for line in table(turns):
        print(line)


def table(turns: Sequence[tuple[Mapping[str, float], Mapping[str, float]]]) -> Iterator[str]:
    """A line for each row that all turns have. `turns`: hellos by row, there and here."""
    common = [row for row in turns[0][0] if all(row in rows for turn in turns for rows in turn)]
    for row in common:
        there, here = (sum(turn[side][row] for turn in turns) / len(turns) for side in (0, 1))
        ratios = sorted(turn[1][row] / turn[0][row] for turn in turns)
        yield f"{row:<54}{there:8.1f}{here:8.1f}{here / there:8.2f}   {ratios[0]:.2f} to {ratios[-1]:.2f}"


def rows_of(checkout: Path, options: list[str]) -> dict[str, float]:
    """The hellos of each row of `python -m bench` in a checkout, with this interpreter and its packages."""
    command = [sys.executable, "-m", "bench", "--no-matching", *options]
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    printed = subprocess.run(
        command, cwd=checkout, env=environment, stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    return read_table(printed)


def read_table(printed: str) -> dict[str, float]:
    found = (_ROW.match(line) for line in printed.splitlines())
    return {match["row"]: float(match["hellos"]) for match in found if match}


@contextmanager
def _checkout(revision: str) -> Iterator[Path]:
    """The files of a revision in a folder of their own, with compiled catalogues; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pristan-against-") as folder:
        there = Path(folder) / "there"
        subprocess.run(["git", "worktree", "add", "--detach", "--quiet", there, revision], cwd=_HERE, check=True)
        try:
            compiled = "from app.cli.i18n import i18n_app; i18n_app()"
            subprocess.run(
                [sys.executable, "-c", compiled, "compile"], cwd=there, check=True, stdout=subprocess.DEVNULL
            )
            yield there
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", there], cwd=_HERE, check=True)
