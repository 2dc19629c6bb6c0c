"""Planted words are searched in every byte the service wrote. With sealing switched off the same search finds them all."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from app import messaging
from app.cases.models import Case
from app.casework import notice_delivery
from app.casework.notice_delivery import DeliveryContext
from app.core import sealing
from app.core.db import Database
from app.core.keyring import KeyRing
from app.directory.packs import load_packs
from app.documents.models import Document
from app.intake.questions import QUESTIONS, FieldKind
from app.messaging import recipients
from app.messaging.channels import Notice, NoticeWay
from app.messaging.kinds import KINDS, Recipient
from app.messaging.recipients import NoticeSettings
from app.partners.organisations import Organisation
from app.privacy import service as privacy
from tests.support import hostile_files
from tests.support.people import CENTRE, PersonSite, person_site_on, short_form
from tests.web.test_documents import KIND, form

LATIN = [f"Zyxwomer{n}Qvart" for n in range(10)]
CYRILLIC = [f"Жабрик{n}Щукарь" for n in range(10)]
DIGITS = [f"48600{n}7731{n}54" for n in range(10)]
WORDS = LATIN + CYRILLIC + DIGITS
MAIL, PHONE, CHAT = "me@example.net", "+48600123456", "486007731540042"
"""Addresses of a person. The chat is all digits, so it is long: four of them stand by chance in one of many ids or times."""


def encodings(word: str) -> Iterator[bytes]:
    """The word as it could stand in a file: UTF-8, UTF-16, JSON escapes, hex, and base64 at each of three offsets."""
    plain = word.encode()
    yield plain
    yield word.encode("utf-16-le")
    yield word.encode("utf-16-be")
    yield json.dumps(word)[1:-1].encode()
    yield plain.hex().encode()
    yield plain.hex().upper().encode()
    for offset in range(3):
        code = base64.b64encode(b"\0" * offset + plain + b"\0" * 3)
        yield code[4 : len(code) - 8] if offset else code[: len(code) - 8]


def found(content: bytes) -> set[str]:
    return {word for word in WORDS if any(form in content for form in encodings(word))}


def everything_written(database: Database, var: Path) -> bytes:
    """All files of the database and of the service's folder; for PostgreSQL every row as text and every byte column."""
    parts = [path.read_bytes() for folder in {var, var.parent} for path in folder.rglob("*") if path.is_file()]
    with database.engine.connect() as connection:
        for table in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.text(f'SELECT * FROM "{table}"')):
                parts += [value if isinstance(value, bytes) else repr(value).encode() for value in row]
                parts += [
                    json.dumps(value, ensure_ascii=False).encode() for value in row if isinstance(value, list | dict)
                ]
    return b"\n".join(parts)


def tell_everything(person_site: PersonSite) -> str:
    """Plant each word somewhere: in every text that the form asks for, and in the thread."""
    texts = [question.name for question in QUESTIONS.values() if question.kind in {FieldKind.TEXT, FieldKind.AREA}]
    assert len(texts) >= 4
    planted = {name: " ".join(WORDS[place : 23 : len(texts)]) for place, name in enumerate(texts)}
    browser = short_form(person_site.browser(), channel="telegram", happened=["violence"], **planted)
    number = browser.number()
    back = person_site.browser().open("/ru/return").fill(number=number)
    back.fill("/case/message", text=" ".join(WORDS[23:]))
    unfinished = person_site.browser().open("/ru/form/6").fill(story=" ".join(WORDS))
    assert unfinished.answer.status_code == 200
    person_site.browser().open("/ru/form/7").fill(channel="email", address=" ".join(WORDS[:6]))
    person_site.browser().open("/ru/return").fill(number=WORDS[20])
    return number


def send_documents(person_site: PersonSite, number: str) -> None:
    """A photo and a PDF that name the canary of files: in EXIF, XMP, comment and profile, as text of a page, as their names."""
    visit = person_site.browser().open("/ru/return").fill(number=number).open("/ru/case/documents")
    token = visit.page.css_first('input[name="csrf"]').attributes["value"]
    files = hostile_files.telling_photo(), hostile_files.one_page(b"(%s)" % hostile_files.CANARY.encode())
    visit.client.post("/ru/case/documents", content=form(str(token), *files), headers={"content-type": KIND})
    with person_site.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Document)) == 2


