"""`pristan partner` from a terminal, against the real API: the whole way of one referral, and what goes wrong on it."""

import csv
import io
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from app.cases.models import CaseNeed
from app.cli import partner, partner_output, partner_session
from app.client import CannotReach, PartnerClient, forwarding, profile
from app.client.decryption import base64url
from app.core.sealing import PUBLIC_KEY_BYTES
from app.referrals.models import Referral
from tests.support import hostile_files
from tests.support.partners import MINE, OTHER, Network
from tests.support.serving import BASE, SyncTransport


class Terminal:
    """Runs commands; the line to the service can be cut before or after the answer."""

    def __init__(self, network: Network, place: Path) -> None:
        self.network = network
        self.place = place
        self.broken = ""

    def __call__(self, *words: str, exit_code: int = 0, **rest: Any) -> Result:
        result = CliRunner().invoke(partner.partner_app, list(words), **rest)
        assert result.exit_code == exit_code, (result.output, result.exception)
        return result

    def transport(self) -> httpx.BaseTransport:
        through, terminal = SyncTransport(self.network.http), self

        class Line(httpx.BaseTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                acts = "/actions/" in str(request.url)
                if terminal.broken == "before" and acts:
                    raise httpx.ConnectError("cut")
                answer = through.handle_request(request)
                if terminal.broken == "after" and acts:
                    raise httpx.ReadError("cut")
                return answer

        return Line()

    def log_in(self, organisation: str) -> None:
        clients = [program for program in self.network.clients.values() if program.organisation]
        document = {
            "base_url": BASE,
            "clients": [
                {
                    "organisation": program.organisation,
                    "client_id": program.client_id,
                    "client_secret": program.secret,
                    "scopes": [],
                    "private_key": base64url(program.pair.seed),
                }
                for program in clients
            ],
            "desk": [],
        }
        file = self.place / "demo.json"
        file.write_text(json.dumps(document))
        self("login", "--demo", str(file), "--organisation", organisation)


def sitting_at(network: Network, place: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    """A terminal whose commands reach this network, with an empty folder for what they keep."""
    monkeypatch.setenv("PRISTAN_CONFIG", str(place / "config"))
    found = Terminal(network, place)
    http = httpx.Client(transport=found.transport())
    monkeypatch.setattr(
        partner_session, "PartnerClient", partial(PartnerClient, http=http, sleep=lambda _seconds: None)
    )
    yield found
    http.close()


@pytest.fixture
def terminal(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    yield from sitting_at(network, tmp_path, monkeypatch)


@pytest.fixture
def at_work(terminal: Terminal) -> Terminal:
    terminal.log_in(MINE)
    return terminal


def test_the_whole_way_of_a_referral(at_work: Terminal):
    referral = at_work.network.offer(story="Меня вызвали на допрос", call_me="Анна")
    pulled = json.loads(at_work("pull", "--json").stdout)
    label = pulled["label"]
    assert (pulled["id"], pulled["state"]) == (referral, "offered")
    assert label in at_work("pull").stdout
    assert "Анна" not in at_work("show", label).stdout
    for command in (["acknowledge", label], ["accept", label], ["start", referral]):
        at_work(*command)
    shown = at_work("show", label).stdout
    assert "Анна" in shown
    assert "Меня вызвали на допрос" in shown
    opened = json.loads(at_work("show", label, "--json").stdout)["opened"]
    assert {part["part"] for part in opened} == {"contact", "story", "happened"}
    assert "completed" in at_work("complete", label, "--outcome", "advised").stdout
    states = [json.loads(line)["data"]["state"] for line in at_work("listen", "--once", "--json").stdout.splitlines()]
    assert states == ["offered", "acknowledged", "accepted", "in_progress", "completed"]
    assert at_work("listen", "--once").stdout == ""
    assert profile.load().pending == {}


def test_a_refusal_needs_its_reason(at_work: Terminal):
    referral = at_work.network.offer()
    at_work("decline", referral, exit_code=2)
    refused = at_work("decline", referral, "--reason", "bad mood", exit_code=1)
    assert "no_capacity" in refused.stderr
    at_work("decline", referral, "--reason", "no_capacity")
    gone = at_work("accept", referral, exit_code=5)
    assert "declined" in gone.stderr


def test_any_other_step_by_its_name(at_work: Terminal):
    referral = at_work.network.offer()
    at_work("act", referral, "waitlist", "--until", "2026-12-24")
    assert at_work.network.get(f"/v1/referrals/{referral}").json()["review_on"] == "2026-12-24"


@pytest.mark.parametrize("cut", ["before", "after"])
def test_an_act_cut_off_in_the_middle_is_done_once_when_it_is_run_again(at_work: Terminal, cut):
    referral = at_work.network.offer()
    at_work.broken = cut
    first = at_work("accept", referral, exit_code=6)
    assert "Run the same command again" in first.stderr
    assert len(profile.load().pending) == 1
    at_work.broken = ""
    assert "accepted" in at_work("accept", referral).stdout
    assert profile.load().pending == {}
    assert at_work.network.get(f"/v1/referrals/{referral}").json()["version"] == 3


def test_without_the_right_key_nothing_opens(at_work: Terminal):
    referral = at_work.network.offer()
    at_work("accept", referral)
    mine = profile.load()
    mine.private_key = base64url(at_work.network.clients[OTHER].pair.seed)
    profile.save(mine)
    at_work("show", referral, exit_code=7)
    mine.private_key = ""
    profile.save(mine)
    assert "no private key on this machine" in at_work("show", referral).stderr


def test_a_new_key_keeps_the_old_one(at_work: Terminal):
    referral = at_work.network.offer()
    at_work("accept", referral)
    at_work("keygen", exit_code=2)
    public = at_work("keygen", "--replace").stdout.strip()
    assert len(public) == -(-PUBLIC_KEY_BYTES * 8 // 6)
    assert "Анна" in at_work("show", referral).stdout


def test_a_table_for_a_spreadsheet(at_work: Terminal, tmp_path: Path):
    at_work.network.offer()
    rows = list(csv.DictReader(io.StringIO(at_work("export").stdout)))
    assert [(row["state"], row["needs"]) for row in rows] == [("offered", "asylum")]
    at_work("export", "--format", "jsonl", "--out", str(tmp_path / "out"))
    assert json.loads((tmp_path / "out").read_text())["state"] == "offered"


def test_what_is_typed_wrong_ends_with_a_word_and_a_code(terminal: Terminal, tmp_path: Path):
    assert "not logged in" in terminal("pull", exit_code=2).stderr
    terminal("login", "--demo", str(tmp_path / "nowhere"), "--organisation", MINE, exit_code=2)
    terminal.log_in(MINE)
    terminal("show", "00000000-0000-4000-8000-000000000000", exit_code=4)
    terminal("show", "R-NOT-HERE", exit_code=4)
    terminal("pull", "--state", "lost", exit_code=1)
    mine = profile.load()
    mine.client_secret = "wrong"
    profile.save(mine)
    terminal("pull", exit_code=3)


def test_logging_in_by_hand(terminal: Terminal):
    program = terminal.network.clients[MINE]
    words = ["login", "--base-url", BASE, "--client-id", program.client_id]
    terminal(*words, env={"PRISTAN_CLIENT_SECRET": "wrong"}, exit_code=3)
    terminal(*words, env={"PRISTAN_CLIENT_SECRET": program.secret})
    assert terminal("pull").stdout == "No referrals.\n"


def test_words_of_others_do_not_steer_the_terminal():
    assert "\x1b" not in partner_output.without_control_characters("a\x1b[2Jb\x07\u202e")
    assert partner_output.without_control_characters("Анна\nქართული") == "Анна\nქართული"


def test_documents_become_files_that_only_the_user_can_read_and_replace_none(
    at_work: Terminal, network: Network
) -> None:
    from tests.api.test_partner_api_documents import PAGES, accepted, audited

    referral, folder = accepted(network), at_work.place / "letters"
    label = network.get(f"/v1/referrals/{referral}").json()["label"]
    shown = at_work("show", label, "--files", str(folder)).stdout
    assert f"Files written to {folder}: 7" in shown
    files = sorted(folder.iterdir())
    assert [file.read_bytes() for file in files] == PAGES
    assert [file.name[-12:] for file in files] == [f"-page-{number:02}.jpg" for number in range(1, 8)]
    assert all(file.name.startswith(f"{label}-") for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    opened = len(audited(network))
    assert json.loads(at_work("show", label, "--json", "--files", str(folder)).stdout)["files"] == []
    assert len(audited(network)) == opened  # a document whose files are all there is not asked for again
    files[0].unlink()
    files[0].symlink_to(at_work.place / "elsewhere")
    files[1].write_bytes(b"mine")
    files[2].unlink()
    again = json.loads(at_work("show", label, "--json", "--files", str(folder)).stdout)
    assert again["files"] == [str(files[2])]
    assert (files[1].read_bytes(), (at_work.place / "elsewhere").exists()) == (b"mine", False)
    at_work("show", label, "--files", str(files[1]), exit_code=1)
    assert "document" not in json.loads(at_work("show", label, "--json").stdout)


@pytest.mark.parametrize("identity", ["../x", "a/b", "..", "", "\x00"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, identity: str) -> None:
    from app.cli import partner_files
    from app.core.sealing import CannotOpen

    with pytest.raises(CannotOpen):
        partner_files.page_files(tmp_path, "R-7KX-29QM", {"id": identity, "pages": 1})


def test_the_conversation_with_the_team_is_read_and_written(at_work: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    referral = at_work.network.offer()
    assert at_work("messages", referral).stdout == "No messages.\n"
    at_work("messages", referral, "--write", input=" \n", exit_code=2)
    send, cut = PartnerClient.write, []

    def broken(client: PartnerClient, *words: Any, **more: Any) -> int:
        seq = send(client, *words, **more)
        if not cut:
            cut.append(seq)
            raise CannotReach("cut")
        return seq

    monkeypatch.setattr(PartnerClient, "write", broken)
    text = "Первая строка\n\x1b[2Jвторая"
    at_work("messages", referral, "--write", input=text, exit_code=6)
    stored = profile.path().read_text(encoding="utf-8")
    assert "строка" not in stored, "what was typed is not kept"
    assert "Message 1 was sent." in at_work("messages", referral, "--write", input=text).stdout
    assert profile.load().pending == {}
    (line,) = at_work("messages", referral, "--json").stdout.splitlines()
    assert (json.loads(line)["author"], json.loads(line)["text"]) == ("partner", text)
    shown = at_work("messages", referral).stdout
    assert "  Первая строка\n" in shown
    assert "\x1b" not in shown
    at_work("keygen", "--replace")
    assert "Первая строка" in at_work("messages", referral).stdout, "an older key still opens it"
    mine = profile.load()
    mine.private_key, mine.old_keys = "", []
    profile.save(mine)
    at_work("messages", referral, exit_code=7)


def test_events_are_forwarded_to_a_program_on_the_same_machine(at_work: Terminal, monkeypatch: pytest.MonkeyPatch):
    received: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        received.append(request)
        return httpx.Response(204)

    made = partial(forwarding.Forwarder, http=httpx.Client(transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(partner, "Forwarder", made)
    at_work.network.offer()
    told = at_work("listen", "--once", "--forward", "http://127.0.0.1:9000/hook")
    assert [request.url.path for request in received] == ["/hook"]
    assert json.loads(received[0].content)["type"] == "org.pristan.referral.offered"
    assert "whsec_" in told.stderr
    assert at_work("listen", "--once", "--forward", "http://centre.example/hook", exit_code=2).stdout == ""


def test_a_document_is_sent_once_listed_taken_back_and_asked_for(
    at_work: Terminal, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    referral, file = network.offer(), at_work.place / "translation.jpg"
    file.write_bytes(hostile_files.telling_photo())
    at_work("documents", "send", referral, str(file), exit_code=5)
    at_work("documents", "ask", referral, exit_code=5)
    at_work("accept", referral)
    assert at_work("documents", "list", referral).stdout == "No documents.\n"
    send, cut = PartnerClient.send_document, []

    def broken(client: PartnerClient, *words: Any, **more: Any) -> str:
        identity = send(client, *words, **more)
        if not cut:
            cut.append(identity)
            raise CannotReach("cut")
        return identity

    monkeypatch.setattr(PartnerClient, "send_document", broken)
    at_work("documents", "send", referral, str(file), exit_code=6)
    assert json.loads(at_work("documents", "send", referral, str(file), "--json").stdout) == {"id": cut[0]}
    assert profile.load().pending == {}
    (listed,) = at_work("documents", "list", referral, "--json").stdout.splitlines()
    assert (json.loads(listed)["id"], json.loads(listed)["author"]) == (cut[0], "partner")
    assert "partner    1 page\n" in at_work("documents", "list", referral).stdout
    folder = at_work.place / "pages"
    at_work("show", referral, "--files", str(folder))
    assert len(list(folder.iterdir())) == 1
    at_work("documents", "take-back", referral, cut[0])
    at_work("documents", "take-back", referral, cut[0], exit_code=4)
    at_work("documents", "take-back", referral, "translation.jpg", exit_code=2)
    assert at_work("documents", "list", referral).stdout == "No documents.\n"
    assert "photos of a letter" in at_work("documents", "ask", referral).stdout
    label = network.get(f"/v1/referrals/{referral}").json()["label"]
    at_work("documents", "send", label.lower(), "-", input=hostile_files.telling_photo("PNG"))
    at_work.log_in(OTHER)
    for words in (
        ["send", referral, str(file)],
        ["list", referral],
        ["take-back", referral, cut[0]],
        ["ask", referral],
    ):
        at_work("documents", *words, exit_code=4)


def test_what_is_no_document_is_not_sent_and_the_command_says_why(at_work: Terminal, network: Network) -> None:
    referral, file = network.offer(), at_work.place / "letter.pdf"
    at_work("accept", referral)
    assert "there is no such file" in at_work("documents", "send", referral, str(file), exit_code=2).stderr
    assert "a folder" in at_work("documents", "send", referral, str(at_work.place), exit_code=2).stderr
    for content, code, why in (
        (b"", 2, "it is empty"),
        (b"MZ" + bytes(40), 1, "not a photo"),
        (hostile_files.encrypted_pdf(), 1, "password"),
        (bytes(20 * 1024 * 1024 + 1), 2, "larger than 20 MB"),
    ):
        file.write_bytes(content)
        told = at_work("documents", "send", referral, str(file), exit_code=code)
        assert why in told.stderr, told.stderr
        assert profile.load().pending == {}
    assert at_work("documents", "list", referral).stdout == "No documents.\n"
    file.write_bytes(hostile_files.one_page(b"(x)"))
    mine = profile.load()
    mine.private_key, mine.old_keys = "", []
    profile.save(mine)
    assert "pristan partner keygen" in at_work("documents", "send", referral, str(file), exit_code=7).stderr


def test_each_need_gets_its_outcome_and_a_question_its_code(at_work: Terminal, network: Network) -> None:
    referral = network.offer(needs=["asylum", "appeals"])
    at_work("act", referral, "ask_info", "--question", "letter_date")
    assert network.get(f"/v1/referrals/{referral}").json()["question"] == "letter_date"
    other = network.offer(needs=["asylum", "appeals"])
    at_work("accept", other)
    for wrong in ("appeals", "=advised", "appeals=", "appeals=a=b"):
        at_work("complete", other, "--outcome", "advised", "--outcome-of", wrong, exit_code=1 if "a=b" in wrong else 2)
    twice = ["--outcome-of", "appeals=advised", "--outcome-of", "appeals=represented"]
    at_work("complete", other, "--outcome", "advised", *twice, exit_code=2)
    at_work("complete", other, "--outcome", "represented", "--outcome-of", "appeals=advised")
    with network.database.begin(write=False) as session:
        case = session.get_one(Referral, UUID(other)).case_id
        rows = session.scalars(sa.select(CaseNeed).where(CaseNeed.case_id == case).order_by(CaseNeed.position))
        assert {row.need: row.outcome for row in rows} == {"asylum": "represented", "appeals": "advised"}
