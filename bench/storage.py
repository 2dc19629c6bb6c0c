"""Bytes that each kind of anonymous request adds to the database: `python -m bench.storage`.

Each kind is sent `_REPEATS` times in process, with the longest texts that the form takes, of random letters; the growth of the
database is divided by that. On PostgreSQL the write-ahead log is not counted: it is recycled.
"""

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from app.app_context import migrate
from app.core.db import Database
from app.core.storage_brake import StorageLimits, measure
from tests.support import postgres
from tests.support.people import PersonSite, person_site_on, short_form

_REPEATS: Final = 40
_LETTERS: Final = "абвгдежзийклмнопрстуфхцчшщъыьэюя "
_RANDOM: Final = random.Random(1)


def _text(length: int) -> str:
    return "".join(_RANDOM.choices(_LETTERS, k=length))


def _question(site: PersonSite) -> None:
    site.browser().open("/ru/form/1")


def _first_step(site: PersonSite) -> None:
    site.browser().open("/ru/form/1").fill(for_whom="self")


def _long_step(site: PersonSite) -> None:
    site.browser().open("/ru/form/6").fill(story=_text(20_000), call_me=_text(120))


def _form(site: PersonSite) -> None:
    short_form(site.browser())


def _long_form(site: PersonSite) -> None:
    short_form(site.browser(), story=_text(20_000), call_me=_text(120), needs=["asylum", "appeals", "housing"])


def _looks(site: PersonSite, number: str) -> None:
    site.browser().open("/ru/return").fill(number=number)


def _message(site: PersonSite, number: str, length: int) -> None:
    site.browser().open("/ru/return").fill(number=number).fill("/case/message", text=_text(length))


def main() -> None:
    for name, url in _databases():
        database = Database(url)
        migrate(database)
        with tempfile.TemporaryDirectory() as room, person_site_on(database, Path(room)) as site:
            number = short_form(site.browser()).number()
            kinds: dict[str, Callable[[], object]] = {
                "start page, question page": partial(_question, site),
                "first step of a form": partial(_first_step, site),
                "longest step of a form": partial(_long_step, site),
                "form in seven steps, short": partial(_form, site),
                "form in seven steps, longest": partial(_long_form, site),
                "coming back with a number": partial(_looks, site, number),
                "message, 200 letters": partial(_message, site, number, 200),
            }
            for kind, act in kinds.items():
                before = _size(database)
                for _ in range(_REPEATS):
                    act()
                print(f"{name:<11} {kind:<32} {(_size(database) - before) // _REPEATS:>9,} bytes")
        database.dispose()


def _size(database: Database) -> int:
    if database.dialect == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sa.text("CHECKPOINT"))
    with database.begin(write=False) as session:
        return measure(session, StorageLimits()).database


def _databases() -> Iterator[tuple[str, str]]:
    with tempfile.TemporaryDirectory(prefix="pristan-bench-") as room:
        yield "SQLite", f"sqlite:///{room}/bench.db"
        try:
            yield "PostgreSQL", postgres.server(Path(room), os.getpid())
        finally:
            postgres.stop(Path(room))


if __name__ == "__main__":
    main()