def test_nothing_a_person_typed_is_found_in_what_the_service_wrote(
    database: Database, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with person_site_on(database, tmp_path / "var") as person_site:
        number = tell_everything(person_site)
        send_documents(person_site, number)
        person_site.keys.save(tmp_path / "var" / "keys.json")
    output = capfd.readouterr()
    written = everything_written(database, tmp_path / "var") + (output.out + output.err).encode()
    assert found(written) == set()
    assert not [form for form in encodings(hostile_files.CANARY) if form in written]
    assert hostile_files.START_OF_A_PAGE not in written, "no page lies there in plain"
    for typed in (number, number.replace(" ", "")):
        assert typed.encode() not in written


def test_the_search_finds_every_word_when_sealing_is_off(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "encrypt", lambda key, plaintext, aad: plaintext)
    monkeypatch.setattr(sealing, "decrypt", lambda key, blob, aad: blob)
    with person_site_on(database, tmp_path / "var") as person_site:
        tell_everything(person_site)
    assert found(everything_written(database, tmp_path / "var")) >= set(WORDS)


def test_facts_are_not_plain_either(database: Database, tmp_path: Path) -> None:
    with person_site_on(database, tmp_path / "var") as person_site:
        short_form(person_site.browser(), region="PL-22", status="no_status", groups=["lgbtq"], nationality="TM")
    with database.begin(write=False) as session:
        (case,) = session.execute(sa.select(Case.__table__)).mappings()
    plain = {name: value for name, value in case.items() if not isinstance(value, bytes)}
    sealed = b"".join(value for name, value in case.items() if isinstance(value, bytes))
    assert not [fact for fact in ("PL-22", "no_status", "lgbtq", "'TM'") if fact in repr(plain)]
    assert not [fact for fact in (b"PL-22", b"no_status", b"lgbtq") if fact in sealed], "nor the two letters with them"


def test_a_case_that_was_erased_opens_with_no_key_that_still_exists(database: Database, tmp_path: Path) -> None:
    """Even the row's old bytes, put back from a backup, open nothing once the epoch key they were locked with is destroyed."""
    with person_site_on(database, tmp_path / "var") as person_site:
        short_form(person_site.browser())
        with database.begin() as session:
            case = session.scalars(sa.select(Case)).one()
            kept, case_id = bytes(case.facts or b""), case.id
            privacy.erase(session, case, actor_kind="clock", now=person_site.time())
        after = KeyRing({2: bytes(range(7, 39))}, 2, person_site.keys._keys.root, {2: person_site.time().date()})
        with pytest.raises(sealing.CannotOpen):
            after.decrypt(kept, "cases", str(case_id), "facts", "1")


class Kept:
    """A channel that keeps every word of what it sends. An address is not searched: it is how the message arrives."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def takes(self, notice: Notice) -> bool:
        return bool(notice.address)

    def send(self, notice: Notice) -> None:
        self.words += [notice.subject, notice.text, notice.to]


@pytest.mark.parametrize("way", [NoticeWay.EMAIL, NoticeWay.SIGNAL, NoticeWay.TELEGRAM])
def test_no_message_to_a_person_or_a_centre_holds_anything_personal_by_any_way(
    database: Database, tmp_path: Path, way: NoticeWay, capfd: pytest.CaptureFixture[str]
) -> None:
    with person_site_on(database, tmp_path / "var") as person_site:
        tell_everything(person_site)
        keys, now = person_site.keys, person_site.time()
        address = {NoticeWay.EMAIL: MAIL, NoticeWay.SIGNAL: PHONE}.get(way, "")
        how = {"channel": way, "address": address, "may_say_who": True, "may_leave_message": True, "good_times": ""}
        if way is NoticeWay.TELEGRAM:
            how["chat"] = CHAT
        person = [kind for kind, row in KINDS.items() if Recipient.PERSON in row.recipients]
        with database.begin() as session:
            case_id = session.scalars(sa.select(Case.id)).one()
            recipients.set_person_notices(session, keys, case_id, how, zone="Europe/Warsaw", language="ru")
            centre = session.scalars(sa.select(Organisation.id).where(Organisation.slug == CENTRE)).one()
            wanted = NoticeSettings(address="intake@example.org")
            recipients.save_notice_settings(session, keys, centre, wanted, zone="Europe/Warsaw", version=0, now=now)
            for kind, row in KINDS.items():
                if Recipient.ORGANISATION in row.recipients:
                    messaging.queue(session, kind, about_id=case_id, organisation_id=centre, now=now)
        mail, other = Kept(), Kept()
        post = DeliveryContext(
            mail,
            keys,
            "https://pristan.example",
            load_packs(),
            others={way: other} if way is not NoticeWay.EMAIL else {},
        )
        for kind in person:  # one at a time waits
            with database.begin() as session:
                messaging.notify_person(session, kind, about_id=case_id, case_id=case_id, now=now)
            notice_delivery.send_due(database, post, now, 100)
    words = "\n".join(mail.words + other.words)
    told = mail.words if way is NoticeWay.EMAIL else other.words
    assert sum(line.startswith("case:") for line in told) == len(person)
    assert "organisation:" in words
    output = capfd.readouterr()
    assert found((words + output.out + output.err).encode()) == set()
    assert not [one for one in (CHAT, PHONE, MAIL) if one in words + output.out + output.err]
