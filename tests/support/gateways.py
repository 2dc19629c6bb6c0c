"""Small HTTP servers on this machine that speak as Signal's gateway and Telegram's Bot API do, and can misbehave."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

TOKEN = "123456:made-up_token"


@dataclass
class FakeGateway:
    """What it was sent, and how it behaves: well, hangs, trickles (an answer without end), cuts, halves (cuts within the answer),
    moves (a redirect), or a status like "503" for everything. Or another answers in its place: a page, refuses (with a page),
    lists (a JSON array), floods (a very long answer).
    """

    address: str = ""
    behaves: str = "well"
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    """Recipient and content of each message that it took."""
    gone: set[str] = field(default_factory=set)
    """Recipients without an account, or who have blocked us."""
    waits: int | None = None
    """How many seconds it asks us to wait: everything is answered with 429."""
    refused: int = 0
    """How often it answered with the status that it is told to answer with."""
    updates: list[dict[str, Any]] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What getUpdates was asked."""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def texts(self) -> list[str]:
        return [str(content.get("message") or content.get("text")) for _to, content in self.sent]

    def written(self, text: str, chat: int = 4242, kind: str = "private", language: str = "ru") -> None:
        """Somebody has written this to the bot."""
        number = 1000 + len(self.updates)
        message = {
            "message_id": number,
            "from": {"id": chat, "is_bot": False, "first_name": "Made Up", "language_code": language},
            "chat": {"id": chat, "type": kind, "first_name": "Made Up"},
            "date": 1_795_000_000,
            "text": text,
        }
        self.updates.append({"update_id": number, "message": message})

    def signal(self, path: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path != "/v2/send":
            return 404, {"error": "not found"}
        if self.waits is not None:
            return 429, {"error": "Rate limited", "challenge_tokens": ["made-up"]}
        (to,) = content["recipients"]
        if to in self.gone:
            return 400, {"error": f'Failed to send (some) messages:\n{to}: Unregistered user "{to}"\n'}
        self.sent.append((to, content))
        return 201, {"timestamp": "1795000000000"}

    def ntfy(self, path: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.sent.append((content.get("topic") or path.strip("/"), content))
        return 200, {"id": "made-up", "event": "message"}

    def telegram(self, path: str, content: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        _, bot, method = path.split("/")
        if bot != f"bot{TOKEN}":
            return _refusal(401, "Unauthorized")
        if self.waits is not None:
            return _refusal(429, "Too Many Requests: retry later", {"retry_after": self.waits})
        if method == "getUpdates":
            self.asked.append(content)
            new = [update for update in self.updates if update["update_id"] >= content["offset"]]
            if not new:
                self.done.wait(content["timeout"])
            return 200, {"ok": True, "result": new}
        to = str(content["chat_id"])
        if to in self.gone:
            return _refusal(403, "Forbidden: bot was blocked by the user")
        self.sent.append((to, content))
        return 200, {"ok": True, "result": {"message_id": len(self.sent)}}


def _refusal(status: int, said: str, parameters: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    more = {"parameters": parameters} if parameters else {}
    return status, {"ok": False, "error_code": status, "description": said, **more}


_INSTEAD: Final[dict[str, tuple[int, bytes, int]]] = {
    "page": (200, b"<!doctype html><title>Sign in to this network</title>", 0),
    "refuses": (403, b"<!doctype html><title>Chat is forbidden here</title>", 0),
    "lists": (200, b'[{"ok": true, "timestamp": "1795000000000"}]', 0),
    "halves": (200, b'{"ok": true, "timesta', 40),
    "floods": (200, b" " * 1_500_000, 0),
}
"""By behaviour: the status, the body, and how many bytes of it are announced and never come."""


@contextmanager
def gateway(kind: str) -> Iterator[FakeGateway]:
    """Runs one: `kind` is "signal", "telegram" or "ntfy"."""
    fake = FakeGateway()
    speaks = {"signal": fake.signal, "telegram": fake.telegram, "ntfy": fake.ntfy}[kind]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_about: object) -> None:
            pass

        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.close_connection = True
            if fake.behaves == "hangs":
                fake.done.wait(20)
                return
            if fake.behaves == "cuts":
                return
            if fake.behaves == "trickles":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not fake.done.wait(0.05):
                    try:
                        self.wfile.write(b"y")
                        self.wfile.flush()
                    except OSError:
                        return
                return
            if fake.behaves in _INSTEAD:
                status, body, more = _INSTEAD[fake.behaves]
                self._answer_with(status, body, {"Content-Type": "text/html"}, more)
            elif fake.behaves == "moves":
                self._answer(302, {}, {"Location": f"{fake.address}/elsewhere"})
            elif fake.behaves.isdigit():
                fake.refused += 1
                self._answer(int(fake.behaves), {"ok": False, "error": "out of order"})
            else:
                self._answer(*speaks(self.path, content))

        def _answer(self, status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> None:
            self._answer_with(
                status, json.dumps(content).encode(), {"Content-Type": "application/json", **(headers or {})}
            )

        def _answer_with(self, status: int, body: bytes, headers: dict[str, str], more: int = 0) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + more))
            self.end_headers()
            with suppress(OSError):  # who asked may have heard enough
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        fake.done.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
